"""Floor 6: a grid of runs with shared features and models, trained on all cores, compared in one report."""

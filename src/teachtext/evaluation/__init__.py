"""Numbers only: ranks, metrics, intervals, score normalisation, noise. Works on arrays and needs no model."""

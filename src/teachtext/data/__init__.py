"""Floor 1: datasets, splits and protocols, the feature store, the playground."""

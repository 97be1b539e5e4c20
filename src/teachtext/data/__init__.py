"""Datasets, splits and protocols, benchmarks, the feature store and batches."""

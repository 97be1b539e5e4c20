"""Text encoders: each turns captions into sentence vectors or token sequences."""

"""Floor 3: video experts and text encoders, their registry, and the pipelines that run them."""

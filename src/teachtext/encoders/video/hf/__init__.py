"""Models of the transformers family as video experts: image towers, video networks, sound models."""

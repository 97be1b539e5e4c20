"""A video file: opened, decoded once, its frames, clips and sound sampled."""

"""The authors' published archives, checkpoints and settings, and comparisons with their recorded numbers."""

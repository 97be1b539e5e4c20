"""What the authors published: archives, checkpoints, recipes, and parity with their numbers."""

"""Readers of pickles and checkpoints that others made: plain data is read, and no code of the file runs."""

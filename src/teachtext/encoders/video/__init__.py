"""Video experts: each turns sampled frames into features."""

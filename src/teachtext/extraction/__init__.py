"""Runs encoders over files: workers, Ray, feature output, and what it costs."""

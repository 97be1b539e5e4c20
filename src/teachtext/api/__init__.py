"""The door for Python: `teachtext.load`, `index`, `run` and the types that they return."""

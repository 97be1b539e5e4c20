"""Floor 2: ranks, metrics and the report. Works on arrays, needs no model."""

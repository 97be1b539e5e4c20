"""Floor 2: what a study found, compared with intervals and tests; tables, pictures and the report of it."""

"""Floor 6: a whole experiment from one config: extract, embed, train teachers and students, test, report."""

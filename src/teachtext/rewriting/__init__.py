"""Several queries from one: writers of queries, the choice among their texts, and the fusion of the answers."""

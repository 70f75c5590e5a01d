"""Feature extractors; reached only through the entry strings of cards."""

"""Data-set readers; reached only through the entry strings of cards."""

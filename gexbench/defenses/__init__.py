"""Defenses; reached only through the entry strings of cards."""

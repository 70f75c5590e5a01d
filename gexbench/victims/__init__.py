"""Victims and how their owners train them; reached only through the entry strings of cards."""

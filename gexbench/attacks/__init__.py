"""Attacks and controls; reached only through the entry strings of cards."""

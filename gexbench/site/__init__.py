"""Boards as a site that opens from a disk: pages of text, numbers and drawings, made from records and cards alone."""

"""Tests of gexbench.site; a folder of that name would hide Python's own module."""

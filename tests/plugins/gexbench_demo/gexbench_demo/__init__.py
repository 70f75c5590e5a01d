"""A plug-in package for gexbench: one attack, one defense."""

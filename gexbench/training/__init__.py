"""Loops, losses and augmentations shared by victims and attacks."""

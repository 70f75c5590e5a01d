"""The victim's process."""

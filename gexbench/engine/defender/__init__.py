"""The defense's process."""

"""The attack's process."""

"""From evidence to numbers."""

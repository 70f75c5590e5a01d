"""What goes between processes."""

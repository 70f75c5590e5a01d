"""What confines a process that runs foreign code."""

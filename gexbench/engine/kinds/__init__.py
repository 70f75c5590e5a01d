"""One file a task kind, and what all kinds share."""

"""Features of image sets: read once, kept by content, in bounded memory."""

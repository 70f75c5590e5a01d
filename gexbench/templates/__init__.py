"""What `gexbench new` writes: working submissions whose names are replaced. Nothing imports them."""

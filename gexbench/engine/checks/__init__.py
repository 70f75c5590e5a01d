"""What `gexbench check` and `gexbench doctor` look at."""

"""What lies on the disk: paths, assets, data sets, weights, and the doors they come in by."""

"""Cards: what the benchmark is made of, as TOML. This folder never imports torch."""

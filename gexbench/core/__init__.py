"""What an attack, a defense, a victim, a metric or a data set meets: contracts, and nothing of the engine."""

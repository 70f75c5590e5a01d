"""Many runs: their plans, what they will cost, and running them here, on Ray or on Slurm."""

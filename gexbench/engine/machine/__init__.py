"""The machine a run is made on: hardware, versions, hashes of code."""

"""How fast flambeau is beside its peers: `python -m benchmarks` from a checkout."""

"""What we claim about speed, as commands that measure us and the peers in one run. `python -m benchmarks --help`."""

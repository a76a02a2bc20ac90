"""The peers' side of the benchmarks. Runs in an environment of its own (benchmarks/requirements.txt); imports nothing of ours."""

"""What a change can reach, and the clusters among it."""

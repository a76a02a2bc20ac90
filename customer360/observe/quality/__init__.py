"""The daily quality report: what sources delivered, what gates made of it, whether systems agree. Counts and shares alone."""

"""What went wrong, who is told, and when it is over: incidents, their dispatcher, freshness."""

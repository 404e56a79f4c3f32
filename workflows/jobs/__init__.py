"""Jobs of a cluster's queue: packed, submitted, run, and brought back."""

"""A study run to its end on this machine, whatever interrupts it, and looked after meanwhile."""

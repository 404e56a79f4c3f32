"""One package an engine, each with the same verbs: check, estimate, write, run, read."""

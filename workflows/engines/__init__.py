"""One module an engine, each with the same four verbs: check, write, run, read."""

"""What is fuzzed: one module a kind of file, each with a list ``TARGETS`` of `Target`.

A target writes its own sound inputs (real files may be added where ``../shared`` is present) and
says how natriface reads them. `benchmarks.fuzz` damages the inputs, reads them again and counts
what comes of it. A new kind of file is one module here; nothing else names it.
"""

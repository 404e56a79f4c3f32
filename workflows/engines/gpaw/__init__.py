"""GPAW: open-source plane-wave PAW, in a process of its own."""

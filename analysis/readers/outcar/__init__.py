"""OUTCAR, for what vasprun.xml leaves out and where it is absent."""

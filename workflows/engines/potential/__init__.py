"""Machine-learned potentials, and every other ASE calculator."""

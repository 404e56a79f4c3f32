"""Machine-learned potentials (`families`), and every other ASE calculator."""

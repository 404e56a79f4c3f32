"""Surface energies of the terminations of phases, and their Wulff shapes."""

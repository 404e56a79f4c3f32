"""The INCAR: which tags are known, their values for each species, what contradicts what."""

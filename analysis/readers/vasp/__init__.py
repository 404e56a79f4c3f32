"""A folder of VASP output, its files held against each other."""

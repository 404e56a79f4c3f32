"""A folder of LOBSTER output, its files held against each other."""

"""Crystal in, crystal out: phases, orderings, dopants, slabs, matches and interfaces."""

"""What `ase.Atoms` tags mean here; 0 is an atom of a bulk crystal or of a lone slab."""

SUBSTRATE_TAG = 1
"""Atoms of the substrate of an interface."""

FILM_TAG = 2
"""Atoms of the film of an interface."""

DOPANT_TAG = 3
"""Dopant atoms, on whichever side they sit."""

ADATOM_TAG = 4
"""Atoms put on a surface."""

"""Terminations, slabs and the sites of adatoms on them."""

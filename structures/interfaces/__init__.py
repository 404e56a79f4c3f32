"""Lattice matches, registries and interfaces of two slabs."""

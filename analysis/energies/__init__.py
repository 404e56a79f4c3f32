"""Energies of interfaces and adatoms."""

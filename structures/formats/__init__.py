"""Crystals in files: CIF and POSCAR, packed or not, every name and number certain or refused."""

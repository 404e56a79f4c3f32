"""Bonds, covalent units, formal charges and radii."""

"""Bonds: pairs, COHP by projection, tetrahedra before and after contact."""

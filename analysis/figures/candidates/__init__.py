"""Figures of candidates by several criteria at once."""

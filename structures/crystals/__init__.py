"""Phases, orderings, dopants and sites of bulk crystals."""

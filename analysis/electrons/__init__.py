"""Densities of states, band centers and the electron localization function."""

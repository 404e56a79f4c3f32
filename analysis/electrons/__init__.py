"""Densities of states, band centers, the localization function, levels and their offsets."""

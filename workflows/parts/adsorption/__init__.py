"""Adsorption energies and energy maps of adatoms: their steps and report section."""

"""Bonds, band centers and ELF of crystals: their steps and report section."""

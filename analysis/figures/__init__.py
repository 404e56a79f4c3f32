"""Figures and pictures, in one style."""

"""Measurements of candidates in, a ranking and how far it holds out."""

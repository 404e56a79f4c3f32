"""Barriers of a band, and rates from them."""

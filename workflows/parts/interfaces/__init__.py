"""Interfaces of films on substrates: their steps, and what the report says of them."""

"""Hops of an ion and the images along them."""

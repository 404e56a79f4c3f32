"""Bytes of an output file, plain or packed, and the columns of numbers in them."""

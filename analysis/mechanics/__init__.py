"""Elastic tensors and moduli."""

"""Samples in, a verdict on a claim out."""

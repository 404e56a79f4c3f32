"""Readers of calculation outputs; each turns files into a `Result`."""

"""Slabs and surfaces as studies ask for them, shared by the parts."""

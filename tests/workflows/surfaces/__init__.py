"""Tests of slabs as studies ask for them."""

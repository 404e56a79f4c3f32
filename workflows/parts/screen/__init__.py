"""Screening: spaces of choices of interfaces, narrowed stage by stage to the best of each pair."""

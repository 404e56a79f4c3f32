"""A part that natriface does not have: how heavy crystals are when they are compressed."""

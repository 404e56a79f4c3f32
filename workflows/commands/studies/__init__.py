"""Commands on studies that run in stages, and what they share with `run`, `submit` and `report`."""

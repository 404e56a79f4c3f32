"""The analyses of `natriface analyze` that have a module of their own."""

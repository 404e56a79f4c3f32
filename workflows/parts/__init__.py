"""The parts a study may have: for each a request, and the steps that answer it."""

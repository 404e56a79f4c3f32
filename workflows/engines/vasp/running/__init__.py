"""VASP run through custodian: attempts, corrections, and going on from what is left."""

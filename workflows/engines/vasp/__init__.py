"""VASP, and LOBSTER after it: inputs by protocol, run through custodian, read whatever is left."""

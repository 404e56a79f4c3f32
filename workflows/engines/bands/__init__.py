"""The nudged elastic band on any engine that gives energies and forces."""

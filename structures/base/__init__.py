"""What every room uses: errors, units, files, bounds on work, and the crystal as `ase.Atoms`."""

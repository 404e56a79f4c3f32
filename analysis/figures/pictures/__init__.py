"""Pictures of atoms: shaded balls, bonds and tetrahedra, drawn as vectors."""

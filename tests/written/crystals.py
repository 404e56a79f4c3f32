"""Crystals as text."""

from __future__ import annotations

from io import StringIO

import numpy as np
from ase import Atoms
from ase.cell import Cell
from ase.io.vasp import write_vasp
from pymatgen.core.operations import SymmOp

from natriface.structures.base.symmetry import database_operations
from natriface.structures.crystals.phases import Phase


def poscar(atoms: Atoms) -> str:
    """A POSCAR, the atoms in their order."""
    text = StringIO()
    write_vasp(text, atoms, direct=True, sort=False)
    return text.getvalue()


def cif(phase: Phase) -> str:
    """A phase as a CIF: its setting's operations and its asymmetric unit."""
    lines = ["data_phase"]
    names = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    lines += [
        f"_cell_{name} {value:.8f}"
        for name, value in zip(names, Cell(phase.cell).cellpar(), strict=True)
    ]
    lines += ["loop_", "_symmetry_equiv_pos_as_xyz"]
    assert phase.hall_number is not None
    found = database_operations(phase.hall_number)
    for rotation, translation in zip(found.rotations, found.translations, strict=True):
        operation = SymmOp.from_rotation_and_translation(rotation, translation)
        lines.append(f"'{operation.as_xyz_str()}'")
    columns = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy")
    lines += ["loop_", *(f"_atom_site_{column}" for column in columns)]
    for index, site in enumerate(phase.sites):
        first = phase.scaled_positions[int(np.argmax(phase.site_indices == index))]
        at = " ".join(f"{x:.8f}" for x in first)
        lines += [f"{site.label} {e} {at} {share:.6f}" for e, share in site.occupancy.items()]
    return "\n".join(lines) + "\n"

"""Crystals as the parts of a study ask for them: ordered, in their cell, doped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from ase import Atoms

from natriface.structures.base.bounds import require_supercell
from natriface.structures.base.errors import StructureError
from natriface.structures.base.symmetry import reduce_to_primitive
from natriface.structures.crystals.doping import dope
from natriface.structures.crystals.ordering import ordered_phase, rank_orderings
from natriface.structures.crystals.phases import Phase, load_phase
from natriface.workflows.surfaces.crystal_request import AskedCrystal, CrystalDopant


def crystal_as_asked(
    label: str, asked: AskedCrystal, root: Path, scale: float = 1.0
) -> tuple[Phase, Atoms, str | None]:
    """A crystal as asked for: its phase, its atoms, and its doping in words.

    Parameters
    ----------
    scale
        Factor on all lengths.

    Raises
    ------
    StructureError
        Naming the crystal.
    """
    try:
        phase = load_phase(asked.phase, root)
        if not phase.is_ordered:
            phase = ordered(phase, asked.ordering, asked.charges)
        atoms = phase.atoms
        if asked.cell == "primitive":
            atoms = primitive(atoms)
        require_supercell(len(atoms), asked.repeats)
        atoms = atoms.repeat(asked.repeats)
        if scale != 1.0:  # that would round, and the crystal be another one than a part's beside it
            atoms.set_cell(scale * np.asarray(atoms.cell), scale_atoms=True)
        doping = None
        if asked.dopant is not None:
            atoms, doping = _doped(atoms, asked.dopant, asked.charges)
    except StructureError as error:
        raise StructureError(f"crystal {label}: {error}") from None
    return phase, atoms, doping


def ordered(phase: Phase, number: int, charges: Mapping[str, float] | None) -> Phase:
    """A disordered phase in one of its orderings, 1 the lowest in electrostatic energy.

    Raises
    ------
    StructureError
        If it has not so many.
    """
    orderings = rank_orderings(phase, best=number, charges=charges)
    if len(orderings) < number:
        raise StructureError(f"{phase.name} has only {len(orderings)} orderings")
    return ordered_phase(phase, orderings[number - 1])


def primitive(atoms: Atoms) -> Atoms:
    """The crystal in its primitive cell."""
    cell, scaled, mapping = reduce_to_primitive(
        atoms.cell, atoms.get_scaled_positions(), atoms.numbers
    )
    numbers = atoms.numbers[np.unique(mapping, return_index=True)[1]]
    return Atoms(numbers, scaled_positions=scaled, cell=cell, pbc=True)


def _doped(
    atoms: Atoms, dopant: CrystalDopant, charges: Mapping[str, float] | None
) -> tuple[Atoms, str]:
    found = dope(
        atoms,
        dopant.replaces,
        dopant.element,
        dopant.number,
        dopant.coordinated_to,
        dopant.compensation,
        keep_centre=dopant.keep_centre,
        best=dopant.rank,
        charges=charges,
    )
    if len(found) < dopant.rank:
        raise StructureError(
            f"rank {dopant.rank} is asked for; there are {len(found)} distinct arrangements"
        )
    chosen = found[dopant.rank - 1]
    return chosen.atoms, chosen.description

"""Cells of crystals whose PBE cells the library has, as a potential relaxes them."""

from __future__ import annotations

from typing import Any

import numpy as np
from ase import Atoms

from benchmarks.refereeing.energies import Energies
from natriface.structures.crystals.phases import load_phase, phase_names
from natriface.structures.surfaces.slabs import Crystal

MAX_ATOMS = 40


def primitive_cell(name: str) -> Atoms:
    """The library's crystal in its primitive cell."""
    crystal = Crystal.from_atoms(load_phase(name).atoms)
    return Atoms(
        crystal.numbers, scaled_positions=crystal.fractional, cell=crystal.lattice, pbc=True
    )


def crystal_errors(energies: Energies) -> dict[str, Any] | None:
    """Relative errors of the mean length (the cube root of the volume) over the library's phases.

    Of grade DFT, all PBE, up to `MAX_ATOMS` atoms a primitive cell; ``None`` where none is known.
    """
    found: dict[str, float] = {}
    for name in phase_names():
        if load_phase(name).grade != "DFT":
            continue
        atoms = primitive_cell(name)
        relaxed = energies.relaxed_cell(atoms, name) if len(atoms) <= MAX_ATOMS else None
        if relaxed is not None:
            ratio = relaxed.final_atoms().get_volume() / atoms.get_volume()
            found[name] = float(np.cbrt(ratio) - 1)
    if not found:
        return None
    worst = max(found, key=lambda name: abs(found[name]))
    return {
        "n": len(found),
        "signed": float(np.mean(list(found.values()))),
        "absolute": float(np.mean(np.abs(list(found.values())))),
        "worst": found[worst],
        "worst_sample": worst,
        "crystals": found,
    }

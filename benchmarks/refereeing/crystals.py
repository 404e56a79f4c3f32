"""Crystals as a potential relaxes them, and surfaces that natriface's own builder cuts of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
from ase import Atoms

from benchmarks.refereeing.energies import SLAB_EV_PER_ANGSTROM, Energies
from natriface.analysis.energies.surface_energy import surface_energy
from natriface.structures.crystals.phases import load_phase, phase_names
from natriface.structures.surfaces.slabs import Crystal, build_slab, find_terminations

MAX_ATOMS = 40
VACUUM_ANGSTROM = 15.0
LI = "0.144 to 0.240 by functional; Li et al., Phys. Rev. B 76, 075401 (2007)"
BRUNO = "0.330; Bruno et al., Cryst. Growth Des. 9, 1912 (2009), CRYSTAL"
XIE = "Xie et al., Adv. Energy Mater. (2023), PBE"
BUILT = {
    "NaF(100)": (7, ""),
    "NaF(110)": (7, ""),
    "NaCl(100)": (7, LI),
    "NaCl(110)": (7, BRUNO),
    "Na(100)": (7, ""),
    "Na(110)": (7, ""),
    "NZSP(-111)": (2, f"0.73; {XIE}"),
    "NZSP(100)": (2, f"0.86; {XIE}"),
    "NZSP(110)": (2, f"0.96; {XIE}"),
}
"""Surface -> layers of the slab built of it, and what others computed, relaxed, in J/m2."""


def primitive_cell(atoms: Atoms) -> Atoms:
    """A crystal in its primitive cell."""
    crystal = Crystal.from_atoms(atoms)
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
        atoms = primitive_cell(load_phase(name).atoms)
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


def built_surfaces(energies: Energies, names: Iterable[str] = tuple(BUILT)) -> dict[str, float]:
    """Energies of the surfaces of `BUILT`, J/m2: slabs relaxed, crystals with their cells.

    The lowest over the terminations with two equal faces; a surface of which one is not known is
    left out.
    """
    found: dict[str, float] = {}
    for name in names:
        phase, _, plane = name.rstrip(")").partition("(")
        # the cell as the library has it: planes are counted in it
        crystal = energies.relaxed_cell(load_phase(phase).atoms, phase)
        if crystal is None:
            continue
        first, second, third = (int(index) for index in re.findall(r"-?\d", plane))
        slabs = [
            build_slab(termination, layers=BUILT[name][0], vacuum_angstrom=VACUUM_ANGSTROM).atoms
            for termination in find_terminations(crystal.final_atoms(), (first, second, third))
            if termination.symmetric
        ]
        relaxed = [energies.relaxed(slab, name, SLAB_EV_PER_ANGSTROM) for slab in slabs]
        known = [surface_energy(r, crystal).value_j_per_m2 for r in relaxed if r is not None]
        if known and len(known) == len(slabs):
            found[name] = min(known)
    return found

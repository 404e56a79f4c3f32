"""What an expert would ask of a DFT step before it runs: spin, U, dispersion, k-points."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from natriface.analysis.results.wording import listed
from natriface.structures.chemistry.bonded_layers import bonded_layers
from natriface.structures.chemistry.formal_charges import is_metal
from natriface.workflows.engines.kpoints import vacuum_axes
from natriface.workflows.engines.magnetism import (
    HUBBARD_U_EV,
    has_odd_electrons,
    open_shells,
    parts_of,
)

LEAST_GAP_ANGSTROM = 1.8
"""Between the atomic planes of a slab where two layers could end: cheaper to see than bonds."""
COARSE_PER_ANGSTROM, NARROW_EV = 0.2, 0.1
"""Spacing of k-points above, and width of the smearing below which a metal's slab is told of; see
docs/convergence.md."""

_SET_SPIN = (
    "set magnetism: auto for every kind of step (in the study, settings: {all: {magnetism: auto}}; "
    "ENGINE.all where the study's own engine is another)"
)


@dataclass(frozen=True)
class Electrons:
    """How a step treats its electrons.

    Attributes
    ----------
    hubbard
        Elements with a U.
    smearing_ev
        None where it is none of a width, such as tetrahedra.
    """

    charge_e: float
    spin: bool
    hubbard: Collection[str]
    dispersion: bool
    kpoint_spacing_per_angstrom: float
    smearing_ev: float | None


def cautions(atoms: Atoms, electrons: Electrons) -> Iterator[str]:
    """A sentence for each thing that a reader would want a key for."""
    shells = open_shells(atoms)
    if shells and not electrons.spin:
        yield f"{listed(shells)} may have open d or f shells, and there is no spin; {_SET_SPIN}"
    elif not electrons.spin and has_odd_electrons(atoms, electrons.charge_e):
        yield f"an odd number of electrons in no metal, and no spin; {_SET_SPIN}"
    present = set(atoms.get_chemical_symbols())
    without = [x for x in shells if x in HUBBARD_U_EV and x not in electrons.hubbard]
    if without and present & {"O", "F"}:
        values = ", ".join(f"{x}: {HUBBARD_U_EV[x]:g}" for x in without)
        yield (
            f"d shells of {listed(without)} beside O or F without U; set hubbard_u_ev: "
            f"{{{values}}}, the Materials Project's, or zero to say that none is meant"
        )
    if not electrons.dispersion and any(_is_layered(part) for part in parts_of(atoms)):
        yield (
            "layers that no bonds join, which PBE does not hold together, and no dispersion; set "
            "dispersion: d3bj"
        )
    yield from _of_metals(atoms, electrons)


def gathered(found: Mapping[str, Sequence[str]]) -> list[str]:
    """Each text with the first step it holds for, and how many more."""
    return [
        f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}: {text}"
        for text, names in found.items()
    ]


def _is_layered(atoms: Atoms) -> bool:
    """Whether it is a crystal of layers, or two or more of them."""
    if not any(vacuum_axes(atoms)):
        return bonded_layers(atoms) > 0
    heights = np.sort((atoms.get_scaled_positions()[:, 2] % 1.0) * atoms.cell.lengths()[2])
    gaps = np.diff(heights, append=heights[0] + atoms.cell.lengths()[2])
    return bool((gaps > LEAST_GAP_ANGSTROM).sum() > 1) and bonded_layers(atoms) > 1


def _of_metals(atoms: Atoms, electrons: Electrons) -> Iterator[str]:
    """Slabs of metals alone and metal films; crystals have the same spacing and are finer."""
    width, spacing = electrons.smearing_ev, electrons.kpoint_spacing_per_angstrom
    if width is None or not any(vacuum_axes(atoms)):
        return
    if spacing <= COARSE_PER_ANGSTROM or width >= NARROW_EV:
        return
    if any(is_metal(set(part.symbols)) for part in parts_of(atoms)):
        yield (
            f"a slab of a metal with k-points {spacing:g} 1/A apart and a smearing of {width:g} "
            "eV: on Na(100) 0.25 1/A and 0.05 eV are off by 0.007 J/m2, a denser mesh by less; "
            "`natriface converge` says by how much here"
        )

"""What it costs to move a ligand of the electrolyte into the film on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from natriface.analysis.energies.starts import SAME_MINIMUM_EV
from natriface.analysis.results.comparability import require_like
from natriface.analysis.results.formulas import Formula
from natriface.analysis.results.result import Result
from natriface.structures.base.atom_tags import both_sides
from natriface.structures.base.errors import AnalysisError
from natriface.structures.chemistry.bonds import bonded_pairs
from natriface.structures.chemistry.polyanions import find_units, formula
from natriface.structures.interfaces.ligand_transfer import moved_ligand

TRANSFER_FORMULA = Formula(
    "ligand transfer energy",
    "E_moved - min(E_unmoved, E_back)",
    "eV",
    symbol="ΔE",
    where="an interface relaxed as it is, with a ligand in its film, and with the ligand put back; "
    "negative where it would go over",
)


@dataclass(frozen=True)
class Held:
    """What holds a ligand, and what it left.

    Attributes
    ----------
    neighbours
        Atoms that touch it: ``Na5``.
    left
        The unit of the centre it was bonded to.
    in_film
        Whether nothing touches it but elements of the film: bonded to P or Zr, it has left it.
    """

    neighbours: str
    left: str
    in_film: bool


@dataclass(frozen=True)
class TransferEnergy:
    """Energy of one event.

    Attributes
    ----------
    energy_ev
        See `TRANSFER_FORMULA`.
    back_ev
        The interface with the ligand put back less the interface before: not zero where film or
        substrate have found another minimum on the way.
    moved_ev
        Of each site that was tried, against the same.
    best
        Which of them counts: the lowest in which the ligand stayed in the film.
    """

    energy_ev: float
    back_ev: float | None
    moved_ev: tuple[float, ...]
    best: int

    @property
    def uncertainty_ev(self) -> float | None:
        """By which the interface itself is not reproduced; None where that was not seen."""
        return None if self.back_ev is None else max(abs(self.back_ev), SAME_MINIMUM_EV)


def held(unmoved: Result, moved: Result) -> Held:
    """What holds the ligand after a relaxation, and what it left.

    Parameters
    ----------
    unmoved
        Of the interface before.
    moved
        Of the interface that it was moved in.
    """
    before, after = unmoved.final_atoms(), moved.final_atoms()
    ligand = moved_ligand(before, moved.initial_atoms())
    bonds, units = find_units(before).bonds, find_units(after)
    centres = bonds.second[bonds.first == ligand]
    lattice = after.cell.complete().array
    scaled = np.linalg.solve(lattice.T, after.positions.T).T
    near = bonded_pairs(lattice, scaled, after.numbers, tuple(map(bool, after.pbc)))
    touching = after.numbers[near.second[near.first == ligand]]
    film = after.numbers[both_sides(after)[1]]
    return Held(
        neighbours=formula(touching),
        left=units.formulas[units.unit_of[centres[0]]] if len(centres) else "",
        in_film=bool(np.isin(touching, film).all()),
    )


def transfer_energy(
    unmoved: Result,
    moved: Sequence[Result],
    back: Result | None = None,
    single_points: Sequence[Result] | None = None,
) -> TransferEnergy:
    """Energy of the lowest site in which the ligand stayed in the film.

    Parameters
    ----------
    unmoved
        The relaxed interface.
    moved
        With the ligand in the film, of each site.
    back
        With the ligand put back; not counted where units are not what they were.
    single_points
        Energies of these geometries by another level of theory, in the same order.

    Raises
    ------
    AnalysisError
        If a calculation is not converged or not made alike, or the ligand stayed in no site.
    """
    results = [unmoved, *moved, *([back] if back else [])]
    counted = results if single_points is None else single_points
    energies = [result.converged_energy_ev() for result in counted]
    require_like(counted)
    stayed = [k for k, each in enumerate(moved) if held(unmoved, each).in_film]
    if not stayed:
        raise AnalysisError(f"{moved[0].label}: the ligand leaves the film again")
    back_ev = None
    if back is not None and _units(back.final_atoms()) == _units(unmoved.final_atoms()):
        back_ev = energies[-1] - energies[0]
    reference = energies[0] + min(back_ev or 0.0, 0.0)
    found = tuple(energy - reference for energy in energies[1 : len(moved) + 1])
    best = min(stayed, key=found.__getitem__)
    return TransferEnergy(found[best], back_ev, found, best)


def _units(atoms: Atoms) -> list[str]:
    return sorted(find_units(atoms).formulas)

"""A rigid scan of an interface: the film at other registries and heights, energies only."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from ase import Atoms
from ase.calculators.calculator import Calculator
from pydantic import BaseModel, ConfigDict, Field, model_validator

from natriface.analysis.results.moves.rigid_scan import RigidScan, ScanPoint
from natriface.structures.base.atom_tags import both_sides
from natriface.structures.base.atoms import select
from natriface.structures.base.errors import EngineError, StructureError
from natriface.structures.base.numbers import Real, Whole
from natriface.structures.base.writing import write_atomically
from natriface.structures.interfaces.restacking import film_gap, slide_film
from natriface.workflows.engines.base import EndedEarlyError, end_requested
from natriface.workflows.engines.checkpoints import load_checkpoint

SCAN_FILE = "scan.json"
MAX_POINTS = 1000


class Scan(BaseModel):
    """What a rigid scan computes: each shift at each height.

    Attributes
    ----------
    shifts
        As `ScanPoint.shift`.
    lifts_angstrom
        As `ScanPoint.lift_angstrom`.
    near
        As `RigidScan.near`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    shifts: tuple[tuple[Real, Real], ...] = Field(min_length=1)
    lifts_angstrom: tuple[Real, ...] = Field(min_length=1)
    near: tuple[tuple[Whole, ...], ...] = ()

    @model_validator(mode="after")
    def _few(self) -> Scan:
        if self.n_points > MAX_POINTS:
            raise ValueError(
                f"{self.n_points:,} shifts and heights, more than {MAX_POINTS:,}: take a wider "
                "spacing of registries or fewer heights"
            )
        return self

    @model_validator(mode="after")
    def _of_the_shifts(self) -> Scan:
        n = len(self.shifts)
        if self.near and (len(self.near) != n or any(not 0 <= k < n for x in self.near for k in x)):
            raise ValueError(f"near must give, for each of the {n} shifts, shifts by number")
        return self

    @property
    def n_points(self) -> int:
        """Structures to be computed, beside the two sides alone."""
        return len(self.shifts) * len(self.lifts_angstrom)


def scan_rigidly(folder: Path, atoms: Atoms, settings: Scan, calculator: Calculator) -> RigidScan:
    """Energies of all points, going on from what an interrupted run has left in the folder.

    Parameters
    ----------
    atoms
        An interface with its sides tagged.

    Raises
    ------
    EngineError
        If the atoms are no interface's, or no point has an energy.
    EndedEarlyError
        If it was asked to end; the next run goes on.
    """
    try:
        alone = both_sides(atoms)
    except StructureError as error:
        raise EngineError(f"a scan needs an interface: {error}") from None
    asked = [(s, lift) for s in settings.shifts for lift in settings.lifts_angstrom]
    known = _resumed(folder)
    made: list[Callable[[], Atoms | None]] = [
        *(partial(_frame, atoms, shift, lift) for shift, lift in asked),
        *(partial(select, atoms, indices.tolist()) for indices in alone),
    ]
    for k in range(len(made)):
        if k in known:
            continue
        frame = made[k]()
        energy = None if frame is None else energy_ev(calculator, frame)
        known[k] = (energy, None if frame is None or k >= len(asked) else film_gap(frame))
        write_atomically(folder / SCAN_FILE, json.dumps(known))
        if end_requested(folder) and len(known) < len(made):
            raise EndedEarlyError(f"asked to end after {len(known)} of {len(made)} points")
    return _scan(asked, known, settings.near)


def energy_ev(calculator: Calculator, atoms: Atoms) -> float | None:
    """Energy, without forces where the calculator can leave them out; ``None`` if not finite."""
    alone = getattr(calculator, "energy_alone", calculator.get_potential_energy)
    energy = float(alone(atoms))
    return energy if math.isfinite(energy) else None


def _frame(atoms: Atoms, shift: tuple[float, float], lift: float) -> Atoms | None:
    try:
        return slide_film(atoms, shift, lift)
    except StructureError:  # atoms overlap
        return None


def _scan(
    asked: Sequence[tuple[tuple[float, float], float]],
    known: dict[int, tuple[float | None, float | None]],
    near: tuple[tuple[int, ...], ...],
) -> RigidScan:
    points = tuple(
        ScanPoint(shift=shift, lift_angstrom=lift, energy_ev=known[k][0], gap_angstrom=known[k][1])
        for k, (shift, lift) in enumerate(asked)
    )
    substrate, film = (known[len(asked) + k][0] for k in range(2))
    if substrate is None or film is None or all(point.energy_ev is None for point in points):
        raise EngineError(
            f"none of the {len(points)} points of the scan has an energy: atoms overlap, or the "
            "potential gives no number; take larger lifts_angstrom, or look at the two slabs"
        )
    return RigidScan(points=points, substrate_ev=substrate, film_ev=film, near=near)


def _resumed(folder: Path) -> dict[int, tuple[float | None, float | None]]:
    """Energies and gaps by point that an interrupted run has left."""
    content = load_checkpoint(folder / SCAN_FILE) or {}
    return {int(k): (energy, gap) for k, (energy, gap) in content.items()}

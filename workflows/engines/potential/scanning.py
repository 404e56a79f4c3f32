"""A rigid scan of an interface: the film at other registries and heights, energies only."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
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
LONE_STEP_ANGSTROM = 0.3
"""By which a shift is followed where one height only is asked for."""


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
    beyond_angstrom
        How far below and above these heights a shift is followed, in steps as wide as theirs at
        that end, while its lowest energy is at the end.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    shifts: tuple[tuple[Real, Real], ...] = Field(min_length=1)
    lifts_angstrom: tuple[Real, ...] = Field(min_length=1)
    near: tuple[tuple[Whole, ...], ...] = ()
    beyond_angstrom: Real = Field(default=0.0, ge=0, le=3)

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

    @property
    def n_expected(self) -> int:
        """Energies that it comes to: where shifts are followed, two more of each as a guess."""
        return self.n_points + 2 + (2 * len(self.shifts) if self.beyond_angstrom else 0)

    def next_lift(self, lifts: Sequence[float], best: float) -> float | None:
        """The next height to try at a shift, A; None where its best lies inside, or at the bound.

        Parameters
        ----------
        lifts
            Those tried there.
        best
            That of the lowest energy.
        """
        asked = sorted(set(self.lifts_angstrom))
        widths = [b - a for a, b in pairwise(asked)] or [LONE_STEP_ANGSTROM]
        for end, first, step in (
            (min(lifts), asked[0], -widths[0]),
            (max(lifts), asked[-1], widths[-1]),
        ):
            further = round(end + step, 6)
            if best == end and abs(further - first) <= self.beyond_angstrom + 1e-9:
                return further
        return None


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
    places = [(s, lift) for s in settings.shifts for lift in settings.lifts_angstrom]
    n_asked = len(places)
    known = _resumed(folder)
    n_resumed = len(known)

    def compute(k: int, make: Callable[[], Atoms | None], *, gap: bool) -> None:
        if k in known:
            return
        if end_requested(folder) and len(known) > n_resumed:
            raise EndedEarlyError(f"asked to end after {len(known)} points")
        frame = make()
        energy = None if frame is None else energy_ev(calculator, frame)
        known[k] = (energy, film_gap(frame) if gap and frame is not None else None)
        write_atomically(folder / SCAN_FILE, json.dumps(known))

    for k, (shift, lift) in enumerate(places):
        compute(k, partial(_frame, atoms, shift, lift), gap=True)
    for side, indices in enumerate(alone):
        compute(n_asked + side, partial(select, atoms, indices.tolist()), gap=False)
    sides = [known[n_asked + side][0] for side in range(len(alone))]

    def points() -> list[ScanPoint]:
        # those followed come after the sides
        keys = [k if k < n_asked else k + len(alone) for k in range(len(places))]
        return [
            ScanPoint(
                shift=shift, lift_angstrom=lift, energy_ev=known[k][0], gap_angstrom=known[k][1]
            )
            for k, (shift, lift) in zip(keys, places, strict=True)
        ]

    while further := _further(points(), settings):
        for shift, lift in further:
            places.append((shift, lift))
            compute(len(places) - 1 + len(alone), partial(_frame, atoms, shift, lift), gap=True)
    return _scan(points(), sides, settings)


def _further(
    points: Sequence[ScanPoint], settings: Scan
) -> list[tuple[tuple[float, float], float]]:
    """Places to try next: beyond the end of the heights of each shift whose best lies there."""
    if not settings.beyond_angstrom:
        return []
    lifts: dict[tuple[float, float], list[float]] = {}
    for point in points:
        lifts.setdefault(point.shift, []).append(point.lift_angstrom)
    scan = RigidScan(points=tuple(points), substrate_ev=0.0, film_ev=0.0)
    found = [
        (shift, settings.next_lift(lifts[shift], best.lift_angstrom))
        for shift, best in scan.best_of_shifts().items()
    ]
    return [(shift, lift) for shift, lift in found if lift is not None]


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


def _scan(points: Sequence[ScanPoint], sides: Sequence[float | None], settings: Scan) -> RigidScan:
    order = {shift: k for k, shift in enumerate(settings.shifts)}
    substrate, film = sides
    if substrate is None or film is None or all(point.energy_ev is None for point in points):
        raise EngineError(
            f"none of the {len(points)} points of the scan has an energy: atoms overlap, or the "
            "potential gives no number; take larger lifts_angstrom, or look at the two slabs"
        )
    by_shift = tuple(sorted(points, key=lambda point: order[point.shift]))
    return RigidScan(points=by_shift, substrate_ev=substrate, film_ev=film, near=settings.near)


def _resumed(folder: Path) -> dict[int, tuple[float | None, float | None]]:
    """Energies and gaps by point that an interrupted run has left."""
    content = load_checkpoint(folder / SCAN_FILE) or {}
    return {int(k): (energy, gap) for k, (energy, gap) in content.items()}

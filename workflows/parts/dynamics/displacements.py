"""How far the atoms of each element and side have gone, and how fast they diffuse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from natriface.analysis.transport.diffusion import (
    Diffusivity,
    MeanSquaredDisplacement,
    diffusive_from,
    diffusivity,
    hop_length,
    mean_squared_displacement,
    paths_of,
)
from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.atom_tags import FILM_TAG, SUBSTRATE_TAG, sides
from natriface.structures.base.errors import AnalysisError
from natriface.workflows.parts.dynamics.records import ContactRecord, RunRecord

DIRECTIONS: dict[str, tuple[int, ...]] = {"in plane": (0, 1), "normal": (2,)}
SIDES = {SUBSTRATE_TAG: ", substrate", FILM_TAG: ", film"}
SAME_PS = 1e-6


@dataclass(frozen=True)
class GroupMotion:
    """Atoms of one element and side, in some directions, over the productions of all runs.

    Attributes
    ----------
    msd_angstrom2, after_ps
        Mean squared displacement after half of the production.
    hop_angstrom
        To the nearest of them.
    diffusivity
        None where `reason` says why.
    status
        ``computed``, ``below a hop`` or ``not computed``.
    """

    group: str
    directions: str
    n_atoms: int
    msd_angstrom2: float | None = None
    after_ps: float | None = None
    hop_angstrom: float | None = None
    diffusivity: Diffusivity | None = None
    status: str = "computed"
    reason: str | None = None

    def document(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


def group_motions(contact: ContactRecord) -> list[GroupMotion]:
    """Of each element and side, in the plane and along the normal."""
    runs = contact.sound
    if not runs:
        return []
    return [
        _motion(name, directions, members, frame_of, runs)
        for name, members, frame_of in _groups(runs[0])
        for directions in DIRECTIONS
    ]


def _groups(run: RunRecord) -> Iterator[tuple[str, IntArray, IntArray]]:
    """Name, atoms, and the atoms whose drift is not theirs: of the same side, others if it can."""
    assert run.start is not None
    side, symbols = sides(run.start), np.array(run.start.get_chemical_symbols())
    for tag in sorted(set(side.tolist())):
        for element in dict.fromkeys(symbols[side == tag].tolist()):
            members = np.flatnonzero((side == tag) & (symbols == element))
            others = np.flatnonzero((side == tag) & (symbols != element))
            name = element + SIDES.get(tag, "")
            yield name, members, others if len(others) else members


def _motion(
    name: str, directions: str, members: IntArray, frame_of: IntArray, runs: Sequence[RunRecord]
) -> GroupMotion:
    found: dict[str, Any] = {"group": name, "directions": directions, "n_atoms": len(members)}
    found["status"] = "not computed"
    try:
        produced = [_production(run) for run in runs]
        paths = [paths_of(frames, members, frame_of) for frames, _ in produced]
        msd = mean_squared_displacement(paths, produced[0][1], DIRECTIONS[directions])
        found |= _at_half(msd)
        hop = found["hop_angstrom"] = hop_length(runs[0].frames[0], members)
        found["status"] = "below a hop"
        diffusive_from(msd, hop)
        found["status"] = "not computed"
        found |= {"diffusivity": diffusivity(msd, hop), "status": "computed"}
    except AnalysisError as error:
        found["reason"] = str(error)
    return GroupMotion(**found)


def _at_half(msd: MeanSquaredDisplacement) -> dict[str, float]:
    k = max(int(np.sum(msd.times_ps <= msd.times_ps[-1] / 2)) - 1, 0)
    return {"msd_angstrom2": float(msd.msd_angstrom2[k]), "after_ps": float(msd.times_ps[k])}


def _production(run: RunRecord) -> tuple[list[Any], float]:
    """The production's frames at one interval, and the interval in ps."""
    assert run.run is not None
    chosen = [k for k, frame in enumerate(run.frames) if frame.info.get("production")]
    times: FloatArray = np.array(run.run.times_ps)[chosen]
    if len(times) < 3:
        raise AnalysisError(f"seed {run.seed}: {len(times)} frames of production are too few")
    steps = np.diff(times)
    n = int(np.argmax(np.abs(steps - steps[0]) > SAME_PS)) or len(steps)  # a last one may be short
    return [run.frames[k] for k in chosen[: n + 1]], float(steps[0])

"""Molecular dynamics over several attempts: what is left to run, and all its steps as one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from natriface.analysis.readers.vasp.folder import read_ionic_steps
from natriface.analysis.readers.vasp.oszicar import read_oszicar
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import ReaderError
from natriface.workflows.engines.vasp.running.restart import fractions_of

ALIKE_ANGSTROM = 1e-4
"""Within which two steps are the same; a step of a fs moves some atom a hundred times as far."""
LONGEST, FIRST_ANGSTROM = 3.0, 0.5
"""How long the step from one attempt to the next may be: times the longest so far; after one."""
_SEED = re.compile(r"RANDOM_SEED\s*=\s*(\d+)\s+(\d+)\s+(\d+)")


@dataclass(frozen=True)
class Course:
    """Steps of molecular dynamics, in POSCAR's order.

    Attributes
    ----------
    fractions
        (n, n_atoms, 3) of the cell.
    energies_ev, kelvins
        (n,) potential energy and kinetic temperature.
    cell
        (3, 3) in A.
    """

    fractions: FloatArray
    energies_ev: FloatArray
    kelvins: FloatArray
    cell: FloatArray

    def __len__(self) -> int:
        return len(self.energies_ev)

    def place_of(self, start: FloatArray) -> int | None:
        """Which step positions (n_atoms, 3) are, the one after the last included; None if none."""
        away = self._farthest(self.fractions - start)
        same = np.flatnonzero(away < ALIKE_ANGSTROM)
        if len(same):
            return int(same[-1])
        moves = self._farthest(np.diff(self.fractions, axis=0))
        most = LONGEST * float(moves.max()) if len(moves) else FIRST_ANGSTROM
        return len(self) if away[-1] <= most else None

    def then(self, other: Course, place: int) -> Course:
        """The first `place` steps, and those of another after them."""
        return Course(
            np.concatenate([self.fractions[:place], other.fractions]),
            np.concatenate([self.energies_ev[:place], other.energies_ev]),
            np.concatenate([self.kelvins[:place], other.kelvins]),
            self.cell,
        )

    def _farthest(self, moves: FloatArray) -> FloatArray:
        """(n,) how far the atom goes that goes farthest, A; of moves within half a cell."""
        lengths: FloatArray = np.linalg.norm((moves - np.round(moves)) @ self.cell, axis=-1)
        farthest: FloatArray = lengths.max(axis=-1, initial=0.0)
        return farthest


def whole_course(folder: Path, *, ended: bool = True) -> Course | None:
    """The steps of all attempts in a folder as one course, each from where it was begun.

    Parameters
    ----------
    ended
        Whether the last attempt has come to its end, and must say all of its steps.

    Raises
    ------
    ReaderError
        If an attempt went on with new velocities, or from elsewhere, or the last says not all.
    """
    earlier = earlier_course(folder)
    last = _steps(folder, whole=ended)
    return last if earlier is None or last is None else _joined(earlier, last, folder)


def earlier_course(folder: Path) -> Course | None:
    """The same of the attempts that were set aside; None where they have no step."""
    found: Course | None = None
    for attempt in _attempts(folder):
        try:
            own = _steps(attempt)
        except ReaderError:
            continue  # it ended before its first step
        if own is not None:
            found = own if found is None else _joined(found, own, attempt)
    return found


def steps_before(folder: Path, poscar: str) -> int | None:
    """How many steps the attempts that were set aside have made before a POSCAR; None: it is none.

    Where these are no course, all is begun anew, and `whole_course` tells why.
    """
    try:
        done = earlier_course(folder)
    except ReaderError:
        return 0
    return done.place_of(fractions_of(poscar)[0]) if done else 0


def tags_to_go_on(folder: Path, tags: Mapping[str, Any], n_made: int) -> dict[str, Any]:
    """Tags of an attempt that goes on after so many steps: as many as are left, other numbers.

    Random numbers go on where the last attempt has said it was (REPORT), or away from its first.
    """
    if not n_made:
        return dict(tags)
    found = dict(tags) | {"NSW": max(1, int(tags["NSW"]) - n_made)}
    if "RANDOM_SEED" in tags:
        seed = int(tags["RANDOM_SEED"][0])
        found["RANDOM_SEED"] = _random_numbers(folder, seed) or [seed, n_made % 1_000_000, 0]
    return found


def _joined(before: Course, after: Course, folder: Path) -> Course:
    start, has_velocities = fractions_of((folder / "POSCAR").read_text())
    place = before.place_of(start)
    if place is None:
        raise ReaderError(f"{folder.name} does not begin where the attempt before it has ended")
    if place and not has_velocities:
        raise ReaderError(f"{folder.name} began with new velocities")
    return before.then(after, place)


def _steps(folder: Path, *, whole: bool = False) -> Course | None:
    """Of one attempt, up to the first that is damaged."""
    steps = read_ionic_steps(folder)
    if steps is None or not len(steps):
        return None
    said = read_oszicar(folder / "OSZICAR").steps
    kelvins = np.array([step.kelvin for step in said if step.kelvin is not None])
    if whole and len(kelvins) != len(steps):
        raise ReaderError("OSZICAR does not give the temperature of every step")
    n = min(len(steps), len(kelvins))
    sound = np.isfinite(steps.energies_ev[:n]) & np.isfinite(steps.positions[:n]).all(axis=(1, 2))
    n = n if sound.all() else int(np.argmin(sound))
    if not n:
        return None
    return Course(steps.positions[:n], steps.energies_ev[:n], kelvins[:n], steps.cells[0])


def _random_numbers(folder: Path, seed: int) -> list[int] | None:
    """Where random numbers have come to, by the REPORT of the last attempt that has one."""
    reports = [path for attempt in _attempts(folder) if (path := attempt / "REPORT").is_file()]
    for report in reports[-1:]:
        found = _SEED.findall(report.read_text(errors="replace"))
        if found and int(found[-1][0]) == seed:
            return [int(word) for word in found[-1]]
    return None


def _attempts(folder: Path) -> list[Path]:
    """What was set aside, in the order in which it was."""
    aside = [path for path in folder.glob("attempt-*") if path.name[8:].isdigit()]
    return sorted(aside, key=lambda path: int(path.name[8:]))

"""`Oszicar`: the course of a VASP run in an OSZICAR; the last resort, and a check of the others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from natriface.analysis.readers.text.compression import Text
from natriface.analysis.readers.vasprun.rows import number
from natriface.structures.base.errors import ReaderError

_ELECTRONIC = re.compile(rb"^\s*[A-Za-z]{3,4}\s*:\s*(\d+)\s+(\S+)\s+(\S+)")
_IONIC = re.compile(rb"^\s*(\d+)\s+(?:T=\s*(\S+).*?)?F=\s*(\S+)\s+E0=\s*(\S+)")
_MOMENT = re.compile(rb"mag=\s*(\S+)\s*$")


@dataclass(frozen=True)
class OszicarStep:
    """One ionic step; energies are printed to 8 digits, NaN where they overflowed.

    Attributes
    ----------
    n_electronic, last_change_ev
        Number of electronic steps, and what the last one changed the energy by.
    kelvin
        Kinetic temperature, printed in whole K; None where the atoms have no velocities.
    """

    free_energy_ev: float
    energy_ev: float
    n_electronic: int
    last_change_ev: float
    magnetization: float | None
    kelvin: float | None = None


@dataclass(frozen=True)
class Oszicar:
    """All finished ionic steps, and the electronic steps of one that was not finished."""

    steps: tuple[OszicarStep, ...]
    unfinished: int
    problems: tuple[str, ...] = ()


def read_oszicar(path: Path | str) -> Oszicar:
    """Read an OSZICAR, plain or compressed.

    Raises
    ------
    ReaderError
        If it cannot be read or holds no step.
    """
    path = Path(path)
    with Text(path) as text:
        lines = text.read(0, text.size).splitlines()
        nothing = text.why_empty("OSZICAR")
    steps: list[OszicarStep] = []
    numbers: list[int] = []
    n, change = 0, float("nan")
    for line in lines:
        if electronic := _ELECTRONIC.match(line):
            n, change = int(electronic.group(1)), number(electronic.group(3))
        elif ionic := _IONIC.match(line):
            numbers.append(int(ionic.group(1)))
            moment = _MOMENT.search(line)
            value = number(moment.group(1)) if moment else float("nan")
            steps.append(
                OszicarStep(
                    number(ionic.group(3)),
                    number(ionic.group(4)),
                    n,
                    change,
                    value if np.isfinite(value) else None,
                    number(ionic.group(2)) if ionic.group(2) else None,
                )
            )
            n, change = 0, float("nan")
    if not steps and not n:
        raise ReaderError(nothing)
    problems = []
    if numbers != list(range(1, len(numbers) + 1)):
        problems.append("the OSZICAR does not number its ionic steps one after another: damaged")
    return Oszicar(tuple(steps), n, tuple(problems))

"""The phases that a screening names: of the library, by patterns of paths, or from CSV files."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from natriface.structures.base.bounds import require_few
from natriface.structures.base.errors import StructureError, StudyError
from natriface.structures.crystals.phases import Phase, load_phase
from natriface.workflows.parts.screen.request import Slabs

PATTERN = frozenset("*?[")
COLUMN = "phase"
MOST_PHASES = 10_000


@dataclass(frozen=True)
class LeftOut:
    """What is not computed, and why.

    Attributes
    ----------
    reason
        A few words, by which what is left out is grouped.
    what
        Which plane, pair or candidates.
    count
        How many of what the stage counts.
    """

    reason: str
    what: str
    count: int = 1


SHOWN = 5
"""Of what is left out for one reason."""


def grouped(left_out: Sequence[LeftOut]) -> list[tuple[str, int, str]]:
    """What is left out by the reason: why, how many, and the first of them."""
    groups: dict[str, list[LeftOut]] = {}
    for one in left_out:
        groups.setdefault(one.reason, []).append(one)
    rows = []
    for reason, members in groups.items():
        told = "; ".join(one.what for one in members[:SHOWN])
        more = f"; and {len(members) - SHOWN} more" if len(members) > SHOWN else ""
        rows.append((reason, sum(one.count for one in members), told + more))
    return rows


def phases_of(asked: Slabs, root: Path, left_out: list[LeftOut]) -> dict[str, Phase]:
    """The phases of one side by what they are called: as the study does, or as their file is.

    Files that a pattern or a list names and that cannot be read are left out.

    Raises
    ------
    StructureError
        If a phase that the study itself names is not to be had.
    StudyError
        If a pattern fits no file, a CSV file has no column of phases, or two phases have one name.
    """
    found: dict[str, Phase] = {}
    for name in asked.phases:
        for each in _names(name, root):
            try:
                phase = load_phase(each, root)
            except StructureError as error:
                if each == name:
                    raise
                what = str(error) if each in str(error) else f"{each}: {error}"
                left_out.append(LeftOut("cannot be read", what))
                continue
            label = phase.name if _is_path(each) else each
            if found.setdefault(label, phase).atoms != phase.atoms:
                raise StudyError(f"screen: two phases are called {label!r}; rename a file")
    unknown = asked.charges.keys() - found.keys()
    if unknown:
        raise StudyError(
            f"screen: charges of {min(unknown)!r}, which is none of the phases: {', '.join(found)}"
        )
    return found


def _is_path(name: str) -> bool:
    return bool(Path(name).suffix) or len(Path(name).parts) > 1


def _names(name: str, root: Path) -> list[str]:
    if name.lower().endswith(".csv"):
        return _listed(root / name)
    if not PATTERN & set(name):
        return [name]
    start = Path(name).anchor
    base, pattern = (Path(start), name[len(start) :]) if start else (root, name)
    paths = sorted(str(path) for path in base.glob(pattern) if path.is_file())
    if not paths:
        raise StudyError(f"screen: no file fits {name!r} in {base}")
    require_few(len(paths), MOST_PHASES, "files of a pattern", "name fewer")
    return paths


def _listed(path: Path) -> list[str]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StudyError(f"screen: {path} cannot be read as CSV: {error}") from None
    if not rows or COLUMN not in rows[0]:
        raise StudyError(f"screen: {path} needs a column {COLUMN!r} and a row")
    require_few(len(rows), MOST_PHASES, "rows of phases", "name fewer")
    names = [(row[COLUMN] or "").strip() for row in rows]
    return list(dict.fromkeys(name for name in names if name))

"""The phases that a screening names, of the library, by patterns of paths, or from CSV files; and
the slabs that are cut of them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from natriface.structures.base.bounds import require_few
from natriface.structures.base.errors import StructureError, StudyError
from natriface.structures.chemistry.unit_charges import given_charges
from natriface.structures.crystals.phases import Phase, load_phase
from natriface.structures.interfaces.screening import SlabChoice
from natriface.structures.surfaces.slabs import layers_for
from natriface.structures.surfaces.surface_cell import Crystal, Miller, miller_label
from natriface.structures.surfaces.terminations import Termination, find_terminations
from natriface.workflows.names import MOST_FILES, named_files
from natriface.workflows.parts.screen.labels import LeftOut
from natriface.workflows.parts.screen.request import Slabs

COLUMN = "phase"
UNREADABLE = "cannot be read"
DISORDERED = "disordered"


def phases_of(asked: Slabs, root: Path, left_out: list[LeftOut]) -> dict[str, Phase]:
    """The phases of one side by what they are called: as the study does, or as their file is.

    What a pattern or a list names and cannot be read, or is disordered, is left out.

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
                text = str(error)
                what = text if each in text else f"{each}: {text}"
                left_out.append(LeftOut(UNREADABLE, what, 1, "files", (Path(each).name,)))
                continue
            if each != name and not phase.is_ordered:
                mixed = ", ".join(site.label for site in phase.sites if not site.is_ordered)
                what = f"{each}: partly filled or mixed sites {mixed}; write one of its orderings"
                left_out.append(LeftOut(DISORDERED, what, 1, "files", (Path(each).name,)))
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


@dataclass
class CutSlabs:
    """The slabs of one side of a screening.

    Attributes
    ----------
    n_planes, n_terminations
        How many were met.
    phases
        Those that are cut, no crystal twice.
    """

    slabs: list[SlabChoice] = field(default_factory=list)
    n_planes: int = 0
    n_terminations: int = 0
    phases: list[str] = field(default_factory=list)


def slabs_of(asked: Slabs, phases: Mapping[str, Phase], left_out: list[LeftOut]) -> CutSlabs:
    """All slabs that are asked for of these phases; of equal crystals those of the first."""
    found = CutSlabs()
    known: dict[str, list[tuple[str, Any, frozenset[str]]]] = {}
    for label, phase in phases.items():
        charges = asked.charges.get(label)
        crystal = Crystal.from_atoms(
            phase.atoms, None if charges is None else given_charges(phase, charges)
        )
        out: list[LeftOut] = []
        planes = list(asked.facets or crystal.distinct_facets(asked.max_index or 1))
        cut = list(_terminations(asked, label, crystal, planes, out))
        alike = known.setdefault(crystal.fingerprint, [])
        faces = frozenset(one.id for _, one in cut)
        first = next((n for n, given, of in alike if faces and (given, of) == (charges, faces)), "")
        if first:
            what = f"{label}: the same crystal as {first}"
            left_out.append(LeftOut("the same crystal as another", what, 1, "phases", (label,)))
            continue
        alike.append((label, charges, faces))
        for place, termination in cut:
            reason = _unfit(asked, termination)
            if reason is not None:
                what = f"{label} {termination.label}"
                out.append(LeftOut(reason, what, 1, "terminations", (label,)))
                continue
            facet = found.n_planes + place
            found.slabs += [
                SlabChoice(label, facet, termination, n) for n in _layers(asked, termination)
            ]
        left_out += out
        found.n_planes += len(planes)
        found.n_terminations += len(cut)
        found.phases.append(label)
    return found


def _terminations(
    asked: Slabs,
    label: str,
    crystal: Crystal,
    planes: Iterable[Miller],
    left_out: list[LeftOut],
) -> Iterator[tuple[int, Termination]]:
    """The terminations of the numbers asked for, with which plane, from 1, they are of."""
    for place, miller in enumerate(planes, 1):
        plane = f"{label} {miller_label(miller)}"
        try:
            terminations = find_terminations(crystal, miller)
        except StructureError as error:
            left_out.append(LeftOut("cannot be cut", f"{plane}: {error}", 1, "planes", (label,)))
            continue
        wanted = [
            one
            for one in terminations
            if asked.terminations == "all" or one.number in asked.terminations
        ]
        if not wanted:
            what = f"{plane}, which has {len(terminations)}"
            left_out.append(LeftOut("no termination of these numbers", what, 1, "planes", (label,)))
        for termination in wanted:
            yield place, termination


def _layers(asked: Slabs, termination: Termination) -> list[int]:
    if asked.layers is not None:
        return list(asked.layers)
    depths = asked.thickness_angstrom or ()
    return list(dict.fromkeys(layers_for(termination, depth) for depth in depths))


def _unfit(asked: Slabs, termination: Termination) -> str | None:
    """Why a termination is left out; None if it is not."""
    if asked.networks == "leave_out" and not termination.intact:
        return "cuts an endless covalent network"
    if asked.polar == "keep" or termination.nonpolar:
        return None
    return (
        "polar" if termination.polar else "formal charges unknown, and no symmetry forbids a dipole"
    )


def _is_path(name: str) -> bool:
    return bool(Path(name).suffix) or len(Path(name).parts) > 1


def _names(name: str, root: Path) -> list[str]:
    if name.lower().endswith(".csv"):
        return _listed(root / name)
    return named_files(name, root, "screen")


def _listed(path: Path) -> list[str]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StudyError(f"screen: {path} cannot be read as CSV: {error}") from None
    if not rows or COLUMN not in rows[0]:
        raise StudyError(f"screen: {path} needs a column {COLUMN!r} and a row")
    require_few(len(rows), MOST_FILES, "rows of phases", "name fewer")
    names = [(row[COLUMN] or "").strip() for row in rows]
    return list(dict.fromkeys(name for name in names if name))

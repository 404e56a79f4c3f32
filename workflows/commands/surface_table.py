"""The surfaces of a phase as a table: planes, terminations, and what a workspace knows of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from natriface.analysis.results.result import Result
from natriface.analysis.results.wording import counted
from natriface.structures.base.bounds import MAX_INDEX
from natriface.structures.base.errors import StructureError
from natriface.structures.crystals.phases import Phase
from natriface.structures.surfaces.blocks import atoms_in
from natriface.structures.surfaces.planes import list_terminations
from natriface.structures.surfaces.slabs import layers_for
from natriface.structures.surfaces.surface_cell import Crystal, miller_label
from natriface.structures.surfaces.terminations import SIDES, Termination
from natriface.workflows.parts.surface_energies.records import TerminationRecord, phase_records
from natriface.workflows.report.section import SectionContext, results_of
from natriface.workflows.report.table import Column, Table
from natriface.workflows.workspace import Workspace, is_finished

THICKNESS_ANGSTROM = 10.0
"""Least thickness of the slabs whose atoms are counted."""
PART = "surface_energies"


@dataclass(frozen=True)
class _Row:
    """A termination, and what has been computed of it."""

    termination: Termination
    computed: TerminationRecord | None

    @property
    def layers(self) -> int:
        return layers_for(self.termination, THICKNESS_ANGSTROM)

    def said(self, what: str) -> str:
        return str(self.termination.describe()[what])

    @property
    def outermost_atoms(self) -> str:
        top, bottom = (self.termination.outermost_atoms(side) for side in SIDES)
        return top if top == bottom else f"{top}; {bottom}"

    @property
    def polar(self) -> str:
        cut = self.termination
        return "yes" if cut.polar else "no" if cut.nonpolar else "unknown"

    @cached_property
    def turning_over(self) -> list[NDArray[np.int64]]:
        return self.termination.turning_over(self.layers)

    @property
    def faces(self) -> str:
        if not self.turning_over:
            return "differ"
        rotated = self.termination.reversed_by_rotation(self.layers)
        return "alike" if rotated else "mirror images"

    @property
    def has_inversion(self) -> bool:
        return any((point == -np.eye(3)).all() for point in self.turning_over)

    @property
    def energy_j_per_m2(self) -> float | None:
        found = self.computed.energy if self.computed else None
        return found.value_j_per_m2 if found else None


def surface_table(phase: Phase, max_index: int, workspace: Workspace | None = None) -> Table:
    """A row for each termination of the symmetry-distinct planes of a phase.

    Parameters
    ----------
    max_index
        Largest absolute Miller index.
    workspace
        Whose finished surface energies of the phase are shown.

    Raises
    ------
    StructureError
        If the phase has partly filled sites, or the workspace has no surface energy of it.
    """
    if not phase.is_ordered:
        raise StructureError(
            f"{phase.name} has partly filled sites, which no slab can have: take an ordered phase, "
            "or order it first (docs/structures.md)"
        )
    crystal = Crystal.from_atoms(phase)
    computed, notes = _computed(phase, workspace) if workspace else ({}, [])
    found = list_terminations(crystal, max_index)
    rows = [_Row(termination, computed.get(termination.label)) for termination in found]
    missing = computed.keys() - {row.termination.label for row in rows}
    if missing:
        notes.append(f"computed too, but not among these: {', '.join(sorted(missing))}")
    cutting = any(row.termination.broken_bonds for row in rows)
    columns = _columns(cutting=cutting, energies=bool(computed))
    return Table.of("", columns, rows, notes=[*_notes(crystal, rows, max_index), *notes])


def _columns(*, cutting: bool, energies: bool) -> list[Column]:
    """Bonds are always in the file, and shown where any is cut."""

    def cut(title: str, count: Callable[[Termination], int]) -> Column:
        return Column(
            title,
            "1/nm2",
            1,
            in_terminal=cutting,
            of=lambda row: 100 * count(row.termination) / row.termination.area_angstrom2,
        )

    columns = [
        Column("plane", in_terminal=False, of=lambda row: miller_label(row.termination.miller)),
        Column("termination", whole=True, of=lambda row: row.termination.label),
        Column("number", in_terminal=False, of=lambda row: row.termination.number),
        Column("top", of=lambda row: row.said("top")),
        Column("bottom", of=lambda row: row.said("bottom")),
        Column("polar", of=lambda row: row.polar),
        Column("class", of=lambda row: row.termination.polarity),
        Column("faces", of=lambda row: row.faces),
        Column("inversion", of=lambda row: _yes(row.has_inversion)),
        Column("stoichiometric", of=lambda row: _yes(row.termination.stoichiometric)),
        cut("bonds cut", lambda termination: termination.broken_bonds),
        cut("units cut", lambda termination: termination.broken_units),
        Column("gap", "A", 2, of=lambda row: row.termination.gap_angstrom),
        Column("outermost atoms", of=lambda row: row.outermost_atoms),
        Column("gap of atoms", "A", 2, of=lambda row: row.termination.atom_gap_angstrom),
        Column("area", "A2", 1, of=lambda row: row.termination.area_angstrom2),
        Column("layers", digits=0, of=lambda row: row.layers),
        Column("atoms", digits=0, of=lambda row: atoms_in(row.termination, row.layers)),
    ]
    if energies:
        columns += [
            Column("surface energy", "J/m2", 3, of=lambda row: row.energy_j_per_m2),
            Column(
                "thick less thin",
                "J/m2",
                3,
                of=lambda row: row.computed and row.computed.difference_j_per_m2,
            ),
        ]
    return columns


def _yes(said: bool) -> str:
    return "yes" if said else "no"


def _notes(crystal: Crystal, rows: Sequence[_Row], max_index: int) -> list[str]:
    planes = len({row.termination.miller for row in rows})
    notes = [
        f"{counted(planes, 'plane')} and {counted(len(rows), 'termination')} to index {max_index}; "
        f"layers and atoms of slabs of {THICKNESS_ANGSTROM:g} A"
    ]
    if max_index < MAX_INDEX:
        further = len(crystal.distinct_facets(max_index + 1))
        notes[0] += f"; --max-index {max_index + 1} looks through {further} planes"
    if crystal.charges_unknown:
        notes.append(
            "no formal charges are known that balance this crystal: what symmetry does not keep "
            "from having a dipole is unknown; a study's key charges gives them"
        )
    if any(row.termination.broken_bonds for row in rows):
        notes.append(
            "an endless network is cut through bonds: top and bottom are named without the ligands "
            "that it shares, which a slab has again, so that it is not stoichiometric"
        )
    elif rows[0].termination.kept_units:
        units = ", ".join(rows[0].termination.kept_units)
        notes.append(f"no bond is cut: {units} stay whole")
    return notes


def _computed(phase: Phase, workspace: Workspace) -> tuple[dict[str, TerminationRecord], list[str]]:
    """What a workspace has finished of a phase, by the label of the termination."""
    folders = workspace.folders().values()
    results = [Result.load(folder) for folder in folders if is_finished(folder)]
    by_id = {result.step.id: result for result in results if result.step}
    context = SectionContext(workspace.root, all_results=by_id)
    records = [
        record
        for record in phase_records(results_of(PART, results), context)
        if record.crystal.phase == phase.name
    ]
    found = {
        one.termination: one
        for record in records
        for one in record.terminations
        if one.energy is not None and not one.varies
    }
    vary = [one.termination for r in records for one in r.terminations if one.varies]
    if not (found or vary):
        raise StructureError(
            f"{workspace.root} has no finished surface energy of {phase.name}; a study asks for "
            "them by surface_energies (docs/surfaces.md)"
        )
    notes = [
        f"surface energies by {record.engine.words}, of the thickest slab of each; where its faces "
        "differ their mean"
        for record in records
        if record.engine is not None
    ]
    if vary:
        notes.append(
            f"by a chemical potential, see the report of {workspace.study}: {', '.join(vary)}"
        )
    return found, list(dict.fromkeys(notes))

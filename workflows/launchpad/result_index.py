"""The results of a study in the database, in short, to be searched without opening a file.

The index holds nothing of its own: an entry is made from a step's ``result.json`` and made anew
when that file changes, so that the index can be lost, or rebuilt, at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ase.symbols import Symbols
from pymongo import ReplaceOne

from natriface.analysis.results.result import RESULT_FILE, Result
from natriface.analysis.results.tidied import stamp
from natriface.structures.base.errors import AnalysisError, ReaderError
from natriface.workflows.launchpad.queries import batches
from natriface.workflows.parts.labels import step_labels
from natriface.workflows.workspace import PlannedStep, Workspace

if TYPE_CHECKING:
    from fireworks.core.launchpad import LaunchPad

COLLECTION = "natriface_results"
_BATCH = 500


@dataclass(frozen=True)
class Index:
    """What the index holds of a workspace.

    Attributes
    ----------
    entries
        One a result, in the plan's order: ``step_id``, ``name``, ``kind``, ``engine``, ``model``,
        ``protocol``, ``status``, ``reason``, ``formula``, ``n_atoms``, ``energy_ev``,
        ``max_force_ev_per_angstrom``, ``band_gap_ev``, ``role``, ``folder``.
    n_read
        Results that had to be read, being new or changed.
    unreadable
        Folder -> why its result cannot be read.
    """

    entries: list[dict[str, Any]]
    n_read: int
    unreadable: dict[Path, str]


def update_index(pad: LaunchPad, workspace: Workspace, *, rebuild: bool = False) -> Index:
    """Bring the index of a workspace up to date with its folders.

    Parameters
    ----------
    rebuild
        Read every result, whatever the index holds.
    """
    collection = pad.db[COLLECTION]
    root = str(workspace.root)
    if rebuild:
        collection.delete_many({"workspace": root})
    known = {entry["step_id"]: entry for entry in collection.find({"workspace": root}, {"_id": 0})}
    if not known:
        collection.create_index([("workspace", 1), ("step_id", 1)])
    folders = workspace.folders()
    changes: list[ReplaceOne[dict[str, Any]]] = []
    unreadable: dict[Path, str] = {}
    present: dict[str, dict[str, Any]] = {}
    for step in workspace.plan():
        folder = folders.get(step.id)
        state = _state(folder) if folder is not None else None
        if folder is None or state is None:
            continue
        entry = known.get(step.id)
        if entry is None or entry["stamp"] != state or entry["folder"] != str(folder):
            try:
                entry = _entry(step, folder, state, root)
            except (ReaderError, AnalysisError) as error:
                unreadable[folder] = str(error)
                continue
            key = {"workspace": root, "step_id": step.id}
            changes.append(ReplaceOne(key, dict(entry), upsert=True))
        present[step.id] = entry
    for start in range(0, len(changes), _BATCH):
        collection.bulk_write(changes[start : start + _BATCH], ordered=False)
    for batch in batches(set(known) - set(present)):
        collection.delete_many({"workspace": root, "step_id": {"$in": batch}})
    return Index(list(present.values()), len(changes), unreadable)


def _state(folder: Path) -> list[int] | None:
    """Of a result, as the database keeps it."""
    try:
        return list(stamp(folder, RESULT_FILE))
    except FileNotFoundError:
        return None


def _entry(step: PlannedStep, folder: Path, state: Sequence[int], root: str) -> dict[str, Any]:
    result = Result.load(folder)
    structure = result.final_structure or result.initial_structure
    sound = result.status == "converged"
    return {
        "workspace": root,
        "step_id": step.id,
        "name": step.name,
        "kind": result.kind,
        "engine": result.engine.name,
        "model": result.engine.model,
        "protocol": result.protocol,
        "status": result.status,
        "reason": result.reason,
        "formula": _formula(structure["numbers"]) if structure else None,
        "n_atoms": len(structure["numbers"]) if structure else None,
        "energy_ev": result.energy_ev if sound else None,
        "max_force_ev_per_angstrom": result.convergence.max_force_ev_per_angstrom,
        "band_gap_ev": result.electronic.band_gap_ev if result.electronic else None,
        "role": step_labels(result.step).role if result.step else None,
        "folder": str(folder),
        "stamp": list(state),
    }


def _formula(numbers: Sequence[int]) -> str:
    return str(Symbols(numbers).get_chemical_formula())

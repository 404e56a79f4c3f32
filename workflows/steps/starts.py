"""The geometries that a plan's steps would start from if nothing were relaxed before them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from ase import Atoms

from natriface.analysis.results.result import EngineRecord, Result
from natriface.structures.base.atoms import from_document, to_document
from natriface.structures.base.errors import NatrifaceError
from natriface.workflows.plan import Plan, Step, StructureFrom
from natriface.workflows.steps.start_structure import structure_for


def with_starts(plan: Plan) -> Iterator[Step]:
    """The plan's steps, each with the geometry it would start from.

    So engines check settings against the species and the cell of every step before anything has
    run. A step whose geometry cannot be told beforehand comes as it is.
    """
    known: dict[str, Atoms] = {}
    for step in plan.walk():
        with suppress(NatrifaceError, KeyError):
            known[step.id] = _start(step, known)
        if step.structure is None and step.id in known:
            document = to_document(known[step.id])
            yield step.model_copy(update={"structure": document, "structure_from": None})
        else:
            yield step


def start_geometries(plan: Plan) -> list[tuple[Step, Atoms, dict[str, Atoms]]]:
    """Each step with its structure and those among its inputs.

    Where one comes from another step, it is that step's own start.
    """
    known: dict[str, Atoms] = {}
    for step in plan.walk():
        known[step.id] = _start(step, known)
    return [(step, known[step.id], _input_structures(step, known)) for step in plan.walk()]


def _start(step: Step, known: Mapping[str, Atoms]) -> Atoms:
    """Where a step would start if those before it left everything as it is."""
    source = step.structure_from
    if isinstance(source, StructureFrom) and source.scanned is not None:
        unscanned = source.model_copy(update={"scanned": None})
        step = step.model_copy(update={"structure_from": unscanned})
    parents = source.parents if source else ()
    documents = {parent: to_document(known[parent]) for parent in parents}
    unmoved = {
        parent: Result(
            kind="relax",
            status="unconverged",
            reason="not run",
            engine=EngineRecord(name="none", version="none"),
            initial_structure=document,
            final_structure=document,
        )
        for parent, document in documents.items()
    }
    return structure_for(step, unmoved, _input_structures(step, known))


def _input_structures(step: Step, known: Mapping[str, Atoms]) -> dict[str, Atoms]:
    structures: dict[str, Atoms] = {}
    for name, item in step.inputs.items():
        if item.structure is not None:
            structures[name] = from_document(item.structure)
        elif item.file is None and item.step is not None:
            structures[name] = known[item.step]
    return structures

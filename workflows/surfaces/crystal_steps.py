"""The steps of a crystal that slabs are cut from: its relaxation, and its energy then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ase import Atoms

from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import StudyError
from natriface.workflows.engines.base import engine
from natriface.workflows.plan import Step, StructureFrom
from natriface.workflows.step_maker import StepMaker

if TYPE_CHECKING:
    from natriface.workflows.parts.labels import Labels


def relaxed_crystal(name: str, crystal: Atoms, make: StepMaker, labels: Labels) -> Step:
    """The relaxation of a crystal with its cell.

    Raises
    ------
    StudyError
        If the engine cannot relax a cell.
    """
    settings = engine(make.engine).capabilities.relaxing_cell
    if not settings:
        raise StudyError(
            f"engine {make.engine} cannot relax a cell; choose bulk: library, where a part has "
            "that, or another engine"
        )
    return make.step(
        f"{name} bulk",
        "relax",
        len(crystal),
        structure=to_document(crystal),
        settings=dict(settings),
        labels=labels,
    )


def crystal_energy(relaxed: Step, make: StepMaker, labels: Labels) -> Step:
    """The single point of a relaxed crystal: its energy as those of slabs are computed."""
    return make.step(
        f"{relaxed.name}, single point",
        "static",
        relaxed.n_atoms,
        structure_from=StructureFrom(step=relaxed.id),
        labels=labels,
    )

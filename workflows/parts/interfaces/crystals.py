"""What an interface's slabs are cut from: the crystals as they are, or relaxed by the study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ase import Atoms

from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import StudyError
from natriface.structures.interfaces.recut import Recut, crystal_atoms
from natriface.workflows.engines.base import engine
from natriface.workflows.parts.interfaces.builder import BuiltInterface, BuiltSlab
from natriface.workflows.parts.interfaces.labels import BulkLabels, Side
from natriface.workflows.plan import FILM_CRYSTAL, Input, Step, StructureFrom
from natriface.workflows.step_maker import StepMaker


@dataclass(frozen=True)
class Crystals:
    """The crystals of an interface.

    Attributes
    ----------
    relaxed
        By side: the step that relaxes its crystal; none where slabs are cut from it as it is.
    """

    built: BuiltInterface
    relaxed: Mapping[Side, Step] = field(default_factory=dict)

    def steps(self) -> list[Step]:
        """The steps that relax them."""
        return list(self.relaxed.values())

    def source(self, atoms: Atoms) -> dict[str, Any]:
        """Where a step has its structure from: the interface, or a slab in its cell, as built."""
        if not self.relaxed:
            return {"structure": to_document(atoms)}
        cut = Recut.of(self.built.interface, atoms).document()
        return {
            "structure_from": StructureFrom(step=self.relaxed["substrate"].id, cut=cut),
            "inputs": {FILM_CRYSTAL: Input(step=self.relaxed["film"].id)},
        }

    def labels(self) -> dict[str, Any]:
        """What a report needs to state the strains that the relaxed crystals leave."""
        if not self.relaxed:
            return {}
        recut = Recut.of(self.built.interface)
        return {
            "crystal_steps": {side: step.id for side, step in self.relaxed.items()},
            "bases": {
                "substrate": recut.substrate.basis.tolist(),
                "film": recut.film.basis.tolist(),
            },
        }


def crystals_of(built: BuiltInterface, make: StepMaker) -> Crystals:
    """The crystals of an interface, with the steps that relax them where that is asked for.

    Raises
    ------
    StudyError
        If the engine cannot relax a cell.
    """
    if built.bulk == "library":
        return Crystals(built)
    return Crystals(
        built,
        {"substrate": bulk_step(built.substrate, make), "film": bulk_step(built.film, make)},
    )


def bulk_step(slab: BuiltSlab, make: StepMaker) -> Step:
    """The relaxation of the crystal that a slab is cut from, with its cell.

    Raises
    ------
    StudyError
        If the engine cannot relax a cell.
    """
    settings = engine(make.engine).capabilities.relaxing_cell
    if not settings:
        raise StudyError(
            f"engine {make.engine} cannot relax a cell; choose bulk: library, or another engine"
        )
    phase, atoms = slab.phase, crystal_atoms(slab.clean)
    return make.step(
        f"{phase.name} bulk",
        "relax",
        len(atoms),
        structure=to_document(atoms),
        settings=dict(settings),
        labels=BulkLabels(label=phase.name, grade=phase.grade, source=phase.source),
    )

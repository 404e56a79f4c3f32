"""What an interface's slabs are cut from: the crystals as they are, or relaxed by the study."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from ase import Atoms

from natriface.structures.base.atoms import to_document
from natriface.structures.interfaces.recut import Recut, crystal_atoms
from natriface.workflows.parts.interfaces.builder import BuiltInterface, BuiltSlab
from natriface.workflows.parts.interfaces.labels import BulkLabels
from natriface.workflows.parts.interfaces.request import Quantity
from natriface.workflows.plan import FILM_CRYSTAL, Input, Side, Step, StructureFrom
from natriface.workflows.step_maker import StepMaker
from natriface.workflows.surfaces.crystal_steps import crystal_energy, relaxed_crystal


@dataclass(frozen=True)
class Crystals:
    """The crystals of an interface.

    Attributes
    ----------
    relaxed
        By side: the step that relaxes its crystal, where that is needed.
    energies
        By side: the single point of the relaxed crystal, where its energy is needed.
    """

    built: BuiltInterface
    relaxed: Mapping[Side, Step] = field(default_factory=dict)
    energies: Mapping[Side, Step] = field(default_factory=dict)

    def steps(self) -> list[Step]:
        """The steps that relax them, and their energies."""
        return [*self.relaxed.values(), *self.energies.values()]

    def source(self, atoms: Atoms) -> dict[str, Any]:
        """Where a step has its structure from: the interface, or a slab in its cell, as built."""
        if self.built.bulk == "library":
            return {"structure": to_document(atoms)}
        cut = Recut.of(self.built.interface, atoms).document()
        return {
            "structure_from": StructureFrom(step=self.relaxed["substrate"].id, cut=cut),
            "inputs": {FILM_CRYSTAL: Input(step=self.relaxed["film"].id)},
        }

    def labels(self) -> dict[str, Any]:
        """What a report needs of them: for strains against them, and for surface energies."""
        energies = {"bulk_energies": {side: step.id for side, step in self.energies.items()}}
        if self.built.bulk == "library":
            return energies if self.energies else {}
        recut = Recut.of(self.built.interface)
        return {
            **(energies if self.energies else {}),
            "crystal_steps": {side: step.id for side, step in self.relaxed.items()},
            "bases": {
                "substrate": recut.substrate.basis.tolist(),
                "film": recut.film.basis.tolist(),
            },
        }


def crystals_of(
    built: BuiltInterface, quantities: Collection[Quantity], make: StepMaker
) -> Crystals:
    """The crystals of an interface, with the steps that relax them where that is asked for.

    Parameters
    ----------
    quantities
        What is computed: the bound by the free surfaces needs the relaxed crystals' energies,
        whatever the slabs are cut from.

    Raises
    ------
    StudyError
        If the engine cannot relax a cell.
    """
    bounded = "unreacted_bound" in quantities
    if built.bulk == "library" and not bounded:
        return Crystals(built)
    slabs: dict[Side, BuiltSlab] = {"substrate": built.substrate, "film": built.film}
    relaxed, energies = {}, {}
    for side, slab in slabs.items():
        phase = slab.phase
        labels = BulkLabels(label=phase.name, grade=phase.grade, source=phase.source)
        of_energy = BulkLabels(
            role="bulk_energy", label=phase.name, grade=phase.grade, source=phase.source
        )
        relaxed[side] = relaxed_crystal(phase.name, crystal_atoms(slab.clean), make, labels)
        energies[side] = crystal_energy(relaxed[side], make, of_energy)
    return Crystals(built, relaxed, energies if bounded else {})

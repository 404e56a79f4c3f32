"""What an interface's slabs are cut from: the crystals as they are, or relaxed by the study."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from ase import Atoms

from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import StudyError
from natriface.structures.interfaces.fitted_crystal import FittedCrystal
from natriface.structures.interfaces.recut import Recut, crystal_atoms
from natriface.workflows.engines.base import engine
from natriface.workflows.parts.interfaces.builder import BuiltInterface, BuiltSlab
from natriface.workflows.parts.interfaces.labels import SIDES, BulkLabels
from natriface.workflows.parts.interfaces.request import Quantity
from natriface.workflows.plan import (
    FILM_CRYSTAL,
    OTHER_CRYSTAL,
    Input,
    Side,
    Step,
    StructureFrom,
)
from natriface.workflows.step_maker import StepMaker
from natriface.workflows.surfaces.crystal_steps import crystal_energy, relaxed_crystal

NORMAL_STRAINS = (-0.03, -0.01, 0.01, 0.03)
"""Beyond that of a Poisson ratio of a third: at strains of 4 % in the plane, ratios from 0.11 to
0.47 have their lowest energy between."""


@dataclass(frozen=True)
class Crystals:
    """The crystals of an interface.

    Attributes
    ----------
    relaxed
        By side: the step that relaxes its crystal, where that is needed.
    energies
        By side: the single point of the relaxed crystal, where its energy is needed.
    strained
        By side: the relaxed crystal with its plane as in the interface, at several lengths of its
        normal, where the strain energy is asked for and the side bears strain.
    """

    built: BuiltInterface
    relaxed: Mapping[Side, Step] = field(default_factory=dict)
    energies: Mapping[Side, Step] = field(default_factory=dict)
    strained: Mapping[Side, list[Step]] = field(default_factory=dict)

    def steps(self) -> list[Step]:
        """The steps that relax them, and their energies."""
        strained = (step for series in self.strained.values() for step in series)
        return [*self.relaxed.values(), *self.energies.values(), *strained]

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
        energies: dict[str, Any] = {}
        if self.energies:
            energies["bulk_energies"] = {side: step.id for side, step in self.energies.items()}
        if self.strained:
            energies["strained_crystals"] = {
                side: [step.id for step in series] for side, series in self.strained.items()
            }
        if self.built.bulk == "library":
            return energies
        recut = Recut.of(self.built.interface)
        return {
            **energies,
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
        What is computed: the bound by the free surfaces and the strain energy need the relaxed
        crystals' energies, whatever the slabs are cut from.

    Raises
    ------
    StudyError
        If the engine cannot relax a cell, or hold one.
    """
    strained = "strain_energy" in quantities
    with_energies = strained or "unreacted_bound" in quantities
    if built.bulk == "library" and not with_energies:
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
    return Crystals(
        built,
        relaxed,
        energies if with_energies else {},
        {side: _strained(built, side, relaxed, make) for side in _bearing(built)}
        if strained
        else {},
    )


def _bearing(built: BuiltInterface) -> list[Side]:
    """The sides that are strained to fit."""
    borne = {"film": 1 - built.interface.match.share, "substrate": built.interface.match.share}
    return [side for side in SIDES if borne[side] > 0]


def _strained(
    built: BuiltInterface, side: Side, relaxed: Mapping[Side, Step], make: StepMaker
) -> list[Step]:
    """A side's crystal with its plane as in the interface, at several lengths of its normal."""
    settings = engine(make.engine).capabilities.telling_stress
    if not settings:
        raise StudyError(
            f"strain_energy: engine {make.engine} has no settings for a crystal whose cell is "
            "held; leave it out of the quantities, or choose another engine"
        )
    phase, crystal = built.side(side).phase, relaxed[side]
    other: Side = "substrate" if side == "film" else "film"
    decides = built.bulk == "relaxed"
    labels = BulkLabels(
        role="strained_bulk", label=phase.name, grade=phase.grade, source=phase.source
    )
    return [
        make.step(
            f"{built.label} {phase.name} bulk strained, normal {100 * normal:+g} %",
            "relax",
            crystal.n_atoms,
            structure_from=StructureFrom(
                step=crystal.id,
                fitted=FittedCrystal.of(built.interface, side, normal, relaxed=decides).document(),
            ),
            inputs={OTHER_CRYSTAL: Input(step=relaxed[other].id)} if decides else None,
            settings=dict(settings),
            labels=labels,
        )
        for normal in NORMAL_STRAINS
    ]

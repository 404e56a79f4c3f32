"""What has been relaxed, by the levels of theory that give a study's energies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from natriface.structures.base.errors import StudyError
from natriface.workflows.names import check_distinct
from natriface.workflows.parts.interfaces.labels import (
    RIGID,
    BulkLabels,
    EnergyLabels,
    LevelLabels,
)
from natriface.workflows.parts.interfaces.request import InterfacesAsked, Level
from natriface.workflows.parts.interfaces.rounds import FreeSlabs
from natriface.workflows.parts.labels import Labels
from natriface.workflows.plan import Kind, Step, StructureFrom
from natriface.workflows.step_maker import StepMaker

if TYPE_CHECKING:
    from natriface.workflows.parts.interfaces.steps import PlannedInterface

RATTLE = "rattle_angstrom"


def relaxed_by(make: StepMaker) -> str:
    """What the level of theory is called that a study relaxes with."""
    return str(make.settings("relax").get("model", make.engine))


def check_levels(make: StepMaker, request: InterfacesAsked) -> None:
    """Refuse a level of theory that is called as that which the study relaxes with.

    Raises
    ------
    StudyError
        If one is.
    """
    own = relaxed_by(make)
    for level in request.energies_by:
        if level.name == own:
            raise StudyError(
                f"energies_by: {own} is what the study relaxes with; leave it out, or give a label "
                "that says how it differs"
            )
        try:
            check_distinct([level.name, own])
        except ValueError as error:
            raise StudyError(f"energies_by: {error}") from None


def add_levels(
    planned: Sequence[PlannedInterface], free: FreeSlabs, make: StepMaker, request: InterfacesAsked
) -> None:
    """Add the steps of every level of theory to interfaces whose other steps are planned.

    Each level has, as single points or relaxed on, the interface, its slabs on their own in every
    supercell that they are relaxed in, and the crystals that its bound needs; and its rigid slabs.
    """
    for level in request.energies_by:
        for one in planned:
            steps = _StepsOfLevel(one, level, make)
            one.levels.append(steps.of_all(free, request))
            one.level_steps += steps.made


@dataclass
class _StepsOfLevel:
    """Those of one interface by one level."""

    one: PlannedInterface
    level: Level
    make: StepMaker

    def __post_init__(self) -> None:
        self.made: list[Step] = []

    def of_all(self, free: FreeSlabs, request: InterfacesAsked) -> LevelLabels:
        """Make them all; what the report finds them by."""
        one, pair = self.one, self.one.built.label
        whole = EnergyLabels(
            role="interface_energy",
            pair=pair,
            by=self.level.name,
            n_contacts=one.built.interface.n_contacts,
        )
        wholes = self._of_starts([one.whole, *one.restarts], whole)
        found = {"interface": wholes}
        for side, slab in one.slabs.items():
            labels = EnergyLabels(role="slab_energy", pair=slab.built.label, by=self.level.name)
            found[side] = [
                step
                for starts in one.starts(side, free)
                for step in self._of_starts(starts, labels)
            ]
        if "work_of_adhesion" in request.quantities:
            labels = EnergyLabels(role="rigid_energy", pair=pair, by=self.level.name)
            for side, role in RIGID.items():
                name = f"{pair} {one.built.side(side).label} rigid"
                n_atoms = len(one.built.interface.side(side))
                source = StructureFrom(
                    step=wholes[0].id,
                    select=side,
                    others=tuple(step.id for step in wholes[1:]) or None,
                )
                found[role] = [self._step(name, "static", n_atoms, source, labels)]
        bulk: dict[str, str] = {}
        bounded = "unreacted_bound" in request.quantities
        for side in one.crystals.energies if bounded else ():
            crystal, phase = one.crystals.relaxed[side], one.built.side(side).phase
            of_bulk = BulkLabels(
                role="bulk_energy", label=phase.name, grade=phase.grade, source=phase.source
            )
            bulk[side] = self._computed(crystal, StructureFrom(step=crystal.id), of_bulk).id
        return LevelLabels(
            name=self.level.name,
            engine=self.level.engine,
            settings=self.level.overrides,
            all_starts=self.level.geometries == "all",
            relaxes=self.level.compute == "relax",
            steps={role: [step.id for step in steps] for role, steps in found.items()},
            bulk_energies=bulk,
        )

    def _of_starts(self, starts: Sequence[Step], labels: Labels) -> list[Step]:
        """Those of one thing in one cell, relaxed from several starts."""
        first = starts[0]
        if self.level.geometries == "all":
            return [self._computed(each, StructureFrom(step=each.id), labels) for each in starts]
        # in an order that does not depend on which interface asks
        others = tuple(sorted({step.id for step in starts} - {first.id}))
        return [self._computed(first, StructureFrom(step=first.id, others=others or None), labels)]

    def _computed(self, relaxed: Step, source: StructureFrom, labels: Labels) -> Step:
        """What was relaxed, computed as the level does."""
        return self._step(relaxed.name, self.level.compute, relaxed.n_atoms, source, labels)

    def _step(
        self, name: str, kind: Kind, n_atoms: int, source: StructureFrom, labels: Labels
    ) -> Step:
        settings = self.level.overrides
        if kind == "relax" and self.make.settings("relax", self.level.engine).get(RATTLE):
            settings = {RATTLE: 0.0, **settings}
        step = self.make.step(
            f"{name}, {self.level.name}",
            kind,
            n_atoms,
            engine=self.level.engine,
            structure_from=source,
            settings=settings,
            labels=labels,
        )
        self.made.append(step)
        return step

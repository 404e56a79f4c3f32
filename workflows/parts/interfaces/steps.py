"""Steps of a study's interfaces: each interface relaxed, and the slabs its energies refer to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from natriface.structures.base.heights import isolated
from natriface.workflows.parts.interfaces.builder import BuiltInterface, build_interfaces
from natriface.workflows.parts.interfaces.crystals import Crystals, crystals_of
from natriface.workflows.parts.interfaces.labels import (
    RIGID,
    SECOND_START,
    SIDES,
    InterfaceLabels,
    LevelLabels,
    SlabOfInterfaceLabels,
)
from natriface.workflows.parts.interfaces.level_steps import add_levels, check_levels, relaxed_by
from natriface.workflows.parts.interfaces.registry_scan import add_scanned, scan_step
from natriface.workflows.parts.interfaces.request import InterfacesAsked
from natriface.workflows.parts.interfaces.rounds import (
    FreeSlab,
    FreeSlabs,
    add_annealed,
    add_rounds,
)
from natriface.workflows.parts.interfaces.seeds import displaced
from natriface.workflows.plan import InterfaceAndSlabs, Side, Step, StructureFrom
from natriface.workflows.step_maker import StepMaker


@dataclass
class PlannedInterface:
    """One interface's steps.

    Attributes
    ----------
    crystals
        What its slabs are cut from.
    relaxed
        The interface from its starts, each with its slabs on their own from where they lie in it.
    restarts
        The steps of all but the first.
    slabs
        By side, its slab on its own, which interfaces may share.
    rigid
        By side, its slab as it lies in the interface.
    levels, level_steps
        The levels of theory that give energies of what is relaxed, and their steps.
    scan
        Its registries and gaps, rigid, where the best is asked for.
    scanned
        The steps of the starts at the registries next to the best.
    """

    built: BuiltInterface
    crystals: Crystals
    whole: Step
    relaxed: list[InterfaceAndSlabs] = field(default_factory=list)
    restarts: list[Step] = field(default_factory=list)
    slabs: dict[Side, FreeSlab] = field(default_factory=dict)
    rigid: dict[Side, Step] = field(default_factory=dict)
    levels: list[LevelLabels] = field(default_factory=list)
    level_steps: list[Step] = field(default_factory=list)
    scan: Step | None = None
    scanned: list[Step] = field(default_factory=list)

    def starts(self, side: Side, free: FreeSlabs) -> list[list[Step]]:
        """A slab's relaxations on its own: in the interface's cell, then in others' supercells.

        The first is from the geometry as built, followed by those from this interface.
        """
        slab = self.slabs[side]
        known = {step.id: step for step in slab.relaxed}
        own = (one.side(side) for one in self.relaxed)
        ids = dict.fromkeys([slab.relaxed[0].id, *own, *known])
        return [[known[x] for x in ids], *(each.relaxed for each in free.family(slab)[1:])]

    def labels(self, free: FreeSlabs, request: InterfacesAsked, own_level: str) -> InterfaceLabels:
        """What the report finds the interface's other steps by."""
        first = {side: slab.relaxed[0].id for side, slab in self.slabs.items()}
        seconds: dict[str, list[str]] = {}
        others: dict[str, list[str]] = {}
        for side in self.slabs:
            own, *family = self.starts(side, free)
            seconds[side] = [step.id for step in own[1:]]
            others[side] = [step.id for each in family for step in each]
        levels: dict[str, Any] = {"relaxed_by": own_level, "energies_by": self.levels}
        scan: dict[str, Any] = (
            {
                "registry_scan": self.scan.id,
                "scanned_starts": [step.id for step in self.scanned],
            }
            if self.scan
            else {}
        )
        if request.interfaces.references == "rigid":
            first = {side: step.id for side, step in self.rigid.items()}
        return InterfaceLabels(
            reference_steps=first | {RIGID[side]: step.id for side, step in self.rigid.items()},
            second_starts={side: ids for side, ids in seconds.items() if ids},
            other_supercells={side: ids for side, ids in others.items() if ids},
            restarts=[step.id for step in self.restarts],
            quantities=list(request.quantities),
            max_strain_percent=request.interfaces.max_strain_percent,
            **(levels if self.levels else {}),
            **scan,
            **self.crystals.labels(),
            **self.built.describe(),
        )


def steps(request: InterfacesAsked, make: StepMaker, root: Path) -> list[Step]:
    """The steps of all interfaces of a study.

    Raises
    ------
    StructureError
        If an interface is not to be had; says which.
    StudyError
        If a level of theory is called as that which the study relaxes with.
    """
    check_levels(make, request)
    free = FreeSlabs()
    vacuum = request.interfaces.vacuum_angstrom
    planned = [_planned(request, make, built, free) for built in build_interfaces(request, root)]
    add_scanned(planned, make, request.interfaces)
    if request.interfaces.several_starts:
        with_slabs = [one for one in planned if one.relaxed]
        add_annealed(with_slabs, free, make, request.interfaces)
        add_rounds(with_slabs, free, make, request.interfaces.rounds, vacuum)
    if "work_of_adhesion" in request.quantities or request.interfaces.references == "rigid":
        for one in planned:
            _add_rigid(one, make)
    if request.has_energies:
        add_levels(planned, free, make, request)
    return [
        *_labelled(planned, free, request, relaxed_by(make)),
        *(x for slab in free.slabs for x in slab.relaxed),
        *(x for one in planned for x in one.level_steps),
    ]


def _labelled(
    planned: Sequence[PlannedInterface], free: FreeSlabs, request: InterfacesAsked, own_level: str
) -> list[Step]:
    found: list[Step] = []
    for one in planned:
        labels = one.labels(free, request, own_level).document()
        found += one.crystals.steps()
        found += [one.scan] if one.scan else []
        found += [one.whole.model_copy(update={"metadata": labels}), *one.restarts]
        found += one.rigid.values()
    return found


def relaxed_interface(
    request: InterfacesAsked, make: StepMaker, built: BuiltInterface
) -> PlannedInterface:
    """An interface without its slabs: what it is cut from, its scan, and its relaxation."""
    atoms = built.interface.atoms
    crystals = crystals_of(built, request.quantities, make)
    source = crystals.source(atoms)
    scan = scan_step(built, source, make, request.interfaces)
    if scan is not None:
        source = {"structure_from": StructureFrom(step=scan.id, scanned=0)}
    whole = make.step(
        f"{built.label} interface",
        "relax",
        len(atoms),
        **source,
        settings=displaced(make, request.interfaces),
    )
    return PlannedInterface(built, crystals, whole, scan=scan)


def _planned(
    request: InterfacesAsked, make: StepMaker, built: BuiltInterface, free: FreeSlabs
) -> PlannedInterface:
    """An interface, and its slabs on their own: as they were built, and as they lie in it."""
    vacuum = request.interfaces.vacuum_angstrom
    one = relaxed_interface(request, make, built)
    crystals, whole = one.crystals, one.whole
    references = request.interfaces.references
    if "interfacial_formation_energy" not in request.quantities or references == "rigid":
        return one
    seconds: dict[Side, Step] = {}
    for side in SIDES:
        slab = built.side(side)
        lone = built.interface.side(side)
        first = make.step(
            f"{built.label} {slab.label} slab",
            "relax" if references == "relaxed" else "static",
            len(lone),
            **crystals.source(isolated(lone, vacuum)),
            labels=SlabOfInterfaceLabels(role=side, pair=built.label),
            settings=displaced(make, request.interfaces) if references == "relaxed" else None,
        )
        one.slabs[side] = free.add(first, built, side)
        if request.interfaces.several_starts:
            seconds[side] = make.step(
                f"{built.label} {slab.label} slab, second start",
                "relax",
                len(lone),
                structure_from=StructureFrom(step=whole.id, select=side, vacuum_angstrom=vacuum),
                labels=SlabOfInterfaceLabels(role=SECOND_START[side], pair=built.label, round=0),
                settings=displaced(make, request.interfaces),
            )
            one.slabs[side].relaxed.append(seconds[side])
    if seconds:
        ids = {side: step.id for side, step in seconds.items()}
        one.relaxed.append(InterfaceAndSlabs(interface=whole.id, **ids))
    return one


def _add_rigid(one: PlannedInterface, make: StepMaker) -> None:
    others = tuple(step.id for step in one.restarts)
    for side in SIDES:
        one.rigid[side] = make.step(
            f"{one.built.label} {one.built.side(side).label} rigid",
            "static",
            len(one.built.interface.side(side)),
            structure_from=StructureFrom(step=one.whole.id, select=side, others=others or None),
            labels=SlabOfInterfaceLabels(role=RIGID[side], pair=one.built.label),
        )

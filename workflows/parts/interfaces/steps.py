"""Steps of a study's interfaces: each interface relaxed, and the slabs its energies refer to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from natriface.structures.base.heights import isolated
from natriface.workflows.parts.interfaces.builder import BuiltInterface, build_interfaces
from natriface.workflows.parts.interfaces.crystals import Crystals, crystals_of
from natriface.workflows.parts.interfaces.labels import (
    RIGID,
    SECOND_START,
    SIDES,
    InterfaceLabels,
    Side,
    SlabOfInterfaceLabels,
)
from natriface.workflows.parts.interfaces.request import InterfacesAsked
from natriface.workflows.plan import Step, StructureFrom
from natriface.workflows.step_maker import StepMaker


@dataclass(frozen=True)
class _Planned:
    """One interface's steps.

    Attributes
    ----------
    references
        By role: the slabs relaxed on their own from the geometry they were built with
        (``substrate``, ``film``), and rigid as in the interface (``rigid_substrate``, ...).
    second_starts
        By side: the slabs relaxed on their own from the geometry they have in the interface.
    crystals
        What the slabs are cut from.
    """

    built: BuiltInterface
    crystals: Crystals
    whole: Step
    references: Mapping[str, Step]
    second_starts: Mapping[Side, Step]

    def steps(self, labels: InterfaceLabels) -> list[Step]:
        whole = self.whole.model_copy(update={"metadata": labels.document()})
        return [
            *self.crystals.steps(),
            whole,
            *self.references.values(),
            *self.second_starts.values(),
        ]


def steps(request: InterfacesAsked, make: StepMaker, root: Path) -> list[Step]:
    """The steps of all interfaces of a study.

    Raises
    ------
    StructureError
        If an interface is not to be had; says which.
    """
    planned = [_planned(request, make, built) for built in build_interfaces(request, root)]
    # a slab that interfaces share has one reference energy: the lowest of the starts of them all
    shared: dict[str, list[str]] = {}
    for one in planned:
        for side, second in one.second_starts.items():
            shared.setdefault(one.references[side].id, []).append(second.id)
    return [
        step
        for one in planned
        for step in one.steps(
            InterfaceLabels(
                reference_steps={role: slab.id for role, slab in one.references.items()},
                second_starts={
                    side: list(dict.fromkeys([second.id, *shared[one.references[side].id]]))
                    for side, second in one.second_starts.items()
                },
                quantities=list(request.quantities),
                **one.crystals.labels(),
                **one.built.describe(),
            )
        )
    ]


def _planned(request: InterfacesAsked, make: StepMaker, built: BuiltInterface) -> _Planned:
    interface, pair = built.interface, built.label
    vacuum = request.interfaces.vacuum_angstrom
    slabs = {
        "substrate": (built.substrate.label, interface.substrate_atoms),
        "film": (built.film.label, interface.film_atoms),
    }
    crystals = crystals_of(built, request.quantities, make)
    whole = make.step(
        f"{pair} interface", "relax", len(interface.atoms), **crystals.source(interface.atoms)
    )
    references: dict[str, Step] = {}
    second_starts: dict[Side, Step] = {}
    if "interfacial_formation_energy" in request.quantities:
        for side in SIDES:
            label, atoms = slabs[side]
            references[side] = make.step(
                f"{pair} {label} slab",
                "relax",
                len(atoms),
                **crystals.source(isolated(atoms, vacuum)),
                labels=SlabOfInterfaceLabels(role=side, pair=pair),
            )
            if request.interfaces.second_start:
                second_starts[side] = make.step(
                    f"{pair} {label} slab, second start",
                    "relax",
                    len(atoms),
                    structure_from=StructureFrom(
                        step=whole.id, select=side, vacuum_angstrom=vacuum
                    ),
                    labels=SlabOfInterfaceLabels(role=SECOND_START[side], pair=pair),
                )
    if "work_of_adhesion" in request.quantities:
        for side in SIDES:
            label, atoms = slabs[side]
            references[RIGID[side]] = make.step(
                f"{pair} {label} rigid",
                "static",
                len(atoms),
                structure_from=StructureFrom(step=whole.id, select=side),
                labels=SlabOfInterfaceLabels(role=RIGID[side], pair=pair),
            )
    return _Planned(built, crystals, whole, references, second_starts)

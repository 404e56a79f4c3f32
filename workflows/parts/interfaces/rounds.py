"""One slab, one energy: rounds that offer every arrangement found wherever its slab occurs.

A free slab is known by its surface cell: phase, facet, termination, layers, dopants, strain. The
supercells in which interfaces need it are one family. In a round each supercell is relaxed from the
lowest arrangement found in any of the family, each interface with the lowest arrangements of its
sides put in their place, and the sides of an interface that this has lowered on their own again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import StudyError
from natriface.workflows.engines.base import engine
from natriface.workflows.parts.interfaces.builder import BuiltInterface
from natriface.workflows.parts.interfaces.labels import (
    ANNEALED_START,
    SECOND_START,
    SHARED_START,
    SIDES,
    RestartLabels,
    SlabOfInterfaceLabels,
)
from natriface.workflows.parts.interfaces.request import InterfaceRequest
from natriface.workflows.parts.interfaces.seeds import annealed, displaced
from natriface.workflows.plan import (
    InterfaceAndSlabs,
    LowestArrangement,
    RelaxedSlab,
    Restacked,
    Side,
    SlabAgain,
    Step,
    StructureFrom,
)
from natriface.workflows.step_maker import StepMaker

if TYPE_CHECKING:
    from natriface.workflows.parts.interfaces.steps import PlannedInterface

SAME_METRIC = 1e-6
"""Surface cells whose squared lengths agree to this share are strained alike."""


@dataclass
class FreeSlab:
    """A slab on its own in one supercell, which interfaces may share.

    Attributes
    ----------
    metric
        (2, 2): scalar products of the vectors of its (strained) surface cell, A^2.
    relaxed
        Its steps, that from the geometry as built first.
    """

    built: BuiltInterface
    side: Side
    metric: NDArray[np.float64]
    relaxed: list[Step] = field(default_factory=list)

    @property
    def supercell(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Rows: ``M @ surface_cell``."""
        return self.built.interface.match.matrix(self.side)

    @property
    def label(self) -> str:
        """Such as ``Na|NZSP NZSP slab``."""
        return f"{self.built.label} {self.built.side(self.side).label} slab"

    def is_one_with(self, other: FreeSlab) -> bool:
        """Whether both are supercells of one slab."""
        mine, theirs = (each.built.side(each.side).slab for each in (self, other))
        return mine.id == theirs.id and np.allclose(self.metric, other.metric, SAME_METRIC)


@dataclass
class FreeSlabs:
    """The slabs of a study on their own."""

    slabs: list[FreeSlab] = field(default_factory=list)

    def add(self, first: Step, built: BuiltInterface, side: Side) -> FreeSlab:
        """The slab whose first step this is, known already or new."""
        for slab in self.slabs:
            if slab.relaxed[0].id == first.id:
                return slab
        match = built.interface.match
        cell = np.linalg.solve(np.array(match.matrix(side)), np.array(match.cell))
        self.slabs.append(FreeSlab(built, side, cell @ cell.T, [first]))
        return self.slabs[-1]

    def family(self, slab: FreeSlab) -> list[FreeSlab]:
        """All supercells of a slab, itself first."""
        others = [each for each in self.slabs if each is not slab and slab.is_one_with(each)]
        return [slab, *others]


def add_annealed(
    planned: Sequence[PlannedInterface],
    free: FreeSlabs,
    make: StepMaker,
    request: InterfaceRequest,
) -> None:
    """Add starts by annealing what the first has relaxed, each from a seed of its own.

    Raises
    ------
    StudyError
        If the study's engine does not anneal.
    """
    if request.starts > 1 and not engine(make.engine).capabilities.anneals:
        raise StudyError(
            f"interfaces: starts: {request.starts}: engine {make.engine} does not anneal; set "
            "starts: 1, or take the engine potential"
        )
    for number in range(1, request.starts):
        name = f"start {number + 1}"
        hot = {**annealed(request, number), **displaced(make, request)}
        for slab in free.slabs:
            slab.relaxed.append(
                make.step(
                    f"{slab.label}, {name}",
                    "relax",
                    slab.relaxed[0].n_atoms,
                    structure_from=StructureFrom(step=slab.relaxed[0].id),
                    labels=SlabOfInterfaceLabels(
                        role=ANNEALED_START[slab.side], pair=slab.built.label, round=0
                    ),
                    settings=hot,
                )
            )
        for one in planned:
            restart = make.step(
                f"{one.built.label} interface, {name}",
                "relax",
                one.whole.n_atoms,
                structure_from=StructureFrom(step=one.whole.id),
                labels=_restart_labels(one, 0),
                settings=hot,
            )
            add_restart(one, restart, make, name, request.vacuum_angstrom, 0)


def _still(make: StepMaker) -> dict[str, Any]:
    """Settings by which a start that is a minimum already stays one."""
    return {"rattle_angstrom": 0.0} if "rattle_angstrom" in make.settings("relax") else {}


def _restart_labels(one: PlannedInterface, k: int) -> RestartLabels:
    return RestartLabels(pair=one.built.label, n_contacts=one.built.interface.n_contacts, round=k)


def add_rounds(
    planned: Sequence[PlannedInterface],
    free: FreeSlabs,
    make: StepMaker,
    rounds: int,
    vacuum_angstrom: float,
) -> None:
    """Add the steps of all rounds to interfaces whose slabs have been planned."""
    tried: list[str] = []
    for k in range(1, rounds + 1):
        known = [step.id for slab in free.slabs for step in slab.relaxed]
        shared = [
            (slab, _shared_start(slab, free, make, tried, k, vacuum_angstrom))
            for slab in free.slabs
            if len(free.family(slab)) > 1
        ]
        for slab, step in shared:
            slab.relaxed.append(step)
        again = [(one, _restart(one, make, tried, k)) for one in planned]
        for one, restart in again:
            add_restart(one, restart, make, f"round {k}", vacuum_angstrom, k)
        tried = [*known, *(step.id for _, step in shared)]


def _shared_start(
    slab: FreeSlab,
    free: FreeSlabs,
    make: StepMaker,
    tried: Sequence[str],
    k: int,
    vacuum_angstrom: float,
) -> Step:
    relaxed = tuple(
        RelaxedSlab(step=step.id, supercell=each.supercell)
        for each in free.family(slab)
        for step in each.relaxed
    )
    return make.step(
        f"{slab.label}, round {k}",
        "relax",
        slab.relaxed[0].n_atoms,
        structure_from=LowestArrangement(
            surface_cell=to_document(slab.built.side(slab.side).slab.atoms),
            relaxed=relaxed,
            tried=tuple(each.step for each in relaxed if each.step in tried),
            vacuum_angstrom=vacuum_angstrom,
        ),
        labels=SlabOfInterfaceLabels(role=SHARED_START[slab.side], pair=slab.built.label, round=k),
        settings=_still(make),
    )


def _restart(
    one: PlannedInterface,
    make: StepMaker,
    tried: Sequence[str],
    k: int,
) -> Step:
    slabs = {side: tuple(step.id for step in slab.relaxed) for side, slab in one.slabs.items()}
    return make.step(
        f"{one.built.label} interface, round {k}",
        "relax",
        one.whole.n_atoms,
        structure_from=Restacked(
            relaxed=tuple(one.relaxed),
            slabs=slabs,
            tried=tuple(x for ids in slabs.values() for x in ids if x in tried),
        ),
        labels=_restart_labels(one, k),
        settings=_still(make),
    )


def add_restart(
    one: PlannedInterface,
    restart: Step,
    make: StepMaker,
    name: str,
    vacuum_angstrom: float,
    k: int,
) -> None:
    """Add another start of an interface, with its slabs on their own from where they lie in it.

    Parameters
    ----------
    name
        Of the start, or of the round.
    k
        The round; 0 for a start of its own.
    """
    ids: dict[Side, str] = {}
    for side in SIDES:
        slab = one.slabs[side]
        step = make.step(
            f"{one.built.label} {one.built.side(side).label} slab, second start, {name}",
            "relax",
            slab.relaxed[0].n_atoms,
            structure_from=SlabAgain(
                interface=restart.id,
                side=side,
                before=tuple(one.relaxed),
                vacuum_angstrom=vacuum_angstrom,
            ),
            labels=SlabOfInterfaceLabels(role=SECOND_START[side], pair=one.built.label, round=k),
            settings=_still(make),
        )
        slab.relaxed.append(step)
        ids[side] = step.id
    one.restarts.append(restart)
    one.relaxed.append(InterfaceAndSlabs(interface=restart.id, **ids))

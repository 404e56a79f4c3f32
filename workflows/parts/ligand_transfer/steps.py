"""Steps of ligands that go over into the film: each in its sites, and put back from the lowest.

The levels of theory that give a study's energies have single points of all of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from natriface.structures.base.errors import StudyError
from natriface.structures.interfaces.ligand_transfer import LigandKind
from natriface.workflows.parts.interfaces.builder import BuiltInterface, build_interfaces
from natriface.workflows.parts.interfaces.request import Level
from natriface.workflows.parts.interfaces.steps import relaxed_interface
from natriface.workflows.parts.labels import Labels, read_labels
from natriface.workflows.parts.ligand_transfer.labels import (
    BackLabels,
    EventEnergyLabels,
    MovedLabels,
    PointLabels,
)
from natriface.workflows.parts.ligand_transfer.request import LigandTransferRequest, StudyKeys
from natriface.workflows.plan import IntoFilm, Step, StructureFrom
from natriface.workflows.step_maker import StepMaker


def steps(request: StudyKeys, make: StepMaker, root: Path) -> list[Step]:
    """The relaxations; what they start from are steps of the study's interfaces.

    Raises
    ------
    StructureError
        If an interface is not to be had; says which.
    StudyError
        If no interface has a ligand of one of the kinds.
    """
    asked = request.ligand_transfer
    assert asked is not None
    found: list[Step] = []
    met: set[str] = set()
    for built in build_interfaces(request, root):
        unmoved = relaxed_interface(request, make, built).whole
        for kind in asked.ligands:
            n = len(LigandKind.of(kind).nearest_film(built.interface.atoms))
            met |= {kind} if n else set()
            for rank in range(min(n, asked.number)):
                event = _event(built, unmoved, kind, rank, asked, make)
                found += event
                for level in request.energies_by:
                    found += _single_points(unmoved, event, level, make)
    absent = [kind for kind in asked.ligands if kind not in met]
    if absent:
        raise StudyError(f"ligand_transfer: no interface has {' or '.join(absent)}; leave it out")
    return found


def _event(
    built: BuiltInterface,
    unmoved: Step,
    kind: str,
    rank: int,
    asked: LigandTransferRequest,
    make: StepMaker,
) -> list[Step]:
    name = f"{built.label} {kind}" + (f" {rank + 1}" if asked.number > 1 else "")
    moved = [
        make.step(
            f"{name} in the film, site {site + 1}",
            "relax",
            unmoved.n_atoms,
            structure_from=StructureFrom(
                step=unmoved.id, into_film=IntoFilm(ligand=kind, rank=rank, site=site)
            ),
            labels=MovedLabels(
                pair=built.label, ligand=kind, rank=rank, site=site, unmoved=unmoved.id
            ),
        )
        for site in range(asked.sites)
    ]
    first, *others = (step.id for step in moved)
    back = make.step(
        f"{name} put back",
        "relax",
        unmoved.n_atoms,
        structure_from=StructureFrom(step=first, others=tuple(others) or None, back_to=unmoved.id),
        labels=BackLabels(pair=built.label, ligand=kind, rank=rank),
    )
    return [*moved, back]


def _single_points(
    unmoved: Step, event: Sequence[Step], level: Level, make: StepMaker
) -> list[Step]:
    """Those of one event, the interface put back last."""
    labels = read_labels(BackLabels, event[-1].metadata, event[-1].name)
    one: dict[str, Any] = {
        "pair": labels.pair,
        "ligand": labels.ligand,
        "rank": labels.rank,
        "by": level.name,
    }

    def point(of: Step, labels: Labels) -> Step:
        return make.step(
            f"{of.name}, {level.name}",
            "static",
            of.n_atoms,
            engine=level.engine,
            structure_from=StructureFrom(step=of.id),
            settings=level.overrides,
            labels=labels,
        )

    first, *moved = (point(step, PointLabels(**one)) for step in (unmoved, *event[:-1]))
    ids = [step.id for step in moved]
    back = point(event[-1], EventEnergyLabels(**one, unmoved=first.id, moved=ids))
    return [first, *moved, back]

"""Starts of an interface at the registries and gaps that a rigid scan finds lowest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from natriface.structures.base.errors import StudyError
from natriface.workflows.engines.base import engine, engine_names
from natriface.workflows.parts.interfaces.builder import BuiltInterface
from natriface.workflows.parts.interfaces.labels import RegistryScanLabels, RestartLabels
from natriface.workflows.parts.interfaces.request import InterfaceRequest, RegistryScan
from natriface.workflows.parts.interfaces.rounds import add_restart
from natriface.workflows.parts.interfaces.seeds import displaced
from natriface.workflows.plan import Step, StructureFrom
from natriface.workflows.step_maker import StepMaker

if TYPE_CHECKING:
    from natriface.workflows.parts.interfaces.steps import PlannedInterface


def scan_step(
    built: BuiltInterface, source: dict[str, Any], make: StepMaker, request: InterfaceRequest
) -> Step | None:
    """The step that scans an interface's registries and gaps; None where none is asked for.

    Parameters
    ----------
    source
        Where the interface as built comes from.

    An engine that does not scan has one that does find its starts: they decide no energy.

    Raises
    ------
    StudyError
        If no engine scans.
    """
    grid = built.registries
    if grid is None:
        return None
    able = [name for name in (make.engine, *engine_names()) if engine(name).capabilities.scans]
    if not able:
        raise StudyError(
            "interfaces: registry: best: no engine scans registries; give the registry"
        )
    scan = request.scanned_by
    match = built.interface.match
    common = np.array(match.cell)
    lifts = sorted(set(scan.lifts_angstrom))
    return make.step(
        f"{built.label} registry scan",
        "static",
        len(built.interface.atoms),
        engine=able[0],
        **source,
        settings={
            "scan": {
                "shifts": grid.shifts(common),
                "lifts_angstrom": lifts,
                "near": grid.near(scan.apart_angstrom),
                **_followed(scan),
            }
        },
        labels=RegistryScanLabels(
            pair=built.label,
            n_contacts=built.interface.n_contacts,
            vectors_angstrom=grid.vectors.tolist(),
            shape=grid.shape,
            sets=[list(members) for members in grid.sets.values()],
            registries=grid.shifts(np.linalg.solve(np.array(match.substrate_matrix), common)),
            apart_angstrom=scan.apart_angstrom,
        ),
    )


def _followed(scan: RegistryScan) -> dict[str, float]:
    """Left out where shifts are not followed, as before there was the key."""
    return {"beyond_angstrom": scan.beyond_angstrom} if scan.beyond_angstrom else {}


def add_scanned(
    planned: Sequence[PlannedInterface], make: StepMaker, request: InterfaceRequest
) -> None:
    """Add starts at the registries next to the best, apart from it, at each its best gap."""
    registries = request.scanned_by.registries
    for one in planned:
        if one.scan is None or one.built.registries is None:
            continue
        for rank in range(1, min(registries, len(one.built.registries.sets))):
            name = f"registry {rank + 1}"
            restart = make.step(
                f"{one.built.label} interface, {name}",
                "relax",
                one.whole.n_atoms,
                structure_from=StructureFrom(step=one.scan.id, scanned=rank),
                labels=RestartLabels(
                    pair=one.built.label, n_contacts=one.built.interface.n_contacts, round=0
                ),
                settings=displaced(make, request),
            )
            one.scanned.append(restart)
            if one.relaxed:
                add_restart(one, restart, make, name, request.vacuum_angstrom, 0)
            else:
                one.restarts.append(restart)

"""Steps of a study's adsorption energies: surfaces with adatoms on them, bare, and references."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from ase import Atoms

from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import StructureError, each_made
from natriface.structures.crystals.phases import load_phase
from natriface.structures.surfaces.adatom_grid import AdatomGrid, GridPoint, adatom_grid
from natriface.structures.surfaces.adsorption import AdatomSite
from natriface.workflows.parts.adsorption.labels import (
    AdatomLabels,
    BareSurfaceLabels,
    MapPlan,
    PointPlan,
    ReferenceLabels,
    SitePlan,
)
from natriface.workflows.parts.adsorption.request import (
    AdsorptionRequest,
    AdsorptionSurface,
    MapRequest,
)
from natriface.workflows.parts.labels import Labels
from natriface.workflows.plan import Kind, Step
from natriface.workflows.step_maker import StepMaker
from natriface.workflows.surfaces.build import Surface, build_surface, sites_named, with_adatom

_MakeStep = Callable[[str, Kind, Atoms, Labels], Step]

SAME_PLACE = 1e-3
"""Places closer than this, in fractions of the cell, are one."""


def steps(request: AdsorptionRequest, make: StepMaker, root: Path) -> list[Step]:
    """The steps of all surfaces asked for, and of what their energies are referred to.

    The bare slab's labels describe its surface whole: sites, map, and the ids of all their steps.

    Raises
    ------
    StructureError
        If a crystal or surface is not to be had; says for which label.
    """
    references = _references(request, make, root)
    planned = list(references.values())
    ids = {name: step.id for name, step in references.items()}
    made = each_made(
        request.surfaces,
        lambda label, asked: _surface_steps(
            build_surface(label, asked, root), asked, request, make, ids
        ),
    )
    return [*planned, *chain.from_iterable(made.values())]


def _references(request: AdsorptionRequest, make: StepMaker, root: Path) -> dict[str, Step]:
    found: dict[str, Step] = {}
    element = request.element
    for name in request.references:
        if name == "bulk":
            phase = load_phase(request.bulk_phase or element, root)
            if set(phase.atoms.get_chemical_symbols()) != {element}:
                raise StructureError(
                    f"bulk_phase {phase.name} is {phase.formula}; the bulk reference of "
                    f"{element} must be {element}"
                )
            # at the lattice constant its slabs are cut with, so that strain does not enter
            atoms = phase.atoms
            labels = ReferenceLabels(
                role=name, label=element, phase=phase.name, source=phase.source
            )
        else:
            edge = request.box_angstrom
            atoms = Atoms(element, cell=[edge, edge + 0.5, edge + 1.0], pbc=True)
            atoms.center()
            labels = ReferenceLabels(role=name, label=element, box_angstrom=edge)
        found[name] = make.step(
            f"{name} {element}",
            "static",
            len(atoms),
            structure=to_document(atoms),
            labels=labels,
        )
    return found


def _surface_steps(
    surface: Surface,
    asked: AdsorptionSurface,
    request: AdsorptionRequest,
    make: StepMaker,
    references: dict[str, str],
) -> list[Step]:
    label = surface.label

    def step(name: str, kind: Kind, atoms: Atoms, labels: Labels) -> Step:
        return make.step(
            f"{label} {name}", kind, len(atoms), structure=to_document(atoms), labels=labels
        )

    planned: list[Step] = []
    sites = []
    site_labels = AdatomLabels(role="site", label=label)
    chosen = sites_named(surface, asked.sites)
    for number, site in enumerate(chosen, start=1):
        atoms = with_adatom(surface, site.scaled, held=asked.relax == "z")
        made = step(f"{asked.element} {number} {site.label}", "relax", atoms, site_labels)
        planned.append(made)
        sites.append(
            SitePlan(
                label=site.label,
                kind=site.kind,
                scaled=site.scaled,
                multiplicity=site.multiplicity,
                step=made.id,
            )
        )
    mapped: MapPlan | None = None
    bare: dict[str, str] = {}
    if asked.map is not None:
        kind: Kind = "relax" if asked.map.relax == "z" else "static"
        held = chosen if asked.relax == asked.map.relax else []
        mapped, points = _map_steps(surface, asked.map, kind, step, held)
        planned += points
        if kind == "static":
            labels = AdatomLabels(role="rigid_slab", label=label)
            rigid = step("slab, rigid", "static", surface.atoms, labels)
            planned.append(rigid)
            bare["rigid_slab"] = rigid.id
    whole = BareSurfaceLabels(
        label=label,
        surface=surface.labels(),
        facet=list(asked.miller),
        element=asked.element,
        relax=asked.relax,
        sites=sites,
        map=mapped,
        reference_steps={**references, **bare},
        cohesive_energy=request.cohesive_energy,
    )
    return [*planned, step("slab", "relax", surface.atoms, whole)]


def _map_steps(
    surface: Surface, asked: MapRequest, kind: Kind, step: _MakeStep, held: Sequence[AdatomSite]
) -> tuple[MapPlan, list[Step]]:
    """What the map is, and its points' steps; of equal points that of a site held alike is taken.

    It is then the same step, and computed once.
    """
    grid = adatom_grid(
        surface.cell,
        surface.request.element,
        spacing_angstrom=asked.spacing_angstrom,
        shape=asked.shape,
    )
    made = [
        step(
            f"{surface.request.element} at {point.index[0]}-{point.index[1]}",
            kind,
            with_adatom(surface, _site_of(point, grid, held) or point.scaled, held=True),
            AdatomLabels(role="map_point", label=surface.label),
        )
        for point in grid.points
    ]
    points = [
        PointPlan(
            index=point.index, scaled=point.scaled, equivalents=point.equivalents, step=one.id
        )
        for point, one in zip(grid.points, made, strict=True)
    ]
    mapped = MapPlan(
        shape=grid.shape,
        origin=grid.origin,
        relax=asked.relax,
        n_operations=grid.n_operations,
        points=points,
    )
    return mapped, made


def _site_of(
    point: GridPoint, grid: AdatomGrid, sites: Sequence[AdatomSite]
) -> tuple[float, float] | None:
    """Where one of the sites lies that is a place of the point's set, if any is."""
    places = np.array(grid.origin) + np.array(point.equivalents) / np.array(grid.shape)
    for site in sites:
        apart = places - np.array(site.scaled)
        if np.abs(apart - np.round(apart)).max(axis=1).min() < SAME_PLACE:
            return site.scaled
    return None

"""Steps of a study's migration barriers: for every hop its end points and its band."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from natriface.structures.base.atoms import to_document
from natriface.structures.base.bounds import require_supercell
from natriface.structures.base.errors import Problems, StructureError
from natriface.structures.chemistry.unit_charges import given_charges
from natriface.structures.crystals.phases import load_phase
from natriface.structures.paths.hop_endpoints import HopEndpoints, hop_endpoints
from natriface.structures.paths.hops import adatom_hops, interstitial_hops, vacancy_hops
from natriface.workflows.engines.base import engine
from natriface.workflows.parts.migration.band_steps import band_steps
from natriface.workflows.parts.migration.labels import HopLabels
from natriface.workflows.parts.migration.request import (
    BulkHops,
    MigrationRequest,
    SurfaceHops,
)
from natriface.workflows.plan import Step
from natriface.workflows.step_maker import StepMaker
from natriface.workflows.surfaces.build import build_surface, sites_named
from natriface.workflows.surfaces.crystal_build import ordered


def steps(request: MigrationRequest, make: StepMaker, root: Path) -> list[Step]:
    """The steps of all hops asked for.

    Raises
    ------
    StructureError
        If a crystal, surface or hop is not to be had; says for which label.
    """
    problems = Problems()
    bulk = problems.each_made(
        request.bulk,
        lambda label, asked: _labelled(label, make, request, *_bulk_hops(label, asked, root)),
    )
    surfaces = problems.each_made(
        request.surfaces,
        lambda label, asked: _labelled(label, make, request, *_surface_hops(label, asked, root)),
    )
    problems.raise_any()
    return [step for made in (*bulk.values(), *surfaces.values()) for step in made]


def _bulk_hops(
    label: str, asked: BulkHops, root: Path
) -> tuple[list[HopEndpoints], dict[str, Any]]:
    try:
        phase = load_phase(asked.phase, root)
        if asked.ordering is not None and not phase.is_ordered:
            phase = ordered(phase, asked.ordering, asked.charges)
        require_supercell(len(phase.atoms), asked.repeats or (1, 1, 1))
        charge = None
        if asked.charges is not None:
            charges = given_charges(phase, asked.charges)
            carriers = charges[phase.atoms.symbols == asked.element]
            charge = float(carriers.mean()) if len(carriers) else None
        find = vacancy_hops if asked.path_type == "vacancy" else interstitial_hops
        hops = find(phase.atoms, asked.element, max_length_angstrom=asked.max_length_angstrom)
        ends = [
            hop_endpoints(
                phase.atoms,
                hop,
                asked.repeats,
                compensation=asked.compensation,
                carrier_charge_e=charge,
                min_size_angstrom=asked.min_size_angstrom,
            )
            for hop in hops[: asked.max_hops]
        ]
    except StructureError as error:
        raise StructureError(f"hops in {label}: {error}") from None
    return ends, {
        "phase": phase.name,
        "grade": phase.grade,
        "source": phase.source,
        "n_distinct_hops": len(hops),
        "host_cell": to_document(phase.atoms),
    }


def _surface_hops(
    label: str, asked: SurfaceHops, root: Path
) -> tuple[list[HopEndpoints], dict[str, Any]]:
    surface = build_surface(label, asked, root)
    try:
        hops = adatom_hops(
            surface.cell,
            asked.element,
            sites_named(surface, asked.sites),
            facet=asked.miller,
            max_length_angstrom=asked.max_length_angstrom,
        )
        ends = [hop_endpoints(surface.cell, hop, surface.repeats) for hop in hops[: asked.max_hops]]
    except StructureError as error:
        raise StructureError(f"hops on {label}: {error}") from None
    return ends, {
        "phase": surface.phase.name,
        "grade": surface.phase.grade,
        "source": surface.phase.source,
        "n_distinct_hops": len(hops),
        "surface": surface.labels(),
    }


def _labelled(
    label: str,
    make: StepMaker,
    request: MigrationRequest,
    hops: list[HopEndpoints],
    common: dict[str, Any],
) -> list[Step]:
    planned: list[Step] = []
    for number, ends in enumerate(hops, start=1):
        labels = HopLabels(
            label=label,
            hop=number,
            hop_label=ends.hop.label,
            temperature_k=request.temperature_k,
            **common,
            **ends.metadata(),
        )
        planned += band_steps(
            _charged(make, ends.charge_e),
            label if len(hops) == 1 else f"{label} {number}",
            ends.initial,
            ends.final,
            labels,
            pre_engine=None if request.pre_engine == "none" else request.pre_engine,
        )
    return planned


def _charged(make: StepMaker, charge_e: float) -> StepMaker:
    """Makes the same steps, of cells with a charge where the study's engine is told of it."""
    if not charge_e or not engine(make.engine).capabilities.charge:
        return make
    given = dict(make.study.settings)
    for kind in ("relax", "static", "neb"):
        given[kind] = {**given.get(kind, {}), "charge_e": charge_e}
    return replace(make, study=make.study.model_copy(update={"settings": given}))

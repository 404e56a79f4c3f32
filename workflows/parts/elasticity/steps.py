"""Steps of a study's elastic tensors: each crystal relaxed, and then under each distinct strain."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from ase import Atoms

from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import StudyError, each_made
from natriface.structures.crystals.straining import distinct_strains, stretch_of
from natriface.workflows.engines.base import engine
from natriface.workflows.parts.elasticity.labels import (
    CrystalLabels,
    StrainedLabels,
    UnstrainedLabels,
)
from natriface.workflows.parts.elasticity.request import ElasticityRequest
from natriface.workflows.plan import Gradient, Step, StructureFrom
from natriface.workflows.step_maker import StepMaker
from natriface.workflows.surfaces.crystal_build import crystal_as_asked
from natriface.workflows.surfaces.crystal_steps import relaxed_crystal

_DIGITS = 10
"""Of a deformation, so that a step's id does not depend on rounding."""


def steps(request: ElasticityRequest, make: StepMaker, root: Path) -> list[Step]:
    """The steps of all crystals.

    Raises
    ------
    StructureError
        If a crystal is not to be had.
    StudyError
        If the engine cannot relax a cell, or gives no stress.
    """
    found: list[Step] = []
    crystals = each_made(
        request.crystals, lambda label, asked: crystal_as_asked(label, asked, root)
    )
    for label, (phase, atoms, doping) in crystals.items():
        labels = CrystalLabels(
            label=label, phase=phase.name, grade=phase.grade, source=phase.source, doping=doping
        )
        bulk = relaxed_crystal(label, atoms, make, labels)
        found += [bulk, *_strained(labels, atoms, bulk, request, make)]
    return found


def _strained(
    crystal: CrystalLabels, atoms: Atoms, bulk: Step, request: ElasticityRequest, make: StepMaker
) -> list[Step]:
    label = crystal.label
    settings = engine(make.engine).capabilities.telling_stress
    if not settings:
        raise StudyError(
            f"engine {make.engine} gives no stress of a strained crystal; choose another engine"
        )
    # in the plane waves of this cell, as the strained ones; a relaxation keeps those it began with
    unstrained = make.step(
        f"{label} unstrained",
        "relax",
        bulk.n_atoms,
        structure_from=StructureFrom(step=bulk.id),
        settings=dict(settings),
        labels=UnstrainedLabels(label=label, crystal=crystal),
    )
    strains = distinct_strains(atoms)
    strained = [
        make.step(
            f"{label} strained by {size:g}, {number} of {len(strains)}",
            "relax",
            bulk.n_atoms,
            structure_from=StructureFrom(step=bulk.id, deformation=_gradient(size * strain)),
            settings=dict(settings),
            labels=StrainedLabels(label=label, size=size, unstrained=unstrained.id),
        )
        for size in request.strains
        for number, strain in enumerate(strains, 1)
    ]
    return [unstrained, *strained]


def _gradient(strain: FloatArray) -> Gradient:
    rows = (stretch_of(strain).round(_DIGITS) + 0.0).tolist()
    return cast(Gradient, tuple(tuple(row) for row in rows))

"""Steps of the toy part."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from natriface.structures.base.atoms import to_document
from natriface.structures.crystals.phases import load_phase
from natriface.workflows.plan import Step
from natriface.workflows.step_maker import StepMaker
from tests.workflows.parts.toy.labels import ToyLabels
from tests.workflows.parts.toy.request import ToyRequest
from tests.workflows.trivial_engine import NAME


def steps(request: ToyRequest, make: StepMaker, root: Path) -> list[Step]:
    """One calculation for each crystal and scale."""
    planned = []
    for label, phase in request.crystals.items():
        for scale in request.scales:
            atoms = load_phase(phase, root).atoms.copy()
            atoms.set_cell(scale * np.asarray(atoms.cell), scale_atoms=True)
            planned.append(
                make.step(
                    f"{label} x {scale:g}",
                    "static",
                    len(atoms),
                    engine=NAME,
                    structure=to_document(atoms),
                    labels=ToyLabels(label=label, scale=scale),
                )
            )
    return planned

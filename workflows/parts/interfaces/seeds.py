"""What of a study of interfaces is drawn at random: displacements of starts, and annealing."""

from __future__ import annotations

from typing import Any

from natriface.structures.base.errors import StudyError
from natriface.workflows.engines.relaxation import RATTLE_SEED
from natriface.workflows.parts.interfaces.request import MOST_STARTS, InterfaceRequest
from natriface.workflows.step_maker import StepMaker


def displaced(make: StepMaker, request: InterfaceRequest) -> dict[str, Any]:
    """Settings of a relaxation whose start is displaced at random, beyond those of the study.

    Raises
    ------
    StudyError
        If a seed is given where nothing is drawn.
    """
    if not request.seed:
        return {}
    if make.settings("relax").get("rattle_angstrom"):
        return {"rattle_seed": RATTLE_SEED + request.seed}
    if request.starts > 1:
        return {}
    raise StudyError(
        f"interfaces: seed: {request.seed}: nothing is drawn at random in this study; leave it "
        "out, or give rattle_angstrom among the settings of relax"
    )


def annealed(request: InterfaceRequest, number: int) -> dict[str, Any]:
    """Settings of a relaxation that begins with annealing, of the start of this number from 1."""
    seed = number + MOST_STARTS * request.seed
    return {"anneal": {**request.anneal.model_dump(), "seed": seed}}

"""Steps of contacts in motion: of each relaxed interface, a run a temperature and seed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from natriface.structures.base.errors import StudyError
from natriface.workflows.engines.base import engine
from natriface.workflows.parts.dynamics.labels import DynamicsLabels
from natriface.workflows.parts.dynamics.request import StudyKeys
from natriface.workflows.parts.interfaces.builder import BuiltInterface, build_interfaces
from natriface.workflows.parts.interfaces.steps import relaxed_interface
from natriface.workflows.plan import Step, StructureFrom
from natriface.workflows.step_maker import StepMaker


def steps(request: StudyKeys, make: StepMaker, root: Path) -> list[Step]:
    """The runs; what they start from are steps of the study's interfaces.

    Raises
    ------
    StructureError
        If an interface is not to be had; says which.
    StudyError
        If the study's engine moves nothing at a temperature.
    """
    assert request.dynamics is not None
    thermostat = engine(make.engine).capabilities.thermostat
    if thermostat is None:
        raise StudyError(
            f"dynamics: engine {make.engine} moves nothing at a temperature; take engine potential "
            "or vasp, or leave dynamics out"
        )
    runs = [(k, s + 1) for k in request.dynamics.kelvin for s in range(request.dynamics.seeds)]
    return [
        _run(
            built,
            relaxed_interface(request, make, built).whole,
            make,
            thermostat(kelvin, seed),
            DynamicsLabels(pair=built.label, kelvin=kelvin, seed=seed),
        )
        for built in build_interfaces(request, root)
        for kelvin, seed in runs
    ]


def _run(
    built: BuiltInterface,
    relaxed: Step,
    make: StepMaker,
    settings: Mapping[str, Any],
    labels: DynamicsLabels,
) -> Step:
    return make.step(
        f"{built.label} at {labels.kelvin:g} K, seed {labels.seed}",
        "md",
        relaxed.n_atoms,
        structure_from=StructureFrom(step=relaxed.id),
        settings=dict(settings),
        labels=labels,
    )

"""From a study to its plan: the steps of all its parts, checked by their engines."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from natriface.workflows.engines.base import engine
from natriface.workflows.parts.interfaces import steps as interfaces
from natriface.workflows.plan import Plan, Step
from natriface.workflows.protocols import load_protocol
from natriface.workflows.starts import with_starts
from natriface.workflows.step_maker import StepMaker
from natriface.workflows.study import Study


class _Part(Protocol):
    def steps(self, study: Study, request: Any, make: StepMaker, root: Path) -> list[Step]: ...


def plan_study(study: Study, root: Path, *, to_run: bool = True) -> Plan:
    """The steps of a study, checked by their engines.

    Parameters
    ----------
    root
        Folder that the paths of users' crystals and protocols are relative to.
    to_run
        False where the plan is only looked at: then the engines need not be able to run here.

    Raises
    ------
    NatrifaceError
        If a structure cannot be built or an engine cannot do a step; nothing has run by then.
    """
    make = StepMaker(study, load_protocol(study.protocol, root))
    steps = interfaces.steps(study, make, root) if study.has_interfaces else []
    for name, request in study.parts().items():
        part: _Part = import_module(f"natriface.workflows.parts.{name}")
        steps += part.steps(study, request, make, root)
    plan = Plan.of(study.name, steps)
    for step in with_starts(plan) if to_run else ():
        engine(step.engine).check(step)
    return plan

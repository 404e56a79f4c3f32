"""From a study to its plan: the steps of all its parts, checked by their engines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from natriface.analysis.results.published import load_published
from natriface.structures.base.errors import NatrifaceError, StudyError, UnavailableError
from natriface.workflows.engines.base import engine
from natriface.workflows.parts import PARTS
from natriface.workflows.plan import Plan, Step
from natriface.workflows.step_maker import StepMaker
from natriface.workflows.steps.starts import with_starts
from natriface.workflows.study import Study


class _Part(Protocol):
    def steps(self, request: Any, make: StepMaker, root: Path) -> list[Step]: ...


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
    if study.compare_with is not None:
        load_published(study.compare_with)  # the report will need it, when all is computed
    make = StepMaker.of(study, root)
    steps: list[Step] = []
    for name, request in study.parts().items():
        part: _Part = import_module(f"{PARTS[name]}.steps")
        steps += part.steps(request, make, root)
    plan = Plan.of(study.name, steps, make.protocol.description)
    for name, number in Counter(step.name for step in plan.walk()).items():
        if number > 1:
            raise StudyError(
                f"{number} different steps would be named {name!r}; give what they are of labels "
                "that differ"
            )
    if to_run:
        check_steps(plan)
    return plan


def check_steps(plan: Plan) -> None:
    """Have the engines check every step, those that start from another's structure at its start.

    Raises
    ------
    NatrifaceError
        If an engine cannot do a step.
    """
    for _, complaint in _complaints(plan):
        raise complaint


def lacking(plan: Plan) -> list[str]:
    """What this machine lacks to run the plan, each thing once.

    Raises
    ------
    NatrifaceError
        If an engine cannot do a step on any machine.
    """
    found: dict[str, None] = {}
    for step, complaint in _complaints(plan):
        if not isinstance(complaint, UnavailableError):
            raise complaint
        found[str(complaint).removeprefix(f"{step.name}: ")] = None
    return list(found)


def _complaints(plan: Plan) -> Iterator[tuple[Step, NatrifaceError]]:
    for step, started in zip(plan.walk(), with_starts(plan), strict=True):
        try:
            engine(step.engine).check(started)
        except NatrifaceError as error:
            where = "" if step.name in str(error) else f"{step.name}: "
            yield step, type(error)(f"{where}{error}")

"""From a study to its plan: the steps of all its parts, checked by their engines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from natriface.analysis.results.published import load_published
from natriface.analysis.results.result import Result
from natriface.structures.base.errors import (
    MissingProgramError,
    NatrifaceError,
    Problems,
    StudyError,
    UnavailableError,
)
from natriface.workflows.engines.base import engine
from natriface.workflows.parts import IN_STAGES, PARTS
from natriface.workflows.plan import Plan, Step
from natriface.workflows.running.budget import Allowance, affordable, spent_s
from natriface.workflows.running.status import ENDED_WITHOUT, StepStatus
from natriface.workflows.step_maker import StepMaker
from natriface.workflows.steps.history import History
from natriface.workflows.steps.starts import with_starts
from natriface.workflows.study import Study
from natriface.workflows.workspace import Workspace

if TYPE_CHECKING:
    from natriface.workflows.report.table import Table


class _Part(Protocol):
    def steps(self, request: Any, make: StepMaker, root: Path) -> list[Step]: ...


class _PartInStages(Protocol):
    def decide(
        self,
        plan: Plan,
        request: Any,
        ended: Mapping[str, Result | str],
        made_before: Container[str],
    ) -> list[Any]: ...

    def in_turn(self, plan: Plan) -> list[list[str]]: ...

    def discarded(
        self, plan: Plan, request: Any, decided: Mapping[str, Mapping[str, Any]]
    ) -> set[str]: ...

    def ranking(
        self, plan: Plan, ended: Mapping[str, Result | str], names: Mapping[str, str], top: int
    ) -> list[Table]: ...

    def foreseen(
        self, request: Any, make: StepMaker, root: Path
    ) -> tuple[list[Table], list[Step]]: ...


def plan_study(
    study: Study,
    root: Path | str,
    *,
    to_run: bool = True,
    programs_in_jobs: bool = False,
    decided: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> Plan:
    """The steps of a study, checked by their engines.

    Parameters
    ----------
    root
        Folder that the paths of users' crystals and protocols are relative to.
    to_run
        False where the plan is only looked at: then the engines need not be able to run here.
    programs_in_jobs
        Whether it runs in jobs whose first lines may bring programs that are not found here.
    decided
        Decisions of parts in stages, by name, as `Workspace.decisions` has them.

    Raises
    ------
    NatrifaceError
        If structures cannot be built or an engine cannot do a step, saying all that is known of
        the study's parts; nothing has run by then.

    Examples
    --------
    >>> from natriface.workflows import load_study, plan_study, study_path
    >>> path = study_path("na-surfaces")
    >>> plan = plan_study(load_study(path), path.parent, to_run=False)
    >>> plan.steps[0].name
    'NaF bulk'
    """
    root = Path(root)
    problems = Problems()
    with problems.gathering():
        if study.compare_with is not None:
            load_published(study.compare_with)  # the report will need it, when all is computed
    make = StepMaker.of(study, root, decided)
    steps: list[Step] = []
    for name, request in study.parts().items():
        part: _Part = import_module(f"{PARTS[name]}.steps")
        before = {step.name: step.id for step in steps}
        with problems.gathering():
            for step in part.steps(request, make, root):
                taken = before.get(step.name, step.id) != step.id
                told_apart = f"{step.name}, {name.replace('_', ' ')}"
                steps.append(step.model_copy(update={"name": told_apart}) if taken else step)
    problems.raise_any()
    plan = Plan.of(study.name, steps, make.protocol.description)
    for name, number in Counter(step.name for step in plan.walk()).items():
        if number > 1:
            raise StudyError(
                f"{number} different steps would be named {name!r}; give what they are of labels "
                "that differ"
            )
    if to_run:
        check_steps(plan, programs_in_jobs)
    return plan


def in_stages(study: Study) -> dict[str, Any]:
    """Of what a study asks for, the parts in stages."""
    return {name: request for name, request in study.parts().items() if name in IN_STAGES}


def beginning(
    study: Study, plan: Plan, workspace: Workspace, statuses: Sequence[StepStatus], budget_h: float
) -> Allowance:
    """What a budget of core-hours lets begin of a plan by now."""
    history = History.of(workspace)
    left_s = 3600 * budget_h - spent_s(workspace, statuses)
    in_turn: list[list[str]] = []
    for name in in_stages(study):
        part: _PartInStages = import_module(f"{PARTS[name]}.decisions")
        in_turn += part.in_turn(plan)
    cost_s = {step.id: estimate.core_seconds for step, estimate in history.estimates(plan)}
    return affordable(plan, in_turn, statuses, left_s, cost_s)


def decide(study: Study, plan: Plan, workspace: Workspace, statuses: Sequence[StepStatus]) -> int:
    """Write down what the parts in stages can decide by now; how many decisions are new.

    Raises
    ------
    WorkspaceError
        If the workspace cannot be written.
    """
    ended, known = _Ended(workspace, statuses), workspace.decisions()
    new = 0
    for name, request in in_stages(study).items():
        part: _PartInStages = import_module(f"{PARTS[name]}.decisions")
        for decision in part.decide(plan, request, ended, known.keys()):
            workspace.save_decision(decision.id, decision.model_dump(mode="json"))
            new += 1
    return new


def discarded(study: Study, plan: Plan, workspace: Workspace) -> set[str]:
    """Ids of the steps that are of no further use by what the parts in stages have decided.

    What another step of the plan starts from is of use.
    """
    found: set[str] = set()
    for name, request in in_stages(study).items():
        part: _PartInStages = import_module(f"{PARTS[name]}.decisions")
        found |= part.discarded(plan, request, workspace.decisions())
    for step in reversed(list(plan.walk())):  # parents stand before children
        if step.id not in found:
            found.difference_update(step.parents)
    return found


class _Ended(Mapping[str, Result | str]):
    """Step id -> its result, or why it has none and, as things are, will have none.

    A result is read when it is first asked for.
    """

    def __init__(self, workspace: Workspace, statuses: Sequence[StepStatus]) -> None:
        self._workspace = workspace
        self._steps = {
            step.id: step for step in statuses if step.state in ("finished", *ENDED_WITHOUT)
        }
        self._results: dict[str, Result] = {}

    def __getitem__(self, identifier: str) -> Result | str:
        step = self._steps[identifier]
        if step.state != "finished":
            return f"{step.name}: {step.reason or step.state}"
        if identifier not in self._results:
            self._results[identifier] = self._workspace.result(identifier)
        return self._results[identifier]

    def __iter__(self) -> Iterator[str]:
        return iter(self._steps)

    def __len__(self) -> int:
        return len(self._steps)


def ranking(
    study: Study, plan: Plan, workspace: Workspace, statuses: Sequence[StepStatus], top: int
) -> list[Table]:
    """How the parts in stages stand: first across groups, last the best `top` of each group."""
    asked = in_stages(study)
    if not asked:
        return []  # and no result is read
    ended = _Ended(workspace, statuses)
    names = {step: folder.name for step, folder in workspace.folders().items()}
    found: list[Table] = []
    for name in asked:
        part: _PartInStages = import_module(f"{PARTS[name]}.funnel")
        found += part.ranking(plan, ended, names, top)
    return found


def foreseen(
    study: Study,
    root: Path | str,
    decided: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> list[Table]:
    """What the stages of the study's parts come to, before anything runs.

    Raises
    ------
    NatrifaceError
        As `plan_study`.
    """
    return stages_foreseen(study, root, decided)[0]


def stages_foreseen(
    study: Study,
    root: Path | str,
    decided: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> tuple[list[Table], list[Step]]:
    """`foreseen`, and the steps of all stages, of those not decided yet as expected.

    Raises
    ------
    NatrifaceError
        As `plan_study`.
    """
    root = Path(root)
    make = StepMaker.of(study, root, decided)
    tables: list[Table] = []
    steps: list[Step] = []
    for name, request in in_stages(study).items():
        part: _PartInStages = import_module(f"{PARTS[name]}.funnel")
        of_part, expected = part.foreseen(request, make, root)
        tables += of_part
        steps += expected
    return tables, steps


def check_steps(plan: Plan, programs_in_jobs: bool = False) -> None:
    """Have the engines check every step, those that start from another's structure at its start.

    Parameters
    ----------
    programs_in_jobs
        As in `plan_study`.

    Raises
    ------
    NatrifaceError
        If engines cannot do steps, each reason once, with its first step.
    """
    problems = Problems()
    problems.found.extend(
        complaint
        for complaint in _distinct_complaints(plan).values()
        if not (programs_in_jobs and isinstance(complaint, MissingProgramError))
    )
    problems.raise_any()


def lacking(plan: Plan) -> list[str]:
    """What this machine lacks to run the plan, each thing once.

    Raises
    ------
    NatrifaceError
        If engines cannot do steps on any machine, each reason once, with its first step.
    """
    problems, found = Problems(), []
    for text, complaint in _distinct_complaints(plan).items():
        if isinstance(complaint, UnavailableError):
            found.append(text)
        else:
            problems.found.append(complaint)
    problems.raise_any()
    return found


def _distinct_complaints(plan: Plan) -> dict[str, NatrifaceError]:
    """What the engines say against a plan's steps, by its text without the name of the step."""
    found: dict[str, NatrifaceError] = {}
    for step, started in zip(plan.walk(), with_starts(plan), strict=True):
        try:
            engine(step.engine).check(started)
        except NatrifaceError as error:
            where = "" if step.name in str(error) else f"{step.name}: "
            said = str(error).removeprefix(f"{step.name}: ")
            found.setdefault(said, type(error)(f"{where}{error}"))
    return found

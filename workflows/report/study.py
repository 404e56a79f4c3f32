"""From a workspace to its report: the results at hand, the plan, and why what is missing is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from natriface.analysis.figures.style import FigureWidth, as_wide_as
from natriface.analysis.results.result import RESULT_FILE, Result
from natriface.analysis.results.tidied import is_tidied
from natriface.structures.base.errors import ReaderError
from natriface.workflows.parts import IN_STAGES
from natriface.workflows.plan import Plan
from natriface.workflows.report.page import ProtocolRecord, Setting, known_as, write_report
from natriface.workflows.report.steps import ExpectedStep
from natriface.workflows.running.status import StepStatus
from natriface.workflows.study import Study
from natriface.workflows.workspace import Workspace

REPORT_FOLDER = "report"


def report_study(
    study: Study,
    plan: Plan,
    workspace: Workspace,
    statuses: Sequence[StepStatus],
    figures: FigureWidth | None = None,
    goes_on: str | None = None,
) -> Path:
    """Write the report of a study's finished steps into its workspace; path of the page.

    Parameters
    ----------
    figures
        How wide they are drawn; each as it needs where it is not said.
    goes_on
        The command that computes what is left; by default that of the whole study.
    """
    command = "screen" if study.parts().keys() & set(IN_STAGES) else "run"
    results, missing = [], {}
    folders = workspace.folders()
    state = {status.id: status for status in statuses}
    for step in plan.walk():
        folder = folders.get(step.id)
        status = state.get(step.id)
        if status is not None and status.state != "finished":
            missing[step.id] = f"{status.state}: {status.reason}" if status.reason else status.state
        if folder is None or not ((folder / RESULT_FILE).is_file() or is_tidied(folder)):
            continue
        try:
            results.append(Result.load(folder))
        except ReaderError as error:
            missing[step.id] = str(error)
    expected = [
        ExpectedStep(step.id, step.name, step.kind, step.n_atoms, step.metadata)
        for step in plan.walk()
    ]
    with as_wide_as(figures):
        return write_report(
            results,
            workspace.root / REPORT_FOLDER,
            study_name=study.name,
            title=study.title,
            expected=expected,
            compare_with=study.compare_with,
            scorecard=study.scorecard,
            missing=missing,
            folders=folders,
            protocol=protocol_record(study, plan),
            goes_on=goes_on or f"natriface {command} {known_as(study.name)}",
        )


def protocol_record(study: Study, plan: Plan) -> ProtocolRecord:
    """The settings that the plan's kinds of calculation were given, each with its source."""
    used: dict[tuple[str, str], dict[str, tuple[Any, str]]] = {}
    for step in plan.walk():
        said = used.setdefault((step.engine, step.kind), {})
        for name, source in step.sources.items():
            said.setdefault(name, (step.settings[name], source))
    several = len({engine for engine, _ in used}) > 1
    settings = []
    for engine, kind in sorted(used):
        overrides = study.overrides(kind, engine)
        said = used[engine, kind] | {k: (v, "study: override") for k, v in overrides.items()}
        label = f"{engine} {kind}" if several else kind
        settings += [
            Setting(kind=label, name=name, value=value, source=source)
            for name, (value, source) in said.items()
        ]
    names = dict.fromkeys(step.protocol for step in plan.walk())
    return ProtocolRecord(
        name=", ".join(names) or study.protocol,
        description=plan.settings_description,
        settings=settings,
    )

"""From a workspace to its report: the results at hand, the plan, and why what is missing is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from natriface.analysis.report import ExpectedStep, ProtocolRecord, Setting, write_report
from natriface.analysis.results import RESULT_FILE, Result
from natriface.structures.errors import ReaderError
from natriface.workflows.plan import Plan
from natriface.workflows.protocols import load_protocol
from natriface.workflows.status import StepStatus
from natriface.workflows.study import Study
from natriface.workflows.workspace import Workspace

REPORT_FOLDER = "report"


def report_study(
    study: Study, plan: Plan, workspace: Workspace, statuses: Sequence[StepStatus], root: Path
) -> Path:
    """Write the report of a study's finished steps into its workspace; path of the page.

    Parameters
    ----------
    root
        Folder of the study's file, which its protocol's path is relative to.
    """
    results, missing = [], {}
    folders = workspace.folders()
    state = {status.id: status for status in statuses}
    for step in plan.walk():
        folder = folders.get(step.id)
        status = state.get(step.id)
        if status is not None and status.state != "finished":
            missing[step.id] = f"{status.state}: {status.reason}" if status.reason else status.state
        if folder is None or not (folder / RESULT_FILE).is_file():
            continue
        try:
            results.append(Result.load(folder))
        except ReaderError as error:
            missing[step.id] = str(error)
    expected = [
        ExpectedStep(step.id, step.name, step.kind, step.n_atoms, step.metadata)
        for step in plan.walk()
    ]
    return write_report(
        results,
        workspace.root / REPORT_FOLDER,
        study_name=study.name,
        title=study.title,
        expected=expected,
        compare_with=study.compare_with,
        missing=missing,
        protocol=protocol_record(study, plan, root),
    )


def protocol_record(study: Study, plan: Plan, root: Path) -> ProtocolRecord:
    """The settings the plan's kinds of calculation use, each with its source."""
    protocol = load_protocol(study.protocol, root)
    settings = []
    for kind in sorted({step.kind for step in plan.walk()}):
        overrides = study.settings.get(kind, {})
        for name, choice in protocol.choices(study.engine, kind).items():
            if name not in overrides:
                settings.append(
                    Setting(kind=kind, name=name, value=choice.value, source=choice.source)
                )
        for name, value in overrides.items():
            settings.append(Setting(kind=kind, name=name, value=value, source="study: override"))
    return ProtocolRecord(name=protocol.name, description=protocol.description, settings=settings)

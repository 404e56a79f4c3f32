"""Studies, plans, engines and the command line."""

from typing import TYPE_CHECKING

from natriface.structures.base.exports import export

if TYPE_CHECKING:
    from natriface.workflows.commands.build import write_study_structures as write_study_structures
    from natriface.workflows.commands.studies.study_run import StudyRun as StudyRun
    from natriface.workflows.commands.studies.study_run import run_study as run_study
    from natriface.workflows.plan import Plan as Plan
    from natriface.workflows.plan import Step as Step
    from natriface.workflows.planning import foreseen as foreseen
    from natriface.workflows.planning import plan_study as plan_study
    from natriface.workflows.protocols import load_protocol as load_protocol
    from natriface.workflows.report.study import report_study as report_study
    from natriface.workflows.running.run import RunSummary as RunSummary
    from natriface.workflows.running.run import run_plan as run_plan
    from natriface.workflows.study import Study as Study
    from natriface.workflows.study import load_study as load_study
    from natriface.workflows.study import study_names as study_names
    from natriface.workflows.study import study_path as study_path
    from natriface.workflows.workspace import Workspace as Workspace
else:
    __all__, __getattr__, __dir__ = export(
        __name__,
        {
            "commands.build": "write_study_structures",
            "commands.studies.study_run": "StudyRun run_study",
            "plan": "Plan Step",
            "planning": "foreseen plan_study",
            "protocols": "load_protocol",
            "report.study": "report_study",
            "running.run": "RunSummary run_plan",
            "study": "Study load_study study_names study_path",
            "workspace": "Workspace",
        },
    )

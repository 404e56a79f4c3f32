"""A study run from Python, and what it has come to."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from html import escape
from os.path import relpath
from pathlib import Path
from typing import Any

from natriface.analysis.results.bond_populations import BondPopulations
from natriface.analysis.results.result import Result
from natriface.analysis.results.wording import counted
from natriface.structures.base.errors import StudyError
from natriface.structures.base.reprs import short_repr
from natriface.structures.chemistry.polyanions import formula
from natriface.workflows.commands.studies.course import Course
from natriface.workflows.parts.electronic_structure.records import load_bonds
from natriface.workflows.plan import Plan
from natriface.workflows.planning import ranking
from natriface.workflows.report.study import report_study
from natriface.workflows.report.table import Table
from natriface.workflows.running.interruption import end_by
from natriface.workflows.running.progress import progress_for
from natriface.workflows.running.run import RunSummary
from natriface.workflows.study import Study, study_path
from natriface.workflows.workspace import Workspace


@dataclass(frozen=True)
class StudyRun:
    """What a study has come to.

    Attributes
    ----------
    plan
        With the stages that were decided on by now.
    summary
        How this run of it ended.
    report
        The page; its tables lie beside it as CSV files.
    """

    study: Study
    plan: Plan
    workspace: Workspace
    summary: RunSummary
    report: Path

    def __repr__(self) -> str:
        return short_repr(self, self.study.name, self._states(), str(self._link()))

    def _repr_html_(self) -> str:
        failed = "".join(
            f"<li>{escape(step.name)}: {escape(step.reason or 'no reason is known')}</li>"
            for step in self.summary.failed
        )
        return (
            f"<p><b>{escape(self.study.title)}</b>: {self._states()}. "
            f'<a href="{escape(self._link().as_posix())}" target="_blank">report</a></p>'
            + (f"<ul>{failed}</ul>" if failed else "")
        )

    def results(self) -> dict[str, Result]:
        """Of every finished step, by its name.

        Examples
        --------
        >>> energies = {  # doctest: +SKIP
        ...     name: result.energy_ev for name, result in run.results().items()
        ... }
        """
        return {
            step.name: self.workspace.result(step.id)
            for step in self.summary.steps
            if step.state == "finished"
        }

    def records(self) -> list[dict[str, Any]]:
        """Every finished step as a row of a table, e.g. for ``pandas.DataFrame``.

        What is not converged has no energy.
        """
        rows = []
        for name, result in self.results().items():
            atoms = result.final_atoms() if result.final_structure else None
            rows.append(
                {
                    "step": name,
                    "kind": result.kind,
                    "status": result.status,
                    "formula": None if atoms is None else formula(atoms.numbers),
                    "n_atoms": None if atoms is None else len(atoms),
                    "energy_ev": result.energy_ev if result.status == "converged" else None,
                    "engine": result.engine.words,
                }
            )
        return rows

    def bonds(self) -> dict[str, BondPopulations]:
        """Of every finished step that has computed bonds, by its name."""
        return {
            name: load_bonds(result, self.folder(name))
            for name, result in self.results().items()
            if result.kind in ("bonding", "lobster") and result.status == "converged"
        }

    def folder(self, step: str) -> Path:
        """Of the step of that name, or id, with all its files.

        Raises
        ------
        WorkspaceError
            If there is none.
        """
        return self.workspace.steps / self.workspace.find(step).folder

    def ranking(self, top: int | None = None) -> Table:
        """The best candidates of each pair of a screening, by default all.

        Raises
        ------
        StudyError
            If the study asks for no screening.
        """
        found = ranking(
            self.study, self.plan, self.workspace, self.summary.steps, top or len(self.plan)
        )
        if not found:
            raise StudyError(f"{self.study.name} asks for no screening: it has no key screen")
        return found[-1]

    def _states(self) -> str:
        counts = self.summary.counts
        return f"{counted(counts.total(), 'step')}: " + ", ".join(
            f"{number} {state}" for state, number in counts.most_common()
        )

    def _link(self) -> Path:
        """The page as seen from the folder worked in, which a notebook's server shows."""
        return Path(relpath(self.report))


def run_study(
    study: str | Path | Study,
    folder: Path | str | None = None,
    *,
    n_workers: int | None = None,
    budget_h: float | None = None,
    quiet: bool = False,
) -> StudyRun:
    """Run a study to its report, as ``natriface run`` does; called again, it goes on.

    Parameters
    ----------
    study
        A file, the name of a study that comes with natriface, or a `Study`, whose paths start from
        the folder worked in.
    folder
        Its workspace; by default ``runs/NAME``.
    n_workers
        By default one for each core this process may use.
    budget_h
        Core-hours of a screening; by default without bound.
    quiet
        Whether nothing is printed while it runs.

    Raises
    ------
    NatrifaceError
        If the study is wrong, an engine cannot do a step, or the workspace is in use; then nothing
        has run. Steps that fail raise nothing: the summary has them, and the report says why.
    KeyboardInterrupt
        After Ctrl-C, once the workers have stopped and the report of what is finished is written.
    SystemExit
        After SIGTERM (143) or SIGHUP (129), in the same way.

    Examples
    --------
    >>> run = run_study("my-study.yaml")  # doctest: +SKIP
    >>> run.results()["NaF slab"].converged_energy_ev()  # doctest: +SKIP
    """
    place = None if folder is None else Path(folder)
    asked = study if isinstance(study, Study) else str(study_path(study))
    course = Course.of(asked, place, budget_h=budget_h)
    summary = course.run(n_workers, None if quiet else progress_for(sys.stdout))
    report = report_study(course.study, course.plan, course.workspace, summary.steps)
    if summary.stopped_by is not None:
        end_by(
            summary.stopped_by,
            f"{course.study.name} is stopped; run_study, called again, goes on (so far: {report})",
        )
    course.require_able()
    return StudyRun(course.study, course.plan, course.workspace, summary, report)

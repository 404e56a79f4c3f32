"""A plan run to its end on this machine, through the LaunchPad, whatever interrupts it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from natriface.structures.base.errors import EngineError, NatrifaceError
from natriface.structures.base.reprs import short_repr
from natriface.workflows.engines.base import engine
from natriface.workflows.errors import DatabaseError, WorkspaceError
from natriface.workflows.jobs.reconciliation import reconcile
from natriface.workflows.launchpad.connection import Connection, is_embedded, launchpad
from natriface.workflows.launchpad.database import EmbeddedDatabase
from natriface.workflows.launchpad.ledger import MOST_DEATHS, fail_lost, ping, settle
from natriface.workflows.launchpad.queries import n_active, step_of
from natriface.workflows.launchpad.submit import Submission, submit_plan
from natriface.workflows.plan import Plan, Step
from natriface.workflows.running.changes import changes
from natriface.workflows.running.interruption import end_by, interruptible
from natriface.workflows.running.progress import Forecast, Progress, Silent
from natriface.workflows.running.recovery import recover, recover_dead
from natriface.workflows.running.status import StepStatus, status
from natriface.workflows.running.workers import Event, Workers, usable_cores
from natriface.workflows.steps.history import History
from natriface.workflows.steps.starts import with_starts
from natriface.workflows.workspace import Workspace

TICK_SECONDS = 0.25
LOOK_SECONDS = 5.0
PING_SECONDS = 1800.0
"""Well below the four hours after which `lpad detect_lostruns` takes a step for lost."""
MOST_LOOKING = 0.05
"""Share of a run's time that goes into looking for what follows from what has ended."""
INTERRUPTED = 130

Further = Callable[[Sequence[StepStatus], bool], Plan | None]
"""By the states of all steps, and whether nothing runs: a plan with more steps, or none."""


@dataclass(frozen=True)
class RunSummary:
    """How a run ended.

    Attributes
    ----------
    steps
        State of every step.
    cached
        Number of steps that had been finished before.
    stopped_by
        The signal that stopped it before nothing more could run, such as ``signal.SIGINT``; None
        if none did.
    wall_s
        Duration of this run.
    """

    study: str
    workspace: Path
    steps: tuple[StepStatus, ...]
    cached: int
    stopped_by: int | None
    wall_s: float

    def __repr__(self) -> str:
        states = [f"{number} {state}" for state, number in self.counts.most_common()]
        return short_repr(self, self.study, *states, f"{self.wall_s:.0f} s")

    @property
    def interrupted(self) -> bool:
        """Whether it was stopped before nothing more could run."""
        return self.stopped_by is not None

    @property
    def counts(self) -> Counter[str]:
        """Number of steps in each state."""
        return Counter(step.state for step in self.steps)

    @property
    def failed(self) -> tuple[StepStatus, ...]:
        """The steps that failed, with the reason."""
        return tuple(step for step in self.steps if step.state == "failed")

    @property
    def is_complete(self) -> bool:
        """Whether every step has its result."""
        return all(step.state == "finished" for step in self.steps)

    @property
    def exit_code(self) -> int:
        """0 if complete, 130 if interrupted, else 1."""
        if self.interrupted:
            return INTERRUPTED
        return 0 if self.is_complete else 1


def run_plan(
    plan: Plan,
    workspace: Workspace,
    n_workers: int | None = None,
    progress: Progress | None = None,
    *,
    checked: bool = False,
    further: Further | None = None,
) -> RunSummary:
    """Run what is missing of a plan, until nothing more can run.

    Starts the database if need be, puts right what an earlier run has left, submits, and
    watches over workers and database until the end. Ctrl-C, SIGTERM and SIGHUP stop it gently;
    after any other end, kill -9 of everything included, the next call goes on.

    Parameters
    ----------
    n_workers
        By default one for each core this process may use.
    checked
        Whether the engines have checked the plan before, as `plan_study` has them do.
    further
        Asked now and then, while others still run, once steps have ended: a larger plan, checked,
        that goes on from them.

    Raises
    ------
    WorkspaceError
        If the workspace is in use by another run, belongs to another study, or cannot be written.
    DatabaseError
        If the database cannot be started or reached.
    EngineError
        If an engine refuses a step, before anything is run.
    KeyboardInterrupt
        After Ctrl-C, once the workers have stopped; what is finished is kept.
    SystemExit
        After SIGTERM (143) or SIGHUP (129), in the same way.

    Examples
    --------
    >>> workspace = Workspace.create(Path("runs/mine"), study.name)  # doctest: +SKIP
    >>> run_plan(plan_study(study, Path.cwd()), workspace, n_workers=2)  # doctest: +SKIP
    """
    summary = run_until_stopped(
        plan, workspace, n_workers, progress, checked=checked, further=further
    )
    if summary.stopped_by is not None:
        end_by(summary.stopped_by, f"{plan.study} is stopped; run_plan, called again, goes on")
    return summary


def run_until_stopped(
    plan: Plan,
    workspace: Workspace,
    n_workers: int | None = None,
    progress: Progress | None = None,
    *,
    checked: bool = False,
    further: Further | None = None,
) -> RunSummary:
    """As `run_plan`, but that a signal is said in the summary, for the caller to end by."""
    begun = time.monotonic()
    with workspace.lock(), interruptible() as stopped_by, progress or Silent() as told:
        estimates = check_plan(plan, workspace, checked)
        with launchpad(workspace, renewed=told.note):
            run = _Run(plan, workspace, estimates, told, stopped_by, further)
            with run.connection:
                run.prepare()
                cached = len(run.submission.finished)
                run.watch(n_workers or usable_cores())
                steps = tuple(run.connection(lambda pad: status(pad, workspace)))
    return RunSummary(
        study=plan.study,
        workspace=workspace.root,
        steps=steps,
        cached=cached,
        stopped_by=stopped_by(),
        wall_s=time.monotonic() - begun,
    )


def check_plan(plan: Plan, workspace: Workspace, checked: bool = False) -> dict[str, float]:
    """Have the engines check every step that is to run; their estimates, step id -> core seconds.

    Raises
    ------
    EngineError
        If an engine is not installed, or refuses a step.
    WorkspaceError
        If the plan is another study's.
    """
    from natriface.workflows.running.status import cached

    workspace.require_of(plan.study)
    done, history = cached(plan, workspace), History.of(workspace)
    estimates: dict[str, float] = {}
    for step, started in zip(plan.walk(), with_starts(plan), strict=True):
        if step.id in done:
            continue
        try:
            if not checked:
                engine(step.engine).check(started)
        except NatrifaceError as error:
            raise EngineError(f"step {step.name}: {error}") from error
        estimates[step.id] = history.estimate(step, started=started).core_seconds
    return estimates


class _Run:
    """The course of one run."""

    def __init__(
        self,
        plan: Plan,
        workspace: Workspace,
        estimates: dict[str, float],
        progress: Progress,
        stopped_by: Callable[[], int | None],
        further: Further | None = None,
    ) -> None:
        self.plan = plan
        self.workspace = workspace
        self.estimates = estimates
        self.progress = progress
        self.stopped_by = stopped_by
        self.further = further
        self.forecast = Forecast({}, 1)
        self.deaths: Counter[str] = Counter()
        self.failed_starts = 0
        self.submission = Submission((), (), ())
        self.database = EmbeddedDatabase(workspace) if is_embedded(workspace) else None
        self.connection = Connection(workspace, in_outage=self._look_after_database)
        self._looked = 0.0
        self._news = False
        self._asked_again = 0.0
        self._pinged = time.monotonic()

    def prepare(self) -> None:
        """Put right what an earlier run has left, and submit what is missing."""
        for text in self.connection(lambda pad: reconcile(pad, self.workspace)):
            self.progress.note(text)
        found = self.connection(lambda pad: recover(pad, self.workspace))
        for name in found.restarted:
            self.progress.note(f"{name} was interrupted and goes on from where it was")
        for name in found.again:
            self.progress.note(f"{name} is run again, as lpad was told; its result is set aside")
        for name, host in found.elsewhere.items():
            self.progress.note(f"{name} runs on {host}, or was killed there")
        if changed := changes(self.plan, self.workspace):
            self.progress.note(changed)
        self._submit()

    def _submit(self) -> None:
        self.submission = self.connection(
            lambda pad: submit_plan(pad, self.plan, self.workspace, self._estimate)
        )

    def _estimate(self, step: Step) -> float:
        return self.estimates.get(step.id, 1.0)

    def watch(self, n_workers: int) -> None:
        """Run workers until nothing more can run, or the user interrupts."""
        left = self._left(self.plan)
        if self.further is None:
            n_workers = max(1, min(n_workers, len(left)))
        self.forecast = Forecast(left, n_workers)
        self._begin()
        while not self.forecast.n_left or self._active() == 0:
            if self.stopped_by() or not self._goes_further(at_rest=True):
                return
        try:
            with Workers(self.workspace, n_workers) as workers:
                while not self.stopped_by() and workers.alive:
                    for event in workers.events(TICK_SECONDS):
                        self._handle(event, workers)
                    self._look_after_database()
                    self._ping(workers)
                    self.progress.tick()
                    if workers.idle and self._nothing_left():
                        if not self._goes_further(at_rest=True):
                            break
                    elif self._news and time.monotonic() > self._asked_again:
                        self._goes_further(at_rest=False)
        finally:
            # the workers are gone: what they were at can be noted as it is
            self.connection(lambda pad: recover_dead(pad, self.workspace))
            self.connection(lambda pad: settle(pad, self.workspace))

    def _left(self, plan: Plan, but: Container[str] = ()) -> dict[str, float]:
        """Estimates of the steps of a plan that are not finished."""
        over = {*self.submission.finished}
        return {
            step.id: self._estimate(step)
            for step in plan.walk()
            if step.id not in over and step.id not in but
        }

    def _begin(self) -> None:
        self.progress.begin(len(self.plan), len(self.submission.finished), self.forecast)

    def _goes_further(self, *, at_rest: bool) -> bool:
        """Whether there was more to do by what has ended; it is submitted."""
        if self.further is None:
            return False
        begun, self._news = time.monotonic(), False
        plan = self.further(self.connection(lambda pad: status(pad, self.workspace)), at_rest)
        if plan is not None:
            known = {step.id for step in self.plan.walk()}
            self.plan = plan
            self.estimates |= check_plan(plan, self.workspace, checked=True)
            self._submit()
            self.forecast.more(self._left(plan, but=known))
            self._begin()
        ended = time.monotonic()
        self._asked_again = ended + max(LOOK_SECONDS, (ended - begun) / MOST_LOOKING)
        return plan is not None

    def _handle(self, event: Event, workers: Workers) -> None:
        identifier, name = event.id or "", event.name or ""
        if event.event == "ready":
            self.failed_starts = 0
        elif event.event == "start":
            self.forecast.started(identifier)
            self.progress.started(identifier, name)
        elif event.event == "end":
            self._news = True
            wall_s = event.wall_s or 0.0
            self.forecast.ended(identifier, wall_s, counts=event.reason is None)
            self.progress.ended(identifier, name, event.reason, wall_s)
        elif event.event == "halt":
            kind = {"WorkspaceError": WorkspaceError, "DatabaseError": DatabaseError}
            raise kind.get(event.kind or "", NatrifaceError)(event.reason)
        elif event.event == "death":
            self._replace(event, workers)

    def _replace(self, event: Event, workers: Workers) -> None:
        """Note a worker's death, have its step run again or give it up, and replace the worker."""
        self._look_after_database()
        if event.id is None:
            self.failed_starts += 1
            if self.failed_starts > MOST_DEATHS * workers.number:
                log = self.workspace.logs / f"worker-{event.worker}.log"
                raise EngineError(f"workers cannot start ({event.reason}); see {log}")
        else:
            self.forecast.lost(event.id)
            step = self.connection(lambda pad: step_of(pad, event.fw_id or 0))
            if step is not None and step.state == "DEFUSED":
                self.progress.note(f"{event.name} was cancelled")
                workers.start(event.worker)
                return
            self.deaths[event.id] += 1
            if self.deaths[event.id] >= MOST_DEATHS and step is not None:
                reason = f"its worker died {MOST_DEATHS} times, last with {event.reason}"
                self.connection(partial(fail_lost, step=step, reason=reason))
                self.progress.ended(event.id, event.name or "", reason, 0.0)
            else:
                self.progress.note(f"the worker of {event.name} died ({event.reason}); it goes on")
        self.connection(lambda pad: recover_dead(pad, self.workspace))
        workers.start(event.worker)

    def _look_after_database(self) -> None:
        if self.database is not None and self.database.running() is None:
            self.progress.note("the database has died; it is started again")
            self.database.start(bound=True)

    def _ping(self, workers: Workers) -> None:
        if time.monotonic() - self._pinged > PING_SECONDS:
            self._pinged = time.monotonic()
            self.connection(lambda pad: ping(pad, self.workspace, workers.signatures))

    def _active(self) -> int:
        return self.connection(lambda pad: n_active(pad, self.workspace))

    def _nothing_left(self) -> bool:
        """Whether nothing runs and nothing can; looks, now and then, whether others have died."""
        if self._active() == 0:
            # frees what an interruption left waiting for nothing
            self.connection(lambda pad: settle(pad, self.workspace))
            return self._active() == 0
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self._looked = time.monotonic()
            self.connection(lambda pad: reconcile(pad, self.workspace))
            self.connection(lambda pad: recover_dead(pad, self.workspace))
        return False

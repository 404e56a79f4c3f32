"""Is everything there? Programs, files, folders, database and queue, looked at one by one.

Nothing is changed, nothing is computed, and no secret is shown.
"""

from __future__ import annotations

import platform
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from natriface.structures.base.errors import MissingProgramError, NatrifaceError
from natriface.workflows.commands.doctor_site import (
    after_setup,
    examine_database,
    examine_fit,
    examine_folder,
    examine_queue,
    setup_lines,
)
from natriface.workflows.engines.findings import Finding

if TYPE_CHECKING:
    from natriface.workflows.engines.machine import Machine
    from natriface.workflows.plan import Plan


def examine(
    study: str | None = None,
    queue: str | None = None,
    workspace: Path | None = None,
    limits: Path | None = None,
    launchpad: Path | None = None,
) -> Iterator[Finding]:
    """What was found, as it is found.

    Parameters
    ----------
    study
        A study file or name: what its steps need must be there. Without one, what is not there is
        told, but is no error.
    queue
        Name or template of a queue that must answer.
    workspace
        A folder to work in; of a study ``runs/STUDY``.
    limits
        The user's ``queue.yaml``.
    launchpad
        The ``launchpad.yaml`` of a MongoDB.
    """
    yield Finding("ok", "python", f"{platform.python_version()} on {platform.node()}")
    place = workspace
    if study is not None:
        from natriface.workflows.study import load_study, study_path

        path = study_path(study)
        loaded = load_study(path)
        place = place or Path("runs") / loaded.name
    machine = yield from _examine_machine()
    setup = setup_lines(limits, place)
    if study is None:
        yield from (after_setup(each, setup) for each in _examine_engines(machine))
    else:
        from natriface.workflows.planning import plan_study

        plan = plan_study(loaded, path.resolve().parent, to_run=False)
        yield Finding("ok", "study", f"{loaded.name}: {len(plan)} steps")
        yield from (after_setup(each, setup) for each in _examine_steps(plan))
    if place is not None:
        yield from examine_folder(place)
    if place is not None or launchpad is not None:
        yield from examine_database(place, launchpad)
    if queue is not None or limits is not None:
        yield from examine_queue(queue, limits, place)
        if study is not None:
            yield from examine_fit(plan, queue, limits, place)


def _examine_machine() -> Generator[Finding, None, Machine]:
    from natriface.workflows.engines.machine import Machine, config_path, load_machine

    path = config_path()
    try:
        machine = load_machine()
    except NatrifaceError as error:
        yield Finding("error", "machine's file", str(error), f"correct {path}")
        return Machine()
    if path.is_file():
        yield Finding("ok", "machine's file", str(path))
    else:
        yield Finding(
            "warning",
            "machine's file",
            f"there is none at {path}: VASP and LOBSTER are not set up",
            "see docs/vasp.md, unless you use neither",
        )
    return machine


def _examine_steps(plan: Plan) -> Iterator[Finding]:
    """What the engines say of the study's steps, each complaint once."""
    from natriface.workflows.engines.base import engine
    from natriface.workflows.steps.starts import with_starts

    for name in sorted({step.engine for step in plan.walk()}):
        steps = [step for step in with_starts(plan) if step.engine == name]
        complaints: dict[str, int] = {}
        missing: dict[str, str] = {}
        for step in steps:
            try:
                engine(name).check(step)
            except NatrifaceError as error:
                text = str(error).removeprefix(f"{step.name}: ")
                complaints[text] = complaints.get(text, 0) + 1
                if isinstance(error, MissingProgramError):
                    missing[text] = error.program
        for text, number in complaints.items():
            said = f"{text} ({number} of {len(steps)} steps)"
            yield Finding("error", f"engine {name}", said, program=missing.get(text, ""))
        if not complaints:
            yield Finding("ok", f"engine {name}", f"ready for {len(steps)} steps")


def _examine_engines(machine: Machine) -> Iterator[Finding]:
    """What each engine finds of its own; nothing of a study's settings."""
    from natriface.workflows.engines.base import engine, engine_names

    for name in engine_names():
        examine_one = engine(name).capabilities.examine
        if examine_one is not None:
            yield from examine_one(machine)

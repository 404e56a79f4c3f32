"""Is everything there? Programs, files, folders, database and queue, looked at one by one.

Nothing is changed, nothing is computed, and no secret is shown.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Generator, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from natriface.structures.errors import EngineError, NatrifaceError
from natriface.workflows.commands.doctor_site import (
    Finding,
    examine_database,
    examine_fit,
    examine_folder,
    examine_queue,
)

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
    if study is None:
        yield from _examine_engines(machine)
    else:
        from natriface.workflows.planning import plan_study

        plan = plan_study(loaded, path.resolve().parent, to_run=False)
        yield Finding("ok", "study", f"{loaded.name}: {len(plan)} steps")
        yield from _examine_steps(plan)
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
        for step in steps:
            try:
                engine(name).check(step)
            except NatrifaceError as error:
                text = str(error).removeprefix(f"{step.name}: ")
                complaints[text] = complaints.get(text, 0) + 1
        for text, number in complaints.items():
            yield Finding("error", f"engine {name}", f"{text} ({number} of {len(steps)} steps)")
        if not complaints:
            yield Finding("ok", f"engine {name}", f"ready for {len(steps)} steps")


def _examine_engines(machine: Machine) -> Iterator[Finding]:
    from natriface.workflows.engines.machine import command_line

    for what, command in (
        ("vasp_command", machine.vasp_command),
        ("vasp_gamma_command", machine.vasp_gamma_command),
        ("lobster_command", machine.lobster_command),
    ):
        if command is None:
            continue
        yield _checked(what, lambda c=command, w=what: " ".join(command_line(c, w)))  # type: ignore[misc]
    if machine.vasp_command is not None and machine.potcars_required:
        yield _potcars(machine)
    yield _gpaw()
    missing = [name for name in ("chgnet", "torch") if find_spec(name) is None]
    yield (
        Finding(
            "warning",
            "engine potential",
            f"{' and '.join(missing)} not installed: CHGNet, its default, cannot be used",
            "pip install 'natriface[potential]'",
        )
        if missing
        else Finding("ok", "engine potential", "CHGNet is installed")
    )


def _checked(what: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding("ok", what, check())
    except EngineError as error:
        return Finding("error", what, str(error))


def _potcars(machine: Machine) -> Finding:
    from natriface.workflows.engines.vasp_potcars import (
        check_environment_directory,
        choose_potcars,
        potcar_path,
    )
    from natriface.workflows.engines.vasp_settings import VaspKeys

    directory = check_environment_directory(machine.potcar_directory)
    remedy = "name their folder as potcar_directory in the machine's file or in PMG_VASP_PSP_DIR"
    if directory is None:
        return Finding("error", "POTCARs", "nobody says where they are", remedy)
    if not directory.is_dir() or not os.access(directory, os.R_OK | os.X_OK):
        return Finding("error", "POTCARs", f"{directory} cannot be read", remedy)
    keys = VaspKeys()
    wanted = choose_potcars(("Na", "Zr", "Si", "P", "O", "F"), keys, "NZSP")
    functional = keys.potcar_functional
    missing = [p.label for p in wanted if potcar_path(p, functional, directory) is None]
    if missing:
        return Finding(
            "warning",
            "POTCARs",
            f"{directory} has none of {', '.join(missing)} ({functional})",
            "get them from the VASP portal, or name the study to see whether it needs them",
        )
    return Finding("ok", "POTCARs", f"{directory} has those of NZSP ({functional})")


def _gpaw() -> Finding:
    if find_spec("gpaw") is None:
        return Finding(
            "warning", "engine gpaw", "GPAW is not installed", "pip install 'natriface[gpaw]'"
        )
    import gpaw

    folders = [Path(folder) for folder in gpaw.setup_paths]
    for folder in folders:
        number = sum(1 for _ in folder.glob("*.PBE*")) if folder.is_dir() else 0
        if number:
            return Finding("ok", "engine gpaw", f"GPAW {gpaw.__version__}, set-ups in {folder}")
    return Finding(
        "error",
        "engine gpaw",
        "GPAW is installed, but finds no set-ups",
        "pip install gpaw-data, or name their folder in GPAW_SETUP_PATH",
    )

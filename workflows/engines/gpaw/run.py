"""Running GPAW in a step's folder, in a process of its own that ends with this one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from natriface.structures.base.errors import EngineError
from natriface.workflows.engines.bands.run import OUTCOME_FILE as BAND_OUTCOME_FILE
from natriface.workflows.engines.base import EndedEarlyError, load_folder, withdraw_end_request
from natriface.workflows.engines.gpaw.estimate import estimate_size
from natriface.workflows.engines.gpaw.process import ENDED_EARLY, OUTCOME_FILE
from natriface.workflows.engines.gpaw.settings import settings_of
from natriface.workflows.engines.lock import alone
from natriface.workflows.engines.machine import (
    Machine,
    available_memory_mb,
    command_line,
    deadline,
)
from natriface.workflows.processes import bound_command

LOG = "gpaw.log"
MODULE = "natriface.workflows.engines.gpaw.process"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_TAIL_BYTES = 20_000
_OF_A_RANK = re.compile(r"^rank=\d+ L\d+: ")
_OF_A_LAUNCHER = re.compile(r"^.*(?:EXIT STRING.*|exited on\s+signal.*)$", re.MULTILINE)
"""How MPICH and Open MPI tell that a process was killed."""
_ERROR = re.compile(r"[A-Za-z_][\w.]*: .")


def run_gpaw(folder: Path, machine: Machine) -> None:
    """Run the step, going on from where an earlier run was ended; a converged one is enough.

    Raises
    ------
    EngineError
        If it would not fit into memory, or the process fails; with GPAW's own message.
    EndedEarlyError
        If it has been asked to end.
    """
    with alone(folder) as lock:
        step, _ = load_folder(folder)
        outcome_file = BAND_OUTCOME_FILE if step.kind == "neb" else OUTCOME_FILE
        if has_converged(folder, outcome_file):
            return
        withdraw_end_request(folder)
        (folder / outcome_file).unlink(missing_ok=True)
        _require_room(folder, machine)
        _require_time(folder, machine)
        log = folder / LOG
        said_before = log.stat().st_size if log.exists() else 0
        code = _run_child(folder, machine, lock)
        if (folder / outcome_file).is_file():
            return
    message = last_message(log, said_before)
    if code == ENDED_EARLY:
        raise EndedEarlyError(f"{step.name}: {message}")
    killed = f"ended by signal {-code}" if code < 0 else f"exit code {code}"
    raise EngineError(f"{step.name}: GPAW failed ({killed}): {message}; see {log}")


def has_converged(folder: Path, outcome_file: str = OUTCOME_FILE) -> bool:
    """Whether the folder holds the outcome of a run that converged."""
    found = load_outcome(folder, outcome_file)
    return found is not None and bool(found["converged"])


def load_outcome(folder: Path, outcome_file: str = OUTCOME_FILE) -> dict[str, Any] | None:
    """What the run has left; ``None`` if it did not come to its end."""
    try:
        found: dict[str, Any] = json.loads((folder / outcome_file).read_text())
    except FileNotFoundError:
        return None
    return found


def child_command(folder: Path, machine: Machine) -> list[str]:
    """The command that runs a step."""
    if machine.gpaw_command:
        words = command_line(machine.gpaw_command, "gpaw_command")
        is_python = any(Path(word).name.startswith("python") for word in words)
        if not is_python:
            words = [*words, sys.executable]
    else:
        words = [sys.executable]
    return [*words, "-P", "-m", MODULE, str(folder)]


def child_environment(machine: Machine) -> dict[str, str]:
    """The environment of the process: as many threads as cores, one each where it is MPI."""
    threads = 1 if machine.gpaw_command else machine.cores
    return {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads))}


def last_message(log: Path, since: int = 0) -> str:
    """What a process has said last, or the error of its last traceback where it ended in one.

    Under MPI all processes write into one log, GPAW puts their number before each line of a
    traceback, and the launcher has the last word.

    Parameters
    ----------
    since
        Length of the log, bytes, when the process was started.
    """
    try:
        text = log.read_bytes()[since:][-_TAIL_BYTES:].decode(errors="replace")
    except FileNotFoundError:
        return "it said nothing"
    lines = [_OF_A_RANK.sub("", line) for line in text.splitlines()]
    starts = [i for i, line in enumerate(lines) if line.startswith("Traceback (most recent")]
    if starts:
        errors = [line for line in lines[starts[-1] :] if _ERROR.match(line)]
        if errors:
            return errors[0].strip()
    killed = _OF_A_LAUNCHER.findall(text)
    said = [line.strip() for line in lines if line.strip()]
    if killed:
        return " ".join(killed[-1].split())
    return said[-1] if said else "it said nothing"


def _require_room(folder: Path, machine: Machine) -> None:
    step, atoms = load_folder(folder)
    size = estimate_size(atoms, settings_of(step), step.kind)
    room = available_memory_mb(machine)
    if size.memory_mb > room:
        raise EngineError(
            f"{step.name}: not started, it needs about {size.memory_mb:.0f} MB and "
            f"{room:.0f} MB are free; run fewer steps at once, a smaller cell, a lower cutoff_ev "
            "or fewer k-points"
        )


def _require_time(folder: Path, machine: Machine) -> None:
    ends_at = deadline(machine)
    if ends_at is not None and ends_at - time.time() < machine.stop_before_minutes * 60:
        left = max(0.0, ends_at - time.time())
        raise EngineError(
            f"{load_folder(folder)[0].name}: not started, the queue's job ends in "
            f"{left / 60:.0f} min; run the study again in a new job"
        )


def _run_child(folder: Path, machine: Machine, lock: int) -> int:
    command = bound_command(child_command(folder, machine))
    with (folder / LOG).open("ab") as log:
        child = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=child_environment(machine),
            start_new_session=True,
            pass_fds=(lock,),
        )
    try:
        return child.wait()
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()

"""Custodian around VASP, in a process of its own: ``python -m ... FOLDER``.

The folder holds ``vasp_run.json``, which says what to run; how it ended goes into
``vasp_end.json``, every correction into custodian's ``custodian.json``.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

from custodian import Custodian
from custodian.custodian import CustodianError, Job, Validator

from natriface.structures.base.writing import write_atomically
from natriface.workflows.engines.vasp.running.handlers import (
    ERRORS,
    OUTPUT,
    STALE,
    STARTED_INCAR,
    STOP_MARK,
    RunOrder,
    handlers,
)
from natriface.workflows.engines.vasp.running.restart import ends_well
from natriface.workflows.engines.vasp.running.words import last_words
from natriface.workflows.processes import bound_command, end_processes

RUN_FILE = "vasp_run.json"
END_FILE = "vasp_end.json"


class VaspJob(Job):  # type: ignore[misc]
    """VASP, its output in files, in a process group of its own."""

    def __init__(self, command: Sequence[str]) -> None:
        self.command = list(command)
        self._process: subprocess.Popen[bytes] | None = None

    def setup(self, directory: str = "./") -> None:
        """Remove what would stop a new run."""
        for name in ("STOPCAR", STOP_MARK):
            (Path(directory) / name).unlink(missing_ok=True)

    def run(self, directory: str = "./") -> subprocess.Popen[bytes]:
        """Start VASP, without the outputs of an earlier start, which monitors would judge."""
        place = Path(directory)
        for name in STALE:
            (place / name).unlink(missing_ok=True)
        (place / STARTED_INCAR).write_bytes((place / "INCAR").read_bytes())
        with (place / OUTPUT).open("wb") as out, (place / ERRORS).open("wb") as err:
            self._process = subprocess.Popen(
                bound_command(self.command),
                cwd=place,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        return self._process

    @property
    def exit_code(self) -> int:
        """Of the last run; 0 while there was none or it goes on."""
        return (self._process.poll() or 0) if self._process else 0

    def postprocess(self, directory: str = "./") -> None:
        """Nothing: cleaning up is the engine's."""

    def terminate(self, directory: str = "./") -> None:
        """End VASP and all it has started."""
        if self._process is not None:
            end_processes(self._process)


class Finished(Validator):  # type: ignore[misc]
    """Sees that VASP has written its files to the end."""

    def check(self, directory: str = "./") -> bool:
        """Whether vasprun.xml and OUTCAR are both cut off, or absent."""
        place = Path(directory)
        if (place / "01").is_dir():
            return not all(ends_well(image) for image in sorted(place.glob("[0-9][0-9]"))[1:-1])
        return not ends_well(place)


# ---- the process ------------------------------------------------------------------------------


def run(folder: Path, order: RunOrder) -> dict[str, Any]:
    """Run VASP under custodian; how it ended: ``status`` and ``reason``."""
    job = VaspJob(order.command)
    custodian = Custodian(
        handlers(order),
        [job],
        [Finished()],
        max_errors=order.most_corrections,
        polling_time_step=order.poll_s,
        monitor_freq=1,
        directory=str(folder),
        skip_over_errors=True,
    )

    def stop(number: int, frame: FrameType | None) -> None:
        job.terminate()
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        custodian.run()
    except CustodianError as error:
        return {"status": "failed", "reason": _why(folder, error, job.exit_code)}
    finally:
        job.terminate()
        (folder / STARTED_INCAR).unlink(missing_ok=True)
    if (folder / STOP_MARK).exists():
        return {"status": "stopped", "reason": "stopped in time for the queue's limit"}
    return {"status": "ended", "reason": None}


def corrections(folder: Path) -> list[str]:
    """What custodian has changed, in words; empty where it did not run."""
    try:
        jobs = json.loads((folder / "custodian.json").read_text())
    except (FileNotFoundError, ValueError):
        return []
    found = []
    for job in _list(jobs):
        for correction in _list(job.get("corrections") if isinstance(job, dict) else None):
            if not isinstance(correction, dict):
                continue
            if correction.get("skipped"):
                continue
            errors = ", ".join(str(error) for error in _list(correction.get("errors")))
            actions = "; ".join(_in_words(action) for action in _list(correction.get("actions")))
            found.append(f"{errors}: {actions or 'given up'}")
    return list(dict.fromkeys(found))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _in_words(action: Any) -> str:
    if not isinstance(action, dict):
        return str(action)
    if not isinstance(action.get("action"), dict):
        return ", ".join(f"{key} = {value}" for key, value in action.items())
    words = []
    for verb, content in action["action"].items():
        if not isinstance(content, dict):
            words.append(f"{verb.strip('_')} {content}")
        elif verb == "_set":
            words += [f"{key} = {value}" for key, value in content.items()]
        elif verb == "_file_copy":
            words.append(f"{action.get('file')} to {content.get('dest')}")
        elif verb == "_file_delete":
            words.append(f"{action.get('file')} deleted")
        else:
            words.append(f"{verb.strip('_')} {content}")
    return ", ".join(words)


def _why(folder: Path, error: CustodianError, code: int) -> str:
    """One sentence on why custodian gave up, with what VASP itself said last."""
    made = corrections(folder)
    last = made[-1] if made else "none"
    message = str(error).splitlines()[0]
    if message.startswith("Max"):
        message = f"given up after {len(made)} corrections, the last: {last}"
    elif message.startswith("Unrecoverable"):
        message = f"VASP failed ({last.removesuffix(': given up')})"
    elif code != 0:
        message = f"VASP ended with exit code {code}"
        if code < 0:
            with contextlib.suppress(ValueError):
                message += f" ({signal.Signals(-code).name})"
    elif message.startswith("Validation failed"):
        message = "VASP ended, but vasprun.xml and OUTCAR are cut off"
    said = last_words(folder)
    return message + (f"; it said last: {said}" if said else "")


def _main(arguments: Sequence[str]) -> int:
    folder = Path(arguments[0]).resolve()
    order = RunOrder(**json.loads((folder / RUN_FILE).read_text()))
    ended = run(folder, order)
    write_atomically(folder / END_FILE, json.dumps({**ended, "order": asdict(order)}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))

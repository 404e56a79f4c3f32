"""Running VASP in a step's folder: attempts, the child that runs custodian, limits, scratch."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from natriface.analysis.readers.vasp.folder import read_neb_folder, read_vasp_folder
from natriface.structures.base.atoms import from_document
from natriface.structures.base.errors import EngineError, ReaderError
from natriface.structures.base.writing import write_atomically
from natriface.workflows.engines.base import END_REQUEST_FILE, EndedEarlyError
from natriface.workflows.engines.machine import Machine, command_line, deadline
from natriface.workflows.engines.vasp.input_texts import poscar_text
from natriface.workflows.engines.vasp.inputs import VaspInputs, write_inputs
from natriface.workflows.engines.vasp.pieces import steps_before, tags_to_go_on
from natriface.workflows.engines.vasp.running.custodian import END_FILE, RUN_FILE
from natriface.workflows.engines.vasp.running.handlers import ERRORS, OUTPUT, RunOrder
from natriface.workflows.engines.vasp.running.restart import set_aside, valid_contcar
from natriface.workflows.processes import bound_command, end_processes

SCRATCH_LINK = "scratch_link"
LOG = "custodian.log"
NOTE_FILE = "attempts.json"
_FULL = ("No space left on device", "Disk quota exceeded")


def run_vasp(
    folder: Path, inputs: VaspInputs, machine: Machine, lock: int, *, again: bool = False
) -> None:
    """Run VASP, going on from an earlier attempt where there is one; a converged one is enough.

    Parameters
    ----------
    lock
        Of `alone`.
    again
        Run even where an earlier attempt has converged: the inputs are others now.

    Raises
    ------
    EngineError
        If VASP cannot be started, or custodian gave up; in one sentence.
    EndedEarlyError
        If VASP was stopped in time for the queue's limit, or asked to end.
    """
    recover_scratch(folder)
    if not again and has_converged(folder, inputs.kind):
        return
    order = run_order(folder, inputs, machine)
    prepare_attempt(folder, inputs, machine)
    write_atomically(folder / RUN_FILE, json.dumps(asdict(order), indent=1))
    place = _to_scratch(folder, machine.scratch) if machine.scratch else folder
    try:
        code = _run_child(place, lock)
    finally:
        if place != folder:
            recover_scratch(folder)
    ended = how_it_ended(folder)
    if ended is None:
        raise EngineError(
            f"{inputs.name}: the process that watches VASP died (exit code {code}); "
            f"see {folder / LOG}"
        ) from _disk_error(folder)
    if ended["status"] == "failed":
        raise EngineError(f"{inputs.name}: {ended['reason']}") from _disk_error(folder)
    if ended["status"] == "stopped" and not has_converged(folder, inputs.kind):
        raise EndedEarlyError(f"{inputs.name}: {ended['reason']}; the next run goes on")


def has_converged(folder: Path, kind: str) -> bool:
    """Whether the outputs in the folder are those of a run that converged.

    Outputs of other attempts are set aside, so these count even where the process that watched
    VASP was killed before it could say so.
    """
    try:
        if kind == "neb":
            images = read_neb_folder(folder)[1:-1]
            return bool(images) and all(image.status == "converged" for image in images)
        return read_vasp_folder(folder, kind=kind).status == "converged"
    except ReaderError:
        return False


def how_it_ended(folder: Path) -> dict[str, Any] | None:
    """What the child noted at its end; ``None`` if it did not come to it."""
    try:
        found = json.loads((folder / END_FILE).read_text())
    except (FileNotFoundError, ValueError):
        return None
    return found if isinstance(found, dict) and {"status", "reason"} <= found.keys() else None


def run_order(folder: Path, inputs: VaspInputs, machine: Machine) -> RunOrder:
    """What the child is to do.

    Raises
    ------
    EngineError
        If no command is configured.
    EndedEarlyError
        If the queue's job is about to end.
    """
    gamma = inputs.mesh == (1, 1, 1) and machine.vasp_gamma_command
    if gamma:
        command = command_line(machine.vasp_gamma_command, "vasp_gamma_command")
    else:
        command = command_line(machine.vasp_command, "vasp_command")
    margin = machine.stop_before_minutes * 60
    ends_at = deadline(machine)
    if ends_at is not None and ends_at - time.time() < margin:
        left = max(0.0, ends_at - time.time())
        raise EndedEarlyError(
            f"{inputs.name}: not started, the queue's job ends in {left / 60:.0f} min; "
            "run the study again in a new job"
        )
    return RunOrder(
        command=command,
        handlers=inputs.keys.handlers,
        kind=inputs.kind,
        poll_s=machine.poll_seconds,
        silence_s=machine.silence_hours * 3600,
        margin_s=margin,
        most_corrections=machine.most_corrections,
        ends_at=ends_at,
        end_request=str(folder / END_REQUEST_FILE),
    )


def prepare_attempt(folder: Path, inputs: VaspInputs, machine: Machine) -> None:
    """Put fresh inputs in place; after an earlier attempt, from where it was.

    INCAR is written anew, so that no correction of an earlier attempt lingers.
    """
    text, source = _restart_text(folder, inputs)
    aside = set_aside(folder)
    if aside is not None and inputs.kind == "md":
        n_made = steps_before(folder, text)
        if n_made is None:
            text, source = (aside / "POSCAR").read_text(), "POSCAR, CONTCAR lies off its last step"
            n_made = steps_before(folder, text) or 0
        inputs = replace(inputs, tags=tags_to_go_on(folder, inputs.tags, n_made))
    warnings = write_inputs(folder, inputs, machine)
    del warnings  # they were noted by the first write
    if aside is None:
        return
    notes = attempt_notes(folder)
    if inputs.kind in ("relax", "md"):
        write_atomically(folder / "POSCAR", text)
        notes.append(f"{aside.name} did not finish; gone on from its {source}")
    elif inputs.images:
        unsound = _restart_images(folder, aside, len(inputs.images))
        but = f", but for {'; '.join(unsound)}" if unsound else ""
        notes.append(f"{aside.name} did not finish; gone on from its images{but}")
    else:
        notes.append(f"{aside.name} did not finish; started again")
    write_atomically(folder / NOTE_FILE, json.dumps(notes, indent=1))


def _restart_images(folder: Path, aside: Path, n_images: int) -> list[str]:
    """Put each image's CONTCAR where its POSCAR is, if it is sound; those that are not, and why."""
    unsound = []
    for number in range(1, n_images - 1):
        place = f"{number:02d}"
        moved, why_not = valid_contcar(aside / place / "CONTCAR", folder / place / "POSCAR")
        if moved is None:
            unsound.append(f"image {number}, {why_not}")
        else:
            write_atomically(folder / place / "POSCAR", moved)
    return unsound


def attempt_notes(folder: Path) -> list[str]:
    """What became of earlier attempts, in words."""
    try:
        notes = json.loads((folder / NOTE_FILE).read_text())
    except (FileNotFoundError, ValueError):
        return []
    return [str(note) for note in notes] if isinstance(notes, list) else []


def recover_scratch(folder: Path) -> None:
    """Bring back what a run on scratch has left there."""
    link = folder / SCRATCH_LINK
    if not link.is_symlink():
        return
    place = link.resolve()
    if place.is_dir():
        shutil.copytree(place, folder, dirs_exist_ok=True)
        shutil.rmtree(place, ignore_errors=True)
    link.unlink()


def _restart_text(folder: Path, inputs: VaspInputs) -> tuple[str, str]:
    """The geometry to go on from, and whose it is: CONTCAR's, else POSCAR's, and why.

    Programs in VASP's place may write a CONTCAR only at their end: then the last ionic step's.
    Atoms with velocities go on with them, or from POSCAR again.
    """
    moving = inputs.kind == "md"
    text, why_not = valid_contcar(folder / "CONTCAR", folder / "POSCAR", moving=moving)
    if text is not None:
        return text, "CONTCAR"
    if not moving and not (folder / "CONTCAR").exists():
        text = _last_step(folder, inputs)
        if text is not None:
            return text, f"last ionic step, {why_not}"
    return (folder / "POSCAR").read_text(), f"POSCAR, {why_not}"


def _last_step(folder: Path, inputs: VaspInputs) -> str | None:
    """A POSCAR of the last ionic step that an interrupted run has finished."""
    try:
        last = read_vasp_folder(folder).final_structure
    except ReaderError:
        return None
    found = None if last is None else from_document(last)
    if found is None or list(found.symbols) != list(inputs.atoms.symbols):
        return None
    atoms = inputs.atoms.copy()
    atoms.set_cell(found.cell)
    atoms.set_positions(found.positions, apply_constraint=False)
    return poscar_text(atoms, inputs.name)


def _run_child(folder: Path, lock: int) -> int:
    module = "natriface.workflows.engines.vasp.running.custodian"
    command = bound_command([sys.executable, "-P", "-m", module, str(folder)])
    with (folder / LOG).open("ab") as log:
        child = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=(lock,),
        )
    try:
        return child.wait()
    finally:
        if child.poll() is None:
            end_processes(child)


def _to_scratch(folder: Path, scratch: Path) -> Path:
    try:
        place = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=scratch))
    except OSError as error:
        raise EngineError(
            f"scratch folder {scratch} cannot be used: {error.strerror}; correct the machine's file"
        ) from error
    (folder / SCRATCH_LINK).symlink_to(place)
    for path in folder.iterdir():
        if path.name.startswith(("attempt-", "superseded-")) or path.is_symlink():
            continue
        if path.is_dir():
            shutil.copytree(path, place / path.name)
        else:
            shutil.copy2(path, place / path.name)
    return place


def _disk_error(folder: Path) -> OSError | None:
    """The error of a full disk, if that is what VASP complained about."""
    for name in (ERRORS, OUTPUT, LOG):
        path = folder / name
        try:
            text = path.read_bytes()[-20000:].decode(errors="replace")
        except OSError:
            continue
        if _FULL[0] in text:
            return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
        if _FULL[1] in text:
            return OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), str(folder))
    return None

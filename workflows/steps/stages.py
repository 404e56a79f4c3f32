"""A step in its folder, in three stages: written, run, read; knows no database.

A step's folder notes how far it has come, so that whoever takes the step up again goes on from
there: a failed read never reruns the engine.
"""

from __future__ import annotations

import filecmp
import json
import os
import time
from pathlib import Path
from typing import Any

from ase import Atoms

from natriface.analysis.results.deciding import PATH_SETTINGS
from natriface.analysis.results.result import RESULT_FILE, Result
from natriface.analysis.results.tidied import read_file, untidy
from natriface.structures.base.atoms import from_document, to_document
from natriface.structures.base.errors import EngineError, ReaderError
from natriface.structures.base.writing import next_numbered, write_atomically
from natriface.workflows.engines.base import (
    STEP_FILE,
    STRUCTURE_FILE,
    Capabilities,
    EndedEarlyError,
    engine,
    input_file,
    prepare_folder,
    save_input,
)
from natriface.workflows.engines.machine import load_machine
from natriface.workflows.plan import Input, Step
from natriface.workflows.steps.heartbeat import REVOKED_FILE
from natriface.workflows.steps.start_structure import structure_for
from natriface.workflows.workspace import Workspace, is_finished

STAGE_FILE = "stage.json"
CORES_VARIABLE = "NATRIFACE_STEP_CORES"
"""How many cores a step is given; set by the queue's jobs."""
RESULT_INPUT = "result"
"""An input of this file is the other step's result itself."""


def write_step(folder: Path, workspace: Workspace) -> None:
    """Find the step's structure and write the engine's input, once.

    Raises
    ------
    NatrifaceError
        If the step or its parent's result cannot be read, or the engine refuses the step.
    """
    step = load_step(folder)
    inputs = {name: input_for(step, name, workspace) for name in step.inputs}
    source = step.structure_from
    parents = {parent: workspace.result(parent) for parent in source.parents} if source else {}
    atoms = structure_for(step, parents, inputs)
    if stage(folder) in ("written", "ran"):
        if _holds(folder, atoms, inputs):
            return
        set_aside(folder)  # a parent has ended otherwise since: nothing here holds any more
    prepare_folder(folder, step, atoms)
    for name, content in inputs.items():
        save_input(folder, name, content)
    engine(step.engine).write(folder)
    note_stage(folder, "written")


def load_engine(folder: Path) -> None:
    """Load what the step's engine keeps in this process, unless it has run already.

    Raises
    ------
    NatrifaceError
        If that is not to be had.
    """
    if is_finished(folder) or stage(folder) == "ran":
        return
    step = load_step(folder)
    load = engine(step.engine).capabilities.load
    if load is not None:
        load(step)


def run_step(folder: Path) -> None:
    """Run the engine, unless it has ended already.

    Raises
    ------
    EngineError
        If it crashes.
    """
    if stage(folder) == "ran":
        return
    name = load_step(folder).engine
    cores = int(os.environ.get(CORES_VARIABLE, 0)) or default_cores(name)
    started = time.monotonic()
    try:
        engine(name).run(folder)
    except EndedEarlyError:
        note_spent(folder, (time.monotonic() - started) * cores)
        raise
    note_stage(folder, "ran", cores=cores)


def read_step(folder: Path) -> Result:
    """Read and save the result.

    Raises
    ------
    EngineError
        If it is not converged; the result is saved all the same, and the next run goes on from
        what this one has left.
    ReaderError
        If the output cannot be read; the next attempt reads again, and does not run.
    """
    found = engine(load_step(folder).engine)
    result = _declared(found.read(folder), found.capabilities)
    result.save(folder)
    if result.status != "converged":
        note_stage(folder, "written")
        raise EngineError(f"{result.status}: {result.reason or 'no reason given'}")
    return result


def _declared(result: Result, capabilities: Capabilities) -> Result:
    """The result with what its engine declares, where `analysis` does not know the engine."""
    if result.engine.name in PATH_SETTINGS:
        return result
    record = result.engine.model_copy(update={"theory": capabilities.theory})
    settings = tuple(sorted(capabilities.path_settings))
    return result.model_copy(update={"engine": record, "path_settings": settings})


def input_for(step: Step, name: str, workspace: Workspace) -> Atoms | Path:
    """What a step needs beside its structure: another structure, or a file of another step's.

    Raises
    ------
    EngineError
        If the step that should supply it has no such file.
    """
    item: Input = step.inputs[name]
    if item.structure is not None:
        return from_document(item.structure)
    assert item.step is not None
    parent = workspace.result(item.step)
    if item.file is None:
        return parent.final_atoms()
    listed = RESULT_FILE if item.file == RESULT_INPUT else parent.files.get(item.file)
    folder = workspace.folder_of(item.step)
    if folder is not None:
        untidy(folder)
    path = folder / listed if folder and listed else None
    if path is None or not path.is_file():
        raise EngineError(
            f"{step.name} needs the {item.file} of {parent.label}, which is not there"
            f"{'' if path is None else f' ({path} is gone)'}; run {parent.label} again"
        )
    return path


def _holds(folder: Path, atoms: Atoms, inputs: dict[str, Atoms | Path]) -> bool:
    """Whether the folder was written for just this structure and these inputs."""
    if not _is_document(folder / STRUCTURE_FILE, atoms):
        return False
    for name, content in inputs.items():
        found = input_file(folder, name)
        if found is None:
            return False
        if isinstance(content, Atoms):
            if not _is_document(found, content):
                return False
        elif not (found.samefile(content) or filecmp.cmp(found, content, shallow=False)):
            return False
    return True


def _is_document(path: Path, atoms: Atoms) -> bool:
    written = json.loads(path.read_text())
    return bool(written == json.loads(json.dumps(to_document(atoms))))


def load_step(folder: Path) -> Step:
    """The step of a folder.

    Raises
    ------
    ReaderError
        If the folder holds none.
    """
    try:
        return Step.model_validate_json(read_file(folder, STEP_FILE))
    except FileNotFoundError:
        raise ReaderError(f"{folder} is not a step's folder: {STEP_FILE} is missing") from None
    except ValueError as error:
        raise ReaderError(f"{folder}: its step cannot be read ({error})") from None


def stage(folder: Path) -> str | None:
    """How far the step has come: ``written``, ``ran``, or ``None``."""
    reached = _noted(folder).get("stage")
    return None if reached is None else str(reached)


def note_stage(folder: Path, reached: str, **more: float) -> None:
    """Note how far the step has come; ``spent_s`` and ``cores`` stay noted."""
    before = {key: value for key, value in _noted(folder).items() if key in ("spent_s", "cores")}
    content = {"stage": reached, "time": time.time(), **before, **more}
    write_atomically(folder / STAGE_FILE, json.dumps(content))


def note_spent(folder: Path, core_s: float) -> None:
    """Add what an attempt has used up that did not come to its end."""
    reached = stage(folder)
    if reached is not None:
        note_stage(folder, reached, spent_s=spent_core_s(folder) + core_s)


def spent_core_s(folder: Path) -> float:
    """Core time of attempts that did not come to their end, s."""
    return float(_noted(folder).get("spent_s", 0.0))


def cores_used(folder: Path, engine_name: str) -> int:
    """On how many cores the step has run."""
    return int(_noted(folder).get("cores", 0)) or default_cores(engine_name)


def default_cores(engine_name: str) -> int:
    """Cores that a calculation takes where nothing else is said."""
    return 1 if engine(engine_name).capabilities.parallel is None else load_machine().cores


def _noted(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_file(folder, STAGE_FILE))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def set_aside(folder: Path) -> None:
    """Move what an earlier attempt has left out of the way; nothing is deleted."""
    untidy(folder)
    aside = next_numbered(folder, "superseded")
    aside.mkdir()
    for entry in list(folder.iterdir()):
        stays = entry.name in (STEP_FILE, REVOKED_FILE) or entry.name.startswith("superseded-")
        if not stays:
            entry.rename(aside / entry.name)

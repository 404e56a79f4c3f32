"""What every engine answers to: four verbs, and an estimate before anything is spent."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

from ase import Atoms

from natriface.analysis.results import Result
from natriface.structures.atoms import from_document, to_document
from natriface.structures.errors import EngineError, ReaderError, nearest
from natriface.structures.files import write_atomically
from natriface.workflows.plan import Step

STEP_FILE = "step.json"
STRUCTURE_FILE = "structure.json"
END_REQUEST_FILE = "end_requested"
INPUTS_FOLDER = "inputs"

ENGINES = {
    "gpaw": "natriface.workflows.engines.gpaw",
    "potential": "natriface.workflows.engines.potential",
    "vasp": "natriface.workflows.engines.vasp",
}
"""Engine name -> module that holds its `ENGINE`."""


class EndedEarlyError(EngineError):
    """A run has ended before its time, as it was asked to; the next one goes on from there."""


@dataclass(frozen=True)
class Estimate:
    """What a step will cost on one core, and what the estimate rests on."""

    core_seconds: float
    memory_mb: float
    basis: str


class Engine(Protocol):
    """An engine turns a step into files, runs them, and reads a result.

    Every verb works on a folder that holds ``step.json`` and ``structure.json`` (written by
    `prepare_folder`), so that the folder alone is enough to run and to read the step.
    """

    name: str

    def check(self, step: Step) -> None:
        """Refuse, before any expensive work, what this engine cannot do here.

        Raises
        ------
        EngineError
            If the engine is not installed, or the step's kind or settings are not valid for it.
        """

    def estimate(self, step: Step) -> Estimate:
        """What the step will cost."""

    def write(self, folder: Path) -> None:
        """Write the engine's input files."""

    def run(self, folder: Path) -> None:
        """Run, or go on from what an interrupted run has left.

        Raises
        ------
        EngineError
            If the run crashed. A run that ends unconverged does not raise: `read` says so.
        EndedEarlyError
            If it ended because `end_requested`, or because the queue's job ends: the next run
            goes on from where it was.
        """

    def read(self, folder: Path) -> Result:
        """Read the outputs, whatever state they are in, into a `Result`."""


def engine(name: str) -> Engine:
    """The engine of this name, or, for ``package.module:ATTRIBUTE``, the one found there.

    The second form is for programs that bring their own engine; studies name known engines only.

    Raises
    ------
    EngineError
        If there is none.
    """
    module, colon, attribute = name.partition(":")
    if colon:
        try:
            brought: Engine = getattr(import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise EngineError(f"no engine {name!r}: {error}") from None
        return brought
    if name not in ENGINES:
        raise EngineError(f"no engine {name!r}: {nearest(name, ENGINES)}")
    found: Engine = import_module(ENGINES[name]).ENGINE
    return found


def prepare_folder(folder: Path, step: Step, atoms: Atoms) -> None:
    """Write the two documents every engine starts from."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / STEP_FILE, step.model_dump_json(indent=1, exclude_none=True))
    write_atomically(folder / STRUCTURE_FILE, json.dumps(to_document(atoms)))


def save_input(folder: Path, name: str, content: Atoms | Path) -> None:
    """Put one of a step's inputs into its folder: a structure, or a file of another step's.

    A file is linked where the file system allows it, for a ground state can be large.
    """
    inputs = folder / INPUTS_FOLDER
    inputs.mkdir(exist_ok=True)
    if isinstance(content, Atoms):
        write_atomically(inputs / f"{name}.json", json.dumps(to_document(content)))
        return
    target = inputs / f"{name}{content.suffix}"
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(content)
    except OSError:  # another file system, or one without links
        shutil.copyfile(content, target)


def input_structure(folder: Path, name: str) -> Atoms:
    """The structure among a step's inputs of this name.

    Raises
    ------
    ReaderError
        If it is not there.
    """
    path = folder / INPUTS_FOLDER / f"{name}.json"
    try:
        return from_document(json.loads(path.read_text()))
    except FileNotFoundError:
        raise ReaderError(f"{folder}: the step has no input {name!r} ({path} is missing)") from None
    except ValueError as error:
        raise ReaderError(f"{path} cannot be read ({error})") from None


def input_file(folder: Path, name: str) -> Path | None:
    """The file among a step's inputs of this name, or ``None`` if it has none."""
    inputs = folder / INPUTS_FOLDER
    if (inputs / name).is_file():  # such as an OUTCAR, which has no suffix
        return inputs / name
    found = sorted(inputs.glob(f"{name}.*"))
    return found[0] if found else None


def request_end(folder: Path) -> None:
    """Ask whoever runs the step to come to an end, leaving what the next run can go on from."""
    (folder / END_REQUEST_FILE).touch()


def end_requested(folder: Path) -> bool:
    """Whether the run in this folder has been asked to end; engines look now and then.

    A file, so that it reaches every process of a run, on whatever node.
    """
    return (folder / END_REQUEST_FILE).exists()


def withdraw_end_request(folder: Path) -> None:
    """Forget that an earlier run had been asked to end."""
    (folder / END_REQUEST_FILE).unlink(missing_ok=True)


def load_folder(folder: Path) -> tuple[Step, Atoms]:
    """The step and the structure of a folder made by `prepare_folder`.

    Raises
    ------
    ReaderError
        If the folder is not a step's folder.
    """
    try:
        step = Step.model_validate_json((folder / STEP_FILE).read_text())
        structure = json.loads((folder / STRUCTURE_FILE).read_text())
    except FileNotFoundError as error:
        raise ReaderError(f"{folder} is not a step's folder: {error.filename} is missing") from None
    except ValueError as error:
        raise ReaderError(f"{folder}: its step cannot be read ({error})") from None
    return step, from_document(structure)

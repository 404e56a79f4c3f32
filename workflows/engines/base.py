"""What every engine answers to: four verbs, and an estimate before anything is spent."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ase import Atoms

from natriface.analysis.results.result import Result
from natriface.structures.base.atoms import from_document, to_document
from natriface.structures.base.errors import EngineError, ReaderError, nearest
from natriface.structures.base.writing import write_atomically
from natriface.workflows.plan import Kind, Step

if TYPE_CHECKING:
    from natriface.workflows.engines.findings import Finding
    from natriface.workflows.engines.machine import Machine

STEP_FILE = "step.json"
STRUCTURE_FILE = "structure.json"
END_REQUEST_FILE = "end_requested"
INPUTS_FOLDER = "inputs"

ENTRY_POINTS = "natriface.engines"
"""Group of entry points by which another package brings an engine: its name, and the object."""

Parallel = Literal["MPI", "threads"]


@cache
def engine_names() -> tuple[str, ...]:
    """Names of the engines there are: each folder here with a module ``engine``, and those that
    other installed packages bring."""
    own = (module.parent.name for module in Path(__file__).parent.glob("*/engine.py"))
    return tuple(sorted({*own, *entry_points(group=ENTRY_POINTS).names}))


class EndedEarlyError(EngineError):
    """A run has ended before its time, as it was asked to; the next one goes on from there."""


@dataclass(frozen=True)
class Estimate:
    """What a step will cost on one core, and what the estimate rests on.

    Attributes
    ----------
    core_seconds
        Expected, so that the sum over steps is what they take together.
    n_ionic_steps
        That the time is for; of a band, force calls.
    most_core_seconds
        What hardly a step like it exceeds; ``None`` where no such step has been measured.
    least_core_seconds
        What attempts at this step have used up without coming to its end.
    first_share
        Share of the time that the first ionic step takes; ``None`` where that is not told.
    """

    core_seconds: float
    memory_mb: float
    basis: str
    n_ionic_steps: int = 1
    most_core_seconds: float | None = None
    least_core_seconds: float = 0.0
    first_share: float | None = None


@dataclass(frozen=True)
class InputFiles:
    """The input files of one step, written to look at.

    Attributes
    ----------
    estimate
        What the step will cost.
    size
        What decides the cost, JSON-able.
    columns
        Heading -> text, the same of it for people.
    notes, warnings
        What was decided for this structure, and what is doubtful.
    """

    estimate: Estimate
    size: Mapping[str, Any]
    columns: Mapping[str, str]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


class InputWriter(Protocol):
    """What writes and judges an engine's input files where the engine itself is not installed."""

    def doubts(self, steps: Sequence[Step]) -> list[str]:
        """What is doubtful about the settings of a study's steps, each text once.

        Parameters
        ----------
        steps
            With the structures they would start from, where these are known.

        Raises
        ------
        EngineError
            If a setting is wrong, or contradicts another or a step's structure.
        """

    def doubts_of_all(self, steps: Sequence[Step]) -> list[str]:
        """Those of them that concern the steps together, and not one."""

    def write(self, folder: Path, step: Step, notes: Sequence[str]) -> InputFiles:
        """Write the input files into a folder made by `prepare_folder`, with further notes.

        Raises
        ------
        EngineError
            As `doubts` does.
        """


@dataclass(frozen=True)
class Spreading:
    """How an engine's work is spread over processes: settings of the machine, and of no study.

    Attributes
    ----------
    key
        What they stand under in the machine's file.
    check
        Raises `EngineError` of what spreads no work, or has a value that it cannot have.
    """

    key: str
    check: Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Capabilities:
    """What an engine can do, and what the rest of a study must know of it.

    Attributes
    ----------
    kinds
        Kinds of calculation it can do.
    bonding
        The kind that computes bonds.
    shares_state
        Whether steps take the ground state of a static one, listed in its files as ``state``.
    end_record
        What a band takes of its relaxed end points, so that they need not be computed again: a
        file by the name `Result.files` lists it under, or ``result``.
    relaxing_cell
        Settings by which a crystal is relaxed with its cell; empty where the engine cannot.
    telling_stress
        Settings by which it is relaxed in a cell that is held, and the stress is told; empty where
        the engine cannot.
    numerical
        Numerical parameter (``cutoff_ev``, ``kpoint_spacing_per_angstrom``, ``smearing_ev``) ->
        what its setting is called; empty where it has none.
    charge
        Whether a cell's charge is a setting, ``charge_e``; else cells are computed without.
    anneals
        Whether a relaxation has the setting ``anneal``: a start by molecular dynamics.
    thermostat
        Settings of molecular dynamics at a temperature in K, from a seed; ``None`` where the engine
        moves nothing at a temperature.
    scans
        Whether a single point has the setting ``scan``: the registries and gaps of an interface.
    parallel
        How a calculation takes the cores of the machine's file, as a program of its own that is
        asked to stop before the queue's job ends; ``None`` where it is computed within natriface,
        on one core.
    process_mb
        Memory that each MPI process beside the first adds to a calculation's estimate, MB: its
        program, and what every process holds for itself.
    spreading
        Its settings in the machine's file; ``None`` where it has none.
    theory
        Level of theory; ``None`` for DFT, or where the record of its results names a model.
    path_settings
        Settings that do not decide the energy of a geometry: how it is relaxed, what is written.
    pinned
        Settings of a step with checksums of the files that they name, weights or a source of one's
        own, so that another content is another step; ``None`` where they name none.
    inputs
        What writes its input files to look at; ``None`` where it has none.
    doubts
        What is doubtful about the settings of a study's steps, where it writes no such inputs; as
        `InputWriter.doubts`.
    examine
        What `natriface doctor` finds of its programs and files on this machine.
    environment
        Variables that say where its files are, handed on to the queue's jobs.
    citation
        What is to be cited for one of its models, in a line; ``None`` where nothing is known.
    load
        Loads what a process needs for a step and keeps for the next ones, which is no step's time;
        ``None`` where there is nothing to keep.
    """

    kinds: tuple[Kind, ...]
    bonding: Kind = "bonding"
    shares_state: bool = False
    end_record: str = "result"
    relaxing_cell: Mapping[str, Any] = field(default_factory=dict)
    telling_stress: Mapping[str, Any] = field(default_factory=dict)
    numerical: Mapping[str, str] = field(default_factory=dict)
    charge: bool = False
    anneals: bool = False
    thermostat: Callable[[float, int], Mapping[str, Any]] | None = None
    scans: bool = False
    parallel: Callable[[Machine], Parallel] | None = None
    process_mb: float = 0.0
    spreading: Spreading | None = None
    theory: str | None = None
    path_settings: frozenset[str] = frozenset()
    pinned: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None
    inputs: InputWriter | None = None
    doubts: Callable[[Sequence[Step]], list[str]] | None = None
    examine: Callable[[Machine], Iterable[Finding]] | None = None
    environment: tuple[str, ...] = ()
    citation: Callable[[str], str | None] | None = None
    load: Callable[[Step], None] | None = None

    def require_kind(self, step: Step) -> None:
        """Refuse a kind of calculation that the step's engine cannot do.

        Raises
        ------
        EngineError
            Naming the kinds it can do, and the engines that can do this one.
        """
        if step.kind in self.kinds:
            return
        able = [name for name in engine_names() if step.kind in engine(name).capabilities.kinds]
        raise EngineError(
            f"{step.name}: engine {step.engine} cannot do {step.kind!r}, only "
            f"{' and '.join(', '.join(self.kinds).rsplit(', ', 1))}; choose "
            + (f"engine {' or '.join(able)} for it" if able else "another kind")
        )


class Engine(Protocol):
    """An engine turns a step into files, runs them, and reads a result.

    Every verb works on a folder that holds ``step.json`` and ``structure.json`` (written by
    `prepare_folder`), so that the folder alone is enough to run and to read the step.
    """

    name: str
    capabilities: Capabilities

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


@cache
def engine(name: str) -> Engine:
    """The engine of this name, or, for ``package.module:ATTRIBUTE``, the one found there.

    The second form is for programs that bring their own engine; studies name known engines only.

    Raises
    ------
    EngineError
        If there is none.
    """
    module, colon, attribute = name.partition(":")
    if not colon:
        if name not in engine_names():
            raise EngineError(f"no engine {name!r}: {nearest(name, engine_names())}")
        brought = entry_points(group=ENTRY_POINTS, name=name)
        own = f"{__package__}.{name}.engine:ENGINE"
        module, _, attribute = next((each.value for each in brought), own).partition(":")
    try:
        found: Engine = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise EngineError(f"no engine {name!r}: {error}") from None
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

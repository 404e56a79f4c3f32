"""What custodian watches for and corrects: two handler sets, and what neither may do."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from custodian.custodian import ErrorHandler
from custodian.utils import backup

from natriface.analysis.readers.vasp.folder import read_vasp_folder
from natriface.analysis.results.deciding import HARMLESS_TAGS
from natriface.structures.base.errors import ReaderError
from natriface.structures.base.writing import write_atomically
from natriface.workflows.engines.vasp.running.restart import (
    ends_well,
    longest_ionic_step_s,
    valid_contcar,
)

STOP_MARK = "stop_asked"
STARTED_INCAR = ".INCAR.started"
"""The INCAR that the present run was started with."""
OUTPUT, ERRORS = "vasp.out", "std_err.txt"
STALE = ("OUTCAR", "OSZICAR", "vasprun.xml", "XDATCAR", OUTPUT, ERRORS)
"""Kept in custodian's ``error.N.tar.gz`` when it starts VASP again."""


@dataclass(frozen=True)
class RunOrder:
    """What the child is to do.

    Attributes
    ----------
    ends_at
        Time, s since the epoch, at which the queue ends the job; ``None`` for never.
    margin_s
        VASP is asked to stop so long before.
    silence_s
        A run that writes nothing for so long is hung.
    end_request
        A file; once it is there, VASP is asked to stop.
    """

    command: list[str]
    handlers: str
    kind: str
    poll_s: float
    silence_s: float
    margin_s: float
    most_corrections: int
    ends_at: float | None = None
    end_request: str | None = None


class Guarded(ErrorHandler):  # type: ignore[misc]
    """A handler of custodian's that must not change the physics, nor act once a stop was asked.

    Parameters
    ----------
    inner
        The handler.
    free
        Whether it may change what it wants.
    """

    def __init__(self, inner: ErrorHandler, free: bool = False) -> None:
        self.inner = inner
        self.free = free
        self.is_monitor = inner.is_monitor
        self.is_terminating = inner.is_terminating
        self.raises_runtime_error = inner.raises_runtime_error
        self.max_num_corrections = inner.max_num_corrections

    def check(self, directory: str = "./") -> bool:
        """Whether the inner handler sees an error."""
        if (Path(directory) / STOP_MARK).exists():
            return False
        return bool(self.inner.check(directory))

    def correct(self, directory: str = "./") -> dict[str, Any]:
        """The inner handler's correction, undone and refused if the energy would not compare."""
        place = Path(directory)
        before = _decisive(place)
        saved = {name: _content(place / name) for name in ("INCAR", "KPOINTS")}
        done = self._corrected(directory)
        if self.free:
            return done
        changed = _changes(before, _decisive(place))
        if not changed:
            return done
        for name, content in saved.items():
            if content is not None:
                (place / name).write_bytes(content)
        why = f"{', '.join(changed)} would change, and with it the energy"
        return {"errors": [*done["errors"], why], "actions": None}

    def _corrected(self, directory: str) -> dict[str, Any]:
        _mend_contcar(Path(directory))
        try:
            done: dict[str, Any] = self.inner.correct(directory)
        except TypeError:
            # custodian compares a number of electrons that an early crash has not yet printed
            errors = sorted(getattr(self.inner, "errors", ()))
            if "edddav" not in errors:
                raise
            _set_incar(Path(directory), {"ALGO": "All"})
            return {"errors": errors, "actions": [{"ALGO": "All"}]}
        return done


class Deadline(ErrorHandler):  # type: ignore[misc]
    """Asks VASP to stop, by STOPCAR, while there is time to write its files, or when asked to."""

    is_monitor = True
    is_terminating = False
    raises_runtime_error = False

    def __init__(self, ends_at: float | None, margin_s: float, request: str | None = None) -> None:
        self.ends_at = math.inf if ends_at is None else ends_at
        self.margin_s = margin_s
        self.request = None if request is None else Path(request)

    def check(self, directory: str = "./") -> bool:
        """Whether the time is up: less is left than the margin, or than three ionic steps."""
        if (Path(directory) / STOP_MARK).exists():
            return True
        if self.request is not None and self.request.exists():
            return True
        step = longest_ionic_step_s(Path(directory) / "OUTCAR")
        return self.ends_at - time.time() < max(self.margin_s, 3 * step)

    def correct(self, directory: str = "./") -> dict[str, Any]:
        """Ask for a stop after this ionic step; after this electronic step when that is late."""
        place = Path(directory)
        left = self.ends_at - time.time()
        soft = left > max(self.margin_s / 2, 1.5 * longest_ionic_step_s(place / "OUTCAR"))
        tag = "LSTOP" if soft else "LABORT"
        (place / "STOPCAR").write_text(f"{tag} = .TRUE.\n")
        (place / STOP_MARK).write_text(tag)
        return {"errors": ["the queue's time limit"], "actions": None}


class Silence(ErrorHandler):  # type: ignore[misc]
    """Ends a run that writes nothing any more, and has it go on from where it was, once."""

    is_monitor = True

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._tried = 0

    def check(self, directory: str = "./") -> bool:
        """Whether the newest output is older than the limit."""
        place = Path(directory)
        if (place / STOP_MARK).exists() or ends_well(place):
            return False
        times = [
            path.stat().st_mtime
            for path in (*place.glob("O[US]*CAR"), place / OUTPUT, *place.glob("[0-9][0-9]/OUTCAR"))
            if path.exists()
        ]
        return bool(times) and time.time() - max(times) > self.seconds

    def correct(self, directory: str = "./") -> dict[str, Any]:
        """Go on from the last geometry; at the second time give up."""
        self._tried += 1
        _keep_outputs(Path(directory))
        error = f"nothing written for {self.seconds:.0f} s"
        if self._tried > 1:
            return {"errors": [error], "actions": None}
        return {"errors": [error], "actions": [*_go_on(Path(directory)), "start again"]}


class Unconverged(ErrorHandler):  # type: ignore[misc]
    """Goes on from the last geometry where NSW was not enough; changes ALGO where NELM was not."""

    raises_runtime_error = False  # an unconverged run is a result that says so

    LADDER: ClassVar[dict[str, str]] = {"VERYFAST": "Fast", "FAST": "Normal", "NORMAL": "All"}

    def __init__(self) -> None:
        self._result: Any = None

    def check(self, directory: str = "./") -> bool:
        """Whether a run that ended by itself has not converged, and nobody has seen to it yet.

        A monitor may have corrected the INCAR just as the run was ending.
        """
        place = Path(directory)
        if (place / STOP_MARK).exists():
            return False
        if _content(place / STARTED_INCAR) not in (None, _content(place / "INCAR")):
            return False
        try:
            self._result = read_vasp_folder(place)
        except ReaderError:
            return False
        return bool(self._result.status == "unconverged")

    def correct(self, directory: str = "./") -> dict[str, Any]:
        """One step up the ladder of ALGO, or on from CONTCAR."""
        place = Path(directory)
        algo = str(_incar(place).get("ALGO", "Normal")).upper()
        if self._result.convergence.electronic is False and algo not in self.LADDER:
            return {"errors": ["electronically unconverged"], "actions": None}
        _keep_outputs(place)
        if self._result.convergence.electronic is False:
            _set_incar(place, {"ALGO": self.LADDER[algo]})
            action = {"ALGO": self.LADDER[algo]}
            return {"errors": ["electronically unconverged"], "actions": [action]}
        return {"errors": ["NSW was not enough"], "actions": _go_on(place) or None}


def handlers(order: RunOrder) -> list[ErrorHandler]:
    """The handler set of an order: ``consistent`` or ``robust``."""
    from custodian.vasp import handlers as known

    free = order.handlers == "robust"
    chosen: list[ErrorHandler] = [known.VaspErrorHandler(), known.StdErrHandler()]
    if order.kind != "neb":
        chosen += [known.AliasingErrorHandler(), known.NonConvergingErrorHandler()]
        chosen += [known.PositiveEnergyErrorHandler(), Unconverged()]
        if order.kind == "relax":
            chosen += [known.PotimErrorHandler()]
        if free:
            chosen += [known.MeshSymmetryErrorHandler(), known.IncorrectSmearingHandler()]
    found: list[ErrorHandler] = [Guarded(handler, free) for handler in chosen]
    found.append(Silence(order.silence_s))
    found.append(Deadline(order.ends_at, order.margin_s, order.end_request))
    return found


def _mend_contcar(place: Path) -> None:
    """Put POSCAR where a CONTCAR was cut off as VASP was ended; handlers of custodian's read it."""
    poscar = _content(place / "POSCAR")
    if poscar is not None and valid_contcar(place / "CONTCAR", place / "POSCAR")[0] is None:
        (place / "CONTCAR").write_bytes(poscar)


def _keep_outputs(place: Path) -> None:
    """Pack inputs and outputs into ``error.N.tar.gz``, as custodian's own handlers do."""
    backup([*STALE, "INCAR", "KPOINTS", "POSCAR", "CONTCAR"], directory=str(place))


def _go_on(place: Path) -> list[str]:
    """Put a valid CONTCAR in POSCAR's place; what was done, in words."""
    contcar, _ = valid_contcar(place / "CONTCAR", place / "POSCAR")
    if contcar is None:
        return []
    write_atomically(place / "POSCAR", contcar)
    return ["CONTCAR to POSCAR"]


def _decisive(place: Path) -> dict[str, str]:
    """What decides the energy, as text: the tags that matter, and the k-points."""
    tags = {tag: str(value) for tag, value in _incar(place).items() if tag not in HARMLESS_TAGS}
    kpoints = _content(place / "KPOINTS")
    return {**tags, "KPOINTS": " ".join((kpoints or b"").decode(errors="replace").split()[-8:])}


def _changes(before: dict[str, str], after: dict[str, str]) -> list[str]:
    changed = []
    for tag in sorted(before.keys() | after.keys()):
        old, new = before.get(tag, "unset"), after.get(tag, "unset")
        finer = tag == "EDIFF" and _smaller(new, old)
        more = tag == "NBANDS" and _smaller(old, new)
        if old != new and not finer and not more:
            changed.append(f"{tag} from {old} to {new}" if tag != "KPOINTS" else tag)
    return changed


def _smaller(a: str, b: str) -> bool:
    try:
        return float(a) < float(b)
    except ValueError:
        return a != "unset"


def _incar(place: Path) -> dict[str, Any]:
    from pymatgen.io.vasp.inputs import Incar

    return dict(Incar.from_file(str(place / "INCAR")))


def _set_incar(place: Path, tags: dict[str, Any]) -> None:
    from pymatgen.io.vasp.inputs import Incar

    write_atomically(place / "INCAR", str(Incar({**_incar(place), **tags})))


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None

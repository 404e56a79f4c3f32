"""POTCARs: which ones, their valence, and, where the user has them, assembled and checked.

Without the licensed files the labels are written to ``POTCAR.spec``; valences and titles come
from the summary that pymatgen keeps of every released POTCAR.
"""

from __future__ import annotations

import bz2
import hashlib
import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from natriface.structures.base.errors import EngineError, UnavailableError, nearest
from natriface.workflows.engines.vasp.incar.settings import VaspKeys
from natriface.workflows.engines.vasp.incar.tags import pymatgen_data


@dataclass(frozen=True)
class Potcar:
    """What is known of a POTCAR without having it.

    Attributes
    ----------
    title
        Its first line, the latest where several were released.
    valence
        Number of electrons it leaves in the valence.
    """

    element: str
    label: str
    title: str
    valence: float


def choose_potcars(elements: Iterable[str], keys: VaspKeys, where: str) -> list[Potcar]:
    """The POTCAR of each element, in the order given.

    Raises
    ------
    EngineError
        If there is no such POTCAR in the set.
    """
    functional = keys.potcar_functional
    if functional not in _sets():
        raise EngineError(
            f"{where}: no set of POTCARs {functional!r} ({nearest(functional, _sets())})"
        )
    released = _released(functional)
    chosen = []
    for element in elements:
        label = keys.potcars.get(element) or _default_labels().get(element, element)
        if label not in released or label.partition("_")[0] != element:
            own = [known for known in released if known.partition("_")[0] == element]
            raise EngineError(
                f"{where}: no POTCAR {label!r} for {element} in {functional} "
                f"({nearest(label, own)})"
            )
        title, valence = released[label]
        chosen.append(Potcar(element, label, title, valence))
    return chosen


def potcar_path(potcar: Potcar, functional: str, directory: Path) -> Path | None:
    """Where the user's copy lies, in either of the two layouts in use; ``None`` if nowhere."""
    from pymatgen.io.vasp.inputs import PotcarSingle

    subfolders = {PotcarSingle.functional_dir.get(functional, functional), functional, ""}
    for subfolder in sorted(subfolders, reverse=True):
        for name in (f"{potcar.label}/POTCAR", f"POTCAR.{potcar.label}"):
            for suffix in ("", ".gz", ".xz", ".bz2"):
                path: Path = directory / subfolder / (name + suffix)
                if path.is_file():
                    return path
    return None


def require_potcars(potcars: Sequence[Potcar], functional: str, directory: Path) -> list[Path]:
    """Paths of the user's POTCARs.

    Raises
    ------
    EngineError
        Naming those that are missing.
    """
    paths = [potcar_path(potcar, functional, directory) for potcar in potcars]
    missing = [potcar.label for potcar, path in zip(potcars, paths, strict=True) if path is None]
    if missing:
        raise UnavailableError(
            f"no POTCAR of {', '.join(missing)} in {directory} ({functional}); get them from the "
            "VASP portal, or name another folder as potcar_directory in the machine's file"
        )
    return [path for path in paths if path is not None]


@dataclass(frozen=True)
class Assembled:
    """A POTCAR file.

    Attributes
    ----------
    sha256
        Element -> hash of its part.
    warnings
        What is odd about the parts, in words.
    """

    text: str
    sha256: dict[str, str]
    warnings: list[str]


def assemble(
    potcars: Sequence[Potcar], functional: str, directory: Path, encut_ev: float | None
) -> Assembled:
    """The POTCAR file, put together and checked.

    Each part is read by pymatgen; its element must be the one asked for. Warned about are parts
    that pymatgen's table of titles and statistics does not know, titles that differ from the
    set's, checksums that do not match the content, and an ENMAX above the cut-off.

    Raises
    ------
    EngineError
        If one is missing or is another element's.
    """
    from monty.io import zopen
    from pymatgen.io.vasp.inputs import PotcarSingle

    text, warnings, hashes = "", [], {}
    paths = require_potcars(potcars, functional, directory)
    for potcar, path in zip(potcars, paths, strict=True):
        with zopen(path, "rt", encoding="utf-8") as file:
            content = file.read()
        try:
            single = PotcarSingle(content, symbol=potcar.label)
        except (ValueError, KeyError, IndexError, AttributeError):
            raise EngineError(
                f"{path} is no POTCAR: no TITEL, or cut off; unpack it again from the archive of "
                "the VASP portal"
            ) from None
        found = str(single.TITEL).split()
        label = found[1] if len(found) > 1 else str(single.TITEL)
        if label.partition("_")[0] != potcar.element:
            raise EngineError(f"{path} holds {single.TITEL}, not a POTCAR of {potcar.element}")
        if str(single.TITEL).replace(" ", "") != potcar.title.replace(" ", ""):
            warnings.append(f"POTCAR of {potcar.element} is {single.TITEL}, not {potcar.title}")
        if not single.is_valid:
            warnings.append(
                f"POTCAR of {potcar.element} ({single.TITEL}) differs from every released one: "
                "its hash and statistics are not known"
            )
        if not _checksum_holds(content):
            warnings.append(f"POTCAR of {potcar.element} ({path}) differs from its own checksum")
        hashes[potcar.element] = hashlib.sha256(content.encode()).hexdigest()
        enmax = float(single.ENMAX)
        if encut_ev is not None and enmax > encut_ev:
            warnings.append(
                f"ENMAX of {potcar.label} is {enmax:.0f} eV, above the cut-off of {encut_ev:g} eV: "
                "its energies are not converged"
            )
        text += content if content.endswith("\n") else content + "\n"
    return Assembled(text, hashes, warnings)


def _checksum_holds(content: str) -> bool:
    """Whether the SHA256 that newer POTCARs carry is that of their other lines."""
    lines = content.split("\n")
    stated = next((line for line in lines[:60] if line.strip().startswith("SHA256")), None)
    if stated is None:
        return True
    kept = [line for line in lines if not line.strip().startswith(("SHA256", "COPYR"))]
    return hashlib.sha256("\n".join(kept).encode()).hexdigest() in stated


def check_environment_directory(configured: Path | None) -> Path | None:
    """The folder of POTCARs: the machine file's, else ``PMG_VASP_PSP_DIR``'s, else none."""
    if configured is not None:
        return configured
    named = os.environ.get("PMG_VASP_PSP_DIR")
    return Path(named).expanduser() if named else None


@cache
def _default_labels() -> dict[str, str]:
    text = pymatgen_data("PBE54Base.yaml").read_text()
    return {str(key): str(value) for key, value in yaml.safe_load(text)["POTCAR"].items()}


@cache
def _sets() -> dict[str, dict[str, list[dict[str, Any]]]]:
    packed = pymatgen_data("potcar-summary-stats.json.bz2").read_bytes()
    sets: dict[str, dict[str, list[dict[str, Any]]]] = json.loads(bz2.decompress(packed))
    return sets


@cache
def _released(functional: str) -> dict[str, tuple[str, float]]:
    """Label -> (title, valence) of a released set."""
    found: dict[str, tuple[str, float]] = {}
    for packed_title, entries in _sets()[functional].items():
        for entry in entries:
            label = str(entry["symbol"])
            title = _spaced(packed_title, label)
            found[label] = (title, float(entry["ZVAL"]))
    return found


def _spaced(title: str, label: str) -> str:
    """``PAW_PBENa_pv19Sep2006`` -> ``PAW_PBE Na_pv 19Sep2006``."""
    match = re.fullmatch(rf"(PAW_PBE|PAW|US|NC)?{re.escape(label)}(.*)", title)
    return " ".join(part for part in (match[1], label, match[2]) if part) if match else title

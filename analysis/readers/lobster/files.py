"""Which files of a LOBSTER run a folder holds, under the many names people give them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from natriface.analysis.readers.vasp.files import runs_by_label
from natriface.structures.base.errors import ReaderError

_LOBSTER = (
    "ICOHPLIST",
    "ICOOPLIST",
    "ICOBILIST",
    "COHPCAR",
    "COOPCAR",
    "COBICAR",
    "CHARGE",
)
_LOGS = ("lobsterout", "lobster.out")
STRUCTURES = ("POSCAR.lobster.vasp", "POSCAR.lobster", "CONTCAR", "POSCAR")
"""Where the crystal may stand; the first is written by LOBSTER 5.1 itself."""

_PACKED = r"(?:\.(?:gz|xz|bz2|lzma))?"
_NAME = re.compile(
    r"(?P<name>(?:" + "|".join(_LOBSTER) + r")\.lobster"
    r"|" + "|".join(re.escape(name) for name in (*_LOGS, *STRUCTURES, "vasprun.xml")) + r")"
    r"(?P<label>(?:\.[\w+-]+?)*?)" + _PACKED
)


@dataclass(frozen=True)
class LobsterFiles:
    """The files of one run.

    Attributes
    ----------
    folder : where they lie
    label : the ending that distinguishes this run from others in the folder, or empty
    paths : by LOBSTER's own name, without ``.lobster``; ``lobsterout`` for the log
    structures : crystals in the order in which they count
    """

    folder: Path
    label: str
    paths: dict[str, Path]
    structures: tuple[Path, ...]


def find_lobster_files(path: Path) -> LobsterFiles:
    """The files of the run that a folder, or one of its files, belongs to.

    Raises
    ------
    ReaderError
        If nothing of LOBSTER is there, or several runs are and none is named.
    """
    folder, runs = runs_by_label(path, _NAME)
    label = _label(path, runs)
    files = runs[label]
    found = {name.partition(".")[0]: f for name, f in files.items() if name.endswith(".lobster")}
    found.pop("POSCAR", None)
    log = next((files[name] for name in _LOGS if name in files), None)
    if log is not None:
        found["lobsterout"] = log
    if "vasprun.xml" in files:
        found["vasprun.xml"] = files["vasprun.xml"]
    if not path.is_dir():
        match = _NAME.fullmatch(path.name)
        if match is not None and match["name"].endswith(".lobster"):
            found[match["name"].partition(".")[0]] = path
    structures = [files[name] for name in STRUCTURES if name in files]
    if label and not structures:
        structures = [runs.get("", {})[name] for name in STRUCTURES if name in runs.get("", {})]
    return LobsterFiles(folder, label, found, tuple(structures))


def _label(path: Path, runs: dict[str, dict[str, Path]]) -> str:
    """Which of the runs in a folder is meant."""
    if not path.is_dir():
        match = _NAME.fullmatch(path.name)
        if match is None or match["name"] in STRUCTURES:
            raise ReaderError(
                f"{path}: not a file of LOBSTER by its name; give its folder or ICOHPLIST.lobster"
            )
        return match["label"].lstrip(".")
    lists = [label for label, files in runs.items() if "ICOHPLIST.lobster" in files]
    if "" in lists:
        return ""
    if len(lists) == 1:
        return lists[0]
    if lists:
        names = ", ".join(sorted(runs[label]["ICOHPLIST.lobster"].name for label in lists)[:6])
        raise ReaderError(f"{path}: several runs lie here; give the ICOHPLIST of one: {names}")
    if any(name.endswith(".lobster") or name in _LOGS for name in runs.get("", {})):
        return ""
    there = sorted(
        file.name
        for files in runs.values()
        for name, file in files.items()
        if name.endswith(".lobster") or name in _LOGS
    )
    if there:
        raise ReaderError(
            f"{path}: {', '.join(there[:4])}{', ...' * (len(there) > 4)} without an "
            "ICOHPLIST.lobster, from which the bonds' ICOHPs come; copy it here"
        )
    below = sorted(p.parent.name for p in path.glob("*/ICOHPLIST.lobster*"))
    hint = f"; there is one in {', '.join(below[:4])}" if below else ""
    raise ReaderError(f"{path}: no ICOHPLIST.lobster here: LOBSTER has not written any bonds{hint}")

"""Which output files a folder of a VASP run holds, under the many names people give them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from natriface.structures.base.errors import ReaderError

OUTPUTS = ("vasprun.xml", "vaspout.h5", "OUTCAR", "OSZICAR")
_NAMES = (*OUTPUTS, "CONTCAR", "POSCAR")
_NAME = re.compile(
    r"(?P<name>" + "|".join(re.escape(name) for name in _NAMES) + r")"
    r"(?P<label>(?:\.[\w-]+?)*?)(?P<packed>\.(?:gz|xz|bz2|lzma|GZ))?"
)
_UNREAD = re.compile(
    r"(INCAR|KPOINTS\w*|POTCAR|DOSCAR|PROCAR\w*|EIGENVAL\w*|XDATCAR|CHG|CHGCAR|AECCAR\d|ELFCAR|LOCPOT|"
    r"WAVECAR|WAVEDER|IBZKPT|PCDAT|REPORT|STOPCAR|ML_\w+)(\.[\w.-]+)?"
)
_IMAGE = re.compile(r"\d{2,3}")


@dataclass(frozen=True)
class Files:
    """The files of one run.

    Attributes
    ----------
    folder
        Where they lie.
    label
        The ending that distinguishes this run from others in the folder (``relax2``), or empty.
    paths
        By VASP's own name.
    others
        Labels of other runs in the folder, which are not read.
    """

    folder: Path
    label: str
    paths: dict[str, Path]
    others: tuple[str, ...] = ()


def runs_by_label(path: Path, pattern: re.Pattern[str]) -> tuple[Path, dict[str, dict[str, Path]]]:
    """The folder a path means, and the files there: label of the run -> program's name -> file.

    Parameters
    ----------
    path
        The folder, or a file in it.
    pattern
        Of the names of files, with the groups ``name`` and ``label``.

    Raises
    ------
    ReaderError
        If the path does not exist or the folder cannot be listed.
    """
    if not path.exists():
        raise ReaderError(f"{path}: does not exist")
    folder = path if path.is_dir() else path.parent
    runs: dict[str, dict[str, Path]] = {}
    try:
        entries = sorted(entry for entry in folder.iterdir() if entry.is_file())
    except OSError as error:
        raise ReaderError(f"{folder}: cannot be listed ({error.strerror})") from None
    for entry in entries:
        match = pattern.fullmatch(entry.name)
        if match is not None:
            runs.setdefault(match["label"].lstrip("."), {}).setdefault(match["name"], entry)
    return folder, runs


def find_files(path: Path) -> Files:
    """The files of the run that a folder, or one of its output files, belongs to.

    A folder may hold several runs (``vasprun.xml.relax1.gz``, ``vasprun.xml.relax2.gz``): files
    without such an ending count first, else the last run by number.

    Raises
    ------
    ReaderError
        If the path does not exist or no output of VASP is there.
    """
    folder, runs = runs_by_label(path, _NAME)
    if path.is_dir():
        return _choose(folder, runs)
    match = _NAME.fullmatch(path.name)
    if match is None and _UNREAD.fullmatch(path.name):
        raise ReaderError(
            f"{path}: a run is not read from this file, but from its {', '.join(OUTPUTS[:-1])} or "
            f"{OUTPUTS[-1]}: give one of them or their folder"
        )
    if match is None:
        return Files(folder, "", {_kind(path): path})
    label = match["label"].lstrip(".")
    return Files(folder, label, runs.get(label, {}) | {match["name"]: path})


def _choose(folder: Path, runs: dict[str, dict[str, Path]]) -> Files:
    with_output = [label for label, files in runs.items() if any(n in files for n in OUTPUTS)]
    if not with_output:
        renamed = [
            entry
            for entry in sorted(folder.iterdir())
            if entry.is_file() and re.search("vasprun|vaspout|outcar", entry.name.lower())
        ]
        if len(renamed) == 1:
            return Files(folder, "", {_kind(renamed[0]): renamed[0]})
        if renamed:
            names = ", ".join(entry.name for entry in renamed[:5])
            raise ReaderError(
                f"{folder}: several outputs under names of their own; give one: {names}"
            )
        hint = "VASP has not written anything to read"
        unread = [
            entry.name
            for entry in sorted(folder.iterdir())
            if entry.is_file() and re.match("DOSCAR|PROCAR|EIGENVAL", entry.name)
        ]
        if unread:
            hint = f"and {', '.join(unread[:3])} are not read: copy one of the former here"
        if image_folders(folder):
            hint += "; its subfolders are images of a path: read them with read_neb_folder"
        raise ReaderError(f"{folder}: no {', '.join(OUTPUTS[:-1])} or {OUTPUTS[-1]} here, {hint}")
    label = "" if "" in with_output else max(with_output, key=_order)
    paths = {**runs.get("", {}), **runs[label]} if label else runs[label]
    paths = {name: file for name, file in paths.items() if name not in OUTPUTS} | {
        name: file for name, file in runs[label].items() if name in OUTPUTS
    }
    others = tuple(sorted(other for other in with_output if other != label))
    return Files(folder, label, paths, others)


def _order(label: str) -> tuple[int, str]:
    numbers = re.findall(r"\d+", label)
    return (int(numbers[-1]) if numbers else -1, label)


def _kind(path: Path) -> str:
    """Which output a file of another name is, from its name's parts."""
    name = path.name.lower()
    if "outcar" in name:
        return "OUTCAR"
    if "oszicar" in name:
        return "OSZICAR"
    return "vaspout.h5" if ".h5" in name else "vasprun.xml"


def image_folders(folder: Path) -> list[Path]:
    """Subfolders ``00``, ``01``, ... of a nudged-elastic-band run, in order."""
    if not folder.is_dir():
        return []
    return sorted(
        entry for entry in folder.iterdir() if entry.is_dir() and _IMAGE.fullmatch(entry.name)
    )

"""What an earlier attempt has left: kept under its own name, and gone on from where sound."""

from __future__ import annotations

import gzip
import re
import shutil
from pathlib import Path

import numpy as np

from natriface.structures.base.errors import EngineError
from natriface.structures.base.writing import next_numbered

OUTPUTS = (
    *("OUTCAR", "vasprun.xml", "OSZICAR", "CONTCAR", "XDATCAR", "EIGENVAL", "DOSCAR", "PROCAR"),
    *("PCDAT", "IBZKPT", "REPORT", "CHG", "CHGCAR", "WAVECAR", "ELFCAR", "LOCPOT", "AECCAR0"),
    *("AECCAR1", "AECCAR2", "vaspout.h5", "vasp.out", "std_err.txt", "custodian.json"),
    *("vasp_end.json", "STOPCAR", "stop_asked", "lobsterin", "lobsterout", "lobster.out"),
)
"""What a run writes and a new attempt must not mistake for its own."""
REUSED = ("WAVECAR", "CHGCAR")
"""Outputs that a new attempt starts from."""
COMPRESSED = ("OUTCAR", "vasprun.xml", "XDATCAR", "CHGCAR", "LOCPOT", "ELFCAR", "PROCAR", "DOSCAR")
DELETED = (
    "WAVECAR",
    "CHG",
    "CHGCAR",
    "PCDAT",
    "AECCAR0",
    "AECCAR1",
    "AECCAR2",
    "LOCPOT",
    "STOPCAR",
)
"""What is not kept after a run that converged, but for what its kind is for and `keep` names."""
KEPT = {
    "static": ("CHGCAR", "LOCPOT", "AECCAR0", "AECCAR2"),
    "elf": ("CHGCAR",),
    "levels": ("LOCPOT",),
    "dos": (),
    "relax": (),
    "lobster": (),
    "neb": (),
    "md": (),
}


def set_aside(folder: Path) -> Path | None:
    """Move an earlier attempt's outputs into ``attempt-N``; ``None`` if there are none.

    WAVECAR and CHGCAR stay where they are, if they are not empty: the next attempt reads them.
    """
    places = [folder, *(p for p in sorted(folder.glob("[0-9][0-9]")) if p.is_dir())]
    found = [place / name for place in places for name in OUTPUTS if (place / name).exists()]
    found += sorted(folder.glob("error.*.tar.gz")) + sorted(folder.glob("*.lobster"))
    found += [p for name in COMPRESSED if (p := folder / f"{name}.gz").exists()]
    if not [path for path in found if path.name not in REUSED]:
        return None
    aside = next_numbered(folder, "attempt")
    for path in found:
        if path.name in REUSED and path.stat().st_size > 0:
            continue
        target = aside / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    shutil.copy2(folder / "INCAR", aside / "INCAR")
    shutil.copy2(folder / "POSCAR", aside / "POSCAR")
    return aside


def valid_contcar(contcar: Path, poscar: Path, *, moving: bool = False) -> tuple[str | None, str]:
    """The text of a CONTCAR to go on from, or ``None`` and why it is not one.

    It must be whole, hold finite numbers, and the same atoms as POSCAR in a cell of some volume.
    Velocities must be there where atoms are `moving`, and are cut off where they are not.
    """
    try:
        lines = contcar.read_text().splitlines()
    except FileNotFoundError:
        return None, "there is no CONTCAR"
    except UnicodeDecodeError:
        return None, "CONTCAR is no text"
    if not any(line.strip() for line in lines):
        return None, "CONTCAR is empty"
    reference = poscar.read_text().splitlines()
    try:
        mine, theirs = _parsed(lines), _parsed(reference)
    except (ValueError, IndexError):
        return None, "CONTCAR is cut off or holds no numbers"
    if mine.species != theirs.species:
        return None, f"CONTCAR holds {mine.formula}, POSCAR {theirs.formula}"
    if not (np.isfinite(mine.cell).all() and np.isfinite(mine.positions).all()):
        return None, "CONTCAR holds numbers that are none"
    if np.linalg.det(mine.cell) < 0.2 * np.linalg.det(theirs.cell):
        return None, "the cell in CONTCAR has collapsed"
    motion = velocities(lines[mine.end :], len(mine.positions)) if moving else []
    if moving and not motion:
        return None, "CONTCAR has no velocities, or not all of them"
    return "\n".join([*lines[: mine.end], *motion]) + "\n", ""


def velocities(lines: list[str], n_atoms: int) -> list[str]:
    """Lines with the velocities after a POSCAR's positions; none where they are not whole.

    What VASP's integrator writes after them (a flag, a time step, four numbers of the thermostat,
    three more rows an atom) is kept with them, where it is whole.
    """
    rows: list[list[float]] = []
    places: list[int] = []
    for place, line in enumerate(lines):
        try:
            row = [float(word) for word in line.split()]
        except ValueError:
            break
        if row and not np.isfinite(row).all():
            break
        if row:
            rows.append(row)
            places.append(place)
    if len(rows) < n_atoms or any(len(row) != 3 for row in rows[:n_atoms]):
        return []
    widths = [len(row) for row in rows[n_atoms:]]
    whole = widths == [1, 1, 4, *[3] * (3 * n_atoms)]
    last = places[-1] if whole else places[n_atoms - 1]
    return lines[: last + 1]


def fractions_of(text: str) -> tuple[np.ndarray, bool]:
    """(n_atoms, 3) fractions of a POSCAR in fractions, and whether it has velocities."""
    lines = text.splitlines()
    found = _parsed(lines)
    return found.positions, bool(velocities(lines[found.end :], len(found.positions)))


class _Poscar:
    def __init__(self, species: list[tuple[str, int]], cell: np.ndarray, positions: np.ndarray):
        self.species = species
        self.cell = cell
        self.positions = positions
        self.end = 0

    @property
    def formula(self) -> str:
        return " ".join(f"{element}{count}" for element, count in self.species)


def _parsed(lines: list[str]) -> _Poscar:
    scale = float(lines[1])
    cell = scale * np.array([[float(word) for word in line.split()[:3]] for line in lines[2:5]])
    elements = [word.partition("_")[0].partition("/")[0] for word in lines[5].split()]
    counts = [int(word) for word in lines[6].split()]
    first = 8 + lines[7].strip().upper().startswith("S")
    n = sum(counts)
    rows = [[float(word) for word in line.split()[:3]] for line in lines[first : first + n]]
    positions = np.array(rows)
    if positions.shape != (n, 3) or cell.shape != (3, 3) or len(elements) != len(counts):
        raise ValueError("rows are missing")
    parsed = _Poscar(list(zip(elements, counts, strict=True)), cell, positions)
    parsed.end = first + n
    return parsed


def ends_well(folder: Path) -> bool:
    """Whether VASP has written its vasprun.xml, or at least its OUTCAR, to the end."""
    return b"</modeling>" in _tail(folder / "vasprun.xml", 64) or (
        b"General timing and accounting" in _tail(folder / "OUTCAR", 4096)
    )


def longest_ionic_step_s(outcar: Path) -> float:
    """Longest of the last ionic steps in s; 0 where there is none yet."""
    found = re.findall(rb"LOOP\+:.*real time\s*([\d.]+)", _tail(outcar, 2_000_000))
    return max((float(seconds) for seconds in found[-5:]), default=0.0)


def n_bands(folder: Path) -> int | None:
    """NBANDS that VASP has really used, from OUTCAR; ``None`` where it is not to be found."""
    try:
        with (folder / "OUTCAR").open("rb") as file:
            found = re.search(rb"number of bands\s+NBANDS\s*=\s*(\d+)", file.read(16_000_000))
    except FileNotFoundError:
        return None
    return int(found[1]) if found else None


def clean_up(folder: Path, kind: str, keep: list[str], gzip_above_mb: float) -> None:
    """Delete what the kind of calculation does not keep, and compress large text files."""
    kept = {*KEPT.get(kind, ()), *keep}
    places = [folder, *(p for p in sorted(folder.glob("[0-9][0-9]")) if p.is_dir())]
    for place in places:
        for name in DELETED:
            if name not in kept:
                (place / name).unlink(missing_ok=True)
        for name in COMPRESSED:
            path = place / name
            if path.is_file() and path.stat().st_size > gzip_above_mb * 1e6:
                compress(path)


def compress(path: Path) -> None:
    """Replace a file by its gzip, in one step."""
    temporary = path.with_name(f".{path.name}.gz")
    try:
        with path.open("rb") as source, gzip.open(temporary, "wb", compresslevel=4) as packed:
            shutil.copyfileobj(source, packed, 1 << 20)
        temporary.replace(path.with_name(f"{path.name}.gz"))
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise EngineError(f"{path} cannot be compressed: {error.strerror}") from error
    path.unlink()


def _tail(path: Path, n_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - n_bytes))
            return file.read()
    except FileNotFoundError:
        return b""

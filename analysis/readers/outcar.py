"""`Outcar`: what an OUTCAR says, for what vasprun.xml leaves out and where it is absent or cut."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path

import numpy as np

from natriface.analysis.readers.blocks import BlockError, Floats, finite, number
from natriface.analysis.readers.compression import Text
from natriface.analysis.readers.convergence import Said
from natriface.analysis.readers.redundancy import check_energies, damaged_forces, is_smeared
from natriface.analysis.readers.vasprun_header import Header, Value, scalar
from natriface.analysis.readers.vasprun_steps import Steps
from natriface.structures.errors import ReaderError

_FORCES = b"TOTAL-FORCE (eV/Angst)"
_END = b"General timing and accounting"
_ENERGIES = re.compile(
    rb"free\s+energy\s+(?:ML\s+)?TOTEN\s*=\s*(\S+)\s+eV"
    rb"\s+(?:ML\s+)?energy\s+without\s+entropy\s*=\s*(\S+)"
    rb"\s+(?:ML\s+)?energy\(sigma->0\)\s*=\s*(\S+)"
)
_ROW = re.compile(rb"^[ \t]*\d+[ \t]+(-?\d+\.\d+)[ \t]+(-?\d+\.\d+)[ \t]*\r?$", re.M)
_TAGS: dict[str, bytes] = {
    **dict.fromkeys(
        ("NELM", "NSW", "IBRION", "ISIF", "ISPIN", "ISMEAR", "NBANDS", "NIONS", "NKPTS", "NEDOS"),
        b"int",
    ),
    **dict.fromkeys(("EDIFF", "EDIFFG", "SIGMA", "NELECT", "PSTRESS", "AEXX"), b"float"),
    **dict.fromkeys(
        ("LNONCOLLINEAR", "LSORBIT", "LASPH", "LREAL", "LHFCALC", "LDIPOL", "LEPSILON", "LELF"),
        b"logical",
    ),
    **dict.fromkeys(("PREC", "GGA", "METAGGA"), b"string"),
}
_TIMES = {
    "cpu_s": b"Total CPU time used (sec):",
    "wall_s": b"Elapsed time (sec):",
    "peak_memory_kb": b"Maximum memory used (kb):",
}


class Outcar:
    """An OUTCAR, plain or compressed, of any VASP from 4.6 to 6; the last run where it holds many.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    ReaderError
        If the file cannot be read or is no OUTCAR.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.text = Text(self.path)
        self.problems: list[str] = [self.text.problem] if self.text.problem else []
        executed = self.text.rfind(b" executed on ")
        head = self.text.read(0, 1 << 16)
        if executed < 0 and b"vasp" not in head[:400] and b"POTCAR:" not in head:
            content = "empty" if self.text.size == 0 else "no OUTCAR"
            raise ReaderError(f"{self.path}: {content}; VASP has not written anything here to read")
        self._start = max(self.text.rfind(b"vasp.", 0, executed), 0) if executed > 0 else 0
        self._marks = self.text.find_all(_FORCES, self._start)

    @cached_property
    def complete(self) -> bool:
        """Whether VASP ended by itself: it closes with its timing."""
        tail = max(self._start, self.text.size - (1 << 18))
        return self.text.find(_END, tail) >= 0 and self.text.problem is None

    @cached_property
    def header(self) -> Header:
        """Settings and atoms."""
        header = Header(criteria_slack=1.5)  # EDIFF and EDIFFG are printed with one digit
        first = self._marks[0] if self._marks else self.text.size
        stop = self.text.find(b"Iteration ", self._start, first)
        data = self.text.read(
            self._start, min(stop if stop > 0 else first, self._start + (8 << 20))
        )
        version = re.match(rb"\s*vasp\.(\S+)(?:\s+(\S.*?))?\s*$", data[:200], re.M)
        if version is not None:
            header.version = version.group(1).decode("latin-1")
            header.build = (version.group(2) or b"").decode("latin-1").strip()
        self._read_incar(data, header)
        for name, kind in _TAGS.items():
            value = self._tag(data, name, kind)
            if value is not None:
                header.parameters[name] = value
        cutoff = re.search(rb"^\s*ENCUT\s*=\s*(\S+)\s*eV", data, re.M)
        if cutoff is not None and np.isfinite(number(cutoff.group(1))):
            header.parameters["ENMAX"] = number(cutoff.group(1))
        self._read_species(data, header)
        self._read_kpoints(data, header)
        return header

    @staticmethod
    def _tag(data: bytes, name: str, kind: bytes) -> Value:
        """The value printed after the run's start parameters, which follow the echoed INCAR."""
        begin = max(data.rfind(b"Dimension of arrays"), 0)
        pattern = rb"(?:^|\s)" + name.encode() + rb"\s*=\s*([^\s;]+)"
        match = re.search(pattern, data[begin:])
        if match is None:
            return None
        if kind == b"string":
            return match.group(1).decode("latin-1")
        return scalar(kind, match.group(1))

    @staticmethod
    def _read_incar(data: bytes, header: Header) -> None:
        """VASP 6 echoes the INCAR."""
        at = data.find(b" INCAR:")
        end = data.find(b" POTCAR:", at)
        if at < 0 or end < 0:
            return
        for line in data[at:end].splitlines()[1:]:
            name, equals, value = line.partition(b"=")
            if equals and re.fullmatch(rb"\s*[A-Za-z_0-9]+\s*", name):
                header.incar[name.decode().strip().upper()] = _guess(value.strip())

    @staticmethod
    def _read_species(data: bytes, header: Header) -> None:
        header.potcar_titles = [
            title.decode("latin-1").strip()
            for title in re.findall(rb"^\s*TITEL\s*=\s*(\S.*?)\s*$", data, re.M)
        ]
        counts = re.search(rb"^\s*ions per type\s*=((?:\s*\d+)+)\s*$", data, re.M)
        n_species = len(counts.group(1).split()) if counts else 0
        if not header.potcar_titles:  # OUTCARs are passed on without the POTCARs' text
            named = re.findall(rb"^\s*POTCAR:\s*(\S.*?)\s*$", data, re.M)[:n_species]
            header.potcar_titles = [title.decode("latin-1") for title in named]
        elements = [
            element.decode("latin-1")
            for element in re.findall(rb"^\s*VRHFIN\s*=\s*([A-Za-z]{1,2})\b", data, re.M)
        ]
        if len(elements) != len(header.potcar_titles):
            words = [title.split() for title in header.potcar_titles]
            elements = [w[1 if len(w) > 1 else 0].split("_")[0].split(".")[0] for w in words]
        if counts is None:
            header.problems.append("the numbers of atoms of each species are absent")
            return
        header.counts = [int(word) for word in counts.group(1).split()]
        if len(header.counts) != len(elements):
            header.problems.append("species and their numbers of atoms disagree")
            return
        pairs = zip(elements, header.counts, strict=True)
        header.symbols = [element for element, n in pairs for _ in range(n)]
        n_ions = header.parameters.get("NIONS")
        if n_ions is not None and n_ions != len(header.symbols):
            header.problems.append("the list of atoms is damaged: their numbers disagree")
            header.symbols = []

    @staticmethod
    def _read_kpoints(data: bytes, header: Header) -> None:
        found = re.search(
            rb"Following reciprocal coordinates:\s*\n\s*Coordinates\s+Weight\s*\n"
            rb"((?:\s*[-\d.]+\s+[-\d.]+\s+[-\d.]+\s+[\d.]+\s*\n)+)",
            data,
        ) or re.search(
            rb"k-points in reciprocal lattice and weights:[^\n]*\n"
            rb"((?:\s*[-\d.]+\s+[-\d.]+\s+[-\d.]+\s+[\d.]+\s*\n)+)",
            data,
        )
        if found is None:
            return
        rows = [[number(word) for word in row.split()] for row in found.group(1).splitlines()]
        table = np.array([row for row in rows if len(row) == 4])
        n = header.parameters.get("NKPTS")
        if len(table) and len(table) == n and np.isfinite(table).all() and table[:, 3].sum() > 0:
            header.kpoints = table[:, :3]
            header.kpoint_weights = table[:, 3] / table[:, 3].sum()

    @cached_property
    def steps(self) -> Steps:
        """The ionic steps; one whose final energy is not printed does not count."""
        n_atoms = len(self.header.symbols)
        energies: list[list[float]] = []
        cells: list[Floats] = []
        positions: list[Floats] = []
        forces: list[Floats] = []
        stresses: list[Floats] = []
        counts: list[int] = []
        changes: list[float] = []
        problems: list[str] = []
        before = self._start
        for mark, following in zip(self._marks, [*self._marks[1:], self.text.size], strict=False):
            window = min(following, mark + 400 * n_atoms + (1 << 16))
            energy = _ENERGIES.search(self.text.read(mark, window))
            if energy is None:
                if following != self.text.size:
                    problems.append(f"ionic step {len(energies) + 1}: no energy")
                continue
            try:
                energies.append(self._energies(energy, before, mark))
            except BlockError as error:
                problems.append(f"ionic step {len(energies) + 1}: {error}")
                energies.append([float("nan")] * 3)
            cell = self._cell(before, mark)
            place, force = self._positions_and_forces(mark, n_atoms, problems)
            cells.append(cell)
            with np.errstate(invalid="ignore"):
                flat = not abs(np.linalg.det(cell)) > 1e-6
            positions.append(np.full_like(place, np.nan) if flat else place @ np.linalg.inv(cell))
            forces.append(force)
            stresses.append(self._stress(before, mark))
            counts.append(self._count(before, mark))
            changes.append(self._change(before, mark))
            before = mark
        n = len(energies)
        wrong = damaged_forces(np.array(forces).reshape(n, n_atoms, 3), 1e-6)
        if wrong.any():
            problems.append("the forces do not add up to zero by one digit: damaged")
            forces = [
                np.full_like(f, np.nan) if w else f for f, w in zip(forces, wrong, strict=True)
            ]
        table = np.array(energies).reshape(n, 3)
        left = self._count(before, self.text.size) if not self.complete else -1
        return Steps(
            table[:, 0],
            table[:, 1],
            table[:, 2],
            np.array(cells).reshape(n, 3, 3),
            np.array(positions).reshape(n, n_atoms, 3),
            np.array(forces).reshape(n, n_atoms, 3),
            np.array(stresses).reshape(n, 3, 3),
            np.array(counts, dtype=int),
            np.array(changes, dtype=float),
            left if left > 0 else None,
            problems,
        )

    def _energies(self, match: re.Match[bytes], start: int, mark: int) -> list[float]:
        """Free energy, E0 and energy without entropy, checked by the last electronic step's."""
        names = (1, 2, 3)
        free, flat, zero = (number(match.group(i)) for i in names)
        if not np.isfinite((free, flat, zero)).all():
            raise BlockError("its energy overflowed or is damaged")
        rounding = 10.0 ** -len(match.group(1).partition(b".")[2])
        at = self.text.rfind(b"free energy    TOTEN", start, mark)
        inner = _ENERGIES.search(self.text.read(at, at + 400)) if at >= 0 else None
        if inner is None:
            if not is_smeared((free, flat, zero), rounding):
                raise BlockError("its energies contradict each other")
        else:
            check_energies(
                (free, flat, zero),
                (number(inner.group(1)), number(inner.group(2)), number(inner.group(3))),
                (match.group(1), inner.group(1)),
                max(rounding, 10.0 ** -len(inner.group(1).partition(b".")[2])),
            )
        return [free, zero, flat]

    def _cell(self, start: int, stop: int) -> Floats:
        at = self.text.rfind(b"direct lattice vectors", start, stop)
        rows = self.text.read(at, at + 600).splitlines()[1:4] if at >= 0 else []
        # columns, because neighbouring numbers may touch
        values = [[number(row[3 + 13 * i : 16 + 13 * i]) for i in range(3)] for row in rows]
        if len(values) != 3 or not np.isfinite(values).all():
            values = [[number(word) for word in row.split()[:3]] for row in rows]
        good = len(values) == 3 and all(len(row) == 3 for row in values)
        return np.array(values) if good else np.full((3, 3), np.nan)

    def _positions_and_forces(
        self, mark: int, n_atoms: int, problems: list[str]
    ) -> tuple[Floats, Floats]:
        lines = self.text.read(mark, mark + 120 * (n_atoms + 4)).splitlines()
        try:
            if len(lines) < n_atoms + 3 or not lines[1].strip().startswith(b"----"):
                raise BlockError("cut off")
            if not lines[n_atoms + 2].strip().startswith(b"----"):
                raise BlockError("another number of rows than atoms")
            table = np.array([[number(w) for w in line.split()] for line in lines[2 : n_atoms + 2]])
            if table.shape != (n_atoms, 6):
                raise BlockError("a row is damaged")
            finite(table)
        except (BlockError, ValueError) as error:
            problems.append(f"positions and forces: {error}")
            return np.full((n_atoms, 3), np.nan), np.full((n_atoms, 3), np.nan)
        return table[:, :3], table[:, 3:]

    def _stress(self, start: int, stop: int) -> Floats:
        at = self.text.rfind(b"  in kB ", start, stop)
        line = self.text.read(at, at + 200).splitlines()[0] if at >= 0 else b""
        values = [number(word) for word in line.split()[2:8]]
        if len(values) != 6:
            return np.full((3, 3), np.nan)
        xx, yy, zz, xy, yz, zx = values
        return np.array([[xx, xy, zx], [xy, yy, yz], [zx, yz, zz]])

    def _count(self, start: int, stop: int) -> int:
        at = self.text.rfind(b" Iteration ", start, stop)
        match = re.search(rb"Iteration\s*\d+\(\s*(\d+)\)", self.text.read(at, at + 80))
        return int(match.group(1)) if at >= 0 and match else -1

    def _change(self, start: int, stop: int) -> float:
        at = self.text.rfind(b"total energy-change (2. order)", start, stop)
        match = re.search(rb"order\)\s*:\s*(\S+)\s", self.text.read(at, at + 100))
        return number(match.group(1).partition(b"(")[0]) if at >= 0 and match else float("nan")

    @cached_property
    def said(self) -> Said:
        """What VASP says in words about the last ionic step."""
        last = self._marks[-1] if self._marks else self._start
        previous = self._marks[-2] if len(self._marks) > 1 else self._start
        denied = self.text.find(b"EDIFF was not reached", previous) >= 0
        reached = self.text.find(b"reached required accuracy", last) >= 0
        stopped = self.text.find(b"stop encountered!", previous) >= 0
        ionic = True if reached else (False if self.complete else None)
        return Said(False if denied else None, ionic, stopped)

    @cached_property
    def timing(self) -> dict[str, float]:
        """``cpu_s``, ``wall_s`` and ``peak_memory_kb``, those that are printed."""
        at = self.text.rfind(_END, self._start) if self.complete else -1
        tail = self.text.read(at, at + 4096) if at >= 0 else b""
        found = {}
        for name, label in _TIMES.items():
            match = re.search(re.escape(label) + rb"\s*(\S+)", tail)
            value = number(match.group(1)) if match else float("nan")
            if np.isfinite(value):
                found[name] = value
        return found

    @cached_property
    def magnetization(self) -> float | None:
        """Total moment of the cell at the end, in Bohr magnetons; None where not one number."""
        at = self.text.rfind(b"number of electron ", self._start)
        line = self.text.read(at, at + 160).splitlines()[0] if at >= 0 else b""
        words = line.partition(b"magnetization")[2].split()
        value = number(words[0]) if len(words) == 1 else float("nan")
        return value if np.isfinite(value) else None

    @cached_property
    def fermi_level_ev(self) -> float | None:
        """Fermi level of the last ionic step."""
        at = self.text.rfind(b"E-fermi :", self._start)
        match = re.match(rb"E-fermi :\s*(\S+)", self.text.read(at, at + 60)) if at >= 0 else None
        value = number(match.group(1)) if match else float("nan")
        return value if np.isfinite(value) else None

    @property
    def is_noncollinear(self) -> bool:
        """Whether the states are two-component spinors."""
        return bool(self.header.setting("LNONCOLLINEAR") or self.header.setting("LSORBIT"))

    @property
    def eigenvalues(self) -> Floats | None:
        """(n_spins, n_kpoints, n_bands) in eV, of the last ionic step."""
        return self._bands[0] if self._bands else None

    @property
    def occupations(self) -> Floats | None:
        """(n_spins, n_kpoints, n_bands), 1 for a full state of one spin (or spin pair)."""
        return self._bands[1] if self._bands else None

    @cached_property
    def _bands(self) -> tuple[Floats, Floats] | None:
        at = self.text.rfind(b"E-fermi :", self._start)
        settings = self.header.parameters
        n_spins = 1 if self.is_noncollinear else settings.get("ISPIN", 1)
        shape = (n_spins, settings.get("NKPTS", 0), settings.get("NBANDS", 0))
        if at < 0 or 0 in shape:
            return None
        data = self.text.read(at, at + 80 * int(np.prod(shape)) + 200 * shape[0] * shape[1] + 4096)
        begin = data.find(b"band No.")
        end = re.search(rb"\n\s*(?:-{10,}|soft charge-density)", data[begin:])
        if begin < 0 or end is None:
            return None
        rows = _ROW.findall(data, begin, begin + end.start() + 1)
        if len(rows) != int(np.prod(shape)):
            return None
        table = np.array(rows, dtype=float)
        full = 2.0 if n_spins == 1 and not self.is_noncollinear else 1.0
        return table[:, 0].reshape(shape), (table[:, 1] / full).reshape(shape)


def _guess(text: bytes) -> Value:
    """A value of the echoed INCAR, typed by its looks."""
    words = text.partition(b"#")[0].partition(b"!")[0].split()
    values: list[Value] = []
    for word in words:
        if word.upper().strip(b".") in (b"T", b"F", b"TRUE", b"FALSE"):
            values.append(word.upper().strip(b".").startswith(b"T"))
        elif np.isfinite(number(word)):
            value = number(word)
            values.append(int(value) if re.fullmatch(rb"[+-]?\d+", word) else value)
        else:
            return text.decode("latin-1")
    return values[0] if len(values) == 1 else values

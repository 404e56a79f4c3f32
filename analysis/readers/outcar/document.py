"""`Outcar`: what an OUTCAR says, for what vasprun.xml leaves out and where it is absent or cut."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from natriface.analysis.readers.outcar.eigenvalues import read_bands
from natriface.analysis.readers.outcar.header import (
    kpoint_tables,
    listed_positions,
    read_outcar_header,
)
from natriface.analysis.readers.outcar.ionic_tables import (
    COARSE_STRESS_KB,
    read_cell,
    read_positions_and_forces,
    read_stress,
)
from natriface.analysis.readers.outcar.iterations import Iterations, is_gapless, missing_steps
from natriface.analysis.readers.text.compression import Text
from natriface.analysis.readers.vasprun.convergence import Said
from natriface.analysis.readers.vasprun.crystal import fractional
from natriface.analysis.readers.vasprun.header import SAME_KPOINT, SAME_WEIGHT, Header, responds
from natriface.analysis.readers.vasprun.ionic_steps import Steps
from natriface.analysis.readers.vasprun.redundancy import check_energies, damaged_forces, is_smeared
from natriface.analysis.readers.vasprun.rows import BlockError, number
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import ReaderError

_FORCES = b"TOTAL-FORCE (eV/Angst)"
_ENERGY = b"free  energy "  # of an ionic step; two spaces, one in the electronic steps
_END = b"General timing and accounting"
_ENERGIES = re.compile(
    rb"free\s+energy\s+(?:ML\s+)?TOTEN\s*=\s*(\S+)\s+eV"
    rb"\s+(?:ML\s+)?energy\s+without\s+entropy\s*=\s*(\S+)"
    rb"\s+(?:ML\s+)?energy\(sigma->0\)\s*=\s*(\S+)"
)
_RESPONDING = (7, 8)  # IBRION of density-functional perturbation theory
_TIMES = {
    "cpu_s": b"Total CPU time used (sec):",
    "wall_s": b"Elapsed time (sec):",
    "peak_memory_kb": b"Maximum memory used (kb):",
}


@dataclass(frozen=True)
class _Place:
    """Where an ionic step stands: after what, and its tables, None where they are not printed."""

    before: int
    forces: int | None = None
    energy: int | None = None
    lost: bool = False

    @property
    def end(self) -> int:
        return max(self.before, self.forces or 0, self.energy or 0)


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
            raise ReaderError(self.text.why_empty("OUTCAR"))
        self._start = max(self.text.rfind(b"vasp.", 0, executed), 0) if executed > 0 else 0
        self._marks = self.text.find_all(_FORCES, self._start)
        self._ends = self.text.find_all(_ENERGY, self._start)

    @cached_property
    def complete(self) -> bool:
        """Whether VASP ended by itself: it closes with its timing."""
        tail = max(self._start, self.text.size - (1 << 18))
        return self.text.find(_END, tail) >= 0 and self.text.problem is None

    @cached_property
    def _head(self) -> bytes:
        """What stands before the first electronic step."""
        first = min([*self._marks[:1], *self._ends[:1], self.text.size])
        stop = self.text.find(b"Iteration ", self._start, first)
        return self.text.read(
            self._start, min(stop if stop > 0 else first, self._start + (8 << 20))
        )

    @cached_property
    def header(self) -> Header:
        """Settings and atoms."""
        header = read_outcar_header(self._head)
        n, listed = header.parameters.get("NKPTS"), header.kpoints
        if n is not None and listed is not None and n != len(listed):
            self.problems.append(f"NKPTS = {n}, but {len(listed)} k-points are listed")
            header.kpoints = header.kpoint_weights = None
        tables = kpoint_tables(self._head)
        shapes = {table.shape for table in tables}
        if len(tables) == 2 and len(shapes) == 1:
            apart = np.abs(tables[0] - tables[1])
            if (apart > [*[SAME_KPOINT] * 3, SAME_WEIGHT]).any():
                self.problems.append("its two lists of k-points disagree: one is damaged")
                header.kpoints = header.kpoint_weights = None
        return header

    @cached_property
    def _iterations(self) -> Iterations:
        return Iterations(self.text, self._start)

    @cached_property
    def steps(self) -> Steps:
        """The ionic steps; one whose final energy is not printed does not count."""
        n_atoms, foreign = len(self.header.symbols), self.header.is_foreign
        energies: list[list[float]] = []
        cells: list[FloatArray] = []
        positions: list[FloatArray] = []
        forces: list[FloatArray] = []
        stresses: list[FloatArray] = []
        counts: list[int] = []
        changes: list[float] = []
        problems: list[str] = []
        places = self._numbered(problems)
        for i, step in enumerate(places, start=1):
            before, stop = step.before, step.end
            try:
                energies.append(self._energies(step))
            except BlockError as error:
                if not step.lost:
                    problems.append(f"ionic step {i}: {error}")
                energies.append([float("nan")] * 3)
            cell = self._cell(before, stop, cells)
            if step.forces is None:
                force = np.full((n_atoms, 3), np.nan)
                first = None if i > 1 else listed_positions(self._head, n_atoms)
                positions.append(force if first is None else first)
            else:
                place, force = read_positions_and_forces(self.text, step.forces, n_atoms, problems)
                positions.append(fractional(place, cell))
            cells.append(cell)
            forces.append(force)
            stresses.append(read_stress(self.text, before, stop, cell, problems, foreign))
            counts.append(self._count(before, stop))
            changes.append(self._change(before, stop))
        bare = sum(step.forces is None and not step.lost for step in places)
        if bare == 1 and len(places) == 1:  # VASP 6.1 without ionic steps
            problems.append("the forces are not printed")
        elif bare:  # NWRITE < 2
            problems.append(f"positions and forces of {bare} ionic steps are not printed")
        before = places[-1].end if places else self._start
        n = len(energies)
        wrong = damaged_forces(np.array(forces).reshape(n, n_atoms, 3), 1e-6)
        if wrong.any() and not foreign:  # VASP alone removes the drift
            problems.append("the forces do not add up to zero by one digit: damaged")
            forces = [
                np.full_like(f, np.nan) if w else f for f, w in zip(forces, wrong, strict=True)
            ]
        table = np.array(energies).reshape(n, 3)
        left = self._count(before, self.text.size) if not self.complete else -1
        return Steps(
            *(table[:, 0], table[:, 1], table[:, 2]),
            np.array(cells).reshape(n, 3, 3),
            np.array(positions).reshape(n, n_atoms, 3),
            np.array(forces).reshape(n, n_atoms, 3),
            np.array(stresses).reshape(n, 3, 3),
            np.array(counts, dtype=int),
            np.array(changes, dtype=float),
            unfinished=left if left > 0 else None,
            problems=problems,
            stress_rounding_kb=COARSE_STRESS_KB if foreign else 0.0,
        )

    def _cell(self, start: int, stop: int, earlier: list[FloatArray]) -> FloatArray:
        """Lattice vectors of an ionic step; those before it where another program holds them."""
        cell = read_cell(self.text, start, stop)
        held = self.header.is_foreign and self.header.setting("ISIF", 2) <= 2
        return earlier[-1] if held and earlier and not np.isfinite(cell).all() else cell

    @cached_property
    def _places(self) -> list[_Place]:
        """The ionic steps; VASP prints their energy after the forces, up to 5.2.2 before them."""
        places: list[_Place] = []
        energy_first = bool(self._ends) and self._ends[0] < min([*self._marks, self.text.size])
        before, forces, energy = self._start, None, None
        events = [*((at, False) for at in self._marks), *((at, True) for at in self._ends)]
        for at, is_energy in sorted(events):
            begins = is_energy == energy_first
            if begins and (forces or energy):  # the step before it is not whole
                places.append(_Place(before, forces, energy))
                before, forces, energy = places[-1].end, None, None
            forces, energy = (forces, at) if is_energy else (at, energy)
            if not begins:
                places.append(_Place(before, forces, energy))
                before, forces, energy = places[-1].end, None, None
        if energy or (forces and self.complete):  # else VASP was killed before the energy
            places.append(_Place(before, forces, energy))
        return places

    def _numbered(self, problems: list[str]) -> list[_Place]:
        """The ionic steps, those lost among them, as the titles of the electronic steps count."""
        titles, places = self._iterations, self._places
        numbers = [titles.ionic(step.before, step.end) for step in places]
        missing, wrong = missing_steps(numbers, self.header.setting("NSW", 0) or 0)
        problems += wrong
        responding = self.header.setting("IBRION") in _RESPONDING or responds(self.header)
        if not (wrong or responding or self.header.setting("LEPSILON")):
            torn = [
                str(number)
                for number, step in zip(numbers, places, strict=True)
                if not is_gapless(titles.between(step.before, step.end))
            ]
            if torn:
                problems.append(
                    f"electronic steps of ionic step {', '.join(torn[:5])} are missing, repeated "
                    "or damaged"
                )
        found: list[_Place] = []
        for step, n_missing in zip(places, missing, strict=True):
            found += [_Place(step.before, lost=True)] * n_missing
            found.append(step)
        return found

    def _energies(self, step: _Place) -> list[float]:
        """Free energy, E0 and energy without entropy, checked by the last electronic step's."""
        if step.energy is None:
            raise BlockError("no energy")
        match = _ENERGIES.match(self.text.read(step.energy, step.energy + 400))
        if match is None:
            raise BlockError("its energy is damaged")
        free, flat, zero = (number(match.group(i)) for i in (1, 2, 3))
        if not np.isfinite((free, flat, zero)).all():
            raise BlockError("its energy overflowed or is damaged")
        rounding = 10.0 ** -len(match.group(1).partition(b".")[2])
        at = self.text.rfind(b"free energy    TOTEN", step.before, step.end)
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
        last = self._places[-1].before if self._places else self._start
        denied = self.text.find(b"EDIFF was not reached", last) >= 0
        reached = self.text.find(b"reached required accuracy", last) >= 0
        stopped = self.text.find(b"stop encountered!", last) >= 0
        aborted = stopped and self.text.find(b"hard stop encountered!", last) >= 0
        denies = self.complete and not self.header.is_foreign
        ionic = True if reached else (False if denies else None)
        return Said(False if denied else None, ionic, stopped, aborted)

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

    def _last(self, needle: bytes) -> int:
        """Position of the last `needle` in the last ionic step that is finished, or -1."""
        if not self._places:
            return -1
        last = self._places[-1]
        return self.text.rfind(needle, last.before, self.text.size if self.complete else last.end)

    @cached_property
    def magnetization(self) -> float | None:
        """Total moment of the cell at the end, in Bohr magnetons; None where not one number."""
        at = self._last(b"number of electron ")
        line = self.text.read(at, at + 160).splitlines()[0] if at >= 0 else b""
        words = line.partition(b"magnetization")[2].split()
        value = number(words[0]) if len(words) == 1 else float("nan")
        return value if np.isfinite(value) else None

    @cached_property
    def fermi_level_ev(self) -> float | None:
        """Fermi level of the last ionic step."""
        at = self._last(b"E-fermi :")
        match = re.match(rb"E-fermi :\s*(\S+)", self.text.read(at, at + 60)) if at >= 0 else None
        value = number(match.group(1)) if match else float("nan")
        return value if np.isfinite(value) else None

    @property
    def is_noncollinear(self) -> bool:
        """Whether the states are two-component spinors."""
        return bool(self.header.setting("LNONCOLLINEAR") or self.header.setting("LSORBIT"))

    @property
    def eigenvalues(self) -> FloatArray | None:
        """(n_spins, n_kpoints, n_bands) in eV, of the last ionic step."""
        return None if self._bands is None else self._bands[0]

    @property
    def occupations(self) -> FloatArray | None:
        """(n_spins, n_kpoints, n_bands), 1 for a full state of one spin (or spin pair)."""
        return None if self._bands is None else self._bands[1]

    @cached_property
    def _bands(self) -> FloatArray | None:
        at = self._last(b"E-fermi :")
        settings = self.header.parameters
        n_spins = 1 if self.is_noncollinear else settings.get("ISPIN", 1)
        n_kpoints = settings.get("NKPTS", 0)
        end = self.text.find(b"----------", at) if at >= 0 else -1
        if end < 0 or n_spins not in (1, 2) or not n_kpoints:
            return None
        data = self.text.read(at, end).partition(b"soft charge-density")[0]
        if b"band No." not in data:
            return None
        try:
            bands = read_bands(data, n_spins, n_kpoints)
        except BlockError as error:
            self.problems.append(f"eigenvalues: {error}")
            return None
        bands[1] /= 2.0 if n_spins == 1 and not self.is_noncollinear else 1.0
        return bands

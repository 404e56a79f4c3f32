"""`Vaspout`: the vaspout.h5 of VASP 6; needs h5py."""

from __future__ import annotations

import io
import re
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from natriface.analysis.readers.text.compression import Text
from natriface.analysis.readers.vasprun.convergence import Said
from natriface.analysis.readers.vasprun.electrons import (
    OptionalBands,
    ProjectedDos,
    Projections,
    TotalDos,
)
from natriface.analysis.readers.vasprun.header import Header, Value
from natriface.analysis.readers.vasprun.ionic_steps import Steps
from natriface.analysis.readers.vasprun.redundancy import is_smeared
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import ReaderError

_LOGICAL = ("L", "ADDGRID", "ML_LMLFF", "KGAMMA")
_DAMAGE = (
    *(OSError, LookupError, RuntimeError, ValueError, TypeError, AttributeError),
    *(ArithmeticError, MemoryError, EOFError),
)
_DEFAULTS = {"EDIFF": 1e-4, "NELM": 60, "NSW": 0}
_ION = "intermediate/ion_dynamics/"
_BANDS = "results/electron_eigenvalues/"
_DOS = "results/electron_dos/"
_UNMOVED = (-1, 1, 2, 3)  # IBRION of runs whose final structure is that of the last energy
_SAME_STRUCTURE = 1e-9  # both are written in full
_SAME_ENERGY_EV = 1e-6
_NOT_LOGICAL = ("LREAL", "LORBIT", "LMAXMIX", "LMAXPAW", "LDAUTYPE", "LDAUL", "LDAUU", "LDAUJ")


class Vaspout:
    """A vaspout.h5, plain or compressed, at full precision.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    ReaderError
        If h5py is not installed, or the file is absent, damaged or no vaspout.h5.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        try:
            import h5py
        except ImportError:
            raise ReaderError(
                f"{self.path}: reading HDF5 needs h5py: pip install 'natriface[hdf5]', or read the "
                "vasprun.xml"
            ) from None
        text = Text(self.path)
        with text:
            content = io.BytesIO(text.read(0, text.size))
        try:
            self._file: Any = h5py.File(content, "r")
            version = [
                int(self._file[f"version/{part}"][()]) for part in ("major", "minor", "patch")
            ]
        except _DAMAGE as error:
            raise ReaderError(f"{self.path}: no vaspout.h5, or it is damaged ({error})") from None
        self._version = ".".join(map(str, version))
        self.problems: list[str] = []

    def _get(self, name: str) -> Any:
        """A dataset's content; None where it is absent or damaged."""
        try:
            return self._file[name][()] if name in self._file else None
        except _DAMAGE as error:
            self._report(f"{name}: damaged ({error})")
            return None

    def _array(
        self, name: str, shape: tuple[int | None, ...], gaps: bool = False
    ) -> FloatArray | None:
        """A dataset of numbers of a `shape` (None: any length); None if absent or damaged.

        With `gaps`, what is no number becomes NaN; without, the whole is refused.
        """
        values = self._get(name)
        if values is None:
            return None
        try:
            array = np.array(values, float)
        except _DAMAGE:
            self._report(f"{name}: no numbers")
            return None
        if array.ndim != len(shape) or any(
            n not in (None, found) for n, found in zip(shape, array.shape, strict=True)
        ):
            words = ", ".join("any" if n is None else str(n) for n in shape)
            self._report(f"{name}: of shape {array.shape} where ({words}) is expected")
            return None
        wrong = ~np.isfinite(array)
        if wrong.any():
            self._report(f"{name}: {int(wrong.sum())} values are no numbers")
            array[wrong] = np.nan
        return array if gaps or not wrong.any() else None

    def _report(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)

    def _number(self, name: str) -> float | None:
        value = self._get(name)
        if not isinstance(value, np.number) or not np.isfinite(value):
            return None
        return float(value)

    def _words(self, name: str) -> list[str]:
        values = self._get(name)
        words = values.tolist() if isinstance(values, np.ndarray) else []
        return [word.decode("latin-1").strip() for word in words if isinstance(word, bytes)]

    def _names(self, group: str) -> list[str]:
        try:
            return list(self._file[group]) if group in self._file else []
        except _DAMAGE as error:
            self._report(f"{group}: damaged ({error})")
            return []

    @property
    def complete(self) -> bool:
        """Whether VASP came to the end of its run by itself."""
        return "position_ions" in self._names("results/positions") and not self.aborted

    @cached_property
    def aborted(self) -> bool:
        """Whether VASP gave up, as a STOPCAR with LABORT or an error makes it.

        It then writes the group of the final eigenvalues without them, and the last energy without
        its structure (VASP 6.5).
        """
        names = self._names(_BANDS.rstrip("/"))
        if names and "eigenvalues" not in names:
            return True
        written, placed = (self._length(_ION + name) for name in ("energies", "position_ions"))
        return placed is not None and written is not None and placed < written

    def _length(self, name: str) -> int | None:
        try:
            return int(self._file[name].shape[0]) if name in self._file else None
        except _DAMAGE as error:
            self._report(f"{name}: damaged ({error})")
            return None

    @cached_property
    def header(self) -> Header:
        """Settings and atoms; VASP writes here what the INCAR says, its defaults are added."""
        header, known = Header(version=self._version), len(self.problems)
        for name in self._names("input/incar"):
            header.incar[name.upper()] = _value(name.upper(), self._get(f"input/incar/{name}"))
        positions = self._array("input/poscar/position_ions", (None, 3))
        names, numbers = (
            self._words("input/poscar/ion_types"),
            self._array("input/poscar/number_ion_types", (None,)),
        )
        if positions is None or numbers is None or len(names) != len(numbers):
            header.problems.append("no complete list of atoms")
        elif not (numbers >= 0).all() or (numbers % 1).any() or numbers.sum() != len(positions):
            header.problems.append("the list of atoms is damaged: their numbers disagree")
        else:
            header.counts = [int(n) for n in numbers]
            elements = [name.split("/")[0].split("_")[0].strip() for name in names]
            header.symbols = [
                e for e, n in zip(elements, header.counts, strict=True) for _ in range(n)
            ]
        cell = self._array("input/poscar/lattice_vectors", (3, 3))
        scale = self._number("input/poscar/scale")
        if cell is not None and (scale is None or scale > 0):
            header.cell = cell * (1.0 if scale is None else scale)  # else the volume is given
        if self._number("input/poscar/direct_coordinates") != 0:
            header.positions = positions
        flags = self._array("input/poscar/selective_dynamics_ions", (len(header.symbols), 3))
        if flags is not None and self._get("input/poscar/selective_dynamics"):
            header.selective = flags != 0
        header.problems += self.problems[known:]
        content = self._get("input/potcar/content")
        if isinstance(content, bytes):
            titles = re.findall(rb"^\s*TITEL\s*=\s*(\S.*?)\s*$", content, re.M)
            header.potcar_titles = [title.decode("latin-1") for title in titles]
        self._read_sizes(header)
        for name, default in _DEFAULTS.items():
            header.parameters[name] = header.setting(name, default)
        header.parameters["EDIFFG"] = header.setting("EDIFFG", 10 * header.parameters["EDIFF"])
        return header

    def _read_sizes(self, header: Header) -> None:
        points = self._array(_BANDS + "kpoint_coords", (None, 3))
        n = None if points is None else len(points)
        weights = self._array(_BANDS + "kpoints_symmetry_weight", (n,))
        if points is not None and weights is not None and weights.sum() > 0:
            header.kpoints, header.kpoint_weights = points, weights / weights.sum()
        bands, electrons, spins, atoms, stated = (
            self._number(_BANDS + name)
            for name in ("nb_tot", "nelectrons", "ispin", "nions", "kpoints")
        )
        if bands is not None and bands.is_integer():
            header.parameters["NBANDS"] = int(bands)
        if electrons is not None:
            header.parameters["NELECT"] = electrons
        if spins is not None and spins.is_integer():
            header.parameters["ISPIN"] = int(spins)
        if atoms is not None and header.symbols and atoms != len(header.symbols):
            header.problems.append("the list of atoms is damaged: their numbers disagree")
        if stated is not None and n is not None and stated != n:
            self._report(f"{stated:g} k-points are counted, but {n} are listed")
            header.kpoints = header.kpoint_weights = None

    @cached_property
    def said(self) -> Said:
        """Whether the last electronic steps converged, which VASP tells here from 6.5 on."""
        codes = self._get(_ION + "electronic_step_converged")
        try:
            last = float(np.asarray(codes, float).ravel()[-1]) if codes is not None else np.nan
        except _DAMAGE:
            last = np.nan
        return Said(None if np.isnan(last) else last == 0)

    @property
    def is_noncollinear(self) -> bool:
        """Whether the states are two-component spinors."""
        return bool(self.header.setting("LNONCOLLINEAR") or self.header.setting("LSORBIT"))

    @cached_property
    def steps(self) -> Steps:
        """The ionic steps that have a structure; before VASP 6.5 without the electronic steps."""
        n_atoms, problems = len(self.header.symbols), list[str]()
        names = self._words(_ION + "energies_tags")
        energies = self._array(_ION + "energies", (None, len(names)), gaps=True)
        if energies is None:
            energies, names = np.empty((0, 0)), []
        n = len(energies)
        if self.aborted and self._length(_ION + "position_ions") == n - 1:
            problems.append(f"ionic step {n} has an energy but no structure and is left out")
            energies, n = energies[:-1], n - 1

        def column(label: str) -> FloatArray:
            found = [i for i, name in enumerate(names) if label in name]
            return energies[:, found[0]] if found else np.full(n, np.nan)

        def block(name: str, rows: int) -> FloatArray:
            length = self._length(_ION + name)
            if length is None:
                return np.full((n, rows, 3), np.nan)
            m = length if length < n else None
            values = self._array(_ION + name, (m, rows, 3), gaps=True)
            if m is not None:
                problems.append(f"{name}: of {m} ionic steps only")
            return np.full((n, rows, 3), np.nan) if values is None or m else values[:n]

        free, zero, flat = column("TOTEN"), column("sigma->0"), column("without entropy")
        for i, trio in enumerate(zip(free.tolist(), flat.tolist(), zero.tolist(), strict=True)):
            if np.isfinite(trio).all() and not is_smeared(trio, _SAME_ENERGY_EV):
                free[i] = zero[i] = flat[i] = np.nan
                problems.append(f"ionic step {i + 1}: its energies contradict each other")
        scale = self._number(_ION + "scale")
        counts, changes = self._electronic_steps(n)
        steps = Steps(
            free,
            zero,
            flat,
            block("lattice_vectors", 3) * (1.0 if scale is None else scale),
            block("position_ions", n_atoms),
            block("forces", n_atoms),
            block("stress", 3),
            counts,
            changes,
            problems=problems,
        )
        self._compare_final(steps)
        return steps

    def _electronic_steps(self, n: int) -> tuple[NDArray[np.int64], FloatArray]:
        """Number of electronic steps of each ionic step and the last change of the energy."""
        table = self._array(_ION + "oszicar", (None, None), gaps=True)
        names = self._words(_ION + "oszicar_label")
        if table is None or not {"N", "dE"} <= set(names) or table.shape[1] != len(names):
            return np.full(n, -1), np.full(n, np.nan)
        starts = np.flatnonzero(table[:, names.index("N")] == 1)
        if len(starts) < n or len(table) == 0:
            return np.full(n, -1), np.full(n, np.nan)
        stops = np.append(starts[1:], len(table))
        return (stops - starts)[:n], table[stops - 1, names.index("dE")][:n]

    def _compare_final(self, steps: Steps) -> None:
        """The last structure is written twice; a difference is damage."""
        planned = self.header.setting("NSW", 0)
        moved = self.header.setting("IBRION", -1 if planned <= 1 else 0) not in _UNMOVED
        if not self.complete or moved or len(steps) == 0:
            return
        places = self._array("results/positions/position_ions", steps.positions.shape[1:])
        cell = self._array("results/positions/lattice_vectors", (3, 3))
        scale = self._number("results/positions/scale")
        if self._number("results/positions/direct_coordinates") == 0:
            return
        factor = 1.0 if scale is None else scale
        pairs = (
            (places, steps.positions[-1]),
            (None if cell is None else cell * factor, steps.cells[-1]),
        )
        for mine, theirs in pairs:
            if mine is not None and (np.abs(mine - theirs) > _SAME_STRUCTURE).any():
                steps.positions[-1] = np.nan
                steps.problems.append("the final structure is written twice and differs: damaged")
                return

    @property
    def _shape(self) -> tuple[int, int | None, int | None]:
        """Spins, k-points and bands, as the settings say."""
        header = self.header
        n_spins = 1 if self.is_noncollinear else int(header.setting("ISPIN", 1))
        n_kpoints = None if header.kpoints is None else len(header.kpoints)
        return n_spins, n_kpoints, header.parameters.get("NBANDS")

    @property
    def eigenvalues(self) -> FloatArray | None:
        """(n_spins, n_kpoints, n_bands) in eV."""
        return self._array(_BANDS + "eigenvalues", self._shape)

    @property
    def occupations(self) -> FloatArray | None:
        """(n_spins, n_kpoints, n_bands), 1 for a full state of one spin (or spin pair)."""
        return self._array(_BANDS + "fermiweights", self._shape)

    @property
    def fermi_level_ev(self) -> float | None:
        """Fermi level of the last ionic step."""
        return self._number(_DOS + "efermi")

    @property
    def total_dos(self) -> TotalDos | None:
        """Total density of states of the last ionic step."""
        stated = self._number(_DOS + "nedos")
        energies = self._array(_DOS + "energies", (None if stated is None else int(stated),))
        if energies is None:
            return None
        dos, integrated = (
            self._array(_DOS + name, (None, len(energies))) for name in ("dos", "dosi")
        )
        if dos is None or integrated is None or dos.shape != integrated.shape:
            return None
        total = TotalDos(energies, dos, integrated)
        if not total.is_even:
            self._report("the energies of its density of states do not ascend evenly: damaged")
            return None
        return total

    @property
    def _orbitals(self) -> tuple[str, ...]:
        return tuple(self._words("results/projectors/lchar"))

    @property
    def projected_dos(self) -> ProjectedDos | None:
        """Density of states on atoms and orbitals; None where VASP did not project (LORBIT)."""
        total, n_orbitals = self.total_dos, self._number(_DOS + "lpar")
        if total is None or (n_orbitals is not None and n_orbitals < 1):
            return None
        n_atoms = len(self.header.symbols)
        values = self._array(  # (spin, atom, orbital, energy)
            _DOS + "dospar", (None, n_atoms, None, len(total.energies_ev))
        )
        if values is None:
            return None
        orbitals = self._orbitals[: values.shape[2]]
        if len(orbitals) != values.shape[2]:
            self._report(f"{_DOS}dospar: {values.shape[2]} orbitals, {len(orbitals)} names")
            return None
        return ProjectedDos(total.energies_ev, orbitals, values.transpose(1, 0, 2, 3))

    @property
    def projections(self) -> Projections | None:
        """Weights of the states on atoms and orbitals."""
        return self._projections("results/projectors", *self._shape[1:])

    def _projections(
        self, group: str, n_kpoints: int | None, n_bands: int | None
    ) -> Projections | None:
        values = self._array(  # (spin, atom, orbital, kpoint, band)
            group + "/par", (None, len(self.header.symbols), None, n_kpoints, n_bands)
        )
        if values is None:
            return None
        orbitals = self._orbitals[: values.shape[2]]
        if len(orbitals) != values.shape[2]:
            self._report(f"{group}/par: {values.shape[2]} orbitals, {len(orbitals)} names")
            return None
        return Projections(orbitals, values.transpose(0, 3, 4, 1, 2))

    @property
    def kpoints_opt(self) -> OptionalBands | None:
        """Bands at the k-points of KPOINTS_OPT; None where there are none."""
        base = "results/electron_eigenvalues_kpoints_opt/"
        points = self._array(base + "kpoint_coords", (None, 3))
        if points is None:
            return None
        levels = self._array(base + "eigenvalues", (None, len(points), None))
        weights = self._array(base + "kpoints_symmetry_weight", (len(points),))
        if levels is None:
            return None
        projected = self._projections(
            "results/projectors_kpoints_opt", len(points), levels.shape[2]
        )
        good = weights is not None and weights.sum() > 0
        return OptionalBands(
            points,
            weights / weights.sum() if good and weights is not None
            else np.full(len(points), 1 / len(points)),
            levels,
            self._array(base + "fermiweights", levels.shape),
            projected,
        )  # fmt: skip


def _value(name: str, value: Any) -> Value:
    if isinstance(value, bytes):
        return value.decode("latin-1").strip()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, int) and name.startswith(_LOGICAL) and name not in _NOT_LOGICAL:
        return bool(value)
    return value

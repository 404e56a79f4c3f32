"""`Vaspout`: the vaspout.h5 of VASP 6; needs h5py."""

from __future__ import annotations

import io
import re
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from natriface.analysis.readers.blocks import Floats
from natriface.analysis.readers.compression import Text
from natriface.analysis.readers.convergence import Said
from natriface.analysis.readers.electrons import (
    OptionalBands,
    ProjectedDos,
    Projections,
    TotalDos,
)
from natriface.analysis.readers.vasprun_header import Header, Value
from natriface.analysis.readers.vasprun_steps import Steps
from natriface.structures.errors import ReaderError

_LOGICAL = ("L", "ADDGRID", "ML_LMLFF", "KGAMMA")
_DAMAGE = (OSError, KeyError, RuntimeError, ValueError, TypeError, OverflowError, MemoryError)
_DEFAULTS = {"EDIFF": 1e-4, "NELM": 60, "NSW": 0}
_NOT_LOGICAL = ("LREAL", "LORBIT", "LMAXMIX", "LMAXPAW", "LDAUTYPE", "LDAUL", "LDAUU", "LDAUJ")


class Vaspout:
    """A vaspout.h5, plain or compressed; at full precision, but without the electronic steps.

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
                f"{self.path}: reading HDF5 needs h5py; install it, or read the vasprun.xml"
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
            self.problems.append(f"{name}: damaged ({error})")
            return None

    def _array(self, name: str, n_dimensions: int) -> Floats | None:
        values = self._get(name)
        if values is None:
            return None
        try:
            array = np.asarray(values, float)
        except _DAMAGE:
            array = np.empty(())
        if array.ndim != n_dimensions:
            self.problems.append(f"{name}: damaged")
            return None
        return array

    def _number(self, name: str) -> float | None:
        value = self._get(name)
        return float(value) if isinstance(value, np.number) else None

    def _words(self, name: str) -> list[str]:
        values = self._get(name)
        words = values.tolist() if isinstance(values, np.ndarray) else []
        return [word.decode("latin-1").strip() for word in words if isinstance(word, bytes)]

    def _names(self, group: str) -> list[str]:
        try:
            return list(self._file[group]) if group in self._file else []
        except _DAMAGE as error:
            self.problems.append(f"{group}: damaged ({error})")
            return []

    @property
    def complete(self) -> bool:
        """Whether VASP wrote its final structure."""
        return "position_ions" in self._names("results/positions")

    @cached_property
    def header(self) -> Header:
        """Settings and atoms; VASP writes here what the INCAR says, its defaults are added."""
        header, known = Header(version=self._version), len(self.problems)
        for name in self._names("input/incar"):
            header.incar[name.upper()] = _value(name.upper(), self._get(f"input/incar/{name}"))
        positions = self._array("input/poscar/position_ions", 2)
        names, numbers = (
            self._words("input/poscar/ion_types"),
            self._array("input/poscar/number_ion_types", 1),
        )
        if positions is None or numbers is None or len(names) != len(numbers):
            header.problems.append("no complete list of atoms")
        elif not (numbers >= 0).all() or numbers.sum() != len(positions):
            header.problems.append("the list of atoms is damaged: their numbers disagree")
        else:
            header.counts = [int(n) for n in numbers]
            elements = [name.split("/")[0].split("_")[0].strip() for name in names]
            header.symbols = [
                e for e, n in zip(elements, header.counts, strict=True) for _ in range(n)
            ]
        cell = self._array("input/poscar/lattice_vectors", 2)
        scale = self._number("input/poscar/scale")
        if cell is not None and cell.shape == (3, 3) and (scale is None or scale > 0):
            header.cell = cell * (1.0 if scale is None else scale)  # else the volume is given
        if self._number("input/poscar/direct_coordinates") != 0:
            header.positions = positions
        flags = self._array("input/poscar/selective_dynamics_ions", 2)
        if flags is not None and self._get("input/poscar/selective_dynamics"):
            header.selective = flags != 0
        header.problems += self.problems[known:]
        content = self._get("input/potcar/content")
        if isinstance(content, bytes):
            titles = re.findall(rb"^\s*TITEL\s*=\s*(\S.*?)\s*$", content, re.M)
            header.potcar_titles = [title.decode("latin-1") for title in titles]
        points = self._array("results/electron_eigenvalues/kpoint_coords", 2)
        weights = self._array("results/electron_eigenvalues/kpoints_symmetry_weight", 1)
        if points is not None and weights is not None and weights.sum() > 0:
            header.kpoints, header.kpoint_weights = points, weights / weights.sum()
        bands, electrons = (
            self._number(f"results/electron_eigenvalues/{name}")
            for name in ("nb_tot", "nelectrons")
        )
        if bands is not None and bands.is_integer():
            header.parameters["NBANDS"] = int(bands)
        if electrons is not None:
            header.parameters["NELECT"] = electrons
        for name, default in _DEFAULTS.items():
            header.parameters[name] = header.setting(name, default)
        header.parameters["EDIFFG"] = header.setting("EDIFFG", 10 * header.parameters["EDIFF"])
        return header

    @cached_property
    def said(self) -> Said:
        """Whether the last electronic steps converged, which VASP tells here from 6.5 on."""
        codes = self._array("intermediate/ion_dynamics/electronic_step_converged", 1)
        return Said(None if codes is None or codes.size == 0 else bool(codes[-1] == 0))

    @property
    def is_noncollinear(self) -> bool:
        """Whether the states are two-component spinors."""
        return bool(self.header.setting("LNONCOLLINEAR") or self.header.setting("LSORBIT"))

    @cached_property
    def steps(self) -> Steps:
        """The ionic steps; the electronic counts are not in this file."""
        base = "intermediate/ion_dynamics/"
        n_atoms = len(self.header.symbols)
        energies, names = self._array(base + "energies", 2), self._words(base + "energies_tags")
        if energies is None or energies.shape[1] != len(names):
            energies, names = np.empty((0, 0)), []
        n = len(energies)

        def column(label: str) -> Floats:
            found = [i for i, name in enumerate(names) if label in name]
            return energies[:, found[0]] if found else np.full(n, np.nan)

        scale = self._number(base + "scale")

        def block(name: str, rows: int) -> Floats:
            values = self._array(base + name, 3)
            good = values is not None and values.shape == (n, rows, 3)
            return values if good and values is not None else np.full((n, rows, 3), np.nan)

        return Steps(
            column("TOTEN"),
            column("sigma->0"),
            column("without entropy"),
            block("lattice_vectors", 3) * (1.0 if scale is None else scale),
            block("position_ions", n_atoms),
            block("forces", n_atoms),
            block("stress", 3),
            np.full(n, -1),
            np.full(n, np.nan),
        )

    @property
    def eigenvalues(self) -> Floats | None:
        """(n_spins, n_kpoints, n_bands) in eV."""
        return self._array("results/electron_eigenvalues/eigenvalues", 3)

    @property
    def occupations(self) -> Floats | None:
        """(n_spins, n_kpoints, n_bands), 1 for a full state of one spin (or spin pair)."""
        return self._array("results/electron_eigenvalues/fermiweights", 3)

    @property
    def fermi_level_ev(self) -> float | None:
        """Fermi level of the last ionic step."""
        return self._number("results/electron_dos/efermi")

    @property
    def total_dos(self) -> TotalDos | None:
        """Total density of states of the last ionic step."""
        energies = self._array("results/electron_dos/energies", 1)
        dos, integrated = (
            self._array(f"results/electron_dos/{name}", 2) for name in ("dos", "dosi")
        )
        if energies is None or dos is None or integrated is None:
            return None
        return TotalDos(energies, dos, integrated)

    @property
    def _orbitals(self) -> tuple[str, ...]:
        return tuple(self._words("results/projectors/lchar"))

    @property
    def projected_dos(self) -> ProjectedDos | None:
        """Density of states on atoms and orbitals."""
        energies = self._array("results/electron_dos/energies", 1)
        values = self._array("results/electron_dos/dospar", 4)  # (spin, atom, orbital, energy)
        if energies is None or values is None:
            return None
        orbitals = self._orbitals[: values.shape[2]]
        return ProjectedDos(energies, orbitals, values.transpose(1, 0, 2, 3))

    @property
    def projections(self) -> Projections | None:
        """Weights of the states on atoms and orbitals."""
        return self._projections("results/projectors")

    def _projections(self, group: str) -> Projections | None:
        values = self._array(group + "/par", 5)  # (spin, atom, orbital, kpoint, band)
        if values is None:
            return None
        return Projections(self._orbitals[: values.shape[2]], values.transpose(0, 3, 4, 1, 2))

    @property
    def kpoints_opt(self) -> OptionalBands | None:
        """Bands at the k-points of KPOINTS_OPT; None where there are none."""
        base = "results/electron_eigenvalues_kpoints_opt/"
        points, levels = (
            self._array(base + "kpoint_coords", 2),
            self._array(base + "eigenvalues", 3),
        )
        if points is None or levels is None or levels.shape[1:2] != points.shape[:1]:
            return None
        weights = self._array(base + "kpoints_symmetry_weight", 1)
        projected = self._projections("results/projectors_kpoints_opt")
        return OptionalBands(
            points,
            np.full(len(points), 1 / len(points)) if weights is None else weights / weights.sum(),
            levels,
            self._array(base + "fermiweights", 3),
            projected,
        )


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

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
_NOT_LOGICAL = ("LREAL", "LORBIT", "LMAXMIX", "LMAXPAW", "LDAUTYPE", "LDAUL", "LDAUU", "LDAUJ")


class Vaspout:
    """A vaspout.h5, plain or compressed; at full precision, but silent about electronic steps.

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
        except (OSError, KeyError, RuntimeError, ValueError) as error:
            raise ReaderError(f"{self.path}: no vaspout.h5, or it is damaged ({error})") from None
        self._version = ".".join(map(str, version))
        self.problems: list[str] = []

    def _get(self, name: str) -> Any:
        """A dataset's content; None where it is absent or damaged."""
        try:
            return self._file[name][()] if name in self._file else None
        except (OSError, KeyError, RuntimeError, ValueError) as error:
            self.problems.append(f"{name}: damaged ({error})")
            return None

    @property
    def complete(self) -> bool:
        """Whether VASP wrote its final structure."""
        return "results/positions/position_ions" in self._file

    @cached_property
    def header(self) -> Header:
        """Settings and atoms; VASP writes here what the INCAR says, not the defaults."""
        header = Header(version=self._version)
        group = self._file.get("input/incar", {})
        for name in group:
            header.incar[name.upper()] = _value(name.upper(), self._get(f"input/incar/{name}"))
        types, numbers = (
            self._get("input/poscar/ion_types"),
            self._get("input/poscar/number_ion_types"),
        )
        if types is not None and numbers is not None:
            header.counts = [int(n) for n in numbers]
            names = [name.decode("latin-1").split("/")[0].split("_")[0].strip() for name in types]
            pairs = zip(names, header.counts, strict=True)
            header.symbols = [name for name, n in pairs for _ in range(n)]
        header.cell = self._array("input/poscar/lattice_vectors")
        header.positions = self._array("input/poscar/position_ions")
        flags = self._get("input/poscar/selective_dynamics_ions")
        if flags is not None and self._get("input/poscar/selective_dynamics"):
            header.selective = np.asarray(flags, bool)
        content = self._get("input/potcar/content")
        if content is not None:
            titles = re.findall(rb"^\s*TITEL\s*=\s*(\S.*?)\s*$", bytes(content), re.M)
            header.potcar_titles = [title.decode("latin-1") for title in titles]
        points = self._array("results/electron_eigenvalues/kpoint_coords")
        weights = self._array("results/electron_eigenvalues/kpoints_symmetry_weight")
        if points is not None and weights is not None and weights.sum() > 0:
            header.kpoints, header.kpoint_weights = points, weights / weights.sum()
        bands, electrons = (
            self._get(f"results/electron_eigenvalues/{name}") for name in ("nb_tot", "nelectrons")
        )
        if bands is not None:
            header.parameters["NBANDS"] = int(bands)
        if electrons is not None:
            header.parameters["NELECT"] = float(electrons)
        return header

    def _array(self, name: str) -> Floats | None:
        values = self._get(name)
        return None if values is None else np.asarray(values, float)

    @property
    def is_noncollinear(self) -> bool:
        """Whether the states are two-component spinors."""
        return bool(self.header.setting("LNONCOLLINEAR") or self.header.setting("LSORBIT"))

    @cached_property
    def steps(self) -> Steps:
        """The ionic steps; the electronic counts are not in this file."""
        base = "intermediate/ion_dynamics/"
        n_atoms = len(self.header.symbols)
        energies, tags = self._array(base + "energies"), self._get(base + "energies_tags")
        if energies is None or tags is None:
            energies, tags = np.empty((0, 0)), []
        names = [tag.decode("latin-1").strip() for tag in tags]
        n = len(energies)

        def column(label: str) -> Floats:
            found = [i for i, name in enumerate(names) if label in name]
            return energies[:, found[0]] if found else np.full(n, np.nan)

        def block(name: str, rows: int) -> Floats:
            values = self._array(base + name)
            good = values is not None and values.shape == (n, rows, 3)
            return values if good and values is not None else np.full((n, rows, 3), np.nan)

        return Steps(
            column("TOTEN"),
            column("sigma->0"),
            column("without entropy"),
            block("lattice_vectors", 3),
            block("position_ions", n_atoms),
            block("forces", n_atoms),
            block("stress", 3),
            np.full(n, -1),
            np.full(n, np.nan),
        )

    @property
    def eigenvalues(self) -> Floats | None:
        """(n_spins, n_kpoints, n_bands) in eV."""
        return self._array("results/electron_eigenvalues/eigenvalues")

    @property
    def occupations(self) -> Floats | None:
        """(n_spins, n_kpoints, n_bands), 1 for a full state of one spin (or spin pair)."""
        return self._array("results/electron_eigenvalues/fermiweights")

    @property
    def fermi_level_ev(self) -> float | None:
        """Fermi level of the last ionic step."""
        value = self._get("results/electron_dos/efermi")
        return None if value is None else float(value)

    @property
    def total_dos(self) -> TotalDos | None:
        """Total density of states of the last ionic step."""
        parts = [
            self._array(f"results/electron_dos/{name}") for name in ("energies", "dos", "dosi")
        ]
        if parts[0] is None or parts[1] is None or parts[2] is None:
            return None
        return TotalDos(parts[0], parts[1], parts[2])

    @property
    def _orbitals(self) -> tuple[str, ...]:
        names = self._get("results/projectors/lchar")
        return () if names is None else tuple(n.decode("latin-1").strip() for n in names)

    @property
    def projected_dos(self) -> ProjectedDos | None:
        """Density of states on atoms and orbitals."""
        energies = self._array("results/electron_dos/energies")
        values = self._array("results/electron_dos/dospar")  # (spin, atom, orbital, energy)
        if energies is None or values is None:
            return None
        orbitals = self._orbitals[: values.shape[2]]
        return ProjectedDos(energies, orbitals, values.transpose(1, 0, 2, 3))

    @property
    def projections(self) -> Projections | None:
        """Weights of the states on atoms and orbitals."""
        return self._projections("results/projectors")

    def _projections(self, group: str) -> Projections | None:
        values = self._array(group + "/par")  # (spin, atom, orbital, kpoint, band)
        if values is None:
            return None
        return Projections(self._orbitals[: values.shape[2]], values.transpose(0, 3, 4, 1, 2))

    @property
    def kpoints_opt(self) -> OptionalBands | None:
        """Bands at the k-points of KPOINTS_OPT; None where there are none."""
        base = "results/electron_eigenvalues_kpoints_opt/"
        points, levels = self._array(base + "kpoint_coords"), self._array(base + "eigenvalues")
        if points is None or levels is None or levels.shape[1:2] != points.shape[:1]:
            return None
        weights = self._array(base + "kpoints_symmetry_weight")
        projected = self._projections("results/projectors_kpoints_opt")
        return OptionalBands(
            points,
            np.full(len(points), 1 / len(points)) if weights is None else weights / weights.sum(),
            levels,
            self._array(base + "fermiweights"),
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

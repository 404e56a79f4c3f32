"""What every output file of a run offers, and its large arrays as an ``.npz``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from natriface.analysis.readers.vasprun.document import Vasprun
from natriface.analysis.readers.vasprun.electrons import OptionalBands
from natriface.analysis.readers.vasprun.header import Header
from natriface.analysis.readers.vasprun.ionic_steps import Steps
from natriface.analysis.readers.vasprun.vaspout import Vaspout
from natriface.structures.base.arrays import FloatArray

ARRAYS_FILE = "arrays.npz"


class Source(Protocol):
    """What all output files of a run offer."""

    problems: list[str]

    @property
    def complete(self) -> bool: ...
    @property
    def header(self) -> Header: ...
    @property
    def steps(self) -> Steps: ...
    @property
    def is_noncollinear(self) -> bool: ...
    @property
    def eigenvalues(self) -> FloatArray | None: ...
    @property
    def occupations(self) -> FloatArray | None: ...
    @property
    def fermi_level_ev(self) -> float | None: ...


def write_arrays(source: Source, folder: Path) -> Path:
    """Write `collect_arrays` into ``arrays.npz`` in `folder` and return its path."""
    path = folder / ARRAYS_FILE
    arrays: dict[str, Any] = dict(collect_arrays(source))
    np.savez_compressed(path, **arrays)
    return path


def collect_arrays(source: Source) -> dict[str, NDArray[Any]]:
    """The large arrays of a run, by name; those absent are left out.

    Returns
    -------
    dict
        ``eigenvalues_ev``, ``occupations`` (n_spins, n_kpoints, n_bands); ``kpoints``,
        ``kpoint_weights``; ``dos_energies_ev``, ``total_dos``, ``integrated_dos``;
        ``projected_dos`` (n_atoms, n_components, n_orbitals, n_energies); ``projections``
        (n_components, n_kpoints, n_bands, n_atoms, n_orbitals); ``orbitals``; ``cells``,
        ``positions``, ``forces``, ``energies_ev`` of all ionic steps. What belongs to the k-points
        of KPOINTS_OPT, not to the mesh, has names of its own: ``kpoints_opt``,
        ``kpoints_opt_weights``, ``kpoints_opt_eigenvalues_ev``, ``kpoints_opt_occupations``,
        ``kpoints_opt_projections``.
    """
    steps, header = source.steps, source.header
    found: dict[str, object] = {
        "eigenvalues_ev": source.eigenvalues,
        "occupations": source.occupations,
        "kpoints": header.kpoints,
        "kpoint_weights": header.kpoint_weights,
        "cells": steps.cells,
        "positions": steps.positions,
        "forces": steps.forces,
        "energies_ev": steps.energies_ev,
    }
    if isinstance(source, Vasprun | Vaspout):
        total, projected, weights = source.total_dos, source.projected_dos, source.projections
        if total is not None:
            found["dos_energies_ev"] = total.energies_ev
            found["total_dos"], found["integrated_dos"] = total.densities, total.integrated
        if projected is not None:
            found["projected_dos"] = projected.densities
            found["orbitals"] = np.array(projected.orbitals)
        if weights is not None:
            found["projections"] = weights.weights
            found["orbitals"] = np.array(weights.orbitals)
        found |= _optional(source.kpoints_opt)
    return {name: np.asarray(value) for name, value in found.items() if value is not None}


def _optional(bands: OptionalBands | None) -> dict[str, object]:
    if bands is None:
        return {}
    return {
        "kpoints_opt": bands.kpoints,
        "kpoints_opt_weights": bands.weights,
        "kpoints_opt_eigenvalues_ev": bands.eigenvalues,
        "kpoints_opt_occupations": bands.occupations,
        "kpoints_opt_projections": bands.projections.weights if bands.projections else None,
    }

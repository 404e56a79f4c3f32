"""What two outputs of one run both tell must agree: numbers that differ belong to other runs or are
damaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor, log10
from pathlib import Path
from typing import Any

import numpy as np

from natriface.analysis.readers.vasp.belonging import crystals_differ
from natriface.analysis.readers.vasp.contcar import read_poscar
from natriface.analysis.readers.vasp.oszicar import Oszicar
from natriface.analysis.readers.vasprun.crystal import crystal
from natriface.analysis.readers.vasprun.header import SAME_KPOINT, SAME_WEIGHT, Header
from natriface.analysis.readers.vasprun.ionic_steps import Steps
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import ReaderError

SAME_ENERGY_EV = 2e-6
"""Old OUTCARs print six decimals."""
SAME_FORCE = 2e-6
"""eV/A."""
SAME_STRESS_KB = 2e-4
SAME_PLACE_ANGSTROM = 5e-5
"""An OUTCAR prints positions to five decimals."""
SAME_CELL_ANGSTROM = 1e-6
SAME_MOMENT = 0.01
"""Bohr magnetons, and part of the moment: OUTCAR and OSZICAR print it at different times."""
FIXED_OCCUPATIONS = (-2, -3)
"""ISMEAR of runs whose occupations no Fermi level decides."""
_OSZICAR_DIGITS = 1e-7  # energies are printed to eight
_EQUAL = (
    *("ISPIN", "ISMEAR", "NELM", "NSW", "IBRION", "ISIF", "NBANDS", "NEDOS", "IALGO"),
    *("LNONCOLLINEAR", "LSORBIT", "LASPH", "LHFCALC", "LDIPOL", "LUSE_VDW"),
)
_CLOSE = {
    "ENMAX": 0.051,
    "NELECT": 1e-3,
    "SIGMA": 0.0051,
    "AEXX": 1e-4,
    "HFSCREEN": 1e-4,
    "PSTRESS": 0.051,
}
_STAYING = (-1, 1, 2, 3)  # IBRION of runs whose CONTCAR is the structure of the last energy
_ONE_DIGIT = ("EDIFF", "EDIFFG")  # all that an OUTCAR prints of them


def settings_apart(mine: Header, theirs: Header) -> list[str]:
    """The settings, k-points and versions on which two headers disagree: ``NAME: x and y``."""
    found = []
    for name in (*_EQUAL, *_CLOSE, *_ONE_DIGIT):
        a, b = _setting(mine, name), _setting(theirs, name)
        if not (_is_number(a) and _is_number(b)):
            continue
        slack = _CLOSE.get(name, 0.0) if name not in _ONE_DIGIT else _half_digit(b)
        if abs(a - b) > slack + 1e-9 * abs(a):
            found.append(f"{name}: {a} and {b}")
    if mine.setting("LDAU") and theirs.setting("LDAU"):
        found += _hubbard_apart(mine, theirs)
    if mine.version and theirs.version and _numbers(mine.version) != _numbers(theirs.version):
        found.append(f"the version of VASP: {mine.version} and {theirs.version}")
    return found + _kpoints_apart(mine, theirs)


def _setting(header: Header, name: str) -> Any:
    value = header.setting(name)
    return header.setting("ENCUT") if value is None and name == "ENMAX" else value


def _is_number(value: Any) -> bool:
    return isinstance(value, bool | int | float)


def _half_digit(value: float) -> float:
    return 0.51 * 10.0 ** floor(log10(abs(value))) if value else 0.0


def _hubbard_apart(mine: Header, theirs: Header) -> list[str]:
    found = []
    for name in ("LDAUL", "LDAUU", "LDAUJ"):
        # the parameters in effect of a vasprun.xml list the first species alone
        a, b = (_as_list(h.incar.get(name, h.parameters.get(name))) for h in (mine, theirs))
        pairs = [(x, y) for x, y in zip(a, b, strict=False) if x is not None and y is not None]
        if len(a) == len(b) and any(abs(x - y) > 0.051 for x, y in pairs):
            found.append(f"{name}: {a} and {b}")
    return found


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _numbers(version: str) -> list[str]:
    return version.split(".")[:3]


def _kpoints_apart(mine: Header, theirs: Header) -> list[str]:
    if mine.kpoints is None or theirs.kpoints is None:
        return []
    if mine.kpoints.shape != theirs.kpoints.shape:
        return [f"the number of k-points: {len(mine.kpoints)} and {len(theirs.kpoints)}"]
    if (np.abs(mine.kpoints - theirs.kpoints) > SAME_KPOINT).any():
        return ["the list of k-points"]
    if mine.kpoint_weights is None or theirs.kpoint_weights is None:
        return []
    apart = np.abs(mine.kpoint_weights - theirs.kpoint_weights) > SAME_WEIGHT
    return ["the weights of the k-points"] if apart.any() else []


def steps_apart(mine: Steps, theirs: Steps) -> tuple[list[str], list[str]]:
    """On what two accounts of the same ionic steps disagree; absent numbers agree with any.

    Returns
    -------
    last, earlier
        What differs in the last ionic step, and in others.
    """
    last: list[str] = []
    earlier: list[str] = []
    for name, apart in _comparisons(mine, theirs):
        steps = np.flatnonzero(apart)
        if len(steps) and steps[-1] == len(apart) - 1:
            last.append(name)
            steps = steps[:-1]
        if len(steps):
            listed = ", ".join(str(i + 1) for i in steps[:5])
            earlier.append(f"the {name} of ionic step {listed}")
    return last, earlier


def _comparisons(mine: Steps, theirs: Steps) -> Sequence[tuple[str, np.ndarray[Any, Any]]]:
    found = []
    for name, attribute, slack in (
        ("energy", "energies_ev", SAME_ENERGY_EV),
        ("free energy", "free_energies_ev", SAME_ENERGY_EV),
        ("lattice", "cells", SAME_CELL_ANGSTROM),
        ("forces", "forces", SAME_FORCE),
        ("stress", "stresses_kb", SAME_STRESS_KB),
    ):
        a, b = getattr(mine, attribute), getattr(theirs, attribute)
        if a.shape == b.shape:
            scale: Any = 0.0
            if attribute == "stresses_kb":
                rounding = max(mine.stress_rounding_kb, theirs.stress_rounding_kb)
                scale = 1e-5 * np.abs(a) + rounding
            apart = np.abs(a - b) > slack + scale  # NaN is not
            found.append((name, apart.reshape(len(a), -1).any(axis=1)))
    if mine.positions.shape == theirs.positions.shape:
        shift = mine.positions - theirs.positions
        shift -= np.round(shift)
        moved = np.abs(shift @ mine.cells) > SAME_PLACE_ANGSTROM
        found.append(("positions", moved.reshape(len(moved), -1).any(axis=1)))
    return found


def oszicar_apart(steps: Steps, oszicar: Oszicar) -> list[str]:
    """On what the ionic steps and those of an OSZICAR disagree."""
    if len(steps) != len(oszicar.steps):
        return [f"the number of ionic steps: {len(steps)} and {len(oszicar.steps)}"]
    found = []
    for name, mine, theirs in (
        ("free energy", steps.free_energies_ev, [s.free_energy_ev for s in oszicar.steps]),
        ("energy", steps.energies_ev, [s.energy_ev for s in oszicar.steps]),
    ):
        apart = np.abs(mine - np.array(theirs)) > _OSZICAR_DIGITS * (1 + np.abs(mine))
        if apart.any():
            listed = ", ".join(str(i + 1) for i in np.flatnonzero(apart)[:5])
            found.append(f"the {name} of ionic step {listed}")
    counts = np.array([s.n_electronic for s in oszicar.steps])
    apart = (steps.electronic_counts != counts) & (steps.electronic_counts > 0) & (counts > 0)
    if apart.any():
        listed = ", ".join(str(i + 1) for i in np.flatnonzero(apart)[:5])
        found.append(f"the number of electronic steps of ionic step {listed}")
    return found


def fermi_contradiction(
    fermi_ev: float,
    eigenvalues: FloatArray | None,
    occupations: FloatArray | None,
    ismear: int | None,
) -> str | None:
    """In words, how a Fermi level contradicts the occupations; None where it does not.

    A state more than half full lies below it, one less than half full above it, in every smearing
    but fixed occupations (ISMEAR = -2). The tetrahedron method fills states by what lies around
    them in reciprocal space: 0.5 eV are allowed there, else 0.02 eV.
    """
    if eigenvalues is None or occupations is None or ismear in FIXED_OCCUPATIONS:
        return None
    slack = 0.5 if ismear in (-4, -5) else 0.02
    with np.errstate(invalid="ignore"):
        filled, empty = eigenvalues[occupations > 0.5], eigenvalues[occupations < 0.5]
    top = float(filled.max()) if filled.size else -np.inf
    bottom = float(empty.min()) if empty.size else np.inf
    if top > fermi_ev + slack:
        return f"states up to {top:.4f} eV are full"
    if bottom < fermi_ev - slack:
        return f"states from {bottom:.4f} eV on are empty"
    return None


def count_contradiction(
    fermi_ev: float, energies_ev: FloatArray, integrated: FloatArray, n_electrons: float
) -> str | None:
    """In words, how a Fermi level contradicts the integrated density of states.

    The states counted at the energies below and above it bound the number of electrons, to within
    0.01 + 1e-4 of it.

    Parameters
    ----------
    integrated
        (n_energies,), states per cell, spins summed.
    """
    if not energies_ev[0] <= fermi_ev <= energies_ev[-1]:  # EMIN or EMAX of the INCAR
        return None
    at = int(np.searchsorted(energies_ev, fermi_ev))
    low, high = sorted((float(integrated[max(at - 1, 0)]), float(integrated[at])))
    slack = 0.01 + 1e-4 * n_electrons
    if low - slack <= n_electrons <= high + slack:  # NaN contradicts nothing
        return None
    if not np.isfinite((low, high)).all():
        return None
    return (
        f"the integrated density of states counts {low:.1f} to {high:.1f} electrons there, NELECT "
        f"is {n_electrons:g}"
    )


def structures_apart(header: Header, steps: Steps, paths: Mapping[str, Path]) -> list[str]:
    """Whether POSCAR and CONTCAR beside a run are of other crystals; nothing else rests on them.

    A POSCAR may be replaced by the CONTCAR, so its elements alone must agree; so of the CONTCAR
    of a run that moves its atoms after the last energy. Files that cannot be read say nothing.
    """
    cell, places = steps.cells[-1], steps.positions[-1]
    if not (np.isfinite(cell).all() and np.isfinite(places).all()):
        return []
    atoms = crystal(header.symbols, cell, places)
    planned = header.setting("NSW", 0)
    stays = header.setting("IBRION", -1 if planned <= 1 else 0) in _STAYING
    found = []
    for name in ("POSCAR", "CONTCAR"):
        path = paths.get(name)
        if atoms is None or path is None:
            continue
        try:
            other = read_poscar(path)
        except ReaderError:
            continue
        apart = crystals_differ(atoms, other, only_elements=name == "POSCAR" or not stays)
        if apart:
            found.append(f"{name} are of different crystals ({apart})")
    return found

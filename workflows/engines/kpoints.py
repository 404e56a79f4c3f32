"""Meshes of k-points by density, vacuum, and whether a slab needs the dipole correction."""

from __future__ import annotations

import math

import numpy as np
import spglib
from ase import Atoms

from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.atoms import fixed_indices
from natriface.structures.base.errors import EngineError
from natriface.structures.base.symmetry import spglib_cell

LEAST_VACUUM_ANGSTROM = 8.0
"""A gap without atoms as high as this is vacuum: no bands cross it, one k-point is enough."""
MAX_KPOINTS = 1_000_000
"""Points of a mesh, at most."""

_SYMMETRY_PRECISION_ANGSTROM = 1e-3


def vacuum_axes(atoms: Atoms) -> tuple[bool, bool, bool]:
    """Whether the crystal is interrupted by vacuum along each lattice vector."""
    return tuple(bool(_gap(atoms, axis)[0] >= LEAST_VACUUM_ANGSTROM) for axis in range(3))  # type: ignore[return-value]


def kpoint_mesh(atoms: Atoms, spacing_per_angstrom: float) -> tuple[int, int, int]:
    """Divisions of a Gamma-centred mesh.

    n_i = max(1, ceil(2 pi |b_i| / spacing)), as VASP does with KSPACING; 1 along vacuum.

    Parameters
    ----------
    spacing_per_angstrom
        Widest distance between neighbouring points, 1/A, 2 pi included.
    """
    if not 0 < spacing_per_angstrom < math.inf:
        raise EngineError(f"a spacing of k-points must be positive, got {spacing_per_angstrom} 1/A")
    lengths = 2 * math.pi * np.linalg.norm(atoms.cell.reciprocal(), axis=1)
    mesh = tuple(
        1 if empty else max(1, math.ceil(length / spacing_per_angstrom - 1e-6))
        for length, empty in zip(lengths, vacuum_axes(atoms), strict=True)
    )
    if math.prod(mesh) > MAX_KPOINTS:
        raise EngineError(
            f"a spacing of {spacing_per_angstrom:g} 1/A makes {math.prod(mesh):.3g} k-points of "
            f"{atoms.get_chemical_formula()}, more than {MAX_KPOINTS}: take a wider one"
        )
    return mesh  # type: ignore[return-value]


def n_irreducible(atoms: Atoms, mesh: tuple[int, int, int], isym: int = 2) -> int:
    """Number of k-points VASP computes.

    Parameters
    ----------
    isym
        VASP's ISYM: -1 uses no symmetry at all, 0 only time reversal. Frozen atoms count as
        different from free ones, as in VASP.
    """
    if isym == -1:
        return math.prod(mesh)
    if isym == 0:
        grid = np.indices(mesh).reshape(3, -1).T
        inverse = (-grid) % np.array(mesh)
        return len({min(tuple(a), tuple(b)) for a, b in zip(grid, inverse, strict=True)})
    mapping, _ = spglib.get_ir_reciprocal_mesh(
        mesh, _labelled_cell(atoms), is_shift=(0, 0, 0), symprec=_SYMMETRY_PRECISION_ANGSTROM
    )
    return len(set(mapping.tolist()))


def dipole_center(atoms: Atoms) -> float | None:
    """Height of the slab's middle, a fraction of c, if its two faces differ; else ``None``.

    A slab whose faces are related by a symmetry operation has no dipole across it, and the
    correction would be zero. Frozen atoms count: a slab held on one side does not stay symmetric.
    The correction is defined for one vacuum along c with c normal to the surface; where this is
    not so the answer is ``None``.
    """
    if vacuum_axes(atoms) != (False, False, True) or not _is_normal(atoms):
        return None
    symmetry = spglib.get_symmetry(_labelled_cell(atoms), symprec=_SYMMETRY_PRECISION_ANGSTROM)
    if symmetry is not None and (symmetry["rotations"][:, 2, 2] == -1).any():
        return None
    _, top = _gap(atoms, 2)
    gap_angstrom, _ = _gap(atoms, 2)
    height = float(abs(np.linalg.det(atoms.cell)) / np.linalg.norm(np.cross(*atoms.cell[:2])))
    slab = 1 - gap_angstrom / height
    return float((top - slab / 2) % 1)


def _gap(atoms: Atoms, axis: int) -> tuple[float, float]:
    """Widest layer without atoms, A, normal to the other two vectors; and where it begins."""
    others = [atoms.cell[i] for i in range(3) if i != axis]
    height = abs(np.linalg.det(atoms.cell)) / np.linalg.norm(np.cross(*others))
    fractions = np.sort(atoms.get_scaled_positions()[:, axis] % 1)
    gaps = np.diff(np.append(fractions, fractions[0] + 1))
    widest = int(np.argmax(gaps))
    return float(gaps[widest] * height), float(fractions[widest])


def _is_normal(atoms: Atoms) -> bool:
    a, b, c = np.asarray(atoms.cell)
    return bool(max(abs(a @ c), abs(b @ c)) < 1e-3 * float(np.linalg.norm(c)))


def _labelled_cell(atoms: Atoms) -> tuple[FloatArray, FloatArray, IntArray]:
    held = set(fixed_indices(atoms))
    species = [int(number) + 200 * (i in held) for i, number in enumerate(atoms.numbers)]
    return spglib_cell(atoms.cell, atoms.get_scaled_positions(), species)

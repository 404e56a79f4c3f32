"""Whether the k points of a LOBSTER run tell its bonds from their periodic images."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from ase import Atoms

from natriface.analysis.readers.lobster.files import LobsterFiles
from natriface.analysis.readers.text.compression import SUFFIXES, Text
from natriface.analysis.results.bond_populations import Bond
from natriface.analysis.results.mesh_images import near_image, too_coarse, unseen_translations
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import ReaderError

_SAME_VALUE_EV = 2e-5
_STRONG_EV = 0.05
_OTHER_LENGTH_ANGSTROM = 0.05
_COUPLES = 3
"""So many pairs of bonds with equal values are no chance."""


def coarse_mesh(
    files: LobsterFiles,
    bonds: Sequence[Bond],
    structure: Atoms | None,
    kpoints: FloatArray | None,
) -> str | None:
    """What is wrong with a mesh too coarse for the bonds, in words; None where nothing is.

    The mesh is that of the vasprun.xml, else of IBZKPT or KPOINTS. Where none is there, bonds of
    one pair of atoms with different lengths and equal values show the lattice vectors that it
    cannot see.

    Parameters
    ----------
    structure
        The crystal, where known; without it the values alone are judged.
    kpoints
        (n, 3) of the run, where known.
    """
    placed = [bond for bond in bonds if bond.translation is not None]
    if not placed:
        return None
    if kpoints is None:
        kpoints = _mesh(files)
    if kpoints is None or structure is None:
        twins = _twins(placed)
        return too_coarse(twins, len(bonds)) if twins else None
    unseen = unseen_translations(kpoints)
    if not len(unseen):
        return None
    cell = np.asarray(structure.cell)
    one, two = (structure.positions[[bond.atoms[k] for bond in placed]] for k in (0, 1))
    vectors = two - one + np.array([bond.translation for bond in placed]) @ cell
    aliased = np.flatnonzero(near_image(vectors, unseen, cell))
    if not len(aliased):
        return None
    return too_coarse([placed[k].length_angstrom for k in aliased], len(bonds))


def _mesh(files: LobsterFiles) -> FloatArray | None:
    """The k points of IBZKPT or KPOINTS; None where neither is there or gives them so."""
    for name in ("IBZKPT", "KPOINTS"):
        for suffix in SUFFIXES if not files.label else ():
            path = files.folder / f"{name}{suffix}"
            if path.is_file():
                points = read_kpoints(path)
                if points is not None:
                    return points
    return None


def read_kpoints(path: Path) -> FloatArray | None:
    """(n, 3) fractional k points of a KPOINTS or IBZKPT, or four that span the same mesh.

    None where they are given in another way (along lines, by a length, in Cartesian coordinates)
    or cannot be read.
    """
    try:
        with Text(path) as text:
            lines = text.read(0, min(text.size, 1 << 24)).decode("latin-1").splitlines()
    except ReaderError:
        return None
    try:
        count, form = int(lines[1].split()[0]), lines[2].strip()[:1].lower()
        if count == 0 and form in ("g", "m"):
            n = [int(word) for word in lines[3].split()[:3]]
            if len(n) != 3 or not all(0 < k < 1000 for k in n):
                return None
            return np.vstack([np.zeros(3), np.diag(1.0 / np.array(n))])
        if count <= 0 or form != "r" or count > len(lines) - 3:
            return None
        rows = [line.split()[:3] for line in lines[3 : 3 + count]]
        if not all(re.fullmatch(r"[-+.\deE]+", word) for row in rows for word in row):
            return None
        points = np.array(rows, dtype=float).reshape(count, 3)
    except (ValueError, IndexError):
        return None
    return points if np.isfinite(points).all() else None


def _twins(bonds: Sequence[Bond]) -> list[float]:
    """Lengths of the bonds whose values are those of another image, a lattice vector apart.

    A lattice vector counts where all bonds of the list that are apart by it have equal values.
    """
    images: dict[tuple[int, int], dict[tuple[int, ...], Bond]] = defaultdict(dict)
    for bond in bonds:
        for seen in (bond, bond.reversed()):
            if seen.translation is not None and seen.atoms[0] <= seen.atoms[1]:
                images[seen.atoms][seen.translation] = seen
    shifts = {
        tuple(np.subtract(second.translation, first.translation).tolist())  # type: ignore[arg-type]
        for group in images.values()
        for first, second in _equal_neighbours(list(group.values()))
    }
    found: dict[str, float] = {}
    for shift in shifts:
        couples = [
            (bond, other)
            for group in images.values()
            for cell, bond in group.items()
            if (other := group.get(tuple(np.add(cell, shift).tolist()))) is not None
            and abs(bond.length_angstrom - other.length_angstrom) > _OTHER_LENGTH_ANGSTROM
            and max(abs(bond.icohp_ev), abs(other.icohp_ev)) > _STRONG_EV
        ]
        if len(couples) >= _COUPLES and all(_equal(*couple) for couple in couples):
            found |= {bond.label: bond.length_angstrom for couple in couples for bond in couple}
    return list(found.values())


def _equal_neighbours(bonds: list[Bond]) -> list[tuple[Bond, Bond]]:
    """Strong bonds of equal values and unequal lengths, from an ordering by value."""
    ordered = sorted(bonds, key=lambda bond: (bond.icohp_ev, bond.length_angstrom))
    return [
        (one, two)
        for one, two in pairwise(ordered)
        if abs(one.icohp_ev) > _STRONG_EV
        and _equal(one, two)
        and abs(one.length_angstrom - two.length_angstrom) > _OTHER_LENGTH_ANGSTROM
    ]


def _equal(one: Bond, two: Bond) -> bool:
    pairs = zip(one.icohp_by_spin_ev, two.icohp_by_spin_ev, strict=True)
    return all(abs(a - b) <= _SAME_VALUE_EV for a, b in pairs)

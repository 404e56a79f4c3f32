"""A crystal written in the formats that other programs take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from ase import Atoms
from ase.io import write

StructureFormat = Literal["POSCAR", "cif", "extxyz"]
STRUCTURE_FORMATS: tuple[StructureFormat, ...] = get_args(StructureFormat)


def write_structure(
    atoms: Atoms, stem: Path, formats: Sequence[StructureFormat] = STRUCTURE_FORMATS
) -> list[Path]:
    """Write ``STEM.POSCAR``, ``STEM.cif`` and ``STEM.extxyz``, or some of them.

    The atoms have one order in all; extxyz keeps tags and frozen atoms as well.
    """
    paths = []
    for name in formats:
        path = stem.with_name(f"{stem.name}.{name}")
        if name == "POSCAR":
            write(path, atoms, format="vasp", direct=True, sort=False)
        else:
            write(path, atoms, format=name)
        paths.append(path)
    return paths

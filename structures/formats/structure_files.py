"""A crystal written in the formats that other programs take."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from ase import Atoms
from ase.io import write

StructureFormat = Literal["POSCAR", "cif", "extxyz"]
MOST_OF_A_NAME = 70
STRUCTURE_FORMATS: tuple[StructureFormat, ...] = get_args(StructureFormat)


def write_structure(
    atoms: Atoms,
    stem: Path,
    formats: Sequence[StructureFormat] = STRUCTURE_FORMATS,
    comment: str = "",
) -> list[Path]:
    """Write ``STEM.POSCAR``, ``STEM.cif`` and ``STEM.extxyz``, or some of them.

    The atoms have one order in all; extxyz keeps tags and frozen atoms as well. The CIF's data
    block is named after the file; a line of comment stands above it.
    """
    paths = []
    for name in formats:
        path = stem.with_name(f"{stem.name}.{name}")
        if name == "POSCAR":
            write(path, atoms, format="vasp", direct=True, sort=False)
        elif name == "cif":
            _write_cif(path, atoms, comment)
        else:
            write(path, atoms, format=name)
        paths.append(path)
    return paths


def _write_cif(path: Path, atoms: Atoms, comment: str) -> None:
    """As ASE does, but with a name of its own for the block, of at most 75 characters in CIF."""
    buffer = io.BytesIO()
    write(buffer, atoms, format="cif")
    name = re.sub(r"[^A-Za-z0-9_.+-]+", "_", path.stem)[:MOST_OF_A_NAME]
    block = re.sub(r"^data_\S*", f"data_{name}", buffer.getvalue().decode(), count=1)
    said = f"# {' '.join(comment.split())}\n" if comment else ""
    path.write_text(said + block, encoding="utf-8")

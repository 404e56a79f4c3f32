"""INCAR, KPOINTS and POTCAR as the stand-in reads them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import spglib
from ase import Atoms

DEFAULT_VALENCE = 4.0


def read_incar(path: Path) -> dict[str, str]:
    """Tag -> value as text."""
    tags = {}
    for line in path.read_text().splitlines():
        content = re.split(r"[#!]", line, maxsplit=1)[0]
        for assignment in content.split(";"):
            name, equals, value = assignment.partition("=")
            if equals:
                tags[name.strip().upper()] = value.strip()
    return tags


def read_velocities(path: Path, n_atoms: int) -> np.ndarray | None:
    """(n_atoms, 3) in A/fs that a POSCAR has after its positions; None where it has none."""
    lines = path.read_text().splitlines()
    first = 8 + lines[7].strip().upper().startswith("S") + n_atoms
    rows = [line.split() for line in lines[first:] if line.strip()]
    return np.array(rows[:n_atoms], dtype=float) if rows else None


def is_true(text: str) -> bool:
    return text.strip().strip(".").upper().startswith("T")


@dataclass(frozen=True)
class Potential:
    """What a POTCAR says of one species."""

    element: str
    title: str
    valence: float


def read_potcar(path: Path, elements: list[str]) -> list[Potential]:
    """From POTCAR, or made up where there is none: this VASP does without."""
    if not path.is_file():
        return [Potential(e, f"PAW_PBE {e} 01Jan2000", DEFAULT_VALENCE) for e in elements]
    text = path.read_text()
    titles = re.findall(r"TITEL\s*=\s*(\S.*?)\s*$", text, re.MULTILINE)
    valences = [float(v) for v in re.findall(r"ZVAL\s*=\s*([\d.]+)", text)]
    found = [title.split()[1].partition("_")[0] for title in titles]
    if found != elements:
        raise SystemExit(f"ERROR: POTCAR is of {found}, POSCAR of {elements}")
    return [Potential(*row) for row in zip(elements, titles, valences, strict=True)]


def read_kpoints(path: Path, atoms: Atoms, symmetric: bool) -> tuple[list[int], np.ndarray]:
    """Divisions of the mesh, and its irreducible points with weights, (n, 4)."""
    lines = path.read_text().splitlines()
    if not lines[2].strip().upper().startswith("G") or lines[1].split()[0] != "0":
        raise SystemExit("ERROR: the stand-in reads Gamma-centred meshes alone")
    mesh = [int(word) for word in lines[3].split()[:3]]
    if symmetric:
        cell = (np.asarray(atoms.cell), atoms.get_scaled_positions(), atoms.numbers)
        mapping, grid = spglib.get_ir_reciprocal_mesh(mesh, cell)
    else:
        grid = np.indices(mesh).reshape(3, -1).T
        mapping = np.arange(len(grid))
    unique, counts = np.unique(mapping, return_counts=True)
    points = (grid[unique] / np.array(mesh) + 0.5 - 1e-9) % 1 - 0.5 + 1e-9
    return mesh, np.column_stack([points, counts / math.prod(mesh)])

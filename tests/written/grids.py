"""ELFCAR, CHGCAR and LOCPOT: a POSCAR, then a block of values a spin, x fastest."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from tests.written.crystals import poscar

C_C_ANGSTROM = 1.4247
SIDE = np.sqrt(3) * C_C_ANGSTROM
GRAPHITE = Atoms(
    "C4", scaled_positions=[[0, 0, 0.25], [0, 0, 0.75], [1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]],
    cell=[[SIDE, 0, 0], [-SIDE / 2, SIDE * np.sqrt(0.75), 0], [0, 0, 6.8]], pbc=True,
)  # fmt: skip
HYDROGEN = Atoms("H", cell=[6, 6, 6], pbc=True)


def elfcar() -> str:
    """Localized between the neighbours of graphite's sheets, not between the sheets."""
    shape = (12, 12, 24)
    at = np.stack(np.meshgrid(*(np.arange(n) / n for n in shape), indexing="ij"), axis=-1)
    points = (at @ GRAPHITE.cell.array).reshape(-1, 3)
    i, _, vectors = neighbor_list("ijD", GRAPHITE, C_C_ANGSTROM + 0.1)
    middles = Atoms(positions=GRAPHITE.positions[i] + vectors / 2, cell=GRAPHITE.cell, pbc=True)
    offsets = (points[:, None] - middles.positions) @ np.linalg.inv(GRAPHITE.cell.array)
    distances = np.linalg.norm((offsets - offsets.round()) @ GRAPHITE.cell.array, axis=-1)
    one = 0.05 + 0.9 * np.exp(-((distances.min(axis=1) / 0.5) ** 2))
    blocks = [one.reshape(shape), 0.98 * one.reshape(shape)]
    return _grid(GRAPHITE, blocks, "%8.5f", 10)


def chgcar(spins: int) -> str:
    """One electron, 48 points a side; the values of a row alike in all rows."""
    row = 1 + 0.5 * np.cos(2 * np.pi * np.arange(48) / 48)
    lines = "".join(" ".join(f"{v:.11E}" for v in row[k : k + 6]) + "\n" for k in range(0, 48, 6))
    block = "\n   48   48   48\n" + lines * 48**2
    return poscar(HYDROGEN) + block * spins


def locpot(atoms: Atoms) -> str:
    """A potential between -9 and 3 eV."""
    return potential(atoms, np.linspace(-9, 3, 6 * 6 * 6).reshape(6, 6, 6))


def potential(atoms: Atoms, *spins_ev: np.ndarray) -> str:
    """A LOCPOT of values (n_a, n_b, n_c) a spin."""
    return _grid(atoms, list(spins_ev), "%18.11E", 5)


def _grid(atoms: Atoms, blocks: list[np.ndarray], form: str, per_line: int) -> str:
    parts = [poscar(atoms)]
    for block in blocks:
        numbers = [form % v for v in block.ravel(order="F")]
        lines = [" ".join(numbers[k : k + per_line]) for k in range(0, len(numbers), per_line)]
        parts.append("\n{:5d}{:5d}{:5d}\n".format(*block.shape) + "\n".join(lines) + "\n")
    return "".join(parts)

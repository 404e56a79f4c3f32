"""Structures that a reader of a page can turn: frames of the same atoms, as compact JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.geometry import find_mic

from natriface.analysis.bonding.integrity import same_atoms
from natriface.analysis.figures.pictures.scene import (
    ball_radius_angstrom,
    levelling,
    screen_axes,
    tetrahedral_bonds,
    wrapped_in_plane,
)
from natriface.analysis.figures.pictures.structure_pictures import without_drift
from natriface.analysis.figures.style import element_color
from natriface.structures.base.arrays import FloatArray

MOST_FRAMES = 60
MOST_POSITIONS = 20_000
"""Positions of one turnable structure, of all its frames; 0.4 MB of a page."""
_PER_ANGSTROM = 1000


@dataclass(frozen=True)
class Turnable:
    """Frames of the same atoms in one order, each with what it is.

    Attributes
    ----------
    frames
        As computed. Two are shown beside each other, an in-plane shift of everything alike taken
        out of the second; more are shown one at a time.
    marked
        Index of an atom whose places in all frames are shown, such as that of a hop.
    n_frames
        Of the course that the frames were taken from.
    """

    frames: Sequence[Atoms]
    labels: Sequence[str]
    marked: int | None = None
    n_frames: int | None = None

    @classmethod
    def thinned(
        cls, frames: Sequence[Atoms], labels: Sequence[str], marked: int | None = None
    ) -> Turnable:
        """Of a long course: evenly spread frames with the first and the last.

        At most `MOST_FRAMES`, and of many atoms as few as `MOST_POSITIONS` allows.
        """
        most = min(MOST_FRAMES, max(2, MOST_POSITIONS // max(1, len(frames[0]))))
        kept = np.unique(np.linspace(0, len(frames) - 1, min(most, len(frames))).round())
        return cls(
            [frames[int(k)] for k in kept], [labels[int(k)] for k in kept], marked, len(frames)
        )

    @property
    def note(self) -> str:
        """How many frames were left out; empty where none was."""
        if self.n_frames in (None, len(self.frames)):
            return ""
        return f"{len(self.frames)} of {self.n_frames} frames"

    def json(self) -> str:
        """`document` for a script element, which ``<`` could end."""
        text = json.dumps(self.document(), separators=(",", ":"))
        return text.replace("<", "\\u003c")

    def document(self) -> dict[str, Any]:
        """JSON-able, lengths in 0.001 A.

        Returns
        -------
        dict
            ``elements`` (symbol, colour, radius of the ball in A), ``of`` (n,) indices of them,
            ``screen`` (3, 3) unit vectors to the right, up and towards the viewer, ``marked``, and
            ``frames``: ``label``, ``cell`` (9,), ``at`` (3 n,), and ``bonds``: centre, ligand, and
            the ligand's cell where it is another.
        """
        symbols = self.frames[0].get_chemical_symbols()
        elements = list(dict.fromkeys(symbols))
        pair = len(self.frames) == 2
        placed = continuous(without_drift(*self.frames) if pair else self.frames)
        return {
            "elements": [
                [s, element_color(s), round(ball_radius_angstrom(s), 3)] for s in elements
            ],
            "of": [elements.index(symbol) for symbol in symbols],
            "screen": screen_axes(placed[0], "side").round(4).tolist(),
            "marked": self.marked,
            "frames": [
                {
                    "label": label,
                    "cell": _compact(atoms.cell.array),
                    "at": _compact(atoms.positions),
                    "bonds": [
                        [i, j, *cell.tolist()] if cell.any() else [i, j]
                        for i, j, cell in tetrahedral_bonds(atoms)
                    ],
                }
                for atoms, label in zip(placed, self.labels, strict=True)
            ],
        }


def _compact(lengths: FloatArray) -> list[int]:
    found: list[int] = np.rint(lengths * _PER_ANGSTROM).astype(int).ravel().tolist()
    return found


def continuous(frames: Sequence[Atoms]) -> list[Atoms]:
    """The first frame wrapped into its cell in-plane; no atom of a later one jumps across it.

    All are turned alike, until the first one's a and b lie in the plane.

    Raises
    ------
    AnalysisError
        If the frames have not the same atoms in the same order.
    """
    placed = [wrapped_in_plane(frames[0])]
    turned = levelling(frames[0])
    for frame in frames[1:]:
        same_atoms(frames[0], frame)
        atoms, last = frame.copy(), placed[-1].positions
        atoms.set_cell(frame.cell.array @ turned)
        way = frame.positions @ turned - last
        atoms.positions = last + find_mic(way, atoms.cell, atoms.pbc)[0]
        placed.append(atoms)
    return placed

"""A crystal strained in the plane as its slab is in an interface, its normal free to be chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase import Atoms

from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.errors import StructureError
from natriface.structures.base.reprs import short_repr
from natriface.structures.interfaces.build import Interface
from natriface.structures.interfaces.matching import common_cell
from natriface.structures.interfaces.recut import CutSide, Recut
from natriface.structures.surfaces.surface_cell import standard_frame

USUAL_CONTRACTION = 0.5
"""Of the normal, by the sum of the strains in the plane: that of a Poisson ratio of a third."""


@dataclass(frozen=True, eq=False)
class FittedCrystal:
    """How a side's crystal is strained to lie in an interface.

    Attributes
    ----------
    basis : rows, the interface's a, b and a vector from layer to layer, in lattice vectors of the
        crystal, (3, 3)
    normal_strain : of the distance between layers, beyond what a Poisson ratio of a third gives
    cell : the interface's a and b in A, (2, 2), where they do not depend on relaxed crystals
    other : the other side's basis, where they do
    share : fraction of the (logarithmic) strain that this side bears, used with `other`
    """

    basis: IntArray
    normal_strain: float
    cell: FloatArray | None = field(default=None, repr=False)
    other: IntArray | None = field(default=None, repr=False)
    share: float = 1.0

    def __repr__(self) -> str:
        return short_repr(self, f"normal {100 * self.normal_strain:+g} %")

    @classmethod
    def of(
        cls, interface: Interface, side: str, normal_strain: float, *, relaxed: bool
    ) -> FittedCrystal:
        """Of a side of an interface.

        Parameters
        ----------
        side
            ``substrate`` or ``film``.
        relaxed
            Whether the interface is cut from relaxed crystals, which decide its cell.

        Raises
        ------
        StructureError
            If the slabs do not say how they were cut.
        """
        recut = Recut.of(interface)
        both: dict[str, CutSide] = {"substrate": recut.substrate, "film": recut.film}
        own = both.pop(side)
        if not relaxed:
            cell = np.asarray(interface.atoms.cell)[:2, :2].round(10) + 0.0
            return cls(own.basis, normal_strain, cell)
        share = recut.share if side == "substrate" else 1.0 - recut.share
        (other,) = both.values()
        return cls(own.basis, normal_strain, other=other.basis, share=share)

    def apply(self, crystal: Atoms, other: Atoms | None = None) -> Atoms:
        """The crystal under this strain, fractional coordinates kept, its plane normal to z.

        Parameters
        ----------
        crystal, other
            The relaxed crystals of this side and, where the cell depends on it, of the other.

        Raises
        ------
        StructureError
            If the other crystal is needed and not given.
        """
        frame = standard_frame(self.basis @ np.asarray(crystal.cell))
        plane = np.linalg.solve(frame[:2, :2], self._cell(frame, other))
        strains = np.linalg.svd(plane, compute_uv=False) - 1
        gradient = np.zeros((3, 3))
        gradient[:2, :2] = plane
        gradient[2, 2] = 1 - USUAL_CONTRACTION * strains.sum() + self.normal_strain
        strained = crystal.copy()
        strained.set_cell(np.linalg.solve(self.basis, frame @ gradient), scale_atoms=True)
        return strained

    def _cell(self, frame: FloatArray, other: Atoms | None) -> FloatArray:
        if self.cell is not None:
            return self.cell
        if other is None or self.other is None:
            raise StructureError("the strain of a relaxed crystal needs that of the other side")
        theirs = standard_frame(self.other @ np.asarray(other.cell))
        return common_cell(frame[:2, :2], theirs[:2, :2], self.share)[0]

    def document(self) -> dict[str, Any]:
        """JSON-able; see `of_document`."""
        return {
            "basis": self.basis.tolist(),
            "normal_strain": self.normal_strain,
            "cell": None if self.cell is None else self.cell.tolist(),
            "other": None if self.other is None else self.other.tolist(),
            "share": self.share,
        }

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> FittedCrystal:
        """From what `document` gives."""
        cell, other = document["cell"], document["other"]
        return cls(
            np.array(document["basis"], dtype=np.int64),
            float(document["normal_strain"]),
            None if cell is None else np.array(cell, dtype=float),
            None if other is None else np.array(other, dtype=np.int64),
            float(document["share"]),
        )

"""A slab or interface cut again from its crystals, after these have relaxed.

Each atom of a slab is an atom of the crystal and a lattice translation, and each vector of its cell
a sum of lattice vectors. With the lattice and coordinates of the relaxed crystal they give the same
slab (the same units, matches, dopants), strained to the other side's relaxed lattice. From the
crystals themselves, unrelaxed, the slab comes back as it was built.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import ArrayLike

from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.atom_tags import FILM_TAG, SUBSTRATE_TAG, sides
from natriface.structures.base.atoms import from_document, to_document
from natriface.structures.base.errors import StructureError
from natriface.structures.base.reprs import short_repr
from natriface.structures.interfaces.build import Interface
from natriface.structures.interfaces.matching import common_cell
from natriface.structures.surfaces.slabs import IMAGES, Slab
from natriface.structures.surfaces.surface_cell import standard_frame

SIDE_TAGS = {"substrate": SUBSTRATE_TAG, "film": FILM_TAG}

LARGEST_CHANGE = 0.15
"""A lattice that relaxes by more, in any direction, is no longer the crystal that was cut."""


@dataclass(frozen=True, eq=False)
class CutSide:
    """One side of an interface and the crystal it is cut from.

    Attributes
    ----------
    crystal : the primitive crystal as the slab was built from it
    basis : rows, the interface's a, b and a vector from layer to layer, in lattice vectors of the
        crystal, (3, 3)
    images : atom of the crystal and translation of each atom of the side, (n, 4)
    """

    crystal: Atoms = field(repr=False)
    basis: IntArray
    images: IntArray = field(repr=False)

    @property
    def name(self) -> str:
        """Formula of the crystal."""
        return str(self.crystal.get_chemical_formula())

    def frame(self, crystal: Atoms) -> FloatArray:
        """The basis in A for a lattice, a along x, b in the xy plane, the normal along z."""
        return standard_frame(self.basis @ np.asarray(crystal.cell))

    def places(self, crystal: Atoms) -> FloatArray:
        """Fractions of a and b, and height in A, of the side's atoms in a crystal, (n, 3)."""
        frame = self.frame(crystal)
        in_lattice = np.linalg.solve(np.asarray(crystal.cell).T, crystal.positions.T).T
        whole = in_lattice[self.images[:, 0]] + self.images[:, 1:]
        placed: FloatArray = whole @ np.linalg.inv(self.basis) @ frame
        placed[:, :2] = np.linalg.solve(frame[:2, :2].T, placed[:, :2].T).T
        return placed

    def require_same(self, crystal: Atoms) -> None:
        """Refuse a crystal with other atoms, or one that has changed beyond recognition."""
        if crystal.numbers.tolist() != self.crystal.numbers.tolist():
            raise StructureError(
                f"the relaxed crystal holds {crystal.get_chemical_formula()}, the slab was cut "
                f"from {self.name}"
            )
        gradient = np.linalg.solve(np.asarray(self.crystal.cell), np.asarray(crystal.cell))
        change = np.abs(np.linalg.svd(gradient, compute_uv=False) - 1).max()
        if change > LARGEST_CHANGE:
            raise StructureError(
                f"the lattice of {self.name} relaxed by {100 * change:.0f} %, so that it is no "
                "longer the crystal that was cut; look at its relaxation, or cut the slab from "
                "the crystal as it is (bulk: library)"
            )


@dataclass(frozen=True, eq=False)
class Recut:
    """A structure as built, and how its atoms lie in the crystals it is cut from.

    Attributes
    ----------
    atoms : an interface, or one of its slabs alone in the interface's in-plane cell
    substrate, film : the sides, both of which decide the cell; without images where a side is not
        in `atoms`
    share : fraction of the (logarithmic) strain that the substrate bears
    """

    atoms: Atoms = field(repr=False)
    substrate: CutSide
    film: CutSide
    share: float

    def __repr__(self) -> str:
        return short_repr(
            self, f"{len(self.atoms)} atoms", f"{self.film.name} on {self.substrate.name}"
        )

    @classmethod
    def of(cls, interface: Interface, atoms: Atoms | None = None) -> Recut:
        """Of an interface, or of one of its slabs: `atoms` in the interface's cell, in its order.

        Raises
        ------
        StructureError
            If the slabs do not say how they were cut: they are not from `build_slab`.
        """
        match = interface.match
        part = interface.atoms if atoms is None else atoms
        here = set(sides(part).tolist())
        return cls(
            atoms=part,
            substrate=_side(
                interface.substrate,
                match.substrate_matrix,
                interface.substrate_atoms if SUBSTRATE_TAG in here else None,
            ),
            film=_side(
                interface.film,
                match.film_matrix,
                interface.film_atoms if FILM_TAG in here else None,
            ),
            share=match.share,
        )

    @classmethod
    def of_slab(cls, slab: Slab) -> Recut:
        """Of a free slab: its crystal stands for both sides, so that nothing strains it.

        Raises
        ------
        StructureError
            If the slab does not say how it was cut.
        """
        atoms = slab.atoms.copy()
        atoms.set_tags(SUBSTRATE_TAG)
        alone = np.eye(2, dtype=np.int64)
        return cls(atoms, _side(slab, alone, atoms), _side(slab, alone, None), share=0.0)

    def apply(self, substrate: Atoms, film: Atoms) -> Atoms:
        """The structure cut from relaxed crystals.

        Heights and fractions of the cell follow the crystals; the gap between the sides, the
        vacuum, tags and held atoms stay, and each side stays where it is in the plane on average.

        Raises
        ------
        StructureError
            If a crystal has other atoms than that which was cut, or is no longer the same.
        """
        atoms = self.atoms.copy()
        cell = np.asarray(atoms.cell).copy()
        fractions = np.linalg.solve(cell[:2, :2].T, atoms.positions[:, :2].T).T
        heights = atoms.positions[:, 2].copy()
        frames = []
        floor, old_floor = float(heights.min()), float(heights.min())
        for tag, side, crystal in (
            (SUBSTRATE_TAG, self.substrate, substrate),
            (FILM_TAG, self.film, film),
        ):
            side.require_same(crystal)
            frames.append(side.frame(crystal)[:2, :2])
            mine = sides(atoms) == tag
            if not mine.any():
                continue
            moved = side.places(crystal) - side.places(side.crystal)
            fractions[mine] += moved[:, :2] - moved[:, :2].mean(axis=0)
            old = heights[mine].copy()
            new = old + moved[:, 2]
            # the side stands as far above what is below it as it was built
            heights[mine] = new - new.min() + floor + (old.min() - old_floor)
            floor, old_floor = float(heights[mine].max()), float(old.max())
        cell[2, 2] += np.ptp(heights) - np.ptp(atoms.positions[:, 2])
        cell[:2, :2] = _upright(common_cell(frames[0], frames[1], self.share)[0])
        atoms.set_cell(cell)
        atoms.set_positions(
            np.column_stack([fractions @ cell[:2, :2], heights]), apply_constraint=False
        )
        return atoms

    def document(self) -> dict[str, Any]:
        """JSON-able; see `of_document`."""
        return {
            "atoms": to_document(self.atoms),
            "share": self.share,
            **{
                name: {
                    "crystal": to_document(side.crystal),
                    "basis": side.basis.tolist(),
                    "images": side.images.tolist(),
                }
                for name, side in (("substrate", self.substrate), ("film", self.film))
            },
        }

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Recut:
        """From what `document` gives."""
        substrate, film = (
            CutSide(
                from_document(document[name]["crystal"]),
                np.array(document[name]["basis"], dtype=np.int64),
                np.array(document[name]["images"], dtype=np.int64).reshape(-1, 4),
            )
            for name in ("substrate", "film")
        )
        return cls(from_document(document["atoms"]), substrate, film, float(document["share"]))


def crystal_atoms(slab: Slab) -> Atoms:
    """The primitive crystal that a slab is cut from, as its lattice vectors are counted."""
    return slab.termination.facet.crystal.atoms


def principal_strains(basis: ArrayLike, crystal: Atoms, cell: ArrayLike) -> tuple[float, float]:
    """Principal strains, smallest first, of a crystal's plane in an interface's in-plane cell.

    Parameters
    ----------
    basis
        As of `CutSide`.
    cell
        Rows a and b of the interface, A.
    """
    gradient = np.linalg.solve(_plane(basis, crystal), np.asarray(cell)[:2, :2])
    large, small = np.linalg.svd(gradient, compute_uv=False) - 1
    return float(small), float(large)


def stretches(
    substrate: tuple[ArrayLike, Atoms], film: tuple[ArrayLike, Atoms]
) -> tuple[float, float]:
    """Principal stretches film -> substrate, smallest first, of (basis, crystal) of the sides."""
    return common_cell(_plane(*substrate), _plane(*film), 0.0)[1]


def _plane(basis: ArrayLike, crystal: Atoms) -> FloatArray:
    frame: FloatArray = standard_frame(np.asarray(basis) @ np.asarray(crystal.cell))
    return frame[:2, :2]


def _side(slab: Slab, matrix: ArrayLike, atoms: Atoms | None) -> CutSide:
    if slab.basis is None or (atoms is not None and not atoms.has(IMAGES)):
        raise StructureError(
            f"{slab.label}: it does not say how it was cut from its crystal; build it by build_slab"
        )
    basis = slab.basis.copy()
    basis[:2] = np.asarray(matrix) @ basis[:2]
    images = np.zeros((0, 4)) if atoms is None else atoms.get_array(IMAGES)
    return CutSide(crystal_atoms(slab), basis, np.asarray(images, dtype=np.int64))


def _upright(cell: FloatArray) -> FloatArray:
    """The same in-plane cell, a along x."""
    length = float(np.hypot(*cell[0]))
    along = float(cell[0] @ cell[1]) / length
    across = float(np.linalg.det(cell)) / length
    return np.array([[length, 0.0], [along, across]])

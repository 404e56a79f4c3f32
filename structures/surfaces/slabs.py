"""Slabs: a termination repeated to a thickness, with exact vacuum and the normal along z."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Real
from typing import Any, Literal

import numpy as np
import spglib
from ase import Atoms
from numpy.typing import NDArray

from natriface.structures.base.atoms import structure_id
from natriface.structures.base.bounds import require_gap
from natriface.structures.base.errors import StructureError, require_kind
from natriface.structures.base.reprs import html_facts, short_repr
from natriface.structures.base.symmetry import spglib_cell
from natriface.structures.chemistry.formal_charges import is_metal
from natriface.structures.chemistry.polyanions import element_order, formula
from natriface.structures.chemistry.unit_charges import formal_charges_of
from natriface.structures.surfaces.blocks import Block, assemble, symmetric_cuts
from natriface.structures.surfaces.blocks import reconstruct as reconstruct_block
from natriface.structures.surfaces.freezing import FrozenRegion, freeze, held_units
from natriface.structures.surfaces.surface_cell import SYMPREC_ANGSTROM, Crystal, Facet, Miller
from natriface.structures.surfaces.terminations import (
    Termination,
    find_terminations,
    number_or_none,
    termination_named,
)

__all__ = [
    "Crystal",
    "Facet",
    "Slab",
    "Termination",
    "build_slab",
    "find_terminations",
    "freeze",
    "layers_for",
    "termination_named",
]

IMAGES = "images"
"""Array of a slab's atoms: see `Slab.basis`."""

MAX_ATOMS = 2000
"""Default limit on the atoms of one slab."""


@dataclass(frozen=True, eq=False)
class Slab:
    """A slab with vacuum: c along z, surface cell reduced, primitive and right-handed.

    Attributes
    ----------
    atoms
        The slab, centred in the cell; frozen atoms carry `ase.constraints.FixAtoms`.
    termination
        Where it was cut.
    layers
        Number of symmetry-equivalent layers.
    vacuum_angstrom
        Cell height less the extent of the atoms along z, A.
    flipped
        True if turned upside down (about an in-plane axis: no mirroring).
    variant
        "stoichiometric", "symmetric top", "symmetric bottom" (both faces alike, the composition
        not that of the bulk), or "reconstructed" (Tasker: charge moved from face to face).
    stoichiometric
        True if the composition is that of the bulk.
    dipole_e_angstrom
        Formal-charge dipole along z in one surface cell about the middle of the atoms, e A; 0 for
        metals and alloys; nan where charges are unknown and no symmetry forbids a dipole.
    net_charge_e
        Sum of the formal charges in one surface cell, e: not zero for some nonstoichiometric slabs,
        nan for these where charges are unknown.
    charges_e
        Formal charges of the atoms, e, (n,); None for metals and alloys and where unknown.
    basis
        Rows: the cell's a, b and a vector from layer to layer, in primitive lattice vectors of the
        crystal, (3, 3) integers. The array `IMAGES` of `atoms` holds for each atom that of the
        crystal of which it is an image, and the translation, (n, 4) integers.
    """

    atoms: Atoms
    termination: Termination
    layers: float
    vacuum_angstrom: float
    flipped: bool
    variant: str
    stoichiometric: bool
    dipole_e_angstrom: float
    net_charge_e: float
    charges_e: NDArray[np.float64] | None = None
    basis: NDArray[np.int64] | None = None

    def __repr__(self) -> str:
        return short_repr(
            self,
            f"{formula(self.atoms.numbers)} {self.label}",
            f"{len(self.atoms)} atoms",
            f"{self.area_angstrom2:.1f} A2",
            f"vacuum {self.vacuum_angstrom:.1f} A",
            "" if self.caution is None else f"{'polar, ' if self.polar else ''}see .caution",
        )

    def _repr_html_(self) -> str:
        return html_facts(
            f"Slab {self.termination.facet.crystal.formula} {self.label}",
            {
                "atoms": f"{formula(self.atoms.numbers)}, {len(self.atoms)}",
                "layers": f"{self.layers:g}",
                "thickness": f"{self.thickness_angstrom:.1f} Å",
                "vacuum": f"{self.vacuum_angstrom:.1f} Å",
                "area": f"{self.area_angstrom2:.1f} Å²",
                "stoichiometric": "yes" if self.stoichiometric else "no",
                "dipole": f"{self.dipole_e_angstrom:.2f} e Å",
                "caution": self.caution or "",
            },
        )

    @property
    def miller(self) -> Miller:
        """Plane in the cell as given."""
        return self.termination.miller

    @property
    def label(self) -> str:
        """Label of the termination, with what was done to it: ``(001)-1``, ``(001)-1 flipped``."""
        words = [self.termination.label]
        if self.variant != "stoichiometric":
            words.append(self.variant)
        if self.flipped:
            words.append("flipped")
        return " ".join(words)

    @property
    def thickness_angstrom(self) -> float:
        """Extent of the atoms along z, A."""
        return float(np.ptp(self.atoms.positions[:, 2]))

    @property
    def area_angstrom2(self) -> float:
        """Area of the surface cell, A^2."""
        return float(np.linalg.det(self.surface_cell))

    @property
    def polar(self) -> bool | None:
        """Whether the slab as built has a dipole (more than 1e-3 e/A2 of compensating charge).

        None where the formal charges are unknown and no symmetry forbids one.
        """
        if math.isnan(self.dipole_e_angstrom):
            return None
        limit = 1e-3 * self.area_angstrom2 * max(self.thickness_angstrom, 1.0)
        return abs(self.dipole_e_angstrom) > limit

    @property
    def caution(self) -> str | None:
        """What this slab cannot claim, being polar or for want of formal charges, or None."""
        facet = self.termination.facet
        if self.polar and self.termination.polar:
            return (
                f"{self.label} is polar, with a dipole of {abs(self.dipole_e_angstrom):.1f} e A in "
                "the surface cell: its energy grows with the thickness and depends on the vacuum; "
                "take a termination that is not polar (natriface surfaces lists them), or set "
                "symmetric or reconstruct"
            )
        if not facet.crystal.charges_unknown:
            return None
        known = (
            "its faces are alike, so it has no dipole"
            if self.polar is False
            else ("whether it is polar is unknown")
        )
        return (
            f"no formal charges are known that balance {formula(facet.crystal.numbers)}: {known}; "
            "give charges (element: e) to have its polarity"
        )

    @property
    def surface_cell(self) -> NDArray[np.float64]:
        """In-plane cell, rows, A, (2, 2)."""
        return np.asarray(self.atoms.cell)[:2, :2]

    @cached_property
    def operations(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Symmetry of the slab that keeps its upper face up.

        Returns
        -------
        (k, 2, 2) integers, (k, 2) array
            Point parts acting on rows of the surface cell, ``P @ cell``, and the translations in
            fractions of it.
        """
        data = spglib.get_symmetry(
            spglib_cell(self.atoms.cell, self.atoms.get_scaled_positions(), self.atoms.numbers),
            SYMPREC_ANGSTROM,
        )
        if data is None:
            return np.eye(2, dtype=np.int64)[None], np.zeros((1, 2))
        upright = [
            (w[:2, :2].T, t[:2])
            for w, t in zip(data["rotations"], data["translations"], strict=True)
            if w[2, 2] == 1 and not w[2, :2].any() and abs(t[2] - round(t[2])) < 1e-3
        ]
        points, shifts = zip(*upright, strict=True)
        return np.array(points, dtype=np.int64), np.array(shifts, dtype=float)

    @property
    def surface_operations(self) -> NDArray[np.int64]:
        """Distinct point operations, (k, 2, 2): rows of the cell go to ``P @ cell``."""
        return np.unique(self.operations[0], axis=0)

    @property
    def id(self) -> str:
        """Content hash of the atoms."""
        return structure_id(self.atoms)

    def with_atoms(
        self, atoms: Atoms, variant: str, charges_e: NDArray[np.float64] | None = None
    ) -> Slab:
        """The same slab with other atoms in the same cell (doped, decorated), and its new name.

        Parameters
        ----------
        atoms
            The changed slab.
        variant
            What was done to it, for the label.
        charges_e
            Formal charges of the atoms, (n,), e. If omitted they are found from composition and
            bonds; dipole and net charge are nan where that fails, 0 for metals and alloys.

        Raises
        ------
        StructureError
            If the cell differs.
        """
        if not np.allclose(np.asarray(atoms.cell), np.asarray(self.atoms.cell), atol=1e-6):
            raise StructureError("the changed slab must keep the cell of the slab it came from")
        charges = formal_charges_of(atoms) if charges_e is None else charges_e
        without = 0.0 if is_metal(atoms.get_chemical_symbols()) else math.nan
        z = atoms.positions[:, 2]
        return replace(
            self,
            atoms=atoms,
            variant=variant,
            vacuum_angstrom=float(atoms.cell[2, 2] - np.ptp(z)),
            stoichiometric=_same_composition(atoms.numbers, self.termination.facet.crystal.numbers),
            dipole_e_angstrom=(
                without if charges is None else float(charges @ (z - (z.min() + z.max()) / 2))
            ),
            net_charge_e=without if charges is None else float(charges.sum()),
            charges_e=charges,
        )

    def describe(self) -> dict[str, Any]:
        """A JSON-able summary."""
        return {
            "id": self.id,
            "label": self.label,
            "miller": list(self.miller),
            "termination": self.termination.describe(),
            "variant": self.variant,
            "flipped": self.flipped,
            "layers": self.layers,
            "formula": formula(self.atoms.numbers),
            "n_atoms": len(self.atoms),
            "thickness_angstrom": self.thickness_angstrom,
            "vacuum_angstrom": self.vacuum_angstrom,
            "area_angstrom2": self.area_angstrom2,
            "stoichiometric": self.stoichiometric,
            "polar": self.polar,
            "dipole_e_angstrom": number_or_none(self.dipole_e_angstrom),
            "net_charge_e": number_or_none(self.net_charge_e),
            "caution": self.caution,
        }


def build_slab(
    termination: Termination,
    *,
    thickness_angstrom: float | None = None,
    layers: int | None = None,
    vacuum_angstrom: float = 20.0,
    symmetric: Literal["top", "bottom"] | None = None,
    reconstruct: bool = False,
    complete_polyhedra: bool = True,
    flip: bool = False,
    frozen_angstrom: float = 0.0,
    frozen_region: FrozenRegion = "bottom",
    max_atoms: int = MAX_ATOMS,
) -> Slab:
    """A slab of a termination.

    Parameters
    ----------
    termination
        From `find_terminations`.
    thickness_angstrom
        The slab is the thinnest whose layers add up to at least this, A.
    layers
        Number of layers of height `Termination.layer_angstrom`, instead of a thickness.
    vacuum_angstrom
        Cell height less the extent of the atoms, exactly, A.
    symmetric
        Make both faces alike by cutting at the mirror cut of the termination: "top" keeps the upper
        face and repeats it below, "bottom" the other way. Such a slab has no dipole, and in general
        not the composition of the bulk.
    reconstruct
        Quench the dipole of a polar slab (Tasker class III) by moving outermost units of the charge
        `Termination.compensating_charge_e` to the opposite face; the surface cell is enlarged where
        a cell does not hold the right charge.
    complete_polyhedra
        Where the plane cuts an endless covalent network (quartz): True gives every centre all its
        ligands, so that SiO4 stays SiO4 and the slab is rich in O; False keeps the composition of
        the bulk and leaves dangling bonds.
    flip
        Turn the slab upside down (by a rotation), so that its lower face looks up.
    frozen_angstrom, frozen_region
        Freeze the units within this depth of the bottom or top, or this band about the middle, A;
        see `freeze`.
    max_atoms
        Refuse to build more atoms.

    Raises
    ------
    StructureError
        If the request is contradictory, impossible for this termination, or too large.

    Examples
    --------
    >>> from natriface.structures import build_slab, find_terminations, load_phase
    >>> cut = find_terminations(load_phase("NaF"), (1, 0, 0))[0]
    >>> build_slab(cut, layers=3, vacuum_angstrom=15)
    Slab(Na3F3 (100)-1, 6 atoms, 11.0 A2, vacuum 15.0 A)
    """
    require_kind(termination, Termination, "find_terminations")
    facet = termination.facet
    count = _layer_count(termination, thickness_angstrom, layers)
    require_gap(vacuum_angstrom, "vacuum")
    if symmetric not in (None, "top", "bottom"):
        raise StructureError(f"symmetric {symmetric!r}: 'top', 'bottom' or None")
    if symmetric and reconstruct:
        raise StructureError("choose one of symmetric and reconstruct, not both")
    expected = math.ceil(len(facet.crystal.numbers) * count / facet.steps_per_period)
    if expected > max_atoms:
        raise StructureError(
            f"a slab {termination.label} with layers={count} has about {expected} atoms, more than "
            f"max_atoms={max_atoms}: ask for a thinner slab or raise max_atoms"
        )
    low, high = termination.cut, termination.cut + count / facet.steps_per_period
    variant = "stoichiometric"
    if symmetric and not termination.symmetric:
        low, high = symmetric_cuts(termination, low, high, symmetric)
        variant = f"symmetric {symmetric}"
    block = assemble(facet, low, high, complete=complete_polyhedra)
    if reconstruct and not termination.nonpolar:
        _require_charges(termination)
        block = reconstruct_block(block, termination, low, high)
        variant = "reconstructed"
    atoms, charges = _finish(block, vacuum_angstrom, flip)
    stoichiometric = _same_composition(block.numbers, facet.crystal.numbers)
    dipole = (-1.0 if flip else 1.0) * block.dipole_e_angstrom
    net_charge = float(block.charges.sum())
    if facet.crystal.charges_unknown:
        dipole = 0.0 if termination.symmetric or symmetric else math.nan
        net_charge = 0.0 if stoichiometric else math.nan
    return Slab(
        atoms=held_units(atoms, frozen_angstrom, frozen_region, charges),
        termination=termination,
        layers=round((high - low) * facet.steps_per_period, 9),
        vacuum_angstrom=float(vacuum_angstrom),
        flipped=flip,
        variant=variant,
        stoichiometric=stoichiometric,
        dipole_e_angstrom=dipole,
        net_charge_e=net_charge,
        charges_e=charges,
        basis=_basis(block, flip),
    )


def _basis(block: Block, flip: bool) -> NDArray[np.int64]:
    """Rows of the slab's cell, the third from layer to layer, in primitive lattice vectors."""
    basis = block.facet.basis.copy()
    basis[:2] = block.supercell @ basis[:2]
    if flip:  # as `_finish` turns it
        basis[1:] *= -1
    return basis


def _require_charges(termination: Termination) -> None:
    crystal = termination.facet.crystal
    if crystal.charges_unknown:
        raise StructureError(
            f"{termination.label}: no formal charges are known that balance "
            f"{formula(crystal.numbers)}, so there is no dipole to quench: give charges "
            "(element: e), or symmetric='top'"
        )


def layers_for(termination: Termination, thickness_angstrom: float) -> int:
    """The fewest layers that add up to at least a thickness, A.

    Examples
    --------
    >>> from natriface.structures import find_terminations, layers_for, load_phase
    >>> cut = find_terminations(load_phase("NaF"), (1, 0, 0))[0]
    >>> layers_for(cut, 10)
    5
    """
    if not (isinstance(thickness_angstrom, Real) and 0 < thickness_angstrom < math.inf):
        raise StructureError(
            f"the thickness must be positive and finite, got {thickness_angstrom!r} A"
        )
    return max(1, math.ceil(thickness_angstrom / termination.layer_angstrom - 1e-6))


def _layer_count(
    termination: Termination, thickness_angstrom: float | None, layers: int | None
) -> int:
    if (thickness_angstrom is None) == (layers is None):
        raise StructureError("give either thickness_angstrom or layers")
    if layers is not None:
        number = isinstance(layers, Real) and math.isfinite(layers)
        if not number or layers != int(layers) or layers < 1:
            raise StructureError(f"layers must be a whole number of at least 1, got {layers!r}")
        return int(layers)
    assert thickness_angstrom is not None
    return layers_for(termination, thickness_angstrom)


def _finish(
    block: Block, vacuum_angstrom: float, flip: bool
) -> tuple[Atoms, NDArray[np.float64] | None]:
    positions, cell2 = block.positions, block.cell
    angle = math.atan2(cell2[0, 1], cell2[0, 0])
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    cell2 = np.array([[np.hypot(*cell2[0]), 0.0], cell2[1] @ turn])
    positions[:, :2] = positions[:, :2] @ turn
    if flip:  # half a turn about x, then a right-handed cell again
        positions = positions * np.array([1.0, -1.0, -1.0])
        cell2 = np.array([cell2[0], [-cell2[1, 0], cell2[1, 1]]])
    z = positions[:, 2]
    height = float(np.ptp(z)) + vacuum_angstrom
    if height < 1e-3:
        raise StructureError(
            "a slab of one atomic plane needs vacuum: its cell would have no height"
        )
    cell = np.zeros((3, 3))
    cell[:2, :2] = cell2
    cell[2, 2] = height
    positions = positions - [0.0, 0.0, z.min() - vacuum_angstrom / 2]
    inplane = np.linalg.solve(cell2.T, positions[:, :2].T).T
    inplane -= np.floor(inplane + 1e-9)
    positions[:, :2] = inplane @ cell2
    order = _species_order(block.numbers, positions, inplane)
    atoms = Atoms(
        numbers=block.numbers[order], positions=positions[order], cell=cell, pbc=(True, True, True)
    )
    images = np.column_stack([block.atom, block.shift @ block.facet.basis])
    atoms.set_array(IMAGES, images[order])
    known = block.facet.crystal.charges is not None
    return atoms, block.charges[order] if known else None


def _species_order(
    numbers: NDArray[np.int64], positions: NDArray[np.float64], inplane: NDArray[np.float64]
) -> NDArray[np.intp]:
    """By element as in `formula`, then from the bottom up."""
    rank = {z: k for k, z in enumerate(element_order(numbers))}
    element = np.array([rank[int(z)] for z in numbers])
    height, first, second = (
        np.round(v, 4) for v in (positions[:, 2], inplane[:, 0], inplane[:, 1])
    )
    return np.lexsort((second, first, height, element))


def _same_composition(one: NDArray[np.int64], other: NDArray[np.int64]) -> bool:
    species = np.unique(np.concatenate([one, other]))
    counts = [[int((n == z).sum()) for z in species] for n in (one, other)]
    return all(
        a * d == b * c for (a, c), (b, d) in itertools.combinations(zip(*counts, strict=True), 2)
    )

"""Blocks: the atoms of a crystal between two cuts, before they stand in a slab's cell."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Literal

import numpy as np

from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.errors import StructureError
from natriface.structures.surfaces.planes import suggestion
from natriface.structures.surfaces.supercells import hermite_normal_forms
from natriface.structures.surfaces.surface_cell import Facet, gauss_reduce, lattice_points
from natriface.structures.surfaces.terminations import SAME_PHASE_ANGSTROM, Termination

LARGEST_RECONSTRUCTION = 4
"""Surface cells tried, at most, to find the charge that quenches a dipole."""

LARGEST_CHOICE = 200_000
"""Subsets of outermost units tried, at most, for one reconstruction."""


@dataclass(frozen=True, eq=False)
class Block:
    """Atoms of a crystal, each a home atom and a lattice translation in the facet's basis.

    Attributes
    ----------
    facet
        Crystal and plane.
    atom, shift
        Home atom, (n,), and translation, (n, 3).
    unit, step
        Unit of each atom and the period in which it stands, (n,); step 0 is the first period above
        the lower cut. Ligands added to complete a polyhedron have unit -1.
    supercell
        In-plane cell in units of the facet's, (2, 2) integers.
    """

    facet: Facet
    atom: IntArray
    shift: IntArray
    unit: IntArray
    step: IntArray
    supercell: IntArray

    @property
    def positions(self) -> FloatArray:
        """Cartesian positions in the facet's frame, A, (n, 3)."""
        return np.asarray((self.facet.fractional[self.atom] + self.shift) @ self.facet.lattice)

    @property
    def numbers(self) -> IntArray:
        """Atomic numbers, (n,)."""
        return np.asarray(self.facet.crystal.numbers[self.atom])

    @property
    def charges(self) -> FloatArray:
        """Formal charges, e, (n,); zero for metals and alloys, and where they are unknown."""
        charges = self.facet.crystal.charges
        return np.zeros(len(self.atom)) if charges is None else charges[self.atom]

    @property
    def cell(self) -> FloatArray:
        """In-plane cell, rows, A, (2, 2)."""
        return np.asarray(self.supercell @ self.facet.surface_cell)

    @property
    def dipole_e_angstrom(self) -> float:
        """Formal-charge dipole along the normal in one cell, e A, about the middle of the atoms."""
        height = self.positions[:, 2]
        return float(self.charges @ (height - (height.min() + height.max()) / 2))


def assemble(facet: Facet, low: float, high: float, *, complete: bool = True) -> Block:
    """All units whose phases lie between two cuts.

    Parameters
    ----------
    complete
        Where the plane cuts a covalent network: give every centre all its ligands (True), or keep
        the composition of the bulk and leave dangling bonds (False).
    """
    phase = facet.unit_phase
    first = np.ceil(low - phase).astype(np.int64)
    count = np.ceil(high - phase).astype(np.int64) - first
    complete = complete and facet.split
    if complete:
        count = np.where(facet.placing, count, 0)
    steps = np.arange(int(count.max()))
    unit = np.repeat(np.arange(len(phase)), count)
    step = np.concatenate([steps[:c] for c in count]) + first[unit]
    block = _block_of(facet, unit, step)
    return _completed(block) if complete else block


def atoms_in(termination: Termination, layers: float) -> int:
    """Atoms of a slab of so many layers in one surface cell, completed polyhedra included."""
    facet, low = termination.facet, termination.cut
    return len(assemble(facet, low, low + layers / facet.steps_per_period).atom)


def symmetric_cuts(
    termination: Termination, low: float, high: float, keep: Literal["top", "bottom"]
) -> tuple[float, float]:
    """Cuts of the slab nearest in thickness to [low, high] whose faces are both the kept one.

    Raises
    ------
    StructureError
        If no operation of the crystal reverses the plane, or the crystal is too thin.
    """
    fixed = high if keep == "top" else low
    mirrors = [shift - fixed for sign, shift in termination.facet.phase_operations if sign < 0]
    if not mirrors:
        others = suggestion(
            termination.facet.crystal,
            lambda other: any(sign < 0 for sign, _ in other.facet.phase_operations),
        )
        raise StructureError(
            f"no operation of the crystal reverses {termination.label}: its two faces cannot be "
            f"made alike; use reconstruct=True or another plane ({others})"
        )
    wanted = low if keep == "top" else high
    nearest = min((m + round(wanted - m) for m in mirrors), key=lambda m: abs(m - wanted))
    if abs(nearest - fixed) < 1e-6 or (nearest > fixed) == (keep == "top"):
        nearest += -1.0 if keep == "top" else 1.0
    return (nearest, fixed) if keep == "top" else (fixed, nearest)


def reconstruct(block: Block, termination: Termination, low: float, high: float) -> Block:
    """Quench the dipole of a block by moving outermost units to the opposite face.

    A unit that leaves the upper face is put on the site that continues the crystal below the lower
    one (and the reverse), so that charge Q moved by the height H changes the dipole by Q H and the
    composition stays. The charge to move, dipole / H, is that of
    `Termination.compensating_charge_e`: for two alternating planes this is Tasker's half of the
    outermost ions. The smallest surface cell, the outermost planes and the fewest units that give
    the charge are taken, as far from each other as they can be.

    Raises
    ------
    StructureError
        If no set of units within `LARGEST_RECONSTRUCTION` surface cells has the charge.
    """
    facet = block.facet
    if facet.split:
        raise StructureError(
            f"{termination.label} cuts an endless covalent network, whose faces cannot exchange "
            "units: use symmetric='top' or another plane "
            f"({suggestion(facet.crystal, lambda other: other.intact)})"
        )
    charges = np.zeros(0) if facet.crystal.charges is None else facet.crystal.charges
    unit_charge = np.asarray(np.bincount(facet.units.unit_of, weights=charges), dtype=float)
    for planes, cells in itertools.product((1, 2), range(1, LARGEST_RECONSTRUCTION + 1)):
        wanted = cells * termination.compensating_charge_e
        if abs(wanted - round(wanted)) > 0.02:
            continue
        best: tuple[int, Block] | None = None
        for upward in (False, True):
            outer = _outermost(block, planes, upper=not upward)
            charge = -wanted if upward else wanted
            moved = _charge_subset(block, outer, unit_charge, charge, cells)
            if moved is None:
                continue
            changed = _moved(block, outer, moved, upward, high - low)
            if changed is not None and (best is None or len(moved[1]) < best[0]):
                best = len(moved[1]), changed
        if best is not None:
            return best[1]
    raise StructureError(
        f"{termination.label}: no units of the outermost planes carry the charge of "
        f"{termination.compensating_charge_e:+.3f} e a surface cell that would quench its dipole "
        f"within {LARGEST_RECONSTRUCTION} surface cells; use symmetric='top' or another "
        f"termination ({suggestion(facet.crystal, lambda other: other.nonpolar)})"
    )


def _block_of(facet: Facet, unit: IntArray, step: IntArray) -> Block:
    """The atoms of the given units, each in the given period."""
    members = [np.flatnonzero(facet.units.unit_of == u) for u in range(len(facet.units))]
    atom = np.concatenate([members[u] for u in unit])
    sizes = [len(members[u]) for u in unit]
    steps = np.repeat(step, sizes)
    shift = facet.units.offset[atom].copy()
    shift[:, 2] += steps
    return Block(facet, atom, shift, np.repeat(unit, sizes), steps, np.eye(2, dtype=np.int64))


def _completed(block: Block) -> Block:
    facet = block.facet
    units = facet.crystal.units
    image = units.bonds.image @ np.rint(np.linalg.inv(facet.basis)).astype(np.int64)
    present = {(int(a), int(s)) for a, s in zip(block.atom, block.shift[:, 2], strict=True)}
    added: dict[tuple[int, int], IntArray] = {}
    for atom, shift in zip(block.atom, block.shift, strict=True):
        if units.ligand[atom]:
            continue
        for bond in np.flatnonzero(units.bonds.first == atom):
            partner = int(units.bonds.second[bond])
            place = shift + image[bond]
            key = (partner, int(place[2]))
            if units.ligand[partner] and key not in present:
                added.setdefault(key, place)
    if not added:
        return block
    lone = np.full(len(added), -1)
    return Block(
        facet,
        np.concatenate([block.atom, np.array([a for a, _ in added], dtype=np.int64)]),
        np.concatenate([block.shift, np.array(list(added.values()))]),
        np.concatenate([block.unit, lone]),
        np.concatenate([block.step, lone]),
        block.supercell,
    )


def _outermost(block: Block, planes: int, *, upper: bool) -> IntArray:
    """(unit, step) of the units in the outermost planes of a face, (k, 2)."""
    whole = block.unit >= 0
    sites = np.unique(np.stack([block.unit[whole], block.step[whole]], axis=1), axis=0)
    phase = block.facet.unit_phase[sites[:, 0]] + sites[:, 1]
    depth = (phase.max() - phase if upper else phase - phase.min()) * block.facet.spacing_angstrom
    order = np.argsort(depth, kind="stable")
    ends = np.flatnonzero(np.diff(depth[order]) > 5 * SAME_PHASE_ANGSTROM) + 1
    last = ends[planes - 1] if planes <= len(ends) else len(order)
    return np.asarray(sites[order[:last]])


def _charge_subset(
    block: Block, outer: IntArray, unit_charge: FloatArray, wanted: float, cells: int
) -> tuple[IntArray, list[tuple[int, int]]] | None:
    """A supercell of so many cells and the (site, cell) pairs to move, or None."""
    facet = block.facet
    charge = unit_charge[outer[:, 0]]
    matrices = [
        gauss_reduce(form @ facet.surface_cell)[1] @ form
        for form in hermite_normal_forms(cells)
        if form[0, 0] * form[1, 1] == cells
    ]
    slots = [(site, cell) for cell in range(cells) for site in range(len(outer))]
    tried = 0
    for size in range(1, len(slots) + 1):
        best: tuple[float, IntArray, list[tuple[int, int]]] | None = None
        for choice in itertools.combinations(slots, size):
            tried += 1
            if tried > LARGEST_CHOICE:
                return None if best is None else best[1:]
            if abs(sum(charge[site] for site, _ in choice) - wanted) > 0.02:
                continue
            for matrix in matrices:
                spread = _spread(block, outer, choice, matrix)
                if best is None or spread > best[0] + 1e-6:
                    best = spread, matrix, list(choice)
        if best is not None:
            return best[1:]
    return None


def _spread(
    block: Block, outer: IntArray, choice: tuple[tuple[int, int], ...], matrix: IntArray
) -> float:
    """Shortest in-plane distance among the moved units and their images, A."""
    facet = block.facet
    core = np.array([np.flatnonzero(facet.units.unit_of == u)[0] for u in outer[:, 0]])
    points = lattice_points(matrix)
    cell = matrix @ facet.surface_cell
    places = np.array([facet.fractional[core[s], :2] + points[c] for s, c in choice])
    delta = (places[:, None] - places[None, :]) @ np.linalg.inv(matrix)
    images = np.array(list(itertools.product((-1, 0, 1), repeat=2)))
    lengths = np.linalg.norm((delta[:, :, None, :] + images) @ cell, axis=-1)
    return float(lengths[lengths > 1e-6].min())


def _moved(
    block: Block,
    outer: IntArray,
    moved: tuple[IntArray, list[tuple[int, int]]],
    upward: bool,
    height: float,
) -> Block | None:
    """The block in its supercell with the chosen units on the other side."""
    facet = block.facet
    matrix, choice = moved
    points = lattice_points(matrix)
    taken: set[tuple[int, int, int]] = set()
    new_units: list[tuple[int, int, int]] = []
    for site, cell in choice:
        unit, step = int(outer[site, 0]), int(outer[site, 1])
        taken.add((unit, step, cell))
        phase = facet.unit_phase[unit] + step + (height if upward else -height)
        partner = _site_at(facet, unit, phase, {(u, s) for u, s, c in new_units if c == cell})
        if partner is None:
            return None
        new_units.append((*partner, cell))
    pieces = []
    for cell, point in enumerate(points):
        gone = {(u, s) for u, s, c in taken if c == cell}
        stays = np.array(
            [(int(u), int(s)) not in gone for u, s in zip(block.unit, block.step, strict=True)]
        )
        added = [(u, s) for u, s, c in new_units if c == cell]
        parts = [(block.atom[stays], block.shift[stays], block.unit[stays], block.step[stays])]
        if added:
            extra = _block_of(facet, *(np.array(v) for v in zip(*added, strict=True)))
            parts.append((extra.atom, extra.shift, extra.unit, extra.step))
        for atom, shift, unit_, step_ in parts:
            sideways = np.array([point[0], point[1], 0])
            pieces.append((atom, shift + sideways, unit_, step_))
    atom, shift, units, steps = (np.concatenate(part) for part in zip(*pieces, strict=True))
    return Block(facet, atom, shift, units, steps, matrix)


def _site_at(
    facet: Facet, unit: int, phase: float, used: set[tuple[int, int]]
) -> tuple[int, int] | None:
    """A unit of the same formula at a phase, as (unit, step)."""
    tolerance = SAME_PHASE_ANGSTROM / facet.spacing_angstrom
    for other in [unit, *range(len(facet.units))]:
        step = round(phase - float(facet.unit_phase[other]))
        near = abs(facet.unit_phase[other] + step - phase) < tolerance
        alike = facet.units.formulas[other] == facet.units.formulas[unit]
        if near and alike and (other, step) not in used:
            return other, step
    return None

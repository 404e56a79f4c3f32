"""Interfaces: two slabs, a match, a gap and a registry; with both reference slabs beside them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from ase import Atoms
from ase.constraints import FixAtoms
from ase.data import covalent_radii

from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.atom_tags import FILM_TAG, SUBSTRATE_TAG, roles
from natriface.structures.base.atoms import Structure, atoms_of, fixed_indices, structure_id
from natriface.structures.base.bounds import require_gap
from natriface.structures.base.errors import StructureError, require_kind
from natriface.structures.base.reprs import html_facts, short_repr
from natriface.structures.chemistry.polyanions import formula
from natriface.structures.chemistry.radii import touching_distances, van_der_waals_distances
from natriface.structures.interfaces.matching import Match
from natriface.structures.interfaces.registries import distinct_registries
from natriface.structures.surfaces.carrying import OVERLAP_RATIO, supercell_sites
from natriface.structures.surfaces.slabs import IMAGES, Slab

__all__ = [
    "FILM_TAG",
    "SUBSTRATE_TAG",
    "Interface",
    "build_interface",
    "contact_gap",
    "distinct_registries",
    "gap_scan",
    "registry_scan",
    "shortest_contact",
]


MAX_ATOMS = 1000
"""Default limit on the atoms of one interface."""


@dataclass(frozen=True, eq=False)
class Interface:
    """A film on a substrate, and the two reference slabs in the same strained cell.

    Attributes
    ----------
    atoms
        Substrate atoms, then film atoms, tagged `SUBSTRATE_TAG` and `FILM_TAG`, to which the role
        of dopants and adatoms is added (see `tags`).
    substrate_atoms, film_atoms
        The two sides alone, where they stand in the interface: same cell, same order.
    n_contacts
        Contacts in the cell: 1 with vacuum, 2 in a periodic sandwich.
    gap_angstrom
        Height of the lowest film atom above the highest substrate atom, A.
    registry
        In-plane shift of the film in fractions of the (strained) substrate surface cell.
    vacuum_angstrom
        Cell height less the extent of the atoms, A; 0 in a sandwich.
    """

    atoms: Atoms
    substrate_atoms: Atoms
    film_atoms: Atoms
    substrate: Slab
    film: Slab
    match: Match
    n_contacts: int
    gap_angstrom: float
    registry: tuple[float, float]
    vacuum_angstrom: float

    def __repr__(self) -> str:
        return short_repr(
            self,
            self.label,
            f"{len(self.atoms)} atoms",
            f"{self.area_angstrom2:.1f} A2",
            f"strain {100 * self.max_strain:.2f} %",
        )

    def _repr_html_(self) -> str:
        return html_facts(
            f"Interface {self.label}",
            {
                "atoms": f"{formula(self.atoms.numbers)}, {len(self.atoms)}",
                "area of a contact": f"{self.area_angstrom2:.1f} Å²",
                "contacts": str(self.n_contacts),
                "largest strain": f"{100 * self.max_strain:.2f} %",
                "gap": f"{self.gap_angstrom:.2f} Å",
                "registry": "{:.2f}, {:.2f}".format(*self.registry),
                "vacuum": f"{self.vacuum_angstrom:.1f} Å",
            },
        )

    @property
    def area_angstrom2(self) -> float:
        """Area of one contact, A^2."""
        return float(np.linalg.det(np.asarray(self.atoms.cell)[:2, :2]))

    @property
    def substrate_strain(self) -> tuple[float, float]:
        """Principal strains of the substrate."""
        return self.match.substrate_strains

    @property
    def film_strain(self) -> tuple[float, float]:
        """Principal strains of the film."""
        return self.match.film_strains

    @property
    def max_strain(self) -> float:
        """Largest absolute principal strain of the map film -> substrate."""
        return self.match.max_strain

    @cached_property
    def id(self) -> str:
        """Content hash of the atoms, cell, tags and frozen atoms."""
        return structure_id(self.atoms)

    @property
    def label(self) -> str:
        """``NaF (100)-1 | Na3Zr2Si2PO12 (001)-2``: film on substrate."""
        return (
            f"{self.film.termination.facet.crystal.formula} {self.film.label} | "
            f"{self.substrate.termination.facet.crystal.formula} {self.substrate.label}"
        )

    def side(self, side: Literal["substrate", "film"]) -> Atoms:
        """One of the two sides alone."""
        return self.substrate_atoms if side == "substrate" else self.film_atoms

    def metadata(self) -> dict[str, Any]:
        """All that a report needs, JSON-able: ids, labels, area, contacts, strains, gap, counts."""
        return {
            "id": self.id,
            "label": self.label,
            "formula": formula(self.atoms.numbers),
            "n_atoms": len(self.atoms),
            "n_substrate_atoms": len(self.substrate_atoms),
            "n_film_atoms": len(self.film_atoms),
            "substrate_reference_id": structure_id(self.substrate_atoms),
            "film_reference_id": structure_id(self.film_atoms),
            "substrate": self.substrate.describe(),
            "film": self.film.describe(),
            "match": self.match.describe(),
            "cell_angstrom": np.asarray(self.atoms.cell).tolist(),
            "area_angstrom2": self.area_angstrom2,
            "n_contacts": self.n_contacts,
            "gap_angstrom": self.gap_angstrom,
            "registry": list(self.registry),
            "vacuum_angstrom": self.vacuum_angstrom,
            "substrate_strain": list(self.substrate_strain),
            "film_strain": list(self.film_strain),
            "max_strain": self.max_strain,
            "shortest_contact_angstrom": self.shortest_contact_angstrom,
            "n_frozen": len(fixed_indices(self.atoms)),
            "stoichiometric": self.substrate.stoichiometric and self.film.stoichiometric,
        }

    @property
    def shortest_contact_angstrom(self) -> float:
        """Shortest distance between a substrate and a film atom, A."""
        return shortest_contact(self.substrate_atoms, self.film_atoms)[0]

    @property
    def in_contact(self) -> bool:
        """Whether two atoms across it touch, or are within the sum of their van der Waals radii."""
        lower, upper = self.substrate_atoms, self.film_atoms
        of = lower.numbers, upper.numbers
        reach = np.maximum(touching_distances(*of), van_der_waals_distances(*of))
        # a radius that nobody knows tells nothing against it
        return not np.all(_distances(lower, upper) > reach)


def build_interface(
    substrate: Slab,
    film: Slab,
    match: Match,
    *,
    gap_angstrom: float | None = None,
    registry: Sequence[float] = (0.0, 0.0),
    vacuum_angstrom: float = 20.0,
    contacts: int = 1,
    max_atoms: int = MAX_ATOMS,
    overlap_ratio: float = OVERLAP_RATIO,
) -> Interface:
    """Put a film on a substrate.

    Heights are not changed by the in-plane strain. Frozen atoms of both slabs stay frozen.

    Parameters
    ----------
    substrate, film
        From `build_slab`; the upper face of the substrate meets the lower face of the film.
    match
        From `find_matches` of these two slabs or of their terminations.
    gap_angstrom
        Height of the lowest film atom above the highest substrate atom, A. If omitted, the film is
        lowered until the first two atoms touch (see `contact_gap`).
    registry
        In-plane shift of the film in fractions of the substrate surface cell.
    vacuum_angstrom
        Cell height less the extent of the atoms, exactly, A; with two contacts there is none.
    contacts
        1: one contact and vacuum. 2: a periodic sandwich, the gap the same on both sides.
    overlap_ratio
        Atoms across the contact must not be closer than this times their covalent radii.

    Raises
    ------
    StructureError
        If the match belongs to other cells, atoms overlap, or there are more than `max_atoms`.

    Examples
    --------
    >>> from natriface.structures import build_interface, build_slab
    >>> from natriface.structures import find_matches, find_terminations, load_phase
    >>> NaF, NaCl = (build_slab(find_terminations(load_phase(name), (1, 0, 0))[0], layers=2)
    ...              for name in ("NaF", "NaCl"))
    >>> match = find_matches(NaCl, NaF, max_area_angstrom2=200, max_strain=0.04)[0]
    >>> interface = build_interface(NaCl, NaF, match)
    >>> len(interface.atoms) == len(interface.substrate_atoms) + len(interface.film_atoms)
    True
    """
    if contacts not in (1, 2):
        raise StructureError(f"contacts must be 1 (with vacuum) or 2 (sandwich), got {contacts}")
    require_gap(vacuum_angstrom, "vacuum")
    require_gap(gap_angstrom or 0.0, "gap")
    if len(registry) != 2 or not all(map(math.isfinite, registry)):
        raise StructureError(f"a registry is two finite fractions of the cell, got {registry}")
    _require_same_cells(substrate, film, match)
    n_atoms = len(substrate.atoms) * match.substrate_cells + len(film.atoms) * match.film_cells
    if n_atoms > max_atoms:
        raise StructureError(
            f"the interface would have {n_atoms} atoms, more than max_atoms={max_atoms}: choose a "
            f"smaller match than {match.area_angstrom2:.0f} A2, thinner slabs, or raise max_atoms"
        )
    common = np.array(match.cell)
    lower = _supercell(substrate.atoms, np.array(match.substrate_matrix), common)
    upper = _supercell(film.atoms, np.array(match.film_matrix), common)
    shift = np.linalg.solve(np.array(match.substrate_matrix), common).T @ np.asarray(
        registry, dtype=float
    )
    upper.positions[:, :2] += shift
    upper.positions[:, :2] = _wrapped(upper.positions[:, :2], common)
    if gap_angstrom is None:
        gap_angstrom = contact_gap(lower, upper)
    heights = float(np.ptp(lower.positions[:, 2])), float(np.ptp(upper.positions[:, 2]))
    if contacts == 1:
        extent = sum(heights) + gap_angstrom
        base, height = vacuum_angstrom / 2, extent + vacuum_angstrom
    else:
        base, height = gap_angstrom / 2, sum(heights) + 2 * gap_angstrom
    lower.positions[:, 2] += base - lower.positions[:, 2].min()
    upper.positions[:, 2] += base + heights[0] + gap_angstrom - upper.positions[:, 2].min()
    for side, tag in ((lower, SUBSTRATE_TAG), (upper, FILM_TAG)):
        side.cell[2] = (0.0, 0.0, height)
        side.set_tags(roles(side) + tag)
    _refuse_overlap(lower, upper, overlap_ratio, gap_angstrom)
    return Interface(
        atoms=_joined(lower, upper),
        substrate_atoms=lower,
        film_atoms=upper,
        substrate=substrate,
        film=film,
        match=match,
        n_contacts=contacts,
        gap_angstrom=float(gap_angstrom),
        registry=(float(registry[0]), float(registry[1])),
        vacuum_angstrom=float(vacuum_angstrom) if contacts == 1 else 0.0,
    )


def gap_scan(
    substrate: Slab, film: Slab, match: Match, gaps_angstrom: Iterable[float], **options: Any
) -> list[Interface]:
    """The same interface at several gaps, A; `options` as in `build_interface`."""
    return [
        build_interface(substrate, film, match, gap_angstrom=gap, **options)
        for gap in gaps_angstrom
    ]


def registry_scan(
    substrate: Slab,
    film: Slab,
    match: Match,
    *,
    spacing_angstrom: float = 1.0,
    **options: Any,
) -> list[Interface]:
    """The same interface at all symmetry-distinct registries of a grid; `options` as above."""
    return [
        build_interface(substrate, film, match, registry=registry, **options)
        for registry in distinct_registries(substrate, film, match, spacing_angstrom)
    ]


def contact_gap(substrate: Structure, film: Structure) -> float:
    """Gap at which the film, lowered onto the substrate where it stands, first touches it, A.

    The gap is never less than 0.5 A; see `radii.touching_distances`.
    """
    substrate, film = atoms_of(substrate), atoms_of(film)
    cell = np.asarray(substrate.cell)[:2, :2]
    top = substrate.positions[:, 2].max()
    low = film.positions[:, 2].min()
    reach = touching_distances(substrate.numbers, film.numbers)
    lateral = _lateral_distances(substrate.positions, film.positions, cell, float(reach.max()))
    rise = np.sqrt(np.maximum(reach**2 - lateral**2, 0.0))
    touching = lateral < reach
    depth = (top - substrate.positions[:, 2])[:, None] + (film.positions[:, 2] - low)[None, :]
    gaps = np.where(touching, rise - depth, -np.inf)
    return max(float(gaps.max()), 0.5)


def shortest_contact(substrate: Structure, film: Structure) -> tuple[float, int, int]:
    """Shortest distance between the two sides in their common cell, A, and the two atoms."""
    best = _distances(atoms_of(substrate), atoms_of(film))
    one, other = np.unravel_index(int(best.argmin()), best.shape)
    return float(best.min()), int(one), int(other)


def _distances(substrate: Atoms, film: Atoms) -> FloatArray:
    """Of each atom of one side from the nearest image of each of the other, A, (n, m)."""
    cell = np.asarray(substrate.cell)
    delta = film.positions[None, :, :] - substrate.positions[:, None, :]
    best: FloatArray = np.full(delta.shape[:2], np.inf)
    for i in (-1, 0, 1):
        for j in (-1, 0, 1):
            for k in (-1, 0, 1):
                best = np.minimum(best, np.linalg.norm(delta + np.array([i, j, k]) @ cell, axis=-1))
    return best


def _require_same_cells(substrate: Slab, film: Slab, match: Match) -> None:
    for slab in (substrate, film):
        require_kind(slab, Slab, "build_slab")
    require_kind(match, Match, "find_matches")
    for side, slab, cell in (
        ("substrate", substrate, match.substrate_cell),
        ("film", film, match.film_cell),
    ):
        if not np.allclose(slab.surface_cell, np.array(cell), atol=1e-5):
            raise StructureError(
                f"the match was made for another surface cell than that of the {side} "
                f"{slab.label}: find the match of the very slabs you join (flipped and "
                "reconstructed slabs have cells of their own)"
            )


def _supercell(atoms: Atoms, matrix: IntArray, common: FloatArray) -> Atoms:
    """Copies of a slab filling an in-plane supercell, strained into the common cell."""
    which, points = supercell_sites(atoms.numbers, matrix)
    cell2 = np.asarray(atoms.cell)[:2, :2]
    fraction: FloatArray = np.linalg.solve(cell2.T, atoms.positions[:, :2].T).T
    moved: FloatArray = (fraction[which] + points) @ np.linalg.inv(matrix)
    moved = moved - np.floor(moved + 1e-9)
    positions = atoms.positions[which]
    positions[:, :2] = moved @ common
    cell = np.asarray(atoms.cell).copy()
    cell[:2, :2] = common
    copies = Atoms(
        numbers=atoms.numbers[which],
        positions=positions,
        cell=cell,
        pbc=(True, True, True),
        tags=atoms.get_tags()[which],
    )
    if atoms.has(IMAGES):
        copies.set_array(IMAGES, atoms.get_array(IMAGES)[which])
    held = np.flatnonzero(np.isin(which, fixed_indices(atoms)))
    if len(held):
        copies.set_constraint(FixAtoms(indices=held))
    return copies


def _wrapped(inplane: FloatArray, cell: FloatArray) -> FloatArray:
    fraction = np.linalg.solve(cell.T, inplane.T).T
    fraction -= np.floor(fraction + 1e-9)
    return np.asarray(fraction @ cell)


def _joined(lower: Atoms, upper: Atoms) -> Atoms:
    atoms = lower.copy()
    atoms.set_constraint()
    atoms.extend(upper)
    held = fixed_indices(lower) + [len(lower) + i for i in fixed_indices(upper)]
    atoms.set_constraint([FixAtoms(indices=held)] if held else None)
    return atoms


def _lateral_distances(
    one: FloatArray, other: FloatArray, cell: FloatArray, reach: float
) -> FloatArray:
    """Shortest in-plane distance of every pair, images within `reach` included."""
    heights = np.linalg.det(cell) / np.linalg.norm(cell, axis=1)[::-1]
    spans = [range(-k, k + 1) for k in (np.ceil(reach / heights).astype(int) + 1)]
    delta = other[None, :, :2] - one[:, None, :2]
    delta -= np.rint(delta @ np.linalg.inv(cell)) @ cell  # however far the film has slid
    best: FloatArray = np.full(delta.shape[:2], np.inf)
    for i in spans[0]:
        for j in spans[1]:
            best = np.minimum(best, np.linalg.norm(delta + np.array([i, j]) @ cell, axis=-1))
    return best


def _refuse_overlap(lower: Atoms, upper: Atoms, ratio: float, gap_angstrom: float) -> None:
    distance, i, j = shortest_contact(lower, upper)
    limit = ratio * float(covalent_radii[lower.numbers[i]] + covalent_radii[upper.numbers[j]])
    if distance < limit:
        raise StructureError(
            f"atoms overlap: {lower.symbols[i]} of the substrate and {upper.symbols[j]} of the "
            f"film are {distance:.2f} A apart, less than {limit:.2f} A; widen the gap of "
            f"{gap_angstrom:.2f} A or choose another registry"
        )

"""Terminations: the ways to cut a crystal along a plane without cutting a covalent unit.

Every covalent unit (PO4, SiO4, ...) and every lone ion has one phase across the plane, and a cut
lies half-way between two neighbouring phases. An operation (W, w) of the space group with
h W = +h or -h takes a cut at phase s to +s or -s plus h.w, so equivalent cuts are found from the
space group alone, without building or comparing a slab.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import ArrayLike, NDArray

from natriface.structures.base.atoms import Structure, content_hash
from natriface.structures.base.errors import StructureError
from natriface.structures.base.heights import Side
from natriface.structures.base.reprs import html_facts, short_repr
from natriface.structures.chemistry.bonds import Bonds
from natriface.structures.surfaces.surface_cell import Crystal, Facet, Miller, miller_label

TaskerClass = Literal["none", "I", "II", "III", "unknown"]

SAME_PHASE_ANGSTROM = 0.02
"""Cuts closer than this along the normal are one cut."""

OUTERMOST_ANGSTROM = 0.1
"""Atoms that lie as near to the outermost one along the normal are outermost too."""

SIDES: tuple[Side, Side] = ("top", "bottom")

THROUGH_POLYANIONS = "through polyanions"
"""What the label of a termination says that may cut them."""

POLAR_E_PER_ANGSTROM2 = 1e-3
"""A termination is polar if it needs a larger compensating charge (1.6 microcoulomb/cm2)."""


@dataclass(frozen=True, eq=False)
class Termination:
    """One way to cut a crystal along a plane.

    Attributes
    ----------
    facet
        The crystal seen along the plane's normal.
    cut
        Phase of the cut in [0, 1), in primitive periods along the normal.
    gap_angstrom
        Distance along the normal between the centres of the units on the two sides of the cut, A;
        `atom_gap_angstrom` is that between atoms.
    number
        Rank among the facet's terminations by falling gap, from 1.
    symmetric
        True if an operation of the space group turns the two faces of a slab into each other.
    polarity
        Tasker's class (P. W. Tasker, J. Phys. C 12, 4977 (1979)) from formal charges, or "none"
        for metals and alloys: I, neutral planes; II, charged planes without a dipole; III, a
        dipole that grows with thickness. "unknown" where the crystal's charges cannot be told.
    dipole_e_angstrom
        Dipole along the outward normal of one primitive period in one surface cell, e A; nan where
        charges are unknown and no symmetry forbids one.
    broken_bonds
        Covalent bonds cut in one surface cell; zero wherever every covalent unit is finite.
    top, bottom
        Units on the upper and lower face of a slab, as (formula, number in a surface cell).
    """

    facet: Facet
    cut: float
    gap_angstrom: float
    number: int
    symmetric: bool
    polarity: TaskerClass
    dipole_e_angstrom: float
    broken_bonds: int
    top: tuple[tuple[str, int], ...]
    bottom: tuple[tuple[str, int], ...]

    def __repr__(self) -> str:
        area = f"{self.area_angstrom2:.1f} A2"
        what = f"{self.facet.crystal.formula} {self.title}"
        return short_repr(self, what, f"polarity {self.polarity}", area)

    def _repr_html_(self) -> str:
        faces = (" ".join(f"{n} {unit}" for unit, n in face) for face in (self.top, self.bottom))
        top, bottom = faces
        return html_facts(
            f"Termination {self.facet.crystal.formula} {self.title}",
            {
                "polarity": self.polarity,
                "faces alike": "yes" if self.symmetric else "no",
                "on top": top,
                "at the bottom": bottom,
                "gap of the cut": f"{self.gap_angstrom:.2f} Å",
                "bonds cut": str(self.broken_bonds),
                "area": f"{self.area_angstrom2:.1f} Å²",
            },
        )

    @property
    def miller(self) -> Miller:
        """Plane in the cell as given."""
        return self.facet.miller

    @property
    def miller_primitive(self) -> Miller:
        """Plane in the primitive cell."""
        return self.facet.miller_primitive

    @property
    def label(self) -> str:
        """Plane and number, ``(001)-2``: unique within a crystal; with what is cut on purpose."""
        return f"{miller_label(self.miller)}-{self.number}{self._mark}"

    @property
    def _mark(self) -> str:
        return f" {THROUGH_POLYANIONS}" if self.facet.atoms_apart else ""

    @property
    def primitive_label(self) -> str:
        """As `label`, indices in the primitive cell."""
        return f"{miller_label(self.miller_primitive)}-{self.number}{self._mark}"

    @property
    def title(self) -> str:
        """Label and faces, ``(001)-2 [top Na2, bottom SiO4 Zr]``."""
        return f"{self.label} [top {_species(self.top)}, bottom {_species(self.bottom)}]"

    @property
    def area_angstrom2(self) -> float:
        """Area of the primitive surface cell, A^2."""
        return self.facet.area_angstrom2

    @property
    def spacing_angstrom(self) -> float:
        """Height of one primitive period along the normal, A."""
        return self.facet.spacing_angstrom

    @property
    def layer_angstrom(self) -> float:
        """Height of the thinnest layer that repeats by symmetry: the step of thickness, A."""
        return self.facet.layer_angstrom

    @property
    def cut_angstrom(self) -> float:
        """Height of the cut above the origin of the crystal, A."""
        return self.cut * self.facet.spacing_angstrom

    @property
    def stoichiometric(self) -> bool:
        """True if slabs cut here have the composition of the bulk (no completed polyhedra)."""
        return self.facet.atoms_apart or self.broken_bonds == 0

    @property
    def intact(self) -> bool:
        """True if no covalent bond is cut."""
        return self.broken_bonds == 0

    @property
    def polar(self) -> bool:
        """True for Tasker class III."""
        return self.polarity == "III"

    @property
    def nonpolar(self) -> bool:
        """True where it is certain that no dipole grows with thickness: also by symmetry alone."""
        return not self.polar and not math.isnan(self.dipole_e_angstrom)

    def reversed_by_rotation(self, layers: int) -> bool:
        """True if a rotation or screw turns a slab of so many layers over: its faces are the same.

        Where only an inversion, mirror or glide does, they are mirror images of each other. Where
        glides make the layers alike, it is one for even and the other for odd numbers of them.
        """
        return self._reversed_by_rotation[layers % self.facet.steps_per_period]

    @cached_property
    def _reversed_by_rotation(self) -> tuple[bool, ...]:
        """Of slabs of 0, 1, ... layers more than whole periods."""
        return tuple(
            any(np.linalg.det(point) > 0 for point in self.turning_over(layers))
            for layers in range(self.facet.steps_per_period)
        )

    def turning_over(self, layers: int) -> list[NDArray[np.int64]]:
        """Point parts of the operations that turn a slab of so many layers onto itself, its upper
        face down: in the facet's basis, (3, 3) integers; minus the unit matrix is an inversion."""
        facet = self.facet
        tolerance = SAME_PHASE_ANGSTROM / facet.spacing_angstrom
        upper = self.cut + layers / facet.steps_per_period
        return [
            point
            for point, translation in zip(facet.rotations, facet.translations, strict=True)
            if point[2, 2] == -1 and _apart(translation[2] - self.cut, upper) < tolerance
        ]

    @cached_property
    def broken_units(self) -> int:
        """Polyhedra that lose a ligand at the cut, and atoms of bonds without one, a surface cell.

        A polyhedron that reaches through a whole period counts on each of its sides.
        """
        bonds, units = broken_bonds(self.facet, self.cut), self.facet.crystal.units
        block = unit_block(self.facet, self.cut)
        upward = block[bonds.second] + bonds.image[:, 2] > block[bonds.first]
        ligand = units.ligand[bonds.first] & ~units.ligand[bonds.second]
        return len(set(zip(bonds.first[~ligand].tolist(), upward[~ligand].tolist(), strict=True)))

    @property
    def compensating_charge_e(self) -> float:
        """Charge to move from the upper to the lower face to quench the dipole, e a surface cell.

        A unit of charge Q moved down by a slab of n periods of height d changes its dipole by
        -Q n d; a slab has the dipole n D, so that sum Q = D / d at any thickness.
        """
        return self.dipole_e_angstrom / self.spacing_angstrom

    @property
    def kept_units(self) -> dict[str, int]:
        """Covalent units in one primitive period, formula -> number."""
        return dict(Counter(f for f in self.facet.units.formulas if _is_compound(f)))

    @property
    def surface_cell(self) -> NDArray[np.float64]:
        """Primitive in-plane cell, rows, A, (2, 2)."""
        return self.facet.surface_cell

    @property
    def surface_operations(self) -> NDArray[np.int64]:
        """Point operations of the surface, (k, 2, 2): rows of the cell go to ``P @ cell``."""
        return self.facet.surface_operations

    @cached_property
    def id(self) -> str:
        """Content hash: crystal, plane and the sequence of species across the cut."""
        facet = self.facet
        profile = sorted(
            (round(float(z), 2), int(n))
            for z, n in zip(self._heights_angstrom, facet.crystal.numbers, strict=True)
        )  # fmt: skip
        return content_hash([facet.crystal.fingerprint, self.label, profile])

    @cached_property
    def _heights_angstrom(self) -> NDArray[np.float64]:
        """Of the atoms of one period above the cut, whose units reach beyond it, (n,), A."""
        facet = self.facet
        above = facet.fractional[:, 2] - self.cut - unit_block(facet, self.cut)
        return np.asarray(above * facet.spacing_angstrom)

    @property
    def atom_gap_angstrom(self) -> float:
        """Distance along the normal between the atoms on the two sides of the cut, A; negative
        where units reach past each other."""
        return self.spacing_angstrom - float(np.ptp(self._heights_angstrom))

    def outermost_atoms(self, side: Side) -> str:
        """Elements of the outermost atoms of a face, ``Na`` or ``Na S``."""
        heights = self._heights_angstrom * (1 if side == "top" else -1)
        outer = self.facet.crystal.numbers[heights > heights.max() - OUTERMOST_ANGSTROM]
        return " ".join(sorted({chemical_symbols[z] for z in outer}))

    def describe(self) -> dict[str, object]:
        """A JSON-able summary."""
        return {
            "id": self.id,
            "label": self.label,
            "primitive_label": self.primitive_label,
            "miller": list(self.miller),
            "miller_primitive": list(self.miller_primitive),
            "area_angstrom2": self.area_angstrom2,
            "spacing_angstrom": self.spacing_angstrom,
            "layer_angstrom": self.layer_angstrom,
            "cut_angstrom": self.cut_angstrom,
            "gap_angstrom": self.gap_angstrom,
            "atom_gap_angstrom": self.atom_gap_angstrom,
            "symmetric": self.symmetric,
            "polarity": self.polarity,
            "dipole_e_angstrom": number_or_none(self.dipole_e_angstrom),
            "compensating_charge_e": number_or_none(self.compensating_charge_e),
            "broken_bonds": self.broken_bonds,
            "kept_units": self.kept_units,
            "top": _species(self.top),
            "bottom": _species(self.bottom),
            "outermost_atoms": {side: self.outermost_atoms(side) for side in SIDES},
        }


def find_terminations(
    bulk: Structure | Crystal,
    miller: Sequence[int],
    *,
    min_gap_angstrom: float = 0.25,
    oxidation_states: Mapping[str, float] | ArrayLike | None = None,
    through_polyanions: bool = False,
) -> list[Termination]:
    """All symmetry-distinct terminations of a plane that leave every finite covalent unit whole.

    Two cuts are one termination if an operation of the space group takes one slab into the other,
    upside down or not; the lower face of a slab is reached with ``build_slab(..., flip=True)``.
    Where covalent units are endless across the plane (quartz), their polyhedra are kept instead
    and `Termination.broken_bonds` counts what had to be cut.

    Parameters
    ----------
    bulk
        The crystal (atoms or an ordered phase), or `Crystal.from_atoms` of it where several planes
        are asked for.
    miller
        (h k l) or (h k i l) in the cell as given.
    min_gap_angstrom
        Units closer than this along the normal are not separated, unless no gap is wider, A.
    oxidation_states
        Charge of each element, or of each atom (n,), in e; found from composition and bonds if
        omitted, see `natriface.structures.chemistry.unit_charges.crystal_charges`.
    through_polyanions
        Cut between any two atomic planes, covalent units or not. `Termination.broken_bonds` counts
        what is cut; no such surface is to be expected, but published slabs may have one.

    Returns
    -------
    list of Termination
        By falling gap.

    Raises
    ------
    StructureError
        If the Miller index is impossible, the crystal is not an ordered bulk, or charges
        given do not fit it, as `Crystal.from_atoms` says.

    Examples
    --------
    >>> from natriface.structures import find_terminations, load_phase
    >>> find_terminations(load_phase("NaF"), (1, 0, 0))
    [Termination(NaF (100)-1 [top F Na, bottom F Na], polarity I, 11.0 A2)]
    """
    if not min_gap_angstrom >= 0:
        raise StructureError(f"min_gap_angstrom must not be negative, got {min_gap_angstrom}")
    if isinstance(bulk, Crystal) and oxidation_states is not None:
        raise StructureError("give the charges to Crystal.from_atoms: this crystal has its own")
    crystal = bulk if isinstance(bulk, Crystal) else Crystal.from_atoms(bulk, oxidation_states)
    facet = Facet.of(crystal, miller, atoms_apart=through_polyanions)
    cuts, gaps = _cuts(facet, min_gap_angstrom)
    tolerance = SAME_PHASE_ANGSTROM / facet.spacing_angstrom
    operations = facet.phase_operations
    chosen: list[tuple[float, float, bool]] = []
    for cut, gap in zip(cuts, gaps, strict=True):
        images = [(sign, sign * cut + shift) for sign, shift in operations]
        if any(_apart(image, other) < tolerance for _, image in images for other, _, _ in chosen):
            continue
        symmetric = any(sign < 0 and _apart(image, cut) < tolerance for sign, image in images)
        chosen.append((float(cut), float(gap), symmetric))
    return [
        _describe(facet, cut, gap, number, symmetric)
        for number, (cut, gap, symmetric) in enumerate(chosen, start=1)
    ]


def number_or_none(value: float) -> float | None:
    """A number for a JSON document, which knows no nan."""
    return None if math.isnan(value) else value


def termination_named(terminations: Sequence[Termination], label: str) -> Termination:
    """The termination with this label or id.

    Raises
    ------
    StructureError
        If there is none; the message lists those there are.
    """
    for termination in terminations:
        if label in (termination.label, termination.id):
            return termination
    known = "; ".join(t.title for t in terminations)
    raise StructureError(f"no termination {label!r}; known: {known}")


def broken_bonds(facet: Facet, cut: float) -> Bonds:
    """The crystal's covalent bonds that cross a cut, stated in the facet's basis."""
    whole = facet.crystal.units.bonds
    inverse = np.rint(np.linalg.inv(facet.basis)).astype(np.int64)
    image = whole.image @ inverse
    block = unit_block(facet, cut)
    crossing = block[whole.first] != block[whole.second] + image[:, 2]
    return Bonds(whole.first[crossing], whole.second[crossing], image[crossing])


def unit_block(facet: Facet, cut: float) -> NDArray[np.int64]:
    """Period counted from the cut in which each home atom's unit lies, (n,) integers."""
    phase = facet.unit_phase[facet.units.unit_of] - facet.units.offset[:, 2]
    return np.floor(phase - cut).astype(np.int64)


def _cuts(facet: Facet, min_gap_angstrom: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Phases half-way between neighbouring units and the gaps there in A, by falling gap."""
    phases = np.sort(facet.unit_phase[facet.placing] % 1.0)
    gaps = np.diff(np.append(phases, phases[0] + 1.0))
    heights = gaps * facet.spacing_angstrom
    wide = heights > min(min_gap_angstrom, float(heights.max()) - 1e-9)
    cuts = (phases[wide] + gaps[wide] / 2) % 1.0
    order = np.lexsort((cuts, -np.round(heights[wide], 2)))
    return cuts[order], heights[wide][order]


def _apart(one: float, other: float) -> float:
    """Distance of two phases modulo 1."""
    difference = (one - other) % 1.0
    return min(difference, 1.0 - difference)


def _describe(facet: Facet, cut: float, gap: float, number: int, symmetric: bool) -> Termination:
    polarity, dipole = _tasker(facet, cut, symmetric)
    return Termination(
        facet=facet,
        cut=cut,
        gap_angstrom=gap,
        number=number,
        symmetric=symmetric,
        polarity=polarity,
        dipole_e_angstrom=dipole,
        broken_bonds=len(broken_bonds(facet, cut)) // 2,
        top=_face(facet, cut, upper=True),
        bottom=_face(facet, cut, upper=False),
    )


def _tasker(facet: Facet, cut: float, symmetric: bool) -> tuple[TaskerClass, float]:
    charges = facet.crystal.charges
    if facet.crystal.charges_unknown:
        return "unknown", 0.0 if symmetric else math.nan
    if charges is None or not charges.any():
        return "none", 0.0
    dipole = 0.0 if symmetric else _period_dipole(facet, cut, charges)
    surface_charge = dipole / facet.spacing_angstrom / facet.area_angstrom2
    if abs(surface_charge) > POLAR_E_PER_ANGSTROM2:
        return "III", dipole
    unit_charge = np.asarray(np.bincount(facet.units.unit_of, weights=charges), dtype=float)
    if facet.split:  # each centre with its fraction of the ligands it shares
        unit_charge = unit_charge + _shared_charge(facet, charges)
    planes = _planes(facet, cut)
    neutral = all(abs(unit_charge[plane].sum()) < 1e-6 for plane in planes)
    return ("I" if neutral else "II"), dipole


def _period_dipole(facet: Facet, cut: float, charges: NDArray[np.float64]) -> float:
    """Dipole of one period along the normal, e A; shared ligands count in parts with centres."""
    block = unit_block(facet, cut)
    height = facet.fractional[:, 2] - block - cut
    if not facet.split:
        return float(charges @ height) * facet.spacing_angstrom
    follows = ~facet.placing[facet.units.unit_of]
    dipole = float(charges[~follows] @ height[~follows])
    first, second, image, part = _shares(facet, follows)
    place = facet.fractional[second, 2] + image[:, 2] - block[first] - cut
    return (dipole + float((charges[second] * part) @ place)) * facet.spacing_angstrom


def _shared_charge(facet: Facet, charges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Charge that shared ligands lend to each unit, (n_units,), e."""
    follows = ~facet.placing[facet.units.unit_of]
    first, second, _, part = _shares(facet, follows)
    lent = charges[second] * part
    total = np.bincount(facet.units.unit_of[first], weights=lent, minlength=len(facet.units))
    return np.asarray(total, dtype=float)


def _shares(
    facet: Facet, follows: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Bonds from centres to shared ligands: centre, ligand, image, fraction of the ligand."""
    bonds = facet.crystal.units.bonds
    chosen = bonds.select(follows[bonds.second] & ~follows[bonds.first])
    image = chosen.image @ np.rint(np.linalg.inv(facet.basis)).astype(np.int64)
    part = 1.0 / np.bincount(chosen.second, minlength=len(follows))[chosen.second]
    return chosen.first, chosen.second, image, part


def _planes(facet: Facet, cut: float) -> list[NDArray[np.int64]]:
    """Units of one period grouped into planes, from the cut upwards."""
    chosen = np.flatnonzero(facet.placing)
    phase = (facet.unit_phase[chosen] - cut) % 1.0
    rank = np.argsort(phase, kind="stable")
    order = chosen[rank]
    steps = np.diff(phase[rank]) * facet.spacing_angstrom
    return np.split(order, np.flatnonzero(steps > SAME_PHASE_ANGSTROM * 5) + 1)


def _face(facet: Facet, cut: float, *, upper: bool) -> tuple[tuple[str, int], ...]:
    plane = _planes(facet, cut)[-1 if upper else 0]
    counts = Counter(facet.units.formulas[unit] for unit in plane)
    return tuple(sorted(counts.items()))


def _species(face: tuple[tuple[str, int], ...]) -> str:
    return " ".join(
        name if count == 1 else f"{count}({name})" if _is_compound(name) else f"{name}{count}"
        for name, count in face
    )


def _is_compound(formula: str) -> bool:
    return any(character.isupper() for character in formula[1:]) or formula[-1].isdigit()

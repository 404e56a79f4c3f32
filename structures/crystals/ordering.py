"""Orderings of a disordered phase: every assignment of ions and vacancies, ranked by Ewald energy.

The sites are fixed, so one Ewald matrix M gives the energy q^T M q of every assignment. The sites
fall into groups that share the same choice of species (Na or vacancy; Si or P); the energy then
splits into a term for each group and one for each pair of groups, and the energies of all
combinations are sums of small tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from math import comb, prod
from typing import Literal

import numpy as np
from ase import Atoms
from numpy.typing import ArrayLike, NDArray

from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.bounds import require_few
from natriface.structures.base.errors import StructureError
from natriface.structures.base.reprs import short_repr
from natriface.structures.base.symmetry import (
    find_space_group,
    reduce_to_primitive,
    site_permutations,
    space_group_of,
    supercell_sites,
)
from natriface.structures.chemistry.polyanions import formula
from natriface.structures.crystals.crystal_files import phase_from_atoms
from natriface.structures.crystals.ewald import ewald_matrix
from natriface.structures.crystals.phases import Phase, parse_formula

CellName = Literal["primitive", "conventional"]

VACANCY = "vacancy"
"""The species of an empty site; its charge is 0."""

MAX_ORDERINGS = 200_000_000
"""More assignments than this are refused; a hundred million take a few seconds."""

MAX_BEST = 10_000
"""Orderings returned, at most."""

BLOCK = 4_000_000
"""Energies held in memory at once."""


@dataclass(frozen=True, eq=False)
class Ordering:
    """One ordered arrangement of a disordered phase.

    Attributes
    ----------
    atoms : the ordered crystal, in the axes of the parent's conventional cell (or the supercell)
    energy_ev_per_formula : electrostatic energy of the formal charges, eV per formula unit
    above_lowest_ev_per_formula : the same, relative to the lowest ordering of the list
    degeneracy : number of assignments of the enumerated cell equivalent to this one
    occupation : site label -> species -> number of such sites in `atoms`
    """

    atoms: Atoms = field(repr=False)
    energy_ev_per_formula: float
    above_lowest_ev_per_formula: float
    degeneracy: int
    occupation: Mapping[str, Mapping[str, int]]

    def __repr__(self) -> str:
        above = f"{self.above_lowest_ev_per_formula:.3f} eV/formula above the lowest"
        size = f"{len(self.atoms)} atoms"
        return short_repr(self, formula(self.atoms.numbers), size, above, f"x{self.degeneracy}")

    @cached_property
    def space_group(self) -> str:
        """Space group of the ordered crystal, symbol and number, such as ``C2/c (15)``."""
        found = space_group_of(self.atoms, 1e-2)
        return f"{found.symbol} ({found.number})"


@dataclass(frozen=True, eq=False)
class _Enumeration:
    """The cell whose assignments are enumerated, and how to write them out.

    `sites` (n,) indexes the phase's asymmetric unit; `copies` (m,) says which enumerated site each
    site of the output cell is a copy of.
    """

    cell: FloatArray
    positions: FloatArray
    sites: IntArray
    output_cell: FloatArray
    output_positions: FloatArray
    copies: IntArray


@dataclass(frozen=True, eq=False)
class _Group:
    """Sites with the same choice of species, and how many of them each species fills."""

    indices: IntArray
    species: tuple[str, ...]
    counts: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of ways to fill the sites."""
        return prod(comb(sum(self.counts[k:]), n) for k, n in enumerate(self.counts))

    def assignments(self) -> NDArray[np.int8]:
        """All ways (size, m): the index into `species` of what stands on each site."""
        return _arrangements(self.counts)


def count_orderings(
    phase: Phase,
    supercell: ArrayLike | CellName = "primitive",
    within_sites: bool = False,
) -> int:
    """Number of assignments that `rank_orderings` ranks, before symmetry is used."""
    enumeration = _enumeration(phase, supercell)
    return prod(group.size for group in _groups(phase, enumeration.sites, within_sites))


def rank_orderings(
    phase: Phase,
    best: int = 10,
    supercell: ArrayLike | CellName = "primitive",
    charges: Mapping[str, float] | None = None,
    within_sites: bool = False,
) -> list[Ordering]:
    """The symmetry-distinct orderings of lowest electrostatic energy, lowest first.

    Parameters
    ----------
    phase
        A phase with partly filled or mixed sites.
    best
        How many distinct orderings to return.
    supercell
        The cell whose assignments are enumerated: ``"primitive"``, ``"conventional"``, three
        multiples or a (3, 3) integer matrix of the conventional cell. Orderings of the primitive
        cell are returned in the axes of the conventional one.
    charges
        Formal charge of each element in e; the phase's own if omitted.
    within_sites
        Keep the fraction of each species on every crystallographic site; otherwise ions of one
        kind are free to move between sites (Na between Na1, Na2 and Na3).

    Raises
    ------
    StructureError
        If the phase is ordered, has no formal charges, its occupancies give no whole number of
        ions in this cell, or there are too many assignments.
    """
    if phase.is_ordered:
        raise StructureError(f"phase {phase.name!r} is ordered already; use its atoms")
    if not best >= 1:
        raise StructureError(f"best = {best}: ask for at least one ordering")
    require_few(best, MAX_BEST, "orderings asked for", "the lowest few hundred will do")
    states = _states(phase, charges)
    enumeration = _enumeration(phase, supercell)
    groups = _groups(phase, enumeration.sites, within_sites)
    total = prod(group.size for group in groups)
    if total > MAX_ORDERINGS:
        raise StructureError(
            f"{total:.3g} orderings of phase {phase.name!r} in this cell, more than "
            f"{MAX_ORDERINGS:.0e}; take a smaller cell, or within_sites=True"
        )
    kinds = _occupancy_kinds(phase)[enumeration.sites]
    space_group = find_space_group(enumeration.cell, enumeration.positions, kinds)
    permutations = np.unique(
        site_permutations(space_group.operations, enumeration.positions), axis=0
    )
    tables = _energy_tables(phase, enumeration, groups, states)
    lowest, energies = _lowest(tables, keep=min(total, best * len(permutations)))
    species = sorted({x for group in groups for x in group.species})
    fillings = _fillings(lowest, groups, species, len(enumeration.sites))
    formulas = _formula_units(phase) * len(enumeration.sites) / len(phase.site_indices)
    orderings: list[Ordering] = []
    seen: set[bytes] = set()
    for energy, filling in zip(energies / formulas, fillings, strict=True):
        if filling.tobytes() in seen:
            continue
        # every class has at most one member an operation, so `keep` holds `best` classes
        equivalent = {image.tobytes() for image in filling[permutations]}
        seen |= equivalent
        atoms, occupation = _written(phase, enumeration, filling, species)
        floor = orderings[0].energy_ev_per_formula if orderings else energy
        orderings.append(
            Ordering(atoms, float(energy), float(energy - floor), len(equivalent), occupation)
        )
        if len(orderings) == best:
            break
    return orderings


def ordered_phase(phase: Phase, ordering: Ordering) -> Phase:
    """One ordering as a phase of grade ``model``, its parent and energy in the note."""
    filled = "; ".join(
        f"{label}: " + " ".join(f"{n} {x}" for x, n in content.items())
        for label, content in ordering.occupation.items()
    )
    return phase_from_atoms(
        ordering.atoms,
        name=f"{phase.name}-{ordering.space_group.split()[0].replace('/', '')}",
        source=phase.source,
        note=(
            f"ordering of {phase.name} ({filled}), {ordering.above_lowest_ev_per_formula:.3f} eV "
            f"per formula unit above the lowest by Ewald energy. {phase.note}"
        ).strip(),
        grade="model",
    )


def _states(phase: Phase, charges: Mapping[str, float] | None) -> Mapping[str, float]:
    states = charges if charges is not None else phase.charges
    if states is None:
        raise StructureError(
            f"phase {phase.name!r} has no formal charges, so its orderings have no electrostatic "
            f"energy: {phase.caution or 'it is a metal or alloy'}"
        )
    missing = sorted(set(phase.composition) - set(states))
    if missing:
        raise StructureError(f"charges lack {', '.join(missing)}; give one for every element")
    total = sum(n * states[x] for x, n in phase.composition.items())
    if abs(total) > 1e-3:
        raise StructureError(
            f"the charges given sum to {total:+.3f} e a cell; they must balance: "
            "correct them, or the occupancies, or order the phase by hand"
        )
    return states


def _enumeration(phase: Phase, supercell: ArrayLike | CellName) -> _Enumeration:
    cell, positions, sites = phase.cell, phase.scaled_positions, phase.site_indices
    if isinstance(supercell, str):
        if supercell == "conventional":
            return _Enumeration(cell, positions, sites, cell, positions, np.arange(len(sites)))
        if supercell != "primitive":
            raise StructureError(
                f"supercell {supercell!r}: 'primitive', 'conventional', three multiples or a matrix"
            )
        reduced, inside, mapping = reduce_to_primitive(cell, positions, sites + 1)
        first = np.unique(mapping, return_index=True)[1]
        return _Enumeration(reduced, inside, sites[first], cell, positions, mapping)
    matrix = np.asarray(supercell)
    large, inside, origins = supercell_sites(
        cell, positions, np.diag(matrix) if matrix.ndim == 1 else matrix
    )
    return _Enumeration(large, inside, sites[origins], large, inside, np.arange(len(origins)))


def _groups(phase: Phase, sites: IntArray, within_sites: bool) -> list[_Group]:
    """The sites that can be filled in more than one way, gathered by their choice of species."""
    members: dict[tuple[tuple[str, ...], int | None], list[int]] = {}
    for index, site in enumerate(phase.sites):
        if not site.is_ordered:
            species = tuple(sorted(site.occupancy)) + ((VACANCY,) if site.filled < 1 - 1e-6 else ())
            members.setdefault((species, index if within_sites else None), []).append(index)
    groups = []
    for (species, _), indices in members.items():
        where = np.flatnonzero(np.isin(sites, indices))
        amounts = np.zeros(len(species))
        for index in sites[where]:
            site = phase.sites[index]
            amounts += [site.occupancy.get(x, 1 - site.filled) for x in species]
        counts = np.round(amounts).astype(int)
        if np.abs(amounts - counts).max() > 1e-3:
            found = ", ".join(f"{n:.3g} {x}" for n, x in zip(amounts, species, strict=True))
            raise StructureError(
                f"phase {phase.name!r}: sites {', '.join(phase.sites[i].label for i in indices)} "
                f"hold {found} in this cell; take a supercell, or occupancies, with whole numbers"
            )
        groups.append(_Group(where, species, tuple(int(n) for n in counts)))
    return groups


def _arrangements(counts: Sequence[int]) -> NDArray[np.int8]:
    """All distinct sequences with `counts[k]` entries k, (N, sum(counts))."""
    length = sum(counts)
    if len(counts) == 1:
        return np.zeros((1, length), dtype=np.int8)
    places = np.array(list(combinations(range(length), counts[0])), dtype=int)
    rest = _arrangements(counts[1:]) + 1
    result = np.zeros((len(places), len(rest), length), dtype=np.int8)
    free = np.ones((len(places), length), dtype=bool)
    np.put_along_axis(free, places, False, axis=1)
    open_places = np.nonzero(free)[1].reshape(len(places), length - counts[0])
    for ways, where in zip(result, open_places, strict=True):
        ways[:, where] = rest
    return result.reshape(-1, length)


@dataclass(frozen=True, eq=False)
class _Tables:
    """Energies in eV: of each group's assignments, and of each pair's.

    The pair term of groups g < h is ``charges[g] @ coupling[g, h] @ charges[h].T``.
    """

    constant: float
    own: list[FloatArray]
    charges: list[FloatArray]
    coupling: dict[tuple[int, int], FloatArray]


def _energy_tables(
    phase: Phase, enumeration: _Enumeration, groups: list[_Group], states: Mapping[str, float]
) -> _Tables:
    matrix = ewald_matrix(enumeration.cell, enumeration.positions)
    fixed = np.array(
        [states[next(iter(s.occupancy))] if s.is_ordered else 0.0 for s in phase.sites]
    )[enumeration.sites]
    field_of_fixed = 2 * matrix @ fixed
    own, charges = [], []
    for group in groups:
        values = np.array([0.0 if x == VACANCY else float(states[x]) for x in group.species])
        assigned = values[group.assignments()]
        block = matrix[np.ix_(group.indices, group.indices)]
        own.append(
            np.einsum("ni,ni->n", assigned @ block, assigned)
            + assigned @ field_of_fixed[group.indices]
        )
        charges.append(assigned)
    coupling = {
        (g, h): 2 * matrix[np.ix_(groups[g].indices, groups[h].indices)]
        for g, h in combinations(range(len(groups)), 2)
    }
    return _Tables(float(fixed @ matrix @ fixed), own, charges, coupling)


def _lowest(tables: _Tables, keep: int) -> tuple[IntArray, FloatArray]:
    """The `keep` lowest combinations: (keep, n_groups) assignment indices, and energies in eV."""
    count = len(tables.own)
    shape = tuple(len(energies) for energies in tables.own)
    rest = prod(shape[1:])
    block = max(1, BLOCK // rest)
    indices = np.empty((0, count), dtype=int)
    energies = np.empty(0)
    later = _pair_sum(tables, range(1, count))
    for start in range(0, shape[0], block):
        part = slice(start, start + block)
        total = tables.own[0][part].reshape(-1, *(1,) * (count - 1)) + later
        for h in range(1, count):
            pair = tables.charges[0][part] @ tables.coupling[0, h] @ tables.charges[h].T
            total = total + _broadcast(pair, 0, h, count)
        flat = np.broadcast_to(total, (len(tables.own[0][part]), *shape[1:])).ravel()
        chosen = np.arange(len(flat))
        if len(flat) > keep:
            chosen = np.argpartition(flat, keep - 1)[:keep]
        found = np.stack(np.unravel_index(chosen, (flat.size // rest, *shape[1:])), axis=1)
        found[:, 0] += start
        indices = np.concatenate([indices, found])
        energies = np.concatenate([energies, flat[chosen]])
        order = np.argsort(energies, kind="stable")[:keep]
        indices, energies = indices[order], energies[order]
    return indices, energies + tables.constant


def _pair_sum(tables: _Tables, members: range) -> FloatArray:
    """Energies of the combinations of some groups, shaped to add to a table of all groups."""
    count = len(tables.own)
    total = np.zeros((1,) * count)
    for g in members:
        shape = [1] * count
        shape[g] = -1
        total = total + tables.own[g].reshape(shape)
    for g, h in combinations(members, 2):
        pair = tables.charges[g] @ tables.coupling[g, h] @ tables.charges[h].T
        total = total + _broadcast(pair, g, h, count)
    return total


def _broadcast(pair: FloatArray, g: int, h: int, count: int) -> FloatArray:
    shape = [1] * count
    shape[g], shape[h] = pair.shape
    return pair.reshape(shape)


def _fillings(
    lowest: IntArray, groups: list[_Group], species: Sequence[str], n_sites: int
) -> NDArray[np.int8]:
    """What stands on each enumerated site, (n, n_sites): index into `species`, -1 where fixed."""
    fillings = np.full((len(lowest), n_sites), -1, dtype=np.int8)
    for g, group in enumerate(groups):
        code = np.array([species.index(x) for x in group.species], dtype=np.int8)
        fillings[:, group.indices] = code[group.assignments()[lowest[:, g]]]
    return fillings


def _written(
    phase: Phase, enumeration: _Enumeration, filling: NDArray[np.int8], species: Sequence[str]
) -> tuple[Atoms, dict[str, dict[str, int]]]:
    """The ordered crystal, elements in the order of the formula, and what each site holds."""
    contents = [
        next(iter(phase.sites[site].occupancy)) if code < 0 else species[code]
        for site, code in zip(enumeration.sites, filling, strict=True)
    ]
    occupation: dict[str, dict[str, int]] = {}
    for copy in enumeration.copies:
        site = phase.sites[enumeration.sites[copy]]
        if not site.is_ordered:
            amounts = occupation.setdefault(site.label, {})
            amounts[contents[copy]] = amounts.get(contents[copy], 0) + 1
    rank = {x: i for i, x in enumerate(parse_formula(phase.formula))}
    filled = [i for i, copy in enumerate(enumeration.copies) if contents[copy] != VACANCY]
    filled.sort(key=lambda i: rank[contents[enumeration.copies[i]]])
    atoms = Atoms(
        [contents[enumeration.copies[i]] for i in filled],
        cell=enumeration.output_cell,
        scaled_positions=enumeration.output_positions[filled],
        pbc=True,
    )
    return atoms, {label: dict(sorted(x.items())) for label, x in occupation.items()}


def _occupancy_kinds(phase: Phase) -> IntArray:
    """One positive integer a site of the asymmetric unit, equal where the occupancies are."""
    contents = [tuple(sorted(site.occupancy.items())) for site in phase.sites]
    numbering = {content: i + 1 for i, content in enumerate(dict.fromkeys(contents))}
    return np.array([numbering[content] for content in contents])


def _formula_units(phase: Phase) -> float:
    """Formula units in the conventional cell."""
    element, amount = next(iter(parse_formula(phase.formula).items()))
    return phase.composition[element] / amount

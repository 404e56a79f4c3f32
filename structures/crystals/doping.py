"""Dopants: any element on any site rule, ranked, with the charge compensation stated."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import comb
from typing import Any, Literal, get_args

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from numpy.typing import NDArray

from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.atom_tags import DOPANT_TAG, sides
from natriface.structures.base.atoms import Structure, atoms_of, fixed_indices
from natriface.structures.base.bounds import require_few
from natriface.structures.base.errors import StructureError, nearest
from natriface.structures.base.heights import Side
from natriface.structures.base.reprs import short_repr
from natriface.structures.base.symmetry import site_permutations
from natriface.structures.chemistry.bonds import Bonds
from natriface.structures.chemistry.formal_charges import OXIDATION_STATES
from natriface.structures.chemistry.polyanions import formula
from natriface.structures.chemistry.unit_charges import formal_charges_of
from natriface.structures.crystals.arrangements import (
    distance_scores,
    distinct_sets,
    ewald_scores,
    ranked,
    scaled_positions,
)
from natriface.structures.crystals.sites import (
    SYMPREC_ANGSTROM,
    Near,
    SiteOrbit,
    SiteRule,
    bonds_of,
    candidate_sites,
    site_distances,
    site_orbits,
    site_symmetry,
    substitution_sites,
    within,
)

__all__ = ["Doped", "SiteOrbit", "dope", "substitute", "substitution_sites"]

MAX_BEST = 10_000
"""Arrangements returned, at most."""

Compensation = Literal["none", "vacancy", "substitution"]
COMPENSATIONS: tuple[str, ...] = get_args(Compensation)
Ranking = Literal["ewald", "distance"]

MAX_ARRANGEMENTS = 5_000_000
"""More combinations of dopant and compensating sites than this are refused."""

SITE_TOLERANCE = 0.02
"""An operation moves an atom onto another to within this in fractional coordinates."""


@dataclass(frozen=True, eq=False)
class Doped:
    """A doped crystal and what was done to it.

    Attributes
    ----------
    atoms : the doped crystal; cell, tags, frozen atoms and other arrays are the host's, dopants
        have the tag `DOPANT_TAG`
    dopant : element put in
    replaced : element taken out
    sites : host indices of the dopants
    orbits : the symmetry orbit of each of them, of the undoped host
    compensation : how the charge is balanced
    compensating_sites : host indices that were emptied or substituted for it
    compensating_change : such as ``Na -> vacancy`` or ``P -> Si``; empty without compensation
    net_charge_e : formal charge of the cell relative to the host's, after compensation
    ranking : how candidates were ranked: ``ewald`` or ``distance``
    score : eV relative to the host (ewald) or A from dopant to compensation (distance); lower is
        preferred
    multiplicity : number of arrangements in the cell that symmetry makes equivalent to this one
    """

    atoms: Atoms = field(repr=False)
    dopant: str
    replaced: str
    sites: tuple[int, ...]
    orbits: tuple[SiteOrbit, ...]
    compensation: Compensation
    compensating_sites: tuple[int, ...]
    compensating_change: str
    net_charge_e: float
    ranking: Ranking
    score: float
    multiplicity: int

    def __repr__(self) -> str:
        what = f"{len(self.sites)} {self.dopant} on {self.replaced}"
        size = f"{len(self.atoms)} atoms"
        balance = f"compensation {self.compensation}"
        charge = f"net charge {self.net_charge_e:+g} e"
        return short_repr(self, formula(self.atoms.numbers), size, what, balance, charge)

    @property
    def dopant_indices(self) -> tuple[int, ...]:
        """Indices of the dopants in `atoms` (removed atoms shift those that follow)."""
        gone = self.compensating_sites if self.compensation == "vacancy" else ()
        return tuple(site - sum(other < site for other in gone) for site in self.sites)

    def metadata(self) -> dict[str, Any]:
        """What was done, JSON-able."""
        return {
            "description": self.description,
            "dopant": self.dopant,
            "replaced": self.replaced,
            "sites": list(self.sites),
            "orbits": [
                {
                    "representative": orbit.representative,
                    "multiplicity": orbit.multiplicity,
                    "neighbours": [[x, round(d, 4)] for x, d in orbit.neighbours],
                    "distance_angstrom": orbit.distance_angstrom,
                }
                for orbit in self.orbits
            ],
            "compensation": self.compensation,
            "compensating_sites": list(self.compensating_sites),
            "compensating_change": self.compensating_change,
            "net_charge_e": self.net_charge_e,
            "ranking": self.ranking,
            "score": self.score,
            "multiplicity": self.multiplicity,
        }

    @property
    def description(self) -> str:
        """One sentence: sites, orbits, compensation and net formal charge."""
        where = ", ".join(
            f"{site} of orbit {orbit.label}"
            for site, orbit in zip(self.sites, self.orbits, strict=True)
        )
        if self.compensating_sites:
            count = len(self.compensating_sites)
            indices = ", ".join(map(str, self.compensating_sites))
            balance = f"compensated by {count} x {self.compensating_change} (atoms {indices})"
        else:
            balance = "uncompensated"
        return (
            f"{len(self.sites)} {self.dopant} on {self.replaced} "
            f"({'site' if len(self.sites) == 1 else 'sites'} {where}); {balance}; "
            f"net formal charge {self.net_charge_e + 0.0:+g} e"
        )


_DESCRIPTION = re.compile(
    r"(?P<dopant>\d+ \w+ on \w+)(?: \(sites? (?P<sites>.*)\))?; "
    r"(?P<balance>uncompensated|compensated by .*?)(?: \(atoms .*?\))?(?:; .*)?"
)


@dataclass(frozen=True)
class DopingWords:
    """What `Doped.description` says: ``1 F on O``, its sites, and how the charge is balanced."""

    dopant: str
    sites: str
    balance: str

    @classmethod
    def of(cls, description: str) -> DopingWords:
        """Of a description; one that reads otherwise is all dopant, its balance not stated."""
        read = _DESCRIPTION.fullmatch(description)
        if read is None:
            return cls(description, "not stated", "not stated")
        sites = re.sub(r" \(x[^()]*\)", "", read["sites"] or "not stated")
        return cls(read["dopant"], sites, read["balance"])


def substitute(
    atoms: Structure,
    sites: SiteOrbit | int | Sequence[int],
    dopant: str,
    compensation: Compensation = "none",
    *,
    vacancy: str = "Na",
    exchange: tuple[str, str] = ("P", "Si"),
    keep_centre: bool = True,
    ranking: Ranking | None = None,
    charges: Mapping[str, float] | None = None,
    symprec_angstrom: float = SYMPREC_ANGSTROM,
) -> Doped:
    """Put a dopant on the sites named, with the best-ranked compensation.

    Parameters
    ----------
    sites
        Indices of atoms of one element, or an orbit (its representative is substituted).
    dopant
        Any element.
    compensation
        ``none``: the cell keeps the dopant's charge; ``vacancy``: ions of the element `vacancy`
        are removed; ``substitution``: ions are exchanged as `exchange` says (from, to). Frozen
        ions stay, and in an interface the dopant's own side compensates.
    keep_centre
        Ions bonded to a dopant are not exchanged: F stays on P, where SiO3F may be lower in
        electrostatic energy.
    ranking
        ``ewald`` (electrostatic energy of the formal charges) or ``distance`` (nearest to the
        dopant first); by default ewald where all formal charges are known.
    charges
        Formal charge of each element in e; by default the usual oxidation states that balance the
        crystal, and for elements they do not cover the most usual state.

    Raises
    ------
    StructureError
        If a site or element is wrong, or the charge cannot be balanced as asked.
    """
    atoms = atoms_of(atoms)
    indices = [sites.representative] if isinstance(sites, SiteOrbit) else _indices(sites)
    _check_indices(atoms, indices)
    task = _Task(atoms, dopant, compensation, vacancy, exchange, keep_centre, ranking, charges)
    return task.arrangements(np.array([sorted(indices)]), 1, symprec_angstrom, None)[0]


def dope(
    atoms: Structure,
    element: str,
    dopant: str,
    number: int = 1,
    coordinated_to: str | None = None,
    compensation: Compensation = "none",
    *,
    best: int = 10,
    vacancy: str = "Na",
    exchange: tuple[str, str] = ("P", "Si"),
    keep_centre: bool = True,
    ranking: Ranking | None = None,
    charges: Mapping[str, float] | None = None,
    where: SiteRule | None = None,
    near: Near | None = None,
    side: Side | None = None,
    within_angstrom: float | None = None,
    symprec_angstrom: float = SYMPREC_ANGSTROM,
) -> list[Doped]:
    """The symmetry-distinct ways to put `number` dopants into a crystal, ranked.

    Sites are chosen as in `substitution_sites`, compensated and ranked as in `substitute`; where
    `near` is given, arrangements nearer the surface or contact come first.

    Raises
    ------
    StructureError
        If no site fits, there are fewer sites than dopants, or too many combinations.

    Examples
    --------
    >>> from natriface.structures import dope, load_phase
    >>> dope(load_phase("NZSP"), "O", "F", coordinated_to="P")[0]
    Doped(Na12Zr8Si8P4O47F, 80 atoms, 1 F on O, compensation none, net charge +1 e)
    """
    atoms = atoms_of(atoms)
    chosen = candidate_sites(atoms, bonds_of(atoms), element, coordinated_to, where)
    distances = site_distances(atoms, near, side)
    if within_angstrom is not None:
        chosen = within(chosen, distances, within_angstrom)
    if not 1 <= number <= len(chosen):
        raise StructureError(
            f"{number} dopants asked for; {len(chosen)} sites fit, so ask for 1 to {len(chosen)}"
        )
    if not best >= 1:
        raise StructureError(f"best = {best}: ask for at least one arrangement")
    require_few(best, MAX_BEST, "arrangements asked for", "the lowest few hundred will do")
    if comb(len(chosen), number) > MAX_ARRANGEMENTS // 10:
        raise StructureError(
            f"{comb(len(chosen), number):.3g} ways to put {number} dopants on {len(chosen)} sites; "
            "ask for fewer dopants or restrict the sites (within_angstrom, where)"
        )
    placements = np.array(list(combinations(chosen.tolist(), number)), dtype=int)
    task = _Task(atoms, dopant, compensation, vacancy, exchange, keep_centre, ranking, charges)
    return task.arrangements(placements, best, symprec_angstrom, distances)


def _indices(sites: int | Sequence[int]) -> list[int]:
    return [int(i) for i in np.atleast_1d(np.asarray(sites, dtype=int))]


def _check_indices(atoms: Atoms, indices: Sequence[int]) -> None:
    if not indices or len(set(indices)) != len(indices):
        raise StructureError(f"sites {list(indices)}: name each site once")
    if min(indices) < 0 or max(indices) >= len(atoms):
        raise StructureError(f"sites {list(indices)}: indices run from 0 to {len(atoms) - 1}")
    elements = {atoms.symbols[i] for i in indices}
    if len(elements) > 1:
        raise StructureError(
            f"sites {list(indices)} hold {', '.join(sorted(elements))}; dope one element at a time"
        )


@dataclass(frozen=True, eq=False)
class _Task:
    """A substitution asked for: what goes in, and what balances it."""

    atoms: Atoms
    dopant: str
    compensation: Compensation
    vacancy: str
    exchange: tuple[str, str]
    keep_centre: bool
    ranking: Ranking | None
    charges: Mapping[str, float] | None

    def arrangements(
        self,
        placements: IntArray,
        best: int,
        symprec_angstrom: float,
        distances: FloatArray | None,
    ) -> list[Doped]:
        """The best symmetry-distinct arrangements over all placements (p, number) of dopants."""
        replaced = self.atoms.symbols[placements[0, 0]]
        states, complete = self._states(replaced)
        ranking = self._ranking(complete)
        step = states[self.dopant] - states[replaced]
        change, change_charge, count = self._compensation(states, step * placements.shape[1])
        space_group = site_symmetry(self.atoms, symprec_angstrom)
        positions = scaled_positions(self.atoms)
        moves = site_permutations(space_group.operations, positions, SITE_TOLERANCE)
        permutations = np.unique(moves, axis=0)
        if distances is not None:  # of equivalent placements, keep the one nearest what was named
            placements = placements[np.argsort(distances[placements].sum(axis=1), kind="stable")]
        placements = distinct_sets(placements, permutations)
        partners = self._partners(count, placements)
        host = np.array([states.get(x, 0.0) for x in self.atoms.get_chemical_symbols()])
        score = ewald_scores if ranking == "ewald" else distance_scores
        scores = score(self.atoms, placements, partners, host, step, change_charge)
        bonds = bonds_of(self.atoms)
        scores[self._clashes(placements, partners, bonds, change)] = np.inf
        found: list[Doped] = []
        seen: set[bytes] = set()
        for flat in ranked(placements, scores, distances):
            d, c = divmod(int(flat), scores.shape[1])
            if not np.isfinite(scores[d, c]):
                continue
            filling = np.zeros(len(self.atoms), dtype=np.int8)
            filling[placements[d]], filling[partners[c]] = 1, 2
            if filling.tobytes() in seen:
                continue
            images = {image.tobytes() for image in filling[permutations]}
            seen |= images
            orbits = site_orbits(self.atoms, bonds, placements[d], space_group.orbits, distances)
            orbit_at = {i: orbit for orbit in orbits for i in orbit.indices}
            sites = tuple(int(i) for i in placements[d])
            found.append(
                Doped(
                    atoms=self._applied(placements[d], partners[c]),
                    dopant=self.dopant,
                    replaced=replaced,
                    sites=sites,
                    orbits=tuple(orbit_at[i] for i in sites),
                    compensation=self.compensation,
                    compensating_sites=tuple(int(i) for i in partners[c]),
                    compensating_change=change,
                    net_charge_e=step * len(sites) + change_charge * count,
                    ranking=ranking,
                    score=float(scores[d, c]),
                    multiplicity=len(images),
                )
            )
            if len(found) == best:
                break
        return found

    def _clashes(
        self, placements: IntArray, partners: IntArray, bonds: Bonds, change: str
    ) -> NDArray[np.bool_]:
        """Which placements (rows) and partners (columns) do not go together; not all of them."""
        barred = np.eye(len(self.atoms), dtype=bool)
        if self.compensation == "substitution" and self.keep_centre:
            barred[bonds.first, bonds.second] = True
        pairs = barred[placements[:, None, :, None], partners[None, :, None, :]]
        clashes = np.asarray(pairs.any(axis=(2, 3)))
        if clashes.all():
            keeping = " and keep the dopants' centres (keep_centre)" if self.keep_centre else ""
            raise StructureError(
                f"no sites of {self.atoms.get_chemical_formula()} allow {change}{keeping}; choose "
                "another compensation or a larger cell"
            )
        return clashes

    def _ranking(self, complete: bool) -> Ranking:
        """As asked for; by default the energy where the charges of all elements are known."""
        ranking = self.ranking or ("ewald" if complete else "distance")
        if ranking not in get_args(Ranking):
            raise StructureError(f"ranking {ranking!r}; {nearest(str(ranking), get_args(Ranking))}")
        if ranking == "ewald" and not complete:
            raise StructureError(
                "ranking by Ewald energy needs a formal charge for every element; give "
                "charges={element: e} or ranking='distance'"
            )
        return ranking

    def _element_charges(self) -> dict[str, float]:
        """Mean formal charge of each element of the host, none where they are not known."""
        charges = formal_charges_of(self.atoms)
        symbols = np.array(self.atoms.get_chemical_symbols())
        if charges is None:
            return {}
        return {str(x): float(charges[symbols == x].mean()) for x in np.unique(symbols)}

    def _states(self, replaced: str) -> tuple[dict[str, float], bool]:
        """Formal charges in e, and whether every element of the host has one that balances."""
        if self.dopant not in atomic_numbers:
            raise StructureError(f"{self.dopant!r} is not an element")
        if self.dopant == replaced:
            raise StructureError(f"{self.dopant} is already on the sites chosen")
        symbols = self.atoms.get_chemical_symbols()
        known = self.charges or self._element_charges()
        states = {x: float(q) for x, q in known.items()}
        complete = set(symbols) <= set(states)
        needed = {self.dopant, replaced}
        if self.compensation == "vacancy":
            needed.add(self.vacancy)
        elif self.compensation == "substitution":
            needed.update(self.exchange)
        elif self.compensation != "none":
            raise StructureError(
                f"compensation {self.compensation!r}; {nearest(self.compensation, COMPENSATIONS)}"
            )
        for element in sorted(needed - set(states)):
            if element not in OXIDATION_STATES:
                raise StructureError(
                    f"no usual oxidation state of {element} is known; give charges={{...}}"
                )
            states[element] = float(OXIDATION_STATES[element][0])
        return states, complete

    def _compensation(self, states: Mapping[str, float], excess: float) -> tuple[str, float, int]:
        """What changes, the charge each change adds in e, and how many changes balance `excess`."""
        if self.compensation == "none":
            return "", 0.0, 0
        if self.compensation == "vacancy":
            change, charge = f"{self.vacancy} -> vacancy", -states[self.vacancy]
        else:
            old, new = self.exchange
            change, charge = f"{old} -> {new}", states[new] - states[old]
        if abs(excess) < 1e-9:
            raise StructureError(
                f"{self.dopant} brings no charge of its own; ask for compensation 'none'"
            )
        count = -excess / charge if charge else 0.0
        if count < 0.5 or abs(count - round(count)) > 1e-6:
            raise StructureError(
                f"{change} ({charge:+g} e each) cannot balance the {excess:+g} e of the dopants; "
                "choose another compensation, vacancy or exchange"
            )
        return change, charge, round(count)

    def _partners(self, count: int, placements: IntArray) -> IntArray:
        """All sets (c, count) of compensating sites; one empty set where none is needed."""
        if count == 0:
            return np.empty((1, 0), dtype=int)
        element = self.vacancy if self.compensation == "vacancy" else self.exchange[0]
        held = set(fixed_indices(self.atoms))
        # an Na of a sodium film does not balance a charge in the electrolyte below it
        side = sides(self.atoms)
        doped = set(side[np.unique(placements)].tolist())
        free = [
            i
            for i, x in enumerate(self.atoms.symbols)
            if x == element and i not in held and side[i] in doped
        ]
        if len(free) < count:
            raise StructureError(
                f"compensation needs {count} free {element}, there are {len(free)} in "
                f"{self.atoms.get_chemical_formula()}"
            )
        total = comb(len(free), count) * len(placements)
        if total > MAX_ARRANGEMENTS:
            raise StructureError(
                f"{total:.3g} combinations of {len(placements)} "
                f"dopant arrangements with {count} of {len(free)} {element}; ask for fewer dopants"
            )
        return np.array(list(combinations(free, count)), dtype=int)

    def _applied(self, sites: IntArray, partners: IntArray) -> Atoms:
        doped = self.atoms.copy()
        tags, side = doped.get_tags(), sides(doped)
        doped.symbols[sites] = self.dopant
        tags[sites] = side[sites] + DOPANT_TAG
        if self.compensation == "substitution":
            doped.symbols[partners] = self.exchange[1]
            tags[partners] = side[partners] + DOPANT_TAG
        doped.set_tags(tags)
        if self.compensation == "vacancy":
            del doped[partners.tolist()]
        return doped

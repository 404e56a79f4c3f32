"""What two phases in contact react to: pseudo-binary reactions over a phase diagram at 0 K."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.data import atomic_numbers

from natriface.analysis.energies.chemical_potentials import PotentialBounds, bounds_at
from natriface.analysis.results.comparability import require_like
from natriface.analysis.results.formulas import Formula
from natriface.analysis.results.result import Result
from natriface.structures.base.compositions import parse_formula
from natriface.structures.base.errors import AnalysisError, nearest
from natriface.structures.chemistry.formal_charges import (
    ANION_FORMERS,
    balanced_states,
    ionic_charge,
    is_metal,
)
from natriface.structures.chemistry.polyanions import formula
from natriface.structures.crystals.phases import reduced_formula

if TYPE_CHECKING:
    from pymatgen.analysis.phase_diagram import PhaseDiagram

RICHARDS = "Richards et al., Chem. Mater. 28, 266 (2016)"
REACTION_FORMULA = Formula(
    "reaction energy",
    "E_hull(x A + (1 - x) B) - x E_A - (1 - x) E_B",
    "eV/atom",
    source=RICHARDS,
    symbol="ΔE(x)",
    where="energies an atom at 0 K, x the share of A's atoms, E_hull the lowest energy of any "
    "mixture of the phases with that composition; volume, vibrations and gases left out",
)
MUTUAL_FORMULA = Formula(
    "mutual reaction energy",
    "ΔE(x) - x ΔE(1) - (1 - x) ΔE(0)",
    "eV/atom",
    source="Xiao et al., Nat. Rev. Mater. 5, 105 (2020)",
    symbol="ΔE_mutual(x)",
    where="what is left of the reaction energy when both have decomposed on their own; the "
    "reaction named is that of its minimum",
)
DECOMPOSITION_FORMULA = Formula(
    "energy above the hull",
    "E - E_hull",
    "eV/atom",
    where="what a phase gains by decomposing on its own; zero where it is stable against the "
    "phases computed",
)
WINDOW_FORMULA = Formula(
    "electrochemical window",
    "-Δμ / (z e)",
    "V",
    source=RICHARDS,
    symbol="V",
    where="z the charge of the element's ion; between the bounds of the element's Δμ, counted from "
    "its own crystal, at which the composition, in its equilibrium with the phases computed, "
    "neither takes up the element nor gives it off; of a phase that is not stable those of what it "
    "decomposes to; what holds none of it has no upper one",
)
VOLUME_FORMULA = Formula(
    "volume change",
    "100 (V_products / V_reactants - 1)",
    "%",
    where="volumes of the relaxed crystals at 0 K, of all that reacts, the metal included; zero "
    "where nothing reacts",
)
STAND_IN_EV = 20.0
"""An element without a phase stands this much an atom above what its compounds have for it, so that
nothing that two phases can become holds it."""
REACTS_EV = 1e-6
"""Mutual reaction energies an atom that are nearer to zero are no reaction."""
_LEAST_AMOUNT = 1e-7
"""Amounts an atom that are smaller are none."""


@dataclass(frozen=True)
class Reaction:
    """A balanced reaction on the line between two phases.

    Attributes
    ----------
    fraction
        Share of the first phase's atoms.
    reactants, products
        Formula -> amount, one formula unit of the second reactant (of the first, at its end).
    energy_ev_per_atom, mutual_ev_per_atom
        By `REACTION_FORMULA` and `MUTUAL_FORMULA`.
    energy_ev
        Of the reaction with these amounts.
    """

    fraction: float
    reactants: Mapping[str, float]
    products: Mapping[str, float]
    energy_ev_per_atom: float
    mutual_ev_per_atom: float
    energy_ev: float

    @property
    def equation(self) -> str:
        """``8 Na + Na3Zr2Si2PO12 → ...``."""
        return f"{amounts_in_words(self.reactants)} → {amounts_in_words(self.products)}"


def potential_v(delta_mu_ev: float, element: str) -> float:
    """The potential against an element at its chemical potential, by `WINDOW_FORMULA`.

    Raises
    ------
    AnalysisError
        If the element has not one usual positive charge.
    """
    charge = ionic_charge(element)
    if charge is None or charge < 0:
        raise AnalysisError(
            f"no potential against {element}, whose ions have not one usual positive charge; name "
            "another element"
        )
    return -delta_mu_ev / charge + 0.0


def empty_systems(
    first: Mapping[str, float], second: Mapping[str, float], phases: Iterable[Mapping[str, float]]
) -> list[str]:
    """What has no phase, so that it is no finding that two sides do not react.

    Pairs of a metal and a non-metal, one of each side, that have no binary compound: nothing
    binds what is unlike in them (metals among each other may well have no compound). And what a
    compound holds as a cation and no other phase does: whatever becomes of the compound, that
    element has nowhere to go.

    Parameters
    ----------
    first, second
        Compositions of the two sides, atoms by element.
    phases
        Composition of each phase, the two sides' among them.

    Examples
    --------
    >>> mg, zno = {"Mg": 1}, {"Zn": 1, "O": 1}
    >>> empty_systems(mg, zno, [mg, zno, {"Zn": 1}])
    ['Mg-O']
    >>> empty_systems(mg, zno, [mg, zno, {"Mg": 1, "O": 1}])
    ['Zn besides ZnO']
    """
    every = list(phases)
    known = {frozenset(phase) for phase in every}
    pairs = [
        (a, b) for one, other in ((first, second), (second, first)) for a in one for b in other
    ]
    unlike = [(a, b) for a, b in pairs if is_metal([a]) and b in ANION_FORMERS]
    unbound = [f"{a}-{b}" for a, b in unlike if frozenset((a, b)) not in known]
    alone = [text for side in (first, second) for text in _alone(side, every)]
    return list(dict.fromkeys([*unbound, *alone]))


def _alone(side: Mapping[str, float], phases: Iterable[Mapping[str, float]]) -> list[str]:
    """The cations of a compound, by usual charges, that no phase of another composition holds."""
    own = reduced_formula(side)
    others = {symbol for phase in phases if reduced_formula(phase) != own for symbol in phase}
    counts = parse_formula(own)
    words = formula(
        np.repeat([atomic_numbers[symbol] for symbol in counts], [*map(int, counts.values())])
    )
    states = balanced_states(side) or {}
    cations = [symbol for symbol, charge in states.items() if charge > 0]
    return [f"{symbol} besides {words}" for symbol in cations if symbol not in others]


def not_known(systems: Iterable[str]) -> str:
    """Why the absence of a reaction is no finding."""
    return f"not known: no phase of {' or '.join(systems)} among those given; add phases"


def volume_change_percent(
    reaction: Reaction, before_angstrom3: Mapping[str, float], after_angstrom3: Mapping[str, float]
) -> float | None:
    """By `VOLUME_FORMULA`, from volumes of a formula unit; None where one of them is not known."""
    sides = ((reaction.reactants, before_angstrom3), (reaction.products, after_angstrom3))
    if any(set(amounts) - set(volumes) for amounts, volumes in sides):
        return None
    before, after = (sum(n * volumes[x] for x, n in amounts.items()) for amounts, volumes in sides)
    return 100.0 * (after / before - 1.0)


def amounts_in_words(amounts: Mapping[str, float]) -> str:
    """One side of an equation: ``0.5 Na3P + ZrO2``."""
    return " + ".join(f"{_amount(n)}{formula}" for formula, n in amounts.items())


def _amount(n: float) -> str:
    return "" if abs(n - 1) < 5e-4 else f"{n:.3f}".rstrip("0").rstrip(".") + " "


@dataclass(frozen=True, eq=False)
class Hull:
    """The phases of a chemical system and the lower hull of their energies.

    Attributes
    ----------
    elements
        The chemical system.
    diagram
        pymatgen's phase diagram; `stand_ins` are in it as elements of a high energy.
    compositions, energies_ev_per_atom
        By phase: atoms of each element in its cell, and its energy.
    stand_ins
        Elements of which there is no phase.
    """

    elements: tuple[str, ...]
    diagram: PhaseDiagram = field(repr=False)
    compositions: Mapping[str, Mapping[str, float]]
    energies_ev_per_atom: Mapping[str, float]
    stand_ins: tuple[str, ...]

    @classmethod
    def of(cls, phases: Mapping[str, Result], elements: Collection[str] | None = None) -> Hull:
        """Of the phases, by name, that hold no other elements than these, by default all.

        Raises
        ------
        AnalysisError
            If an energy is not converged, two are not computed alike, or there is no phase.
        """
        contents = {name: result.composition() for name, result in phases.items()}
        elements = elements or sorted({x for content in contents.values() for x in content})
        within = [name for name, content in contents.items() if set(content) <= set(elements)]
        if not within:
            raise AnalysisError(
                f"there is no phase of {'-'.join(elements)} to make a phase diagram of"
            )
        require_like([phases[name] for name in within])
        return cls.from_energies(
            {name: (contents[name], phases[name].converged_energy_ev()) for name in within},
            elements,
        )

    @classmethod
    def from_formulas(cls, energies_ev: Mapping[str, float]) -> Hull:
        """Of anyone's energies of a formula unit, eV, all computed alike.

        Raises
        ------
        StructureError
            If a formula cannot be read.

        Examples
        --------
        Enthalpies of formation at 298 K:

        >>> from natriface.analysis import Hull
        >>> hull = Hull.from_formulas({"Na": 0, "Ag": 0, "Cl2": 0, "NaCl": -4.26, "AgCl": -1.32})
        >>> reaction = hull.strongest("Na", "AgCl")
        >>> reaction.equation, round(reaction.energy_ev, 2)
        ('Na + AgCl → Ag + NaCl', -2.94)
        """
        contents = {formula: parse_formula(formula) for formula in energies_ev}
        return cls.from_energies(
            {name: (content, energies_ev[name]) for name, content in contents.items()},
            sorted({x for content in contents.values() for x in content}),
        )

    @classmethod
    def from_energies(
        cls, phases: Mapping[str, tuple[Mapping[str, float], float]], elements: Collection[str]
    ) -> Hull:
        """Of compositions (atoms of each element) and their energies (eV), computed alike."""
        from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
        from pymatgen.core import Composition

        elements = tuple(elements)
        entries = [PDEntry(Composition(dict(c)), energy) for c, energy in phases.values()]
        energies = [entry.energy_per_atom for entry in entries]
        known = {str(entry.elements[0]) for entry in entries if len(entry.elements) == 1}
        stand_ins = tuple(x for x in elements if x not in known)
        shares = [[entry.composition.get_atomic_fraction(x) for x in elements] for entry in entries]
        mean = dict(zip(elements, np.linalg.lstsq(shares, energies)[0], strict=True))
        entries += [PDEntry(Composition(x), mean[x] + STAND_IN_EV) for x in stand_ins]
        return cls(
            elements,
            PhaseDiagram(entries),
            {name: dict(content) for name, (content, _) in phases.items()},
            dict(zip(phases, energies, strict=True)),
            stand_ins,
        )

    def above_hull_ev_per_atom(self, name: str) -> float:
        """By `DECOMPOSITION_FORMULA`; at least zero, but for rounding."""
        at = self._composition(name)
        return float(self.energies_ev_per_atom[name] - self.diagram.get_hull_energy_per_atom(at))

    def products(self, name: str) -> dict[str, float]:
        """What a phase becomes in equilibrium, formula -> amount, one formula unit of it."""
        at = self._composition(name)
        factor = at.get_reduced_composition_and_factor()[0].num_atoms
        return {formula: n * factor for formula, n in self._products(at).items()}

    def formation_ev_per_atom(self, name: str) -> float | None:
        """From the elements; None where one of them has no phase."""
        content = self.compositions[name]
        if set(content) & set(self.stand_ins):
            return None
        share = {x: n / sum(content.values()) for x, n in content.items()}
        lowest = {x: self.diagram.el_refs[_element(x)].energy_per_atom for x in share}
        return float(self.energies_ev_per_atom[name] - sum(share[x] * lowest[x] for x in share))

    def window(self, name: str, element: str) -> PotentialBounds:
        """Bounds of an element's Δμ for a phase, see `WINDOW_FORMULA`.

        Raises
        ------
        AnalysisError
            If the element has no phase of its own, or none that binds it to what the phase holds.
        """
        if element in self.stand_ins or element not in self.elements:
            raise AnalysisError(
                f"{name}: no window against {element}: there is no phase of {element} alone"
            )
        own = {*self.compositions[name], element}
        at = self._composition(name)
        rivals = {
            other: (its, self.energies_ev_per_atom[other] * sum(its.values()))
            for other, its in self.compositions.items()
            if set(its) <= own
        }
        found = bounds_at(dict(at.as_dict()), self.diagram.get_hull_energy(at), rivals, element)
        if found is None:
            raise AnalysisError(f"{name}: no window is found for its composition")
        empty = self.empty_systems({element: 1.0}, self.compositions[name])
        if empty and found.high_ev is not None and found.high_ev > -REACTS_EV:
            raise AnalysisError(f"{name}: its window against {element} is {not_known(empty)}")
        return found

    def empty_systems(self, first: Mapping[str, float], second: Mapping[str, float]) -> list[str]:
        """Of two sides, as `empty_systems` has them."""
        return empty_systems(first, second, self.compositions.values())

    def reactions(self, first: str, second: str) -> list[Reaction]:
        """All reactions between two phases at which the products change, by rising fraction.

        The first and last are what each becomes on its own.

        Raises
        ------
        AnalysisError
            If a phase is not among those of the hull.
        """
        one, two = (self._composition(name) for name in (first, second))
        a, b = one.fractional_composition, two.fractional_composition
        energies = [self.energies_ev_per_atom[name] for name in (first, second)]
        own = [self.diagram.get_hull_energy_per_atom(at) for at in (a, b)]
        found = []
        for mixed in self.diagram.get_critical_compositions(b, a):
            x = _fraction(mixed, a, b)
            hull = self.diagram.get_hull_energy_per_atom(mixed)
            energy = hull - x * energies[0] - (1 - x) * energies[1]
            mutual = hull - x * own[0] - (1 - x) * own[1]
            # amounts, one atom of the mixture
            reactants = {
                at.reduced_formula: share / at.reduced_composition.num_atoms
                for at, share in ((one, x), (two, 1 - x))
                if share > _LEAST_AMOUNT
            }
            unit = reactants.get(two.reduced_formula) or reactants[one.reduced_formula]
            products = self._products(mixed)
            found.append(
                Reaction(
                    float(x),
                    {formula: n / unit for formula, n in reactants.items()},
                    {formula: n / unit for formula, n in products.items()},
                    float(energy),
                    float(mutual),
                    float(energy / unit),
                )
            )
        return sorted(found, key=lambda reaction: reaction.fraction)

    def strongest(self, first: str, second: str) -> Reaction | None:
        """The reaction of the lowest mutual energy; None where two phases do not react."""
        lowest = min(self.reactions(first, second), key=lambda r: r.mutual_ev_per_atom)
        return lowest if lowest.mutual_ev_per_atom < -REACTS_EV else None

    def _composition(self, name: str) -> Any:
        from pymatgen.core import Composition

        if name not in self.compositions:
            raise AnalysisError(
                f"no phase {name!r} in {'-'.join(self.elements)}; "
                f"{nearest(name, self.compositions)}"
            )
        return Composition(dict(self.compositions[name]))

    def _products(self, at: Any) -> dict[str, float]:
        """Formula -> amount in an atom of a composition."""
        found: dict[str, float] = {}
        free: list[str] = []
        for entry, share in self.diagram.get_decomposition(at).items():
            if share > _LEAST_AMOUNT:
                unit = entry.composition.reduced_composition
                found[unit.reduced_formula] = float(share / unit.num_atoms)
                free += [x.symbol for x in unit.elements if entry.is_element]
        held = set(free) & set(self.stand_ins)
        if held:
            raise AnalysisError(
                f"{at.reduced_formula} would set free {' and '.join(sorted(held))}, of which there "
                "is no phase; add one"
            )
        return found


def _element(symbol: str) -> Any:
    from pymatgen.core import Element

    return Element(symbol)


def _fraction(mixed: Any, a: Any, b: Any) -> float:
    """Share of a's atoms in a mixture of a and b, all normalised to one atom."""
    elements = sorted({*a.elements, *b.elements})
    at, of_a, of_b = (np.array([c[x] for x in elements]) for c in (mixed, a, b))
    way = of_a - of_b
    length = float(way @ way)
    return float((at - of_b) @ way) / length if length else 0.0

"""Reactions over phase diagrams: pymatgen's own, balance, the sum over products, and limits."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.analysis.interface_reactions import InterfacialReactivity
from pymatgen.core import Composition
from scipy.optimize import linprog

from natriface.analysis.energies.reactivity import Hull, Reaction
from natriface.structures.base.errors import AnalysisError, StructureError
from tests.analysis.energies.test_chemical_potentials import crystal

ELEMENTS = ("Na", "Sn", "F")
FORMULAS = ("Na2", "Sn4", "F2", "NaF", "Sn4F8", "NaSn", "Na15Sn4", "SnF4", "Na4Sn2F8")
GIVEN = {
    "Na": -1.3, "Sn": -4.0, "NaF": -4.35, "SnF2": -5.2, "NaSn": -2.8, "Na15Sn4": -2.02,
}  # fmt: skip
"""Energies an atom, eV, near what PBE gives; F has no phase."""


def content(formula: str) -> dict[str, float]:
    return {str(x): n for x, n in Composition(formula).as_dict().items()}


def hull_of(per_atom: Mapping[str, float], shift: Mapping[str, float] | None = None) -> Hull:
    phases = {}
    for name, energy in per_atom.items():
        atoms = content(name)
        total = energy * sum(atoms.values())
        total += sum(n * (shift or {}).get(x, 0.0) for x, n in atoms.items())
        phases[name] = (atoms, total)
    return Hull.from_energies(phases, ELEMENTS)


def atoms_of(side: Mapping[str, float]) -> dict[str, float]:
    found: Counter[str] = Counter()
    for formula, amount in side.items():
        for element, n in content(formula).items():
            found[element] += amount * n  # type: ignore[assignment]
    return dict(found)


def assert_balanced(reaction: Reaction) -> None:
    left, right = atoms_of(reaction.reactants), atoms_of(reaction.products)
    for element in {*left, *right}:
        assert abs(left.get(element, 0.0) - right.get(element, 0.0)) < 1e-9


def lowest_energy(per_atom: Mapping[str, float], at: Mapping[str, float]) -> float:
    """Of any mixture of the phases, by linear programming."""
    rows = [[content(name).get(x, 0.0) for name in per_atom] for x in ELEMENTS]
    totals = [energy * sum(content(name).values()) for name, energy in per_atom.items()]
    found = linprog(totals, A_eq=rows, b_eq=[at.get(x, 0.0) for x in ELEMENTS])
    assert found.status == 0
    return float(found.fun)


ENERGIES = st.lists(
    st.floats(-3, -1).map(lambda e: round(e, 3)), min_size=len(FORMULAS), max_size=len(FORMULAS)
).map(lambda energies: dict(zip(FORMULAS, energies, strict=True)))


@given(per_atom=ENERGIES, pair=st.permutations(FORMULAS))
def test_reactions_are_balanced_and_have_the_lowest_energy(
    per_atom: dict[str, float], pair: list[str]
) -> None:
    first, second = pair[:2]
    hull = hull_of(per_atom)
    reactions = hull.reactions(first, second)
    for reaction in reactions:
        assert_balanced(reaction)
        x = reaction.fraction
        mixed: Counter[str] = Counter()
        for name, share in ((first, x), (second, 1 - x)):
            atoms = content(name)
            for element, n in atoms.items():
                mixed[element] += share * n / sum(atoms.values())  # type: ignore[assignment]
        energy = lowest_energy(per_atom, mixed)
        reactants = x * per_atom[first] + (1 - x) * per_atom[second]
        assert reaction.energy_ev_per_atom == pytest.approx(energy - reactants, abs=1e-7)
        assert reaction.mutual_ev_per_atom < 1e-7
        # the amounts carry the same energy as the hull
        held = {Composition(n).reduced_formula: 0.0 for n in per_atom}
        for name, own in per_atom.items():
            held[Composition(name).reduced_formula] = min(
                own, held[Composition(name).reduced_formula] or own
            )
        total = sum(
            amount * held[formula] * Composition(formula).num_atoms
            for formula, amount in reaction.products.items()
        )
        units = {first: reaction.reactants.get(Composition(first).reduced_formula, 0.0)}
        units[second] = reaction.reactants.get(Composition(second).reduced_formula, 0.0)
        total -= sum(
            amount * per_atom[name] * Composition(Composition(name).reduced_formula).num_atoms
            for name, amount in units.items()
        )
        assert reaction.energy_ev == pytest.approx(total, abs=1e-6)
    assert reactions[0].mutual_ev_per_atom == pytest.approx(0.0, abs=1e-9)
    assert reactions[-1].mutual_ev_per_atom == pytest.approx(0.0, abs=1e-9)
    ends = [hull.above_hull_ev_per_atom(name) for name in (second, first)]
    found = [-reactions[k].energy_ev_per_atom for k in (0, -1)]
    assert found == pytest.approx(ends, abs=1e-9)


@pytest.mark.parametrize("pair", [("Na", "SnF2"), ("NaF", "Sn"), ("NaSn", "SnF2"), ("Na", "Sn")])
def test_reactions_of_stable_phases_are_those_of_pymatgen(pair: tuple[str, str]) -> None:
    hull = hull_of(GIVEN)
    own = {r.fraction: r.energy_ev_per_atom for r in hull.reactions(*pair)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        theirs = InterfacialReactivity(*map(Composition, pair), hull.diagram)
    kinks = {x: energy for _, x, energy, _, _ in theirs.get_kinks()}
    assert list(own) == pytest.approx(sorted(kinks))
    assert list(own.values()) == pytest.approx([kinks[x] for x in sorted(kinks)], abs=1e-9)


@pytest.mark.parametrize("name", GIVEN)
def test_nothing_reacts_with_itself(name: str) -> None:
    hull = hull_of(GIVEN)
    assert hull.strongest(name, name) is None
    assert all(abs(r.energy_ev_per_atom) < 1e-9 for r in hull.reactions(name, name))


def test_tin_fluoride_gives_its_fluorine_to_sodium() -> None:
    """2 Na + SnF2 -> 2 NaF + Sn, and Na15Sn4 where there is sodium enough."""
    found = hull_of(GIVEN).reactions("Na", "SnF2")
    first, last = found[1], found[-2]
    assert first.reactants == pytest.approx({"Na": 2, "SnF2": 1})
    assert first.products == pytest.approx({"NaF": 2, "Sn": 1})
    assert first.energy_ev == pytest.approx(4 * -4.35 - 4.0 + 2 * 1.3 + 3 * 5.2)
    assert last.products == pytest.approx({"NaF": 2, "Na15Sn4": 0.25})
    assert last.energy_ev < first.energy_ev < 0
    assert first.equation == "2 Na + SnF2 → Sn + 2 NaF"


@given(
    shift=st.fixed_dictionaries(
        {"Na": st.floats(-5e3, 5e3), "Sn": st.floats(-5e3, 5e3), "F": st.floats(-5e3, 5e3)}
    )
)
def test_the_zero_of_each_element_does_not_matter(shift: dict[str, float]) -> None:
    """Nor for an element that has no phase."""
    expected = hull_of(GIVEN).strongest("Na", "SnF2")
    hull = hull_of(GIVEN, shift)
    found = hull.strongest("Na", "SnF2")
    assert hull.stand_ins == ("F",)
    assert found is not None
    assert expected is not None
    assert found.energy_ev == pytest.approx(expected.energy_ev, abs=1e-6)
    assert dict(found.products) == pytest.approx(dict(expected.products))


def test_windows_are_bounded_by_the_phases_and_open_where_none_bounds() -> None:
    hull = hull_of(GIVEN)
    window = hull.window("NaSn", "Na")
    # to Sn below: 2 x -2.8 + 4.0 + 1.3; to Na15Sn4 above
    assert window.low_ev == pytest.approx(-0.3)
    assert window.high_ev == pytest.approx((19 * -2.02 - 8 * -2.8) / 11 + 1.3)
    salt = hull.window("NaF", "Na")
    assert salt.low_ev is None
    assert salt.high_ev == pytest.approx(0.0, abs=1e-6)
    # 2 Na + SnF2 -> 2 NaF + Sn at 1.6 V; it has no sodium to give off
    fluoride = hull.window("SnF2", "Na")
    assert fluoride.low_ev is None
    assert fluoride.high_ev == pytest.approx((4 * -4.35 - 4.0 + 2 * 1.3 + 3 * 5.2) / 2)
    with pytest.raises(AnalysisError, match="no phase of F alone"):
        hull.window("NaF", "F")


def test_formation_energies_need_every_element() -> None:
    hull = hull_of(GIVEN)
    assert hull.formation_ev_per_atom("NaSn") == pytest.approx(-2.8 + (4.0 + 1.3) / 2)
    assert hull.formation_ev_per_atom("NaF") is None


def test_only_like_and_sound_energies_make_a_hull() -> None:
    phases = {"Na": crystal("Na", -1.3), "Sn": crystal("Sn", -4.0), "V": crystal("V", -9.0)}
    hull = Hull.of(phases, ["Na", "Sn"])
    assert list(hull.compositions) == ["Na", "Sn"]
    with pytest.raises(AnalysisError, match="not computed alike"):
        Hull.of(phases | {"NaSn": crystal("NaSn", -6.0, protocol="fast")}, ["Na", "Sn"])
    with pytest.raises(AnalysisError, match="no energy"):
        Hull.of(phases | {"NaSn": crystal("NaSn", -6.0, status="unconverged")}, ["Na", "Sn"])
    with pytest.raises(AnalysisError, match="no phase of Zr"):
        Hull.of(phases, ["Zr"])
    with pytest.raises(AnalysisError, match="no phase 'NaSm'"):
        hull.reactions("NaSm", "Na")
    assert np.isclose(hull.above_hull_ev_per_atom("Na"), 0.0)


def test_formulas_and_their_energies_are_enough() -> None:
    """Sodium takes the chloride from silver: the difference of the enthalpies of formation."""
    found = Hull.from_formulas({"Na": -1.0, "Ag": -3.0, "Cl2": -4.0, "NaCl": -7.26, "AgCl": -6.32})
    reaction = found.strongest("Na", "AgCl")
    assert reaction is not None
    assert reaction.energy_ev == pytest.approx((-7.26 - 3.0) - (-6.32 - 1.0))
    assert (reaction.reactants, reaction.products) == (
        {"Na": pytest.approx(1), "AgCl": pytest.approx(1)},
        {"NaCl": pytest.approx(1), "Ag": pytest.approx(1)},
    )
    assert_balanced(reaction)
    with pytest.raises(StructureError, match="'Xq' is not an element"):
        Hull.from_formulas({"Na": 0.0, "NaXq": -1.0})

"""What a layer gains by reacting, against what can be told by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natriface.analysis.energies.layer_reaction import full_reaction
from natriface.analysis.energies.reactivity import Hull

NA, S = ({"Na": 1}, 0.0), ({"S": 1}, 0.0)
SODIUM_SULPHUR = {
    "Na": NA,
    "S": S,
    "Na2S": ({"Na": 2, "S": 1}, -3.0),
    "NaS": ({"Na": 1, "S": 1}, -2.0),
}


def test_a_unit_takes_as_much_as_lowers_it_most_and_no_more() -> None:
    hull = Hull.from_energies(SODIUM_SULPHUR, ["Na", "S"])
    for first, second in (("Na", "S"), ("S", "Na")):
        reactions = hull.reactions(first, second)
        sulphur = full_reaction(reactions, 1, consumes_first=first == "S")
        assert sulphur is not None
        assert sulphur.energy_ev == pytest.approx(-3.0)  # S + 2 Na -> Na2S, not NaS at -2
        assert sulphur.consumed_share == pytest.approx(1 / 3)
        sodium = full_reaction(reactions, 1, consumes_first=first == "Na")
        assert sodium is not None
        assert sodium.energy_ev == pytest.approx(-2.0)  # Na + S -> NaS, not half of Na2S at -1.5
        assert sodium.consumed_share == pytest.approx(1 / 2)
    # 2 atoms of S on 10 A2
    assert sulphur.j_per_m2(0.2) == pytest.approx(-0.6 * 16.02176634)


@given(st.floats(0, 2))
def test_what_the_other_does_on_its_own_is_not_counted(above_ev: float) -> None:
    """A film above the hull would gain without bound the more of it there is."""
    phases = SODIUM_SULPHUR | {"bad": ({"Na": 1}, above_ev)}
    hull = Hull.from_energies(phases, ["Na", "S"])
    found = full_reaction(hull.reactions("bad", "S"), 1, consumes_first=False)
    assert found is not None
    assert found.energy_ev == pytest.approx(-3.0)


def test_what_does_not_react_has_no_reaction() -> None:
    hull = Hull.from_energies(SODIUM_SULPHUR, ["Na", "S"])
    assert full_reaction(hull.reactions("NaS", "Na2S"), 2, consumes_first=True) is None

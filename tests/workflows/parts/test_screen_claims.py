"""A screening of known energies held against claims: what is taken, joined and judged."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natriface.analysis.results.claim import Claim
from natriface.analysis.verdicts.verdict import Verdict, judge_claim
from natriface.workflows.parts.screen.labels import CandidateLabels, Choices
from natriface.workflows.parts.screen.measurements import measurements, relaxed_energies
from natriface.workflows.parts.screen.records import CandidateRecord, StageEnergy
from natriface.workflows.surfaces.labels import SlabLabels

F = "1 F on O (site {site} of orbit O{site} (x2; P 1.554)); {balance}; net formal charge +0 e"
CLAIM = Claim.model_validate(
    {
        "text": "F makes it bind more",
        "place": "here",
        "quantity": "interfacial formation energy",
        "comparison": "rising",
        "of": ["NaF|NZSP-NSF", "NaF|NZSP"],
    }
)
Made = tuple[CandidateRecord, CandidateLabels]


def candidate(
    name: str,
    *energies: tuple[str, float, str],
    doping: str | None = None,
    label: str = "NSF",
    off: float | None = 0.02,
    **more: Any,
) -> Made:
    """A candidate with (what was computed, J/m2, potential) of each stage."""
    chosen = {
        "substrate": "(100)-1, 1 layers",
        "film": "(110)-1 flipped, 3 layers",
        "substrate_dopant": doping,
        "strained": "film",
        "area_angstrom2": 80.0,
        "max_strain": 0.03,
        "registry": (0.0, 0.0),
        "gap_angstrom": 2.0,
        "n_atoms": 60,
        **more,
    }
    choices = Choices.model_validate(chosen)
    substrate = "NZSP" if doping is None else f"NZSP-{label}"
    pair = f"NaF|{substrate}"
    stages = tuple(
        StageEnergy(
            stage=k,
            compute=compute,
            step=f"{name}-{k}",
            potential=potential,
            energy_j_per_m2=energy,
            slabs_differ_j_per_m2=off if compute == "relax" else None,
        )
        for k, (compute, energy, potential) in enumerate(energies, 1)
    )
    labels = CandidateLabels(
        pair=pair,
        candidate=name,
        stage=1,
        compute="static",
        choices=choices,
        references={},
        n_contacts=1,
        film=SlabLabels(name="NaF", phase="NaF", grade="", source=""),
        substrate=SlabLabels(name=substrate, phase="NZSP", grade="", source="", doping=doping),
    )
    record = CandidateRecord(
        candidate=name, pair=pair, film="NaF", substrate=substrate, choices=choices, stages=stages
    )
    return record, labels


def verdict(*made: Made, claim: Claim = CLAIM) -> Verdict:
    records, labels = zip(*made, strict=True)
    labelled = {one.candidate: one for one in labels}
    return judge_claim(claim, measurements(relaxed_energies(records, labelled)), {})


def relaxed(name: str, energy: float, shift: float = 0.0, **more: Any) -> Made:
    stages = ("static", 9.0, "chgnet"), ("relax", energy, "chgnet")
    return candidate(name, *stages, registry=(shift, 0.0), **more)


def doped(site: int, balance: str = "uncompensated", arrangement: int | None = None) -> str:
    mark = "" if arrangement is None else f", arrangement {arrangement}"
    return F.format(site=site, balance=balance) + mark


UNDOPED = (relaxed("a", -0.50), relaxed("b", -0.46, 0.5))


def test_each_site_is_a_sample_by_the_lowest_of_its_registries() -> None:
    found = verdict(
        *UNDOPED,
        relaxed("c", -0.90, doping=doped(1)),
        relaxed("d", -0.85, 0.5, doping=doped(1)),
        relaxed("e", -1.00, doping=doped(2)),
        relaxed("f", -0.97, 0.5, doping=doped(2)),
    )
    assert found.kind == "holds"
    assert (found.n_samples, found.n_for) == (2, 2)
    assert (found.least, found.most) == pytest.approx((0.40, 0.50))
    # registries 0.04 and slabs 0.02 on one side, 0.05 or 0.03 and 0.02 on the other
    ends = [(0.04**2 + 0.02**2 + own**2 + 0.02**2) ** 0.5 for own in (0.05, 0.03)]
    assert found.uncertainty == pytest.approx(sum(ends) / 2)
    assert found.tried["facet of the film"] == ["(110)-1 flipped"]
    assert len(found.tried["site"]) == 2


def test_an_effect_within_the_spread_of_registries_is_none() -> None:
    wide = (relaxed("a", -0.50), relaxed("b", -0.20, 0.5))
    own = {"doping": doped(1)}
    found = verdict(*wide, relaxed("c", -0.60, **own), relaxed("d", -0.58, 0.5, **own))
    assert (found.kind, found.n_neither) == ("no difference", 1)


def test_slabs_that_began_in_a_minimum_are_as_uncertain_as_the_same_slabs_elsewhere() -> None:
    def effect_of(*offs: float | None) -> Verdict:
        own = {"doping": doped(1)}
        low, high = (
            relaxed(n, e, s, off=o, **own) for (n, e, s), o in zip(MADE, offs, strict=True)
        )
        return verdict(*UNDOPED, low, high)

    known, found = effect_of(0.03, 0.03), effect_of(None, 0.03)
    assert (found.kind, found.uncertainty) == ("holds", known.uncertainty)
    assert (found.uncertainty or 0.0) > (effect_of(0.01, 0.01).uncertainty or 0.0)
    assert effect_of(None, None).kind == "not tested"


MADE = (("c", -0.90, 0.0), ("d", -0.85, 0.5))


def test_one_registry_says_nothing() -> None:
    found = verdict(*UNDOPED, relaxed("c", -2.0, doping=doped(1)))
    assert (found.kind, found.n_samples) == ("not tested", 1)
    assert found.effect == pytest.approx(1.5)


def test_what_flips_with_the_compensation_depends_on_it() -> None:
    si = {"doping": doped(1, "compensated by 1 x P -> Si (atoms 14)"), "label": "NSF-Si"}
    bare = {"doping": doped(1)}
    found = verdict(
        *UNDOPED,
        relaxed("c", -0.90, **bare),
        relaxed("d", -0.88, 0.5, **bare),
        relaxed("e", -0.20, **si),
        relaxed("f", -0.18, 0.5, **si),
    )
    assert (found.kind, found.depends_on) == ("depends", ["compensation"])
    assert found.n_for == found.n_against == 1


@pytest.mark.parametrize(
    "other",
    [
        {"substrate": "(110)-1, 1 layers"},
        {"substrate": "(100)-2, 1 layers"},
        {"film": "(110)-1, 3 layers"},
        {"film": "(110)-1 flipped, 2 layers"},
        {"area_angstrom2": 160.0},
        {"strained": "both"},
    ],
)
def test_unlike_candidates_are_not_joined(other: dict[str, Any]) -> None:
    own = {"doping": doped(1), **other}
    found = verdict(*UNDOPED, relaxed("c", -0.90, **own), relaxed("d", -0.85, 0.5, **own))
    assert found.why == "no two were computed with like choices"


def test_unrelaxed_energies_are_never_taken() -> None:
    static = (
        candidate("a", ("static", -1.0, "chgnet")),
        candidate("b", ("static", -2.0, "chgnet"), doping=doped(1)),
    )
    assert verdict(*static).n_samples == 0


def test_another_potential_at_relaxed_geometries_is_another_sample() -> None:
    def both(name: str, first: float, second: float, shift: float, **more: Any) -> Made:
        stages = ("relax", first, "chgnet"), ("static", second, "sevennet")
        return candidate(name, *stages, registry=(shift, 0.0), **more)

    found = verdict(
        both("a", -0.50, -0.90, 0.0),
        both("b", -0.46, -0.88, 0.5),
        both("c", -0.90, -0.50, 0.0, doping=doped(1)),
        both("d", -0.88, -0.47, 0.5, doping=doped(1)),
    )
    assert (found.kind, found.depends_on) == ("depends", ["potential"])
    assert (found.least, found.most) == pytest.approx((-0.4, 0.4))


def test_of_stages_by_one_potential_the_last_is_taken() -> None:
    def twice(name: str, coarse: float, fine: float, shift: float, **more: Any) -> Made:
        stages = ("relax", coarse, "chgnet"), ("relax", fine, "chgnet")
        return candidate(name, *stages, registry=(shift, 0.0), **more)

    found = verdict(
        twice("a", -0.1, -0.50, 0.0),
        twice("b", -0.1, -0.46, 0.5),
        twice("c", -0.9, -0.30, 0.0, doping=doped(1)),
        twice("d", -0.9, -0.28, 0.5, doping=doped(1)),
    )
    assert (found.kind, found.n_samples) == ("does not hold", 1)
    assert found.effect == pytest.approx(-0.2)


def test_arrangements_that_differ_in_what_compensates_are_not_taken_for_registries() -> None:
    vacancies = [doped(1, f"compensated by 1 x Na -> vacancy (atoms {k})", k) for k in (1, 2)]
    found = verdict(
        *UNDOPED, *(relaxed(f"c{k}", -0.9 - k, doping=told) for k, told in enumerate(vacancies))
    )
    assert (found.kind, found.n_samples) == ("not tested", 2)


@given(order=st.permutations(range(6)))
def test_the_order_of_candidates_does_not_matter(order: list[int]) -> None:
    made = [
        *UNDOPED,
        relaxed("c", -0.90, doping=doped(1)),
        relaxed("d", -0.85, 0.5, doping=doped(1)),
        relaxed("e", -0.3, doping=doped(2)),
        relaxed("f", -0.28, 0.5, doping=doped(2)),
    ]
    assert verdict(*(made[k] for k in order)) == verdict(*made)

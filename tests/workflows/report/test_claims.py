"""What a report says in short of a source's claims."""

from __future__ import annotations

from natriface.analysis.results.claim import Measurement
from natriface.analysis.results.published import load_published
from natriface.workflows.report.claims import claims_table, judged
from natriface.workflows.report.in_short import Asked, in_short

LI = load_published("li2025")
DOPED, CLEAN = "NaF|NZSP-NSF", "NaF|NZSP"


def energy(system: str, value: float, **choices: str) -> Measurement:
    quantity = "interfacial formation energy"
    return Measurement(quantity, system, value, 0.1, choices)  # type: ignore[arg-type]


def short(*measured: Measurement) -> str:
    asked = Asked("mine", "Asked.", by_dft=False, settled_by={"start": "effort: thorough"})
    return " ".join(in_short(asked, judged(LI, measured), LI))


def test_what_the_source_has_no_value_of_is_compared_with_nothing() -> None:
    text = short(energy("NaI|NZSP", -0.5))
    assert f"Nothing in it bears on a claim of {LI.short_name} yet" in text
    assert "Without a sample" not in text
    assert claims_table(judged(LI, [energy("NaI|NZSP", -0.5)]), LI) is None


def test_a_claim_whose_systems_were_not_computed_is_not_borne_on() -> None:
    text = short(energy(CLEAN, -0.5))
    assert "Without a sample: F in NZSP makes NaF bind more;" in text
    assert "Open" not in text


def test_only_claims_with_samples_are_counted() -> None:
    text = short(energy(CLEAN, -0.5), energy(DOPED, -1.5))
    assert f"bear on 2 claims of {LI.short_name}, and decide 2 of them" in text
    assert "Holds here: F in NZSP makes NaF bind more" in text
    assert "Without a sample: F in NZSP makes Na bind less" in text


def test_samples_that_speak_for_and_against_are_not_called_alike() -> None:
    def with_gain(gain: float, facet: str, site: str) -> list[Measurement]:
        chosen = {"facet": facet, "site": site}
        return [energy(CLEAN, -0.5, facet=facet), energy(DOPED, -0.5 - gain, **chosen)]

    gains = {("a", "1"): 1.0, ("a", "2"): -1.0, ("b", "1"): -1.0, ("b", "2"): 1.0}
    text = short(
        *(m for (facet, site), gain in gains.items() for m in with_gain(gain, facet, site))
    )
    assert "Samples do not agree: F in NZSP makes NaF bind more" in text
    assert "No difference" not in text


def test_effects_within_their_uncertainty_are_no_difference() -> None:
    text = short(energy(CLEAN, -0.5), energy(DOPED, -0.51))
    assert "No difference that exceeds its uncertainty: F in NZSP makes NaF bind more" in text
    assert "Samples do not agree" not in text


def test_an_effect_within_its_uncertainty_is_not_called_decided() -> None:
    text = short(energy(CLEAN, -0.5), energy(DOPED, -0.51))
    assert f"bear on 2 claims of {LI.short_name}, and decide 1 of them" in text


def test_what_an_outcome_depends_on_is_told_once_for_a_claim_and_its_contrary() -> None:
    uncompensated, balanced = "uncompensated", "compensated by 1 x P -> Si"
    clean, doped = "Na|NZSP", "Na|NZSP-NSF"
    measured = [
        energy(clean, -0.5),
        energy(doped, 0.5, compensation=uncompensated, layers="2 layers on 1 layer"),
        energy(doped, -1.5, compensation=balanced, layers="3 layers on 1 layer"),
    ]
    text = short(*measured)
    outcome = "as claimed with the dopant uncompensated, against it with the dopant compensated by"
    assert f"F in NZSP makes Na bind less (the values as printed), {outcome} 1 x P -> Si;" in text
    assert "the values swapped), the other way round." in text
    less = next(c for c in judged(LI, measured) if c.claim.text == "F in NZSP makes Na bind less")
    assert less.verdict.why.endswith(
        "as claimed with the dopant uncompensated and 2 layers on 1 layer, "
        "against it with the dopant compensated by 1 x P -> Si and 3 layers on 1 layer"
    )


def test_a_reversed_order_is_called_reversed_with_its_values() -> None:
    text = short(energy(CLEAN, -1.5), energy(DOPED, -0.5))
    assert "the order is reversed: F in NZSP makes NaF bind more" in text
    assert "J/m²: NaF|NZSP-NSF −0.50, NaF|NZSP −1.50" in text


def test_a_size_that_is_another_one_is_not_reproduced() -> None:
    text = short(energy(CLEAN, -0.5))
    assert (
        "Not reproduced: Contact lowers the energy by as much as is printed (off by +2.81" in text
    )


def test_what_is_open_names_the_key_that_settles_it() -> None:
    one_start = Measurement("interfacial formation energy", CLEAN, -0.5)
    assert "Next: more starts (effort: thorough), where a claim is open" in short(one_start)


def test_claims_without_a_sample_are_not_called_the_other_way_round() -> None:
    assert "the other way round" not in short(energy("NaI|NZSP", -0.5))


def test_one_step_is_left_or_several_are() -> None:
    (_, todo) = in_short(Asked("mine", "Asked.", n_left=1))
    assert todo == "Next: the 1 step that is left (natriface run mine)."


def test_a_study_without_claims_has_its_outcome_and_what_is_left() -> None:
    asked = Asked("mine", "Asked.", ["Red is hot."], n_left=2)
    assert in_short(asked) == [
        "Asked.",
        "Red is hot.",
        "Next: the 2 steps that are left (natriface run mine).",
    ]

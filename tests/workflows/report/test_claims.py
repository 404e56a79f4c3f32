"""What a report says in short of a source's claims."""

from __future__ import annotations

from natriface.analysis.results.claim import Measurement
from natriface.analysis.results.published import load_published
from natriface.workflows.report.claims import in_short, judged

LI = load_published("li2025")
DOPED, CLEAN = "NaF|NZSP-NSF", "NaF|NZSP"


def energy(system: str, value: float, **choices: str) -> Measurement:
    quantity = "interfacial formation energy"
    return Measurement(quantity, system, value, 0.1, choices)  # type: ignore[arg-type]


def short(*measured: Measurement) -> str:
    return " ".join(in_short(judged(LI, measured), LI, asked="Asked.", by_dft=False))


def test_a_claim_whose_systems_were_not_computed_is_not_borne_on() -> None:
    text = short(energy("NaI|NZSP", -0.5))
    assert "bear on no claim of" in text
    assert "Without a sample: F in NZSP makes NaF bind more;" in text
    assert "Open" not in text
    assert "rests on" not in text


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

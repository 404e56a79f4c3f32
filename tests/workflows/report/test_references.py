"""BibTeX of what a study rests on: each once, nothing else, and well formed."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from natriface.analysis.results.published import load_published
from natriface.analysis.results.result import EngineRecord
from natriface.workflows.engines.potential.families import potential_of
from natriface.workflows.report.references import ALWAYS, references

CHGNET = EngineRecord(name="potential", version="1", model="chgnet-0.3.0")


def keys(bibtex: str) -> list[str]:
    return re.findall(r"^@\w+\{([^,]+),", bibtex, flags=re.MULTILINE)


def test_a_study_cites_its_engines_potentials_crystals_and_source() -> None:
    engines = [CHGNET, CHGNET, EngineRecord(name="gpaw", version="25")]
    text = references("9.9", engines, load_published("li2025"), {"NZSP": "PBE, mp-1"})
    assert keys(text) == [*ALWAYS, "gpaw", "chgnet-0.3.0", "crystal-NZSP", "li2025"]
    potential = potential_of("chgnet-0.3.0")
    assert potential is not None
    assert potential.citation in text
    assert "version = {9.9}" in text
    assert "Nat. Commun. (2025)" in text


def test_what_was_not_used_is_not_cited() -> None:
    assert "vasp" not in keys(references("1", [CHGNET]))


@given(st.text(), st.text())
def test_words_of_a_user_leave_the_braces_paired(phase: str, source: str) -> None:
    text = references("1", [], None, {phase: source})
    plain = re.sub(r"\\.", "", text)
    assert plain.count("{") == plain.count("}")
    assert len(keys(text)) == len(ALWAYS) + 1

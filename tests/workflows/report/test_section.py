"""Sections reach the page, the documents and the tables without the report knowing them."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from ase.build import bulk
from matplotlib.figure import Figure

from natriface.analysis.results.claim import Measurement
from natriface.analysis.results.result import EngineRecord, Result, StepRecord
from natriface.structures.base.atoms import to_document
from natriface.workflows.commands.tables import print_verdict
from natriface.workflows.parts import PARTS
from natriface.workflows.parts.interfaces.evaluation.gathering import ExpectedStep
from natriface.workflows.report.page import ProtocolRecord, write_report
from natriface.workflows.report.section import Listed, Section, SectionContext
from natriface.workflows.report.table import Column, Table

METADATA = {"section": "colours", "role": "colour"}


def result(name: str, status: str = "converged") -> Result:
    return Result(
        kind="static",
        status=status,  # type: ignore[arg-type]
        reason=None if status == "converged" else "did not end",
        engine=EngineRecord(name="gpaw", version="26.7"),
        step=StepRecord(id=name * 3, name=name, metadata=METADATA),
        energy_ev=-1.25,
        final_structure=to_document(bulk("Na")),
    )


def colours(results: Sequence[Result], context: SectionContext) -> Section:
    figure = Figure()
    figure.add_subplot().plot([0, 1])
    return Section(
        key="colours",
        title="Colours of steps",
        findings=[f"{len(results)} of {len(context.expected)} steps have a colour."],
        blocks=[
            "A <b>bold</b> claim.",
            context.draw(figure, "colours", caption="A line.", alt="line"),
            Table(
                "Energies of colours",
                [Column("step"), Column("energy", "eV", 2)],
                [[r.label, r.energy_ev] for r in results if r.status == "converged"]
                + [[step.name, None] for step in context.expected if step.name == "blue"],
                notes=[context.reason(context.expected[-1])],
            ),
            Listed("To be taken with care", ["Colours fade."]),
        ],
        methods=["Colours are seen, not computed."],
        values={"energies_ev": {r.label: r.energy_ev for r in results}},
    )


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    module = ModuleType("colours.section")
    module.section = colours  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "colours", ModuleType("colours"))
    monkeypatch.setitem(sys.modules, "colours.section", module)
    monkeypatch.setitem(PARTS, "colours", "colours")
    names = ("red", "green", "blue")
    expected = [ExpectedStep(n * 3, n, "static", 1, METADATA) for n in names]
    return write_report(
        [result("red"), result("green", "truncated")],
        tmp_path,
        study_name="hues",
        title="Hues",
        expected=expected,
        missing={"blueblueblue": "its <disk> was full"},
        protocol=ProtocolRecord(name="fast"),
    )


def test_page_shows_the_section(page: Path) -> None:
    text = page.read_text()
    assert "2 of 3 steps have a colour." in text
    assert "A &lt;b&gt;bold&lt;/b&gt; claim." in text
    assert "−1.25" in text or "-1.25" in text
    assert "Colours fade." in text
    assert "Colours are seen, not computed." in text
    assert text.count("data:image/svg+xml") == 1
    assert "energies_of_colours.csv" in text
    assert "its &lt;disk&gt; was full" in text
    assert "interfacial formation energy is" not in text
    assert "Not DFT" not in text


def test_files_hold_the_section(page: Path) -> None:
    document = json.loads((page.parent / "results.json").read_text())
    section = document["sections"]["colours"]
    assert section["values"]["energies_ev"] == {"red": -1.25, "green": -1.25}
    assert section["tables"][0]["rows"] == [["red", -1.25], ["blue", None]]
    states = {row["name"]: row["status"] for row in document["steps"]}
    assert states == {"red": "converged", "green": "truncated", "blue": "no result"}
    assert {row["name"] for row in document["unfinished"]} == {"green", "blue"}
    rows = list(csv.reader((page.parent / "energies_of_colours.csv").open()))
    assert rows == [["step", "energy (eV)"], ["red", "-1.25"], ["blue", ""]]
    assert (page.parent / "figures" / "colours.png").is_file()
    assert not (page.parent / "results.csv").exists()


def colours_measured(results: Sequence[Result], context: SectionContext) -> Section:
    values = (("NaF", 0.7, {"directions": "1"}), ("Na3PO4", 0.2, {"directions": "1"}))
    return replace(
        colours(results, context),
        measurements=[
            Measurement("migration barrier", system, barrier, 0.01, choices)  # type: ignore[arg-type]
            for system, barrier, choices in values
        ],
        glossary={"red": "as <seen>"},
    )


def test_claims_are_held_against_what_a_section_measured(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.modules["colours.section"], "section", colours_measured)
    page = write_report(
        [result("red")],
        tmp_path,
        study_name="hues",
        title="Hues",
        expected=[ExpectedStep("redredred", "red", "static", 1, METADATA)],
        compare_with="li2025",
        protocol=ProtocolRecord(name="fast"),
    )
    document = json.loads((tmp_path / "results.json").read_text())
    (told,) = [each for each in document["claims"] if each["measured"]]
    assert told["claim"]["of"] == ["NaF", "Na3PO4"]
    assert told["verdict"]["kind"] == "does not hold"
    assert told["verdict"]["effect"] == pytest.approx(-0.5)
    (row,) = list(csv.DictReader((tmp_path / "claims.csv").open()))
    assert (row["verdict"], row["unit"], row["samples"]) == ("does not hold", "eV", "1")
    assert float(row["effect"]) == pytest.approx(-0.5)
    text = page.read_text()
    assert text.index("In short") < text.index('id="claims"') < text.index('id="colours"')
    assert "−0.50 ± 0.01 eV" in text
    reversed_order = "the order is reversed: Na moves more easily in NaF than in Na3PO4"
    assert f"{reversed_order} (migration barrier, eV: NaF 0.70, Na3PO4 0.20)" in text
    assert "as &lt;seen&gt;" in text
    assert 3 <= len(document["in_short"]) <= 5
    print_verdict(tmp_path / "results.json")
    printed = capsys.readouterr().out
    assert "does not hold" in printed
    for paragraph in document["in_short"]:
        assert paragraph in printed


def test_without_a_source_there_is_no_claim(page: Path) -> None:
    document = json.loads((page.parent / "results.json").read_text())
    assert document["claims"] == []
    opening, outcome, todo = document["in_short"]
    assert opening.startswith("Hues: 1 of 3 calculations by gpaw")
    assert outcome == "2 of 3 steps have a colour."  # its only finding, said once
    assert page.read_text().count(outcome) == 1
    assert "the 2 steps that are left (natriface run STUDY)" in todo
    assert 'id="claims"' not in page.read_text()
    assert not (page.parent / "claims.csv").exists()


def test_page_tells_files_of_weights_apart(tmp_path: Path) -> None:
    results = []
    for name, digit in (("red", "a"), ("green", "b"), ("blue", "b")):
        by = EngineRecord(
            name="potential", version="mace 1", model="mace_mp", weights_sha256=64 * digit
        )
        results.append(result(name).model_copy(update={"engine": by}))
    protocol = ProtocolRecord(name="fast")
    page = write_report(results, tmp_path, study_name="hues", title="Hues", protocol=protocol)
    text = page.read_text()
    for digit in "ab":
        assert text.count(f"potential mace 1, model mace_mp, weights {12 * digit}") == 1

"""Sections reach the page, the documents and the tables without the report knowing them."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest
from ase.build import bulk
from matplotlib.figure import Figure

from natriface.analysis.results.result import EngineRecord, Result, StepRecord
from natriface.structures.base.atoms import to_document
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

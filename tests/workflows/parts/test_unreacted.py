"""Values below the bound of an unreacted contact are marked, ours and those printed."""

from __future__ import annotations

import pytest

from natriface.analysis.results.published import load_published
from natriface.workflows.parts.interfaces.blocks.comparison import compare
from natriface.workflows.parts.interfaces.blocks.tables import BELOW_BOUND, VALUE, overview
from natriface.workflows.parts.interfaces.evaluation.records import (
    BoundRecord,
    InterfaceRecord,
    Quantity,
    SlabRecord,
)
from natriface.workflows.report.steps import StepRow


def _record(pair: str, ours: float, bound: float | None) -> InterfaceRecord:
    film, substrate = pair.split("|")
    return InterfaceRecord(
        pair=pair,
        film=SlabRecord(name=film),
        substrate=SlabRecord(name=substrate),
        interfacial_formation_energy=Quantity(value_j_per_m2=ours),
        bound=BoundRecord(value_j_per_m2=bound, reason=None if bound else "no multiple"),
        steps=[StepRow(role="interface", name=pair, status="converged")],
    )


def test_what_lies_below_is_marked_and_said() -> None:
    published = load_published("li2025")
    records = [
        _record("Na|NZSP", -0.95, -0.9),  # below, as is the printed -2.40
        _record("NaF|NZSP", -0.2, -5.0),  # neither, printed -3.31
        _record("NaF|NZSP-NSF", -9.0, None),  # not known
    ]
    table = overview(records, published)
    printed = published.short_name
    marked = {key for key, mark in table.marks.items() if BELOW_BOUND in mark}
    assert marked == {(0, VALUE), (0, printed)}
    assert "†" in table.marks[0, printed]  # the source contradicts itself there, too
    assert any("surfaces it takes away" in note for note in table.notes)
    (sentence,) = [text for text in compare(records, published).reasons if "Bounds" in text]
    assert "of the 2 values printed" in sentence
    assert "1 do (J/m²: Na|NZSP -2.40 below -0.90)" in sentence.replace("−", "-")


@pytest.mark.parametrize(("ours", "marked"), [(-0.905, False), (-0.92, True)])
def test_rounding_is_no_violation(ours: float, marked: bool) -> None:
    table = overview([_record("Na|NZSP", ours, -0.9)], None)
    assert ((0, VALUE) in table.marks) is marked


def test_no_bound_no_column() -> None:
    record = _record("Na|NZSP", -0.95, -0.9).model_copy(update={"bound": None})
    table = overview([record], None)
    assert not any("bound" in column.title for column in table.columns)
    assert table.marks == {}

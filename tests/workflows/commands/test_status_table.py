"""How `natriface status` counts steps."""

from __future__ import annotations

from pathlib import Path

from natriface.workflows.commands.tables import stage_table
from natriface.workflows.running.status import StepStatus


def test_what_is_in_no_stage_has_a_row_of_its_own() -> None:
    steps = [
        StepStatus("a", "Na crystal", "finished", Path("a"), wall_s=30.0),
        StepStatus("b", "NaF|Na, stage 1", "finished", Path("b"), wall_s=2.0),
        StepStatus("c", "NaF|Na, stage 2", "ready", Path("c"), estimate_s=9.0),
    ]
    stages = {"b": 1, "c": 2}
    names = ["in none", 1, 2]
    table = stage_table(steps, stages)
    assert [row[0] for row in table.rows] == names
    assert [row[-2] for row in table.rows] == [30.0, 2.0, 0.0]
    assert [row[0] for row in stage_table(steps[1:], stages).rows] == names[1:]

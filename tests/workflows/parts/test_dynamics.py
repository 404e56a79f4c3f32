"""What a study cannot ask of contacts in motion is refused before anything is computed."""

from __future__ import annotations

from pathlib import Path

import pytest

from natriface.structures.base.errors import StudyError
from natriface.workflows.planning import plan_study
from natriface.workflows.study import load_study

INTERFACES = """
substrates: {NaF: {phase: NaF, miller: [1, 0, 0], layers: 1}}
films: {Na: {phase: Na, miller: [1, 0, 0], layers: 2}}
interfaces: {max_strain_percent: 10}
quantities: [integrity]
"""


def planned(folder: Path, text: str) -> int:
    path = folder / "study.yaml"
    path.write_text(f"name: motion\ntitle: Motion\n{text}")
    return len(plan_study(load_study(path), folder, to_run=False))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dynamics: {kelvin: [300]}", "give substrates and films"),
        (INTERFACES + "dynamics: {kelvin: [300, 300]}", "stands there twice"),
        (INTERFACES + "dynamics: {seeds: 0}", "seeds"),
        (INTERFACES + "engine: vasp\ndynamics: {}", "engine vasp has no settings kelvin and seed"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        planned(tmp_path, text)


def test_a_run_is_planned_for_each_temperature_and_seed(tmp_path: Path) -> None:
    alone = planned(tmp_path, INTERFACES)
    moved = planned(tmp_path, INTERFACES + "dynamics: {kelvin: [300, 600, 900], seeds: 3}")
    assert moved == alone + 9

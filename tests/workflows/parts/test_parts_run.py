"""Migration and adsorption from a study file to the report, on a potential that costs nothing."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from ase.build import bulk
from ase.io import write

from natriface.workflows.planning import plan_study
from natriface.workflows.report.study import report_study
from natriface.workflows.running.progress import Lines
from natriface.workflows.running.run import RunSummary, run_plan
from natriface.workflows.study import load_study
from natriface.workflows.workspace import Workspace
from tests.paths import child_path

STUDY = """
name: gold
title: Au on Al(100)
settings:
  relax: {model: emt, rattle_angstrom: 0, fmax_ev_per_angstrom: 0.01}
  static: {model: emt}
  neb: {model: emt, fmax_ev_per_angstrom: 0.02}
migration:
  surfaces:
    Al(100): &face
      phase: Al.cif
      miller: [1, 0, 0]
      layers: 3
      frozen_layers: 2
      repeats: [2, 2]
      element: Au
      sites: [hollow]
      vacuum_angstrom: 8
      max_hops: 1
adsorption:
  bulk_phase: Au.cif
  surfaces:
    Al(100):
      phase: Al.cif
      miller: [1, 0, 0]
      layers: 3
      frozen_layers: 2
      repeats: [2, 2]
      element: Au
      vacuum_angstrom: 8
      sites: [bridge]
      relax: z
      map: {shape: [4, 4]}
"""


class Story:
    """The study, run once for the tests that look at it."""

    def __init__(self, root: Path) -> None:
        write(root / "Al.cif", bulk("Al", a=4.05, cubic=True))
        write(root / "Au.cif", bulk("Au", a=4.06, cubic=True))
        (root / "study.yaml").write_text(STUDY)
        study = load_study(root / "study.yaml")
        plan = plan_study(study, root)
        workspace = Workspace.create(root / "workspace", study.name)
        self.summary: RunSummary = run_plan(plan, workspace, 2, Lines(io.StringIO()))
        page = report_study(study, plan, workspace, self.summary.steps)
        self.folder = page.parent
        self.page = page.read_text()
        self.document: dict[str, Any] = json.loads((self.folder / "results.json").read_text())


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", child_path())
        return Story(tmp_path_factory.mktemp("gold"))


pytestmark = pytest.mark.slow


def values(story: Story, key: str) -> dict[str, Any]:
    return dict(story.document["sections"][key]["values"])


def test_all_steps_end_well(story: Story) -> None:
    assert story.summary.is_complete
    assert story.summary.exit_code == 0


def test_barrier_is_that_of_the_textbook_case(story: Story) -> None:
    hop = values(story, "migration")["Al(100)"]
    barrier = hop["summary"]["barrier"]
    assert barrier["forward_ev"] == pytest.approx(0.374, abs=0.01)  # ASE's own test: 0.37
    assert barrier["forward_ev"] == pytest.approx(barrier["reverse_ev"], abs=2e-3)
    assert hop["path"]["length_angstrom"] == pytest.approx(4.05 / 2**0.5, abs=1e-3)
    assert hop["rested"] == []
    assert hop["diffusivity"]["n_hops"] == 4


def test_map_says_the_same_as_the_band_and_the_site(story: Story) -> None:
    surface = values(story, "adsorption")["Al(100)"]
    found = surface["map"]
    assert found["lowest_site"] == "hollow Al4"
    assert found["n_computed"] == found["n_points"] == 6
    barrier = values(story, "migration")["Al(100)"]["summary"]["barrier"]["forward_ev"]
    assert found["cell_to_cell_ev"] == pytest.approx(barrier, abs=0.02)
    (bridge,) = surface["sites"]
    assert bridge["rested"] is None
    assert -1.5 < bridge["against_bulk"]["energy_ev"] < 1.5


def test_report_carries_both_sections(story: Story) -> None:
    assert "Migration barriers" in story.page
    assert "exchanges the end points of Al(100) (mirror plane)" in story.page
    assert "Energy maps" in story.page
    for stem in ("migration-barriers", "adsorption-maps", "path-Al_100"):
        assert (story.folder / "figures" / f"{stem}.png").is_file()
    with (story.folder / "barriers.csv").open() as handle:
        (row,) = csv.DictReader(handle)
    assert float(row["forward (eV)"]) == pytest.approx(0.374, abs=0.01)

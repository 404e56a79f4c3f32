"""A screening whose left out candidates are packed says, decides and goes on as before."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from natriface.analysis.results.tidied import TIDIED_FILE, is_tidied, tidied_folders, untidy
from natriface.analysis.results.tidied import tidy as pack
from natriface.workflows.archive import export_study
from natriface.workflows.commands.studies.ranking import write_ranking
from natriface.workflows.parts.screen.tables import PACKED_NOTE
from natriface.workflows.plan import Plan
from natriface.workflows.planning import discarded, plan_study, ranking
from natriface.workflows.report.study import report_study
from natriface.workflows.running.budget import spent_s
from natriface.workflows.running.status import where
from natriface.workflows.steps.history import History
from natriface.workflows.study import Study
from natriface.workflows.workspace import Workspace, is_finished
from tests.workflows.parts.test_screen_funnel import GAPS, SpringEngine, ran, spring
from tests.workflows.parts.test_screen_funnel import SCREEN as WIDE

__all__ = ["spring"]

SCREEN = {
    **WIDE,
    "films": {**WIDE["films"], "phases": ["Na"]},
    "contacts": {**WIDE["contacts"], "registries": [[0, 0]]},
    "stages": [{"compute": "static", "keep": {"best": 2}}, {"compute": "relax"}],
}
THREE_STAGES = {
    **SCREEN,
    "stages": [
        {"compute": "static", "keep": {"best": 2}},
        {"compute": "relax", "keep": {"best": 1}},
        {"compute": "static"},
    ],
}


def of(screen: dict[str, Any], workspace: Workspace) -> tuple[Study, Plan]:
    study = Study.model_validate({"name": "springs", "title": "springs", "screen": screen})
    decided = workspace.decisions()
    return study, plan_study(study, workspace.root, to_run=False, decided=decided)


def packed(screen: dict[str, Any], workspace: Workspace) -> set[str]:
    """Pack what is of no further use; ids of its steps."""
    found = discarded(*of(screen, workspace), workspace)
    folders = workspace.folders()
    assert len(pack(workspace.steps, (folders[each].name for each in found))) == len(found)
    return found


def without_ways(page: str) -> str:
    """A page that says neither where folders are nor how to have them back."""
    page = re.sub(r'<a href="../steps/[^"]+">([^<]+)</a>', r"\1", page)
    page = page.replace(' <span class="tag">packed</span>', "")
    return re.sub(rf"\s*(<[^<>]+>)*{PACKED_NOTE}(</[^<>]+>)*", "", page)


def said(screen: dict[str, Any], found: dict[str, Any], place: Path) -> dict[str, Any]:
    """All that a workspace tells."""
    place.mkdir()
    workspace, statuses = found["workspace"], found["statuses"]
    study, plan = of(screen, workspace)
    page = report_study(study, plan, workspace, statuses)
    everything = ranking(study, plan, workspace, statuses, len(plan))
    for ending in ("csv", "json", "extxyz"):
        write_ranking(everything[-1], plan, workspace, statuses, place / f"all.{ending}")
    (place / "study.yaml").write_text(
        yaml.safe_dump({"name": "springs", "title": "springs", "screen": screen})
    )
    export_study(place / "study.yaml", workspace, place / "all.zip")
    history = History.of(workspace)
    with zipfile.ZipFile(place / "all.zip") as archive:
        archived = {
            name: archive.read(name)
            for name in archive.namelist()
            if not name.startswith(("ro-crate", "manifest", "workspace/report"))
        }
    return {
        "page": without_ways(re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "", page.read_text())),
        "csv": {path.name: path.read_text() for path in page.parent.glob("*.csv")},
        "files": [(place / f"all.{ending}").read_text() for ending in ("csv", "json", "extxyz")],
        "results": {each.id: workspace.result(each.id) for each in plan.walk()},
        "finished": {i for i, folder in workspace.folders().items() if is_finished(folder)},
        "folders": workspace.folders(),
        "archived": archived,
        "costs": [history.estimate(step) for step in plan.walk()],
        "spent": spent_s(workspace, statuses),
    }


@pytest.mark.slow
def test_all_that_is_told_stays_the_same(tmp_path: Path, spring: SpringEngine) -> None:
    found = ran(tmp_path / "w", 1, THREE_STAGES)
    workspace = found["workspace"]
    before = said(THREE_STAGES, found, tmp_path / "before")
    gone = packed(THREE_STAGES, workspace)
    # three of four candidates: in stage 1, and one of them again in stage 2
    wholes = [folder for folder in tidied_folders(workspace.steps) if "slab" not in folder]
    assert len(wholes) == 3 + 1
    left = [folder for folder in workspace.steps.iterdir() if folder.is_dir()]
    assert len(left) == len(before["folders"]) - len(gone)
    after = said(THREE_STAGES, found, tmp_path / "after")
    assert after == before
    assert ran(tmp_path / "w", 5, THREE_STAGES)["values"] == found["values"]


@pytest.mark.slow
def test_no_link_leads_to_a_folder_that_is_packed(tmp_path: Path, spring: SpringEngine) -> None:
    found = ran(tmp_path / "w", 1, SCREEN)
    workspace = found["workspace"]
    study, plan = of(SCREEN, workspace)

    def page() -> str:
        return report_study(study, plan, workspace, found["statuses"]).read_text()

    def links(text: str) -> set[str]:
        return set(re.findall(r'href="\.\./steps/([^"]+)"', text))

    assert PACKED_NOTE not in page()
    before = links(page())
    packed(SCREEN, workspace)
    after = links(page())
    assert all((workspace.steps / name).is_dir() for name in after)
    gone = before - after
    assert len(gone) == 2
    told = page()
    assert all(f'{name} <span class="tag">packed</span>' in told for name in gone)
    assert PACKED_NOTE in told
    assert all(where(workspace, name).is_dir() for name in gone)  # as the note says
    assert links(page()) == before


def test_slabs_of_candidates_that_go_on_keep_their_folders(
    tmp_path: Path, spring: SpringEngine
) -> None:
    found = ran(tmp_path / "w", 1, SCREEN)
    workspace = found["workspace"]
    gone = packed(SCREEN, workspace)
    kept = [one for one in found["values"].values() if len(one["stages"]) == 2]
    assert len(kept) == 2
    folders = workspace.folders()
    labels = {step.id: step.metadata for step in of(SCREEN, workspace)[1].walk()}
    for one in kept:
        for stage in one["stages"]:
            references = labels[stage["step"]]["references"].values()
            for step in (stage["step"], *(each for ids in references for each in ids)):
                assert step not in gone
                assert folders[step].is_dir()


@pytest.mark.slow
def test_another_value_on_an_axis_reads_what_is_packed(
    tmp_path: Path, spring: SpringEngine
) -> None:
    few = {**SCREEN, "contacts": {**SCREEN["contacts"], "gaps_angstrom": GAPS[:3]}}
    ran(tmp_path / "w", 1, few)
    workspace = Workspace(tmp_path / "w")
    gone = packed(few, workspace)
    assert len(gone) == 1
    runs = {folder.name for folder in workspace.steps.iterdir()}
    after = ran(tmp_path / "w", 2, SCREEN)
    again = {folder.name for folder in workspace.steps.iterdir()} - runs
    assert not {name for name in again if name.rpartition("-")[2] in gone}  # none was run again
    assert ran(tmp_path / "other", 3, SCREEN)["values"] == after["values"]


@pytest.mark.slow
def test_a_rule_that_keeps_more_goes_on_from_what_is_packed(
    tmp_path: Path, spring: SpringEngine
) -> None:
    ran(tmp_path / "w", 1, SCREEN)
    packed(SCREEN, Workspace(tmp_path / "w"))
    wider = {**SCREEN, "stages": [{"compute": "static", "keep": {"best": 3}}, SCREEN["stages"][1]]}
    found = ran(tmp_path / "w", 2, wider)
    assert found["values"] == ran(tmp_path / "other", 3, wider)["values"]
    assert sum(len(one["stages"]) == 2 for one in found["values"].values()) == 3


@pytest.mark.slow
def test_what_is_lost_with_the_file_is_computed_again(tmp_path: Path, spring: SpringEngine) -> None:
    found = ran(tmp_path / "w", 1, SCREEN)
    workspace = found["workspace"]
    gone = packed(SCREEN, workspace)
    path = workspace.steps / TIDIED_FILE
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert 0 < len(tidied_folders(workspace.steps)) < len(gone)
    assert ran(tmp_path / "w", 5, SCREEN)["values"] == found["values"]
    path.unlink()
    assert ran(tmp_path / "w", 6, SCREEN)["values"] == found["values"]


def test_a_packed_folder_is_put_back_where_it_is_asked_for(
    tmp_path: Path, spring: SpringEngine
) -> None:
    found = ran(tmp_path / "w", 1, SCREEN)
    workspace = found["workspace"]
    (step, *_) = sorted(packed(SCREEN, workspace))
    result = workspace.result(step)
    assert is_tidied(workspace.folders()[step])
    folder = where(workspace, step)
    assert folder.is_dir()
    assert workspace.result(step) == result
    shutil.rmtree(folder)
    untidy(folder)
    assert is_finished(folder)

"""Steps whose folders are packed are finished as before, on every way that leads to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from natriface.analysis.results.tidied import is_tidied
from natriface.workflows.launchpad.connection import launchpad, use_mongodb
from natriface.workflows.running import operations
from natriface.workflows.running.run import run_plan
from natriface.workflows.workspace import Workspace, is_finished
from tests.workflows.conftest import trivial_plan, trivial_step
from tests.workflows.trivial_engine import runs


@pytest.mark.slow
def test_what_is_packed_is_finished_and_runs_again_only_as_it_is_told(
    workspace: Workspace,
) -> None:
    first, failing = trivial_step("first"), trivial_step("failing", fail="run")
    plan = trivial_plan(first, trivial_step("other"), failing)
    run_plan(plan, workspace, 1)
    result = workspace.result(first.id)
    entries = operations.results(workspace).entries
    asked = {first.id, failing.id, "of-no-step"}
    assert operations.tidy(workspace, asked) == 1
    folder = workspace.folder(first)
    assert is_tidied(folder)
    assert not is_tidied(workspace.folder(failing))
    assert operations.tidy(workspace, asked) == 0
    states = {step.name: step.state for step in operations.status(workspace)}
    assert states == {"first": "finished", "other": "finished", "failing": "failed"}
    assert workspace.result(first.id) == result
    again = [{**each, "stamp": None} for each in operations.results(workspace).entries]
    assert again == [{**each, "stamp": None} for each in entries]
    child = trivial_step("child", first)  # an addition to the study goes on from it
    assert run_plan(trivial_plan(first, child), workspace, 1).cached == 1
    assert is_tidied(folder)
    assert operations.rerun(workspace, ["first"]) == ["first", "child"]
    assert not is_finished(folder)
    assert run_plan(trivial_plan(first, child), workspace, 1).is_complete
    assert runs(folder) == (1, 1)  # in the folder of now; what was is set aside beside it
    assert (folder / "superseded-1" / "result.json").is_file()


def test_what_another_study_wants_too_stays_a_folder(workspace: Workspace, tmp_path: Path) -> None:
    step, mine, later = trivial_step("shared"), trivial_step("mine"), trivial_step("later")
    other = Workspace.create(tmp_path / "other", "trivial")
    with launchpad(workspace):
        use_mongodb(other, workspace.launchpad_file)
        run_plan(trivial_plan(step, mine, later), workspace, 1)
        run_plan(trivial_plan(step), other, 1)
        ids = {step.id, mine.id, later.id}
        assert operations.tidy(other, ids) == 0  # its own is but a link
        assert operations.tidy(workspace, ids) == 2
        assert other.result(step.id) == workspace.result(step.id)
        assert is_tidied(workspace.folder(later))
        # what it wants from now on is put back, and shared
        assert run_plan(trivial_plan(step, later), other, 1).cached == 2
        assert other.result(later.id) == workspace.result(later.id)
        assert workspace.folder(later).is_dir()
        assert operations.tidy(workspace, ids) == 0


@pytest.mark.slow
def test_a_database_that_is_lost_takes_up_what_is_packed(workspace: Workspace) -> None:
    steps = [trivial_step(name) for name in ("one", "two")]
    run_plan(trivial_plan(*steps), workspace, 1)
    assert operations.tidy(workspace, {steps[0].id}) == 1
    workspace.database.rename(workspace.root / "lost")
    workspace.launchpad_file.unlink()
    assert run_plan(trivial_plan(*steps), workspace, 1).cached == 2
    assert is_tidied(workspace.folder(steps[0]))

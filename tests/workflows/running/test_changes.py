"""What was finished with other settings is told before it is computed again, in one line."""

from __future__ import annotations

from natriface.workflows.running.changes import changes
from natriface.workflows.workspace import PLAN_FILE, Workspace
from tests.workflows.conftest import run_in_this_process, trivial_plan, trivial_step


def test_changed_settings_are_told_with_the_steps_that_follow_from_them(
    workspace: Workspace,
) -> None:
    parent, other = trivial_step("parent", grid=1), trivial_step("other")
    plan = trivial_plan(parent, trivial_step("child", parent), other)
    assert changes(plan, workspace) is None
    run_in_this_process(plan, workspace)
    assert changes(plan, workspace) is None
    changed = trivial_step("parent", grid=2, title="x" * 50)
    plan = trivial_plan(changed, trivial_step("child", changed), other, trivial_step("new"))
    assert changes(plan, workspace) == (
        "2 finished steps to be computed again, as settings have changed: grid from 1 to 2, title"
    )


def test_what_is_not_known_of_a_plan_is_not_told(workspace: Workspace) -> None:
    run_in_this_process(trivial_plan(trivial_step("one", grid=1)), workspace)
    (workspace.root / PLAN_FILE).write_text("{")
    assert changes(trivial_plan(trivial_step("one", grid=2)), workspace) is None

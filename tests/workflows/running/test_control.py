"""Steps paused, resumed, cancelled, done anew, and found lost on another machine."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from fireworks.core.launchpad import LaunchPad
from rich.console import Console

from natriface.workflows.commands.watching import watch_study
from natriface.workflows.errors import DatabaseError, WorkspaceError
from natriface.workflows.jobs.reconciliation import reconcile
from natriface.workflows.launchpad import connection
from natriface.workflows.launchpad.connection import launchpad, new_launch_id
from natriface.workflows.launchpad.database import EmbeddedDatabase
from natriface.workflows.launchpad.ledger import claim, complete, complete_lost, fail_lost, requeue
from natriface.workflows.launchpad.queries import last_launches, steps_of
from natriface.workflows.launchpad.submit import submit_plan
from natriface.workflows.plan import Plan
from natriface.workflows.running import control, operations
from natriface.workflows.running.recovery import recover_dead
from natriface.workflows.running.run import run_plan
from natriface.workflows.running.status import status
from natriface.workflows.running.workers import run_claimed
from natriface.workflows.steps.heartbeat import HEARTBEAT_FILE, beat, is_revoked, revoke, silence_s
from natriface.workflows.workspace import Workspace
from tests.workflows.conftest import trivial_plan, trivial_step
from tests.workflows.running.test_chaos import RUN, wait_for
from tests.workflows.trivial_engine import runs


def states(workspace: Workspace) -> dict[str, str]:
    return {step.name: step.state for step in operations.status(workspace)}


def family() -> Plan:
    first = trivial_step("first")
    return trivial_plan(first, trivial_step("child", first), trivial_step("other"))


@pytest.mark.slow
def test_paused_steps_wait_until_they_are_resumed(workspace: Workspace) -> None:
    plan = family()
    operations.submit(plan, workspace)
    assert operations.pause(workspace, ["first"]) == ["first"]
    assert states(workspace) == {"first": "paused", "child": "blocked", "other": "ready"}
    assert not run_plan(plan, workspace, 1).is_complete
    assert states(workspace) == {"first": "paused", "child": "blocked", "other": "finished"}
    with pytest.raises(WorkspaceError, match="other does not wait for its turn: it is finished"):
        operations.pause(workspace, ["other"])
    assert operations.resume(workspace) == ["first"]
    assert run_plan(plan, workspace, 1).is_complete


@pytest.mark.slow
def test_states_are_read_while_the_run_that_had_started_the_database_ends(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    operations.submit(family(), workspace)
    theirs = EmbeddedDatabase(workspace)
    theirs.start(bound=True)
    looks = []

    def ending(pad: LaunchPad, looked_at: Workspace) -> None:
        looks.append(theirs.stop())
        reconcile(pad, looked_at)

    monkeypatch.setattr(connection, "CONNECT_TIMEOUT_MS", 500)
    monkeypatch.setattr(operations, "reconcile", ending)
    with pytest.raises(DatabaseError, match="cannot be reached"):
        operations.status(workspace)  # it ends each time
    assert looks == [True, True]
    theirs.start(bound=True)
    monkeypatch.setattr(
        operations, "reconcile", lambda *given: (ending if len(looks) == 2 else reconcile)(*given)
    )
    assert states(workspace) == {"first": "ready", "child": "waiting", "other": "ready"}
    assert operations.database_server(workspace) is None


@pytest.mark.slow
def test_cancelled_steps_do_not_run_and_can_be_resumed(workspace: Workspace) -> None:
    plan = family()
    operations.submit(plan, workspace)
    assert set(operations.cancel(workspace)) == {"first", "child", "other"}
    summary = run_plan(plan, workspace, 1)
    assert {step.state for step in summary.steps} == {"cancelled"}
    assert set(operations.resume(workspace)) == {"first", "child", "other"}
    assert states(workspace)["child"] == "waiting"
    assert run_plan(plan, workspace, 2).is_complete
    with pytest.raises(WorkspaceError, match=r"no step 'frist'.*first"):
        operations.cancel(workspace, ["frist"])


@pytest.mark.slow
def test_a_running_step_is_cancelled_and_the_run_goes_on(workspace: Workspace) -> None:
    plan = trivial_plan(trivial_step("endless", seconds=600), trivial_step("other"))
    (workspace.root / "whole-plan.json").write_text(plan.model_dump_json())
    main = subprocess.Popen(
        [sys.executable, "-c", RUN, str(workspace.root)], text=True, stdout=subprocess.PIPE
    )
    folder = workspace.folder(plan.steps[0])
    wait_for(lambda: runs(folder)[0] == 1)
    assert operations.cancel(workspace, ["endless"]) == ["endless"]
    text, _ = main.communicate(timeout=300)  # the step would have taken longer
    assert main.returncode == 1
    assert "endless was cancelled" in text
    assert states(workspace) == {"endless": "cancelled", "other": "finished"}
    assert runs(folder) == (1, 0)


@pytest.mark.slow
def test_rerun_sets_aside_what_depends_on_it_too(workspace: Workspace) -> None:
    plan = family()
    assert run_plan(plan, workspace, 1).is_complete
    assert operations.rerun(workspace, ["first"]) == ["first", "child"]
    assert states(workspace) == {"first": "ready", "child": "waiting", "other": "finished"}
    assert run_plan(plan, workspace, 1).is_complete
    for name, times in (("first", 1), ("child", 1), ("other", 0)):
        folder = operations.where(workspace, name)
        assert runs(folder) == (1, 1)
        assert len(list(folder.glob("superseded-*/result.json"))) == times


@pytest.mark.slow
def test_a_shared_step_that_is_rerun_keeps_its_earlier_results(workspace: Workspace) -> None:
    plan = family()
    for _ in range(3):
        assert run_plan(plan, workspace, 1).is_complete
        operations.rerun(workspace, ["other"])
    folder = operations.where(workspace, "other")
    assert sorted(path.name for path in folder.glob("superseded-*")) == [
        "superseded-1",
        "superseded-2",
        "superseded-3",
    ]


def test_silence_is_told_by_one_clock(tmp_path: Path) -> None:
    assert silence_s(tmp_path) is None
    beat(tmp_path)
    assert silence_s(tmp_path) == pytest.approx(0, abs=5)
    hour_ago = time.time() - 3600
    os.utime(tmp_path / HEARTBEAT_FILE, (hour_ago, hour_ago))
    assert silence_s(tmp_path) == pytest.approx(3600, abs=5)
    assert [path.name for path in tmp_path.iterdir()] == [HEARTBEAT_FILE]


def test_a_step_lost_on_another_machine_runs_again_once(workspace: Workspace) -> None:
    plan = trivial_plan(trivial_step("a"))
    operations.submit(plan, workspace)
    folder = workspace.folder(plan.steps[0])
    stranger = "node17 4242 boot.1"
    with launchpad(workspace) as pad:
        lost = claim(pad, 1, stranger, new_launch_id(pad))
        assert lost is not None
        assert recover_dead(pad, workspace).elsewhere == {"a": "node17"}  # never gave a sign
        beat(folder)
        assert recover_dead(pad, workspace).elsewhere == {"a": "node17"}
        hour_ago = time.time() - 3600
        os.utime(folder / HEARTBEAT_FILE, (hour_ago, hour_ago))
        assert recover_dead(pad, workspace).restarted == ["a"]
        assert is_revoked(folder, stranger)
        assert not is_revoked(folder, "node17 4242 boot.2")
        # another worker takes it; then the first wakes up, and has nothing to say any more
        found = claim(pad, 1, "node18 1 boot.1", new_launch_id(pad))
        assert found is not None
        complete(pad, lost)
        assert pad.fireworks.find_one({"fw_id": 1})["state"] == "RUNNING"
        assert run_claimed(found) is None
        complete(pad, found)
        assert pad.fireworks.find_one({"fw_id": 1})["state"] == "COMPLETED"
    assert runs(folder) == (1, 1)


def test_what_two_find_lost_is_given_away_once(workspace: Workspace) -> None:
    with launchpad(workspace) as pad:
        submit_plan(pad, trivial_plan(trivial_step("a")), workspace)
        assert claim(pad, 1, "node17 1 boot.1", new_launch_id(pad)) is not None
        (seen,) = steps_of(pad, workspace, ("RUNNING",))
        assert requeue(pad, 1, seen=seen)
        found = claim(pad, 1, "node18 1 boot.1", new_launch_id(pad))
        assert found is not None
        # another who has seen the same is late, whatever it has concluded
        assert not requeue(pad, 1, seen=seen)
        complete_lost(pad, seen)
        fail_lost(pad, seen, "its worker died")
        (now,) = steps_of(pad, workspace)
        assert (now.state, now.claimed_by) == ("RUNNING", "node18 1 boot.1")
        assert now.last_launch == found.launch.launch_id
        assert last_launches(pad, [now])[1].state == "RUNNING"
        assert run_claimed(found) is None
        complete(pad, found)
        assert [step.state for step in status(pad, workspace)] == ["finished"]


@pytest.mark.slow
def test_a_worker_lets_go_of_a_step_that_was_taken_from_it(workspace: Workspace) -> None:
    plan = trivial_plan(trivial_step("long", seconds=600))
    (workspace.root / "whole-plan.json").write_text(plan.model_dump_json())
    main = subprocess.Popen(
        [sys.executable, "-c", RUN, str(workspace.root)], text=True, stdout=subprocess.PIPE
    )
    folder = workspace.folder(plan.steps[0])
    wait_for(lambda: runs(folder)[0] == 1)
    with launchpad(workspace) as pad:
        (step,) = control.status(pad, workspace)
        signature = pad.fireworks.find_one({"fw_id": step.fw_id})["claimed_by"]
        pad.fireworks.update_one({"fw_id": step.fw_id}, {"$set": {"state": "DEFUSED"}})
    assert silence_s(folder) is not None
    revoke(folder, signature)
    text, _ = main.communicate(timeout=300)
    assert "long was cancelled" in text
    assert main.returncode == 1


@pytest.mark.slow
def test_watch_follows_to_the_end(workspace: Workspace) -> None:
    plan = trivial_plan(trivial_step("a", seconds=0.5), trivial_step("bad", fail="run"))
    operations.submit(plan, workspace)
    console = Console(width=120, height=30, force_terminal=True, record=True)
    with launchpad(workspace):
        watcher = threading.Thread(target=watch_study, args=(workspace, 0.1, console))
        watcher.start()
        run_plan(plan, workspace, 1)
        watcher.join(300)
    assert not watcher.is_alive()
    shown = console.export_text()
    assert "1 finished" in shown
    assert "crashed, as asked" in shown

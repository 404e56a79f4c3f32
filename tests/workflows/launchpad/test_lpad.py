"""What `lpad` does to a study's LaunchPad, and whether natriface agrees with it afterwards."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from fireworks.core.launchpad import LaunchPad
from fireworks.scripts.lpad_run import lpad as fireworks_lpad

from natriface.workflows.launchpad import ledger
from natriface.workflows.launchpad.connection import launchpad, new_launch_id, use_mongodb
from natriface.workflows.launchpad.submit import submit_plan
from natriface.workflows.launchpad.workflow_states import StateNotes
from natriface.workflows.running import operations
from natriface.workflows.running.recovery import recover, settle
from natriface.workflows.running.workers import run_claimed
from natriface.workflows.workspace import Workspace
from tests.workflows.conftest import trivial_plan, trivial_step
from tests.workflows.trivial_engine import runs

pytestmark = pytest.mark.slow

A, C, BAD = trivial_step("a"), trivial_step("c"), trivial_step("bad", fail="run")
B, AFTER = trivial_step("b", A), trivial_step("after", BAD)
PLAN = trivial_plan(A, B, C, BAD, AFTER)
NEW = {"a": "ready", "b": "waiting", "c": "ready", "bad": "ready", "after": "waiting"}
DONE = {"a": "finished", "b": "finished", "c": "finished", "bad": "failed", "after": "blocked"}
ONCE = {"a": 1, "b": 1, "c": 1, "bad": 1, "after": 0}


class Site:
    """A study on a LaunchPad, as `lpad` and natriface see it."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def lpad(self, line: str) -> str:
        """What a command prints; ``@a`` stands for the Firework of step a."""
        with launchpad(self.workspace) as pad:
            living = pad.fireworks.find({"state": {"$ne": "ARCHIVED"}}, {"name": 1, "fw_id": 1})
            ids = {f"@{item['name']}": str(item["fw_id"]) for item in living}
        words = [ids.get(word, word) for word in line.split()]
        with contextlib.redirect_stdout(io.StringIO()) as said:
            fireworks_lpad(["-l", str(self.workspace.launchpad_file), *words])
        return said.getvalue()

    def run(self, during: Callable[[LaunchPad], object] = lambda pad: None) -> None:
        """What `natriface run` does, in this process."""
        with launchpad(self.workspace) as pad:
            recover(pad, self.workspace)
            submit_plan(pad, PLAN, self.workspace)
            notes = StateNotes()
            while found := ledger.ready(pad, self.workspace):
                for fw_id in found:
                    claimed = ledger.claim(pad, fw_id, "worker", new_launch_id(pad), notes)
                    if claimed is None:
                        continue
                    during(pad)
                    reason = run_claimed(claimed)
                    if reason is None:
                        ledger.complete(pad, claimed, notes)
                    else:
                        ledger.fail(pad, claimed, reason, notes)
            notes.write(pad)
            settle(pad, self.workspace)

    @property
    def states(self) -> dict[str, str]:
        """Step -> state."""
        return {step.name: step.state for step in operations.status(self.workspace)}

    @property
    def runs(self) -> dict[str, int]:
        """Step -> how often it was run, results that were set aside included."""
        folders = self.workspace.folders()
        return {
            step.name: sum(
                runs(place)[0]
                for folder in [folders[step.id]]
                for place in (folder, *folder.glob("superseded-*"))
            )
            for step in PLAN.walk()
        }

    def agrees(self) -> bool:
        """Whether Workflows and Fireworks tell the same."""
        with launchpad(self.workspace) as pad:
            true = {
                f["fw_id"]: f["state"] for f in pad.fireworks.find({}, {"fw_id": 1, "state": 1})
            }
            return all(
                workflow["fw_states"] == {str(node): true[node] for node in workflow["nodes"]}
                for workflow in pad.workflows.find({})
            )


@pytest.fixture(params=["embedded", "mongodb"])
def site(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Site]:
    """A submitted study, on a database of its own or on a server named by a launchpad.yaml."""
    server = Workspace.create(tmp_path / "server", "trivial")
    operations.start_database(server)
    workspace = server
    if request.param == "mongodb":
        workspace = Workspace.create(tmp_path / "workspace", "trivial")
        use_mongodb(workspace, server.launchpad_file)
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n" * 20))
    monkeypatch.chdir(tmp_path)  # lpad writes where it is called
    operations.submit(PLAN, workspace)
    yield Site(workspace)
    operations.stop_database(server)


LOOKS = """
get_fws -d count
get_fws -s READY -d less
get_fws -i @a -d all
get_fws -n a -d more --sort created_on
get_wflows -d more
get_wflows -d all
get_wflows -d reservations
get_fws_in_wflows -wfs READY -d ids
dump_wflow -i @a -f dumped.json
get_launchdir @a
report
report -c launches
report -c wflows
introspect
track_fws -i @a
get_qids -i @a
cancel_qid --qid 4711
detect_lostruns
detect_lostruns --time 0 --refresh
detect_unreserved
recover_offline
forget_offline -i @a
admin tuneup
admin maintain
admin refresh -i @a
admin unlock -i @a
admin orphaned
-o yaml get_fws -d more
"""


def test_commands_that_only_look_change_nothing(site: Site, tmp_path: Path) -> None:
    for before in (NEW, DONE):
        assert site.states == before
        said = {line: site.lpad(line) for line in LOOKS.strip().splitlines()}
        assert json.loads(said["get_fws -d count"]) == 5
        assert A.folder_name in said["get_launchdir @a"] or before is NEW
        assert "trivial" in (tmp_path / "dumped.json").read_text()
        assert "[]" in said["admin orphaned"]
        assert site.states == before
        assert site.agrees()
        site.run()
    assert "READY : 0" in said["report -c wflows"]
    assert site.runs == ONCE


@pytest.mark.parametrize(
    ("lines", "after", "again"),
    [
        ("rerun_fws -i @a", {"a": "ready", "b": "waiting"}, {"a": 2, "b": 2}),
        ("rerun_fws -i @b", {"b": "ready"}, {"b": 2}),
        ("rerun_fws -s FIZZLED", {"bad": "ready", "after": "waiting"}, {"bad": 2}),
        ("defuse_fws -i @c; reignite_fws -i @c", {"c": "ready"}, {"c": 2}),
        ("archive_wflows -i @a", {}, {}),
        ("delete_wflows -i @a", {}, {}),
        ("delete_wflows -i @a --ldirs", {"a": "not submitted", "b": "not submitted"}, {}),
        ("delete_wflows -i @bad", {"bad": "not submitted", "after": "not submitted"}, {"bad": 2}),
        ("detect_lostruns --time 0 --rerun", {}, {}),
    ],
)
def test_after_a_run(site: Site, lines: str, after: dict[str, str], again: dict[str, int]) -> None:
    """What was told, and how often each step has run once natriface has gone on."""
    site.run()
    for line in lines.split("; "):
        site.lpad(line)
    assert site.states == DONE | after
    site.run()
    assert site.states == DONE
    assert site.runs == ONCE | again
    assert site.agrees()


@pytest.mark.parametrize(
    ("lines", "after", "then"),
    [
        ("defuse_fws -i @c", {"c": "cancelled"}, {"c": "cancelled"}),
        ("pause_fws -i @a", {"a": "paused", "b": "blocked"}, {"a": "paused", "b": "blocked"}),
        ("pause_fws -i @a; resume_fws -i @a", {}, {}),
        ("pause_wflows -i @a", {"a": "paused", "b": "paused"}, {"a": "paused", "b": "paused"}),
        ("archive_wflows -i @a", {"a": "not submitted", "b": "not submitted"}, {}),
        ("delete_wflows -i @a", {"a": "not submitted", "b": "not submitted"}, {}),
        ("set_priority 99 -i @c", {}, {}),
        ('update_fws -i @c -u {"mine":1}', {}, {}),
        ("add_scripts true -n theirs", {}, {}),
    ],
)
def test_before_a_run(site: Site, lines: str, after: dict[str, str], then: dict[str, str]) -> None:
    """What was told, and where it ends."""
    for line in lines.split("; "):
        site.lpad(line)
    assert site.states == NEW | after
    site.run()
    assert site.states == DONE | then
    assert all(number <= 1 for number in site.runs.values())


def test_a_workflow_that_lpad_appends_is_left_to_fireworks(site: Site, tmp_path: Path) -> None:
    tasks = {"_tasks": [{"_fw_name": "{{natriface.workflows.fireworks.WriteTask}}"}]}
    content = {"fws": [{"fw_id": -1, "spec": tasks}], "links": {}, "metadata": {}, "name": "mine"}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content))
    site.lpad("append_wflow -i @a -f mine.yaml")
    site.run()
    assert site.states == DONE
    with launchpad(site.workspace) as pad:
        (theirs,) = pad.fireworks.find({"spec.step_id": {"$exists": False}})
    assert theirs["state"] == "READY"
    assert site.agrees()


def test_a_running_step_that_lpad_defuses_is_not_noted_as_finished(site: Site) -> None:
    def defuse(pad: LaunchPad) -> None:
        running = pad.fireworks.find_one({"name": "c", "state": "RUNNING"}, {"fw_id": 1})
        if running is not None:
            pad.defuse_fw(running["fw_id"])

    site.run(during=defuse)
    assert site.states == DONE | {"c": "cancelled"}
    operations.resume(site.workspace, ["c"])
    site.run()
    assert site.states == DONE
    assert site.agrees()

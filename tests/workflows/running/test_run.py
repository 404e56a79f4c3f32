"""Plans through FireWorks: every step once, failures kept to their dependants, and resumption."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from natriface.analysis.results.result import Result
from natriface.structures.base.errors import EngineError
from natriface.workflows.errors import DamagedDatabaseError, WorkspaceError
from natriface.workflows.launchpad.connection import connect, launchpad, new_launch_id, use_mongodb
from natriface.workflows.launchpad.ledger import claim, complete
from natriface.workflows.launchpad.submit import submit_plan
from natriface.workflows.plan import Input, Plan
from natriface.workflows.running import operations
from natriface.workflows.running.progress import Lines
from natriface.workflows.running.run import RunSummary, check_plan, run_plan
from natriface.workflows.running.status import StepStatus
from natriface.workflows.workspace import Workspace
from tests.paths import child_path
from tests.workflows.conftest import trivial_plan, trivial_step
from tests.workflows.trivial_engine import runs


class Story:
    """One study with all that can happen to a step, run once for the tests that look at it."""

    def __init__(self, root: Path) -> None:
        self.workspace = Workspace.create(root / "workspace", "trivial")
        self.good = trivial_step("good")
        self.child = trivial_step("child", self.good)
        self.same = trivial_step("same as good", label="good")
        self.crash = trivial_step("crash", fail="run")
        self.crash_child = trivial_step("child of crash", self.crash)
        self.crash_grandchild = trivial_step("grandchild of crash", self.crash_child)
        self.unread = trivial_step("unread", fail="read")
        self.unconverged = trivial_step("unconverged", fail="convergence")
        self.killer = trivial_step("killer", fail="die")
        self.plan = trivial_plan(
            self.good, self.child, self.same, self.crash, self.crash_child, self.crash_grandchild,
            self.unread, self.unconverged, self.killer,
        )  # fmt: skip
        self.told = io.StringIO()
        self.summary = run_plan(self.plan, self.workspace, 2, Lines(self.told))

    def folder(self, step: operations.StepStatus | object) -> Path:
        return self.workspace.folder(step)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", child_path())
        yield Story(tmp_path_factory.mktemp("story"))


def states(summary: RunSummary) -> dict[str, str]:
    return {step.name: step.state for step in summary.steps}


def test_failures_stay_with_their_dependants(story: Story) -> None:
    assert states(story.summary) == {
        "good": "finished",
        "child": "finished",
        "crash": "failed",
        "child of crash": "blocked",
        "grandchild of crash": "blocked",
        "unread": "failed",
        "unconverged": "failed",
        "killer": "failed",
    }
    assert story.summary.exit_code == 1
    assert not story.summary.is_complete


def test_reasons_are_one_line_and_tracebacks_stay_in_the_folder(story: Story) -> None:
    reasons = {step.name: step.reason for step in story.summary.steps}
    assert reasons["crash"] == "crashed, as asked"
    assert reasons["child of crash"] == "needs crash"
    assert reasons["grandchild of crash"] == "needs crash"
    assert reasons["unread"] == "unreadable, as asked"
    assert reasons["unconverged"] == "unconverged: not enough steps, as asked"
    assert "died 3 times" in str(reasons["killer"])
    assert "SIGKILL" in str(reasons["killer"])
    assert "Traceback" in (story.folder(story.crash) / "error.log").read_text()
    assert not any("Traceback" in str(reason) for reason in reasons.values())
    assert "FAILED    crash" in story.told.getvalue()


def test_equal_content_is_one_step(story: Story) -> None:
    assert story.same.id == story.good.id
    assert runs(story.folder(story.good)) == (1, 1)


def test_a_child_starts_from_its_parents_final_structure(story: Story) -> None:
    parent = Result.load(story.folder(story.good)).final_atoms()
    child = Result.load(story.folder(story.child)).final_atoms()
    assert child.positions == pytest.approx(parent.positions + 0.125)


def test_an_unconverged_result_is_kept_but_counts_as_failed(story: Story) -> None:
    assert Result.load(story.folder(story.unconverged)).status == "unconverged"


def test_workers_use_one_thread_and_stay_up_between_steps(story: Story) -> None:
    started = [
        line.split()
        for step in (story.good, story.child, story.crash, story.unread, story.unconverged)
        for line in (story.folder(step) / "runs").read_text().splitlines()
        if line.startswith("start")
    ]
    assert {threads for _, _, threads in started} == {"1"}
    assert len({pid for _, pid, _ in started}) < len(started)


def test_where(story: Story) -> None:
    assert operations.where(story.workspace, "crash") == story.folder(story.crash)
    assert operations.where(story.workspace, story.good.id) == story.folder(story.good)


def test_a_step_is_estimated_by_the_geometry_it_would_start_from(tmp_path: Path) -> None:
    parent = trivial_step("parent", estimate=1.0)
    child = trivial_step("child", parent, estimate=2.0, estimate_unseen=100.0)
    workspace = Workspace.create(tmp_path, "trivial")
    estimates = check_plan(trivial_plan(parent, child), workspace, checked=True)
    assert estimates == {parent.id: 1.0, child.id: 2.0}


@pytest.mark.slow
def test_retry_goes_on_from_where_it_failed(story: Story) -> None:
    """Runs last in this module's story: it mends the failed steps."""
    before = {step.id: runs(story.folder(step)) for step in story.plan.walk()}
    with pytest.raises(WorkspaceError, match="good has not failed: it is finished"):
        operations.retry(story.workspace, ["good"])
    for step in (story.crash, story.unread, story.unconverged, story.killer):
        (story.folder(step) / "mended").touch()
    assert set(operations.retry(story.workspace)) == {"crash", "unread", "unconverged", "killer"}
    again = run_plan(story.plan, story.workspace, 2)
    assert again.is_complete, states(again)
    assert again.cached == 2
    after = {step.id: runs(story.folder(step)) for step in story.plan.walk()}
    assert after[story.good.id] == before[story.good.id]
    assert after[story.unread.id] == before[story.unread.id] == (1, 1)  # only read again
    assert after[story.crash.id] == (2, 1)
    assert after[story.crash_grandchild.id] == (1, 1)
    nothing = run_plan(story.plan, story.workspace, 2)
    assert nothing.is_complete
    assert nothing.cached == len(story.plan)
    assert {step.id: runs(story.folder(step)) for step in story.plan.walk()} == after


def test_an_engine_refuses_before_anything_is_run(workspace: Workspace) -> None:
    plan = trivial_plan(trivial_step("good"), trivial_step("bad", fail="check"))
    with pytest.raises(EngineError, match="step bad: refused"):
        run_plan(plan, workspace)
    assert not workspace.folders()


def test_a_plan_of_another_study_is_refused(workspace: Workspace) -> None:
    with pytest.raises(WorkspaceError, match="study 'trivial', not of 'other'"):
        run_plan(Plan.of("other", [trivial_step("a")]), workspace)


def test_a_second_run_is_refused(workspace: Workspace) -> None:
    with workspace.lock(), pytest.raises(WorkspaceError, match="in use by another run"):
        run_plan(trivial_plan(trivial_step("a")), workspace)


@pytest.mark.slow
def test_a_run_grows_while_others_still_run(workspace: Workspace) -> None:
    """What follows from the quick step has its result before the long one ends."""
    quick, long = trivial_step("quick"), trivial_step("long", seconds=15.0, shift=1)
    after = trivial_step("after", quick, shift=2)
    grown, last = trivial_plan(quick, long, after), trivial_step("last", after, shift=3)
    asked: list[tuple[dict[str, str], bool]] = []

    def further(steps: Sequence[StepStatus], at_rest: bool) -> Plan | None:
        found = {step.name: step.state for step in steps}
        asked.append((found, at_rest))
        if "after" not in found:
            return grown if found["quick"] == "finished" else None
        if "last" in found or found["after"] != "finished" or not at_rest:
            return None
        return trivial_plan(*grown.walk(), last)

    summary = run_plan(trivial_plan(quick, long), workspace, 2, further=further)
    assert summary.is_complete, states(summary)
    assert summary.cached == 0
    assert len(summary.steps) == 4
    assert asked[-1][1]
    assert any(not rest and found["long"] == "running" for found, rest in asked)
    ended = {
        s.name: (workspace.folders()[s.id] / "result.json").stat().st_mtime for s in [long, after]
    }
    assert ended["after"] < ended["long"]
    again = run_plan(trivial_plan(quick, long), workspace, 1, further=further)
    assert again.is_complete
    assert len(again.steps) == 4
    assert all(runs(folder) == (1, 1) for folder in workspace.folders().values())


@pytest.mark.slow
def test_submitting_twice_adds_once(workspace: Workspace) -> None:
    a = trivial_step("a")
    b = trivial_step("b", a)
    with launchpad(workspace) as pad:
        first = submit_plan(pad, trivial_plan(a, b), workspace)
        c = trivial_step("c", b)  # the study has grown: its new step joins what it waits for
        second = submit_plan(pad, trivial_plan(a, b, c), workspace)
        assert (first.added, first.known) == ((a.id, b.id), ())
        assert (second.added, second.known) == ((c.id,), (a.id, b.id))
        assert pad.fireworks.count_documents({}) == 3
        assert pad.workflows.count_documents({}) == 1
        whole = pad.get_wf_by_fw_id(1)
        names = {number: item.name for number, item in whole.id_fw.items()}
        links = {names[n]: [names[m] for m in whole.links[n]] for n in names}
        assert links == {"a": ["b"], "b": ["c"], "c": []}
        assert {item.name: item.state for item in whole.fws} == {
            "a": "READY",
            "b": "WAITING",
            "c": "WAITING",
        }
    summary = run_plan(trivial_plan(a, b, c), workspace, 1)
    assert summary.is_complete


@pytest.mark.slow
def test_an_enlarged_study_joins_what_is_there(workspace: Workspace) -> None:
    a, b = trivial_step("a"), trivial_step("b", shift=1)
    children = [trivial_step(f"child {n}", a, shift=n) for n in range(60)]
    both = trivial_step("both", a).model_copy(update={"inputs": {"other": Input(step=b.id)}})
    last = trivial_step("last", both)
    with launchpad(workspace) as pad:
        submit_plan(pad, trivial_plan(a, b), workspace)
        assert pad.workflows.count_documents({}) == 2
        submit_plan(pad, trivial_plan(a, b, *children, both, last), workspace)
        (workflow,) = pad.workflows.find({})
        known = pad.fireworks.find({}, {"name": 1, "fw_id": 1})
        ids = {item["name"]: item["fw_id"] for item in known}
        assert sorted(workflow["nodes"]) == sorted(ids.values())
        assert len(workflow["links"][str(ids["a"])]) == 61
        assert sorted(workflow["parent_links"][str(ids["both"])]) == [ids["a"], ids["b"]]
        assert workflow["parent_links"][str(ids["last"])] == [ids["both"]]

        def states() -> dict[str, str]:
            return {f["name"]: f["state"] for f in pad.fireworks.find({}, {"name": 1, "state": 1})}

        def run_out(number: int) -> None:
            claimed = claim(pad, number, "worker", new_launch_id(pad))
            assert claimed is not None
            complete(pad, claimed)

        run_out(ids["a"])
        assert {states()[child.name] for child in children} == {"READY"}
        assert states()["both"] == "WAITING"
        # a database of before Fireworks named their parents is made to do so
        pad.fireworks.update_many({}, {"$unset": {"spec.parents": ""}})
        pad.fireworks.drop_index("spec.parents_1")
        pad = connect(workspace)
        run_out(ids["b"])
        assert states()["both"] == "READY"
        run_out(ids["both"])
        assert states()["last"] == "READY"
        noted = pad.workflows.find_one({})["fw_states"]
        assert noted == {str(ids[name]): state for name, state in states().items()}


@pytest.mark.slow
def test_two_studies_share_their_steps(workspace: Workspace, tmp_path: Path) -> None:
    shared = trivial_step("shared")
    mine, yours = trivial_step("mine", shared), trivial_step("yours", shared)
    renamed = shared.model_copy(update={"name": "called otherwise"})
    other = Workspace.create(tmp_path / "other", "second")
    operations.start_database(workspace)
    try:
        use_mongodb(other, workspace.launchpad_file)
        with launchpad(workspace) as pad:
            submit_plan(pad, trivial_plan(shared, mine), workspace)
            second = submit_plan(pad, Plan.of("second", [renamed, yours]), other)
            assert (second.known, second.added) == ((shared.id,), (yours.id,))
        theirs = run_plan(Plan.of("second", [renamed, yours]), other, 1)
        assert theirs.is_complete
        ours = run_plan(trivial_plan(shared, mine), workspace, 1)
        assert ours.is_complete
        assert ours.cached == 1
    finally:
        assert operations.stop_database(workspace)
    assert runs(workspace.folder(shared)) == (1, 1)
    assert other.result(shared.id) == workspace.result(shared.id)
    assert runs(other.folder(yours)) == runs(workspace.folder(mine)) == (1, 1)


@pytest.mark.slow
def test_a_changed_study_runs_what_it_asks_for_now(workspace: Workspace) -> None:
    kept, dropped = trivial_step("kept"), trivial_step("dropped", fail="run")
    below = trivial_step("below", dropped)
    before = trivial_plan(kept, dropped, below)
    with launchpad(workspace) as pad:
        submit_plan(pad, before, workspace)
    new = trivial_step("new")
    after = run_plan(trivial_plan(kept, new), workspace, 1)
    assert after.is_complete
    assert [step.name for step in after.steps] == ["kept", "new"]
    assert not (workspace.folder(dropped) / "runs").exists()
    again = run_plan(before, workspace, 1)
    assert {step.name: step.state for step in again.steps} == {
        "kept": "finished",
        "dropped": "failed",
        "below": "blocked",
    }
    assert runs(workspace.folder(kept)) == (1, 1)


@pytest.mark.slow
def test_a_deleted_result_is_computed_again(workspace: Workspace) -> None:
    plan = trivial_plan(trivial_step("a"))
    assert run_plan(plan, workspace, 1).is_complete
    (folder,) = workspace.folders().values()
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert run_plan(plan, workspace, 1).is_complete
    assert runs(workspace.folder(plan.steps[0])) == (1, 1)


@pytest.mark.slow
def test_results_without_a_database_are_not_computed_again(workspace: Workspace) -> None:
    import shutil

    a = trivial_step("a")
    plan = trivial_plan(a, trivial_step("b", a))
    assert run_plan(plan, workspace, 1).is_complete
    shutil.rmtree(workspace.database)
    workspace.launchpad_file.unlink()
    again = run_plan(trivial_plan(*plan.walk(), trivial_step("c", a)), workspace, 1)
    assert again.is_complete
    assert again.cached == 2
    assert runs(workspace.folder(a)) == (1, 1)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_gently_nothing_is_lost(workspace: Workspace, number: int) -> None:
    """The signal then ends what called it: what would come after is not begun."""
    a = trivial_step("a")
    long = trivial_step("long", seconds=600)
    plan = trivial_plan(a, long)
    (workspace.root / "plan.txt").write_text(plan.model_dump_json())
    code = (
        "import sys; from pathlib import Path\n"
        "from natriface.workflows.plan import Plan\n"
        "from natriface.workflows.running.run import run_plan\n"
        "from natriface.workflows.workspace import Workspace\n"
        "w = Workspace.open(Path(sys.argv[1]))\n"
        "run_plan(Plan.model_validate_json((w.root / 'plan.txt').read_text()), w, 2)\n"
        "(w.root / 'next').touch()"
    )
    main = subprocess.Popen([sys.executable, "-c", code, str(workspace.root)])
    wait_for(
        lambda: (workspace.folder(a) / "result.json").exists() and runs(workspace.folder(long))
    )
    wait_for(lambda: runs(workspace.folder(long))[0] == 1)
    main.send_signal(number)
    assert main.wait(300) == (-signal.SIGINT if number == signal.SIGINT else 143)
    assert not (workspace.root / "next").exists()
    found = {step.name: step.state for step in operations.status(workspace)}
    assert found == {"a": "finished", "long": "ready"}
    assert operations.database_server(workspace) is None
    with workspace.lock():
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_line_ends_with_130_by_any_signal(number: int) -> None:
    stopped = RunSummary("s", Path("runs"), (), 0, stopped_by=number, wall_s=1.0)
    assert stopped.interrupted
    assert stopped.exit_code == 130
    finished = RunSummary("s", Path("runs"), (), 0, stopped_by=None, wall_s=1.0)
    assert not finished.interrupted
    assert finished.exit_code == 0


def wait_for(condition: object, seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_specs_are_small(workspace: Workspace) -> None:
    from ase.build import bulk

    from natriface.structures.base.atoms import to_document

    big = trivial_step("big").model_copy(
        update={"structure": to_document(bulk("Na").repeat((12, 12, 12)))}
    )
    with launchpad(workspace) as pad:
        submit_plan(pad, trivial_plan(big), workspace)
        document = pad.fireworks.find_one({"name": "big"}, {"_id": 0})
    assert len(json.dumps(document)) < 2000
    assert (workspace.folder(big) / "step.json").stat().st_size > 50_000


@pytest.mark.slow
def test_a_damaged_database_is_replaced_and_what_is_finished_is_kept(workspace: Workspace) -> None:
    steps = [trivial_step("one"), trivial_step("two")]
    assert run_plan(trivial_plan(*steps), workspace, 1).is_complete
    newest = max((workspace.database / "data").glob("WiredTigerLog.*"))
    after = newest.with_suffix(f".{int(newest.suffix[1:]) + 1:010d}")
    after.write_bytes(bytes(128))  # as of a server killed while it begins a log file
    with pytest.raises(DamagedDatabaseError, match="finished steps are kept"):
        operations.status(workspace)
    told = io.StringIO()
    again = run_plan(trivial_plan(*steps, trivial_step("three")), workspace, 1, Lines(told))
    assert again.is_complete
    assert again.cached == 2
    assert [runs(workspace.folder(step)) for step in steps] == [(1, 1), (1, 1)]
    assert "database.damaged-1" in told.getvalue()
    assert (workspace.root / "database.damaged-1" / "data" / after.name).is_file()


def test_a_calculator_beside_a_notebook_is_found_by_its_workers(
    tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "beside_a_notebook.py").write_text(
        "from ase.calculators.lj import LennardJones\n\n\nclass LJ(LennardJones):\n    pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    step = trivial_step("LJ").model_copy(
        update={"engine": "potential", "settings": {"model": "beside_a_notebook:LJ"}}
    )
    summary = run_plan(trivial_plan(step), workspace, 1)
    assert [each.reason for each in summary.failed] == []
    assert summary.counts["finished"] == 1

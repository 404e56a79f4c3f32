"""The workspace folder: whose it is, who may use it, and what it says when it cannot be used."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from natriface.analysis.results.result import EngineRecord, Result
from natriface.structures.base.errors import ReaderError
from natriface.workflows.errors import WorkspaceError
from natriface.workflows.workspace import Workspace, is_finished, writing
from tests.workflows.conftest import trivial_plan, trivial_step


def result(status: str) -> Result:
    return Result(kind="static", status=status, engine=EngineRecord(name="x", version="1"))


def test_belongs_to_one_study(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "w", "first")
    assert Workspace.create(tmp_path / "w", "first").study == "first"
    with pytest.raises(WorkspaceError, match="workspace of study 'first', not of 'second'"):
        Workspace.create(tmp_path / "w", "second")


def test_never_takes_over_a_folder_with_something_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(WorkspaceError, match="not empty"):
        Workspace.create(tmp_path, "s")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_begins_where_only_configuration_was_put_beforehand(tmp_path: Path) -> None:
    (tmp_path / "queue.yaml").write_text("queue: slurm\n")
    assert Workspace(tmp_path).is_to_begin
    assert Workspace(tmp_path / "not-there").is_to_begin
    assert not Workspace(tmp_path / "queue.yaml").is_to_begin
    assert not Workspace.create(tmp_path, "s").is_to_begin
    assert (tmp_path / "queue.yaml").is_file()


def test_open_wants_a_workspace(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"no workspace\.json"):
        Workspace.open(tmp_path)


def test_damaged_marker_is_named(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "w", "s")
    (tmp_path / "w" / "workspace.json").write_text("{")
    with pytest.raises(WorkspaceError, match=r"workspace\.json cannot be read"):
        Workspace.open(tmp_path / "w")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(WorkspaceError, match="permission denied"):
        Workspace.create(tmp_path / "w", "s")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "permission denied"),
    ],
)
def test_disk_failures_are_one_sentence(tmp_path: Path, number: int, words: str) -> None:
    with pytest.raises(WorkspaceError, match=words) as caught, writing(tmp_path):
        raise OSError(number, os.strerror(number))
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_second_run_is_refused_by_name(workspace: Workspace) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from natriface.workflows.workspace import Workspace\n"
        "with Workspace.open(Path(sys.argv[1])).lock(): print('locked', flush=True); input()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(workspace.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        with pytest.raises(WorkspaceError, match=f"in use.*process {holder.pid} on"):
            workspace.lock().__enter__()
    finally:
        holder.kill()  # as kill -9 would: the lock must not outlive its process
        holder.communicate()
    with workspace.lock():
        pass


def test_a_step_keeps_its_folder_when_it_is_renamed(workspace: Workspace) -> None:
    first = trivial_step("old name", label="same")
    workspace.folder(first).mkdir()
    renamed = first.model_copy(update={"name": "new name"})
    assert renamed.id == first.id
    assert workspace.folder(renamed) == workspace.folder(first)


def test_finds_steps_by_name_and_id(workspace: Workspace) -> None:
    a, b = trivial_step("Na | NZSP"), trivial_step("NaF | NZSP")
    workspace.save_plan(trivial_plan(a, b))
    assert workspace.find("Na | NZSP").id == a.id
    assert workspace.find(b.id).name == "NaF | NZSP"
    with pytest.raises(WorkspaceError, match=r"did you mean 'NaF \| NZSP'"):
        workspace.find("NaF | NSZP")


def test_plan_in_short_keeps_order_and_parents(workspace: Workspace) -> None:
    a = trivial_step("a")
    b = trivial_step("b", a)
    workspace.save_plan(trivial_plan(b, a))
    steps = workspace.plan()
    assert [step.name for step in steps] == ["a", "b"]
    assert steps[1].parents == (a.id,)


@pytest.mark.parametrize("status", ["converged", "unconverged", "truncated", "failed"])
def test_only_a_converged_result_is_finished(tmp_path: Path, status: str) -> None:
    assert not is_finished(tmp_path)
    result(status).save(tmp_path)
    assert is_finished(tmp_path) == (status == "converged")


def test_finished_agrees_with_the_result_whatever_else_it_holds(tmp_path: Path) -> None:
    trap = result("failed").model_copy(update={"reason": '"status": "converged"'})
    trap.save(tmp_path)
    assert not is_finished(tmp_path)


def test_result_of_an_unknown_step(workspace: Workspace) -> None:
    with pytest.raises(ReaderError, match="no folder"):
        workspace.result("0123456789ab")

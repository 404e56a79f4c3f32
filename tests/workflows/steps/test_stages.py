"""A step's folder: its structure and inputs come from the steps it depends on."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import EngineError, ReaderError
from natriface.workflows.engines.base import STEP_FILE, input_file, input_structure
from natriface.workflows.plan import Input, Plan, Step
from natriface.workflows.running.run import run_plan
from natriface.workflows.steps.stages import read_step, run_step, stage, write_step
from natriface.workflows.workspace import Workspace
from tests.workflows.conftest import trivial_step


def made(workspace: Workspace, *steps: Step) -> None:
    """Write, run and read steps, parents first."""
    for step in steps:
        folder = workspace.folder(step)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / STEP_FILE).write_text(step.model_dump_json())
        write_step(folder, workspace)
        run_step(folder)
        read_step(folder)


def band(first: Step, last: Step) -> Step:
    """A step that needs the structure of one step, and structure and file of another."""
    return trivial_step("band", first).model_copy(
        update={
            "inputs": {
                "final": Input(step=last.id),
                "start": Input(step=last.id, file="output"),
                "given": Input(structure=to_document(bulk("NaCl", "rocksalt", a=5.64))),
            }
        }
    )


def test_inputs_are_parents_once_each() -> None:
    first, last = trivial_step("first"), trivial_step("last")
    assert band(first, last).parents == (first.id, last.id)
    assert band(first, first).parents == (first.id,)


def test_inputs_enter_the_id() -> None:
    first, last = trivial_step("first"), trivial_step("last")
    ids = {trivial_step("band", first).id, band(first, last).id, band(first, first).id}
    assert len(ids) == 3


def test_inputs_lie_in_the_folder(workspace: Workspace) -> None:
    first, last = trivial_step("first"), trivial_step("last")
    step = band(first, last)
    made(workspace, first, last, step)
    folder = workspace.folder(step)
    final = workspace.result(last.id).final_atoms()
    assert np.allclose(input_structure(folder, "final").positions, final.positions)
    assert input_structure(folder, "given").get_chemical_formula() == "ClNa"
    start = input_file(folder, "start")
    assert start is not None
    assert start.read_text() == "last"
    assert input_file(folder, "other") is None
    with pytest.raises(ReaderError, match="no input 'other'"):
        input_structure(folder, "other")


def test_written_again_only_when_an_input_changes(workspace: Workspace) -> None:
    first, last = trivial_step("first"), trivial_step("last")
    step = band(first, last)
    made(workspace, first, last, step)
    folder = workspace.folder(step)
    write_step(folder, workspace)
    assert stage(folder) == "ran"
    output = workspace.folder(last) / "output.txt"
    output.unlink()  # not written in place: the step's own link keeps the old content
    output.write_text("another")
    write_step(folder, workspace)
    assert stage(folder) == "written"
    start = input_file(folder, "start")
    assert start is not None
    assert start.read_text() == "another"
    assert (folder / "superseded-1" / "output.txt").exists()


def test_missing_file_of_a_parent_is_said(workspace: Workspace) -> None:
    first, last = trivial_step("first"), trivial_step("last")
    step = band(first, last)
    made(workspace, first, last)
    (workspace.folder(last) / "output.txt").unlink()
    with pytest.raises(EngineError, match="needs the output of last, which is not there"):
        made(workspace, step)


@pytest.mark.slow
def test_steps_with_several_parents_run_after_all(workspace: Workspace) -> None:
    first, last = trivial_step("first", seconds=0.2), trivial_step("last")
    alone = trivial_step("alone")
    made_before = Plan.of("trivial", [first])
    assert run_plan(made_before, workspace, 1).is_complete
    assert run_plan(
        Plan.of("trivial", [first, last, alone, band(first, last)]), workspace, 2
    ).is_complete


def test_a_step_can_join_two_that_are_submitted_apart(workspace: Workspace) -> None:
    first, last = trivial_step("first", fail="run"), trivial_step("last", fail="run")
    assert not run_plan(Plan.of("trivial", [first, last]), workspace, 1).is_complete
    plan = Plan.of("trivial", [first, last, band(first, last)])
    summary = run_plan(plan, workspace, 1)
    assert {step.name: step.state for step in summary.steps}["band"] == "blocked"

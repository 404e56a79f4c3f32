"""The three Firetasks of a step: it is written, run, read, so that a failed read never reruns it.

They do what `natriface.workflows.steps.stages` says, under natriface's workers and under
FireWorks' own launchers. Databases name them by this module's path.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fireworks.core.firework import FiretaskBase, FWAction
from fireworks.utilities.fw_utilities import explicit_serialize

from natriface.workflows.launchpad.ledger import honour_rerun
from natriface.workflows.steps.stages import read_step, run_step, write_step
from natriface.workflows.workspace import Workspace, is_finished


@explicit_serialize
class WriteTask(FiretaskBase):  # type: ignore[misc]
    """Write the engine's input into the step's folder."""

    def run_task(self, fw_spec: dict[str, Any]) -> FWAction:
        folder = Path(fw_spec["_launch_dir"])
        if getattr(self, "launchpad", None) is not None:  # by FireWorks' own launchers only
            honour_rerun(self.launchpad, self.fw_id)
        if not is_finished(folder):
            write_step(folder, Workspace(Path(fw_spec["workspace"])))
        return FWAction()


@explicit_serialize
class RunTask(FiretaskBase):  # type: ignore[misc]
    """Run the engine, unless it has ended already."""

    def run_task(self, fw_spec: dict[str, Any]) -> FWAction:
        folder = Path(fw_spec["_launch_dir"])
        if not is_finished(folder):
            run_step(folder)
        return FWAction()


@explicit_serialize
class ReadTask(FiretaskBase):  # type: ignore[misc]
    """Read the result; one that is not converged is kept, but fails the Firework."""

    def run_task(self, fw_spec: dict[str, Any]) -> FWAction:
        folder = Path(fw_spec["_launch_dir"])
        if not is_finished(folder):
            read_step(folder)
        return FWAction()

"""Folders of steps that are of no further use, packed into one file; what they hold stays."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from natriface.analysis.results.tidied import tidy as pack
from natriface.workflows.launchpad.documents import step_key
from natriface.workflows.launchpad.queries import steps_with_keys
from natriface.workflows.workspace import Workspace, is_finished, writing

if TYPE_CHECKING:
    from fireworks.core.launchpad import LaunchPad


def tidy(pad: LaunchPad, workspace: Workspace, discarded: AbstractSet[str]) -> int:
    """Pack the folders of finished steps; how many were packed.

    Left as they are: steps that another workspace wants too or that lie in one, that are not
    finished, or whose folders are large (`natriface.analysis.results.tidied.tidy`).

    Parameters
    ----------
    discarded
        Ids of steps, as `natriface.workflows.planning.discarded` finds them.

    Raises
    ------
    ReaderError
        If what was packed before is damaged.
    WorkspaceError
        If the workspace cannot be written.
    """
    with workspace.submitting(), writing(workspace.steps):
        own = {str(workspace.root)}
        wanted = {
            record.step_id
            for record in steps_with_keys(pad, map(step_key, discarded))
            if record.folder.parent == workspace.steps
            and (record.state != "COMPLETED" or not own.issuperset(record.workspaces))
        }
        mine = discarded - wanted
        names = (
            folder.name
            for identifier, folder in workspace.folders().items()
            if identifier in mine and folder.is_dir() and is_finished(folder)
        )
        return len(pack(workspace.steps, names))

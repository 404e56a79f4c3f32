"""Files for FireWorks' own `qlaunch`, from the same template and limits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from natriface.structures.base.writing import write_atomically
from natriface.workflows.queues.limits import QueueLimits
from natriface.workflows.queues.packing import Item, Pack
from natriface.workflows.queues.resources import Resources, largest
from natriface.workflows.queues.script import load_template, own_lines, script_fields, script_values
from natriface.workflows.workspace import writing


def write_qadapter(
    folder: Path,
    launchpad_file: Path,
    limits: QueueLimits,
    needs: Sequence[Resources],
    reserve: bool = False,
) -> Path:
    """Write ``my_qadapter.yaml`` and its template into a folder; path of the former.

    Each job runs one worker of FireWorks', which takes steps until none is ready, or, where they
    are reserved, the one step that `qlaunch --reserve` has reserved for it. The early
    signal is left out, for FireWorks' launchers do not heed it.

    Parameters
    ----------
    launchpad_file
        By which the jobs reach the LaunchPad; only its name is written, never what is in it.
    needs
        Of the steps that the jobs may take: each job is large enough for any of them.
    reserve
        Write it for `qlaunch --reserve`.

    Raises
    ------
    WorkspaceError
        If the folder cannot be written.
    """
    template = load_template(limits.queue)
    any_of_them = largest(needs, limits)
    packed = Pack(any_of_them.shape, 1)
    packed.add(Item("any", any_of_them), limits)
    values = script_values(packed, limits.model_copy(update={"signal_minutes": 0.0}))
    values |= {"job_name": "natriface", "output_stem": "natriface", "soft_walltime_hms": None}
    fields = script_fields(template, values) | own_lines(limits)
    fields["rocket_launch"] = (
        f"rlaunch -l {launchpad_file} {'singleshot' if reserve else 'rapidfire'}"
    )
    path, text_path = folder / "my_qadapter.yaml", folder / f"{template.adapter}_template.txt"
    head = {
        "_fw_name": "CommonAdapter",
        "_fw_q_type": template.q_type,
        "_fw_template_file": str(text_path.resolve()),
    }
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(text_path, template.template)
        write_atomically(path, yaml.safe_dump({**head, **fields}, sort_keys=False))
    return path

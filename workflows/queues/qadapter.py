"""Files for FireWorks' own `qlaunch`, from the same template and limits."""

from __future__ import annotations

from pathlib import Path

import yaml

from natriface.structures.base.writing import write_atomically
from natriface.workflows.queues.limits import QueueLimits
from natriface.workflows.queues.packing import Item, Pack
from natriface.workflows.queues.resources import Resources
from natriface.workflows.queues.script import load_template, script_fields, script_values
from natriface.workflows.workspace import writing


def write_qadapter(
    folder: Path, launchpad_file: Path, limits: QueueLimits, reserve: bool = False
) -> Path:
    """Write ``my_qadapter.yaml`` and its template into a folder; path of the former.

    Each job runs one worker of FireWorks', which takes steps until none is ready, or, where they
    are reserved, the one step that `qlaunch --reserve` has reserved for it. The early
    signal is left out, for FireWorks' launchers do not heed it.

    Parameters
    ----------
    launchpad_file
        By which the jobs reach the LaunchPad; only its name is written, never what is in it.
    reserve
        Write it for `qlaunch --reserve`.

    Raises
    ------
    WorkspaceError
        If the folder cannot be written.
    """
    template = load_template(limits.queue)
    whole = Resources(
        nodes=1,
        tasks=1,
        cores_per_task=limits.cores_per_job or limits.cores_per_node,
        gpus_per_node=None,
        memory_mb=limits.memory_per_node_mb or 0.0,
        seconds=limits.max_walltime_s,
    )
    packed = Pack(whole.shape, 1)
    packed.add(Item("any", whole), limits)
    values = script_values(packed, limits.model_copy(update={"signal_minutes": 0.0}))
    values |= {"job_name": "natriface", "output_stem": "natriface", "soft_walltime_hms": None}
    if limits.memory_per_node_mb is None:
        values |= {"memory_per_node_mb": None, "memory_per_core_mb": None}
    fields = script_fields(template, values)
    fields["rocket_launch"] = (
        f"rlaunch -l {launchpad_file} {'singleshot' if reserve else 'rapidfire'}"
    )
    lines = [*limits.setup, *(f"export {key}={text}" for key, text in limits.environment.items())]
    if lines:
        fields["pre_rocket"] = "\n".join(lines)
    if limits.directives:
        fields["directives"] = "\n".join(limits.directives)
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

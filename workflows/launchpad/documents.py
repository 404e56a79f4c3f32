"""Steps as Fireworks of three Firetasks, and the Workflows that hold them together.

The Fireworks of a plan that depend on each other form one Workflow; steps that do not are in
Workflows of their own, and stay independent of each other's fate.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterable
from pathlib import Path

from fireworks.core.firework import Firework, Workflow

from natriface.workflows.fireworks import ReadTask, RunTask, WriteTask
from natriface.workflows.plan import Step
from natriface.workflows.workspace import Workspace


def owner() -> str:
    """The user whose steps these are: on a database of many, nobody touches another's."""
    return pwd.getpwuid(os.getuid()).pw_name


def step_key(identifier: str) -> str:
    """What a step is known by in a database: its content, and whose it is."""
    return f"{owner()}/{identifier}"


def firework(step: Step, folder: Path, workspace: Workspace, seconds: float) -> Firework:
    """The Firework of a step.

    The spec is small: structure and settings stay in the folder. Long steps go first.

    Parameters
    ----------
    seconds
        Estimate of the step's cost.
    """
    spec = {
        "step_key": step_key(step.id),
        "step_id": step.id,
        "kind": step.kind,
        "engine": step.engine,
        "n_atoms": step.n_atoms,
        "estimate_s": seconds,
        "workspace": str(workspace.root),
        "workspaces": [str(workspace.root)],
        "study": workspace.study,
        "_launch_dir": str(folder),
        "_add_launchpad_and_fw_id": True,
        "_priority": int(seconds),
    }
    return Firework([WriteTask(), RunTask(), ReadTask()], spec=spec, name=step.name)


def workflows(
    steps: Iterable[Step], fireworks: dict[str, Firework], workspace: Workspace
) -> list[Workflow]:
    """The Fireworks of the steps in as few dependencies as they have: one Workflow a component."""
    component: dict[str, str] = {}

    def find(identifier: str) -> str:
        while component[identifier] != identifier:
            component[identifier] = component[component[identifier]]
            identifier = component[identifier]
        return identifier

    members: dict[str, list[Step]] = {}
    chosen = [step for step in steps if step.id in fireworks]
    for step in chosen:
        component.setdefault(step.id, step.id)
        for parent in step.parents:
            if parent in component:
                component[find(step.id)] = find(parent)
    for step in chosen:
        members.setdefault(find(step.id), []).append(step)
    made = []
    for group in members.values():
        links: dict[int, list[int]] = {fireworks[step.id].fw_id: [] for step in group}
        for step in group:
            for parent in step.parents:
                if parent in fireworks:
                    links[fireworks[parent].fw_id].append(fireworks[step.id].fw_id)
        name = str(workspace.study) if len(group) > 1 else group[0].name
        metadata = {"study": workspace.study, "workspaces": [str(workspace.root)]}
        made.append(Workflow([fireworks[step.id] for step in group], links, name, metadata))
    return made

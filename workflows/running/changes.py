"""Why steps that were finished are computed again: which of their settings have changed."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from natriface.analysis.results.wording import counted
from natriface.structures.base.errors import ReaderError
from natriface.workflows.errors import WorkspaceError
from natriface.workflows.plan import Plan
from natriface.workflows.steps.stages import load_step
from natriface.workflows.workspace import Workspace, is_finished

MOST_SAID = 3
LONGEST = 40


def changes(plan: Plan, workspace: Workspace) -> str | None:
    """One line on the steps of a plan that were finished with other settings, as last submitted.

    Steps that only follow from them are counted too.

    Returns
    -------
    str | None
        ``None`` where there are none, or no setting has changed.
    """
    folders = workspace.folders()
    try:
        before = {step.name: step.id for step in workspace.plan()}
    except WorkspaceError:  # the next submission writes it anew
        return None
    n_steps, said = 0, dict[str, None]()
    for step in plan.walk():
        old = folders.get(before.get(step.name, step.id))
        new = folders.get(step.id)
        if old is None or old == new or not is_finished(old) or (new and is_finished(new)):
            continue
        n_steps += 1
        with suppress(ReaderError):
            earlier = load_step(old)
            if (earlier.engine, earlier.kind) == (step.engine, step.kind):
                said |= dict.fromkeys(_differences(earlier.settings, step.settings))
    if not said:
        return None
    told = [*list(said)[:MOST_SAID], *(["..."] if len(said) > MOST_SAID else [])]
    return (
        f"{counted(n_steps, 'finished step')} to be computed again, as settings have changed: "
        + ", ".join(told)
    )


def _differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    found = []
    for key in sorted(before.keys() | now.keys()):
        old, new = before.get(key, "not set"), now.get(key, "not set")
        if old != new:
            values = f" from {old} to {new}"
            found.append(key + (values if len(values) <= LONGEST else ""))
    return found

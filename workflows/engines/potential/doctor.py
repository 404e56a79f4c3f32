"""Whether the default potential is there."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from natriface.workflows.engines.machine import Machine
from natriface.workflows.findings import Finding


def examine(machine: Machine) -> Iterator[Finding]:
    """CHGNet and PyTorch."""
    missing = [name for name in ("chgnet", "torch") if find_spec(name) is None]
    yield (
        Finding(
            "warning",
            "engine potential",
            f"{' and '.join(missing)} not installed: CHGNet, its default, cannot be used",
            "pip install 'natriface[potential]'",
        )
        if missing
        else Finding("ok", "engine potential", "CHGNet is installed")
    )

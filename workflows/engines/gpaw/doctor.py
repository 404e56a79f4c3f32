"""Whether GPAW and its set-ups are there."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from natriface.workflows.engines.machine import Machine
from natriface.workflows.findings import Finding


def examine(machine: Machine) -> Iterator[Finding]:
    """The package, and a folder of PBE set-ups."""
    yield _installed()


def _installed() -> Finding:
    if find_spec("gpaw") is None:
        return Finding(
            "warning", "engine gpaw", "GPAW is not installed", "pip install 'natriface[gpaw]'"
        )
    import gpaw

    folders = [Path(folder) for folder in gpaw.setup_paths]
    for folder in folders:
        number = sum(1 for _ in folder.glob("*.PBE*")) if folder.is_dir() else 0
        if number:
            return Finding("ok", "engine gpaw", f"GPAW {gpaw.__version__}, set-ups in {folder}")
    return Finding(
        "error",
        "engine gpaw",
        "GPAW is installed, but finds no set-ups",
        "pip install gpaw-data, or name their folder in GPAW_SETUP_PATH",
    )

"""Checkpoints: what a run leaves in its folder to go on from, atoms in motion among it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from natriface.structures.base.writing import write_atomically


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """What an interrupted run has left; ``None`` where there is none, or a damaged one."""
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):  # damaged with the disk; written whole by us
        return None
    return content


def save_motion(
    path: Path, atoms: Atoms, more: Mapping[str, Any], generator: np.random.Generator | None = None
) -> None:
    """Write down where atoms are, how they move, the random numbers to come, and more."""
    content = {
        "positions": atoms.positions.tolist(),
        "momenta": atoms.get_momenta().tolist(),
        **({} if generator is None else {"generator": generator.bit_generator.state}),
        **more,
    }
    write_atomically(path, json.dumps(content))


def restore_motion(
    atoms: Atoms, content: Mapping[str, Any], generator: np.random.Generator | None = None
) -> None:
    """Set atoms and generator as `save_motion` has found them, constraints or not."""
    atoms.set_positions(content["positions"], apply_constraint=False)
    atoms.set_momenta(content["momenta"], apply_constraint=False)
    if generator is not None:
        generator.bit_generator.state = content["generator"]

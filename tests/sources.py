"""Where the outputs of VASP and LOBSTER lie that tests read: written here, or real.

The written ones (`tests.written`) are always there. The real ones lie in the folder ``data`` below
``NATRIFACE_TEST_DATA``, by default ``../shared`` beside the checkout; where they are absent, the
tests marked ``realdata`` are skipped. Only this module and `tests.conftest` know the place.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

REAL = Path(os.environ.get("NATRIFACE_TEST_DATA") or Path(__file__).resolve().parents[2] / "shared")
ABSENT = (
    ""
    if (REAL / "data").is_dir()
    else f"no real outputs in {REAL}; NATRIFACE_TEST_DATA names their folder"
)
"""Why tests of real files are skipped; empty where they are not."""


class Sample(NamedTuple):
    """A file or folder of either tree; the fixture ``sample`` gives its path."""

    is_real: bool
    name: str


def real_names(pattern: str) -> list[str]:
    """Names below ``data`` of the real files that a pattern of `Path.glob` finds."""
    found = (p for p in (REAL / "data").glob(pattern) if p.is_file())
    return sorted(str(p.relative_to(REAL / "data")) for p in found)


def samples(
    written: Iterable[str], real: Iterable[str], slow_from_bytes: float = float("inf")
) -> pytest.MarkDecorator:
    """Parametrise a test over files or folders of both trees, by the argument ``sample``.

    Parameters
    ----------
    written, real
        Names below ``data``. Where the real ones are absent, one skipped case says so.
    slow_from_bytes
        Size from which a real file makes a test slow.
    """
    cases = [pytest.param(Sample(False, name), id=f"written-{name}") for name in written]
    for name in [] if ABSENT else real:
        path = REAL / "data" / name
        is_slow = path.is_file() and path.stat().st_size >= slow_from_bytes
        marks = [pytest.mark.realdata, *([pytest.mark.slow] if is_slow else [])]
        cases.append(pytest.param(Sample(True, name), marks=marks, id=name))
    if ABSENT:
        cases.append(pytest.param(Sample(True, ""), marks=pytest.mark.realdata, id="real files"))
    return pytest.mark.parametrize("sample", cases, indirect=True)

"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real calculation outputs beside the checkout; skips where it is absent."""
    if not (SHARED / "data" / "MANIFEST.tsv").is_file():
        pytest.skip(f"real calculation outputs are not there: {SHARED / 'data'} is absent")
    return SHARED

"""Names for what is kept beside its successor."""

from __future__ import annotations

from pathlib import Path

from natriface.structures.base.writing import next_numbered


def test_a_number_is_never_given_twice(tmp_path: Path) -> None:
    assert next_numbered(tmp_path, "old") == tmp_path / "old-1"
    for name in ("old-2", "old-10", "old-", "old-x", "older-30", "old"):
        (tmp_path / name).mkdir()
    assert next_numbered(tmp_path, "old") == tmp_path / "old-11"

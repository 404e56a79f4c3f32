"""Structures that a report's pictures show, in files."""

from __future__ import annotations

from pathlib import Path

import pytest
from ase.build import bulk
from ase.io import read
from pymatgen.core import Structure

from natriface.analysis.figures.pictures.turnable import Turnable
from natriface.workflows.report.figure import save_turnable


def test_a_cif_says_what_it_is_and_is_read_by_others(tmp_path: Path) -> None:
    built = bulk("NaF", "rocksalt", a=4.6)
    relaxed = bulk("NaF", "rocksalt", a=4.65)
    (tmp_path / "figures").mkdir()
    shown = save_turnable(
        Turnable((built, relaxed), ("as built", "relaxed")),
        tmp_path / "figures",
        "crystal-NaF",
        "NaF, relaxed by a potential\n(not DFT).",
    )
    for files, first, cell in zip(
        shown.structures, ("# as built.", "# relaxed."), (built.cell, relaxed.cell), strict=True
    ):
        (path,) = [tmp_path / name for name in files.paths if name.endswith(".cif")]
        line = path.read_text().splitlines()[0]
        assert line.startswith(f"{first} NaF, relaxed by a potential (not DFT). natriface ")
        assert read(path).cell.lengths() == pytest.approx(cell.lengths(), abs=1e-4)
        assert Structure.from_file(path).composition.reduced_formula == "NaF"

"""Vacuum levels from GPAW's potential: a polar layer, whose step its dipole moment gives."""

from __future__ import annotations

from pathlib import Path

import pytest
from ase import Atoms

from natriface.analysis.electrons.level_sources import read_potential_run
from natriface.analysis.electrons.vacuum_levels import slab_levels
from tests.analysis.electrons.profiles import E_OVER_EPSILON0
from tests.workflows.engines.gpaw.gpaw_tools import make_step, run

pytestmark = [pytest.mark.gpaw, pytest.mark.slow]
pytest.importorskip("gpaw")


def test_a_polar_layer_steps_by_its_dipole_moment(tmp_path: Path) -> None:
    """Molecules of HF, H downwards, not in the middle of their cell."""
    atoms = Atoms("HF", [[2.5, 2.5, 3.0], [2.5, 2.5, 3.93]], cell=[5, 5, 15], pbc=True)
    result = run(tmp_path, make_step(atoms, "levels", dipole="auto"))
    assert result.status == "converged"
    result.save(tmp_path)
    found = read_potential_run(tmp_path)
    levels = slab_levels(found.profile, found.electronic)
    text = next(
        line for line in (tmp_path / "gpaw.txt").read_text().splitlines()
        if line.lower().startswith("dipole moment")
    )  # fmt: skip
    moment = float(text.split("(")[1].split(")")[0].split(",")[2])
    assert moment < -0.2
    assert levels.vacuum.dipole_step_ev == pytest.approx(-moment * E_OVER_EPSILON0 / 25, abs=0.01)
    top, bottom = levels.side("top"), levels.side("bottom")
    assert top.ionization_potential_ev is not None
    assert bottom.ionization_potential_ev is not None
    apart = top.ionization_potential_ev - bottom.ionization_potential_ev
    assert apart == pytest.approx(levels.vacuum.dipole_step_ev)

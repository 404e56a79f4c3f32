"""Steps of molecular dynamics from one attempt to the next, by VASP's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from natriface.analysis.readers.vasprun.document import Vasprun
from natriface.workflows.engines.vasp.pieces import Course
from natriface.workflows.engines.vasp.running.restart import velocities


def test_a_real_course_is_joined_where_it_was_left(shared: Path) -> None:
    steps = Vasprun(shared / "data/vasp/pmg_ml_md/vasprun.ml_md.xml.gz").steps
    n = len(steps)
    assert n > 50
    whole = Course(steps.positions, steps.energies_ev, np.arange(float(n)), steps.cells[0])
    part = Course(*(values[:40] for values in (steps.positions, steps.energies_ev)),
                  whole.kelvins[:40], whole.cell)  # fmt: skip
    for place in (0, 17, 39, 40):
        assert part.place_of(steps.positions[place]) == place
    assert part.place_of(steps.positions[-1]) is None
    rest = Course(steps.positions[40:], steps.energies_ev[40:], whole.kelvins[40:], whole.cell)
    np.testing.assert_array_equal(part.then(rest, 40).fractions, whole.fractions)
    # an atom that VASP brings back into the cell has not moved
    assert part.place_of(steps.positions[40] + 1.0) == 40


def test_velocities_are_kept_as_far_as_they_are_whole() -> None:
    rows = ["  0.1E-02  0.2E-02  -0.3E-02"] * 2
    integrator = ["", " 1", "  0.1E+01", " 0.0 0.1 0.2 0.3", *["  0.5 0.5 0.5"] * 6]
    assert velocities(["", *rows], 2) == ["", *rows]
    assert velocities(["", *rows, *integrator], 2) == ["", *rows, *integrator]
    assert velocities(["", *rows, *integrator[:-1]], 2) == ["", *rows]
    assert velocities(["", *rows, *integrator[:-1], "  0.5 0."], 2) == ["", *rows]
    for cut in ([], [""], ["", rows[0]], ["", rows[0], rows[1][:12]], ["", rows[0], " NaN 0 0"]):
        assert velocities(cut, 2) == []

"""Terminations that cut through polyanions, where they are asked for."""

from __future__ import annotations

import numpy as np
import pytest

from natriface.structures.crystals.phases import load_phase
from natriface.structures.surfaces.slabs import build_slab
from natriface.structures.surfaces.terminations import find_terminations


@pytest.mark.parametrize("miller", [(1, 0, 0), (0, 0, 1)])
def test_all_cuts_between_atomic_planes_are_found(miller: tuple[int, int, int]) -> None:
    phase = load_phase("NZSP")
    through = find_terminations(phase, miller, through_polyanions=True)
    whole = find_terminations(phase, miller)
    assert any(t.broken_bonds for t in through)
    assert all(t.intact for t in whole)
    assert all("through polyanions" in t.label for t in through)
    assert not any("through" in t.label for t in whole)
    for termination in through:
        slab = build_slab(termination, layers=1)
        assert slab.stoichiometric
        centre = np.isin(slab.atoms.numbers, [14, 15])
        heights = slab.atoms.positions[:, 2]
        bonds = sum(
            int((slab.atoms.get_distances(k, np.flatnonzero(slab.atoms.numbers == 8), mic=True)
                 < 2.0).sum())
            for k in np.flatnonzero(centre)
        )  # fmt: skip
        lost = 4 * int(centre.sum()) - bonds
        assert lost == termination.broken_bonds
        assert np.ptp(heights) > 0


def test_a_metal_has_the_same_cuts_either_way() -> None:
    sodium = load_phase("Na")
    one, other = (
        find_terminations(sodium, (1, 0, 0), through_polyanions=through)
        for through in (False, True)
    )
    assert [t.cut for t in one] == pytest.approx([t.cut for t in other])
    assert not any(t.broken_bonds for t in other)

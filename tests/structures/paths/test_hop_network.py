"""Networks of hops: all equivalents, and how far they lead."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms

from natriface.structures.base.errors import StructureError
from natriface.structures.crystals.phases import load_phase
from natriface.structures.paths.hop_network import hop_network
from natriface.structures.paths.hops import vacancy_hops


def test_rock_salt_has_twelve_hops_a_site_in_all_directions() -> None:
    host = load_phase("NaF").atoms
    hops = vacancy_hops(host)
    network = hop_network(host, [h.start for h in hops], [h.end for h in hops])
    assert len(network.sites) == 4
    assert sum(network.kinds == 0) == 2 * hops[0].multiplicity == 48
    assert network.levels({0: 0.7}) == {1: 0.7, 2: 0.7, 3: 0.7}
    assert network.levels({}) == {}
    assert network.dimensions({0: 0.7}, 0.6) == 0


def test_the_weakest_link_decides_each_direction() -> None:
    """An orthorhombic chain, plane and space of one site a cell."""
    host = Atoms("NaF", positions=[[0, 0, 0], [1.5, 2.0, 2.5]], cell=[3, 4, 5], pbc=True)
    ends = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    network = hop_network(host, [[0, 0, 0]] * 3, ends)
    assert network.levels({0: 0.1, 1: 0.3, 2: 0.2}) == {1: 0.1, 2: 0.2, 3: 0.3}
    assert network.levels({1: 0.3}) == {1: 0.3}


def test_hops_to_and_fro_lead_nowhere() -> None:
    """Two sites close together: going there and back is no way through the crystal."""
    host = Atoms(
        "Na2F", scaled_positions=[[0.4, 0, 0], [0.6, 0, 0], [0, 0.5, 0.5]], cell=[9, 8, 7], pbc=True
    )
    near = hop_network(host, [[0.4, 0, 0]], [[0.6, 0, 0]])
    assert near.levels({0: 0.1}) == {}
    both = hop_network(host, [[0.4, 0, 0], [0.6, 0, 0]], [[0.6, 0, 0], [1.4, 0, 0]])
    assert both.levels({0: 0.1, 1: 0.6}) == {1: 0.6}


def test_origin_of_the_cell_does_not_matter() -> None:
    host = load_phase("Na3PO4").atoms
    shifted = host.copy()
    shifted.positions += [1.3, -0.4, 2.2]
    found = []
    for crystal in (host, shifted):
        hops = vacancy_hops(crystal, max_length_angstrom=3.6)
        network = hop_network(crystal, [h.start for h in hops], [h.end for h in hops])
        levels = network.levels({k: h.length_angstrom for k, h in enumerate(hops)})
        found.append((len(network.sites), len(network.kinds), levels))
    assert found[0][:2] == found[1][:2]
    assert found[0][0] == 24
    for n, level in found[0][2].items():
        assert found[1][2][n] == pytest.approx(level, abs=1e-6)
    assert set(found[0][2]) == {1, 2, 3}


def test_no_hops_no_network() -> None:
    with pytest.raises(StructureError, match="at least one hop"):
        hop_network(load_phase("NaF").atoms, [], np.empty((0, 3)))

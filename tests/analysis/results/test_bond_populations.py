"""Bonds of one calculation: selection, both views of a bond, storage, spilling judged."""

import json

import numpy as np
import pytest
from ase import Atoms

from natriface.analysis.results.bond_populations import (
    AtomCharges,
    Bond,
    BondPopulations,
    Curves,
)
from natriface.analysis.results.spilling import Spilling, judge_spilling
from natriface.structures.base.errors import AnalysisError, ReaderError


@pytest.fixture
def populations():
    """Two Na and one O in a cubic cell; a bond of Na to its own image among them."""
    structure = Atoms("Na2O", [[0, 0, 0], [2, 0, 0], [2, 2, 0]], cell=[4, 4, 4], pbc=True)
    bonds = (
        Bond("1", (0, 0), ("Na", "Na"), (0, 0, 1), 4.0, -0.02, (-0.01, -0.01)),
        Bond(
            "2", (1, 2), ("Na", "O"), (0, 0, 0), 2.0, -0.5, (-0.25, -0.25), 0.1, 0.05,
            {"3s->2p_x": -0.4, "3s->2s": -0.1},
        ),
        Bond("3", (2, 1), ("O", "Na"), (0, 1, 0), 2.0, -0.6, (-0.3, -0.3)),
        Bond("4", (0, 2), ("Na", "O"), None, 2.83, 0.1, (0.05, 0.05), count=2),
    )  # fmt: skip
    energies = np.linspace(-2, 1, 7)
    values = np.random.default_rng(1).normal(size=(2, 3, 7))
    return BondPopulations(
        bonds,
        Curves(energies, ("3", "1", "2"), values, values.cumsum(-1), None, values * 2),
        Spilling((1.0, 1.2)),
        AtomCharges((0.5, 0.5, -1.0)),
        1.5,
        "LOBSTER 4.1.0",
        structure,
        ("one",),
    )


def test_select_turns_bonds_to_the_order_asked(populations):
    assert [bond.label for bond in populations.select("O", "Na")] == ["2", "3", "4"]
    for bond in populations.select("O", "Na"):
        assert bond.symbols == ("O", "Na")
    assert [bond.label for bond in populations.select("O", shorter_than_angstrom=2.5)] == ["2", "3"]
    assert [bond.label for bond in populations.select(stronger_than_ev=0.5)] == ["3"]
    with pytest.raises(AnalysisError, match="two elements"):
        populations.select("Na", "O", "P")


def test_a_reversed_bond_has_the_reversed_vector(populations):
    structure = populations.structure
    for bond in populations.bonds[:3]:
        assert bond.reversed().reversed() == bond
        for seen, sign in ((bond, 1), (bond.reversed(), -1)):
            (i, j), cell = seen.atoms, structure.cell.array
            vector = structure.positions[j] + seen.translation @ cell - structure.positions[i]
            assert np.linalg.norm(vector) == pytest.approx(bond.length_angstrom)
            if sign == 1:
                forth = vector
        np.testing.assert_allclose(vector, -forth)
    assert dict(populations.bonds[1].reversed().orbitals) == {"2p_x->3s": -0.4, "2s->3s": -0.1}


def test_bonds_of_a_centre_start_there_and_count_both_images(populations):
    assert [b.label for b in populations.of_centre(0)] == ["4", "1", "1"]
    found = populations.of_centre(2, {"Na"}, shorter_than_angstrom=2.5)
    assert [b.label for b in found] == ["2", "3"]
    assert {b.atoms for b in found} == {(2, 1)}


def test_storage_keeps_everything(populations, tmp_path):
    path = populations.save(tmp_path)
    loaded = BondPopulations.load(tmp_path)
    assert loaded.bonds == populations.bonds
    for name in ("spilling", "charges", "fermi_level_ev", "source", "warnings"):
        assert getattr(loaded, name) == getattr(populations, name)
    assert loaded.structure == populations.structure
    assert loaded.curves.labels == populations.curves.labels
    assert loaded.curves.coop_per_ev is None
    for name, values in populations.curves.arrays().items():
        np.testing.assert_array_equal(loaded.curves.arrays()[name], values)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bonding.json", "bonding.npz"]
    (tmp_path / "bonding.npz").write_bytes(b"PK nothing")
    with pytest.raises(ReaderError, match=r"bonding\.npz"):
        BondPopulations.load(path)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema_version": 1}', "\x00"])
def test_what_is_no_file_of_bonds_is_refused(tmp_path, content):
    (tmp_path / "bonding.json").write_text(content)
    with pytest.raises(ReaderError, match=r"bonding\.json"):
        BondPopulations.load(tmp_path)


def test_newer_files_are_refused(populations, tmp_path):
    path = populations.save(tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": 99}))
    with pytest.raises(ReaderError, match="newer natriface"):
        BondPopulations.load(tmp_path)


def test_curves_select(populations):
    chosen = populations.curves.select(["2", "3"])
    np.testing.assert_array_equal(chosen.cohp_per_ev, populations.curves.cohp_per_ev[:, [2, 0]])
    with pytest.raises(AnalysisError, match="no curve of bond 4"):
        populations.curves.select(["4"])


@pytest.mark.parametrize(
    ("charge", "total", "status"),
    [
        ((0.8, 0.9), (6.3, 6.3), "sound"),
        ((0.0,), (), "sound"),
        ((1.28, 7.28), (10.2, 10.2), "high"),
        ((-0.4,), (), "invalid"),
        ((0.5,), (-1.0,), "invalid"),
        ((float("nan"),), (), "invalid"),
        ((120.0,), (), "invalid"),
        ((), (), "invalid"),
    ],
)
def test_spilling_is_judged(charge, total, status):
    verdict = judge_spilling(Spilling(charge, total))
    assert verdict.status == status
    assert (verdict.reason is None) == (status == "sound")


def test_a_record_is_a_bond() -> None:
    one = Bond("7", (2, 16), ("P", "O"), (0, 0, 0), 1.5, -9.0, (-9.0,), None, 0.5, {})
    (row,) = BondPopulations((one,)).records()
    assert (row["bond"], row["name"], row["elements"]) == ("7", "P3-O17", "P-O")
    assert (row["length_angstrom"], row["icohp_ev"], row["icobi"]) == (1.5, -9.0, 0.5)

"""Files in LOBSTER's formats: pymatgen, lobsterpy and natriface read back what was put in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list
from pymatgen.electronic_structure.core import Spin
from pymatgen.io.lobster import Charge, Cohpcar, Icohplist

from natriface.analysis.bonding.lobster_output import (
    write_cohpcar,
    write_icohplist,
    write_lobster_files,
)
from natriface.analysis.readers.lobster.folder import read_lobster_folder
from natriface.analysis.results.bond_populations import AtomCharges, Bond, BondPopulations, Curves
from natriface.structures.base.errors import AnalysisError

SPINS = (Spin.up, Spin.down)


def populations_of(atoms: Atoms, n_spins: int, seed: int = 0) -> BondPopulations:
    """Bonds up to 4.3 A with invented strengths that fall with length; attraction only."""
    random = np.random.default_rng(seed)
    bonds: list[Bond] = []
    for i, j, length, shift in zip(*neighbor_list("ijdS", atoms, 4.3), strict=True):
        first, *_ = [x for x in shift.tolist() if x] or [0]
        if i < j or (i == j and first > 0):
            strength = -0.9 * np.exp((2.31 - length) / 0.35)
            parts = tuple(round(float(strength) / n_spins, 5) + 0.0 for _ in range(n_spins))
            bonds.append(
                Bond(
                    str(len(bonds) + 1),
                    (int(i), int(j)),
                    (atoms[i].symbol, atoms[j].symbol),
                    tuple(int(x) for x in shift),
                    float(length),
                    sum(parts),
                    parts,
                    icoop=0.02,
                    icobi=0.1,
                )
            )
    energies = np.linspace(-12, 4, 161).round(5)
    values = random.normal(scale=30, size=(n_spins, len(bonds), 161)).round(5)
    values[0, 0, 3] = -12345.678  # outgrows its column
    curves = Curves(energies, tuple(b.label for b in bonds), values, values[..., ::-1].copy())
    charges = AtomCharges((0.78, -0.78), (0.67, -0.67))
    return BondPopulations(
        tuple(bonds), curves, None, charges, 3.25, "natriface projection", atoms.copy()
    )


@pytest.mark.parametrize("n_spins", [1, 2])
def test_pymatgen_reads_the_same(tmp_path: Path, n_spins: int) -> None:
    populations = populations_of(bulk("NaF", "rocksalt", a=4.62), n_spins)
    write_lobster_files(populations, tmp_path)
    cohpcar = Cohpcar(filename=str(tmp_path / "COHPCAR.lobster"))
    np.testing.assert_array_equal(cohpcar.energies, populations.curves.energies_ev)
    assert cohpcar.efermi == populations.fermi_level_ev
    listed = Icohplist(filename=str(tmp_path / "ICOHPLIST.lobster")).icohplist
    assert len(listed) == len(populations.bonds) == len(cohpcar.cohp_data) - 1
    for k, bond in enumerate(populations.bonds):
        curve, entry = cohpcar.cohp_data[bond.label], listed[bond.label]
        assert curve["sites"] == bond.atoms
        assert curve["length"] == bond.length_angstrom
        assert tuple(entry["translation"]) == bond.translation
        assert entry["length"] == pytest.approx(bond.length_angstrom, abs=6e-6)
        for s in range(n_spins):
            assert entry["icohp"][SPINS[s]] == bond.icohp_by_spin_ev[s]
            np.testing.assert_array_equal(
                curve["COHP"][SPINS[s]], populations.curves.cohp_per_ev[s, k]
            )
            np.testing.assert_array_equal(
                curve["ICOHP"][SPINS[s]], populations.curves.icohp_ev[s, k]
            )
    for s in range(n_spins):
        mean = populations.curves.cohp_per_ev[s].mean(axis=0)
        np.testing.assert_allclose(cohpcar.cohp_data["average"]["COHP"][SPINS[s]], mean, atol=6e-6)
    charge = Charge(str(tmp_path / "CHARGE.lobster"))
    assert charge.mulliken == [0.78, -0.78]
    assert charge.loewdin == [0.67, -0.67]


@pytest.mark.parametrize("n_spins", [1, 2])
def test_natriface_reads_the_same(tmp_path: Path, n_spins: int) -> None:
    populations = populations_of(bulk("NaF", "rocksalt", a=4.62), n_spins, seed=1)
    write_lobster_files(populations, tmp_path)
    read = read_lobster_folder(tmp_path)
    assert len(read.bonds) == len(populations.bonds)
    for one, two in zip(read.bonds, populations.bonds, strict=True):
        assert (one.label, one.atoms, one.symbols) == (two.label, two.atoms, two.symbols)
        assert (one.translation, one.icohp_by_spin_ev) == (two.translation, two.icohp_by_spin_ev)
        assert (one.icoop, one.icobi) == (two.icoop, two.icobi)
    for name, values in populations.curves.arrays().items():
        np.testing.assert_array_equal(read.curves.arrays()[name], values)
    assert read.charges == populations.charges
    assert read.structure.get_chemical_symbols() == ["Na", "F"]


def test_lobsterpy_finds_the_octahedron(tmp_path: Path) -> None:
    from lobsterpy.cohp.analyze import Analysis

    write_lobster_files(populations_of(bulk("NaF", "rocksalt", a=4.62), 1), tmp_path)
    names = {
        "path_to_poscar": "POSCAR",
        "path_to_icohplist": "ICOHPLIST.lobster",
        "path_to_cohpcar": "COHPCAR.lobster",
        "path_to_charge": "CHARGE.lobster",
    }
    found = Analysis(
        **{key: str(tmp_path / name) for key, name in names.items()},
        which_bonds="cation-anion",
        cutoff_icohp=0.1,
    ).condensed_bonding_analysis
    (site,) = found["sites"].values()
    assert (site["ion"], site["env"]) == ("Na", "O:6")
    assert float(site["bonds"]["F"]["ICOHP_mean"]) == pytest.approx(-0.9, abs=0.01)


def test_what_the_format_needs_is_asked_for(tmp_path: Path) -> None:
    populations = populations_of(bulk("NaF", "rocksalt", a=4.62), 1)
    unplaced = tuple(replace(bond, translation=None) for bond in populations.bonds)
    with pytest.raises(AnalysisError, match="translation"):
        write_icohplist(replace(populations, bonds=unplaced), tmp_path / "ICOHPLIST.lobster")
    few = replace(populations, curves=populations.curves.select(["2", "1"]))
    with pytest.raises(AnalysisError, match="curve of each bond"):
        write_cohpcar(few, tmp_path / "COHPCAR.lobster")
    assert not list(tmp_path.iterdir())

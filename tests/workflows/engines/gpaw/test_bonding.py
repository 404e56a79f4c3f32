"""Bond energies from GPAW's states: against LOBSTER, whatever the k points and the cell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from natriface.analysis.bonding.bond_pairs import bond_pairs
from natriface.analysis.bonding.projected_cohp import bond_populations
from natriface.analysis.readers.lobster.folder import read_lobster_folder
from natriface.analysis.results.bond_populations import BondPopulations
from natriface.structures.base.errors import EngineError
from natriface.workflows.engines.gpaw.bonding import bonding
from natriface.workflows.engines.gpaw.projection import project
from natriface.workflows.engines.gpaw.settings import GpawSettings

pytestmark = [pytest.mark.gpaw, pytest.mark.slow]
pytest.importorskip("gpaw")


def ground_state(atoms: Atoms, mesh: int, bands: int, **settings: Any) -> Any:
    from gpaw import GPAW, PW

    calculator = GPAW(
        mode=PW(300, force_complex_dtype=settings.pop("is_complex", False)),
        xc="PBE",
        kpts={"size": (mesh,) * 3, "gamma": True},
        nbands=bands + 2,
        convergence={"bands": bands, "eigenstates": 1e-7},
        occupations={"name": "fermi-dirac", "width": 0.0},
        txt=None,
        **settings,
    )
    atoms.calc = calculator
    atoms.get_potential_energy()
    return calculator


def silicon() -> Atoms:
    return bulk("Si", "diamond", a=4 * 2.38384 / np.sqrt(3))


def test_silicon_is_as_lobster_has_it_with_and_without_symmetry() -> None:
    longest = 2.6
    strengths = []
    for settings in ({}, {"symmetry": {"point_group": False}}):
        projection = project(ground_state(silicon(), 3, 12, **settings))
        found = bond_populations(projection, bond_pairs(silicon(), longest))
        values = [-bond.icohp_ev for bond in found.bonds]
        assert len(values) == 4
        assert np.ptp(values) < 1e-3
        strengths.append(np.mean(values))
        assert found.spilling is not None
        assert 0.0 < found.spilling.charge_percent[0] < 2.0
        assert found.charges is not None
        assert found.charges.loewdin_e == pytest.approx((0.0, 0.0), abs=1e-3)
        assert found.warnings == ()
    # LOBSTER 3.2 with pbeVaspFit2015 on the same k points: 4.6478 eV.
    assert strengths[0] == pytest.approx(4.648, rel=0.05)
    assert strengths[1] == pytest.approx(strengths[0], abs=2e-3)


def test_atoms_outside_the_cell_are_the_same_atoms() -> None:
    strengths = []
    for shift in ((0, 0, 0), (-1, 2, 0)):
        atoms = bulk("NaCl", "rocksalt", a=5.69)
        atoms.positions[1] += np.array(shift) @ atoms.cell
        projection = project(ground_state(atoms, 2, 11))
        found = bond_populations(projection, bond_pairs(atoms, {"Na-Cl": 3.0}))
        assert found.spilling is not None
        assert 0.0 < found.spilling.charge_percent[0] < 2.0
        assert found.charges is not None
        assert 0.5 < found.charges.loewdin_e[0] < 1.0
        strengths.append([bond.icohp_ev for bond in found.bonds])
        assert len(found.bonds) == 6
    assert sorted(strengths[1]) == pytest.approx(sorted(strengths[0]), abs=2e-3)


def test_real_states_at_gamma_are_projected_as_complex_ones_are() -> None:
    atoms = Atoms("CO", [[0, 0, 0], [0, 0, 1.14]], cell=[5, 5, 6], pbc=True)
    found = []
    for is_complex in (False, True):
        projection = project(ground_state(atoms.copy(), 1, 10, is_complex=is_complex))
        populations = bond_populations(projection, bond_pairs(atoms, {"C-O": 1.3}))
        assert populations.spilling is not None
        assert 0.0 < populations.spilling.charge_percent[0] < 3.0
        found.append(populations.bonds[0].icohp_ev)
    assert found[0] < -10.0
    assert found[0] == pytest.approx(found[1], abs=5e-3)


def test_a_lone_atom_is_its_own_orbitals() -> None:
    atoms = Atoms("Ar", [[0.1, 0.2, 0.3]], cell=[7, 7, 7], pbc=True)
    projection = project(ground_state(atoms, 1, 6))
    assert projection.orbital_overlap[0] == pytest.approx(np.eye(4), abs=2e-3)
    filled = projection.overlaps[0, 0][:, :4]
    assert np.sum(np.abs(filled) ** 2, axis=0) == pytest.approx(np.ones(4), abs=5e-3)
    assert np.abs(filled[0]) == pytest.approx([1, 0, 0, 0], abs=5e-3)


def test_a_state_with_too_few_bands_gets_more_and_is_written_for_all_readers(
    tmp_path: Path,
) -> None:
    atoms = silicon()
    calculator = ground_state(atoms, 3, 4)
    with pytest.raises(EngineError, match="needs as many bands"):
        project(calculator)
    path = bonding(tmp_path, calculator, atoms, GpawSettings())
    found = BondPopulations.load(path)
    assert found.curves is not None
    own = [bond.icohp_ev for bond in found.bonds]
    below = found.curves.energies_ev <= 0.0
    assert found.curves.icohp_ev[0][:, below][:, -1] == pytest.approx(own, abs=0.02)
    as_lobster = read_lobster_folder(tmp_path)
    assert [bond.icohp_ev for bond in as_lobster.bonds] == pytest.approx(own, abs=1e-4)

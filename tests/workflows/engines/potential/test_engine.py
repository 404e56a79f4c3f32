"""The potential engine: physics through EMT, resuming, refusing, and CHGNet itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import add_adsorbate, bulk, fcc100, fcc111
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms

from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import EngineError
from natriface.workflows.engines import relaxation
from natriface.workflows.engines.base import engine, prepare_folder
from natriface.workflows.engines.potential.calculators import calculator_version, make_calculator
from natriface.workflows.plan import Step

ENGINE = engine("potential")


def make_step(atoms: Atoms, kind: str = "relax", **settings: Any) -> Step:
    return Step(
        name="test",
        kind=kind,  # type: ignore[arg-type]
        engine="potential",
        protocol="test",
        settings={"model": "emt", **settings},
        n_atoms=len(atoms),
        structure=to_document(atoms),
    )


def rattled_slab() -> Atoms:
    atoms = fcc111("Cu", (2, 2, 3), vacuum=6.0)
    atoms.set_constraint(FixAtoms(indices=[a.index for a in atoms if a.tag == 3]))
    atoms.rattle(0.15, seed=1)
    return atoms


def prepared(folder: Path, step: Step) -> Path:
    prepare_folder(folder, step, step.atoms())
    ENGINE.write(folder)
    return folder


def test_static_energy_is_the_calculators(tmp_path: Path) -> None:
    atoms = bulk("Cu", cubic=True)
    folder = prepared(tmp_path, make_step(atoms, kind="static"))
    ENGINE.run(folder)
    result = ENGINE.read(folder)
    atoms.calc = EMT()
    assert result.converged_energy_ev() == pytest.approx(atoms.get_potential_energy())


def test_relaxation_lowers_the_energy_and_holds_frozen_atoms(tmp_path: Path) -> None:
    atoms = rattled_slab()
    folder = prepared(tmp_path, make_step(atoms))
    ENGINE.run(folder)
    result = ENGINE.read(folder)
    assert result.status == "converged"
    assert result.convergence.max_force_ev_per_angstrom is not None
    assert result.convergence.max_force_ev_per_angstrom <= 0.02
    assert result.converged_energy_ev() < result.energies_ev[0]
    frozen = atoms.constraints[0].index
    assert np.allclose(result.final_atoms().positions[frozen], atoms.positions[frozen])


@pytest.mark.parametrize("optimizer", ["LBFGS", "RFO"])
def test_cell_relaxation_finds_emts_lattice_constant(tmp_path: Path, optimizer: str) -> None:
    atoms = bulk("Cu", a=3.7)
    settings = {"relax_cell": True, "fmax_ev_per_angstrom": 0.001, "optimizer": optimizer}
    folder = prepared(tmp_path, make_step(atoms, **settings))
    ENGINE.run(folder)
    volume = ENGINE.read(folder).final_atoms().get_volume()
    assert (4 * volume) ** (1 / 3) == pytest.approx(3.59, abs=0.01)  # EMT: 3.58-3.60 A


class KilledError(Exception):
    pass


@pytest.mark.slow
@pytest.mark.parametrize("with_cell", [False, True])
@pytest.mark.parametrize("optimizer", ["LBFGS", "BFGS", "FIRE", "RFO"])
def test_killed_relaxation_resumes_on_the_same_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, optimizer: str, with_cell: bool
) -> None:
    atoms = rattled_slab()
    if with_cell:
        atoms = bulk("Cu", a=3.7, cubic=True)
        atoms.rattle(0.1, seed=1)
    step = make_step(atoms, optimizer=optimizer, fmax_ev_per_angstrom=1e-3, relax_cell=with_cell)
    whole = prepared(tmp_path / "whole", step)
    ENGINE.run(whole)
    expected = ENGINE.read(whole)

    monkeypatch.setattr(relaxation, "CHECKPOINT_INTERVAL_S", 0.0)
    folder = prepared(tmp_path / "killed", step)
    write_atoms = relaxation.write_atoms
    for n_calls_allowed in (3, 4, 2):
        calls = iter(range(n_calls_allowed))

        def dying(*args: Any, calls: Any = calls, **kwargs: Any) -> None:
            if next(calls, None) is None:
                with (folder / relaxation.TRAJECTORY_FILE).open("a") as file:
                    file.write("12\nhalf a fra")
                raise KilledError
            write_atoms(*args, **kwargs)

        monkeypatch.setattr(relaxation, "write_atoms", dying)
        with pytest.raises(KilledError):
            ENGINE.run(folder)
        assert ENGINE.read(folder).status == "truncated"
    monkeypatch.setattr(relaxation, "write_atoms", write_atoms)
    ENGINE.run(folder)
    result = ENGINE.read(folder)
    # EMT's neighbour list remembers past positions, so sums may differ in their last digits.
    assert np.allclose(result.energies_ev, expected.energies_ev, rtol=0, atol=1e-10)
    assert np.allclose(
        result.final_atoms().positions, expected.final_atoms().positions, rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("damage", ["", '{"positions": [[0'])
def test_a_damaged_checkpoint_is_not_gone_on_from(tmp_path: Path, damage: str) -> None:
    folder = prepared(tmp_path, make_step(rattled_slab(), max_steps=4))
    ENGINE.run(folder)
    (folder / relaxation.CHECKPOINT_FILE).write_text(damage)
    ENGINE.run(folder)
    result = ENGINE.read(folder)
    assert result.status == "unconverged"
    assert result.convergence.n_ionic_steps == 4


def test_rattling_leaves_a_saddle(tmp_path: Path) -> None:
    # A copper atom half-way between two hollows of Cu(001) stays there by symmetry.
    atoms = fcc100("Cu", (2, 2, 3), vacuum=6.0)
    atoms.set_constraint(FixAtoms(indices=[a.index for a in atoms if a.tag > 1]))
    add_adsorbate(atoms, "Cu", 1.9, "bridge")
    energies = {}
    for rattle in (0.0, 0.03):
        step = make_step(atoms, rattle_angstrom=rattle)
        folder = prepared(tmp_path / str(rattle), step)
        ENGINE.run(folder)
        result = ENGINE.read(folder)
        energies[rattle] = result.converged_energy_ev()
        frozen = atoms.constraints[0].index
        assert np.allclose(result.final_atoms().positions[frozen], atoms.positions[frozen])
    assert energies[0.03] < energies[0.0] - 0.3


def test_unconverged_has_no_energy_and_more_steps_when_run_again(tmp_path: Path) -> None:
    folder = prepared(tmp_path, make_step(rattled_slab(), max_steps=4))
    ENGINE.run(folder)
    result = ENGINE.read(folder)
    assert result.status == "unconverged"
    assert "after 4 steps" in (result.reason or "")
    assert "`natriface retry` goes on from its end" in (result.reason or "")
    with pytest.raises(Exception, match="no energy"):
        result.converged_energy_ev()
    ENGINE.run(folder)
    assert ENGINE.read(folder).convergence.n_ionic_steps == 8
    for _ in range(20):
        ENGINE.run(folder)
    assert ENGINE.read(folder).status == "converged"


def test_finished_run_is_not_run_again(tmp_path: Path) -> None:
    folder = prepared(tmp_path, make_step(rattled_slab()))
    ENGINE.run(folder)
    before = (folder / "outcome.json").stat().st_mtime_ns
    ENGINE.run(folder)
    assert (folder / "outcome.json").stat().st_mtime_ns == before


def test_run_cut_off_is_truncated(tmp_path: Path) -> None:
    folder = prepared(tmp_path, make_step(rattled_slab()))
    result = ENGINE.read(folder)
    assert result.status == "truncated"
    assert result.energy_ev is None


def test_overlapping_atoms_are_refused(tmp_path: Path) -> None:
    atoms = Atoms("Cu2", positions=[(0, 0, 0), (0, 0, 0.05)], cell=[8, 8, 8], pbc=True)
    folder = prepared(tmp_path, make_step(atoms, kind="static"))
    with pytest.raises(EngineError, match="overlapping"):
        ENGINE.run(folder)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fmax": 0.02}, "fmax_ev_per_angstrom"),
        ({"fmax_ev_per_angstrom": -1}, "greater than 0"),
        ({"model": "no_such_model"}, "no calculator"),
        ({"model": "nowhere:Calculator"}, "no calculator"),
        ({"optimizer": "Adam"}, "LBFGS"),
    ],
)
def test_wrong_settings_are_refused_before_anything_runs(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(EngineError, match=message):
        ENGINE.check(make_step(bulk("Cu"), **settings))


def test_kind_it_cannot_do_is_refused() -> None:
    with pytest.raises(EngineError, match="cannot do 'elf'"):
        ENGINE.check(make_step(bulk("Cu"), kind="elf"))


@pytest.mark.potential
def test_chgnet_forces_are_the_gradient_and_stress_agrees(tmp_path: Path) -> None:
    pytest.importorskip("chgnet")
    from chgnet.model.dynamics import CHGNetCalculator

    atoms = bulk("NaCl", "rocksalt", a=5.69)
    atoms.rattle(0.05, seed=3)
    ours = make_calculator("chgnet-0.3.0", {})
    atoms.calc = ours
    forces, stress = atoms.get_forces(), atoms.get_stress()
    energy = atoms.get_potential_energy()
    atoms.calc = CHGNetCalculator(use_device="cpu")
    assert energy == pytest.approx(atoms.get_potential_energy(), abs=1e-5)
    assert np.allclose(forces, atoms.get_forces(), atol=1e-5)
    assert np.allclose(stress, atoms.get_stress(), atol=1e-6)
    atoms.calc = ours
    step = 0.01
    atoms.positions[0, 0] += step
    up = atoms.get_potential_energy()
    atoms.positions[0, 0] -= 2 * step
    down = atoms.get_potential_energy()
    assert -(up - down) / (2 * step) == pytest.approx(forces[0, 0], abs=5e-3)


def test_outcome_is_json(tmp_path: Path) -> None:
    folder = prepared(tmp_path, make_step(bulk("Cu", cubic=True), kind="static"))
    ENGINE.run(folder)
    assert json.loads((folder / "outcome.json").read_text())["converged"] is True


def test_the_version_is_that_of_the_package_that_brings_the_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "macelike.py").write_text("def model():\n    return None\n")
    installed = tmp_path / "macelike_torch-0.3.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: macelike-torch\nVersion: 0.3")
    (installed / "top_level.txt").write_text("macelike\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert calculator_version("macelike:model") == "macelike-torch 0.3"


def test_relaxed_by_one_model_and_rigid_by_another_is_told_of() -> None:
    doubts = engine("potential").capabilities.doubts
    assert doubts is not None
    atoms = bulk("Cu")
    relaxed, rigid = make_step(atoms), make_step(atoms, "static")
    assert doubts([relaxed, rigid]) == []
    assert doubts([relaxed]) == []
    (text,) = doubts([make_step(atoms, model="lj"), rigid])
    assert text.startswith("relax by lj, static by emt: energies by different models")
    (text,) = doubts([make_step(atoms, model_options={"asap_cutoff": True}), rigid])
    assert "relax by emt with {'asap_cutoff': True}" in text
    named = [
        make_step(atoms, kind, model=name)
        for kind, name in (("relax", "chgnet"), ("static", "chgnet-0.3.0"))
    ]
    assert doubts(named) == []

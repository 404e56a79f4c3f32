"""Engine gpaw with GPAW itself, on cells of two atoms."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import add_adsorbate, bulk, fcc100
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms

from natriface.analysis.readers.vasp.grid import read_grid
from natriface.analysis.results.result import Result
from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import EngineError
from natriface.workflows.engines.base import (
    EndedEarlyError,
    prepare_folder,
    request_end,
    save_input,
)
from natriface.workflows.engines.gpaw.calculator import GpawCalculator, ScfError
from natriface.workflows.engines.gpaw.settings import GpawBandSettings, GpawSettings
from natriface.workflows.engines.relaxation import CHECKPOINT_FILE, TRAJECTORY_FILE
from natriface.workflows.plan import Input
from tests.workflows.engines.gpaw.gpaw_tools import COARSE, ENGINE, make_step, prepared, run

pytest.importorskip("gpaw", reason="GPAW is not installed or could not be built")
pytestmark = pytest.mark.gpaw


def sodium_fluoride() -> Atoms:
    return bulk("NaF", "rocksalt", a=4.7)


def off_center() -> Atoms:
    atoms = sodium_fluoride()
    atoms.positions[1] += (0.15, 0.1, -0.05)
    return atoms


@pytest.fixture(scope="module")
def static(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A ground state of NaF."""
    folder = tmp_path_factory.mktemp("static")
    step = make_step(sodium_fluoride(), symmetry="time_reversal")
    return folder, run(folder, step)


def test_energy_and_gap_are_those_of_a_script(static: tuple[Path, Result], tmp_path: Path) -> None:
    from gpaw import GPAW, PW

    _, result = static
    atoms = sodium_fluoride()
    atoms.calc = GPAW(
        mode=PW(300),
        xc="PBE",
        kpts={"size": (3, 3, 3), "gamma": True},
        occupations={"name": "methfessel-paxton", "order": 0, "width": 0.05},
        symmetry={"point_group": False},
        txt=None,
    )
    assert result.converged_energy_ev() == pytest.approx(atoms.get_potential_energy(), abs=1e-4)
    assert result.electronic is not None
    assert result.electronic.band_gap_ev == pytest.approx(6.1, abs=0.15)  # PBE, literature
    assert result.electronic.n_electrons == 14
    assert (result.timing.peak_memory_mb or 0) < ENGINE.estimate(
        make_step(sodium_fluoride())
    ).memory_mb


@pytest.mark.slow
def test_forces_are_the_gradient_of_the_energy(tmp_path: Path) -> None:
    atoms = off_center()
    settings = GpawSettings(**COARSE, density_convergence=1e-6, energy_convergence_ev=1e-7)
    atoms.calc = GpawCalculator(settings, tmp_path)
    force = atoms.get_forces()[1, 0]
    energies = []
    for step in (-0.02, 0.04):
        atoms.positions[1, 0] += step
        energies.append(atoms.get_potential_energy(force_consistent=True))
    assert (energies[0] - energies[1]) / 0.04 == pytest.approx(force, abs=0.01)
    assert len((tmp_path / "progress.log").read_text().splitlines()) == atoms.calc.n_scf_steps


def test_densities_of_states_start_from_the_ground_state(
    static: tuple[Path, Result], tmp_path: Path
) -> None:
    folder, ground = static
    state = folder / ground.files["state"]
    step = make_step(sodium_fluoride(), kind="dos", symmetry="time_reversal")
    result = run(tmp_path, step, state)
    assert result.converged_energy_ev() == ground.converged_energy_ev()
    assert not (tmp_path / "progress.log").exists()  # no electronic step was needed
    assert not (tmp_path / "gpaw_bands.txt").exists()
    with np.load(tmp_path / str(result.arrays_file)) as content:
        arrays = {name: content[name] for name in content.files}
    assert result.electronic is not None
    edge = result.electronic.valence_band_maximum_ev
    assert edge is not None
    energies = arrays["dos_energies_ev"]
    assert np.interp(edge + 3, energies, arrays["integrated_dos"][0]) == pytest.approx(14, abs=1e-6)
    assert arrays["projections"].shape == (1, 14, 11, 2, 9)
    assert list(arrays["orbitals"][:4]) == ["s", "py", "pz", "px"]
    # the upper valence band of NaF is F 2p; Na 2p lies 20 eV deeper
    valence = (energies > edge - 4) & (energies < edge + 0.5)
    by_l = arrays["projected_dos"][:, 0, :, valence].sum(axis=0)
    fluorine_p, sodium = by_l[1, 1:4].sum(), by_l[0].sum()
    assert fluorine_p > 5 * sodium
    # a cubic crystal: p orbitals alike
    assert np.allclose(by_l[1, 1:4], by_l[1, 1:4].mean(), rtol=0.02)


@pytest.mark.slow
def test_a_symmetric_state_is_unfolded_for_weights(tmp_path: Path) -> None:
    ground = run(tmp_path / "static", make_step(sodium_fluoride()))
    assert ground.electronic is not None
    assert ground.electronic.n_kpoints == 4
    state = tmp_path / "static" / ground.files["state"]
    run(tmp_path / "dos", make_step(sodium_fluoride(), kind="dos"), state)
    with np.load(tmp_path / "dos" / "arrays.npz") as arrays:
        assert len(arrays["kpoint_weights"]) == 14
        weights = arrays["projections"][0, :, 4:7, 1, 1:4].sum(axis=1).T @ arrays["kpoint_weights"]
    assert np.allclose(weights, weights.mean(), rtol=0.01)


def test_a_state_of_another_geometry_is_refused(
    static: tuple[Path, Result], tmp_path: Path
) -> None:
    folder, ground = static
    step = make_step(off_center(), kind="elf")
    with pytest.raises(EngineError, match="another geometry"):
        run(tmp_path, step, folder / ground.files["state"])


def test_a_damaged_state_is_refused(static: tuple[Path, Result], tmp_path: Path) -> None:
    folder, ground = static
    damaged = tmp_path / "damaged.gpw"
    damaged.write_bytes((folder / ground.files["state"]).read_bytes()[:3])
    step = make_step(sodium_fluoride(), kind="elf")
    with pytest.raises(EngineError, match="cannot be read"):
        run(tmp_path / "elf", step, damaged)


@pytest.mark.slow
def test_elf_of_a_bond(tmp_path: Path) -> None:
    atoms = bulk("Si", "diamond", a=5.43)
    result = run(tmp_path, make_step(atoms, kind="elf"))
    assert result.electronic is not None
    grid = read_grid(tmp_path / result.files["elf"])
    values = grid.values[0]
    assert values.min() >= 0
    assert values.max() <= 1
    n = values.shape[0]
    middle = values[n // 8, n // 8, n // 8]  # between the atoms at 0 and (1/4, 1/4, 1/4)
    assert middle > 0.9
    assert values[n * 5 // 8, n * 5 // 8, n * 5 // 8] < 0.3  # the empty cavity


@pytest.mark.slow
def test_elf_of_sodium_is_flat_between_the_atoms(tmp_path: Path) -> None:
    atoms = bulk("Na", cubic=True, a=4.19)
    run(tmp_path, make_step(atoms, kind="elf", kpoint_spacing_per_angstrom=0.6))
    grid = read_grid(tmp_path / "ELFCAR")
    places = np.stack(np.meshgrid(*(np.arange(n) / n for n in grid.shape), indexing="ij"), axis=-1)
    offsets = places[..., None, :] - atoms.get_scaled_positions()
    distances = np.linalg.norm((offsets - np.round(offsets)) * 4.19, axis=-1).min(axis=-1)
    between = grid.values[0][distances > 1.7]
    assert between.mean() == pytest.approx(0.5, abs=0.12)
    assert between.std() < 0.1


@pytest.mark.slow
def test_killed_relaxation_goes_on(tmp_path: Path) -> None:
    step = make_step(off_center(), kind="relax", fmax_ev_per_angstrom=0.02)
    folder = prepared(tmp_path, step)
    child = subprocess.Popen(
        [sys.executable, "-m", "natriface.workflows.engines.gpaw.process", str(folder)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    made = _wait_for_steps(folder, child, 3)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    cut = ENGINE.read(folder)
    assert cut.status == "truncated"
    assert "scf" in (cut.reason or "")
    ENGINE.run(folder)
    result = ENGINE.read(folder)
    assert result.status == "converged"
    assert result.energies_ev[: len(made)] == made
    assert (result.convergence.n_ionic_steps or 0) == len(result.energies_ev) - 1
    distance = np.linalg.norm(result.final_atoms().get_distance(0, 1, mic=True, vector=True))
    assert distance == pytest.approx(2.35, abs=0.01)  # back in the middle, where symmetry holds it
    assert not (folder / CHECKPOINT_FILE).exists()


def _wait_for_steps(folder: Path, child: subprocess.Popen[bytes], n_steps: int) -> list[float]:
    for _ in range(2400):
        assert child.poll() is None, "it ended before it could be killed"
        path = folder / CHECKPOINT_FILE
        if path.exists():
            energies = list(json.loads(path.read_text())["energies_ev"])
            if len(energies) >= n_steps:
                return energies
        time.sleep(0.05)
    raise AssertionError(f"no {n_steps} steps in {folder / TRAJECTORY_FILE}")


@pytest.mark.slow
def test_a_run_asked_to_end_goes_on_from_its_wave_functions(tmp_path: Path) -> None:
    from natriface.workflows.engines.gpaw.process import RESTART_FILE, gpaw_calculator

    atoms = off_center()
    atoms.calc = gpaw_calculator(GpawSettings(**COARSE), tmp_path)
    request_end(tmp_path)
    with pytest.raises(EndedEarlyError, match="electronic step 1"):
        atoms.get_potential_energy()
    assert (tmp_path / RESTART_FILE).is_file()
    (tmp_path / "end_requested").unlink()
    first = atoms.calc = gpaw_calculator(GpawSettings(**COARSE), tmp_path)
    energy = atoms.get_potential_energy()
    first.write_state(tmp_path / RESTART_FILE)
    again = atoms.calc = gpaw_calculator(GpawSettings(**COARSE), tmp_path)
    assert atoms.get_potential_energy() == energy
    assert again.n_scf_steps == 0


def test_an_unconverged_cycle_is_no_number(tmp_path: Path) -> None:
    result = run(tmp_path, make_step(sodium_fluoride(), max_scf_iterations=3))
    assert result.status == "unconverged"
    assert result.energy_ev is None
    assert "3 iterations" in (result.reason or "")


def _broken_in(calculator: GpawCalculator, steps: range) -> None:
    """Has GPAW's cycle report bands that are noise, as its Davidson solver may after a small move.

    Seen for Na on NaCl(100): -52.1 eV, then -3705.4 eV from one electronic step to the next.
    """
    made = calculator.gpaw.hooks["scf_step"]

    def broken(context: Any) -> None:
        energies = context.energies
        if context.niter in steps:
            energies = SimpleNamespace(total_extrapolated=energies.total_extrapolated - 130.0)
        made(
            SimpleNamespace(
                energies=energies, wfs=context.wfs, dens=context.dens, niter=context.niter
            )
        )

    calculator.gpaw.hooks["scf_step"] = broken


def test_a_broken_eigensolver_is_started_anew(tmp_path: Path) -> None:
    atoms = off_center()
    calculator = atoms.calc = GpawCalculator(GpawSettings(**COARSE), tmp_path)
    energy = atoms.get_potential_energy()
    atoms.positions[1, 0] += 0.01
    _broken_in(calculator, range(2, 100))
    broken = calculator.gpaw
    moved = atoms.get_potential_energy()
    assert calculator.gpaw is not broken
    assert abs(moved - energy) < 0.1
    assert np.isfinite(atoms.get_forces()).all()


def test_a_wild_start_is_no_broken_eigensolver(tmp_path: Path) -> None:
    # Na on NZSP(100): -1140, -5936 and -426 eV in the first three steps, -218 eV in the end
    atoms = sodium_fluoride()
    calculator = atoms.calc = GpawCalculator(GpawSettings(**COARSE), tmp_path)
    calculator.load(atoms)
    _broken_in(calculator, range(2, 3))
    started = calculator.gpaw
    atoms.get_potential_energy()
    assert calculator.gpaw is started


def test_an_eigensolver_that_stays_broken_is_no_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = GpawCalculator.load

    def broken(calculator: GpawCalculator, atoms: Atoms, *, anew: bool = False) -> bool:
        found = load(calculator, atoms, anew=anew)
        _broken_in(calculator, range(8, 100))
        return found

    monkeypatch.setattr(GpawCalculator, "load", broken)
    atoms = sodium_fluoride()
    atoms.calc = GpawCalculator(GpawSettings(**COARSE), tmp_path)
    with pytest.raises(ScfError, match="eigensolver broke down"):
        atoms.get_potential_energy()


def test_a_crash_carries_gpaws_own_words(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="bands"):
        run(tmp_path, make_step(sodium_fluoride(), bands=3))


def test_overlapping_atoms_are_refused(tmp_path: Path) -> None:
    atoms = sodium_fluoride()
    atoms.positions[1] = atoms.positions[0] + (0.05, 0, 0)
    with pytest.raises(EngineError, match="0 and 1 are 0"):
        prepared(tmp_path, make_step(atoms))


def test_what_does_not_fit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = make_step(sodium_fluoride())
    folder = prepared(tmp_path / "run", step)
    config = tmp_path / "config.yaml"
    config.write_text("memory_mb: 100\n")
    monkeypatch.setenv("NATRIFACE_CONFIG", str(config))
    with pytest.raises(EngineError, match="this machine has 100 MB"):
        ENGINE.check(step)
    with pytest.raises(EngineError, match="not started"):
        ENGINE.run(folder)
    assert not (folder / "gpaw.txt").exists()


@pytest.mark.slow
def test_a_polar_slab_may_lie_anywhere_in_its_cell(tmp_path: Path) -> None:
    energies, forces = [], []
    for number, height in enumerate((5.0, 11.5)):
        atoms = Atoms("NaF", cell=[3.4, 3.4, 12], pbc=True)
        atoms.positions[:, 2] = (height, (height + 1.9) % 12)
        folder = tmp_path / str(number)
        folder.mkdir()
        atoms.calc = GpawCalculator(
            GpawSettings(cutoff_ev=220, kpoint_spacing_per_angstrom=3), folder
        )
        energies.append(atoms.get_potential_energy())
        forces.append(atoms.get_forces())
        assert not atoms.calc.gpaw.atoms.pbc[2]
    assert energies[0] == pytest.approx(energies[1], abs=1e-3)
    assert np.allclose(*forces, atol=0.01)


def test_a_band_has_a_calculator_for_each_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from natriface.workflows.engines.gpaw import process as gpaw_process

    class Emt(EMT):  # type: ignore[misc]
        def ionic_step_made(self) -> None:
            pass

    folders: list[Path] = []

    def calculator(settings: GpawBandSettings, folder: Path, **options: Any) -> Emt:
        folders.append(folder)
        return Emt()

    monkeypatch.setattr(gpaw_process, "gpaw_calculator", calculator)
    initial = fcc100("Cu", (2, 1, 2), vacuum=5.0, periodic=True)
    add_adsorbate(initial, "Cu", 1.7, "hollow")
    initial.set_constraint(FixAtoms(indices=range(4)))
    final = initial.copy()
    final.positions[4, 0] += np.linalg.norm(initial.cell[0]) / 2
    step = make_step(initial, kind="neb", n_images=1, fmax_ev_per_angstrom=0.2)
    step = step.model_copy(update={"inputs": {"final": Input(structure=to_document(final))}})
    prepare_folder(tmp_path, step, initial)
    save_input(tmp_path, "final", final)
    ENGINE.write(tmp_path)
    gpaw_process.run(tmp_path)
    result = ENGINE.read(tmp_path)
    assert result.status == "converged", result.reason
    assert {folder.name for folder in folders} == {"00", "01", "02"}
    ends, top = initial.copy(), result.final_atoms()
    ends.calc = EMT()
    assert result.converged_energy_ev() > ends.get_potential_energy() + 0.05
    assert top.positions[4, 0] - initial.positions[4, 0] == pytest.approx(
        np.linalg.norm(initial.cell[0]) / 4, abs=0.1
    )

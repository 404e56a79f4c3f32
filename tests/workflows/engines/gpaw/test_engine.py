"""Engine gpaw without GPAW: settings, commands, estimates, functions of states, outcomes read."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111
from ase.constraints import FixAtoms
from hypothesis import given, settings
from hypothesis import strategies as st

from natriface.analysis.readers.vasp.grid import read_grid
from natriface.analysis.results.comparability import require_like
from natriface.analysis.results.result import Result
from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import AnalysisError, EngineError, ReaderError
from natriface.workflows.engines.base import engine, prepare_folder
from natriface.workflows.engines.gpaw import datasets as gpaw_datasets
from natriface.workflows.engines.gpaw.calculator import gpaw_parameters, progress_line
from natriface.workflows.engines.gpaw.elf import localisation, write_elfcar
from natriface.workflows.engines.gpaw.estimate import (
    FIRST_ELECTRONIC_STEPS,
    default_n_bands,
    estimate_size,
    grid_points,
)
from natriface.workflows.engines.gpaw.result import INPUTS_FILE
from natriface.workflows.engines.gpaw.run import child_command, child_environment, last_message
from natriface.workflows.engines.gpaw.settings import (
    GpawSettings,
    parse_band_settings,
    parse_settings,
)
from natriface.workflows.engines.gpaw.states import densities_of_states
from natriface.workflows.engines.kpoints import kpoint_mesh
from natriface.workflows.engines.machine import Machine
from natriface.workflows.plan import Step
from natriface.workflows.protocols import load_protocol, protocol_names

ENGINE = engine("gpaw")


def make_step(atoms: Atoms, kind: str = "static", **settings: Any) -> Step:
    return Step(
        name="test",
        kind=kind,  # type: ignore[arg-type]
        engine="gpaw",
        protocol="test",
        settings=settings,
        n_atoms=len(atoms),
        structure=to_document(atoms),
    )


def sodium_fluoride() -> Atoms:
    return bulk("NaF", "rocksalt", a=4.7)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cutoff": 480}, "cutoff_ev"),
        ({"kpoint_spacing": 0.3}, "kpoint_spacing_per_angstrom"),
        ({"smearing": "gauss"}, "gaussian"),
        ({"cutoff_ev": "1e3x"}, "cutoff_ev"),
        ({"converged_bands": "CBM+x"}, "converged_bands"),
    ],
)
def test_wrong_settings_name_the_right_ones(given: dict[str, Any], message: str) -> None:
    with pytest.raises(EngineError, match=message):
        parse_settings(given, "test")


@pytest.mark.parametrize("name", protocol_names())
@pytest.mark.parametrize("kind", ["relax", "static", "dos", "elf", "bonding", "neb"])
def test_protocols_are_valid_settings(name: str, kind: str) -> None:
    chosen = load_protocol(name).settings("gpaw", kind)
    parse = parse_band_settings if kind == "neb" else parse_settings
    assert parse(chosen, name).functional == "PBE"


def test_li2025_is_the_papers() -> None:
    chosen = parse_settings(load_protocol("li2025").settings("gpaw", "relax"), "li2025")
    assert chosen.cutoff_ev == 480
    assert chosen.fmax_ev_per_angstrom == 0.02
    assert chosen.energy_convergence_ev == 1e-5


def test_mesh_is_that_of_the_other_engines() -> None:
    atoms = sodium_fluoride()
    parameters = gpaw_parameters(GpawSettings(kpoint_spacing_per_angstrom=0.4), atoms)
    assert parameters["kpts"] == {"size": kpoint_mesh(atoms, 0.4), "gamma": True}


def test_gaussian_smearing_is_methfessel_paxton_of_order_0() -> None:
    occupations = gpaw_parameters(GpawSettings(smearing_ev=0.05), sodium_fluoride())["occupations"]
    assert occupations == {"name": "methfessel-paxton", "width": 0.05, "order": 0}


def test_only_slabs_with_unlike_faces_get_the_dipole_correction() -> None:
    slab = fcc111("Al", (1, 1, 3), vacuum=8.0)
    slab.pbc = True
    assert "poissonsolver" not in gpaw_parameters(GpawSettings(), slab)
    other = slab.copy()
    other.numbers[-1] = 12
    assert gpaw_parameters(GpawSettings(), other)["poissonsolver"] == {"dipolelayer": "xy"}
    assert "poissonsolver" not in gpaw_parameters(GpawSettings(dipole="off"), other)


def test_frozen_atoms_differ_from_free_ones() -> None:
    atoms = fcc111("Al", (1, 1, 3), vacuum=8.0)
    assert "symmetry" not in gpaw_parameters(GpawSettings(), atoms)
    atoms.set_constraint(FixAtoms(indices=[0]))
    assert gpaw_parameters(GpawSettings(), atoms)["symmetry"] == {"extra_ids": [1, 0, 0]}


def test_a_spin_polarised_cycle_starts_from_moments() -> None:
    settings = GpawSettings(spin_polarized=True)
    atoms = sodium_fluoride()
    assert gpaw_parameters(settings, atoms)["magmoms"] == [1.0, 1.0]
    atoms.set_initial_magnetic_moments([0, 2])  # the structure's own are GPAW's to read
    assert "magmoms" not in gpaw_parameters(settings, atoms)
    assert gpaw_parameters(settings, atoms[:1])["hund"]
    assert "magmoms" not in gpaw_parameters(GpawSettings(), sodium_fluoride())


def test_kind_it_cannot_do_is_refused() -> None:
    with pytest.raises(EngineError, match="cannot do 'lobster'"):
        ENGINE.check(make_step(sodium_fluoride(), kind="lobster"))


def test_absent_gpaw_is_named_and_planning_does_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpaw_datasets, "find_spec", lambda name: None)
    monkeypatch.delenv("GPAW_SETUP_PATH", raising=False)
    step = make_step(sodium_fluoride())
    with pytest.raises(EngineError, match=r"natriface\[gpaw\]"):
        ENGINE.check(step)
    assert ENGINE.estimate(step).core_seconds > 0


def test_datasets_are_found_by_path_and_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = '<atom symbol="Na" Z="11" core="4" valence="7"/><state n="3" l="0"/><state l="2"/>'
    (tmp_path / "Na.1.PBE").write_text(text)
    monkeypatch.setenv("GPAW_SETUP_PATH", str(tmp_path))
    found = gpaw_datasets.find_datasets(["Na", "Na"], "PBE", {"Na": "1"})["Na"]
    assert (found.name, found.n_valence, found.n_projectors) == ("Na.1.PBE", 7, 6)
    with pytest.raises(EngineError, match=r"no PAW dataset Na\.2\.PBE"):
        gpaw_datasets.find_datasets(["Na"], "PBE", {"Na": "2"})


def test_commands_and_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = Machine(cores=2)
    assert child_command(tmp_path, alone)[:3] == [sys.executable, "-P", "-m"]
    assert child_environment(alone)["OMP_NUM_THREADS"] == "2"
    runner = tmp_path / "mpiexec"
    runner.write_text("#!/bin/sh\n")
    runner.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    parallel = Machine(cores=4, gpaw_command="mpiexec -n 4")
    assert child_command(tmp_path, parallel)[:4] == [str(runner), "-n", "4", sys.executable]
    assert child_environment(parallel)["OMP_NUM_THREADS"] == "1"
    given = Machine(gpaw_command="mpiexec -n 4 python3.11")
    assert child_command(tmp_path, given)[3:5] == ["python3.11", "-P"]


def test_the_last_line_of_a_log_is_the_message(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert last_message(log) == "it said nothing"
    log.write_text("Traceback\n  File\ngpaw.utilities.AtomsTooClose: atoms 0 and 1\n\n")
    assert last_message(log) == "gpaw.utilities.AtomsTooClose: atoms 0 and 1"
    assert last_message(log, log.stat().st_size) == "it said nothing"


def test_under_mpi_the_message_is_pythons_and_not_the_launchers(tmp_path: Path) -> None:
    log = tmp_path / "log"
    # as GPAW 26.7 writes under MPICH and Open MPI
    log.write_text(
        "rank=1 L00: Traceback (most recent call last):\n"
        'rank=1 L01:   File "gpaw_process.py", line 367, in <module>\n'
        "rank=1 L03: ValueError: Too few bands!  Electrons: 14.0, bands: 3\n"
        "GPAW CLEANUP (node 1): <class 'ValueError'> occurred.  Calling MPI_Abort!\n"
        "Abort(42) on node 1 (rank 1 in comm 0): application called MPI_Abort(...)\n"
    )
    assert last_message(log) == "ValueError: Too few bands!  Electrons: 14.0, bands: 3"
    log.write_text(
        "YOUR APPLICATION TERMINATED WITH THE EXIT STRING: Killed (signal 9)\n"
        "This typically refers to a problem with your application.\n"
    )
    assert "signal 9" in last_message(log)
    log.write_text(
        "prterun noticed that process rank 1 with PID 7 on node n exited on\n"
        "signal 9 (Killed).\n---\n"
    )
    assert last_message(log).endswith("on node n exited on signal 9 (Killed).")


def test_default_bands_and_grid_are_gpaws() -> None:
    assert default_n_bands(260, 10_000) == 160  # NZSP of 40 atoms, as GPAW 26.7 prints
    atoms = Atoms(cell=[9.132688, 9.132688, 9.272956], pbc=True)
    assert grid_points(atoms, 480) == 48**3


def test_estimate_is_near_what_nzsp_took(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # 40 atoms, 480 eV, one core: 3.0 s a step and 508 MB at Gamma, 7.4 s and 633 MB elsewhere
    for element, valence in {"Na": 7, "Zr": 12, "Si": 4, "P": 5, "O": 6}.items():
        head = f'<atom symbol="{element}" valence="{valence}"/>' + '<state l="0"/>' * 13
        (tmp_path / f"{element}.PBE").write_text(head)
    monkeypatch.setenv("GPAW_SETUP_PATH", str(tmp_path))
    cell = [[7.901, -4.580, 0], [7.901, 4.580, 0], [-5.126, 0, 7.727]]
    atoms = Atoms("Na6Zr4Si4P2O24", cell=cell, pbc=True)
    atoms.set_scaled_positions(np.random.default_rng(1).random((40, 3)))
    for spacing, n_kpoints, step_s, memory_mb in ((0.9, 1, 3.0, 508), (0.5, 8, 7.4, 633)):
        settings = GpawSettings(kpoint_spacing_per_angstrom=spacing, symmetry="time_reversal")
        size = estimate_size(atoms, settings, "static")
        assert (size.n_electrons, size.n_bands, size.n_kpoints) == (260, 160, n_kpoints)
        per_step = (size.core_seconds - 20) / FIRST_ELECTRONIC_STEPS / n_kpoints
        assert 0.8 * step_s < per_step < 1.5 * step_s
        assert memory_mb < size.memory_mb < 3 * memory_mb


def test_progress_reads_as_a_line() -> None:
    note = {
        "calculation": 3,
        "scf_step": 12,
        "energy_ev": -289.823041,
        "energy_change_ev": -2.5e-5,
        "density_change": 1e-4,
        "eigenstates_residual_ev2": 3e-8,
    }
    line = progress_line(note, "image 2")
    assert line.startswith("image 2 geometry   3 scf  12")
    assert "-289.823041 eV" in line
    assert "-2.50e-05" in line


# ---- states -----------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(
    n_spins=st.integers(1, 2),
    n_bands=st.integers(1, 6),
    seed=st.integers(0, 99),
)
def test_densities_of_states_hold_all_states(n_spins: int, n_bands: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    levels = rng.uniform(-20, 10, (n_spins, 3, n_bands))
    weights = np.array([0.25, 0.25, 0.5])
    projections = rng.uniform(0, 0.2, (n_spins, 3, n_bands, 2, 4))
    energies, total, integrated, projected = densities_of_states(
        levels, weights, projections, 0.02, 0.1
    )
    states = 2 * n_bands / n_spins
    assert np.allclose(total.sum(axis=1) * 0.02, states, rtol=1e-6)
    assert np.allclose(integrated[:, -1], states, rtol=1e-6)
    assert (np.diff(integrated, axis=1) >= 0).all()
    expected = 2 / n_spins * np.einsum("sknao,k->aso", projections, weights)
    assert np.allclose(projected.sum(axis=-1) * 0.02, expected, rtol=1e-6)
    assert projected.shape == (2, n_spins, 4, len(energies))


def test_elf_of_the_homogeneous_gas_is_one_half() -> None:
    n = np.full((4, 4, 4), 0.01)
    tau = 0.3 * (6 * math.pi**2) ** (2 / 3) * n ** (5 / 3)
    assert np.allclose(localisation(n, tau, 5 * np.eye(3)), 0.5)


def test_elf_of_a_single_orbital_is_one_where_it_is() -> None:
    # exp(-a r^2): tau = |grad n|^2 / 8n exactly, for one electron of one spin
    a, length, points = 0.5, 14.0, 40
    axis = (np.arange(points) / points - 0.5) * length
    r2 = sum(np.meshgrid(axis**2, axis**2, axis**2, indexing="ij"))
    n = (2 * a / math.pi) ** 1.5 * np.exp(-2 * a * r2)
    elf = localisation(n, 2 * a * a * r2 * n, length * np.eye(3))
    assert np.allclose(elf[n > 1e-4], 1.0, atol=1e-3)
    assert (elf[n < 1e-6] == 0).all()


def test_elfcar_is_read_back(tmp_path: Path) -> None:
    atoms = Atoms("OPO", scaled_positions=np.eye(3) / 3, cell=[3, 4, 5], pbc=True)
    values = np.random.default_rng(1).random((3, 4, 6))
    write_elfcar(tmp_path / "ELFCAR", atoms, [values, values**2])
    grid = read_grid(tmp_path / "ELFCAR")
    assert grid.atoms.get_chemical_symbols() == ["O", "P", "O"]
    assert np.allclose(grid.values, [values, values**2], atol=1e-6)


# ---- outcomes ---------------------------------------------------------------------------------


def outcome(**changes: Any) -> dict[str, Any]:
    return {
        "converged": True,
        "energies_ev": [-7.0, -7.4],
        "energy_ev": -7.4,
        "free_energy_ev": -7.41,
        "forces_ev_per_angstrom": [[0, 0, 0.01], [0, 0, -0.01]],
        "max_force_ev_per_angstrom": 0.01,
        "final_structure": to_document(sodium_fluoride()),
        "electronic": {"fermi_level_ev": 1.0, "band_gap_ev": 6.1},
        "n_steps": 1,
        "files": {"state": "ground_state.gpw"},
        "wall_s": 5.0,
        "cpu_s": 4.0,
        "peak_memory_mb": 130.0,
        "version": "26.7.0",
    } | changes


def stored(folder: Path, step: Step, content: dict[str, Any] | None, digest: str = "abc") -> Result:
    prepare_folder(folder, step, step.atoms())
    datasets = {"Na": f"Na.PBE {digest}", "F": "F.PBE def"}
    (folder / INPUTS_FILE).write_text(json.dumps({"paw_datasets": datasets}))
    if content is not None:
        (folder / "outcome.json").write_text(json.dumps(content))
    return ENGINE.read(folder)


def test_an_outcome_is_read_without_gpaw(tmp_path: Path) -> None:
    step = make_step(sodium_fluoride(), cutoff_ev=300)
    result = stored(tmp_path, step, outcome())
    assert result.converged_energy_ev() == -7.4
    assert result.free_energy_ev == -7.41
    assert result.files["state"] == "ground_state.gpw"
    assert result.electronic is not None
    assert result.electronic.band_gap_ev == 6.1
    assert result.settings["paw_datasets"]["Na"] == "Na.PBE abc"
    assert Result.model_validate_json(result.model_dump_json()) == result


def test_an_unconverged_outcome_has_no_energy(tmp_path: Path) -> None:
    step = make_step(sodium_fluoride(), kind="relax")
    content = outcome(converged=False, reason="forces still 0.3 eV/A")
    result = stored(tmp_path, step, content)
    assert result.status == "unconverged"
    assert result.energy_ev is None
    with pytest.raises(AnalysisError, match="forces still"):
        result.converged_energy_ev()


def test_a_run_cut_off_says_how_far_it_came(tmp_path: Path) -> None:
    (tmp_path / "progress.log").write_text("geometry   1 scf   7  E  -1.3 eV\n")
    result = stored(tmp_path, make_step(sodium_fluoride()), None)
    assert result.status == "truncated"
    assert "scf 7" in (result.reason or "")
    assert result.energy_ev is None


def test_folder_never_written_is_refused(tmp_path: Path) -> None:
    step = make_step(sodium_fluoride())
    prepare_folder(tmp_path, step, step.atoms())
    with pytest.raises(ReaderError, match="never written"):
        ENGINE.read(tmp_path)


def test_energies_of_other_datasets_are_not_subtracted(tmp_path: Path) -> None:
    step = make_step(sodium_fluoride())
    one = stored(tmp_path / "one", step, outcome())
    other = stored(tmp_path / "other", step, outcome(), digest="new")
    require_like([one, one.model_copy()])
    with pytest.raises(AnalysisError, match="paw_datasets"):
        require_like([one, other])

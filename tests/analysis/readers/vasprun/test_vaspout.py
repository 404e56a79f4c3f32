"""A vaspout.h5 alone: cells with a scale, VASP's defaults, and whether its cycles converged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.fuzzing.vasp import vaspout
from natriface.analysis.readers.vasp.folder import read_vasp_folder
from natriface.analysis.readers.vasprun.vaspout import Vaspout
from natriface.structures.base.errors import NatrifaceError

h5py = pytest.importorskip("h5py")
ION = "intermediate/ion_dynamics/"


def content(n_steps: int = 1, **incar: object) -> dict[str, object]:
    positions = np.array([[0, 0, 0], [0.5, 0.5, 0.25]])
    energies = [[-7.0 - 1e-5 * i, -6.998 - 1e-5 * i, -6.999 - 1e-5 * i] for i in range(n_steps)]
    found: dict[str, object] = {
        "version/major": 6,
        "version/minor": 5,
        "version/patch": 1,
        "input/poscar/ion_types": np.array([b"Na", b"Cl"]),
        "input/poscar/number_ion_types": np.array([1, 1]),
        "input/poscar/lattice_vectors": np.eye(3) * 4,
        "input/poscar/position_ions": positions,
        "input/poscar/scale": 1.5,
        "input/poscar/direct_coordinates": 1,
        "results/positions/position_ions": positions,
        ION + "energies": np.array(energies),
        ION + "energies_tags": np.array(
            [b"free energy    TOTEN", b"energy without entropy", b"energy(sigma->0)"]
        ),
        ION + "position_ions": np.array([positions] * n_steps),
        ION + "lattice_vectors": np.array([np.eye(3) * 4] * n_steps),
        ION + "scale": 1.5,
        ION + "forces": np.array([[[0, 0, 0.01], [0, 0, -0.01]]] * n_steps),
        ION + "stress": np.array([np.eye(3)] * n_steps),
        ION + "electronic_step_converged": np.zeros(n_steps, int),
    }
    return found | {f"input/incar/{name}": value for name, value in incar.items()}


def write(folder: Path, found: dict[str, object]) -> Path:
    path = folder / "vaspout.h5"
    with h5py.File(path, "w") as file:
        for name, value in found.items():
            file[name] = value
    return path


def test_a_converged_run_alone(tmp_path: Path) -> None:
    write(tmp_path, content())
    result = read_vasp_folder(tmp_path)
    assert (result.status, result.reason) == ("converged", None)
    assert result.energy_ev == pytest.approx(-6.999)
    assert result.convergence.electronic is True
    np.testing.assert_allclose(result.final_atoms().cell, np.eye(3) * 6)
    np.testing.assert_allclose(result.initial_atoms().cell, np.eye(3) * 6)
    np.testing.assert_allclose(result.final_atoms().positions[1], [3, 3, 1.5])


def test_what_did_not_converge_or_is_not_told(tmp_path: Path) -> None:
    found = content()
    found[ION + "electronic_step_converged"] = np.array([1])
    write(tmp_path, found)
    result = read_vasp_folder(tmp_path)
    assert result.status == "unconverged"
    assert "EDIFF" in (result.reason or "")
    del found[ION + "electronic_step_converged"]
    write(tmp_path, found)
    result = read_vasp_folder(tmp_path)
    assert result.status == "unconverged"
    assert "does not tell" in (result.reason or "")


@pytest.mark.parametrize(("ediff", "status"), [(1e-4, "converged"), (1e-9, "unconverged")])
def test_a_relaxation_ends_by_vasps_default(tmp_path: Path, ediff: float, status: str) -> None:
    write(tmp_path, content(3, NSW=9, IBRION=2, EDIFF=ediff))
    result = read_vasp_folder(tmp_path)
    assert result.status == status
    assert Vaspout(tmp_path / "vaspout.h5").header.parameters["EDIFFG"] == 10 * ediff


def test_cartesian_input_is_not_taken_for_fractional(tmp_path: Path) -> None:
    found = content()
    found["input/poscar/direct_coordinates"] = 0
    found["input/poscar/position_ions"] = np.array([[0, 0, 0], [2.0, 2.0, 1.0]])
    write(tmp_path, found)
    np.testing.assert_allclose(read_vasp_folder(tmp_path).initial_atoms().positions[1], [3, 3, 1.5])


@pytest.mark.parametrize("seed", range(4))
def test_damaged_bytes_are_a_sentence(tmp_path: Path, seed: int) -> None:
    path = write(tmp_path, content(2, NSW=2, IBRION=0, ENCUT=480.0, GGA=b"PE"))
    sound = path.read_bytes()
    random = np.random.default_rng(seed)
    for _ in range(40):
        data = bytearray(sound[: random.integers(len(sound) // 2, len(sound) + 1)])
        for at in random.integers(0, len(data), 8):
            data[at] = random.integers(256)
        path.write_bytes(data)
        try:
            result = read_vasp_folder(tmp_path)
        except NatrifaceError:
            continue
        assert result.status == "converged" or result.reason


# VASP 6.5


def sixfive(folder: Path, **changed: object) -> Path:
    path = folder / "vaspout.h5"
    path.write_bytes(vaspout(**changed))  # type: ignore[arg-type]
    return path


def test_a_run_of_vasp_6_5(tmp_path: Path) -> None:
    sixfive(tmp_path)
    result = read_vasp_folder(tmp_path, with_arrays=True)
    assert (result.status, result.reason, result.warnings) == ("converged", None, [])
    assert result.energy_ev == pytest.approx(-7.00002)
    assert result.convergence.electronic is True
    assert result.electronic is not None
    assert result.electronic.fermi_level_ev == 1.0
    assert result.electronic.band_gap_ev == pytest.approx(4.0)
    assert Vaspout(tmp_path / "vaspout.h5").steps.electronic_counts.tolist() == [2, 2, 2]


def test_electronic_steps_by_its_field(tmp_path: Path) -> None:
    sixfive(tmp_path, **{ION + "electronic_step_converged": np.array([[0.0], [0.0], [1.0]])})
    result = read_vasp_folder(tmp_path)
    assert (result.status, result.energy_ev) == ("unconverged", None)
    assert "EDIFF" in (result.reason or "")


def test_an_aborted_run_says_so(tmp_path: Path) -> None:
    sound = Vaspout(sixfive(tmp_path)).steps
    bands = "results/electron_eigenvalues/"
    changed = {
        ION + "position_ions": sound.positions[:-1],
        ION + "lattice_vectors": sound.cells[:-1],
        bands + "eigenvalues": None,
        bands + "fermiweights": None,
    }
    sixfive(tmp_path, **changed)
    result = read_vasp_folder(tmp_path)
    assert (result.status, result.energy_ev) == ("truncated", None)
    assert "aborted" in (result.reason or "")
    assert result.final_structure is not None
    assert len(result.energies_ev) == 2


def test_a_dry_run_is_not_converged(tmp_path: Path) -> None:
    sixfive(tmp_path, **{"input/incar/ALGO": b"None"})
    result = read_vasp_folder(tmp_path)
    assert (result.status, result.energy_ev) == ("unconverged", None)
    assert "dry run" in (result.reason or "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("results/electron_eigenvalues/eigenvalues", np.full((1, 2, 3), np.nan)),
        ("results/electron_eigenvalues/eigenvalues", np.ones((1, 7, 3))),
        ("results/electron_dos/dos", np.full((1, 33), np.inf)),
        ("results/electron_dos/dos", np.ones((1, 5))),
        ("results/electron_dos/energies", np.r_[-8.0:7.5:32j, 7.6]),
        ("results/electron_dos/energies", np.r_[8.0:-8.0:33j]),
        (ION + "forces", np.full((3, 2, 3), np.inf)),
        (ION + "energies", np.array([[-7.001, -6.999, -9.0]] * 3)),
        ("results/positions/position_ions", np.array([[0, 0, 0], [0.4, 0.5, 0.5]])),
        ("results/electron_eigenvalues/nb_tot", np.int32(9)),
        ("results/electron_eigenvalues/kpoints", np.int32(3)),
    ],
)
def test_arrays_that_cannot_be_are_said(tmp_path: Path, name: str, value: object) -> None:
    sixfive(tmp_path, **{name: value})
    result = read_vasp_folder(tmp_path, with_arrays=True)
    assert result.reason or result.warnings
    with np.load(tmp_path / "arrays.npz") as arrays:
        for key in ("eigenvalues_ev", "total_dos"):
            assert key not in arrays or np.isfinite(arrays[key]).all()

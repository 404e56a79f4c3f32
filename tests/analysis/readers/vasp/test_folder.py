"""A folder of VASP output becomes a Result that says what is sound and why the rest is not."""

from __future__ import annotations

import bz2
import gzip
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.synthetic_vasprun import Shape, write_vasprun
from natriface.analysis.readers.vasp.contcar import read_poscar, selective_flags
from natriface.analysis.readers.vasp.decisive_settings import functional
from natriface.analysis.readers.vasp.folder import read_neb_folder, read_vasp_folder
from natriface.analysis.readers.vasp.oszicar import read_oszicar
from natriface.analysis.readers.vasprun.band_edges import band_edges, count_electrons
from natriface.analysis.readers.vasprun.crystal import free_forces
from natriface.analysis.readers.vasprun.redundancy import (
    damaged_forces,
    is_smeared,
    one_digit_apart,
)
from natriface.analysis.results.result import Result
from natriface.structures.base.conversions import EV_PER_ANGSTROM3_IN_GPA
from natriface.structures.base.errors import AnalysisError, ReaderError

OSZICAR = """       N       E                     dE             d eps       ncg     rms
DAV:   1     0.703944930940E+01    0.70394E+01   -0.19464E+03  8192   0.343E+01
DAV:   2    -0.139346823929E+01   -0.84329E+01   -0.83568E+01 12288   0.403E+00
   1 F= -.21514673E+01 E0= -.21514673E+01  d E =-.215147E+01  mag=     4.0068
DAV:   1    -0.228829248386E+01   -0.13747E+00   -0.18848E+00 10496   0.409E-01
"""


def write(folder: Path, **facts: object) -> Path:
    return write_vasprun(folder / "vasprun.xml", Shape(**facts))  # type: ignore[arg-type]


def test_a_converged_run(tmp_path: Path) -> None:
    write(tmp_path)
    result = read_vasp_folder(tmp_path)
    assert (result.status, result.reason, result.kind) == ("converged", None, "static")
    assert result.converged_energy_ev() == pytest.approx(-493.599)
    assert result.engine.name == "vasp"
    assert result.engine.version == "6.4.1"
    assert result.convergence.electronic is True
    assert result.convergence.ionic is None
    assert result.settings["functional"] == "PBE"
    assert result.settings["ENCUT"] == 480
    assert result.settings["kpoints"]["divisions"] == [3, 1, 1]
    assert result.settings["POTCAR"]["Na"] == "PAW_PBE Na 08Apr2002"
    assert result.electronic is not None
    assert result.electronic.band_gap_ev is not None
    assert result.electronic.band_gap_ev > 5
    assert result.electronic.magnetization_bohr_magneton == pytest.approx(0)
    assert Result.model_validate_json(result.model_dump_json()) == result


def test_stress_is_positive_under_tension(tmp_path: Path) -> None:
    write(tmp_path)
    stress = read_vasp_folder(tmp_path).stress_ev_per_angstrom3
    kilobar = 0.1 / EV_PER_ANGSTROM3_IN_GPA
    np.testing.assert_allclose(stress, np.array([2.5, -1.25, -0.5, 0, 0, 0]) * kilobar)


def test_arrays_beside_the_result(tmp_path: Path) -> None:
    write(tmp_path)
    target = tmp_path / "elsewhere"
    target.mkdir()
    result = read_vasp_folder(tmp_path, with_arrays=True, arrays_folder=target)
    assert result.arrays_file is not None
    with np.load(target / result.arrays_file) as arrays:
        assert arrays["projections"].shape == (2, 3, 6, 4, 9)
        assert arrays["projected_dos"].shape == (4, 2, 9, 11)
        assert arrays["orbitals"].tolist()[:2] == ["s", "py"]


@pytest.mark.parametrize(
    ("facts", "status", "words"),
    [
        ({"nelm": 4}, "unconverged", "NELM = 4"),
        ({"nsw": 3, "ibrion": 2, "n_steps": 3, "largest_force": 0.5}, "unconverged", "NSW = 3"),
        ({"nsw": 9, "ibrion": 2, "n_steps": 3, "largest_force": 0.5}, "unconverged", "0.02"),
        ({"nsw": 9, "ibrion": 2, "n_steps": 3}, "converged", None),
        (
            {"nsw": 9, "ibrion": 2, "n_steps": 3, "ediffg": 0.01, "largest_force": 1.0},
            "converged",
            None,
        ),
        ({"nsw": 9, "ibrion": 2, "n_steps": 3, "ediffg": 3e-5}, "unconverged", "energy changed"),
        ({"nsw": 9, "ibrion": 2, "n_steps": 3, "ediffg": 5e-5}, "converged", None),
        ({"nsw": 3, "ibrion": 2, "n_steps": 3, "ediffg": 5e-4}, "unconverged", "NSW = 3"),
        ({"nsw": 9, "ibrion": 0, "n_steps": 3}, "unconverged", "3 of 9"),
        ({"nsw": 3, "ibrion": 0, "n_steps": 3, "largest_force": 1.0}, "converged", None),
    ],
)
def test_convergence_is_judged_by_numbers(
    tmp_path: Path, facts: dict[str, object], status: str, words: str | None
) -> None:
    write(tmp_path, **facts)
    result = read_vasp_folder(tmp_path)
    assert result.status == status
    if words is None:
        assert result.reason is None
    else:
        assert words in (result.reason or "")
        assert result.energy_ev is None
        with pytest.raises(AnalysisError):
            result.converged_energy_ev()


def test_frozen_atoms_do_not_count(tmp_path: Path) -> None:
    write(tmp_path, selective=True, nsw=9, ibrion=2)
    result = read_vasp_folder(tmp_path)
    forces = np.array(result.forces_ev_per_angstrom)
    free = np.linalg.norm(forces[1:], axis=1).max()
    assert result.convergence.max_force_ev_per_angstrom == pytest.approx(free)
    assert result.final_structure is not None
    assert result.final_structure["fixed"] == [0]


def test_partly_frozen_atoms_follow_the_lattice_vectors() -> None:
    cell = np.array([[3.0, 0, 0], [1.5, 2.6, 0], [0, 0, 5.0]])
    force = np.array([[0.2, 0.3, 0.4]])
    free = free_forces(force, cell, np.array([[False, True, True]]))
    assert free @ np.linalg.inv(cell) == pytest.approx(np.array([[0, 0.3 / 2.6, 0.08]]))


def test_a_truncated_run_has_no_energy_but_its_steps(tmp_path: Path) -> None:
    path = write(tmp_path, nsw=9, ibrion=2, n_steps=3)
    data = path.read_bytes()
    path.write_bytes(data[: data.rfind(b"<calculation>") + 900])
    result = read_vasp_folder(tmp_path)
    assert result.status == "truncated"
    assert "2 finished ionic steps and 3 electronic steps" in (result.reason or "")
    assert len(result.energies_ev) == 2
    assert result.energy_ev is None
    assert result.final_structure is not None
    assert result.convergence.ionic is False


def test_the_last_of_several_runs_by_name(tmp_path: Path) -> None:
    for i, n in ((1, 2), (2, 3), (10, 4)):
        path = write(tmp_path, n_steps=n)
        (tmp_path / f"vasprun.xml.relax{i}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    result = read_vasp_folder(tmp_path)
    assert result.convergence.n_ionic_steps == 4
    assert any("relax1, relax2" in warning for warning in result.warnings)
    assert read_vasp_folder(tmp_path / "vasprun.xml.relax1.gz").convergence.n_ionic_steps == 2


@pytest.mark.parametrize("packed", [False, True])
def test_frozen_atoms_beside_an_hdf5_or_outcar(tmp_path: Path, packed: bool) -> None:
    """Also with the symbols of many species on several lines, as VASP writes them."""
    content = (
        "Na Cl\n 1.0\n 4 0 0\n 0 4 0\n 0 0 4\n Na\n Cl\n 1\n 1\nSelective dynamics\nDirect\n"
        " 0 0 0 F F F\n 0.5 0.5 0.5 T T F\n"
    )
    path = tmp_path / ("POSCAR.gz" if packed else "POSCAR")
    path.write_bytes(gzip.compress(content.encode()) if packed else content.encode())
    flags = selective_flags(path, 2)
    assert flags is not None
    assert flags.tolist() == [[False] * 3, [True, True, False]]
    assert selective_flags(path, 3) is None
    assert read_poscar(path).get_chemical_symbols() == ["Na", "Cl"]


def test_finite_differences_end_in_a_displaced_structure(tmp_path: Path) -> None:
    write(tmp_path, nsw=1, ibrion=5, n_steps=3)
    result = read_vasp_folder(tmp_path)
    assert any("last displaced structure" in warning for warning in result.warnings)


def test_temperatures_stand_in_the_oszicar(tmp_path: Path) -> None:
    line = "T=   312. E= -.51 F= -.54E+02 E0= -.53E+02  EK= 0.32E+01 SP= 0.00E+00 SK= 0.00E+00"
    (tmp_path / "OSZICAR").write_text(f"      1 {line}\n   2 F= -.54E+02 E0= -.53E+02  d E =0.0\n")
    moving, still = read_oszicar(tmp_path / "OSZICAR").steps
    assert (moving.kelvin, moving.free_energy_ev, moving.energy_ev) == (312.0, -54.0, -53.0)
    assert (still.kelvin, still.free_energy_ev, still.energy_ev) == (None, -54.0, -53.0)


def test_only_an_oszicar(tmp_path: Path) -> None:
    (tmp_path / "OSZICAR").write_text(OSZICAR)
    result = read_vasp_folder(tmp_path)
    assert result.status == "truncated"
    assert result.energies_ev == [-2.1514673]
    read = read_oszicar(tmp_path / "OSZICAR")
    assert read.steps[0].n_electronic == 2
    assert read.steps[0].magnetization == 4.0068
    assert read.unfinished == 1


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match="no vasprun"):
        read_vasp_folder(tmp_path)
    with pytest.raises(ReaderError, match="does not exist"):
        read_vasp_folder(tmp_path / "nowhere")
    with pytest.raises(ReaderError, match="no image folders"):
        read_neb_folder(tmp_path)


def test_images_of_a_path(tmp_path: Path) -> None:
    for name in ("00", "01", "02"):
        (tmp_path / name).mkdir()
    write(tmp_path / "01", n_atoms=5)
    results = read_neb_folder(tmp_path)
    assert [result.status for result in results] == ["failed", "converged", "failed"]
    assert {result.kind for result in results} == {"neb"}
    with pytest.raises(ReaderError, match="read_neb_folder"):
        read_vasp_folder(tmp_path)


def test_hdf5_without_its_library_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    (tmp_path / "vaspout.h5").write_bytes(b"\x89HDF")
    with pytest.raises(ReaderError, match="needs h5py"):
        read_vasp_folder(tmp_path)


@pytest.mark.parametrize("name", ["DOSCAR", "PROCAR.gz", "EIGENVAL", "INCAR", "WAVECAR"])
def test_files_that_are_not_read_say_so(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("1 1 1 1")
    with pytest.raises(ReaderError, match="not read from this file"):
        read_vasp_folder(tmp_path / name)


@pytest.mark.parametrize("name", ["vasprun.xml", "OUTCAR", "OSZICAR"])
def test_a_cut_packed_file_is_not_called_empty(tmp_path: Path, name: str) -> None:
    data = bz2.compress(b"line of text\n" * 9000)
    (tmp_path / f"{name}.bz2").write_bytes(data[: len(data) // 2])
    with pytest.raises(ReaderError, match="bzip2 stream is cut off"):
        read_vasp_folder(tmp_path)


def test_nul_bytes_are_named_not_shown(tmp_path: Path) -> None:
    data = bytearray(write(tmp_path).read_bytes())
    at = data.index(b'name="NSW"')
    data[at : at + 400] = b"\0" * 400
    (tmp_path / "vasprun.xml").write_bytes(data)
    result = read_vasp_folder(tmp_path)
    assert result.status == "failed"
    assert "\\x00" not in (result.reason or "")
    assert "NUL" in (result.reason or "")


def test_a_size_beyond_the_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data.replace(b'name="NBANDS">     6<', b'name="NBANDS">' + b"9" * 30 + b"<"))
    result = read_vasp_folder(tmp_path, with_arrays=True)
    assert result.status == "converged"
    assert any("shorter than the expected" in warning for warning in result.warnings)


def test_bands_that_the_settings_do_not_count(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'name="NBANDS">     6<', b'name="NBANDS">     4<'))
    result = read_vasp_folder(tmp_path)
    assert result.electronic is not None
    assert result.electronic.n_bands == 6
    assert any("NBANDS = 4, but 6 bands" in warning for warning in result.warnings)


def test_what_another_program_wrote(tmp_path: Path) -> None:
    """A potential behind VASP's files: no EDIFFG in its vasprun.xml, no species in its OUTCAR."""
    path = write(tmp_path, nsw=9, ibrion=2, n_steps=3, n_atoms=2)
    data = path.read_bytes().replace(b'type="string">vasp </i>', b'type="string">VPMDK</i>')
    data = re.sub(rb' *<i name="EDIFFG">[^<]*</i>\n', b"", data)
    path.write_bytes(data)
    step = (
        " POSITION            TOTAL-FORCE (eV/Angst)\n ----\n 0 0 0 0 0 0\n 2 2 2 0 0 0\n ----\n"
        "  free  energy   TOTEN  =  -1.0 eV\n"
        "  energy  without entropy= -1.0  energy(sigma->0) = -1.0\n"
    )
    (tmp_path / "OUTCAR").write_text(
        " vasp.6.x compatible output\n   IBRION =      2\n INCAR:\n   EDIFFG = -0.02\n   NSW = 9\n"
        " POTCAR:    PAW_PBE Na\n"
        + step * 3
        + " General timing and accounting informations for this job:\n"
    )
    result = read_vasp_folder(tmp_path)
    assert (result.status, result.reason) == ("converged", None)
    assert result.energy_ev is not None
    assert result.forces_ev_per_angstrom is not None
    assert result.engine.version.startswith("VPMDK")
    assert any("written by VPMDK" in warning for warning in result.warnings)
    assert any("numbers of atoms of each species are absent" in w for w in result.warnings)


# band edges


def bands(gap: float, n: int = 5, filled: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    levels = np.sort(random.uniform(-5, 0, (1, n, 6)), axis=2)
    levels[:, :, filled:] += gap - levels[:, :, filled:].min() + levels[:, :, :filled].max()
    levels = np.sort(levels, axis=2)
    filling = np.zeros(levels.shape)
    filling[:, :, :filled] = 1
    return levels, filling, np.full(n, 1 / n)


@given(st.floats(0.01, 8))
def test_gap(gap: float) -> None:
    edges = band_edges(*bands(gap))
    assert edges is not None
    assert edges.gap_ev == pytest.approx(gap)


def test_smearing_does_not_close_a_gap() -> None:
    levels, filling, weights = bands(0.1)
    filling[0, :, 1] -= 0.2
    filling[0, :, 2] += 0.2
    edges = band_edges(levels, filling, weights)
    assert edges is not None
    assert edges.gap_ev == pytest.approx(0.1)


def test_half_filled_band_is_a_metal() -> None:
    levels, filling, weights = bands(1.0)
    filling[0, :, 2] = 0.5
    edges = band_edges(levels, filling, weights)
    assert edges is not None
    assert edges.gap_ev == 0
    assert edges.valence_band_maximum_ev is None


def test_overlapping_bands_are_a_metal() -> None:
    levels, filling, weights = bands(1.0)
    levels[0, 0, 1] = levels[0, 1, 2] + 0.5
    levels[0, 0, 2:] = levels[0, 0, 1] + np.arange(1, 5)
    edges = band_edges(levels, filling, weights)
    assert edges is not None
    assert edges.gap_ev == 0


def test_spins_gap_together() -> None:
    up, filled_up, weights = bands(2.0, filled=3)
    down, filled_down, _ = bands(1.0, filled=1)
    levels, filling = np.vstack([up, down]), np.vstack([filled_up, filled_down])
    assert count_electrons(filling, weights, is_noncollinear=False) == pytest.approx([3, 1])
    edges = band_edges(levels, filling, weights)
    assert edges is not None
    top = max(up[0, :, 2].max(), down[0, :, 0].max())
    assert edges.gap_ev == pytest.approx(max(min(up[0, :, 3].min(), down[0, :, 1].min()) - top, 0))


def test_no_gap_without_empty_bands_or_with_missing_numbers() -> None:
    levels, filling, weights = bands(1.0)
    assert band_edges(levels, np.ones_like(filling), weights) is None
    levels[0, 0, 5] = np.nan  # an empty band far above
    edges = band_edges(levels, filling, weights)
    assert edges is not None
    assert edges.gap_ev == pytest.approx(1.0)
    for band in (0, 1, 2):
        missing = levels.copy()
        missing[0, 0, band] = np.nan
        assert band_edges(missing, filling, weights) is None


# settings


@pytest.mark.parametrize(
    ("incar", "parameters", "name"),
    [
        ({}, {"GGA": "--"}, "PBE"),
        ({"GGA": "Ps"}, {"GGA": "PS"}, "PBEsol"),
        ({"METAGGA": "R2scan"}, {"GGA": "--"}, "R2SCAN"),
        ({"METAGGA": " None"}, {"GGA": "RP"}, "RPBE"),
        ({}, {"GGA": "PE", "LHFCALC": True, "AEXX": 0.25, "HFSCREEN": 0.2}, "HSE06"),
        ({}, {"GGA": "PE", "LHFCALC": True, "AEXX": 0.25, "HFSCREEN": 0.0}, "PBE0"),
        ({}, {"GGA": "PE", "LDAU": True}, "PBE+U"),
        ({}, {"GGA": "CA"}, "LDA"),
    ],
)
def test_functional(incar: dict[str, object], parameters: dict[str, object], name: str) -> None:
    assert functional(incar, parameters, ["PAW_PBE Na 08Apr2002"]) == name


# redundancy


@given(st.integers(1, 60), st.integers(0, 2**31), st.integers(1, 9), st.integers(-5, 1))
def test_one_wrong_digit_in_the_forces(n: int, seed: int, digit: int, power: int) -> None:
    forces = np.round(np.random.default_rng(seed).normal(size=(1, n, 3)), 8)
    forces[:, 0] -= forces.sum(axis=1)
    assert not damaged_forces(forces, 1e-8).any()
    forces[0, n // 2, 1] += digit * 10.0**power
    assert damaged_forces(forces, 1e-8).all()


def test_forces_that_really_do_not_balance_pass() -> None:
    forces = np.random.default_rng(0).normal(size=(200, 12, 3))
    assert not damaged_forces(forces, 1e-8).any()


@pytest.mark.parametrize(
    "drift", [(3.1e-5, 3.1e-5, 0.0), (7.5e-5, -2.015e-3, 4.34e-4), (2e-6, 4e-5, 1e-5)]
)
def test_a_small_drift_is_no_damage(drift: tuple[float, float, float]) -> None:
    """Where VASP leaves the drift in, one component of it may be small by chance."""
    for n in (1, 84):
        forces = np.zeros((1, n, 3))
        forces[0, 0] = drift
        assert not damaged_forces(forces, 1e-6).any()


def test_numbers_edited_in_two_directions() -> None:
    forces = np.array([[[0.02857502, -0.04644999, -0.29611206], [-0.52857502, 0.54644999, 0]]])
    forces[0, 1, 2] = 0.29611206
    assert damaged_forces(forces, 1e-8).all()


@given(st.floats(-1e4, 0), st.floats(0, 0.5), st.integers(0, 4))
def test_smeared_energies(free: float, entropy: float, order: int) -> None:
    free, entropy = round(free, 8), round(entropy, 8)
    zero = round(free + entropy / (order + 2), 8)
    assert is_smeared((free, round(free + entropy, 8), zero), 1e-8)
    assert not is_smeared((free, free + entropy, free + entropy + 0.1), 1e-8)


def test_one_digit_apart() -> None:
    assert one_digit_apart(b"-123.45678901", b"-123.15678901")
    assert not one_digit_apart(b"-123.45678901", b"-123.45678901")
    assert not one_digit_apart(b"-123.45678901", b"-122.15678901")

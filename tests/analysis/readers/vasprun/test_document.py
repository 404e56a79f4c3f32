"""A vasprun.xml in every shape VASP prints it, sound and broken."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.synthetic_vasprun import ORBITALS, Shape, write_vasprun
from natriface.analysis.readers.vasp.folder import read_vasp_folder
from natriface.analysis.readers.vasp.large_arrays import collect_arrays
from natriface.analysis.readers.vasprun.document import Vasprun
from natriface.structures.base.errors import ReaderError


def written(folder: Path, **facts: object) -> Path:
    return write_vasprun(folder / "vasprun.xml", Shape(**facts))  # type: ignore[arg-type]


@pytest.mark.parametrize("modern", [True, False])
def test_energy_at_zero_smearing_does_not_depend_on_the_version(
    tmp_path: Path, modern: bool
) -> None:
    vasprun = Vasprun(written(tmp_path, n_atoms=4, modern=modern))
    free = -123.4 * 4
    assert vasprun.free_energies_ev[-1] == free
    assert vasprun.energies_ev[-1] == pytest.approx(free + 0.001, abs=1e-9)
    assert vasprun.steps.energies_without_entropy_ev[-1] == pytest.approx(free + 0.002, abs=1e-9)


def test_what_is_added_after_self_consistency_stays(tmp_path: Path) -> None:
    path = written(tmp_path, modern=False)
    text = path.read_text("latin-1")
    head, _, tail = text.rpartition("-493.60000000")
    outer = head + "-497.10000123" + tail
    head, _, tail = outer.rpartition("-493.59900000")
    path.write_text(head + "-497.09900123" + tail, "latin-1")
    assert Vasprun(path).energies_ev[-1] == pytest.approx(-497.09900123, abs=1e-9)


def test_parameters_in_effect(tmp_path: Path) -> None:
    vasprun = Vasprun(written(tmp_path, nelm=77))
    assert vasprun.parameters["NELM"] == 77  # not the 1 of the response functions
    assert vasprun.incar["ALGO"] == "Normal"
    assert vasprun.parameters["LNONCOLLINEAR"] is False
    assert vasprun.parameters["ENMAX"] == 480.0


def test_a_name_with_a_percent_sign(tmp_path: Path) -> None:
    path = written(tmp_path)
    text = path.read_text("latin-1")
    path.write_text(
        text.replace("</incar>", ' <i name="DIP%EFIELD">     -0.01000000</i>\n </incar>', 1),
        "latin-1",
    )
    vasprun = Vasprun(path)
    assert vasprun.problems == []
    assert vasprun.incar["DIP%EFIELD"] == -0.01


@pytest.mark.parametrize(("smearing", "kept"), [(-5, True), (0, False)])
def test_corrected_tetrahedra_fill_beyond_one(tmp_path: Path, smearing: int, kept: bool) -> None:
    path = written(tmp_path, projected=False)
    text = path.read_text("latin-1")
    text = re.sub(r'(name="ISMEAR">) *-?\d+', rf"\1 {smearing:5d}", text)
    at = text.index("<r>", text.index("<eigenvalues>"))
    end = text.index("</r>", at)
    text = text[:at] + text[at:end].replace(" 1.0000", "-0.5802") + text[end:]
    path.write_text(text, "latin-1")
    occupations = Vasprun(path).occupations
    assert occupations is not None
    assert (occupations[0, 0, 0] == -0.5802) == kept
    assert np.isnan(occupations[0, 0, 0]) != kept


@pytest.mark.parametrize(("shear", "kept"), [(0.01, True), (0.2, False)])
def test_a_slightly_asymmetric_stress_is_vasps_own(
    tmp_path: Path, shear: float, kept: bool
) -> None:
    path = written(tmp_path)
    text = path.read_text("latin-1")
    at = text.index("<v>", text.index('name="stress"'))
    row = text[at : text.index("</v>", at)]
    other = row[:-15] + f"{shear:14.8f} "
    path.write_text(text.replace(row, other, 1), "latin-1")
    stress = Vasprun(path).steps.stresses_kb[0]
    assert np.isfinite(stress).all() == kept


@pytest.mark.parametrize("n_steps", [1, 3])
def test_only_a_relaxation_depends_on_its_forces(tmp_path: Path, n_steps: int) -> None:
    path = written(tmp_path, n_steps=n_steps, nsw=9 * (n_steps > 1), ibrion=2)
    text = path.read_text("latin-1")
    at = text.rindex('name="forces"')
    end = text.index("</varray>", at)
    forces = re.sub(r"-?\d+\.\d+", "         NaN", text[at:end])
    path.write_text(text[:at] + forces + text[end:], "latin-1")
    result = read_vasp_folder(tmp_path)
    assert result.status == ("converged" if n_steps == 1 else "failed")
    assert result.forces_ev_per_angstrom is None
    assert any("forces of ionic step" in warning for warning in result.warnings)


@pytest.mark.parametrize("n_components", [1, 2, 4])
def test_electronic_structure(tmp_path: Path, n_components: int) -> None:
    shape = {"n_atoms": 5, "n_kpoints": 4, "n_bands": 6, "n_dos": 13}
    vasprun = Vasprun(written(tmp_path, n_components=n_components, **shape))
    spins = 2 if n_components == 2 else 1
    assert vasprun.eigenvalues is not None
    assert vasprun.eigenvalues.shape == (spins, 4, 6)
    assert vasprun.occupations is not None
    assert vasprun.occupations.sum() == spins * 4 * 3
    assert vasprun.total_dos is not None
    assert vasprun.total_dos.densities.shape == (n_components, 13)
    np.testing.assert_allclose(
        vasprun.total_dos.integrated,
        np.cumsum(vasprun.total_dos.densities, axis=1) / 100,
        atol=1e-4,
    )
    assert vasprun.projected_dos is not None
    assert vasprun.projected_dos.orbitals == ORBITALS
    assert vasprun.projected_dos.densities.shape == (5, n_components, 9, 13)
    assert vasprun.projections is not None
    assert vasprun.projections.weights.shape == (n_components, 4, 6, 5, 9)
    assert vasprun.fermi_level_ev == 2.13317482
    assert vasprun.problems == []


def test_without_projections(tmp_path: Path) -> None:
    vasprun = Vasprun(written(tmp_path, projected=False))
    assert vasprun.projected_dos is None
    assert vasprun.projections is None
    assert vasprun.total_dos is not None
    assert vasprun.problems == []


@pytest.mark.parametrize("n_components", [1, 2, 4])
def test_bands_of_kpoints_opt_are_not_the_meshs(tmp_path: Path, n_components: int) -> None:
    shape = {"n_atoms": 5, "n_kpoints": 4, "n_bands": 6, "n_components": n_components}
    vasprun = Vasprun(written(tmp_path, n_optional=7, **shape))
    spins = 2 if n_components == 2 else 1
    bands = vasprun.kpoints_opt
    assert bands is not None
    assert bands.eigenvalues.shape == (spins, 7, 6)
    assert bands.occupations is not None
    assert bands.occupations.sum() == spins * 7 * 3
    np.testing.assert_allclose(bands.kpoints[:, 1], np.arange(7) / 7, atol=1e-8)
    assert bands.projections is not None
    assert bands.projections.weights.shape == (n_components, 7, 6, 5, 9)
    assert vasprun.eigenvalues is not None
    assert vasprun.eigenvalues.shape == (spins, 4, 6)
    assert vasprun.projections is not None
    assert vasprun.projections.weights.shape == (n_components, 4, 6, 5, 9)
    assert vasprun.problems == []
    arrays = collect_arrays(vasprun)
    assert arrays["eigenvalues_ev"].shape == (spins, 4, 6)
    assert arrays["kpoints_opt_eigenvalues_ev"].shape == (spins, 7, 6)


def test_cut_off_bands_of_kpoints_opt_leave_the_mesh_alone(tmp_path: Path) -> None:
    path = written(tmp_path, n_optional=7, n_kpoints=4)
    data = path.read_bytes()
    mesh = Vasprun(path).eigenvalues
    at = data.find(b"<r>", data.find(b"<eigenvalues_kpoints_opt"))
    path.write_bytes(data[:at] + data[at:].replace(b"<r>", b"<x>", 1))
    vasprun = Vasprun(path)
    np.testing.assert_array_equal(vasprun.eigenvalues, mesh)
    damaged = vasprun.kpoints_opt
    assert damaged is None or np.isnan(damaged.eigenvalues).any() or vasprun.problems
    assert any("KPOINTS_OPT" in problem for problem in vasprun.problems)


def test_without_kpoints_opt(tmp_path: Path) -> None:
    vasprun = Vasprun(written(tmp_path))
    assert vasprun.kpoints_opt is None
    assert not any(name.startswith("kpoints_opt") for name in collect_arrays(vasprun))


def test_all_ionic_steps(tmp_path: Path) -> None:
    vasprun = Vasprun(written(tmp_path, n_steps=5, nsw=9, ibrion=2))
    np.testing.assert_allclose(np.diff(vasprun.free_energies_ev), -0.001, atol=1e-8)
    assert vasprun.forces.shape == (5, 4, 3)
    np.testing.assert_allclose(vasprun.forces.sum(axis=1), 0, atol=1e-7)
    assert vasprun.steps.electronic_counts.tolist() == [4] * 5
    assert vasprun.steps.electronic_changes_ev == pytest.approx(-1e-6, abs=1e-9)
    assert len(vasprun.structures) == 5
    final = vasprun.final_structure
    assert final is not None
    assert final.get_volume() == pytest.approx(720)


def test_frozen_atoms_are_constrained(tmp_path: Path) -> None:
    vasprun = Vasprun(written(tmp_path, selective=True))
    final = vasprun.final_structure
    assert final is not None
    assert final.constraints[0].index.tolist() == [0]
    assert vasprun.frozen is not None
    assert vasprun.frozen.sum() == 3


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data.decode().encode("utf-16"),
        lambda data: data + b"\0" * 4096,
        lambda data: data.replace(
            b"<i type=", b'<i name="SYSTEM" type="string">a &lt; \x01 b</i>\n<i type=', 1
        ),
        gzip.compress,
    ],
    ids=["carriage returns", "byte-order mark", "two bytes", "trailing zeros", "control", "gzip"],
)
def test_the_same_in_another_guise(tmp_path: Path, change: object) -> None:
    path = written(tmp_path)
    plain = Vasprun(path)
    other = tmp_path / "other"
    other.write_bytes(change(path.read_bytes()))  # type: ignore[operator]
    disguised = Vasprun(other)
    assert disguised.complete
    assert disguised.problems == []
    for name in ("energies_ev", "forces", "eigenvalues", "kpoints"):
        np.testing.assert_array_equal(getattr(disguised, name), getattr(plain, name))
    assert disguised.projections is not None
    assert plain.projections is not None
    np.testing.assert_array_equal(disguised.projections.weights, plain.projections.weights)


def test_of_several_runs_the_last_counts(tmp_path: Path) -> None:
    first = written(tmp_path, n_atoms=4, n_steps=3).read_bytes()
    second = written(tmp_path, n_atoms=6, n_steps=2).read_bytes()
    path = tmp_path / "vasprun.xml"
    path.write_bytes(first + second)
    vasprun = Vasprun(path)
    assert len(vasprun.symbols) == 6
    assert len(vasprun.steps) == 2
    assert any("several runs" in problem for problem in vasprun.problems)
    path.write_bytes(first + second[: second.find(b"<calculation>")])
    assert not Vasprun(path).complete


def test_truncated_anywhere_keeps_what_is_whole(tmp_path: Path) -> None:
    path = written(tmp_path, n_steps=3, nsw=9, ibrion=2)
    data = path.read_bytes()
    whole = Vasprun(path)
    assert len(whole.steps) == 3
    levels = whole.eigenvalues
    for stop in range(len(data) * 3 // 20, len(data) - 20, len(data) // 90):
        path.write_bytes(data[:stop])
        cut = Vasprun(path)
        assert not cut.complete
        n = len(cut.steps)
        np.testing.assert_array_equal(cut.energies_ev, whole.energies_ev[:n])
        assert np.isnan(cut.forces).any() or (cut.forces == whole.forces[:n]).all()
        assert cut.eigenvalues is None or np.array_equal(cut.eigenvalues, levels)


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, n_steps=3)
    vasprun = Vasprun(path)
    path.write_bytes(path.read_bytes()[: vasprun.text.size // 3])
    assert len(vasprun.steps) <= 3
    assert vasprun.projections is None


def test_an_overflowed_energy_is_no_energy(tmp_path: Path) -> None:
    path = written(tmp_path)
    data = path.read_bytes()
    at = data.rfind(b'e_fr_energy">') + 13
    path.write_bytes(data[:at] + b"****************" + data[at + 16 :])
    vasprun = Vasprun(path)
    assert np.isnan(vasprun.energies_ev).all()
    assert any("overflowed" in problem for problem in vasprun.problems)
    assert np.isfinite(vasprun.forces).all()


def test_a_changed_digit_in_an_energy_shows(tmp_path: Path) -> None:
    path = written(tmp_path)
    data = path.read_bytes()
    for name in (b"e_fr_energy", b"e_wo_entrp", b"e_0_energy"):
        at = data.rfind(name + b'">') + len(name) + 2
        text = data[at : at + 16]
        dot = at + text.find(b".")
        digit = data[dot - 1 : dot]
        path.write_bytes(data[: dot - 1] + (b"1" if digit != b"1" else b"2") + data[dot:])
        assert np.isnan(Vasprun(path).energies_ev[-1])


def test_a_changed_digit_in_forces_or_structure_shows(tmp_path: Path) -> None:
    path = written(tmp_path)
    data = path.read_bytes()
    for name, array in ((b'name="forces"', "forces"), (b'name="positions"', "positions")):
        at = data.rfind(b".", 0, data.find(b"</varray>", data.rfind(name))) + 2
        digit = b"1" if data[at : at + 1] != b"1" else b"2"
        path.write_bytes(data[:at] + digit + data[at + 1 :])
        assert np.isnan(getattr(Vasprun(path).steps, array)[-1]).all()


def test_lattice_that_contradicts_its_volume(tmp_path: Path) -> None:
    path = written(tmp_path)
    data = path.read_bytes().replace(b"8.00000000", b"8.10000000")
    path.write_bytes(data)
    vasprun = Vasprun(path)
    assert vasprun.final_structure is None
    assert any("lattice" in problem for problem in vasprun.problems)


@pytest.mark.parametrize("content", [b"", b"hello", b"<html></html>", b"\0" * 100, b"<modeling>"])
def test_not_a_vasprun(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "vasprun.xml"
    path.write_bytes(content)
    empty = not content.strip(b"\0")
    said = "VASP has not written" if empty else "nothing in it is what VASP writes"
    with pytest.raises(ReaderError, match=said):
        Vasprun(path)


def test_asking_for_energies_decodes_no_large_array(tmp_path: Path) -> None:
    path = written(tmp_path)
    data = path.read_bytes()
    at = data.find(b"<projected>")
    path.write_bytes(data[:at] + data[at:].replace(b"<r>", b"<x>"))
    vasprun = Vasprun(path)
    assert np.isfinite(vasprun.energies_ev).all()
    assert vasprun.problems == []
    assert vasprun.projections is None
    assert vasprun.problems != []


def test_more_bands_than_the_settings_say(tmp_path: Path) -> None:
    """VASP 4 rounds NBANDS up by the number of cores and prints the old one among the settings."""
    path = written(tmp_path, n_bands=6, n_kpoints=4)
    sound = Vasprun(path)
    path.write_bytes(path.read_bytes().replace(b'name="NBANDS">     6<', b'name="NBANDS">     5<'))
    rounded = Vasprun(path)
    np.testing.assert_array_equal(rounded.eigenvalues, sound.eigenvalues)
    np.testing.assert_array_equal(rounded.occupations, sound.occupations)
    assert sound.projections is not None
    assert rounded.projections is not None
    np.testing.assert_array_equal(rounded.projections.weights, sound.projections.weights)
    assert rounded.problems == []


def test_of_two_densities_of_states_the_last_counts(tmp_path: Path) -> None:
    """Molecular dynamics prints an average over steps before the last step's own."""
    path = written(tmp_path, projected=False)
    sound = Vasprun(path).total_dos
    data = path.read_bytes()
    at, end = data.find(b"  <dos>"), data.find(b"</dos>") + 7
    average = data[at:end].replace(b"2.13317482", b"1.00000000")
    at = data.find(b"  <eigenvalues>")
    path.write_bytes(data[:at] + average + data[at:])
    again = Vasprun(path)
    assert again.fermi_level_ev == 2.13317482
    assert again.total_dos is not None
    assert sound is not None
    np.testing.assert_array_equal(again.total_dos.densities, sound.densities)


@pytest.mark.parametrize("algorithm", ["GW0", "CHI", "BSE"])
def test_a_response_run_has_no_energy_and_is_not_called_damaged(
    tmp_path: Path, algorithm: str
) -> None:
    path = written(tmp_path)
    data = path.read_bytes().replace(b"> Normal<", b"> " + algorithm.encode() + b"<")
    start, stop = data.find(b" <calculation>"), data.find(b"</calculation>") + 15
    head, tail = data[:start], data[stop:]
    response = b' <varray name="epsilon_diag" >\n  <v>  1.0 1.0 1.0 </v>\n </varray>\n'
    inside = head + b" <calculation>\n" + response + b" </calculation>\n" + tail
    outside = head + response + b"</modeling>\n"
    for content in (inside, outside):
        path.write_bytes(content)
        result = read_vasp_folder(path)
        assert result.status == "failed"
        assert result.reason == f"ALGO = {algorithm}: VASP computes no total energy in such a run"
        assert result.energy_ev is None
        assert not any("several runs" in warning for warning in result.warnings)


def test_the_reader_alone_is_light() -> None:
    """Half of pymatgen's memory would be libraries that reading needs not."""
    code = (
        "import sys; import natriface.analysis.readers.vasprun.document; "
        "print(sorted({'ase', 'scipy', 'pymatgen', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("algorithm", "istart", "status"),
    [("None", 0, "unconverged"), ("None", 1, "converged"), ("Eigenval", 1, "converged")],
)
def test_dry_runs_are_told_from_runs_on_orbitals_read(
    tmp_path: Path, algorithm: str, istart: int, status: str
) -> None:
    path = written(tmp_path, nelm=1)
    data = path.read_bytes().replace(b"> Normal<", f"> {algorithm}<".encode())
    start = b' <parameters>\n  <i type="int" name="ISTART">%6d</i>\n' % istart
    path.write_bytes(data.replace(b" <parameters>\n", start))
    result = read_vasp_folder(tmp_path)
    assert result.status == status
    assert status == "converged" or "dry run" in (result.reason or "")


@pytest.mark.parametrize(
    ("old", "new", "is_said"),
    [
        ("0.33333333", "0.38333333", True),
        ("0.33333333", "0.16666667", False),
        (" 3        1        1", " 4        1        1", True),
        ('"Gamma"', '"listgenerated"', False),
    ],
)
def test_kpoints_lie_on_the_mesh_they_were_made_by(
    tmp_path: Path, old: str, new: str, is_said: bool
) -> None:
    """On whole or half steps, as symmetry and shifts of Monkhorst and Pack leave them."""
    path = written(tmp_path)
    text = path.read_text("latin-1")
    assert old in text
    path.write_text(text.replace(old, new, 1), "latin-1")
    header = Vasprun(path).header
    assert any("off the mesh" in problem for problem in header.problems) == is_said
    assert (header.kpoints is None) == is_said


def test_kpoints_of_a_shift_of_the_users_own_lie_anywhere(tmp_path: Path) -> None:
    path = written(tmp_path)
    text = path.read_text("latin-1").replace("0.33333333", "0.38333333", 1)
    shift = '   <v name="usershift">   0.15000000   0.00000000   0.00000000 </v>\n  </generation>'
    path.write_text(text.replace("  </generation>", shift, 1), "latin-1")
    assert Vasprun(path).header.problems == []


def test_energies_of_a_density_of_states_ascend_evenly(tmp_path: Path) -> None:
    path = written(tmp_path)
    run = Vasprun(path)
    assert run.total_dos is not None
    energies = run.total_dos.energies_ev
    assert np.diff(energies) == pytest.approx(energies[1] - energies[0], abs=2e-4)
    text = path.read_text("latin-1")
    printed = f"{energies[3]:.4f} "
    at = text.index(printed, text.index("<total>"))
    other = f"{energies[3] + 0.1:.4f} "
    path.write_text(text[:at] + other + text[at + len(printed) :], "latin-1")
    run = Vasprun(path)
    assert run.total_dos is None
    assert any("do not ascend evenly" in problem for problem in run.problems)

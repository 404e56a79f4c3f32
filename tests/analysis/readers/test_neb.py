"""Bands from VASP folders and ASE trajectories, whole and broken."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write
from ase.io.vasp import write_vasp
from typer.testing import CliRunner

from natriface.analysis.barriers.summary import summarise
from natriface.analysis.readers.neb import read_band
from natriface.structures.base.errors import AnalysisError, ReaderError
from natriface.workflows.commands.analyze import app

LENGTH = 3.0


def frames(n: int, height: float = 0.3, energies: bool = True) -> list[Atoms]:
    """Na on a cosine of a given height in eV, beside F that stays."""
    images = []
    for x in np.linspace(0, LENGTH, n):
        image = Atoms("NaF", [[x, 0, 0], [1.5, 3.0, 0]], cell=[8, 8, 8], pbc=True)
        if energies:
            k = 2 * np.pi / LENGTH
            force = np.zeros((2, 3))
            force[0, 0] = -height / 2 * k * np.sin(k * x)
            energy = height / 2 * (1 - np.cos(k * x)) - 5.0
            image.calc = SinglePointCalculator(image, energy=energy, forces=force)
        images.append(image)
    return images


# --- trajectories ---


@pytest.mark.parametrize("name", ["band.traj", "band.extxyz"])
def test_the_last_band_of_a_trajectory_counts(tmp_path: Path, name: str) -> None:
    history = []
    for height in (0.9, 0.5, 0.3):
        band = frames(5, height)
        band[2].positions[0, 1] += height - 0.3  # only the images between the ends move
        history += band
    write(tmp_path / name, history)
    band = read_band(tmp_path / name)
    assert len(band.images) == 5
    assert summarise(band).converged_barrier().forward_ev == pytest.approx(0.3)
    assert read_band(tmp_path / name, n_images=5).lengths_angstrom[-1] == pytest.approx(LENGTH)


def test_broken_trajectories(tmp_path: Path) -> None:
    path = tmp_path / "band.extxyz"
    write(path, frames(5))
    with pytest.raises(ReaderError, match="5 frames are not whole bands of 4"):
        read_band(path, n_images=4)
    with pytest.raises(ReaderError, match="holds its end points"):
        read_band(path, initial=tmp_path)
    write(path, frames(2))
    with pytest.raises(ReaderError, match="2 frames; a band has two end points"):
        read_band(path)
    write(path, frames(5, energies=False))
    silent = summarise(read_band(path))
    assert (silent.status, silent.barrier) == ("failed", None)
    assert "the frame holds no energy" in silent.reasons[0]
    path.write_text("no trajectory\n")
    with pytest.raises(ReaderError, match="not a trajectory that ASE can read"):
        read_band(path)
    (tmp_path / "band.traj").write_bytes(b"- of Ulm\0\0\0")
    with pytest.raises(ReaderError, match="not a trajectory"):
        read_band(tmp_path / "band.traj")
    with pytest.raises(ReaderError, match="does not exist"):
        read_band(tmp_path / "nowhere")
    odd = frames(5)
    odd[3].numbers[1] = 17
    write(path, odd)
    with pytest.raises(AnalysisError, match="the same atoms, but one is NaF and the other NaCl"):
        read_band(path)


def test_a_wrapped_and_permuted_trajectory_is_repaired(tmp_path: Path) -> None:
    images = frames(7)
    for image in images:
        image.positions[:, 0] -= 1.0
    images[-1] = images[-1][[1, 0]]
    images[-1].calc = SinglePointCalculator(images[-1], energy=-5.0, forces=np.zeros((2, 3)))
    for image in images:
        image.wrap()
    write(tmp_path / "band.extxyz", images)
    summary = summarise(read_band(tmp_path / "band.extxyz"))
    assert summary.length_angstrom == pytest.approx(LENGTH)
    assert summary.converged_barrier().forward_ev == pytest.approx(0.3)
    assert "2 atoms of image 6 were listed in another order" in summary.notes[0]


# --- VASP folders ---


def poscars(folder: Path, n: int) -> None:
    for k, image in enumerate(frames(n)):
        place = folder / f"{k:02d}"
        place.mkdir(parents=True)
        write_vasp(place / "POSCAR", image, direct=True)


def test_folders_without_output_are_a_failed_band(tmp_path: Path) -> None:
    poscars(tmp_path, 5)
    summary = summarise(read_band(tmp_path))
    assert summary.status == "failed"
    assert summary.barrier is None
    assert summary.length_angstrom == pytest.approx(LENGTH)
    assert "name its run as initial" in summary.reasons[0]
    assert "image 2" in summary.reasons[2]


def test_outputs_that_vasp_has_not_written_tell_nothing_of_vtst(tmp_path: Path) -> None:
    poscars(tmp_path, 3)
    (tmp_path / "INCAR").write_text("IMAGES = 1\nLCLIMB = .TRUE.\n")
    output = tmp_path / "01" / "OUTCAR"
    output.write_text("Fake OUTCAR file for testing.\n")
    assert not any("LCLIMB" in warning for warning in read_band(tmp_path).warnings)
    output.write_text(" vasp.6.4.1 05Apr23 (build Apr 21 2023 13:52:45) complex\n")
    assert any("LCLIMB" in warning for warning in read_band(tmp_path).warnings)


def test_missing_folders_are_named(tmp_path: Path) -> None:
    poscars(tmp_path, 5)
    shutil.rmtree(tmp_path / "02")
    with pytest.raises(ReaderError, match="image folder 02 of 00 to 04 missing"):
        read_band(tmp_path)
    shutil.rmtree(tmp_path / "00")
    shutil.rmtree(tmp_path / "04")
    with pytest.raises(ReaderError, match="image folders 00, 02, 04 of 00 to 04 missing"):
        read_band(tmp_path)
    (tmp_path / "INCAR").write_text("SPRING = -5\n images = 5\n")
    with pytest.raises(ReaderError, match="00, 02, 04, 05, 06 of 00 to 06 missing"):
        read_band(tmp_path)
    (tmp_path / "01" / "POSCAR").write_text("cut off")
    shutil.copytree(tmp_path / "03", tmp_path / "00")
    shutil.copytree(tmp_path / "03", tmp_path / "02")
    (tmp_path / "INCAR").unlink()
    with pytest.raises(ReaderError, match="01: neither output nor a readable CONTCAR"):
        read_band(tmp_path)
    with pytest.raises(ReaderError, match="no image folders"):
        read_band(tmp_path / "01")


def test_a_real_band_whose_images_coincide(data: Path) -> None:
    """VTST images that never left the end point."""
    run = data / "neb" / "aiida_neb_wc"
    with pytest.raises(ReaderError, match="image folders 00, 04 of 00 to 04 missing"):
        read_band(run / "out")
    band = read_band(run / "out", initial=run / "out" / "01", final=run / "out" / "03")
    assert band.energies_ev == pytest.approx([-19.49544029] * 5)
    assert band.perpendicular_forces_ev_per_angstrom[2] == pytest.approx(0.016445, abs=1e-5)
    summary = summarise(band)
    assert (summary.status, summary.barrier) == ("failed", None)
    assert "collapsed" in summary.reasons[0]


@pytest.fixture
def spinel(data: Path, tmp_path: Path) -> Path:
    """Three real VASP runs of an ion on its way through spinel MnO2, as a NEB folder."""
    runs = data / "neb" / "atomate_approx_neb"
    for k, name in enumerate(("im0", "im1", "im2")):
        place = tmp_path / f"{k:02d}"
        place.mkdir()
        for file in (runs / name / "outputs").glob("*relax2*"):
            shutil.copy(file, place / file.name.replace(".relax2", ""))
    return tmp_path


def test_a_real_band_that_is_not_converged(spinel: Path) -> None:
    """Numbers of the OUTCARs: -196.51819129, -192.10379828, -196.51807238 eV."""
    summary = summarise(read_band(spinel))
    assert summary.status == "unconverged"
    assert summary.barrier is None
    assert summary.estimate is not None
    assert summary.estimate.highest_image_forward_ev == pytest.approx(4.41439301)
    assert summary.estimate.reaction_energy_ev == pytest.approx(0.00011891, abs=1e-8)
    assert summary.estimate.gap_ev == pytest.approx(0, abs=0.01)
    assert any(reason.startswith("image 1: ") for reason in summary.reasons)
    assert summary.engine is not None
    assert summary.engine.startswith("vasp 5")


def test_climbing_that_vasp_does_not_know_is_told(spinel: Path) -> None:
    (spinel / "INCAR").write_text("IMAGES = 1\n LCLIMB = .TRUE.\n")
    assert any("LCLIMB" in warning for warning in read_band(spinel).warnings)
    output = next(spinel.glob("01/OUTCAR*"))
    content = output.read_bytes()
    first, rest = content.split(b"\n", 1)
    output.write_bytes(first + b"\n VTST: version 3.2, (02/03/18)\n" + rest)
    assert not any("LCLIMB" in warning for warning in read_band(spinel).warnings)
    output.write_bytes(content)
    (spinel / "INCAR").write_text("IMAGES = 1\nLCLIMB = .FALSE.\n")
    assert not any("LCLIMB" in warning for warning in read_band(spinel).warnings)


def test_packed_outputs_and_permuted_structures_give_the_same_band(spinel: Path) -> None:
    before = read_band(spinel)
    for file in list(spinel.glob("0[02]/OUTCAR")):
        with gzip.open(file.with_name("OUTCAR.gz"), "wb") as packed:
            packed.write(file.read_bytes())
        file.unlink()
    after = read_band(spinel)
    np.testing.assert_array_equal(before.energies_ev, after.energies_ev)
    np.testing.assert_allclose(before.lengths_angstrom, after.lengths_angstrom)
    np.testing.assert_allclose(
        before.forces_ev_per_angstrom, after.forces_ev_per_angstrom, atol=1e-6
    )


def test_a_real_path_with_permuted_atoms(data: Path, tmp_path: Path) -> None:
    """A vacancy hop of bcc Fe: structures only, 0.75 A apart; one listed in another order."""
    run = data / "neb" / "pmg_neb1"
    straight = read_band(run)
    np.testing.assert_allclose(np.diff(straight.lengths_angstrom), 0.75, atol=0.005)
    for folder in run.iterdir():
        shutil.copytree(folder, tmp_path / folder.name, copy_function=shutil.copyfile)
        (tmp_path / folder.name).chmod(0o755)
    end = read(tmp_path / "04" / "POSCAR", format="vasp")
    order = np.random.default_rng(0).permutation(len(end))
    write_vasp(tmp_path / "04" / "POSCAR", end[order], direct=True)
    shuffled = read_band(tmp_path)
    np.testing.assert_allclose(shuffled.lengths_angstrom, straight.lengths_angstrom, atol=1e-6)
    assert "image 4 were listed in another order" in shuffled.notes[0]


def test_like_calculations_only(spinel: Path) -> None:
    content = (spinel / "02" / "OUTCAR").read_text(errors="replace")
    assert "ENCUT  =" in content
    changed = content.replace("ENCUT  =  520.0 eV", "ENCUT  =  400.0 eV")
    assert changed != content
    (spinel / "02" / "OUTCAR").write_text(changed)
    with pytest.raises(
        AnalysisError, match=r"image 0 and .*image 2 were not computed alike.*ENCUT"
    ):
        read_band(spinel)


# --- the command ---


def test_the_command_prints_numbers_json_and_a_figure(tmp_path: Path) -> None:
    path, figure = tmp_path / "band.extxyz", tmp_path / "profile.png"
    write(path, frames(5))
    runner = CliRunner()
    done = runner.invoke(app, ["neb", str(path), "--plot", str(figure)])
    assert done.exit_code == 0, done.output
    assert "forward  0.3000 eV" in done.output
    # an image's own end is not called what a band alone can be
    assert "converged" not in done.output
    assert done.output.count(" finished") == 5
    assert "the band is judged by the force across" in done.output
    assert "assumed prefactor 1e+13 Hz" in done.output
    assert figure.read_bytes().startswith(b"\x89PNG")
    done = runner.invoke(app, ["neb", str(path), "--json", "--temperature", "4000"])
    document = json.loads(done.stdout)
    assert document["barrier"]["forward_ev"] == pytest.approx(0.3)
    assert "below kT" in document["rate"]["refused"]
    assert document["diffusivity"] is None


def test_the_command_gives_the_diffusivity_of_a_carrier(tmp_path: Path) -> None:
    """D = n a^2 rate / (2 d), a the straight length of the hop."""
    path = tmp_path / "band.extxyz"
    write(path, frames(5))
    options = ["neb", str(path), "--hops", "4", "--dimensions", "2"]
    done = CliRunner().invoke(app, [*options, "--json"])
    document = json.loads(done.stdout)
    length = document["diffusivity"]["length_angstrom"]
    assert length == pytest.approx(read_band(path).lengths_angstrom[-1], rel=0.05)
    assert document["diffusivity"]["diffusivity_cm2_per_s"] == pytest.approx(
        4 * length**2 * document["rate"]["rate_hz"] / 4 * 1e-16
    )
    assert "diffusivity of the carrier" in CliRunner().invoke(app, options).output
    of_sites = [*options, "--hop-length", str(2 * length), "--json"]
    given = json.loads(CliRunner().invoke(app, of_sites).stdout)["diffusivity"]
    assert given["diffusivity_cm2_per_s"] == pytest.approx(
        4 * document["diffusivity"]["diffusivity_cm2_per_s"]
    )


def test_the_command_fails_without_a_barrier(tmp_path: Path) -> None:
    poscars(tmp_path, 4)
    done = CliRunner().invoke(app, ["neb", str(tmp_path)])
    assert done.exit_code == 1
    assert "there is no barrier" in done.output
    assert "no output of this end point" in done.output
    document = json.loads(CliRunner().invoke(app, ["neb", str(tmp_path), "--json"]).stdout)
    assert document["status"] == "failed"
    assert document["barrier"] is None
    assert document["rate"] is None

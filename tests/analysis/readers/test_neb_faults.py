"""Damaged folders of bands: the image is named, and no number comes of what is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms
from ase.io import write
from ase.io.vasp import write_vasp
from typer.testing import CliRunner

from benchmarks.fuzzing.neb import vasp_band
from natriface.analysis.barriers.summary import summarise
from natriface.analysis.readers.neb import read_band
from natriface.analysis.readers.vasp.contcar import read_poscar
from natriface.analysis.results.band import Band
from natriface.structures.base.errors import AnalysisError, ReaderError
from natriface.workflows.commands.analyze import app

N = 5
STEP = 0.75


def image(k: int) -> Atoms:
    """Na on its way past F, in a cell of 8 A."""
    return Atoms("NaF", [[STEP * k, 0, 0], [1.5, 3.0, 0]], cell=[8, 8, 8], pbc=True)


@pytest.fixture
def band(tmp_path: Path) -> Path:
    """Image folders with a POSCAR half a step behind the CONTCAR."""
    for k in range(N):
        place = tmp_path / f"{k:02d}"
        place.mkdir()
        write_vasp(place / "CONTCAR", image(k), direct=True)
        behind = image(k)
        behind.positions[0, 1] += 0.2
        write_vasp(place / "POSCAR", behind, direct=True)
    return tmp_path


def damage(path: Path, kind: str) -> None:
    content = path.read_text()
    lines = content.splitlines()
    changed = {
        "empty": "",
        "one newline": "\n",
        "cut in its header": content[:60],
        "cut before its last atom": "\n".join(lines[:-1]) + "\n",
        "cut within its last number": content.rstrip()[:-6],
        "NaN": content.replace(lines[-1].split()[0], "NaN"),
        "infinite": content.replace(lines[-1].split()[0], "1e999"),
        "overflowed": content.replace(lines[-1].split()[0], "*" * 18),
        "NaN in its cell": content.replace(lines[2].split()[0], "NaN", 1),
        "flat": content.replace(lines[2].split()[0], "0.0", 1),
        "without its mode": "\n".join(x for x in lines if x != "Direct") + "\n",
    }[kind]
    assert changed != content
    path.write_text(changed)


DAMAGES = (
    "empty",
    "one newline",
    "cut in its header",
    "cut before its last atom",
    "cut within its last number",
    "NaN",
    "infinite",
    "overflowed",
    "NaN in its cell",
    "flat",
    "without its mode",
)


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_contcar_is_named_and_the_poscar_taken(band: Path, kind: str) -> None:
    sound = read_band(band)
    assert sound.notes == ()
    assert np.diff(sound.lengths_angstrom) == pytest.approx(STEP)
    damage(band / "02" / "CONTCAR", kind)
    found = read_band(band)
    assert found.images[2].positions[0, 1] == pytest.approx(0.2)
    assert len(found.notes) == 1
    assert "image 2: its POSCAR is taken" in found.notes[0]


@pytest.mark.parametrize("kind", DAMAGES)
def test_an_image_without_a_sound_structure_is_refused_by_name(band: Path, kind: str) -> None:
    damage(band / "02" / "CONTCAR", kind)
    (band / "02" / "POSCAR").unlink()
    with pytest.raises(ReaderError, match=r"image 2 has no structure.*02/CONTCAR"):
        read_band(band)
    done = CliRunner().invoke(app, ["neb", str(band)])
    assert done.exit_code == 1
    assert isinstance(done.exception, ReaderError | SystemExit)


def test_a_contcar_cut_below_its_positions_is_used_and_named(band: Path) -> None:
    path = band / "02" / "CONTCAR"
    whole = path.read_text()
    path.write_text(whole + "\n" + "  0.00000000E+00" * 3 + "\n" + "  0.00000000E+00" * 2)
    found = read_band(band)
    assert found.images[2].positions == pytest.approx(image(2).positions, abs=1e-6)
    assert "image 2" in found.notes[0]
    assert "cut off below its positions" in found.notes[0]
    path.write_text(whole + "\n" + ("  0.00000000E+00" * 3 + "\n") * 2)
    assert read_band(band).notes == ()


def test_hand_made_poscars_are_sound(tmp_path: Path) -> None:
    """Numbers of any length, no last newline, and, in VASP 4, elements in the first line alone."""
    path = tmp_path / "POSCAR"
    path.write_text("Na F\n1.0\n8 0 0\n0 8 0\n0 0 8\n1 1\nDirect\n0 0 0\n0.25 0.333333 0.5")
    assert read_poscar(path).positions[1] == pytest.approx([2, 8 * 0.333333, 4])
    assert read_poscar(path).get_chemical_symbols() == ["Na", "F"]
    path.write_text("mine\n1.0\n8 0 0\n0 8 0\n0 0 8\n1 1\nDirect\n0 0 0\n0.25 0.333333 0.5\n")
    with pytest.raises(ReaderError, match="VASP 4"):
        read_poscar(path)


def test_frozen_atoms_of_a_poscar_stay_frozen(band: Path) -> None:
    for k in range(N):
        held = image(k)
        held.set_constraint(FixAtoms([1]))
        write_vasp(band / f"{k:02d}" / "CONTCAR", held, direct=True)
    found = read_band(band)
    assert [c.index.tolist() for c in found.images[0].constraints] == [[1]]


@pytest.mark.parametrize("number", ["9" * 30, "0", "1000"])
def test_a_number_of_images_beyond_reason_is_refused_at_once(band: Path, number: str) -> None:
    (band / "INCAR").write_text(f"IMAGES = {number}\n")
    with pytest.raises(ReaderError, match="IMAGES = "):
        read_band(band)


def test_folders_beyond_the_images_of_the_incar_are_refused(band: Path) -> None:
    (band / "INCAR").write_text("IMAGES = 2\n")
    with pytest.raises(ReaderError, match=r"IMAGES = 2, .* from 00 to 03, .* folder 04"):
        read_band(band)
    (band / "INCAR").write_text("IMAGES = 3\n")
    assert len(read_band(band).images) == N


def test_two_folders_of_one_number_are_refused(band: Path) -> None:
    (band / "001").mkdir()
    with pytest.raises(ReaderError, match="folders 001 and 01 are both of image 1"):
        read_band(band)


def test_images_of_other_atoms_or_cells_are_refused(band: Path) -> None:
    other = image(2)
    other.numbers[1] = 17
    write_vasp(band / "02" / "CONTCAR", other, direct=True)
    with pytest.raises(AnalysisError, match=r"images 0 and 2.*NaF and the other NaCl"):
        read_band(band)
    write_vasp(band / "02" / "CONTCAR", image(2)[:1], direct=True)
    with pytest.raises(AnalysisError, match="images 0 and 2"):
        read_band(band)
    other = image(2)
    other.set_cell([8, 8, 8.1])
    write_vasp(band / "02" / "CONTCAR", other, direct=True)
    with pytest.raises(AnalysisError, match=r"images 0 and 2.*cells differ by 0\.100 A"):
        read_band(band)


@pytest.fixture
def computed(tmp_path: Path) -> Path:
    """A finished band of the stand-in for VASP: end points, and one image between them."""
    for name, content in vasp_band().files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_a_contcar_of_another_run_beside_an_output_is_refused(computed: Path) -> None:
    sound = read_band(computed)
    assert np.isfinite(sound.energies_ev).all()
    assert not any("image 1" in note for note in sound.notes)
    path = computed / "01" / "CONTCAR"
    other = read_poscar(path)
    other.positions[0] += (0.0, 0.0, 1.0)
    write_vasp(path, other, direct=True)
    found = read_band(computed)
    np.testing.assert_array_equal(found.energies_ev, sound.energies_ev)
    assert any("image 1: the atoms of" in note and "up to 1.0" in note for note in found.notes)
    other.set_cell(1.02 * other.cell.array)
    write_vasp(path, other, direct=True)
    with pytest.raises(ReaderError, match=r"image 1: .* of different crystals"):
        read_band(computed)
    path.write_text("")
    assert any("image 1: its output counts alone" in note for note in read_band(computed).notes)


# --- trajectories and bands ---


def frames(values: list[float]) -> list[Atoms]:
    found = []
    for k, value in enumerate(values):
        frame = image(k)
        frame.calc = SinglePointCalculator(frame, energy=value, forces=np.zeros((2, 3)))
        found.append(frame)
    return found


def test_a_position_that_is_no_number_names_its_image() -> None:
    images = frames([0, 0.1, 0.2, 0.1, 0])
    images[3].positions[1, 2] = np.nan
    with pytest.raises(AnalysisError, match=r"image 3 has a position.*atom 1 \(F\)"):
        Band.of(images)
    images = frames([0, 0.1, 0.2, 0.1, 0])
    images[3].cell[0] = np.inf
    with pytest.raises(AnalysisError, match="image 3 has lattice vectors"):
        Band.of(images)
    images[3].cell = [[8, 0, 0], [8, 0, 0], [0, 0, 8]]
    with pytest.raises(AnalysisError, match="image 3 has lattice vectors that span no volume"):
        Band.of(images)


def test_a_frame_whose_energy_is_no_number_has_failed(tmp_path: Path) -> None:
    write(tmp_path / "band.traj", frames([0, 0.1, float("nan"), 0.1, 0]))
    summary = summarise(read_band(tmp_path / "band.traj"))
    assert (summary.status, summary.barrier) == ("failed", None)
    assert "image 2: failed (the frame holds nan)" in summary.reasons[0]


def test_a_trajectory_cut_in_its_header_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "band.extxyz"
    write(path, frames([0, 0.1, 0.2, 0.1, 0]))
    content = path.read_bytes()
    for stop in range(1, len(content), 7):
        path.write_bytes(content[:stop])
        try:
            read_band(path)
        except (ReaderError, AnalysisError):
            continue


@pytest.mark.parametrize(
    ("permuted", "named"),
    [((), []), ((2,), [2]), ((2, 3), [2]), ((2, 4), [2, 4]), ((3,), [3]), ((1, 2, 3, 4), [1])],
)
def test_only_images_in_another_order_are_said_to_be(
    permuted: tuple[int, ...], named: list[int]
) -> None:
    """An image that is back in the first one's order is in no other."""
    images = frames([0, 0.1, 0.2, 0.1, 0])
    for k in permuted:
        energy = images[k].get_potential_energy()
        images[k] = images[k][[1, 0]]
        images[k].calc = SinglePointCalculator(images[k], energy=energy, forces=np.zeros((2, 3)))
    found = Band.of(images)
    assert [note.partition(" was")[0].partition(" were")[0] for note in found.notes] == [
        f"2 atoms of image {k}" for k in named
    ]
    assert found.lengths_angstrom[-1] == pytest.approx(STEP * (N - 1))


def test_a_path_that_only_rises_is_not_called_downhill() -> None:
    up = summarise(Band.of(frames([0, 0.1, 0.2, 0.3, 0.4])))
    assert up.barrier is not None
    assert up.barrier.forward_ev == pytest.approx(0.4)
    said = [text for text in up.warnings if "no maximum" in text]
    assert len(said) == 1
    assert "uphill" in said[0]
    assert "downhill" not in said[0]
    down = summarise(Band.of(frames([0.4, 0.3, 0.2, 0.1, 0])))
    assert any("downhill" in text and "uphill" not in text for text in down.warnings)


@pytest.mark.parametrize("tolerance", [float("nan"), float("inf"), 0.0, -1.0])
def test_a_tolerance_that_lets_everything_pass_is_refused(tolerance: float) -> None:
    with pytest.raises(AnalysisError, match="force tolerance"):
        summarise(Band.of(frames([0, 0.1, 0.2, 0.1, 0])), tolerance)


def extxyz(energy: str = "0.1", announced: str = "1", columns: str = "R:3") -> str:
    """An extxyz of three images, the middle one changed."""
    facts = ["0.0", energy, "0.0"], ["1", announced, "1"], ["R:3", columns, "R:3"]
    return "".join(
        f'{n}\nLattice="8 0 0 0 8 0 0 0 8" Properties=species:S:1:pos:R:3:forces:{kind} '
        f'energy={e} pbc="T T T"\nNa {0.5 * k} 0 0 0 0 0\n'
        for k, (e, n, kind) in enumerate(zip(*facts, strict=True))
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"energy": "abc"}, "image 1 has the energy 'abc'"),
        ({"energy": '"1 2"'}, "image 1 has the energy .* no number"),
        ({"energy": "T"}, "image 1 has the energy True"),
        ({"columns": "R:2:tail:R:1"}, "image 1 has forces that are not three numbers"),
        ({"announced": "1000000000"}, "line 4 announces 1000000000 atoms, 4 lines follow"),
        ({"announced": "99"}, "line 4 announces 99 atoms"),
    ],
)
def test_frames_of_no_numbers_or_too_few_lines(
    tmp_path: Path, changed: dict[str, str], words: str
) -> None:
    path = tmp_path / "band.extxyz"
    path.write_text(extxyz())
    assert read_band(path).energies_ev == pytest.approx([0, 0.1, 0])
    path.write_text(extxyz(**changed))
    with pytest.raises(ReaderError, match=words):
        read_band(path)

"""Crystal files other than CIF, and the way to a file: certain contents or a sentence."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.io import write
from ase.spacegroup import crystal
from hypothesis import given, settings
from hypothesis import strategies as st

from natriface.structures.base.compositions import parse_formula
from natriface.structures.base.errors import StructureError
from natriface.structures.crystals.crystal_files import phase_from_atoms
from natriface.structures.crystals.phases import Phase, load_phase
from natriface.structures.formats.poscar import parse_poscar

FRACTIONS = "0 0 0\n.5 .5 0\n.5 0 .5\n0 .5 .5\n.5 .5 .5\n0 0 .5\n0 .5 0\n.5 0 0\n"
POSCAR = f"""sodium fluoride
1.0
4.69 0 0
0 4.69 0
0 0 4.69
Na F
4 4
Direct
{FRACTIONS}"""


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Phase]:
    def reading(content: str | bytes, name: str = "POSCAR") -> Phase:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return load_phase(path)

    return reading


def is_fluoride(phase: Phase) -> bool:
    return (
        phase.composition == {"Na": 4, "F": 4}
        and phase.space_group_number == 225
        and phase.volume_angstrom3 == pytest.approx(4.69**3)
    )


def cartesian(scale: str, factor: float) -> str:
    rows = (line.split() for line in FRACTIONS.splitlines())
    places = "\n".join(" ".join(f"{float(x) * 4.69 / factor:.9f}" for x in row) for row in rows)
    edge = f"{4.69 / factor:.9f}"
    text = POSCAR.replace("1.0", scale, 1).replace("4.69", edge)
    return text.replace("Direct", "Cartesian").replace(FRACTIONS, places + "\n")


@pytest.mark.parametrize(
    "text",
    [
        POSCAR,
        POSCAR.replace("\n", "\r\n"),
        POSCAR.replace("Na F", "Na_pv F_h"),
        POSCAR.replace("Na F", "Na_pv/6a2f546d F/1b2c3d"),
        POSCAR.replace("Na F", "Na\n F").replace("4 4", "4\n 4"),
        POSCAR.replace("4 4", "4 4 ! of each"),
        POSCAR.replace("4 4", "4 4 # of each"),
        POSCAR.replace("1.0", "1.0D0 ! a factor", 1),
        POSCAR.replace("Direct", "Selective dynamics\nDirect").replace(".5\n", ".5 T T F\n"),
        POSCAR.replace("0 0 0\n", "0 0 0 Na\n", 1),
        POSCAR + "\n" + "0.01 0.02 0.03\n" * 8,  # velocities
        POSCAR.replace("1.0", f"-{4.69**3}", 1),
        cartesian("2.0", 2.0),
        cartesian("2.0 2.0 2.0", 2.0),
        POSCAR.replace("sodium fluoride", "Na F").replace("Na F\n4", "4"),
        POSCAR.replace("sodium fluoride", "NaF").replace("Na F\n4", "4"),
        POSCAR.replace("sodium fluoride", "Na4 F4").replace("Na F\n4", "4"),
    ],
)
def test_ways_to_write_a_poscar(read: Callable[..., Phase], text: str) -> None:
    assert is_fluoride(read(text))
    assert is_fluoride(read(gzip.compress(text.encode()), "POSCAR.gz"))
    assert is_fluoride(read(bz2.compress(text.encode()), "run.POSCAR.BZ2"))


def test_symbols_may_stand_with_the_positions_or_in_a_potcar(
    read: Callable[..., Phase], tmp_path: Path
) -> None:
    bare = POSCAR.replace("Na F\n", "")
    with pytest.raises(StructureError, match="no line names the elements"):
        read(bare)
    rows = FRACTIONS.splitlines()
    named = "".join(f"{row} {'Na' if i < 4 else 'F'}\n" for i, row in enumerate(rows))
    assert is_fluoride(read(bare.replace(FRACTIONS, named)))
    (tmp_path / "POTCAR").write_text("   TITEL  = PAW_PBE Na_pv 1\n   TITEL  = PAW_PBE F 1\n")
    assert is_fluoride(read(bare))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("1.0", "0.0", "scaling factor"),
        ("1.0", "nan", "scaling factor"),
        ("1.0", "1e999", "scaling factor"),
        ("1.0", "1e-300", "no volume"),
        ("1.0", "1 2", "scaling factor"),
        ("1.0", "1 1 -1", "scaling factor"),
        ("4.69 0 0", "nan 0 0", "line 3"),
        ("4.69 0 0", "1e999 0 0", "line 3"),
        ("4.69 0 0", "0 4.69 0", "no volume"),
        ("Na F", "Xx F", "'Xx' in the line of symbols"),
        ("Na F", "Na F Cl", "3 symbols stand above 2 numbers"),
        ("sodium fluoride\n", "", "line"),
        ("Na F\n", "", "no line names the elements"),
        ("4 4", "4 5", "9 atoms are announced, 8 lines follow"),
        ("4 4", "4 3", "holds another position"),
        ("4 4", "4 -4", "number of atoms"),
        ("4 4", "4 0", "number of atoms"),
        ("4 4", "4 99999999999", "number of atoms"),
        ("4 4", "4 4.0", "number of atoms"),
        ("Direct\n", "", "number of atoms .* no line says Direct or Cartesian"),
        ("Direct\n", "0.1\n", "number of atoms"),
        ("Direct\n", "Eirect\n", "neither Direct nor Cartesian"),
        (".5 .5 .5", ".5 NaN .5", "finite numbers"),
        (".5 .5 .5", ".5 inf .5", "finite numbers"),
        (".5 .5 .5", ".5 .5", "finite numbers"),
        (".5 .5 .5", ".5 .5 .5 Cl", "names Cl, the line of symbols F"),
        (".5 .5 .5", "0 0 0", "same place"),
    ],
)
def test_what_a_poscar_cannot_mean(
    read: Callable[..., Phase], old: str, new: str, message: str
) -> None:
    with pytest.raises(StructureError, match=message):
        read(POSCAR.replace(old, new, 1))


def test_flags_are_no_elements(read: Callable[..., Phase]) -> None:
    """An F that holds a coordinate is not fluorine."""
    rows = "".join(f"{row} T T F\n" for row in FRACTIONS.splitlines())
    text = POSCAR.replace("Direct", "Selective dynamics\nDirect").replace(FRACTIONS, rows)
    assert is_fluoride(read(text))
    with pytest.raises(StructureError, match="no line names the elements"):
        read(text.replace("Na F\n", ""))


def test_a_poscar_cut_within_its_last_number(read: Callable[..., Phase]) -> None:
    rows = (" ".join(f"{float(x):.6f}" for x in row.split()) for row in FRACTIONS.splitlines())
    text = POSCAR.replace(FRACTIONS, "\n".join(rows))
    assert is_fluoride(read(text))
    with pytest.raises(StructureError, match="ends within"):
        read(text[:-3])


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_packed_crystal_is_whole_or_refused(read: Callable[..., Phase], pack: Any) -> None:
    packed = pack(POSCAR.encode())
    assert is_fluoride(read(packed))
    assert is_fluoride(read(pack(POSCAR[:60].encode()) + pack(POSCAR[60:].encode())))
    for damaged in (packed[:-9], packed[: len(packed) // 2], packed + b"more"):
        with pytest.raises(StructureError, match=r"copy .* again"):
            read(damaged)


def test_numbers_written_by_hand_are_of_any_length(read: Callable[..., Phase]) -> None:
    rows = (" ".join(f"{float(x):.2f}" for x in row.split()) for row in FRACTIONS.splitlines())
    assert is_fluoride(read(POSCAR.replace(FRACTIONS, "\n".join(rows))[:-1]))


EXTXYZ = """8
Lattice="4.69 0 0 0 4.69 0 0 0 4.69" Properties=species:S:1:pos:R:3 pbc="T T T"
Na 0 0 0
Na 2.345 2.345 0
Na 2.345 0 2.345
Na 0 2.345 2.345
F 2.345 2.345 2.345
F 0 0 2.345
F 0 2.345 0
F 2.345 0 0
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2.345 2.345 2.345", "2.345 nan 2.345", "position is not a finite number"),
        ("2.345 2.345 2.345", "2.345 inf 2.345", "position is not a finite number"),
        ('"4.69 0', '"nan 0', "vector is not a finite number"),
        ('"4.69 0', '"0 0', "no volume"),
        ("F 0 0 2.345", "X 0 0 2.345", "no element"),
        ("F 0 0 2.345", "Q9 0 0 2.345", "cannot be read"),
        ("8\n", "41650355\n", "announces 41650355 atoms, 8 lines follow"),
        ("8\n", "7\n", "cannot be read"),
        ("T T T", "T T F", "periodic"),
        ("species:S:1", "species:S:99999999999999999999", "columns that no line has"),
        ("0 0 4.69", "0 0 4690000", "check the units of the cell"),
    ],
)
def test_what_an_xyz_cannot_mean(
    read: Callable[..., Phase], old: str, new: str, message: str
) -> None:
    assert is_fluoride(read(EXTXYZ, "x.extxyz"))
    with pytest.raises(StructureError, match=message):
        read(EXTXYZ.replace(old, new, 1), "x.extxyz")


@pytest.mark.parametrize(
    "name",
    ["x.json", "x.db", "x.traj", "x.xsf", "x.gz", "x", "x.cube", "vasp.xml", "x.gen", "x.res"],
)
@pytest.mark.parametrize("content", [b"", b"\x1f\x8b\x08junk", b"text\n1 2 3\n", b"\0" * 64])
def test_damage_in_other_formats_is_a_sentence(
    read: Callable[..., Phase], name: str, content: bytes
) -> None:
    with pytest.raises(StructureError):
        read(content, name)


def test_of_a_trajectory_the_last_image_counts_but_not_of_a_collection(
    read: Callable[..., Phase],
) -> None:
    wider = EXTXYZ.replace("4.69", "4.80")
    assert is_fluoride(read(wider + EXTXYZ, "x.extxyz"))
    with pytest.raises(StructureError, match="2 crystals of several formulas"):
        read(EXTXYZ.replace("Na", "K") + EXTXYZ, "x.extxyz")


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_occupancies_that_ase_keeps_are_not_lost(tmp_path: Path, share: float) -> None:
    atoms = crystal(
        ["Na", "F"],
        [(0, 0, 0), (0.5, 0.5, 0.5)],
        spacegroup=225,
        cellpar=[4.69] * 3 + [90] * 3,
        occupancies=[share, 1.0],
        onduplicates="keep",
    )
    write(tmp_path / "x.extxyz", atoms)
    expected = pytest.approx({"Na": 4 * share, "F": 4})
    assert load_phase(tmp_path / "x.extxyz").composition == expected
    write(tmp_path / "x.traj", atoms)  # keeps the occupancies, but not whose they are
    if share == 1.0:
        assert load_phase(tmp_path / "x.traj").composition == expected
    else:
        with pytest.raises(StructureError, match="without the sites they belong to"):
            load_phase(tmp_path / "x.traj")


def test_symmetry_that_ase_does_not_apply_is_refused(tmp_path: Path) -> None:
    head = "CRYST1    4.690    4.690    4.690  90.00  90.00  90.00 {}\n"
    row = "ATOM      1   Na MOL     1       0.000   0.000   0.000  {}  0.00          Na\n"
    for group, share, message in [
        ("F m -3 m", "1.00", "space group, which is not applied"),
        ("P 1", "0.50", "partly filled"),
    ]:
        (tmp_path / "x.pdb").write_text(head.format(group) + row.format(share))
        with pytest.raises(StructureError, match=message):
            load_phase(tmp_path / "x.pdb")
    (tmp_path / "x.pdb").write_text(head.format("P 1") + row.format("1.00"))
    assert load_phase(tmp_path / "x.pdb").composition == {"Na": 1}


def test_atoms_in_memory_are_held_to_the_same() -> None:
    atoms = Atoms("NaF", scaled_positions=[(0, 0, 0), (0.5, 0.5, 0.5)], cell=[2.9] * 3, pbc=True)
    assert phase_from_atoms(atoms, "x", "a test").composition == {"Na": 1, "F": 1}
    atoms.positions[1, 0] = np.nan
    with pytest.raises(StructureError, match="finite"):
        phase_from_atoms(atoms, "x", "a test")
    with pytest.raises(StructureError, match="holds no atoms"):
        phase_from_atoms(Atoms(cell=[3, 3, 3], pbc=True), "x", "a test")


def test_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "POSCAR").write_text(POSCAR)
    monkeypatch.chdir(tmp_path / "mine")
    for path in ("POSCAR", "./POSCAR", Path("POSCAR"), "../mine/POSCAR"):
        assert is_fluoride(load_phase(path))
    assert is_fluoride(load_phase("mine/POSCAR", root=tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert is_fluoride(load_phase("~/mine/POSCAR", root="elsewhere"))
    assert load_phase("NaF").grade == "DFT"  # a name of the library comes first
    monkeypatch.chdir(tmp_path)
    for path, message in [
        ("mine", "is a folder"),
        (str(tmp_path / "mine"), "is a folder"),
        ("POSCAR.vasp", "no file POSCAR.vasp in"),
        ("x" * 5000, "no phase|cannot be read"),
        ("a\0b", "no phase|cannot be read"),
        ("", "no phase"),
    ]:
        with pytest.raises(StructureError, match=message):
            load_phase(path)


def test_a_file_that_was_meant_is_named(tmp_path: Path) -> None:
    """Not the library's phase of the nearest name."""
    for name in ("Na3SbS4.cif", "Na3SbS4.yaml"):
        (tmp_path / name).write_text("")
    for word in ("Na3SbS4", "Na3SbS4.vasp", str(tmp_path / "Na3SbS4")):
        with pytest.raises(StructureError, match=r"; there is a file Na3SbS4\.cif in that folder"):
            load_phase(word, root=tmp_path)
    with pytest.raises(StructureError, match="did you mean 'NaF'"):
        load_phase("NaFF", root=tmp_path)
    with pytest.raises(StructureError, match="natriface phases lists them") as caught:
        load_phase("x.vasp", root=tmp_path)
    assert "NaCl" not in str(caught.value)


def test_a_program_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "crystal.py"
    path.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nfrom ase.build import bulk\n")
    with pytest.raises(StructureError, match="a Python program is no crystal"):
        load_phase(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "POSCAR"
    path.write_text(POSCAR)
    path.chmod(0)
    with pytest.raises(StructureError, match="Permission denied"):
        load_phase(path)


@pytest.mark.parametrize(
    ("formula", "amounts"),
    [
        ("Ca3(PO4)2", {"Ca": 3, "P": 2, "O": 8}),
        ("(Al2 Si3) Na2 O12", {"Al": 2, "Si": 3, "Na": 2, "O": 12}),
        ("Na0.5 Co O2", {"Na": 0.5, "Co": 1, "O": 2}),
        ("((Na)2O)2", {"Na": 4, "O": 2}),
    ],
)
def test_formulas_with_brackets(formula: str, amounts: dict[str, float]) -> None:
    assert parse_formula(formula) == amounts


@pytest.mark.parametrize("formula", ["", "Na3PO4·2H2O", "Na)", "(Na", "na", "Na-1", "Na0", "X2"])
def test_what_is_no_formula(formula: str) -> None:
    with pytest.raises(StructureError, match="formula"):
        parse_formula(formula)


@settings(max_examples=300, deadline=None)
@given(
    line=st.integers(0, 15),
    text=st.text(st.sampled_from("0123456789.-+eENaFDCSn !") | st.characters(), max_size=12),
)
def test_any_line_of_a_poscar_is_read_or_refused(line: int, text: str) -> None:
    lines = POSCAR.splitlines()
    lines[line] = text
    with contextlib.suppress(StructureError):
        cell, positions, elements = parse_poscar("\n".join(lines))
        assert np.all(np.isfinite(cell))
        assert np.all(np.isfinite(positions))
        assert len(positions) == len(elements)

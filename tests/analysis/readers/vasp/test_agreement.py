"""Two outputs of one run: an incomplete one tells nothing, whole ones must agree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.fuzzing.vasp import vaspout
from benchmarks.synthetic_vasprun import Shape, write_vasprun
from natriface.analysis.readers.vasp.agreement import count_contradiction, fermi_contradiction
from natriface.analysis.readers.vasp.folder import read_vasp_folder
from natriface.analysis.readers.vasprun.document import Vasprun
from natriface.analysis.results.result import Result
from tests.analysis.readers.outcar.test_document import END, outcar

LINES = {"\n": b"\n", "\r\n": b"\r\n", "\r": b"\r"}


def twin(folder: Path, **changed: object) -> Result:
    """An OUTCAR beside a vasprun.xml of the same run, the OUTCAR's numbers `changed`."""
    path = write_vasprun(folder / "vasprun.xml", Shape(n_atoms=2, n_components=1, n_kpoints=1))
    (folder / "OUTCAR").write_text(outcar_of(path, changed))
    return read_vasp_folder(folder)


def outcar_of(path: Path, changed: dict[str, object]) -> str:
    """What VASP would print in the OUTCAR of a vasprun.xml of one ionic step."""
    run = Vasprun(path)
    steps, n_bands = run.steps, run.header.parameters["NBANDS"]
    facts = {
        "elements": run.symbols,
        "encut": 480.0,
        "nelect": run.header.parameters["NELECT"],
        "nbands": n_bands,
        "fermi": run.fermi_level_ev,
        "free": steps.free_energies_ev[0],
        "force": steps.forces[0][0][0],
        "x": (steps.positions[0] @ steps.cells[0])[0][0],
        "ending": END,
        **changed,
    }
    cell, forces = steps.cells[0], steps.forces[0].copy()
    places = steps.positions[0] @ cell
    forces[0, 0], places[0, 0] = facts["force"], facts["x"]
    free = float(facts["free"])  # type: ignore[arg-type]
    species = "".join(
        f"   VRHFIN ={e}: s\n   TITEL  = PAW_PBE {e} 08Apr2002\n" for e in run.symbols
    )
    inverse = np.linalg.inv(cell).T
    trio = (
        f"TOTEN  = {free:16.8f} eV\n\n  energy  without entropy= {free + 0.002:16.8f}"
        f"  energy(sigma->0) = {free + 0.001:16.8f}\n"
    )
    lattice = "".join(
        "   " + "".join(f"{x:13.9f}" for x in a) + "   " + "".join(f"{x:13.9f}" for x in b) + "\n"
        for a, b in zip(cell, inverse, strict=True)
    )
    rows = "".join(
        "".join(f"{x:13.5f}" for x in a) + "    " + "".join(f"{x:14.6f}" for x in b) + "\n"
        for a, b in zip(places, forces, strict=True)
    )
    levels, filling = run.eigenvalues, run.occupations
    assert levels is not None
    assert filling is not None
    bands = "".join(
        f"{i + 1:7d}{levels[0, 0, i]:12.4f}{2 * filling[0, 0, i]:12.5f}\n" for i in range(n_bands)
    )
    iterations = "".join(
        f"---- Iteration      1({j:4d})  ----\n"
        " total energy-change (2. order) : 0.1E-05  (0.1E-05)\n"
        f"  free energy    {trio.replace('without entropy=', 'without entropy =')}"
        for j in range(1, 5)
    )
    return (
        " vasp.6.4.1 05Apr23 complex\n executed on  LinuxIFC date 2024.10.09  13:05:18\n"
        f"{species} Dimension of arrays:\n"
        f"   k-points           NKPTS =      1   number of bands    NBANDS={facts['nbands']:7d}\n"
        "   number of dos      NEDOS =     11   number of ions     NIONS =      2\n"
        "   ions per type =               1   1\n   ISPIN  =      1    spin polarized?\n"
        f"   ENCUT  = {facts['encut']:6.1f} eV\n   NELM   =     60;\n   EDIFF  = 0.1E-04\n"
        "   EDIFFG = -.2E-01\n   NSW    =      0\n   IBRION =     -1\n"
        "   ISMEAR =     0;   SIGMA  =   0.05\n"
        f"   NELECT = {facts['nelect']:12.4f}\n"
        " k-points in reciprocal lattice and weights: Automatic mesh\n"
        "   0.00000000  0.00000000  0.00000000       1.000\n\n"
        f"{iterations} E-fermi : {facts['fermi']:8.4f}     XC(G=0): -1.0\n\n"
        " k-point     1 :       0.0000    0.0000    0.0000\n"
        "  band No.  band energies     occupation\n"
        f"{bands}\n----------------\n      direct lattice vectors       reciprocal\n{lattice}"
        " POSITION                                       TOTAL-FORCE (eV/Angst)\n -----------\n"
        f"{rows} -----------\n  free  energy   {trio}{facts['ending']}"
    )


def test_two_whole_outputs_that_agree(tmp_path: Path) -> None:
    result = twin(tmp_path)
    assert (result.status, result.warnings) == ("converged", [])
    assert result.timing.wall_s == 757.298


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"encut": 520.0}, "ENMAX: 480.0 and 520.0"),
        ({"nelect": 7.0}, "NELECT: 6.0 and 7.0"),
        ({"nbands": 8}, "NBANDS"),
        ({"ending": ""}, "OUTCAR is cut off and is left aside"),
    ],
)
def test_settings_that_differ_are_named(
    tmp_path: Path, changed: dict[str, object], words: str
) -> None:
    result = twin(tmp_path, **changed)
    assert result.status == "converged"
    assert any(words in warning for warning in result.warnings)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"free": -246.7}, "the final energy by 0.1 eV"),
        ({"force": 0.5}, "the final forces"),
        ({"x": 0.123}, "the final positions"),
    ],
)
def test_results_that_differ_count_for_nothing(
    tmp_path: Path, changed: dict[str, object], words: str
) -> None:
    result = twin(tmp_path, **changed)
    assert (result.status, result.energy_ev) == ("failed", None)
    assert words in (result.reason or "")


def test_a_cut_outcar_tells_nothing(tmp_path: Path) -> None:
    """Neither a moment nor a Fermi level of a step that was not finished."""
    write_vasprun(tmp_path / "vasprun.xml", Shape(n_atoms=2))
    text = outcar().replace("magnetization\n", "magnetization      -0.3330000\n")
    (tmp_path / "OUTCAR").write_text(text[: text.index(" POSITION")])
    sound = read_vasp_folder(tmp_path / "vasprun.xml")
    assert sound.electronic is not None
    assert sound.electronic.magnetization_bohr_magneton == pytest.approx(0)
    assert sound.timing.wall_s is None


def test_an_outcar_with_damaged_species_is_a_note(tmp_path: Path) -> None:
    twin(tmp_path)
    path = tmp_path / "OUTCAR"
    path.write_text(path.read_text().replace("   ions per type", "   ions p#r type"))
    result = read_vasp_folder(tmp_path)
    assert result.status == "converged"
    assert any("numbers of atoms of each species are absent" in w for w in result.warnings)


def test_a_fermi_level_that_the_states_contradict(tmp_path: Path) -> None:
    sound = twin(tmp_path).electronic
    assert sound is not None
    assert sound.fermi_level_ev is not None
    path = tmp_path / "vasprun.xml"
    data = path.read_bytes()
    moved = data.replace(
        b'"efermi">' + f"{sound.fermi_level_ev:16.8f}".encode(),
        b'"efermi">' + f"{sound.fermi_level_ev + 23:16.8f}".encode(),
    )
    assert moved != data
    path.write_bytes(moved)
    result = read_vasp_folder(tmp_path)
    assert result.electronic is not None
    assert result.electronic.fermi_level_ev == pytest.approx(sound.fermi_level_ev, abs=1e-4)
    assert any("disagree on the Fermi level" in warning for warning in result.warnings)
    (tmp_path / "OUTCAR").unlink()
    alone = read_vasp_folder(tmp_path)
    assert alone.electronic is not None
    assert alone.electronic.fermi_level_ev is None
    assert any("is wrong" in warning for warning in alone.warnings)


def test_fermi_levels_by_occupations() -> None:
    levels, filling = np.array([[[-1.0, 1.0]]]), np.array([[[1.0, 0.0]]])
    assert fermi_contradiction(0.0, levels, filling, 0) is None
    assert "full" in (fermi_contradiction(-1.1, levels, filling, 0) or "")
    assert "empty" in (fermi_contradiction(1.1, levels, filling, 1) or "")
    assert fermi_contradiction(1.1, levels, filling, -5) is None
    assert fermi_contradiction(5.0, levels, filling, -2) is None


def test_fermi_levels_by_the_integrated_density() -> None:
    energies, counted = np.array([-2.0, -1.0, 1.0, 2.0]), np.array([0.0, 4.0, 4.0, 9.0])
    assert count_contradiction(0.0, energies, counted, 4.0) is None
    assert count_contradiction(1.5, energies, counted, 8.9) is None
    assert "4.0 to 9.0" in (count_contradiction(1.5, energies, counted, 3.0) or "")
    assert count_contradiction(3.0, energies, counted, 3.0) is None


def test_an_oszicar_that_differs_is_named(tmp_path: Path) -> None:
    free = twin(tmp_path).free_energy_ev
    assert free is not None
    line = "   1 F= {:.8E} E0= {:.8E}  d E =0.0\n"
    (tmp_path / "OSZICAR").write_text(line.format(free, free + 0.001))
    assert read_vasp_folder(tmp_path).warnings == []
    (tmp_path / "OSZICAR").write_text(line.format(free + 0.1, free + 0.001))
    warnings = read_vasp_folder(tmp_path).warnings
    assert warnings == ["vasprun.xml and OSZICAR disagree on the free energy of ionic step 1"]
    (tmp_path / "OSZICAR").write_text(line.format(free, free + 0.001).replace("   1", "   2"))
    assert any("does not number" in warning for warning in read_vasp_folder(tmp_path).warnings)


def test_a_contcar_of_another_crystal_is_named(tmp_path: Path) -> None:
    twin(tmp_path)
    (tmp_path / "CONTCAR").write_text("x\n1\n4 0 0\n0 4 0\n0 0 4\nNa Zr\n1 1\nD\n0 0 0\n.5 .5 .5\n")
    assert any(
        "CONTCAR are of different crystals" in w for w in read_vasp_folder(tmp_path).warnings
    )


def test_a_vaspout_of_another_run_is_named(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    twin(tmp_path)
    (tmp_path / "vaspout.h5").write_bytes(vaspout())
    assert any("vaspout.h5 is of other atoms" in w for w in read_vasp_folder(tmp_path).warnings)


@pytest.mark.parametrize("end", LINES)
@pytest.mark.parametrize("name", ["vasprun.xml", "OUTCAR"])
def test_line_ends_and_marks_change_nothing(tmp_path: Path, name: str, end: str) -> None:
    twin(tmp_path)
    path = tmp_path / name
    hubbard = (
        " LDA+U is selected, type is set to LDAUTYPE =  2\n"
        "   angular momentum for each species LDAUL =    -1    3\n"
        "   U (eV)           for each species LDAUU =   0.0  5.0\n"
    )
    text = path.read_text("latin-1").replace("   NELECT =", hubbard + "   NELECT =")
    other = tmp_path / ("OUTCAR" if name == "vasprun.xml" else "vasprun.xml")
    other.unlink()
    path.write_text(text, "latin-1")
    sound = read_vasp_folder(tmp_path)
    path.write_bytes(b"\xef\xbb\xbf" + text.encode().replace(b"\n", LINES[end]) + b"\0" * 5000)
    assert read_vasp_folder(tmp_path) == sound
    assert name == "vasprun.xml" or sound.settings["LDAUU"] == [0.0, 5.0]


@pytest.mark.parametrize("end", LINES)
def test_line_ends_beside_another_output_change_nothing(tmp_path: Path, end: str) -> None:
    sound = twin(tmp_path)
    path = tmp_path / "OUTCAR"
    path.write_bytes(path.read_bytes().replace(b"\n", LINES[end]))
    assert read_vasp_folder(tmp_path) == sound


@pytest.mark.parametrize("relaxed", [False, True])
def test_an_outcar_that_lists_no_atoms_proves_nothing(tmp_path: Path, relaxed: bool) -> None:
    """Its tables are of no atoms, those of the vasprun.xml of two."""
    sound = twin(tmp_path)
    if relaxed:
        shape = Shape(n_atoms=2, n_components=1, n_kpoints=1, nsw=3, ibrion=2)
        write_vasprun(tmp_path / "vasprun.xml", shape)
    path = tmp_path / "OUTCAR"
    path.write_text(path.read_text().replace("   ions per type =               1   1\n", ""))
    found = read_vasp_folder(tmp_path)
    assert found.energy_ev == sound.energy_ev
    assert found.forces_ev_per_angstrom is not None

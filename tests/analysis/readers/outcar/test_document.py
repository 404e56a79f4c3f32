"""An OUTCAR steps in for a vasprun.xml, and the two are checked against each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.synthetic_vasprun import Shape, write_vasprun
from natriface.analysis.readers.outcar.document import Outcar
from natriface.analysis.readers.vasp.decisive_settings import decisive_settings
from natriface.analysis.readers.vasp.folder import read_vasp_folder
from natriface.structures.base.errors import ReaderError

HEAD = """ vasp.6.4.1 05Apr23 (build Jun 14 2024 13:23:31) complex
 executed on             LinuxIFC date 2024.10.09  13:05:18
 INCAR:
   ALGO = Normal
   NSW = {nsw}

 POTCAR:    PAW_PBE Na 08Apr2002
   VRHFIN =Na: s1p0
   TITEL  = PAW_PBE Na 08Apr2002
   VRHFIN =Cl: s2p5
   TITEL  = PAW_PBE Cl 06Sep2000
 Dimension of arrays:
   k-points           NKPTS =      1   number of bands    NBANDS=      2
   number of dos      NEDOS =    301   number of ions     NIONS =      2
   ions per type =               1   1
   PREC   = accura    normal or accurate (medium, high low for compatibility)
   ISPIN  =      1    spin polarized calculation?
   ENCUT  =  480.0 eV  49.98 Ry
   NELM   =     60;   NELMIN=  2; NELMDL=  0     # of ELM steps
   EDIFF  = 0.1E-04   stopping-criterion for ELM
   EDIFFG = -.2E-01   stopping-criterion for IOM
   NSW    = {nsw:6d}    number of steps for IOM
   IBRION = {ibrion:6d}    ionic relax: 0-MD 1-quasi-New 2-CG
   ISMEAR =     0;   SIGMA  =   0.05  broadening in eV
   NELECT =       2.0000    total number of electrons
 k-points in reciprocal lattice and weights: Automatic mesh
   0.00000000  0.00000000  0.00000000       1.000

"""
STEP = """----------------------------------------- Iteration    {i}(   3)  -------------------
 total energy-change (2. order) :-0.1000000E-05  (-0.1000000E-05)
 number of electron       2.0000000 magnetization
  free energy    TOTEN  =       {free:16.8f} eV

  energy without entropy =     {flat:16.8f}  energy(sigma->0) =     {zero:16.8f}
 E-fermi :   1.2346     XC(G=0): -11.0255     alpha+bet :-10.4098

 k-point     1 :       0.0000    0.0000    0.0000
  band No.  band energies     occupation
      1      -2.5000      2.00000
      2       3.5000      0.00000


--------------------------------------------------------------------------------------------------------
  in kB      -8.87214     0.88508     1.02501    -0.39040     0.36976    -2.11336
 VOLUME and BASIS-vectors are now :
      direct lattice vectors                 reciprocal lattice vectors
     5.640000000  0.000000000  0.000000000     0.177304965  0.000000000  0.000000000
     0.000000000  5.640000000  0.000000000     0.000000000  0.177304965  0.000000000
     0.000000000  0.000000000-15.640000000     0.000000000  0.000000000 -0.063938619
 POSITION                                       TOTAL-FORCE (eV/Angst)
 -----------------------------------------------------------------------------------
      0.00000      0.00000      0.00000         0.010000     -0.004000      0.000000
      2.82000      2.82000     -3.12800        -0.010000      0.004000      0.000000
 -----------------------------------------------------------------------------------
    total drift:                                0.000000      0.000000      0.000000

  FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)
  ---------------------------------------------------
  free  energy   TOTEN  =       {free:16.8f} eV

  energy  without entropy=     {flat:16.8f}  energy(sigma->0) =     {zero:16.8f}
"""
END = """
 General timing and accounting informations for this job:
 ========================================================

                  Total CPU time used (sec):      751.281
                         Elapsed time (sec):      757.298
                   Maximum memory used (kb):      204800.
"""
REACHED = " reached required accuracy - stopping structural energy minimisation\n"


def outcar(n_steps: int = 1, nsw: int = 0, ibrion: int = -1, ending: str = END) -> str:
    steps = "".join(
        STEP.format(i=i + 1, free=-7.0 - i, flat=-6.998 - i, zero=-6.999 - i)
        for i in range(n_steps)
    )
    return HEAD.format(nsw=nsw, ibrion=ibrion) + steps + ending


def test_everything_in_it(tmp_path: Path) -> None:
    (tmp_path / "OUTCAR").write_text(outcar())
    result = read_vasp_folder(tmp_path)
    assert result.status == "converged"
    assert result.energy_ev == pytest.approx(-6.999)
    assert result.free_energy_ev == -7.0
    atoms = result.final_atoms()
    assert atoms.get_chemical_symbols() == ["Na", "Cl"]
    assert atoms.cell[2, 2] == -15.64
    assert atoms.positions[1] == pytest.approx([2.82, 2.82, -3.128])
    assert result.forces_ev_per_angstrom == [[0.01, -0.004, 0], [-0.01, 0.004, 0]]
    assert result.electronic is not None
    assert result.electronic.band_gap_ev == pytest.approx(6)
    assert result.electronic.fermi_level_ev == 1.2346
    assert result.timing.wall_s == 757.298
    assert result.timing.peak_memory_mb == 200
    assert result.settings["ENCUT"] == 480


def test_voigt_order_of_the_stress(tmp_path: Path) -> None:
    (tmp_path / "OUTCAR").write_text(outcar())
    stress = np.array(read_vasp_folder(tmp_path).stress_ev_per_angstrom3)
    # in kB is printed xx yy zz xy yz zx; Voigt is xx yy zz yz xz xy
    np.testing.assert_allclose(
        stress / stress[0],
        np.array([-8.87214, 0.88508, 1.02501, 0.36976, -2.11336, -0.39040]) / -8.87214,
    )
    assert stress[0] > 0


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (outcar(2, 9, 2, REACHED + END), "converged"),
        (outcar(2, 9, 2), "unconverged"),
        (outcar(2, 9, 2, "soft stop encountered!  aborting job ...\n" + END), "unconverged"),
        (outcar(2, 9, 2, ""), "truncated"),
        (outcar(1).replace("Iteration    1(   3)", "Iteration    1(  60)"), "unconverged"),
        (outcar(1).replace(":-0.1000000E-05", ":-0.9000000E-01"), "unconverged"),
        (outcar(1).replace("-7.00000000", "***********"), "failed"),
        (outcar(1).replace("-6.99900000", "-6.19900000", 1), "failed"),
    ],
)
def test_words_and_numbers(tmp_path: Path, text: str, status: str) -> None:
    (tmp_path / "OUTCAR").write_text(text)
    result = read_vasp_folder(tmp_path)
    assert result.status == status
    assert (result.energy_ev is not None) == (status == "converged")


def test_it_replaces_a_cut_vasprun(tmp_path: Path) -> None:
    (tmp_path / "OUTCAR").write_text(outcar())
    path = write_vasprun(tmp_path / "vasprun.xml", Shape())
    path.write_bytes(path.read_bytes()[:9000])
    result = read_vasp_folder(tmp_path)
    assert result.status == "converged"
    assert result.energy_ev == pytest.approx(-6.999)
    assert any("vasprun.xml is cut off" in warning for warning in result.warnings)


def test_that_of_another_run_is_left_aside(tmp_path: Path) -> None:
    (tmp_path / "OUTCAR").write_text(outcar())
    write_vasprun(tmp_path / "vasprun.xml", Shape(n_atoms=5))
    result = read_vasp_folder(tmp_path)
    assert result.status == "converged"
    assert any("other atoms" in warning for warning in result.warnings)
    assert result.timing.wall_s is None


ENERGY = STEP[STEP.index("  FREE ENERGIE") :]


def energy_first(text: str) -> str:
    """As VASP 4.6 to 5.2.2 print it: the energy before stress, structure and forces."""
    for step in range(9):
        block = ENERGY.format(free=-7.0 - step, flat=-6.998 - step, zero=-6.999 - step)
        head, found, tail = text.partition(block)
        at = head.rfind("--------\n  in kB") + 9
        text = head[:at] + found + head[at:] + tail if found else text
    return text


@pytest.mark.parametrize("n_steps", [1, 3])
def test_the_energy_may_stand_before_the_forces(tmp_path: Path, n_steps: int) -> None:
    text = outcar(n_steps, 9 if n_steps > 1 else 0, 2, REACHED + END)
    text = energy_first(text)
    assert text.index("free  energy") < text.index("TOTAL-FORCE")
    (tmp_path / "OUTCAR").write_text(text)
    result = read_vasp_folder(tmp_path)
    assert result.status == "converged"
    assert result.convergence.n_ionic_steps == n_steps
    assert result.energy_ev == pytest.approx(-5.999 - n_steps)
    assert result.forces_ev_per_angstrom == [[0.01, -0.004, 0], [-0.01, 0.004, 0]]


def test_forces_of_some_steps_only(tmp_path: Path) -> None:
    text = outcar(4, 4, 0)
    for label in ("Iteration    2", "Iteration    3"):
        at = text.index(" POSITION", text.index(label))
        text = text[:at] + text[text.index("  FREE ENERGIE", at) :]
    (tmp_path / "OUTCAR").write_text(text)
    result = read_vasp_folder(tmp_path)
    assert (result.status, result.kind) == ("converged", "md")
    assert result.energies_ev == pytest.approx([-6.999, -7.999, -8.999, -9.999])
    assert any("2 ionic steps are not printed" in warning for warning in result.warnings)


def test_the_last_energy_is_not_that_of_the_step_before(tmp_path: Path) -> None:
    text = outcar(3, 9, 2, REACHED + END)
    head, _, tail = text.rpartition("  free  energy")
    (tmp_path / "OUTCAR").write_text(head + tail)
    result = read_vasp_folder(tmp_path)
    assert result.status == "failed"
    assert result.reason == "OUTCAR: ionic step 3: no energy"


def test_a_lost_digit_of_a_force_shows(tmp_path: Path) -> None:
    """Also where VASP leaves a drift in, so that the forces need not add up to zero."""
    (tmp_path / "OUTCAR").write_text(
        outcar().replace(" 0.010000     -0.004000", " 0.01000     0.5")
    )
    result = read_vasp_folder(tmp_path)
    assert result.forces_ev_per_angstrom is None
    assert any("different widths" in warning for warning in result.warnings)


@pytest.mark.parametrize("tag", ["NSW ", "IBRION"])
def test_whether_it_relaxed_is_not_guessed(tmp_path: Path, tag: str) -> None:
    text = outcar(2, 2, 2)
    (tmp_path / "OUTCAR").write_text(text.replace(f"   {tag}", "   X", 2))
    result = read_vasp_folder(tmp_path)
    assert result.status == "failed"
    assert f"{tag.strip()} is absent" in (result.reason or "")


@pytest.mark.parametrize("broken", ["NaN", "************"])
def test_forces_that_are_no_numbers(tmp_path: Path, broken: str) -> None:
    """Some static hybrid runs print them so; only a relaxation depends on them."""
    path = tmp_path / "OUTCAR"
    printed, overflowed = "         0.010000     -0.004000", f"{broken:>17}{broken:>14}"
    path.write_text(outcar().replace(printed, overflowed))
    result = read_vasp_folder(tmp_path)
    assert result.status == "converged"
    assert result.energy_ev == pytest.approx(-6.999)
    assert result.forces_ev_per_angstrom is None
    assert result.final_atoms().positions[1] == pytest.approx([2.82, 2.82, -3.128])
    assert any("forces: a number overflowed" in warning for warning in result.warnings)
    path.write_text(outcar(2, 9, 2, REACHED + END).replace(printed, overflowed))
    assert read_vasp_folder(tmp_path).status == "failed"


@pytest.mark.parametrize(
    ("lines", "functional"),
    [
        ("   METAGGA=      F    non-selfconsistent MetaGGA calc.\n", "PBE"),
        (" METAGGA = R2SCA    LMAXTAU =  6    LMIXTAU =  T\n", "R2SCAN"),
        ("   LUSE_VDW=     T    switch on vdW DFT\n   GGA     =    MK    GGA type\n", "optB86b"),
        (
            "   LHFCALC =     T    Hartree Fock is set to\n"
            "   AEXX    =    0.2500 exact exchange contribution\n"
            "   HFSCREEN=    0.2000 screening length (either q_TF or 0.3 A-1)\n",
            "HSE06",
        ),
        (
            " LDA+U is selected, type is set to LDAUTYPE =  2\n"
            "   angular momentum for each species LDAUL =     2   -1\n"
            "   U (eV)           for each species LDAUU =   4.0  0.0\n",
            "PBE+U",
        ),
    ],
)
def test_the_functional_it_names(tmp_path: Path, lines: str, functional: str) -> None:
    at = "   NELECT ="
    (tmp_path / "OUTCAR").write_text(outcar().replace(at, lines + at))
    settings = read_vasp_folder(tmp_path).settings
    assert settings["functional"].startswith(functional)
    if functional == "PBE+U":
        assert (settings["LDAUL"], settings["LDAUU"]) == ([2, -1], [4.0, 0.0])
        incar = {"LDAUTYPE": [2], "LDAUL": [2, -1]}
        xml = decisive_settings(incar, {"LDAU": True, "LDAUU": [4.0, 0.0]}, [], [], [], None, {})
        assert xml["LDAUTYPE"] == settings["LDAUTYPE"] == 2
    if functional == "optB86b":
        assert settings["functional"] == "optB86b+vdW-DF"


def test_many_species_stand_on_several_lines(tmp_path: Path) -> None:
    text = outcar().replace(
        "   ions per type =               1   1\n", "   ions per type =               1\n" * 2
    )
    (tmp_path / "OUTCAR").write_text(text)
    assert Outcar(tmp_path / "OUTCAR").header.symbols == ["Na", "Cl"]


def test_a_density_of_states_at_a_fixed_density(tmp_path: Path) -> None:
    at = "   ISPIN  ="
    (tmp_path / "OUTCAR").write_text(outcar().replace(at, "   ICHARG =     11    charge:\n" + at))
    assert read_vasp_folder(tmp_path).kind == "dos"


@pytest.mark.parametrize(
    ("content", "said"),
    [("", "VASP has not written"), ("nothing of VASP's", "nothing in it is what VASP writes")],
)
def test_no_outcar(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "OUTCAR").write_text(content)
    with pytest.raises(ReaderError, match=said):
        Outcar(tmp_path / "OUTCAR")


def test_cut_anywhere_never_lies(tmp_path: Path) -> None:
    text = outcar(3, 9, 2, REACHED + END)
    path = tmp_path / "OUTCAR"
    for stop in range(200, len(text) - 400, 61):
        path.write_text(text[:stop])
        result = read_vasp_folder(tmp_path)
        assert result.status == "truncated"
        assert result.energies_ev == [-6.999, -7.999, -8.999][: len(result.energies_ev)]


# what its titles count


def test_a_lost_ionic_step_shows_in_the_numbers(tmp_path: Path) -> None:
    """A block of NULs, as a file system leaves it, from one ionic step into the next."""
    text = outcar(4, 9, 2, REACHED + END)
    begin = text.index("Iteration    2(")
    end = text.index("Iteration    3(") - 50
    damaged = text[:begin] + "\0" * (end - begin) + text[end:]
    (tmp_path / "OUTCAR").write_text(damaged)
    result = read_vasp_folder(tmp_path)
    assert result.convergence.n_ionic_steps == 4
    assert result.energies_ev == [-6.999, -8.999, -9.999]
    assert any("ionic step 2: missing" in warning for warning in result.warnings)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (("NBANDS=      2", "NBANDS=      5"), "NBANDS = 5, but 2 bands"),
        (("NKPTS =      1", "NKPTS =      2"), "NKPTS = 2, but 1 k-points"),
        (("NIONS =      2", "NIONS =      3"), "numbers disagree"),
        ((" k-point     1 :", " k-point     3 :"), "k-point 3 stands where 1"),
        (("      2       3.5000", "      4       3.5000"), "not numbered in order"),
        (("      2       3.5000      0.00000\n", ""), "NBANDS = 2, but 1 bands"),
        (("\n k-point     1 :", "\n spin component 2\n\n k-point     1 :"), "spin components"),
        (("Iteration    1(", "Iteration    7("), "its titles say that it is step 7"),
        (("0.177304965", "0.277304965"), "no final structure"),
    ],
)
def test_numbers_in_titles_must_fit(tmp_path: Path, wrong: tuple[str, str], words: str) -> None:
    text = outcar()
    assert wrong[0] in text
    (tmp_path / "OUTCAR").write_text(text.replace(*wrong))
    result = read_vasp_folder(tmp_path)
    assert any(words in said for said in [*result.warnings, result.reason or ""])


POSITIONS = """ position of ions in fractional coordinates (direct lattice)
   0.00000000  0.00000000  0.00000000
   0.50000000  0.50000000  0.20000000

"""


def test_no_forces_of_a_run_without_ionic_steps(tmp_path: Path) -> None:
    """VASP 6.1 prints no table of positions and forces then."""
    text = outcar()
    begin, end = text.index(" POSITION "), text.index("  FREE ENERGIE")
    text = (text[:begin] + text[end:]).replace(" k-points in rec", POSITIONS + " k-points in rec")
    (tmp_path / "OUTCAR").write_text(text)
    result = read_vasp_folder(tmp_path)
    assert (result.status, result.energy_ev) == ("converged", -6.999)
    assert result.forces_ev_per_angstrom is None
    assert result.final_atoms().positions[1] == pytest.approx([2.82, 2.82, -3.128])
    assert "the forces are not printed" in result.warnings


@pytest.mark.parametrize(
    ("ialgo", "istart", "status"),
    [
        (90, 0, "converged"),
        (3, 1, "converged"),
        (4, 1, "converged"),
        (38, 0, "unconverged"),
        (2, 0, "unconverged"),
        (2, 1, "converged"),
    ],
)
def test_one_electronic_step_by_nature(
    tmp_path: Path, ialgo: int, istart: int, status: str
) -> None:
    """Exact diagonalization, and runs on orbitals that were read, make one; a dry run none."""
    text = outcar().replace("   ALGO = Normal\n", "").replace("NELM   =     60", "NELM   =      1")
    tags = f"   ISTART =  {istart}    job\n   IALGO  =  {ialgo}    algorithm\n"
    text = text.replace("   NELECT =", tags + "   NELECT =")
    (tmp_path / "OUTCAR").write_text(text.replace("Iteration    1(   3)", "Iteration    1(   1)"))
    result = read_vasp_folder(tmp_path)
    assert result.status == status
    assert ialgo != 2 or istart or "dry run" in (result.reason or "")


@pytest.mark.parametrize(("kind", "status"), [("hard", "unconverged"), ("soft", "converged")])
def test_a_stopcar_that_aborts(tmp_path: Path, kind: str, status: str) -> None:
    (tmp_path / "OUTCAR").write_text(
        outcar(ending=f"{kind} stop encountered!  aborting job ...{END}")
    )
    result = read_vasp_folder(tmp_path)
    assert result.status == status
    assert status == "converged" or "LABORT" in (result.reason or "")


def test_numbers_beyond_all_bounds(tmp_path: Path) -> None:
    (tmp_path / "OUTCAR").write_text(outcar().replace(" -0.004000", " 1e999", 1))
    assert read_vasp_folder(tmp_path).forces_ev_per_angstrom is None


VOLUME = 5.64 * 5.64 * 15.64
KB = [-8.87214, 0.88508, 1.02501, -0.39040, 0.36976, -2.11336]


def with_total(stress_kb: list[float]) -> str:
    total = "".join(f"{x * VOLUME / 1602.17663:12.5f}" for x in stress_kb)
    return outcar().replace("  in kB ", f"  Total {total[2:]}\n  in kB ")


@pytest.mark.parametrize("axis", range(6))
def test_a_stress_is_its_total_over_the_volume(tmp_path: Path, axis: int) -> None:
    path = tmp_path / "OUTCAR"
    path.write_text(with_total(KB))
    sound = read_vasp_folder(tmp_path)
    assert sound.warnings == []
    path.write_text(outcar())
    assert sound.stress_ev_per_angstrom3 == read_vasp_folder(tmp_path).stress_ev_per_angstrom3
    path.write_text(with_total([*KB[:axis], KB[axis] + 0.1, *KB[axis + 1 :]]))
    found = read_vasp_folder(tmp_path)
    assert found.stress_ev_per_angstrom3 is None
    assert found.energy_ev == sound.energy_ev
    assert any("stress in eV and that in kB disagree" in said for said in found.warnings)


MESH = """ Following reciprocal coordinates:
            Coordinates               Weight
{:10.6f}  0.000000  0.000000      1.000000

"""


@pytest.mark.parametrize(("x", "agrees"), [(0.0, True), (0.3, False)])
def test_two_lists_of_kpoints_agree(tmp_path: Path, x: float, agrees: bool) -> None:
    listed = " k-points in reciprocal"
    (tmp_path / "OUTCAR").write_text(outcar().replace(listed, MESH.format(x) + listed))
    found = read_vasp_folder(tmp_path)
    assert any("two lists of k-points disagree" in said for said in found.warnings) != agrees
    assert (Outcar(tmp_path / "OUTCAR").header.kpoints is not None) == agrees

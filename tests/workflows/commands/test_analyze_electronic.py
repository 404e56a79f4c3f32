"""`natriface analyze pdos` and `natriface analyze elf` on anyone's folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from natriface.structures.base.errors import AnalysisError, ReaderError
from natriface.workflows.commands.analyze import app


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_pdos_as_json(data: Path) -> None:
    out = run("pdos", data / "vasp/atomate_YPO4-static", "-e", "P", "-o", "p", "--zero",
              "fermi", "--window", "-12", "0", "--json")  # fmt: skip
    document = json.loads(out)
    (center,) = document["centers"]
    assert center["label"] == "P-p"
    assert center["window"]["center_ev"] == pytest.approx(-4.87, abs=0.005)
    assert center["occupied"]["center_ev"] == pytest.approx(-9.90, abs=0.005)
    assert center["whole_band"]["center_ev"] == pytest.approx(-8.38, abs=0.005)
    assert document["zero"] == {"kind": "fermi", "energy_ev": pytest.approx(2.1332, abs=1e-3)}
    assert document["projected_fraction_below_zero"] == pytest.approx(0.78, abs=0.005)
    assert any("78 %" in warning for warning in document["warnings"])


def test_pdos_by_units_with_a_figure(data: Path, tmp_path: Path) -> None:
    figure = tmp_path / "pdos.png"
    out = run("pdos", data / "vasp/atomate_YPO4-static", "--units", "-o", "p", "--plot",
              figure)  # fmt: skip
    assert "P-p of PO4" in out
    assert "Y-p" not in out
    assert "from VBM" in out
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_pdos_of_lobster_and_of_vasp_in_one_folder(data: Path) -> None:
    folder = data / "lobster/lobsterpy_NaCl_comp_range"
    whole = json.loads(run("pdos", folder, "--json"))
    assert whole["projected_fraction_below_zero"] == pytest.approx(1.0, abs=1e-3)
    vasp = json.loads(run("pdos", folder / "vasprun.xml.gz", "--json"))
    assert vasp["projected_fraction_below_zero"] < 0.95
    assert vasp["valence_band_maximum_ev"] == pytest.approx(whole["valence_band_maximum_ev"])


@pytest.mark.parametrize(
    ("folder", "options", "error", "words"),
    [
        ("vasp/pmg_AlPO4_efg", [], AnalysisError, "LORBIT"),
        ("vasp/pmg_default", [], ReaderError, "of other atoms"),
        ("vasp/mcx_LiVO3", [], AnalysisError, "before VASP finished"),
        ("vasp/sumo_OsO2", ["--zero", "vbm"], AnalysisError, "no gap"),
        ("vasp/sumo_OsO2", ["--zero", "fremi"], AnalysisError, "fermi"),
        ("vasp/sumo_OsO2", ["-e", "Oz"], AnalysisError, "no element"),
        ("vasp/sumo_OsO2", ["-a", "7"], AnalysisError, "1 to 6"),
        ("vasp/sumo_OsO2", ["--units"], AnalysisError, "no tetrahedra"),
        ("vasp/sumo_OsO2", ["--plot", "x.txt"], AnalysisError, ".png"),
        ("broken/pyiron_aborted", [], (AnalysisError, ReaderError), "."),
    ],
)
def test_pdos_refuses_with_the_reason(
    data: Path,
    folder: str,
    options: list[str],
    error: type[Exception],
    words: str,
) -> None:
    with pytest.raises(error, match=words):
        run("pdos", data / folder, *options)


def test_pdos_of_lobster_without_its_doscar_says_what_to_copy(tmp_path: Path) -> None:
    for name in ("ICOHPLIST.lobster", "POSCAR.lobster.vasp"):
        (tmp_path / name).write_text("")
    with pytest.raises(ReaderError, match=r"ICOHPLIST\.lobster.* without DOSCAR\.lobster"):
        run("pdos", tmp_path)


def test_elf_along_bonds_and_on_a_plane(data: Path, tmp_path: Path) -> None:
    folder = data / "grid/pmg_elfcar"
    document = json.loads(run("elf", folder, "--bond", "1-3", "--spin", "2", "--json"))
    (bond,) = document["bonds"]
    assert bond["length_angstrom"] == pytest.approx(1.4247, abs=1e-3)
    assert bond["midpoint"] > 0.8
    figure = tmp_path / "elf.png"
    run("elf", folder, "--bond", "1-3", "--plane", 1, 3, 2, "--plot", figure)
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_elf_refuses_with_the_reason(data: Path, tmp_path: Path) -> None:
    grids = data / "grid"
    with pytest.raises(AnalysisError, match="between 0 and 1"):
        run("elf", grids / "pmg_chgcar/CHGCAR.spin.gz")
    with pytest.raises(ReaderError, match="LELF"):
        run("elf", grids / "pmg_chgcar")
    with pytest.raises(AnalysisError, match="no spin channel 3"):
        run("elf", grids / "pmg_elfcar", "--spin", 3)
    with pytest.raises(AnalysisError, match="name two atoms"):
        run("elf", grids / "pmg_elfcar", "--bond", "P-O")
    (tmp_path / "ELFCAR.gz").write_bytes((grids / "pmg_elfcar/ELFCAR.gz").read_bytes())
    (tmp_path / "CONTCAR").write_bytes((data / "vasp/sumo_Ge/POSCAR").read_bytes())
    with pytest.raises(ReaderError, match="different crystals"):
        run("elf", tmp_path)

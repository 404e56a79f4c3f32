"""Projected densities of states from files: what cannot be told from them is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.synthetic_vasprun import Shape, write_vasprun
from natriface.analysis.electrons.pdos_sources import read_pdos
from natriface.structures.base.errors import ReaderError
from natriface.workflows.commands.analyze import app


def doscar_lobster(folder: Path, spacing: float) -> Path:
    """One Na atom, a band of s states between -6 and 6 eV from the Fermi level."""
    mesh = [-20 + spacing * i for i in range(int(40 / spacing) + 1)]
    title = f"  21.5 -18.5 {len(mesh)} 1.50000000 1.00000000"
    rows = [(e, 0.25 if abs(e) < 6 else 0.0) for e in mesh]
    total = "".join(f"{e:.5f} {d:.5f} {max(e, 0):.5f}\n" for e, d in rows)
    own = "".join(f"{e:.5f} {d:.5f}\n" for e, d in rows)
    path = folder / "DOSCAR.lobster"
    path.write_text(
        "1 1 1 1\n 1.0 1.0 1.0 1.0 1.0\n 1e-4\n CAR\n DOS file by LOBSTER.\n"
        f"{title}\n{total}{title}; Z= 11; 3s\n{own}"
    )
    return path


def printed(path: Path) -> str:
    result = CliRunner().invoke(app, ["pdos", str(path)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


@pytest.mark.parametrize(("spacing", "coarse"), [(10.0, True), (1.0, True), (0.1, False)])
def test_a_coarse_mesh_of_energies_is_said(tmp_path: Path, spacing: float, coarse: bool) -> None:
    dos = read_pdos(doscar_lobster(tmp_path, spacing))
    notes = dos.notes(dos.best_zero())
    assert any("mesh of energies is too coarse" in note for note in notes) == coarse


def test_a_share_of_its_own_sum_is_not_printed(tmp_path: Path) -> None:
    path = doscar_lobster(tmp_path, 0.1)
    assert "100.0 %" not in printed(path)
    (tmp_path / "lobsterout").write_text(
        "LOBSTER v5.1.1 (g++ 13)\nabs. charge spilling:   3.97%\nfinished in 0 h\n"
    )
    assert "96.03 % of the charge are projected, by the charge spilling" in printed(path)
    write_vasprun(tmp_path / "vasprun.xml", Shape(n_atoms=2))
    assert "% of the states below" in printed(tmp_path / "vasprun.xml")


@pytest.mark.parametrize("name", ["DOSCAR", "PROCAR", "PROCAR.gz", "DOSCAR.relax2"])
def test_what_is_not_read_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("1 1 1 1\n")
    with pytest.raises(ReaderError, match="projections are not read from VASP's"):
        read_pdos(tmp_path / name)
    with pytest.raises(ReaderError, match="are not read: copy one"):
        read_pdos(tmp_path)

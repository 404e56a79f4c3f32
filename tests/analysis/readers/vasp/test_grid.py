"""Grids of ELFCAR, CHGCAR and LOCPOT as VASP and others write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from natriface.analysis.readers.vasp.contcar import read_head
from natriface.analysis.readers.vasp.grid import read_grid
from natriface.structures.base.errors import ReaderError
from tests.written import grids

HEAD = "NaCl\n 1.0\n 4 0 0\n 0 4 0\n 0 0 4\n Na Cl\n 1 1\nDirect\n 0 0 0\n 0.5 0.5 0.5\n\n"


def written(folder: Path, last_line: str) -> Path:
    path = folder / "CHGCAR"
    path.write_text(f"{HEAD} 2 2 2\n 1.0 2.0 3.0 4.0 5.0\n {last_line}\n")
    return path


@pytest.mark.parametrize("last_line", ["6.0 7.0 8.0", "6.0 7.0 8.0 0.0 0.00000000000E+00"])
def test_the_last_line_may_be_filled_up_with_zeros(tmp_path: Path, last_line: str) -> None:
    grid = read_grid(written(tmp_path, last_line))
    assert grid.shape == (2, 2, 2)
    np.testing.assert_array_equal(grid.values[0, :, 0, 0], [1, 2])
    assert grid.values[0, 1, 1, 1] == 8


def test_the_head_ends_with_its_positions(tmp_path: Path) -> None:
    """Also where no empty line parts them from the numbers of grid points."""
    path = written(tmp_path, "6.0 7.0 8.0")
    path.write_text(path.read_text().replace("\n\n", "\n"))
    assert read_grid(path).shape == (2, 2, 2)
    atoms, stop = read_head(path.read_bytes(), path)
    assert str(atoms.symbols) == "NaCl"
    assert path.read_bytes()[stop:].startswith(b" 2 2 2\n")


@pytest.mark.parametrize("scale", ["1.0", f"-{4.0**3}", "1 1 1"])
@pytest.mark.parametrize("mode", ["Direct", "Cartesian"])
def test_every_way_to_write_the_head(tmp_path: Path, scale: str, mode: str) -> None:
    path = written(tmp_path, "6.0 7.0 8.0")
    head = path.read_text().replace("1.0", scale, 1).replace("Na Cl", "Na_pv\n Cl/6a2f54")
    if mode == "Cartesian":
        head = head.replace("Direct", mode).replace("0.5 0.5 0.5", "2 2 2")
    path.write_text(head)
    atoms = read_grid(path).atoms
    assert str(atoms.symbols) == "NaCl"
    np.testing.assert_allclose(atoms.positions[1], 2)


def test_the_file_and_the_line_are_named(tmp_path: Path) -> None:
    path = written(tmp_path, "6.0 7.0 8.0")
    path.write_text(path.read_text().replace("0.5 0.5 0.5", "0.5 NaN 0.5"))
    with pytest.raises(ReaderError, match=r"CHGCAR: line 10 holds '0.5 NaN 0.5'"):
        read_grid(path)


def test_an_empty_file_is_called_so(tmp_path: Path) -> None:
    (tmp_path / "CHGCAR").write_text("\n")
    with pytest.raises(ReaderError, match="empty"):
        read_grid(tmp_path / "CHGCAR")


@pytest.mark.parametrize("last_line", ["6.0 7.0", "6.0 7.0 8.0 9.0", "6.0 7.0 8.0 x.0"])
def test_another_number_of_values_is_refused(tmp_path: Path, last_line: str) -> None:
    with pytest.raises(ReaderError, match="of 8 values"):
        read_grid(written(tmp_path, last_line))


def test_a_number_that_is_cut_is_refused_wherever_it_is(tmp_path: Path) -> None:
    """All that is short of the last number, by one letter or by all of it; no end of line may be
    missing for that reason alone."""
    path = tmp_path / "LOCPOT"
    text = grids.potential(grids.HYDROGEN, np.linspace(-9, 3, 4**3).reshape(4, 4, 4))
    path.write_text(text.rstrip("\n"))
    assert read_grid(path).values[0, -1, -1, -1] == pytest.approx(3)
    whole = len(path.read_text())
    for n_cut in range(1, len("3.00000000000E+00") + 1):
        path.write_text(text[: whole - n_cut])
        with pytest.raises(ReaderError, match="cut off"):
            read_grid(path)


def test_a_second_spin_that_is_cut_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "LOCPOT"
    up = np.linspace(-9, 3, 4**3).reshape(4, 4, 4)
    path.write_text(grids.potential(grids.HYDROGEN, up, up + 1)[:-4])
    with pytest.raises(ReaderError, match="within the last of the 64 values"):
        read_grid(path)

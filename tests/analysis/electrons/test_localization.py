"""ELF: interpolation, planes, bonds, the reader of grids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from natriface.analysis.electrons.localization import (
    bond_profile,
    check_range,
    interpolate,
    nearest_image,
    plane_map,
    plane_points,
)
from natriface.analysis.readers.vasp.grid import Grid, read_grid
from natriface.structures.base.errors import AnalysisError, ReaderError

CELL = np.array([[5.0, 0.3, 0.0], [-1.0, 6.0, 0.2], [0.4, 0.0, 7.0]])


def wave(fractional: np.ndarray) -> np.ndarray:
    """A smooth periodic function between 0 and 1."""
    a, b, c = 2 * np.pi * np.moveaxis(fractional, -1, 0)
    return 0.5 + 0.2 * np.cos(a) * np.cos(b) + 0.15 * np.sin(b + 2 * c) + 0.1 * np.cos(c)


@pytest.fixture
def grid() -> Grid:
    shape = (40, 44, 52)
    at = np.stack(np.meshgrid(*(np.arange(n) / n for n in shape), indexing="ij"), axis=-1)
    atoms = Atoms("PO2", scaled_positions=[[0.9, 0.1, 0.5], [0.1, 0.1, 0.5], [0.9, 0.4, 0.55]],
                  cell=CELL, pbc=True)  # fmt: skip
    return Grid(atoms, wave(at)[None], Path("ELFCAR"))


@pytest.mark.parametrize(("order", "error"), [(1, 0.012), (3, 1e-4)])
def test_interpolation_is_periodic_and_close(grid: Grid, order: int, error: float) -> None:
    rng = np.random.default_rng(7)
    fractional = rng.uniform(-2, 3, (500, 3))
    found = interpolate(grid, fractional @ CELL, order=order)
    assert np.abs(found - wave(fractional)).max() < error
    again = interpolate(grid, (fractional + np.array([1, -2, 3])) @ CELL, order=order)
    assert np.allclose(found, again, atol=1e-12)


def test_grid_points_are_met_exactly(grid: Grid) -> None:
    index = np.array([[0, 0, 0], [39, 43, 51], [7, 20, 3]])
    points = index / np.array(grid.shape) @ CELL
    assert np.allclose(interpolate(grid, points), grid.values[0][tuple(index.T)], atol=1e-10)


def test_plane_goes_through_its_atoms(grid: Grid) -> None:
    points = plane_points(grid.atoms, 0, [1, 2])
    assert np.linalg.norm(points[1] - points[0]) < 2.0  # over the cell's edge, not across it
    found = plane_map(grid, points, spacing_angstrom=0.05)
    x, y = found.x_angstrom, found.y_angstrom
    at_first = found.values[np.abs(y).argmin(), np.abs(x).argmin()]
    assert at_first == pytest.approx(float(interpolate(grid, points[0])), abs=0.02)
    drawn = {(a.index, round(a.height_angstrom, 6) + 0.0) for a in found.atoms}
    assert {(0, 0.0), (1, 0.0), (2, 0.0)} <= drawn
    second = next(a for a in found.atoms if a.index == 1)
    assert second.y_angstrom == pytest.approx(0, abs=1e-9)
    assert second.x_angstrom == pytest.approx(np.linalg.norm(points[1] - points[0]))


def test_plane_does_not_depend_on_the_image_of_its_atoms(grid: Grid) -> None:
    points = plane_points(grid.atoms, 0, [1, 2])
    one = plane_map(grid, points)
    other = plane_map(grid, points + np.array([2, -1, 1]) @ CELL)
    assert np.allclose(one.values, other.values, atol=1e-10)
    assert len(one.atoms) == len(other.atoms)


def test_atoms_on_a_line_span_no_plane(grid: Grid) -> None:
    with pytest.raises(AnalysisError, match="on a line"):
        plane_map(grid, [[0, 0, 0], [1, 0, 0], [2, 0, 0]])


def test_bond_profile_of_two_shells() -> None:
    """Two maxima with a valley at a known place between them."""
    n, length = 240, 6.0
    x = np.arange(n) / n * length
    line = 0.2 + 0.6 * np.exp(-(((x - 1.0) / 0.3) ** 2)) + 0.7 * np.exp(-(((x - 2.0) / 0.3) ** 2))
    atoms = Atoms("PO", positions=[[0.8, 0, 0], [2.3, 0, 0]], cell=[length, 1, 1], pbc=True)
    values = np.tile(line[:, None, None], (1, 4, 4))[None]
    found = bond_profile(Grid(atoms, values, Path("x")), atoms.positions[0], atoms.positions[1])
    assert found.length_angstrom == pytest.approx(1.5)
    assert found.minimum_at_angstrom == pytest.approx(0.69, abs=0.02)
    assert found.minimum == pytest.approx(0.2 + 1.3 * np.exp(-((0.5 / 0.3) ** 2)), abs=0.01)
    assert found.midpoint == pytest.approx(float(np.interp(1.55, x, line)), abs=1e-3)
    rising = np.tile(np.sin(np.pi * x / length)[:, None, None], (1, 4, 4))[None]
    polar = bond_profile(Grid(atoms, rising, Path("x")), [1.0, 0, 0], [3.0, 0, 0])
    assert polar.minimum is None  # it rises from one atom to the other
    with pytest.raises(AnalysisError, match="two different atoms"):
        bond_profile(Grid(atoms, values, Path("x")), atoms.positions[0], atoms.positions[0])


def test_what_is_no_elf_is_refused(grid: Grid) -> None:
    check_range(grid)
    for values in (grid.values * 3, np.full_like(grid.values, 0.5)):
        with pytest.raises(AnalysisError, match=r"ELFCAR|all values"):
            check_range(Grid(grid.atoms, values, Path("LOCPOT")))


@pytest.mark.parametrize("per_line", [5, 10, 7])
@pytest.mark.parametrize("spins", [1, 2])
def test_reader_of_grids(tmp_path: Path, per_line: int, spins: int) -> None:
    """x runs fastest; the last line of a block may be short; spin down follows."""
    values = np.random.default_rng(3).uniform(0, 1, (spins, 3, 4, 5)).round(5)
    lines = ["a title", "  1.5", "2 0 0", "0 2 0", "0 0 2", "P O", "1 2", "Direct"]
    lines += ["0 0 0", "0.5 0.5 0.5", "0.25 0.25 0.1"]
    for block in values:
        lines += ["", "  3 4 5"]
        flat = block.ravel(order="F")
        lines += [
            " ".join(f"{v:.5f}" for v in flat[k : k + per_line])
            for k in range(0, len(flat), per_line)
        ]
    path = tmp_path / "ELFCAR"
    path.write_text("\n".join(lines) + "\n")
    found = read_grid(path)
    assert np.array_equal(found.values, values)
    assert str(found.atoms.symbols) == "PO2"
    assert found.atoms.cell.lengths() == pytest.approx([3, 3, 3])
    whole = path.read_text()
    path.write_text(whole[:-60])
    with pytest.raises(ReaderError, match="cut off"):
        read_grid(path)
    path.write_text("no POSCAR\n" * 4)
    with pytest.raises(ReaderError, match="POSCAR"):
        read_grid(path)


def test_real_elfcar_as_pymatgen_reads_it(data: Path) -> None:
    from pymatgen.io.vasp import Elfcar

    path = data / "grid/pmg_elfcar/ELFCAR.gz"
    found = read_grid(path)
    check_range(found)
    peer = Elfcar.from_file(str(path))
    assert np.array_equal(found.values[0], peer.data["total"])
    assert np.array_equal(found.values[1], peer.data["diff"])  # spin down, by whatever name
    # between the carbons of graphite lies a bond, between its sheets none
    bond = bond_profile(found, found.atoms.positions[0], nearest_image(found.atoms, 0, 2))
    assert bond.length_angstrom == pytest.approx(1.4247, abs=1e-3)
    assert bond.midpoint > 0.8
    sheets = bond_profile(found, found.atoms.positions[0], nearest_image(found.atoms, 0, 1))
    assert sheets.midpoint < 0.2


def test_real_densities_integrate_to_the_electrons(data: Path) -> None:
    spin = read_grid(data / "grid/pmg_chgcar/CHGCAR.spin.gz")
    assert spin.values.shape == (2, 48, 48, 48)
    assert spin.values[0].mean() == pytest.approx(1.0, abs=1e-6)
    plain = read_grid(data / "grid/pmg_chgcar/CHGCAR.nospin.gz")
    assert plain.values[0].mean() == pytest.approx(1.0, abs=1e-6)
    locpot = read_grid(data / "grid/atomate_Si_locpot/LOCPOT.gz")
    with pytest.raises(AnalysisError, match="between 0 and 1"):
        check_range(locpot)

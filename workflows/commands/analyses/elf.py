"""`natriface analyze elf`: the electron localization function of anyone's calculation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from natriface.workflows.commands.common import text_console

if TYPE_CHECKING:
    from natriface.analysis.electrons.localization import BondProfile
    from natriface.analysis.readers.vasp.grid import Grid


@dataclass(frozen=True)
class _Bond:
    """A bond and the function along it."""

    name: str
    unit: str
    profile: BondProfile


def elf(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="An ELFCAR, or the folder of a run with one.")
    ],
    bond: Annotated[
        list[str] | None,
        typer.Option(
            "--bond", "-b", help="Only bonds of these elements, P-O, or of two atoms, 3-17.",
            show_default="all of the tetrahedra",
        ),
    ] = None,
    plane: Annotated[
        tuple[int, int, int] | None,
        typer.Option(help="Three atoms, counted from 1; the nearest images are taken."),
    ] = None,
    spin: Annotated[int, typer.Option(help="Spin channel, 1 or 2.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw the plane, or the bonds without one (.png, .pdf, .svg)."),
    ] = None,
) -> None:  # fmt: skip
    """ELF along bonds and on planes through atoms.

    Of a bond: attractor, valley, middle.
    """
    from natriface.analysis.electrons.localization import check_range
    from natriface.structures.base.errors import AnalysisError

    grid = read_elf(path)
    check_range(grid)
    if not 1 <= spin <= len(grid.values):
        raise AnalysisError(f"{grid.path}: no spin channel {spin}; there are {len(grid.values)}")
    bonds = _bonds(grid, bond, spin - 1)
    if as_json:
        import json

        typer.echo(json.dumps(_document(grid, bonds, spin), indent=1))
    else:
        _print(grid, bonds, spin)
    if plot is not None:
        _plot(grid, bonds, plane, spin - 1, plot)
        typer.echo(f"figure: {plot}", err=as_json)


def read_elf(path: Path) -> Grid:
    """The ELFCAR of a folder, or a file; refused where the folder is of another crystal.

    Raises
    ------
    ReaderError
        If there is none, or files of the folder do not belong together.
    """
    from natriface.analysis.readers.text.compression import SUFFIXES
    from natriface.analysis.readers.vasp.belonging import require_one_crystal
    from natriface.analysis.readers.vasp.files import Files
    from natriface.analysis.readers.vasp.grid import read_grid
    from natriface.structures.base.errors import ReaderError

    if not path.is_dir():
        return read_grid(path)

    def one(name: str) -> Path | None:
        files = (path / f"{name}{suffix}" for suffix in SUFFIXES)
        return next((file for file in files if file.is_file()), None)

    found = one("ELFCAR")
    if found is None:
        raise ReaderError(f"{path}: no ELFCAR here (VASP writes it with LELF = .TRUE.)")
    grid = read_grid(found)
    others = {name: file for name in ("POSCAR", "CONTCAR") if (file := one(name)) is not None}
    require_one_crystal(Files(path, "", others), grid.atoms, found.name)
    return grid


def _bonds(grid: Grid, asked: list[str] | None, component: int) -> list[_Bond]:
    from natriface.analysis.bonding.tetrahedra import tetrahedra
    from natriface.analysis.electrons.localization import bond_profile, nearest_image
    from natriface.structures.base.errors import AnalysisError

    atoms = grid.atoms
    found = []
    pairs = [text for text in asked or () if text.replace("-", "").isdigit()]
    for text in pairs:
        i, _, j = text.partition("-")
        first, second = int(i) - 1, int(j) - 1
        if not (0 <= first < len(atoms) and 0 <= second < len(atoms)):
            raise AnalysisError(f"bond {text}: atoms are counted from 1 to {len(atoms)} here")
        profile = bond_profile(grid, atoms.positions[first], nearest_image(atoms, first, second),
                               component=component)  # fmt: skip
        name = f"{atoms.symbols[first]}{i}-{atoms.symbols[second]}{j}"
        found.append(_Bond(name, "", profile))
    kinds = [text for text in asked or () if text not in pairs]
    if asked is None or kinds:
        for unit in tetrahedra(atoms):
            for bond in unit.bonds:
                if kinds and bond.bond not in kinds:
                    continue
                start = atoms.positions[bond.centre]
                end = atoms.positions[bond.ligand] + bond.image @ atoms.cell.array
                profile = bond_profile(grid, start, end, component=component)
                found.append(_Bond(bond.name, unit.kind, profile))
    if kinds and not any(bond.unit for bond in found):
        raise AnalysisError(f"no tetrahedron has a bond {', '.join(kinds)}; name two atoms: 3-17")
    return found


def _document(grid: Grid, bonds: list[_Bond], spin: int) -> dict[str, Any]:
    return {
        "source": str(grid.path),
        "formula": grid.atoms.get_chemical_formula(),
        "grid": list(grid.shape),
        "n_spins": len(grid.values),
        "spin": spin,
        "range": [float(grid.values.min()), float(grid.values.max())],
        "bonds": [
            {
                "bond": bond.name,
                "unit": bond.unit or None,
                "length_angstrom": bond.profile.length_angstrom,
                "maximum": bond.profile.maximum,
                "maximum_at_angstrom": bond.profile.maximum_at_angstrom,
                "minimum": bond.profile.minimum,
                "minimum_at_angstrom": bond.profile.minimum_at_angstrom,
                "midpoint": bond.profile.midpoint,
            }
            for bond in bonds
        ],
    }


def _print(grid: Grid, bonds: list[_Bond], spin: int) -> None:
    from rich.markup import escape

    from natriface.workflows.parts.electronic_structure.tables import profile_table

    console = text_console()
    low, high = float(grid.values.min()), float(grid.values.max())
    console.print(
        f"{escape(str(grid.path))}: {grid.atoms.get_chemical_formula()}, grid "
        f"{' x '.join(map(str, grid.shape))}, ELF from {low:.3f} to {high:.3f}"
        + (f", spin {spin} of {len(grid.values)}" if len(grid.values) > 1 else "")
    )
    if not bonds:
        console.print("no tetrahedra; name two atoms with --bond 1-2")
        return
    console.print(profile_table("", [("", b.unit or None, b.name, b.profile) for b in bonds]))


def _plot(
    grid: Grid,
    bonds: list[_Bond],
    plane: tuple[int, int, int] | None,
    component: int,
    target: Path,
) -> None:
    from natriface.analysis.electrons.localization import plane_map, plane_points
    from natriface.analysis.figures.elf_maps import bond_profiles, elf_maps
    from natriface.analysis.figures.style import save_figure
    from natriface.structures.base.errors import AnalysisError

    if plane is None:
        save_figure(bond_profiles([(b.name, b.profile) for b in bonds[:8]]), target)
        return
    numbers = [number - 1 for number in plane]
    if not all(0 <= number < len(grid.atoms) for number in numbers):
        raise AnalysisError(f"plane: atoms are counted from 1 to {len(grid.atoms)} here")
    points = plane_points(grid.atoms, numbers[0], numbers[1:])
    drawn = plane_map(grid, points, component=component)
    title = "-".join(f"{grid.atoms.symbols[n]}{n + 1}" for n in numbers)
    save_figure(elf_maps({title: drawn}), target)

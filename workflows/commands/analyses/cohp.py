"""`natriface analyze cohp`: bonds, their lengths and ICOHPs, of anyone's LOBSTER run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from natriface.workflows.commands.common import text_console

if TYPE_CHECKING:
    from natriface.analysis.results.bond_populations import Bond, BondPopulations
    from natriface.workflows.report.table import Table

MOST_ROWS = 40
WEAK_EV = 0.05
SHELL_GAP_ANGSTROM = 0.3
BondsArgument = Annotated[
    Path,
    typer.Argument(
        metavar="PATH",
        help="A folder of LOBSTER's output, its ICOHPLIST.lobster, or a step's bonding.json.",
    ),
]
SpinsOption = Annotated[
    int | None,
    typer.Option(
        min=1, max=2, help="Spins of the run, where the folder holds nothing but its ICOHPLIST."
    ),
]


def cohp(
    path: BondsArgument,
    bond: Annotated[
        list[str] | None,
        typer.Option("--bond", "-b", help="Only bonds of these elements: P-O, or Na."),
    ] = None,
    atom: Annotated[
        list[int] | None, typer.Option("--atom", "-a", help="Only bonds of these atoms, from 1.")
    ] = None,
    longest: Annotated[
        float | None,
        typer.Option("--longest", help="Longest bond, A.", show_default="all that LOBSTER lists"),
    ] = None,
    weakest: Annotated[
        float | None,
        typer.Option(
            "--weakest", help="Least |ICOHP|, eV.", show_default="0.05, or 0 with --bond or --atom"
        ),
    ] = None,
    rows: Annotated[
        int, typer.Option("--rows", help="Bonds printed one by one; the means count all.")
    ] = MOST_ROWS,
    max_spilling: Annotated[
        float, typer.Option(help="Charge spilling that is still good, percent.")
    ] = 5.0,
    spins: SpinsOption = None,
    automatic: Annotated[
        bool, typer.Option("--automatic", help="Add the summary of lobsterpy's own analysis.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Draw -COHP of these bonds (.png, .pdf, .svg).")
    ] = None,
) -> None:
    """Bonds with length and ICOHP, and whether the projection will do.

    Means are by elements and shell. ICOHP up to the Fermi level from ICOHPLIST, negative =
    bonding. Ends with status 1 if the charge spilling is too high.
    """
    from natriface.analysis.results.spilling import judge_spilling

    _require_numbers({"--longest": longest, "--weakest": weakest, "--max-spilling": max_spilling})
    populations, chosen = _read(
        path, bond or [], atom or [], longest, weakest, curves=plot is not None, n_spins=spins
    )
    verdict = None
    if populations.spilling is not None:
        verdict = judge_spilling(populations.spilling, max_spilling)
    summary = _automatic(path, populations) if automatic else None
    if as_json:
        import json

        document = _document(populations, chosen, verdict) | (
            {} if summary is None else {"automatic": summary}
        )
        typer.echo(json.dumps(document, indent=1))
    else:
        _print(populations, chosen, verdict, rows, summary)
    if plot is not None:
        _plot(populations, chosen, plot)
        typer.echo(f"figure: {plot}", err=as_json)
    if verdict is not None and verdict.status != "sound":
        raise typer.Exit(1)


def _require_numbers(options: Mapping[str, float | None]) -> None:
    """Refuse nan, with which every bond would pass."""
    from natriface.structures.base.errors import AnalysisError

    for name, value in options.items():
        if value is not None and not value >= 0:
            raise AnalysisError(f"{name} {value:g}: give a number that is not negative")


def _read(
    path: Path,
    pairs: Sequence[str],
    atoms: Sequence[int],
    longest: float | None,
    weakest: float | None,
    *,
    curves: bool,
    n_spins: int | None,
) -> tuple[BondPopulations, list[Bond]]:
    """The run, with curves of the chosen bonds alone where they are wanted; the chosen bonds."""
    from natriface.analysis.readers.lobster.folder import read_lobster_folder
    from natriface.analysis.results.bond_populations import BONDS_FILE, BondPopulations
    from natriface.structures.base.errors import AnalysisError

    stored = path / BONDS_FILE if path.is_dir() else path
    if stored.suffix == ".json" and stored.is_file():
        populations = BondPopulations.load(stored)
    else:
        populations = read_lobster_folder(path, curves=False, n_spins=n_spins)
    least = weakest if weakest is not None else (0.0 if pairs or atoms else WEAK_EV)
    chosen = _chosen(populations, pairs, atoms, longest, least)
    if not chosen:
        strongest = min(populations.bonds, key=lambda b: b.icohp_ev, default=None)
        hint = (
            ""
            if strongest is None
            else (
                f"; the strongest of all {len(populations.bonds)} is {strongest.name}, "
                f"{strongest.length_angstrom:.3f} A, {strongest.icohp_ev:.3f} eV"
            )
        )
        raise AnalysisError(f"{path}: no bond is chosen{hint}")
    if curves and populations.curves is None:
        labels = {b.label for b in chosen}
        populations = read_lobster_folder(path, curves=lambda b: b.label in labels, n_spins=n_spins)
    return populations, chosen


def _chosen(
    populations: BondPopulations,
    pairs: Sequence[str],
    atoms: Sequence[int],
    longest: float | None,
    least: float,
) -> list[Bond]:
    from natriface.structures.base.errors import AnalysisError, nearest

    elements = sorted({symbol for bond in populations.bonds for symbol in bond.symbols})
    found: dict[str, Bond] = {}
    for pair in pairs or [""]:
        symbols = [word for word in pair.replace("–", "-").split("-") if word]
        for symbol in symbols:
            if symbol not in elements:
                raise AnalysisError(f"no bond of {symbol!r} here: {nearest(symbol, elements)}")
        reach = None if longest is None else longest + 1e-9
        for bond in populations.select(*symbols, shorter_than_angstrom=reach):
            if abs(bond.icohp_ev) >= least:
                found.setdefault(bond.label, bond)
    numbers = {number - 1 for number in atoms}
    top = max((max(bond.atoms) for bond in populations.bonds), default=-1)
    if not numbers <= set(range(top + 1)):
        raise AnalysisError(f"atoms are counted from 1 to {top + 1} here")
    bonds = [_turned(b) for b in found.values() if not numbers or numbers & set(b.atoms)]
    return sorted(bonds, key=lambda b: (round(b.icohp_ev, 4), b.atoms, b.length_angstrom))


def _means(bonds: Sequence[Bond]) -> list[dict[str, Any]]:
    """Means of each shell of each pair of elements, strongest first.

    Bonds whose lengths leave a gap belong to different shells; one of LOBSTER 2's bonds counts as
    often as it says.
    """
    from natriface.analysis.bonding.tetrahedra import Spread

    shells: dict[str, list[list[Bond]]] = {}
    for bond in sorted(bonds, key=lambda b: b.length_angstrom):
        groups = shells.setdefault("-".join(bond.symbols), [])
        if not groups or bond.length_angstrom - groups[-1][-1].length_angstrom > SHELL_GAP_ANGSTROM:
            groups.append([])
        groups[-1] += [bond] * bond.count
    found = [
        {
            "bond": name,
            "n": len(group),
            "length_angstrom": _spread(Spread.of([b.length_angstrom for b in group])),
            "icohp_ev": _spread(Spread.of([b.icohp_ev for b in group])),
        }
        for name, groups in shells.items()
        for group in groups
    ]
    return sorted(found, key=lambda group: group["icohp_ev"]["mean"])


def _turned(bond: Bond) -> Bond:
    """The bond from its more electropositive atom, as a chemist names it."""
    from pymatgen.core.periodic_table import Element

    one, two = (Element(symbol).X for symbol in bond.symbols)
    return bond.reversed() if one > two else bond


def _spread(spread: Any) -> dict[str, float]:
    return {
        "mean": spread.mean,
        "sd": spread.sd,
        "minimum": spread.minimum,
        "maximum": spread.maximum,
    }


def _automatic(path: Path, populations: BondPopulations) -> list[str]:
    """lobsterpy's summary, from the run's own files or from files written for it."""
    import tempfile

    from natriface.analysis.bonding.automatic_bonding import automatic_summary
    from natriface.analysis.bonding.lobster_output import write_lobster_files

    if path.suffix != ".json" and not (path / "bonding.json").is_file():
        return automatic_summary(path)
    with tempfile.TemporaryDirectory() as folder:
        write_lobster_files(populations, Path(folder))
        return automatic_summary(Path(folder))


def _document(populations: BondPopulations, bonds: Sequence[Bond], verdict: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "source": populations.source,
        "n_bonds": len(populations.bonds),
        "n_spins": populations.n_spins,
        "fermi_level_ev": populations.fermi_level_ev,
        "spilling": None if populations.spilling is None else asdict(populations.spilling),
        "spilling_verdict": None if verdict is None else asdict(verdict),
        "charges": None if populations.charges is None else asdict(populations.charges),
        "means": _means(bonds),
        "bonds": [
            {
                "label": b.label,
                "name": b.name,
                "atoms": [i + 1 for i in b.atoms],
                "translation": b.translation,
                "length_angstrom": b.length_angstrom,
                "icohp_ev": b.icohp_ev,
                "icohp_by_spin_ev": b.icohp_by_spin_ev,
                "icoop": b.icoop,
                "icobi": b.icobi,
                "count": b.count,
            }
            for b in bonds
        ],
        "warnings": list(populations.warnings),
    }


def _print(
    populations: BondPopulations,
    bonds: Sequence[Bond],
    verdict: Any,
    most: int,
    summary: list[str] | None,
) -> None:
    from rich.markup import escape

    console = text_console()
    console.print(
        f"{populations.source}: {len(bonds)} of {len(populations.bonds)} bonds, strongest first"
    )
    console.print(_table(bonds[:most], populations.n_spins))
    if len(bonds) > most:
        console.print(f"... and {len(bonds) - most} more (--rows {len(bonds)})")
    console.print()
    console.print(_means_table(bonds))
    console.print("ICOHP up to the Fermi level, summed over spins, one bond; negative = bonding")
    if populations.spilling is None:
        console.print("[yellow]charge spilling: not known[/]")
    else:
        values = " / ".join(f"{v:.2f}" for v in populations.spilling.charge_percent)
        colour = "green" if verdict.status == "sound" else "red"
        console.print(f"charge spilling {values} %: [{colour}]{verdict.status}[/]")
        if verdict.reason:
            console.print(f"  {escape(verdict.reason)}")
    for warning in populations.warnings:
        if verdict is None or warning != verdict.reason:
            console.print(f"[yellow]warning:[/] {escape(warning)}")
    for line in summary or ():
        console.print(escape(line))


def _table(bonds: Sequence[Bond], n_spins: int) -> Table:
    from natriface.workflows.report.table import Column, Table

    def of(name: str) -> Callable[[Bond], float | None]:
        return lambda bond: getattr(bond, name)

    columns = [
        Column("label", of=lambda bond: bond.label, whole=True),
        Column("bond", of=lambda bond: bond.name, whole=True),
    ]
    if any(bond.translation is not None for bond in bonds):
        columns.append(Column("cell", of=lambda b: b.translation and _cell(b.translation)))
    if any(bond.count > 1 for bond in bonds):
        columns.append(Column("times", digits=0, of=lambda bond: bond.count))
    columns.append(Column("length", "Å", 4, of=of("length_angstrom")))
    if n_spins == 2:
        columns += [
            Column("ICOHP up", "eV", 4, of=lambda bond: bond.icohp_by_spin_ev[0]),
            Column("ICOHP down", "eV", 4, of=lambda bond: bond.icohp_by_spin_ev[1]),
        ]
    columns.append(Column("ICOHP", "eV", 4, of=of("icohp_ev")))
    for title, name in (("ICOOP", "icoop"), ("ICOBI", "icobi")):
        if any(getattr(bond, name) is not None for bond in bonds):
            columns.append(Column(title, digits=4, of=of(name)))
    return Table.of("", columns, bonds)


def _means_table(bonds: Sequence[Bond]) -> Table:
    from natriface.workflows.report.table import Column, Table

    def of(quantity: str, name: str) -> Callable[[Any], float]:
        return lambda group: float(group[quantity][name])

    columns = (
        Column("bond", of=lambda group: group["bond"], whole=True),
        Column("n", digits=0, of=lambda group: group["n"]),
        Column("length", "Å", 4, of=of("length_angstrom", "mean")),
        Column("shortest", "Å", 3, of=of("length_angstrom", "minimum")),
        Column("longest", "Å", 3, of=of("length_angstrom", "maximum")),
        Column("ICOHP", "eV", 4, of=of("icohp_ev", "mean")),
        Column("sd", "eV", 4, of=of("icohp_ev", "sd")),
        Column("from", "eV", 4, of=of("icohp_ev", "minimum")),
        Column("to", "eV", 4, of=of("icohp_ev", "maximum")),
    )
    return Table.of("", columns, _means(bonds))


def _cell(translation: Sequence[int]) -> str:
    return " ".join(str(x) for x in translation)


def _plot(populations: BondPopulations, bonds: Sequence[Bond], target: Path) -> None:
    from natriface.analysis.figures.cohp_curves import CohpPanel, cohp_panels, like_curves
    from natriface.analysis.figures.style import save_figure
    from natriface.structures.base.errors import AnalysisError

    if populations.curves is None:
        raise AnalysisError(
            f"{populations.source}: there is no COHPCAR.lobster, so there are no curves to draw"
        )
    groups: dict[str, list[Bond]] = {}
    for bond in bonds:
        groups.setdefault("–".join(bond.symbols), []).append(bond)
    note = populations.source
    if populations.spilling is not None:
        worst = max(populations.spilling.charge_percent)
        note += f", charge spilling {worst:.2f} %"
    panels = [CohpPanel(name, like_curves(populations, group)) for name, group in groups.items()]
    save_figure(cohp_panels(panels[:4], note=note), target)

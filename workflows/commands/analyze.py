"""`natriface analyze`: numbers and figures from calculations that anyone made, anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from natriface.workflows.commands.analyses.cohp import cohp
from natriface.workflows.commands.analyses.elf import elf
from natriface.workflows.commands.analyses.energies import energies
from natriface.workflows.commands.analyses.levels import levels
from natriface.workflows.commands.analyses.pdos import pdos
from natriface.workflows.commands.common import finite, text_console

if TYPE_CHECKING:
    from natriface.analysis.barriers.summary import BandSummary
    from natriface.analysis.results.formulas import Formula
    from natriface.structures.base.arrays import FloatArray

app = typer.Typer(
    help="Analyse finished calculations, natriface's or anyone's.", no_args_is_help=True
)


BandArgument = Annotated[
    Path,
    typer.Argument(metavar="PATH", help="A VASP NEB folder (00, 01, ...) or an ASE trajectory."),
]
app.command()(energies)
app.command()(cohp)
app.command()(pdos)
app.command()(elf)
app.command()(levels)


@app.callback()
def analyze() -> None:
    """Analyse finished calculations, natriface's or anyone's."""


ImagesOption = Annotated[
    int | None,
    typer.Option(
        help="Images of one band in a trajectory, end points included.", show_default="found"
    ),
]
HopLengthOption = Annotated[
    float | None,
    typer.Option(
        callback=finite,
        help="Distance of the two sites, A, for D(T).",
        show_default="of the relaxed ends",
    ),
]


@app.command()
def neb(
    path: BandArgument,
    initial: Annotated[
        Path | None,
        typer.Option(help="Run of the initial end point, if folder 00 holds no output."),
    ] = None,
    final: Annotated[
        Path | None,
        typer.Option(help="Run of the final end point, if its folder holds no output."),
    ] = None,
    images: ImagesOption = None,
    tolerance: Annotated[
        float,
        typer.Option(callback=finite, help="Force across the path that counts as converged, eV/A."),
    ] = 0.05,
    temperature: Annotated[
        float, typer.Option(callback=finite, help="Temperature of the hop frequency, K.")
    ] = 298.15,
    prefactor: Annotated[
        float, typer.Option(callback=finite, help="Attempt frequency, Hz.")
    ] = 1e13,
    hops: Annotated[
        int | None,
        typer.Option(min=1, help="Equivalent hops out of one site: gives the diffusivity D(T)."),
    ] = None,
    hop_length: HopLengthOption = None,
    dimensions: Annotated[
        int, typer.Option(min=1, max=3, help="Dimensions the carrier moves in, for D(T).")
    ] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Write the energy profile (.png, .pdf, .svg).")
    ] = None,
) -> None:
    """Barriers of a nudged elastic band: images, fit, rate, D(T).

    The fit is Hermite's, with the forces; convergence is told. Ends with status 1 if
    the band is not converged.
    """
    from natriface.analysis.barriers.summary import summarise
    from natriface.analysis.readers.neb import read_band

    band = read_band(path, initial=initial, final=final, n_images=images)
    summary = summarise(band, tolerance)
    rate = _rate(summary, temperature, prefactor)
    spread = _diffusivity(
        rate, band.hop_length_angstrom if hop_length is None else hop_length, hops, dimensions
    )
    if as_json:
        import json

        document = summary.model_dump(mode="json") | {"rate": rate, "diffusivity": spread}
        typer.echo(json.dumps(document, indent=1))
    else:
        _print(summary, rate, spread)
    if plot is not None:
        _plot(summary, plot)
        typer.echo(f"figure: {plot}", err=as_json)
    if summary.barrier is None:
        raise typer.Exit(1)


TOO_RARE = 0.05
"""Chance below which a scatter is said to be more than errors explain."""
TableArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="A table (CSV) whose first line names the columns.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def arrhenius(path: TableArgument, as_json: JsonOption = False) -> None:
    """Activation energy of a conductivity: a line through ln(sigma T).

    Columns: temperature_K or temperature_C; conductivity_S_per_cm, or thickness_cm,
    resistance_ohm and area_cm2; relative_error where it is known.
    """
    from natriface.analysis.transport.arrhenius import ARRHENIUS_FORMULA
    from natriface.analysis.transport.measured import arrhenius_of_file

    columns, fit = arrhenius_of_file(path)
    error = fit.activation_error_ev
    values = {
        "activation_energy_ev": fit.activation_ev,
        "activation_energy_error_ev": error,
        "prefactor_s_k_per_cm": fit.prefactor_s_k_per_cm,
        "scatter_of_ln": fit.scatter,
        "n_points": fit.n_points,
    }
    _print_table(columns, values, ARRHENIUS_FORMULA, as_json)
    for caution in fit.warnings:
        typer.echo(caution, err=as_json)
    if error is None:
        typer.echo("two points: the error of the activation energy is not known", err=as_json)
    if (chance := fit.chance_of_scatter) is not None and chance < TOO_RARE:
        typer.echo(
            "the points scatter about the line more than their relative errors explain "
            f"(chi squared, chance {chance:.1g}): the error of the activation energy is too small",
            err=as_json,
        )
    if fit.activation_ev <= 0:
        typer.echo("the conductivity does not rise with temperature as by activation", err=as_json)


@app.command()
def sand(
    path: TableArgument,
    printed: Annotated[
        bool, typer.Option("--as-printed", help="By Oh et al. 2026, eq. 6, as it stands in print.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Sand's time: how long a current flows before the salt is used up.

    Columns: current_mA_per_cm2, diffusivity_cm2_per_s, concentration_mol_per_L,
    transference_number; charge_number (1 without it); distance_cm of the electrodes, which
    gives the limiting current too.
    """
    from natriface.analysis.transport.depletion import PRINTED_SAND_FORMULA, SAND_FORMULA
    from natriface.analysis.transport.measured import sand_of_file

    columns = sand_of_file(path, "as printed" if printed else "depletion")
    _print_table(columns, {}, PRINTED_SAND_FORMULA if printed else SAND_FORMULA, as_json)


@app.command()
def asr(path: TableArgument, as_json: JsonOption = False) -> None:
    """Area-specific resistances of contacts or layers.

    Columns: resistance_ohm and area_cm2, with contacts where there are several in series;
    or thickness_cm and conductivity_S_per_cm.
    """
    from natriface.analysis.transport.conductivity import CONTACT_FORMULA, LAYER_FORMULA
    from natriface.analysis.transport.measured import resistances_of_file

    columns = resistances_of_file(path)
    formula = CONTACT_FORMULA if "resistance_ohm" in columns else LAYER_FORMULA
    _print_table(columns, {}, formula, as_json)


def _print_table(
    columns: Mapping[str, FloatArray],
    values: Mapping[str, float | None],
    formula: Formula,
    as_json: bool,
) -> None:
    """Columns, numbers of the whole table, and what they were computed by."""
    if as_json:
        import json

        rows = {
            name: [each if isfinite(each) else None for each in own.tolist()]
            for name, own in columns.items()
        }
        typer.echo(json.dumps({**values, "columns": rows, "formula": formula.sentence}, indent=1))
        return
    from natriface.workflows.report.table import Column, Table

    headings = [Column(name, written=lambda value: f"{value:.6g}") for name in columns]
    table = Table("", headings, [list(row) for row in zip(*columns.values(), strict=True)])
    console = text_console()
    console.print(table)
    for name, value in values.items():
        if value is not None:
            console.print(f"{name} {value:.6g}")
    console.print(formula.sentence, markup=False)


def _rate(summary: BandSummary, temperature: float, prefactor: float) -> dict[str, object] | None:
    """The hop frequency, or why there is none; None without a barrier."""
    from natriface.analysis.barriers.rates import hop_rate
    from natriface.structures.base.errors import AnalysisError

    if summary.barrier is None:
        return None
    try:
        rate = hop_rate(summary.barrier.forward_ev, temperature, prefactor)
    except AnalysisError as error:
        return {"refused": str(error)}
    return rate.model_dump(mode="json")


def _diffusivity(
    rate: dict[str, object] | None, length_angstrom: float, hops: int | None, dimensions: int
) -> dict[str, object] | None:
    """D(T) of the carrier; None unless there is a rate and the number of hops was given."""
    from natriface.analysis.barriers.rates import HopRate, diffusivity

    if rate is None or "refused" in rate or hops is None:
        return None
    found = diffusivity(
        HopRate.model_validate(rate), length_angstrom, hops, _as_dimensions(dimensions)
    )
    return found.model_dump(mode="json", exclude={"rate"})


def _as_dimensions(number: int) -> Literal[1, 2, 3]:
    return 1 if number == 1 else 2 if number == 2 else 3


def _plot(summary: BandSummary, target: Path) -> None:
    from natriface.analysis.figures.energy_profiles import energy_profile
    from natriface.analysis.figures.style import save_figure

    save_figure(energy_profile([summary]), target)


def _print(
    summary: BandSummary, rate: dict[str, object] | None, spread: dict[str, object] | None
) -> None:
    from rich.markup import escape

    from natriface.analysis.barriers.rates import RATE_FORMULA
    from natriface.workflows.report.table import Column, Table

    columns = (
        Column("image", digits=0, of=lambda row: row[0]),
        Column("path", "Å", 3, of=lambda row: row[1].path_angstrom),
        Column("energy", "eV", 4, of=lambda row: row[1].energy_ev),
        Column("force along", "eV/Å", 3, of=lambda row: row[1].tangential_force_ev_per_angstrom),
        Column(
            "force across", "eV/Å", 3, of=lambda row: row[1].perpendicular_force_ev_per_angstrom
        ),
        Column("run", state=True, of=lambda row: _run_of_image(row[1].status)),
    )
    console = text_console()
    console.print(Table.of("", columns, enumerate(summary.images)))
    console.print(
        "energies above the first end point; force across: largest atom\n"
        "run: the image's own calculation, its electrons; the band is judged by the force across\n"
    )
    for title, values in (("", summary.barrier), ("so far, not a result: ", summary.estimate)):
        if values is None:
            continue
        console.print(f"{title}forward  {values.forward_ev:.4f} eV")
        console.print(f"{title}reverse  {values.reverse_ev:.4f} eV")
        console.print(f"{title}reaction {values.reaction_energy_ev:+.4f} eV")
        gap = "no forces, no fit" if values.gap_ev is None else f"fit {values.gap_ev:+.4f} eV"
        console.print(
            f"{title}highest image {values.highest_image}: "
            f"{values.highest_image_forward_ev:.4f} eV ({gap})"
        )
    if rate is not None and "refused" in rate:
        console.print(f"no hop frequency: {escape(str(rate['refused']))}")
    elif rate is not None:
        console.print(
            f"hop frequency {rate['rate_hz']:.3g} Hz at {rate['temperature_k']:g} K "
            f"({rate['prefactor_source']} prefactor {rate['prefactor_hz']:.3g} Hz)"
        )
        console.print(f"  {RATE_FORMULA.sentence}")
        for warning in _strings(rate["warnings"]):
            console.print(f"  {escape(warning)}")
    if rate is not None and spread is not None:
        console.print(
            f"diffusivity of the carrier {spread['diffusivity_cm2_per_s']:.3g} cm²/s at "
            f"{rate['temperature_k']:g} K ({spread['n_hops']} hops of "
            f"{spread['length_angstrom']:.3f} Å in {spread['dimensions']} dimensions)"
        )
    for note in summary.notes:
        console.print(f"note: {escape(note)}")
    for warning in summary.warnings:
        console.print(f"[yellow]warning:[/] {escape(warning)}")
    if summary.barrier is None:
        console.print(f"[red]{summary.status}: there is no barrier[/]")
        for reason in summary.reasons:
            console.print(f"  {escape(reason)}")


def _run_of_image(status: str) -> str:
    """Without the word for a band that is converged, which its images together are or not."""
    return "finished" if status == "converged" else status


def _strings(values: object) -> list[str]:
    return [str(value) for value in values] if isinstance(values, list) else []

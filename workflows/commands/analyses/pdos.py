"""`natriface analyze pdos`: densities of states and band centers of anyone's calculation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from natriface.workflows.commands.common import text_console

if TYPE_CHECKING:
    from natriface.analysis.electrons.band_centers import BandCenter
    from natriface.analysis.results.pdos import EnergyZero, ProjectedDOS


def pdos(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH", help="A VASP folder, its vasprun.xml or vaspout.h5, or DOSCAR.lobster."
        ),
    ],
    element: Annotated[
        list[str] | None,
        typer.Option("--element", "-e", help="Only these elements.", show_default="all"),
    ] = None,
    orbital: Annotated[
        list[str] | None,
        typer.Option(
            "--orbital", "-o", help="Shells or orbitals: p, px, 3p.", show_default="all shells"
        ),
    ] = None,
    atom: Annotated[
        list[int] | None, typer.Option("--atom", "-a", help="Only these atoms, counted from 1.")
    ] = None,
    units: Annotated[
        bool, typer.Option("--units", help="By kind of tetrahedron (PO4, PO3F), not by crystal.")
    ] = False,
    zero: Annotated[
        str, typer.Option(help="vbm, fermi, or an energy in eV on the program's own scale.")
    ] = "auto",
    window: Annotated[
        tuple[float, float] | None,
        typer.Option(help="Window of the centers, eV from the zero.", show_default="occupied"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the densities (.png, .pdf, .svg).")
    ] = None,
) -> None:
    """Band centers of the orbitals, with window, zero and projection."""
    from natriface.analysis.electrons.pdos_sources import read_pdos

    dos = read_pdos(path)
    origin = _zero(dos, zero)
    groups = _groups(dos, units, atom)
    channels = _channels(dos, element, orbital)
    rows = _centers(dos, origin, channels, groups, window)
    notes = dos.notes(origin)
    if as_json:
        import json

        typer.echo(json.dumps(_document(dos, origin, rows, notes), indent=1))
    else:
        _print(dos, origin, rows, notes)
    if plot is not None:
        _plot(dos, origin, channels, groups, plot)
        typer.echo(f"figure: {plot}", err=as_json)


def _zero(dos: ProjectedDOS, asked: str) -> EnergyZero:
    from natriface.structures.base.errors import AnalysisError, nearest

    if asked == "auto":
        return dos.best_zero()
    if asked in ("vbm", "fermi"):
        return dos.zero(asked)  # type: ignore[arg-type]
    try:
        return dos.zero("given", float(asked))
    except ValueError:
        raise AnalysisError(
            f"zero {asked!r}: neither an energy nor known ({nearest(asked, ['vbm', 'fermi'])})"
        ) from None


def _groups(dos: ProjectedDOS, units: bool, atoms: list[int] | None) -> dict[str, list[int]]:
    """Name of a set of atoms -> their indices."""
    from natriface.analysis.bonding.tetrahedra import tetrahedra, unit_atoms
    from natriface.structures.base.errors import AnalysisError

    everything = range(len(dos.symbols))
    chosen = set(everything) if not atoms else {number - 1 for number in atoms}
    if not chosen <= set(everything):
        raise AnalysisError(f"atoms are counted from 1 to {len(everything)} here")
    if not units:
        return {"": sorted(chosen)}
    if dos.atoms is None:
        raise AnalysisError(f"{dos.source}: no structure is there to find units in")
    found = {
        kind: [i for i in members if i in chosen]
        for kind, members in unit_atoms(tetrahedra(dos.atoms)).items()
    }
    found = {kind: members for kind, members in found.items() if members}
    if not found:
        raise AnalysisError(f"{dos.source}: there are no tetrahedra among these atoms")
    return found


def _channels(
    dos: ProjectedDOS, elements: list[str] | None, orbitals: list[str] | None
) -> list[tuple[str, str]]:
    from natriface.structures.base.errors import AnalysisError, nearest

    present = list(dict.fromkeys(dos.symbols))
    for symbol in elements or ():
        if symbol not in present:
            raise AnalysisError(f"no element {symbol!r} here: {nearest(symbol, present)}")
    found = []
    for symbol in elements or present:
        for shell in orbitals or dos.shells(symbol):
            if orbitals is None or _has(dos, symbol, shell):
                found.append((symbol, shell))
    if not found:
        raise AnalysisError(
            f"nothing is projected on {', '.join(orbitals or ())} of these elements"
        )
    return found


def _has(dos: ProjectedDOS, element: str, orbital: str) -> bool:
    from natriface.structures.base.errors import AnalysisError

    try:
        dos.select(elements=element, orbital=orbital)
    except AnalysisError:
        return False
    return True


Row = tuple[str, "BandCenter | None", "BandCenter | None", "BandCenter | None"]


def _centers(
    dos: ProjectedDOS,
    zero: EnergyZero,
    channels: list[tuple[str, str]],
    groups: dict[str, list[int]],
    window: tuple[float, float] | None,
) -> list[Row]:
    """Label, and the centers of the window, of the occupied part and of the whole band."""
    from natriface.analysis.electrons.band_centers import OCCUPIED, WHOLE_BAND, band_center
    from natriface.structures.base.errors import AnalysisError

    rows: list[Row] = []
    for unit, members in groups.items():
        for symbol, shell in channels:
            atoms = {i for i in members if dos.symbols[i] == symbol}
            if not atoms:
                continue
            label = f"{symbol}-{shell}" + (f" of {unit}" if unit else "")
            density = dos.select(atoms=atoms, orbital=shell)
            found: list[BandCenter | None] = []
            for asked in (window, OCCUPIED, WHOLE_BAND):
                try:
                    found.append(
                        None
                        if asked is None
                        else band_center(dos.energies_ev, density, zero, asked, label)
                    )
                except AnalysisError:  # an orbital that is empty there
                    found.append(None)
            rows.append((label, found[0], found[1], found[2]))
    return rows


def _document(
    dos: ProjectedDOS, zero: EnergyZero, rows: list[Row], notes: list[str]
) -> dict[str, Any]:
    def center(value: BandCenter | None) -> dict[str, Any] | None:
        if value is None:
            return None
        return {
            "center_ev": value.center_ev,
            "width_ev": value.width_ev,
            "n_states": value.n_states,
            "window_ev": [value.lowest_ev, value.highest_ev],
        }

    return {
        "source": dos.source,
        "formula": "".join(dict.fromkeys(dos.symbols)) if dos.atoms is None
        else dos.atoms.get_chemical_formula(),
        "n_spins": dos.n_spins,
        "fermi_level_ev": dos.fermi_level_ev,
        "valence_band_maximum_ev": dos.valence_band_maximum_ev,
        "conduction_band_minimum_ev": dos.conduction_band_minimum_ev,
        "zero": {"kind": zero.kind, "energy_ev": zero.energy_ev},
        "projected_fraction_below_zero": dos.projected_fraction(zero),
        "total_of_projections": dos.total_of_projections,
        "charge_spilling_percent": dos.charge_spilling_percent,
        "centers": [
            {"label": label, "window": center(asked), "occupied": center(occupied),
             "whole_band": center(whole)}
            for label, asked, occupied, whole in rows
        ],
        "warnings": notes,
    }  # fmt: skip


def _print(dos: ProjectedDOS, zero: EnergyZero, rows: list[Row], notes: list[str]) -> None:
    from rich.markup import escape

    from natriface.analysis.electrons.band_centers import CENTER_FORMULA
    from natriface.workflows.parts.electronic_structure.tables import centers_table

    console = text_console()
    console.print(
        f"{escape(dos.source)}: {len(dos.symbols)} atoms, {dos.n_spins} "
        f"spin{'s' if dos.n_spins > 1 else ''}; energies from {zero.words} at "
        f"{zero.energy_ev:.4f} eV"
    )
    named = {"in the window": 1, "occupied": 2, "whole band": 3}
    words = {}
    for name, place in named.items():
        first = next((row[place] for row in rows if row[place] is not None), None)
        if first is not None:
            words[name] = first.window_words  # type: ignore[union-attr]
    window = "in the window" if "in the window" in words else None
    notes_of_windows = [f"{name}: {text}" for name, text in words.items()]
    console.print(centers_table("", [("", *row) for row in rows], window, notes_of_windows))
    console.print(CENTER_FORMULA.sentence)
    console.print(dos.projected_words(zero))
    for note in notes:
        console.print(f"[yellow]warning:[/] {escape(note)}")


def _plot(
    dos: ProjectedDOS,
    zero: EnergyZero,
    channels: list[tuple[str, str]],
    groups: dict[str, list[int]],
    target: Path,
) -> None:
    from natriface.analysis.figures.dos_curves import DosPanel, pdos_stack
    from natriface.analysis.figures.style import save_figure

    energies = dos.energies_ev - zero.energy_ev
    panels = []
    for unit, members in groups.items():
        curves = {}
        for symbol, shell in channels:
            atoms = {i for i in members if dos.symbols[i] == symbol}
            if atoms:
                spins = [dos.select(atoms=atoms, orbital=shell, spin=s) for s in range(dos.n_spins)]
                curves[f"{symbol}-{shell}"] = _stacked(spins)
        panels.append(DosPanel(unit or dos.source, energies, curves, None if unit else dos.total))
    low = max(float(energies[0]), -12.0)
    high = min(float(energies[-1]), 8.0)
    save_figure(pdos_stack(panels, zero.words, (low, high)), target)


def _stacked(spins: list[Any]) -> Any:
    import numpy as np

    return np.array(spins)

"""`natriface analyze levels`: vacuum levels, work functions and band edges of anyone's slabs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from natriface.workflows.commands.common import finite, text_console

if TYPE_CHECKING:
    from natriface.analysis.electrons.band_alignment import BandOffset, ElectronBarrier
    from natriface.analysis.electrons.electrostatic import ElectrostaticProfile
    from natriface.analysis.electrons.vacuum_levels import SlabLevels, SurfaceLevels


class AxisName(StrEnum):
    """A lattice vector."""

    a = "a"
    b = "b"
    c = "c"


class FermiName(StrEnum):
    """What counts as Fermi level of an insulator."""

    mid_gap = "mid gap"
    vbm = "vbm"
    printed = "printed"


@dataclass(frozen=True)
class _Read:
    """A slab that was read."""

    profile: ElectrostaticProfile
    levels: SlabLevels
    warnings: tuple[str, ...]

    @property
    def sides(self) -> tuple[SurfaceLevels, SurfaceLevels]:
        return self.levels.side("top"), self.levels.side("bottom")


def levels(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH", help="A VASP folder with a LOCPOT, or the LOCPOT or an output in it."
        ),
    ],
    against: Annotated[
        Path | None,
        typer.Option(help="Another slab: band offset or barrier with both on one vacuum level."),
    ] = None,
    metal: Annotated[
        float | None,
        typer.Option(
            callback=finite, help="Work function of a metal, eV: the barrier of its electrons."
        ),
    ] = None,
    axis: Annotated[
        AxisName | None,
        typer.Option(help="Lattice vector out of the surface.", show_default="widest vacuum"),
    ] = None,
    fermi: Annotated[
        FermiName, typer.Option(help="What counts as Fermi level of an insulator.")
    ] = FermiName.mid_gap,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the planar average (.png, .pdf, .svg).")
    ] = None,
) -> None:
    """Vacuum levels, work functions and band edges of a slab, from its potential.

    A potential that is not flat in front of both sides gives no number.
    """
    slab = _read(path, axis, fermi)
    other = None if against is None else _read(against, axis, fermi)
    junctions = _junctions(slab, other, metal)
    if as_json:
        import json

        document = _document(slab)
        if other is not None:
            document["against"] = _document(other)
        document["junctions"] = [
            {"sides": sides, **_of_junction(found)} for sides, found in junctions
        ]
        typer.echo(json.dumps(document, indent=1))
    else:
        for each in (slab, other):
            if each is not None:
                _print(each)
        _print_junctions(junctions)
    if plot is not None:
        from natriface.analysis.figures.dos_curves import potential_profile
        from natriface.analysis.figures.style import save_figure

        save_figure(potential_profile(slab.profile, slab.levels), plot)
        typer.echo(f"figure: {plot}", err=as_json)


def _read(path: Path, axis: AxisName | None, fermi: FermiName) -> _Read:
    from natriface.analysis.electrons.level_sources import read_potential_run
    from natriface.analysis.electrons.vacuum_levels import slab_levels

    run = read_potential_run(path, None if axis is None else axis.value)
    return _Read(run.profile, slab_levels(run.profile, run.electronic, fermi.value), run.warnings)


Junction = tuple[str, "BandOffset | ElectronBarrier"]


def _junctions(slab: _Read, other: _Read | None, metal: float | None) -> list[Junction]:
    """What each side of the slab has with the metal, and with each side of the other slab."""
    from natriface.analysis.electrons.band_alignment import affinity_offset, electron_barrier
    from natriface.structures.base.errors import AnalysisError

    found: list[Junction] = []
    if metal is not None:
        found += [
            (f"{side.side} | metal of {metal:g} eV", electron_barrier(side, metal))
            for side in slab.sides
        ]
    if other is None:
        return found
    if slab.levels.gap_ev == other.levels.gap_ev == 0:
        raise AnalysisError("two metals have no band offset and no barrier")
    for one in slab.sides:
        for two in other.sides:
            name = f"{one.side} | {two.side} of the other"
            if other.levels.gap_ev == 0:
                found.append((name, electron_barrier(one, two.work_function_ev)))
            elif slab.levels.gap_ev == 0:
                found.append((name, electron_barrier(two, one.work_function_ev)))
            else:
                found.append((name, affinity_offset(one, two)))
    return found


def _of_junction(found: BandOffset | ElectronBarrier) -> dict[str, Any]:
    from natriface.analysis.electrons.band_alignment import BandOffset

    if isinstance(found, BandOffset):
        return {
            "valence_offset_ev": found.valence_ev,
            "conduction_offset_ev": found.conduction_ev,
            "lineup": found.lineup,
        }
    return {
        "electron_barrier_ev": found.electron_ev,
        "hole_barrier_ev": found.hole_ev,
        "gap_ev": found.gap_ev,
    }


def _document(slab: _Read) -> dict[str, Any]:
    from natriface.analysis.electrons.vacuum_levels import (
        AFFINITY_FORMULA,
        IONIZATION_FORMULA,
        WORK_FUNCTION_FORMULA,
    )

    levels, vacuum = slab.levels, slab.levels.vacuum
    formulas = (WORK_FUNCTION_FORMULA, IONIZATION_FORMULA, AFFINITY_FORMULA)
    return {
        "source": slab.profile.source,
        "formula": slab.profile.atoms.get_chemical_formula(),
        "axis": slab.profile.axis,
        "period_angstrom": slab.profile.period_angstrom,
        "vacuum_angstrom": vacuum.vacuum_angstrom,
        "dipole_step_ev": vacuum.dipole_step_ev,
        "fermi_level_ev": levels.fermi_ev,
        "fermi_level_is": levels.fermi_words,
        "valence_band_maximum_ev": levels.valence_ev,
        "conduction_band_minimum_ev": levels.conduction_ev,
        "band_gap_ev": levels.gap_ev,
        "sides": {
            side.side: {
                "vacuum_level": asdict(vacuum.top if side.side == "top" else vacuum.bottom),
                "work_function_ev": side.work_function_ev,
                "ionization_potential_ev": side.ionization_potential_ev,
                "electron_affinity_ev": side.electron_affinity_ev,
            }
            for side in slab.sides
        },
        "formulas": [formula.sentence for formula in formulas],
        "warnings": list(slab.warnings),
    }


def _print(slab: _Read) -> None:
    from rich.markup import escape

    from natriface.analysis.electrons.vacuum_levels import (
        AFFINITY_FORMULA,
        IONIZATION_FORMULA,
        WORK_FUNCTION_FORMULA,
    )
    from natriface.workflows.report.table import Column, Table

    levels, vacuum = slab.levels, slab.levels.vacuum
    plateaus = {"top": vacuum.top, "bottom": vacuum.bottom}
    columns = [
        Column("side", of=lambda side: side.side),
        Column("vacuum level", "eV", 3, of=lambda side: side.zero.energy_ev),
        Column("flat to", "eV", 3, of=lambda side: plateaus[side.side].range_ev),
        Column("from", "Å", 1, of=lambda side: plateaus[side.side].from_angstrom),
        Column("to", "Å", 1, of=lambda side: plateaus[side.side].to_angstrom),
        Column("work function", "eV", 3, of=lambda side: side.work_function_ev),
        Column("ionisation potential", "eV", 3, of=lambda side: side.ionization_potential_ev),
        Column("electron affinity", "eV", 3, of=lambda side: side.electron_affinity_ev),
    ]
    console = text_console()
    console.print(
        f"{escape(slab.profile.source)}: {slab.profile.atoms.get_chemical_formula()}, "
        f"{vacuum.vacuum_angstrom:.1f} Å of vacuum along {slab.profile.axis}, dipole step "
        f"{vacuum.dipole_step_ev:+.3f} eV"
    )
    console.print(Table.of("", columns, slab.sides))
    gap = levels.gap_ev
    edges = (
        f"valence band to {levels.valence_ev:.3f}, conduction band from "
        f"{levels.conduction_ev:.3f}, gap {gap:.3f} eV; "
        if gap and levels.valence_ev is not None and levels.conduction_ev is not None
        else "a metal; "
        if gap == 0
        else "band edges not known; "
    )
    console.print(f"{edges}E_F {levels.fermi_ev:.3f} eV: {levels.fermi_words}")
    of_gaps = (IONIZATION_FORMULA, AFFINITY_FORMULA) if gap else ()
    for formula in (WORK_FUNCTION_FORMULA, *of_gaps):
        console.print(formula.sentence, markup=False)
    for warning in slab.warnings:
        console.print(f"[yellow]warning:[/] {escape(warning)}")


def _print_junctions(junctions: list[Junction]) -> None:
    from natriface.analysis.electrons.band_alignment import (
        AFFINITY_RULE_FORMULA,
        BARRIER_FORMULA,
        BandOffset,
    )
    from natriface.workflows.report.table import Column, Table

    offsets = [(name, f) for name, f in junctions if isinstance(f, BandOffset)]
    barriers = [(name, f) for name, f in junctions if not isinstance(f, BandOffset)]
    console = text_console()
    sides = Column("sides", of=lambda row: row[0])
    if barriers:
        columns = [
            sides,
            Column("electron barrier", "eV", 3, of=lambda row: row[1].electron_ev),
            Column("hole barrier", "eV", 3, of=lambda row: row[1].hole_ev),
            Column("gap", "eV", 3, of=lambda row: row[1].gap_ev),
        ]
        console.print(Table.of("", columns, barriers))
        console.print(BARRIER_FORMULA.sentence, markup=False)
    if offsets:
        columns = [
            sides,
            Column("valence offset", "eV", 3, of=lambda row: row[1].valence_ev),
            Column("conduction offset", "eV", 3, of=lambda row: row[1].conduction_ev),
            Column("line-up", of=lambda row: row[1].lineup),
        ]
        console.print(Table.of("", columns, offsets))
        console.print(AFFINITY_RULE_FORMULA.sentence, markup=False)

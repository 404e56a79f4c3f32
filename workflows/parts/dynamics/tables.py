"""Tables of contacts in motion: bonds, fragments and runs."""

from __future__ import annotations

from collections.abc import Sequence

from natriface.analysis.transport.diffusion import DIFFUSIVITY_FORMULA
from natriface.workflows.parts.dynamics.displacements import GroupMotion
from natriface.workflows.parts.dynamics.records import ContactRecord
from natriface.workflows.report.table import Cell, Column, Table

_CONTACT = (Column("Interface"), Column("temperature", "K", 0))
_SPREAD = "± is the standard deviation over runs; of one run there is none."
_END = "At the end: means over the frames of the last quarter of the production."


def bond_table(contacts: Sequence[ContactRecord]) -> Table:
    """A row a contact and kind of bond."""
    columns = [
        *_CONTACT,
        Column("bond"),
        Column("before", digits=0),
        Column("broken", digits=1),
        Column("broken, standard deviation", digits=1, shown_as="±"),
        Column("new", digits=1),
        Column("new, standard deviation", digits=1, shown_as="±"),
        Column("runs", digits=0),
    ]
    rows: list[list[Cell]] = [
        [c.pair, c.kelvin, kind, n, broken.mean, broken.sd, new.mean, new.sd, broken.n]
        for c in contacts
        for kind, (n, broken, new) in c.bonds.items()
    ]
    notes = [f"Held against the relaxed interface. {_END} {_SPREAD}"]
    return Table("Bonds broken and formed", columns, rows, notes, stem="dynamics-bonds")


def fragment_table(contacts: Sequence[ContactRecord]) -> Table:
    """A row a contact and fragment."""
    columns = [
        *_CONTACT,
        Column("fragment"),
        Column("before", digits=0),
        Column("at the end", digits=1),
        Column("at the end, standard deviation", digits=1, shown_as="±"),
        Column("runs", digits=0),
    ]
    rows: list[list[Cell]] = [
        [c.pair, c.kelvin, name, n, after.mean, after.sd, after.n]
        for c in contacts
        for name, (n, after) in c.fragments.items()
    ]
    notes = [
        f"P and Si with their O and F; anions that no P, Si or Zr holds. {_END} {_SPREAD}",
    ]
    return Table("Fragments", columns, rows, notes, stem="dynamics-fragments")


def run_table(contacts: Sequence[ContactRecord]) -> Table:
    """A row a run: its temperature, and what the potential bore before it."""
    columns = [
        *_CONTACT,
        Column("seed", digits=0),
        Column("time", "ps", 1),
        Column("mean kinetic temperature", "K", 0, shown_as="kinetic"),
        Column("kinetic temperature, standard deviation", "K", 0, shown_as="±"),
        Column("drift at constant energy", "meV/atom/ps", 2, shown_as="NVE drift"),
        Column("largest force at constant energy", "eV/A", 1, shown_as="NVE force"),
        Column("status"),
    ]
    rows: list[list[Cell]] = []
    for c in contacts:
        for run in c.runs:
            said, test = run.run, run.stress_test
            numbers: list[Cell] = (
                [said.ends_ps, said.mean_kelvin, said.sd_kelvin] if said else [None] * 3
            )
            numbers += (
                [1000 * test.drift_ev_per_atom_ps, test.max_force_ev_per_angstrom]
                if test
                else [None] * 2
            )
            rows.append([c.pair, c.kelvin, run.seed, *numbers, run.reason or "computed"])
    notes = ["± is over the frames of the production. NVE: the stress test before the run."]
    return Table("Runs", columns, rows, notes, stem="dynamics-runs")


def diffusion_table(motions: Sequence[tuple[ContactRecord, Sequence[GroupMotion]]]) -> Table:
    """A row a contact, group of atoms and direction."""
    columns = [
        *_CONTACT,
        Column("atoms"),
        Column("directions"),
        Column("number", digits=0),
        Column("mean squared displacement", "A2", 2, shown_as="MSD"),
        Column("after", "ps", 2),
        Column("hop to a neighbour", "A", 2, shown_as="hop"),
        Column("diffusivity", "cm2/s", written=_scientific),
        Column("diffusivity, standard deviation", "cm2/s", shown_as="±", written=_scientific),
        Column("status"),
        Column("why there is no diffusivity", on_page=False, in_terminal=False),
    ]
    rows: list[list[Cell]] = []
    for contact, groups in motions:
        for group in groups:
            found = group.diffusivity
            rows.append(
                [
                    *(contact.pair, contact.kelvin, group.group, group.directions, group.n_atoms),
                    *(group.msd_angstrom2, group.after_ps, group.hop_angstrom),
                    *((found.value_cm2_per_s, found.error_cm2_per_s) if found else (None, None)),
                    *(group.status, group.reason),
                ]
            )
    notes = [
        "MSD: mean squared displacement in the productions of all runs, less the drift of the "
        "other atoms of the side, or of the side where it is of one element. ± is of the fit; the "
        "thermostat's friction slows diffusion, which is in neither. Atoms that have not gone as "
        "far as a hop takes them within half of the production have no diffusivity."
    ]
    return Table(
        "Displacements and diffusivities",
        columns,
        rows,
        notes,
        stem="dynamics-diffusion",
        formulas=[DIFFUSIVITY_FORMULA],
    )


def _scientific(value: float) -> str:
    return f"{value:.1e}"

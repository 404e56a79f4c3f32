"""The report's section on ligands that go over into the film."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from natriface.analysis.energies.ligand_transfer import TRANSFER_FORMULA
from natriface.analysis.results.claim import Measurement
from natriface.analysis.results.result import Result
from natriface.analysis.results.wording import number, signed
from natriface.workflows.parts.interfaces.evaluation.measurements import slab_choices
from natriface.workflows.parts.interfaces.labels import InterfaceLabels
from natriface.workflows.parts.labels import read_labels
from natriface.workflows.parts.ligand_transfer.records import EventRecord, event_records
from natriface.workflows.report.section import FEW, Section, SectionContext, with_care
from natriface.workflows.report.table import Cell, Column, Table

LARGE_EV = 0.1
"""By which an interface with the ligand put back may lie off before that is told."""


def section(results: Sequence[Result], context: SectionContext) -> Section | None:
    """What there is to say of a study's ligands in the film; None where there are none."""
    records = event_records(results, context)
    if not records:
        return None
    return Section(
        key="ligand_transfer",
        title="Ligands moved into the film",
        verdict=_outcome(records),
        findings=[text for record in records for text in _finding(record)],
        blocks=[_table(records), *with_care([t for r in records for t in _cautions(r)])],
        values={record.name: record.document() for record in records},
        measurements=[found for pair in _by_kind(records) for found in _measured(pair)],
    )


def _outcome(records: Sequence[EventRecord]) -> list[str]:
    """How many moves cost or gain more than is certain, and which gains most; of few none."""
    energies = {r.name: r.energy for r in records if r.energy is not None}
    certain = {
        name: (energy.energy_ev, off)
        for name, energy in energies.items()
        if (off := energy.uncertainty_ev) is not None
    }
    if len(certain) <= FEW:
        return []
    gains = [name for name, (value, off) in certain.items() if value < -off]
    costs = [name for name, (value, off) in certain.items() if value > off]
    counted = ", each level of theory counted" if any(r.by for r in records) else ""
    text = (
        f"Ligands moved into the film{counted}: energy is gained in {len(gains)} of {len(certain)} "
        f"moves by more than the interface is reproduced within, spent in {len(costs)}, neither in "
        f"{len(certain) - len(gains) - len(costs)}"
    )
    if gains:
        most = min(gains, key=lambda name: certain[name][0])
        value, off = certain[most]
        text += f"; the most is that of {most}, {signed(value)} ± {number(off)} eV"
    bare = len(energies) - len(certain)
    return [text + (f"; {bare} more have no spread." if bare else ".")]


def _finding(record: EventRecord) -> Iterator[str]:
    """A sentence where it is known how far the energy is certain."""
    energy, by = record.energy, record.energies_of
    off = energy.uncertainty_ev if energy else None
    if energy is None or by is None or off is None:
        return
    value = energy.energy_ev
    if abs(value) <= off:
        said = "neither costs nor gains more than what the interface is reproduced within"
    else:
        said = "costs energy" if value > 0 else "gains energy"
    yield (
        f"{record.name}: moved into the film it {said}, {signed(value)} ± {number(off)} eV "
        f"({by.engine.words})."
    )


def _table(records: Sequence[EventRecord]) -> Table:
    columns = [
        Column("Interface"),
        Column("ligand"),
        Column("energies by", on_page=any(record.by for record in records)),
        Column("from the film", digits=0, on_page=any(record.rank for record in records)),
        Column("energy", "eV", 2),
        Column("energy, interface reproduced within", "eV", 2, shown_as="±"),
        Column("put back, less before", "eV", 2),
        Column("sites tried", digits=0),
        Column("stayed in", digits=0),
        Column("highest less lowest site", "eV", 2),
        Column("touched by"),
        Column("unit left"),
        Column("status"),
    ]
    return Table(
        "Ligands moved into the film",
        columns,
        [_row(record) for record in records],
        [
            "Each ligand is the nearest to the film of its kind, put into the widest cavities of "
            "the film near it, and all is relaxed; the lowest site counts. A reaction energy of "
            "one event, no barrier.",
            *(
                ["Other levels of theory have single points of the same geometries."]
                if any(record.by for record in records)
                else []
            ),
        ],
        stem="ligand-transfer",
        formulas=[TRANSFER_FORMULA],
    )


def _row(record: EventRecord) -> list[Cell]:
    energy, end = record.energy, record.end
    stayed = [k for k, each in enumerate(record.ends) if each and each.in_film]
    known = [energy.moved_ev[k] for k in stayed] if energy else []
    return [
        record.pair,
        record.ligand,
        record.energies_of.engine.words if record.energies_of else record.by,
        record.rank + 1,
        *((energy.energy_ev, energy.uncertainty_ev, energy.back_ev) if energy else [None] * 3),
        len(record.ends),
        len(stayed),
        max(known) - min(known) if len(known) > 1 else None,
        end.neighbours if end else None,
        end.left if end else None,
        record.reason or "computed",
    ]


def _cautions(record: EventRecord) -> Iterator[str]:
    energy = record.energy
    if energy is None:
        return
    for site, (value, end) in enumerate(zip(energy.moved_ev, record.ends, strict=True), 1):
        if record.by is None and end is not None and not end.in_film:
            yield (
                f"{record.name}: from site {site} it leaves the film again, touched by "
                f"{end.neighbours}, {signed(value)} eV from the interface; that is another event "
                "and does not count."
            )
    if energy.back_ev is None and record.reason is None:
        yield f"{record.name}: put back, the ligand does not make the units that were there."
    elif energy.back_ev is not None and abs(energy.back_ev) > LARGE_EV:
        yield (
            f"{record.name}: with the ligand put back the interface lies {signed(energy.back_ev)} "
            "eV from where it was: it has found another minimum on the way."
        )


def _by_kind(records: Sequence[EventRecord]) -> list[list[EventRecord]]:
    found: dict[tuple[str, str, str | None], list[EventRecord]] = {}
    for record in records:
        found.setdefault((record.pair, record.ligand, record.by), []).append(record)
    return list(found.values())


def _measured(records: Sequence[EventRecord]) -> Iterator[Measurement]:
    """The lowest of a kind of ligand, by one level of theory."""
    known = [
        (r.energy, r.unmoved, r.energies_of)
        for r in records
        if r.energy and r.energies_of and r.unmoved and r.unmoved.step
    ]
    if not known:
        return
    energy, unmoved, by = min(known, key=lambda each: each[0].energy_ev)
    assert unmoved.step is not None
    labels = read_labels(InterfaceLabels, unmoved.step.metadata, unmoved.label)
    film, substrate = labels.film, labels.substrate
    yield Measurement(
        "ligand transfer energy",
        f"{records[0].ligand} at {film.name}|{substrate.name}",
        energy.energy_ev,
        energy.uncertainty_ev,
        slab_choices(substrate.label, film.label, substrate.doping, by.engine.called),
    )

"""Tables of a report's section on migration."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from natriface.analysis.results.published import Published, PublishedBarrier
from natriface.structures.base.conversions import BOLTZMANN_EV_PER_K
from natriface.structures.surfaces.surface_cell import miller_label
from natriface.workflows.parts.migration.records import FarWay, HopRecord
from natriface.workflows.report.table import Cell, Column, Table


def matches(record: HopRecord, published: Published) -> list[PublishedBarrier]:
    """The published barriers of a hop's phase and carrier."""
    own = record.labels.phase, record.labels.carrier
    return [b for b in published.barriers if (b.phase, b.carrier) == own]


def same_kind(record: HopRecord, printed: PublishedBarrier) -> bool:
    """Whether a published barrier is of the same kind of path."""
    return printed.path_type == record.labels.path_type


def barrier_table(records: Sequence[HopRecord]) -> Table:
    """Every hop with its barrier, or why it has none."""

    def barrier(name: str) -> Callable[[HopRecord], Cell]:
        return lambda hop: getattr(hop.barrier, name) if hop.barrier else None

    columns = (
        Column("Hop", of=lambda hop: hop.name),
        Column("path", of=lambda hop: hop.labels.hop_label or hop.kind),
        Column("facet", of=_facet),
        Column("charge", of=lambda hop: None if _by_potential(hop) else hop.charge_words),
        Column("forward", "eV", 3, of=barrier("forward_ev")),
        Column("reverse", "eV", 3, of=barrier("reverse_ev")),
        Column("reaction", "eV", 3, of=barrier("reaction_energy_ev")),
        Column("highest image", "eV", 3, of=barrier("highest_image_forward_ev")),
        Column("fit less image", "eV", 3, of=barrier("gap_ev")),
        Column("force left across the path", "eV/Å", 3, of=_force_left),
        Column("straight length", "Å", 2, of=lambda hop: hop.labels.length_angstrom),
        Column("status", of=_status, state=True),
    )
    notes = [
        "A band that is not converged has no barrier. Reaction: final less initial end point.",
        *(
            ["A potential computes the cell without being told its charge."]
            if any(map(_by_potential, records))
            else []
        ),
    ]
    return Table.of("Barriers", columns, records, notes=notes)


def frequency_table(records: Sequence[HopRecord]) -> Table:
    """Rates and diffusivities, with the limits of what they mean."""
    temperature = records[0].temperature_k
    columns = (
        Column("Hop", of=lambda hop: hop.name),
        Column("barrier", "eV", 3, of=lambda hop: hop.barrier.forward_ev if hop.barrier else None),
        Column(
            "hops over it", "1/s", of=lambda hop: f"{hop.rate.rate_hz:.1e}" if hop.rate else None
        ),
        Column("D of the carrier", "cm²/s", of=_diffusivity),
        Column("prefactor", of=_prefactor),
        Column("limits", of=_limits),
    )
    note = f"At {temperature:g} K, where kT is {1000 * BOLTZMANN_EV_PER_K * temperature:.1f} meV."
    return Table.of("Hop frequencies", columns, records, notes=[note])


def far_table(ways: Sequence[FarWay]) -> Table:
    """The lowest ways through each crystal, in one direction, two and all three."""

    def barrier(directions: int) -> Callable[[FarWay], Cell]:
        return lambda way: way.barriers_ev.get(directions)

    columns = (
        Column("Crystal", of=lambda way: way.label),
        Column("in one direction", "eV", 3, of=barrier(1)),
        Column("in two", "eV", 3, of=barrier(2)),
        Column("in all three", "eV", 3, of=barrier(3)),
        Column("hops with a barrier", of=lambda way: f"{way.n_open} of {way.n_hops}"),
    )
    note = (
        "Highest point of the lowest way through the network of all equivalents of these hops, "
        "above the lowest end point; hops without a barrier count as closed."
    )
    return Table.of("Through the crystal", columns, ways, notes=[note])


def comparison_table(records: Sequence[HopRecord], published: Published) -> Table:
    """Barriers here beside those in print, and whether their paths are alike."""
    pairs = [(record, printed) for record in records for printed in matches(record, published)]
    columns = (
        Column("Hop", of=lambda pair: pair[0].name),
        Column("path here", of=lambda pair: pair[0].kind),
        Column(
            "here", "eV", 3, of=lambda pair: pair[0].barrier.forward_ev if pair[0].barrier else None
        ),
        Column("printed", "eV", 3, of=lambda pair: pair[1].value_ev),
        Column("words", of=lambda pair: pair[1].words),
        Column("compared", of=lambda pair: _compared(*pair)),
        Column("place", of=lambda pair: "; ".join(t for t in (pair[1].place, pair[1].note) if t)),
    )
    note = f"{published.citation}. Not stated there: {published.not_stated or 'nothing missing'}."
    return Table.of("Barriers in print", columns, pairs, notes=[note])


def _compared(record: HopRecord, printed: PublishedBarrier) -> str:
    if same_kind(record, printed):
        return "the same kind of path"
    if printed.path_type is None:
        return "the source does not say which path"
    return f"another path: {printed.path_type}"


def _by_potential(record: HopRecord) -> bool:
    return bool(record.engine and record.engine.model)


def _force_left(record: HopRecord) -> float | None:
    summary = record.summary
    return summary.max_perpendicular_force_ev_per_angstrom if summary else None


def _diffusivity(record: HopRecord) -> str | None:
    spread = record.diffusivity
    return f"{spread.diffusivity_cm2_per_s:.1e}" if spread else None


def _prefactor(record: HopRecord) -> str | None:
    rate = record.rate
    return f"{rate.prefactor_hz:.0e} Hz, {rate.prefactor_source}" if rate else None


def _limits(record: HopRecord) -> str | None:
    rate = record.rate
    words = record.rate_reason or (record.diffusivity_reason if rate else None)
    if not record.barrier:
        words = "no barrier"
    return "; ".join([*(rate.warnings if rate else []), *([words] if words else [])]) or None


def _status(record: HopRecord) -> str:
    if record.no_barrier:
        return f"{record.status}; its ends are no minima"
    why = record.reason
    return record.status if record.barrier or not why else f"{record.status}: {why}"


def _facet(record: HopRecord) -> str | None:
    facet = record.labels.facet
    return miller_label(facet) if facet else None

"""The report's section on surfaces: their energies, Wulff shapes, and the facets these choose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from natriface.analysis.energies.wulff_shape import WULFF_FORMULA
from natriface.analysis.figures.bars import Bar, energy_bars
from natriface.analysis.figures.pictures.surface_pictures import (
    PotentialPanel,
    potential_lines,
    wulff_figure,
)
from natriface.analysis.results.claim import Choice, Measurement
from natriface.analysis.results.result import Result
from natriface.analysis.results.wording import listed, number
from natriface.workflows.parts.surface_energies.levels import (
    LevelsRecord,
    levels_figures,
    levels_records,
    levels_table,
)
from natriface.workflows.parts.surface_energies.records import (
    CONVERGED_J_PER_M2,
    PhaseRecord,
    TerminationRecord,
    WulffRecord,
    phase_records,
)
from natriface.workflows.parts.surface_energies.tables import (
    condition,
    energy_table,
    excess_table,
    wulff_table,
)
from natriface.workflows.report.figure import ReportFigure
from natriface.workflows.report.section import (
    Block,
    Listed,
    Section,
    SectionContext,
    with_care,
)


def section(results: Sequence[Result], context: SectionContext) -> Section | None:
    """What there is to say of a study's surfaces; None where there are none."""
    records = phase_records(results, context)
    if not records:
        return None
    levels = levels_records(results, context)
    shapes = wulff_table(records)
    tables = [
        energy_table(records),
        excess_table(records),
        shapes,
        levels_table(levels),
    ]
    left_out = [
        f"{record.label} {what}: {why}."
        for record in records
        for what, why in record.crystal.left_out.items()
    ]
    drawn = [*_figures(records, context), *levels_figures(levels, context)]
    blocks: list[Block] = [*drawn, *(t for t in tables if t is not None)]
    if left_out:
        blocks.append(Listed("Left out", left_out))
    return Section(
        key="surface_energies",
        title="Surface energies",
        findings=[text for record in records for text in _findings(record)],
        blocks=[*blocks, *with_care([text for record in records for text in _cautions(record)])],
        methods=[] if shapes is None else [WULFF_FORMULA],
        values={record.label: _document(record, levels) for record in records},
        measurements=[found for record in records for found in _measured(record)],
    )


def _measured(record: PhaseRecord) -> Iterator[Measurement]:
    """Energies that no chemical potential moves, uncertain by what two thicknesses differ by."""
    chosen: dict[Choice, str] = {"potential": record.engine.called} if record.engine else {}
    for one in record.terminations:
        if one.energy is not None and not one.varies:
            change = one.difference_j_per_m2
            off = None if change is None else abs(change)
            name = f"{record.label} {one.termination}"
            yield Measurement("surface energy", name, one.energy.value_j_per_m2, off, chosen)


def _document(record: PhaseRecord, levels: Sequence[LevelsRecord]) -> dict[str, Any]:
    own = [one.model_dump(mode="json") for one in levels if one.label == record.label]
    return record.model_dump(mode="json") | ({"levels": own} if own else {})


def _figures(records: Sequence[PhaseRecord], context: SectionContext) -> list[ReportFigure]:
    drawn = []
    bars = [
        Bar(
            f"{record.label} {one.termination}",
            one.energy.value_j_per_m2 if one.energy else None,
            one.reason,
        )
        for record in records
        for one in record.terminations
        if not one.varies
    ]
    if bars:
        engine = next((record.engine for record in records if record.engine), None)
        drawn.append(
            context.draw(
                energy_bars(bars, "surface energy", ours=engine.words if engine else "computed"),
                "surface-energies",
                caption="Surface energies of the thickest slab of each termination, relaxed.",
                alt="Bars of surface energies: "
                + "; ".join(f"{b.label} {number(b.value_j_per_m2, 3)} J/m2" for b in bars),
            )
        )
    panels = _panels(records)
    if panels:
        drawn.append(
            context.draw(
                potential_lines(panels),
                "surface-energies-potential",
                caption="Surface energies between the bounds that the phases computed set to the "
                "chemical potential, which is counted from the element's own crystal.",
                alt="Lines of surface energies against a chemical potential",
            )
        )
    shapes = {
        record.label + (f", {condition(shape)}" if condition(shape) else ""): shape.shape
        for record in records
        for shape in record.shapes
        if shape.shape is not None
    }
    if shapes:
        drawn.append(
            context.draw(
                wulff_figure(shapes),
                "wulff-shapes",
                caption="Wulff shapes by the lowest termination of each facet, with the facets' "
                "shares of the area and surface energies.",
                alt="; ".join(
                    f"{label}: "
                    + ", ".join(f"{k} {100 * f:.0f} %" for k, f in s.area_fractions.items() if f)
                    for label, s in shapes.items()
                ),
            )
        )
    return drawn


def _panels(records: Sequence[PhaseRecord]) -> list[PotentialPanel]:
    """One a phase whose chemical potential has two bounds and whose surfaces depend on it."""
    panels = []
    for record in records:
        bounds = record.bounds
        if bounds is None or bounds.low_ev is None or bounds.high_ev is None:
            continue
        if any(one.varies for one in record.terminations):
            energies = {
                f"{record.label} {one.termination}": one.energy
                for one in record.terminations
                if one.energy is not None
            }
            panels.append(
                PotentialPanel(
                    record.label, bounds.element, bounds.low_ev, bounds.high_ev, energies
                )
            )
    return panels


def _findings(record: PhaseRecord) -> list[str]:
    """What the Wulff shapes are, and the facets an interface should be made with."""
    return [_of_shape(record, shape) for shape in record.shapes if shape.shape is not None]


def _of_shape(record: PhaseRecord, shape: WulffRecord) -> str:
    at = f" ({condition(shape)})" if condition(shape) else ""
    parts = []
    for facet, share in shape.area_fractions.items():
        low, high = shape.shares.get(facet, (share, share))
        if high > 0.0005:
            spread = f" ({100 * low:.0f} to {100 * high:.0f})" if high - low > 0.005 else ""
            parts.append(f"{facet} {100 * share:.0f} %{spread}")
    known = bool(shape.shares)
    chosen = [
        shape.terminations[facet]
        for facet, share in shape.area_fractions.items()
        if shape.shares.get(facet, (share, share))[0] > 0.0005
    ]
    without = f", without {listed(record.missing_facets)}" if record.missing_facets else ""
    spread = "the spread is that of two slab thicknesses" if known else _thickness(shape)
    return (
        f"{record.label}{at}: the Wulff shape of the facets computed{without} is "
        f"{', '.join(parts)} of the area; {spread}. Weighted surface energy "
        f"{number(shape.weighted_energy_j_per_m2, 3)} J/m², anisotropy "
        f"{number(shape.anisotropy, 2)}. Facets for an interface, the largest first: "
        f"{', '.join(chosen) or 'none that is certain'}."
    )


def _thickness(shape: WulffRecord) -> str:
    """What two thicknesses say of a shape whose shares have no spread."""
    if shape.no_shares is None:
        return "slab thickness is not tested"
    return f"slab thickness was tested, and is too small: {shape.no_shares}"


def _cautions(record: PhaseRecord) -> list[str]:
    label = record.label
    found = [text for one in record.terminations for text in _of_termination(label, one)]
    if record.no_bounds:
        found.append(f"{label}: {record.no_bounds}.")
    varying = [one.termination for one in record.terminations if one.varies]
    bounds = record.bounds
    if varying and bounds and None in (bounds.low_ev, bounds.high_ev):
        side = "below" if bounds.low_ev is None else "above"
        found.append(
            f"{label}: no phase computed bounds Δμ of {bounds.element} from {side}, so that "
            f"{', '.join(varying)} have no surface energy there; name a phase of its other "
            "elements."
        )
    if record.missing_facets and record.shapes:
        found.append(
            f"{label}: no surface energy is known of {', '.join(record.missing_facets)}; with it "
            "the Wulff shape may be another."
        )
    found += [f"{label}: {shape.reason}." for shape in record.shapes if shape.reason]
    return found


def _of_termination(label: str, one: TerminationRecord) -> list[str]:
    name = f"{label} {one.termination}"
    found = []
    if one.energy is None:
        found.append(f"{name}: no surface energy: {one.reason or one.slabs[-1].status}.")
        return found
    difference = one.difference_j_per_m2
    if difference is not None and abs(difference) > CONVERGED_J_PER_M2:
        found.append(
            f"{name}: the two thicknesses differ by {number(abs(difference), 3)} J/m², more than "
            f"{CONVERGED_J_PER_M2}: take thicker slabs."
        )
    elif difference is None:
        found.append(f"{name}: its convergence with thickness is not known.")
    if one.faces != "alike":
        found.append(f"{name}: its two faces differ; the number is their mean.")
    if not one.varies and one.energy.value_j_per_m2 <= 0:
        found.append(
            f"{name}: a surface energy that is not positive says that the crystal is not stable "
            "in this calculation, or that the slab has become another phase."
        )
    if one.varies and one.formal_charge_e:
        found.append(
            f"{name}: its formal charges leave {one.formal_charge_e:+.1f} e a cell, which no "
            "potential sees: judge it by DFT."
        )
    return found

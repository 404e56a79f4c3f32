"""The report's section on bonds, band centers and ELF."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from natriface.analysis.bonding.tetrahedra import (
    BY_LENGTH_FORMULA,
    NEXT_TO_ANGSTROM,
    STRENGTH_FORMULA,
    BondDifference,
    BondGroup,
    Slope,
    compare_groups,
)
from natriface.analysis.electrons.band_centers import (
    CENTER_FORMULA,
    BandCenter,
    CenterShift,
    shift_between,
)
from natriface.analysis.results.claim import Measurement, Quantity
from natriface.analysis.results.published import Published
from natriface.analysis.results.result import Result
from natriface.analysis.results.spilling import judge_spilling
from natriface.analysis.results.wording import number, signed
from natriface.analysis.verdicts.side_by_side import side_by_side
from natriface.workflows.parts.electronic_structure import figures as drawings
from natriface.workflows.parts.electronic_structure import tables
from natriface.workflows.parts.electronic_structure.measurements import measurements
from natriface.workflows.parts.electronic_structure.records import (
    WINDOWS,
    CrystalRecord,
    align,
    gather_crystals,
    gather_slope,
)
from natriface.workflows.parts.labels import step_labels
from natriface.workflows.report.section import FEW, Section, SectionContext, with_care
from natriface.workflows.report.table import Table

KEY = "electronic_structure"
TITLE = "Bonds, band centers and electron localization"

METHODS = (
    STRENGTH_FORMULA,
    "Changes are of the second crystal less the first: positive = stronger, longer, higher in "
    "energy.",
    BY_LENGTH_FORMULA,
    CENTER_FORMULA,
    "Valence window: 12 eV below the zero, which leaves out O 2s and F 2s; occupied: all below the "
    "zero; whole band: all that was computed, its upper end set by the number of empty bands.",
    "Centers of two crystals are subtracted only where a semicore level of atoms away from F "
    "aligns the crystals.",
    f"A unit is next to F where one of its ligands is closer than {NEXT_TO_ANGSTROM:g} Å to an F "
    "of another unit.",
    "ELF: Becke and Edgecombe (1990) in the form of Savin et al. (1992), of the valence electrons; "
    "inside the cores it has no meaning. Interpolated by a periodic cubic spline.",
)


def section(results: Sequence[Result], context: SectionContext) -> Section | None:
    """The section, or None where the study has no such step."""
    labels = dict.fromkeys(step_labels(step).belongs_to for step in context.expected)
    crystals = gather_crystals(results, context.folders, [label for label in labels if label])
    if not crystals:
        return None
    slope, slope_problems = gather_slope(results, context.folders)
    pairs = _pairs(crystals)
    differences = [d for one, other in pairs for d in bond_differences(one, other, slope)]
    shifts = [(one, other, center_shifts(one, other)) for one, other in pairs]
    measured = measurements(crystals, differences)
    findings = _findings(crystals, pairs, differences, slope, shifts, context.published)
    found: list[Table | None] = [
        tables.bond_table(crystals, context.published),
        tables.difference_table(differences, slope, context.published),
        tables.center_table(crystals),
        tables.shift_table(shifts),
        tables.elf_table(crystals),
        tables.single_bond_table(crystals),
    ]
    return Section(
        key=KEY,
        title=TITLE,
        verdict=_outcome(measured, differences) if len(findings) > FEW else (),
        findings=findings,
        blocks=[
            *_paragraphs(crystals, context.published),
            *drawings.draw(crystals, context),
            *(table for table in found if table is not None),
            *with_care(_warnings(crystals, slope_problems, context)),
        ],
        methods=METHODS,
        values=_values(crystals, differences, slope, shifts),
        measurements=measured,
    )


def _outcome(measured: Sequence[Measurement], differences: Sequence[BondDifference]) -> list[str]:
    """How the strengths of like bonds differ, at equal length where that is known."""
    found = side_by_side(measured, [(d.first, d.second) for d in differences])
    by = {each.quantity: each.sentence for each in found}
    quantities: tuple[Quantity, ...] = (
        "bond strength at equal length",
        "bond strength",
        "bond length",
    )
    return next(([by[quantity]] for quantity in quantities if quantity in by), [])


def bond_differences(
    one: CrystalRecord, other: CrystalRecord, slope: Slope | None
) -> list[BondDifference]:
    """Every kind of unit of the second crystal against the whole units of the first.

    A ``PO3F`` or ``PO4 next to F`` is laid beside the first crystal's ``PO4``. The slope counts for
    the bond it was computed for.
    """
    found = []
    for group in other.groups:
        partner = _partner(group, one.groups)
        if partner is None:
            continue
        fits = slope is not None and slope.label.startswith(group.bond)
        found.append(
            compare_groups(partner, group, slope if fits else None, (one.label, other.label))
        )
    return found


def center_shifts(one: CrystalRecord, other: CrystalRecord) -> list[tuple[str, CenterShift]]:
    """(window, shift) of every center that both crystals have, aligned; empty where they are not.

    As with bonds, a ``PO3F`` is laid beside ``PO4``.
    """
    zeros = align(one, other)
    if zeros is None:
        return []
    found = []
    for name, window in WINDOWS.items():
        if name == "whole band":  # its upper end depends on the number of empty bands
            continue
        here = {center.label: center.counted_from(zeros[0]) for center in one.centers(window)}
        for center in other.centers(window):
            partner = here.get(center.label) or _like_center(center.label, here)
            if partner is not None and partner.window_zero.kind == center.window_zero.kind:
                found.append((name, shift_between(partner, center.counted_from(zeros[1]))))
    return found


def _like_center(label: str, centers: dict[str, BandCenter]) -> BandCenter | None:
    """The same channel in a unit with the same centre."""
    channel, _, unit = label.partition(" of ")
    for other, center in centers.items():
        other_channel, _, other_unit = other.partition(" of ")
        if other_channel == channel and _alike(unit, other_unit):
            return center
    return None


def _partner(group: BondGroup, groups: Sequence[BondGroup]) -> BondGroup | None:
    same = [g for g in groups if g.bond == group.bond]
    exact = [g for g in same if g.kind == group.kind]
    alike = [g for g in same if _alike(group.kind, g.kind)]
    return next(iter([*exact, *alike]), None)


def _alike(kind: str, other: str) -> bool:
    """Whether two kinds of units have the same centre: PO3F, PO4 next to F and PO4."""
    centre = "Si" if kind.startswith("Si") else kind[:1]
    rest = other[len(centre) :]
    return other.startswith(centre) and not rest[:1].islower()


def _pairs(crystals: Sequence[CrystalRecord]) -> list[tuple[CrystalRecord, CrystalRecord]]:
    by_label = {crystal.label: crystal for crystal in crystals}
    return [
        (by_label[crystal.against], crystal)
        for crystal in crystals
        if crystal.against is not None and crystal.against in by_label
    ]


def _findings(
    crystals: Sequence[CrystalRecord],
    pairs: Sequence[tuple[CrystalRecord, CrystalRecord]],
    differences: Sequence[BondDifference],
    slope: Slope | None,
    shifts: Sequence[tuple[CrystalRecord, CrystalRecord, list[tuple[str, CenterShift]]]],
    published: Published | None,
) -> list[str]:
    said = []
    computed = [d for d in differences if d.strength_change_ev is not None]
    parted = [d for d in computed if d.remainder_ev is not None]
    foreign = [d for d in parted if "F in" in d.second or "F of" in d.second]
    said += [_bond_sentence(difference) for difference in foreign or parted or computed]
    if published and slope is not None:
        said += _published_sentence(slope, published)
    for one, other, found in shifts:
        words = [
            f"{shift.label} {signed(shift.shift_ev)} eV"
            for window, shift in found
            if window == "valence"
        ]
        if words:
            level = found[0][1].zero
            said.append(
                f"Band centers of {other.label} against {one.label}, both counted from the "
                f"{level} of atoms away from F, over the valence window: {', '.join(words)}."
            )
    said += [s for one, other in pairs for s in _fermi_sentence(one, other)]
    if not said and any(crystal.groups for crystal in crystals):
        for crystal in crystals:
            for group in crystal.groups:
                if group.icohp_ev is not None:
                    said.append(
                        f"{group.label} of {crystal.label}: -ICOHP "
                        f"{number(-group.icohp_ev.mean)} eV at "
                        f"{number(group.length_angstrom.mean, 3)} Å."
                    )
    return said


def _bond_sentence(difference: BondDifference) -> str:
    change = difference.strength_change_ev
    assert change is not None
    length = difference.length_change_angstrom
    text = (
        f"{difference.second} against {difference.first}: "
        f"{'shorter' if length < 0 else 'longer'} by {number(abs(length), 3)} Å and "
        f"{'stronger' if change > 0 else 'weaker'} by {number(abs(change))} eV"
    )
    if difference.by_length_ev is None or difference.remainder_ev is None:
        return text + "."
    return (
        f"{text}; the change of length alone explains {signed(difference.by_length_ev)} eV of "
        f"{signed(change)} eV, leaving {signed(difference.remainder_ev)} eV to chemistry."
    )


def _published_sentence(slope: Slope, published: Published) -> list[str]:
    bonds = [b for b in published.bonds if slope.label.startswith(b.bond)]
    if len(bonds) != 2:
        return []
    one, other = bonds
    lengths, strengths = (one.length_angstrom, other.length_angstrom), (
        one.strength_ev, other.strength_ev,
    )  # fmt: skip
    if None in lengths or None in strengths:
        return []
    by_length = slope.ev_per_angstrom * (lengths[1] - lengths[0])  # type: ignore[operator]
    change = strengths[1] - strengths[0]  # type: ignore[operator]
    return [
        f"{published.short_name} prints {lengths[0]:.2f} to {lengths[1]:.2f} Å and "
        f"{strengths[0]:.2f} to {strengths[1]:.2f} eV; at the slope computed here "
        f"({number(slope.ev_per_angstrom, 1)} eV/Å) its change of length alone makes "
        f"{signed(by_length)} of its {signed(change)} eV."
    ]


def _fermi_sentence(one: CrystalRecord, other: CrystalRecord) -> list[str]:
    """Where doping moves the Fermi level into the conduction band, shifts against it mislead."""
    levels = []
    for record in (one, other):
        dos = record.dos
        if dos is None or dos.fermi_level_ev is None or dos.valence_band_maximum_ev is None:
            return []
        levels.append((dos.fermi_level_ev - dos.valence_band_maximum_ev, dos.is_metal))
    if levels[0][1] or not levels[1][1]:
        return []
    return [
        f"In {other.label} the Fermi level lies {number(levels[1][0])} eV above the valence-band "
        "maximum, in the conduction band, for the dopant's charge is not compensated; all its "
        "valence bands therefore seem to move down when they are counted from the Fermi level. "
        "Counted from a semicore level, they move as said above."
    ]


def _paragraphs(crystals: Sequence[CrystalRecord], published: Published | None) -> list[str]:
    said = []
    for crystal in crystals:
        what = crystal.labels
        if what is None:
            continue
        text = f"{crystal.label}: {what.phase} ({what.grade}; {what.source})"
        if what.doping:
            text += f"; {what.doping}"
        if crystal.engines:
            text += f". Electrons: {', '.join(crystal.engines)}"
        said.append(text + ".")
    if published:
        said += [
            f"{published.short_name} on {topic}: {' '.join(text.split())}."
            for topic, text in published.electronic_structure.items()
        ]
    return said


def _warnings(
    crystals: Sequence[CrystalRecord], slope_problems: Sequence[str], context: SectionContext
) -> list[str]:
    said = []
    for crystal in crystals:
        said += crystal.problems
        bonds = crystal.bonds
        if bonds is not None:
            said += [f"{crystal.label}, bonds: {warning}" for warning in bonds.warnings]
            if bonds.spilling is not None:
                verdict = judge_spilling(bonds.spilling)
                if verdict.status != "sound":
                    said.append(f"{crystal.label}, bonds: {verdict.reason}")
        if crystal.dos is not None and crystal.zero is not None:
            said += [
                f"{crystal.label}, densities of states: {note}"
                for note in crystal.dos.notes(crystal.zero)
            ]
    said += slope_problems
    for one, other in _pairs(crystals):
        if one.dos is not None and other.dos is not None and align(one, other) is None:
            said.append(
                f"{other.label} against {one.label}: no semicore level aligns them, so that their "
                "band centers are not subtracted"
            )
    for step in context.expected:
        reason = context.missing.get(step.id) or context.missing.get(step.name)
        if reason:
            said.append(f"{step.name}: {reason}")
    return list(dict.fromkeys(said))


def _values(
    crystals: Sequence[CrystalRecord],
    differences: Sequence[BondDifference],
    slope: Slope | None,
    shifts: Sequence[tuple[CrystalRecord, CrystalRecord, list[tuple[str, CenterShift]]]],
) -> dict[str, Any]:
    """JSON-able; units in the keys."""
    return {
        "crystals": [tables.crystal_document(crystal) for crystal in crystals],
        "slope": None
        if slope is None
        else {
            "bond": slope.label,
            "ev_per_angstrom": slope.ev_per_angstrom,
            "points_angstrom_ev": [list(point) for point in slope.points],
            "residual_ev": slope.residual_ev,
        },
        "bond_differences": [
            {
                "first": d.first,
                "second": d.second,
                "length_change_angstrom": d.length_change_angstrom,
                "strength_change_ev": d.strength_change_ev,
                "by_length_ev": d.by_length_ev,
                "remainder_ev": d.remainder_ev,
            }
            for d in differences
        ],
        "center_shifts": [
            {
                "first": one.label,
                "second": other.label,
                "window": window,
                "center": shift.label,
                "shift_ev": shift.shift_ev,
                "counted_from": shift.zero,
            }
            for one, other, found in shifts
            for window, shift in found
        ],
    }

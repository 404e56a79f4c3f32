"""Tables of a report's section on electronic structure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from natriface.analysis.bonding.tetrahedra import BondDifference, BondGroup, Slope, UnitBond
from natriface.analysis.electrons.band_centers import BandCenter, CenterShift
from natriface.analysis.electrons.localization import BondProfile, bond_profile
from natriface.analysis.results.published import Published, PublishedBond
from natriface.workflows.parts.electronic_structure.records import WINDOWS, CrystalRecord
from natriface.workflows.report.section import Cell, Column, Table


def bond_table(crystals: Sequence[CrystalRecord], published: Published | None) -> Table | None:
    """Lengths and strengths by kind of bond and unit, beside the published ones."""
    rows: list[list[Cell]] = []
    notes: list[str] = []
    printed_any = bool(published and published.bonds)
    for crystal in crystals:
        for group in crystal.groups:
            printed = (
                published.bond_of(crystal.label, group.kind, group.bond) if published else None
            )
            rows.append(_bond_row(crystal.label, group, printed, printed_any))
            if printed is not None and printed.note:
                notes.append(f"{printed.place}: {printed.note}.")
    if not rows:
        return None
    columns = [
        Column("crystal"),
        Column("unit"),
        Column("bond"),
        Column("n"),
        Column("length", "Å", 4),
        Column("min", "Å", 4),
        Column("max", "Å", 4),
        Column("sd", "Å", 4),
        Column("−ICOHP", "eV", 3),
        Column("min", "eV", 3),
        Column("max", "eV", 3),
        Column("sd", "eV", 3),
    ]
    if printed_any:
        columns += [Column("published length", "Å", 2), Column("published |ICOHP|", "eV", 2)]
    sources = sorted({c.bonds.source for c in crystals if c.bonds is not None and c.bonds.source})
    notes = [*(f"Bonds by {source}." for source in sources), *_spilling_notes(crystals), *notes]
    return Table("Bonds of the tetrahedra", columns, rows, list(dict.fromkeys(notes)))


def difference_table(
    differences: Sequence[BondDifference], slope: Slope | None, published: Published | None
) -> Table | None:
    """Changes of bonds, and the part that their lengths explain."""
    rows: list[list[Cell]] = [
        [
            d.first,
            d.second,
            d.length_change_angstrom,
            d.strength_change_ev,
            d.by_length_ev,
            d.remainder_ev,
        ]
        for d in differences
    ]
    if not rows:
        return None
    notes = ["Second less first: a positive change of strength is a stronger bond."]
    if slope is not None:
        points = ", ".join(f"{s:.3f} eV at {x:.4f} Å" for x, s in slope.points)
        notes.append(f"Slope of {slope.label}: {slope.ev_per_angstrom:.2f} eV/Å from {points}.")
    else:
        notes.append("The part explained by length needs the slope of a stretched bond.")
    bonds = published.bonds if published else []
    if len(bonds) == 2 and slope is not None and published is not None:
        one, other = bonds
        values = (one.length_angstrom, other.length_angstrom, one.strength_ev, other.strength_ev)
        if all(value is not None for value in values) and slope.label.startswith(one.bond):
            stretch = other.length_angstrom - one.length_angstrom  # type: ignore[operator]
            change = other.strength_ev - one.strength_ev  # type: ignore[operator]
            explained = slope.ev_per_angstrom * stretch
            rows.append(
                [
                    f"{published.short_name}: {one.bond} in {one.unit} of {one.crystal}",
                    f"{other.bond} in {other.unit} of {other.crystal}",
                    stretch,
                    change,
                    explained,
                    change - explained,
                ]
            )
            notes.append("The published pair is parted with the slope computed here.")
    columns = [
        Column("first"),
        Column("second"),
        Column("change of length", "Å", 4),
        Column("change of −ICOHP", "eV", 3),
        Column("explained by length", "eV", 3),
        Column("remainder", "eV", 3),
    ]
    return Table("Changes of bonds", columns, rows, notes)


def center_table(crystals: Sequence[CrystalRecord]) -> Table | None:
    """Centers over the three windows, and the gap from the lowest center of the unit."""
    rows: list[list[Cell]] = []
    notes: list[str] = []
    for crystal in crystals:
        by_window = {
            name: {center.label: center for center in crystal.centers(window)}
            for name, window in WINDOWS.items()
        }
        for label, center in by_window["occupied"].items():
            valence = by_window["valence"].get(label)
            whole = by_window["whole band"].get(label)
            rows.append(
                [
                    crystal.label,
                    label,
                    _of(valence, "center_ev"),
                    _of(valence, "width_ev"),
                    center.center_ev,
                    center.width_ev,
                    center.n_states,
                    _of(whole, "center_ev"),
                ]
            )
        for name, centers in by_window.items():
            first = next(iter(centers.values()), None)
            if first is not None:
                notes.append(f"{crystal.label}, {name}: {first.window_words}.")
        if crystal.dos is not None and crystal.zero is not None:
            notes.append(f"{crystal.label}: {crystal.dos.projected_words(crystal.zero)}.")
    if not rows:
        return None
    columns = [
        Column("crystal"),
        Column("center"),
        Column("valence", "eV", 3),
        Column("width", "eV", 3),
        Column("occupied", "eV", 3),
        Column("width", "eV", 3),
        Column("states"  , "", 2),
        Column("whole band", "eV", 3),
    ]  # fmt: skip
    return Table("Band centers", columns, rows, notes)


def shift_table(
    shifts: Sequence[tuple[CrystalRecord, CrystalRecord, list[tuple[str, CenterShift]]]],
) -> Table | None:
    """Centers of one crystal against another, aligned, and how far their Fermi levels mislead."""
    rows: list[list[Cell]] = []
    notes: list[str] = []
    for one, other, found in shifts:
        names = list(dict.fromkeys(shift.label for _, shift in found))
        for name in names:
            values = {window: shift.shift_ev for window, shift in found if shift.label == name}
            fermi = _fermi_shift(one, other, name, values.get("valence"), found)
            rows.append([one.label, other.label, name, values.get("valence"),
                         values.get("occupied"), fermi])  # fmt: skip
        if found:
            notes.append(
                f"{other.label} against {one.label}: both counted from the {found[0][1].zero} of "
                "atoms away from F."
            )
        elif one.dos is not None and other.dos is not None:
            notes.append(
                f"{other.label} against {one.label}: no semicore level aligns them; their centers "
                "are not subtracted."
            )
    if not rows:
        return None
    notes.append(
        "The last column counts both from their own Fermi levels, as the paper does; it contains "
        "the move of the Fermi level itself."
    )
    columns = [
        Column("first"),
        Column("second"),
        Column("center"),
        Column("valence", "eV", 3),
        Column("occupied", "eV", 3),
        Column("valence, from E_F", "eV", 3),
    ]
    return Table("Shifts of band centers", columns, rows, notes)


def elf_table(crystals: Sequence[CrystalRecord]) -> Table | None:
    """ELF along the bonds of the unit that the maps show."""
    rows: list[list[Cell]] = []
    for crystal in crystals:
        for kind, bond, profile in elf_profiles(crystal):
            rows.append(
                [
                    crystal.label,
                    kind,
                    bond.name,
                    bond.length_angstrom,
                    profile.maximum,
                    profile.maximum_at_angstrom,
                    profile.minimum,
                    profile.minimum_at_angstrom,
                    profile.midpoint,
                ]
            )
    if not rows:
        return None
    columns = [
        Column("crystal"),
        Column("unit"),
        Column("bond"),
        Column("length", "Å", 4),
        Column("highest", "", 3),
        Column("at", "Å", 3),
        Column("valley", "", 3),
        Column("at", "Å", 3),
        Column("half-way", "", 3),
    ]
    notes = [
        "Along the line from the centre to the ligand: the highest value in the middle half of the "
        "bond, the deepest valley outside the cores where there is one, and the value half-way."
    ]
    return Table("ELF along bonds", columns, rows, notes)


def single_bond_table(crystals: Sequence[CrystalRecord]) -> Table | None:
    """Every bond of every unit."""
    rows: list[list[Cell]] = [
        [
            crystal.label,
            unit.kind,
            bond.name,
            bond.length_angstrom,
            None if bond.icohp_ev is None else -bond.icohp_ev,
        ]
        for crystal in crystals
        for unit in crystal.units
        for bond in unit.bonds
    ]
    if not rows:
        return None
    columns = [
        Column("crystal"),
        Column("unit"),
        Column("bond"),
        Column("length", "Å", 4),
        Column("−ICOHP", "eV", 3),
    ]
    return Table("All bonds", columns, rows, ["Atoms are counted from 1."])


def elf_profiles(crystal: CrystalRecord) -> list[tuple[str, UnitBond, BondProfile]]:
    """The function along each bond of the unit that the figures show."""
    grid = crystal.elf
    unit = None if grid is None else crystal.shown_unit(grid.atoms)
    if unit is None or grid is None:
        return []
    atoms = grid.atoms
    found = []
    for bond in unit.bonds:
        start = atoms.positions[bond.centre]
        along = atoms.get_distance(bond.centre, bond.ligand, mic=True, vector=True)
        found.append((unit.kind, bond, bond_profile(grid, start, start + along)))
    return found


def crystal_document(crystal: CrystalRecord) -> dict[str, Any]:
    """All numbers of a crystal, JSON-able."""
    return {
        "label": crystal.label,
        "phase": crystal.labels.phase if crystal.labels else None,
        "doping": crystal.labels.doping if crystal.labels else None,
        "engines": list(crystal.engines),
        "bonds": [
            {
                "unit": group.kind,
                "bond": group.bond,
                "n": group.length_angstrom.n,
                "length_angstrom": group.length_angstrom.mean,
                "strength_ev": None if group.icohp_ev is None else -group.icohp_ev.mean,
            }
            for group in crystal.groups
        ],
        "charge_spilling_percent": None
        if crystal.bonds is None or crystal.bonds.spilling is None
        else list(crystal.bonds.spilling.charge_percent),
        "fermi_level_ev": None if crystal.dos is None else crystal.dos.fermi_level_ev,
        "valence_band_maximum_ev": None
        if crystal.dos is None
        else crystal.dos.valence_band_maximum_ev,
        "band_gap_ev": _gap(crystal),
        "centers": [
            {
                "center": center.label,
                "window": name,
                "window_ev": [center.lowest_ev, center.highest_ev],
                "zero": center.zero.words,
                "center_ev": center.center_ev,
                "width_ev": center.width_ev,
                "n_states": center.n_states,
            }
            for name, window in WINDOWS.items()
            for center in crystal.centers(window)
        ],
        "elf": [
            {
                "bond": bond.name,
                "unit": kind,
                "maximum": profile.maximum,
                "minimum": profile.minimum,
                "midpoint": profile.midpoint,
            }
            for kind, bond, profile in elf_profiles(crystal)
        ],
        "problems": list(crystal.problems),
    }


def _bond_row(
    label: str, group: BondGroup, printed: PublishedBond | None, with_published: bool
) -> list[Cell]:
    length, icohp = group.length_angstrom, group.icohp_ev
    row: list[Cell] = [
        label, group.kind, group.bond, length.n,
        length.mean, length.minimum, length.maximum, length.sd,
    ]  # fmt: skip
    if icohp is None:
        row += [None] * 4
    else:
        row += [-icohp.mean, -icohp.maximum, -icohp.minimum, icohp.sd]
    if with_published:
        row += [
            None if printed is None else printed.length_angstrom,
            None if printed is None else printed.strength_ev,
        ]
    return row


def _spilling_notes(crystals: Sequence[CrystalRecord]) -> list[str]:
    notes = []
    for crystal in crystals:
        spilling = None if crystal.bonds is None else crystal.bonds.spilling
        if spilling is None:
            continue
        text = " and ".join(f"{value:.2f}" for value in spilling.charge_percent)
        total = " and ".join(f"{value:.2f}" for value in spilling.total_percent)
        notes.append(
            f"{crystal.label}: charge spilling {text} %"
            + (f", of all bands {total} %." if total else ".")
        )
    return notes


def _fermi_shift(
    one: CrystalRecord,
    other: CrystalRecord,
    label: str,
    aligned: float | None,
    found: Sequence[tuple[str, CenterShift]],
) -> float | None:
    """The shift of the same center, each counted from its own Fermi level."""
    if aligned is None or one.dos is None or other.dos is None:
        return None
    levels = (one.dos.fermi_level_ev, other.dos.fermi_level_ev)
    zeros = next((s.levels_ev for _, s in found if s.label == label), None)
    if None in levels or zeros is None:
        return None
    return aligned + (zeros[1] - levels[1]) - (zeros[0] - levels[0])  # type: ignore[operator]


def _gap(crystal: CrystalRecord) -> float | None:
    dos = crystal.dos
    if dos is None or dos.valence_band_maximum_ev is None or dos.conduction_band_minimum_ev is None:
        return None
    return dos.conduction_band_minimum_ev - dos.valence_band_maximum_ev


def _of(center: BandCenter | None, name: str) -> float | None:
    return None if center is None else float(getattr(center, name))

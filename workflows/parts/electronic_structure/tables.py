"""Tables of a report's section on electronic structure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from natriface.analysis.bonding.tetrahedra import BondDifference, Slope, UnitBond
from natriface.analysis.electrons.band_centers import BandCenter, CenterShift
from natriface.analysis.electrons.localization import BondProfile, bond_profile
from natriface.analysis.results.published import Published
from natriface.workflows.parts.electronic_structure.records import WINDOWS, CrystalRecord
from natriface.workflows.report.table import Cell, Column, Table


def bond_table(crystals: Sequence[CrystalRecord], published: Published | None) -> Table | None:
    """Lengths and strengths by kind of bond and unit, beside the published ones."""
    groups = [
        (
            crystal.label,
            group,
            published.bond_of(crystal.label, group.kind, group.bond) if published else None,
        )
        for crystal in crystals
        for group in crystal.groups
    ]
    if not groups:
        return None

    def length(name: str) -> Callable[[Any], float]:
        return lambda row: float(getattr(row[1].length_angstrom, name))

    def strength(name: str, sign: int = -1) -> Callable[[Any], float | None]:
        return lambda row: row[1].icohp_ev and sign * float(getattr(row[1].icohp_ev, name))

    columns = [
        Column("crystal", of=lambda row: row[0]),
        Column("unit", of=lambda row: row[1].kind),
        Column("bond", of=lambda row: row[1].bond),
        Column("n", digits=0, of=lambda row: row[1].length_angstrom.n),
        Column("length", "Å", 4, of=length("mean")),
        Column("min", "Å", 4, of=length("minimum")),
        Column("max", "Å", 4, of=length("maximum")),
        Column("sd", "Å", 4, of=length("sd")),
        Column("−ICOHP", "eV", 3, of=strength("mean")),
        Column("min", "eV", 3, of=strength("maximum")),
        Column("max", "eV", 3, of=strength("minimum")),
        Column("sd", "eV", 3, of=strength("sd", 1)),
    ]
    if published and published.bonds:
        columns += [
            Column("published length", "Å", 2, of=lambda row: row[2] and row[2].length_angstrom),
            Column("published |ICOHP|", "eV", 2, of=lambda row: row[2] and row[2].strength_ev),
        ]
    sources = sorted({c.bonds.source for c in crystals if c.bonds is not None and c.bonds.source})
    notes = [
        *(f"Bonds by {source}." for source in sources),
        *_spilling_notes(crystals),
        *(f"{p.place}: {p.note}." for _, _, p in groups if p is not None and p.note),
    ]
    return Table.of("Bonds of the tetrahedra", columns, groups, notes=list(dict.fromkeys(notes)))


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


Centers = tuple[str, str, BandCenter | None, BandCenter | None, BandCenter | None]
"""Crystal and label of a band, and its centers over a window, its occupied part and all of it."""


def center_table(crystals: Sequence[CrystalRecord]) -> Table | None:
    """Centers over the three windows, and the gap from the lowest center of the unit."""
    rows: list[Centers] = []
    notes: list[str] = []
    for crystal in crystals:
        by_window = {
            name: {center.label: center for center in crystal.centers(window)}
            for name, window in WINDOWS.items()
        }
        for label, center in by_window["occupied"].items():
            valence, whole = (by_window[name].get(label) for name in ("valence", "whole band"))
            rows.append((crystal.label, label, valence, center, whole))
        for name, centers in by_window.items():
            first = next(iter(centers.values()), None)
            if first is not None:
                notes.append(f"{crystal.label}, {name}: {first.window_words}.")
        if crystal.dos is not None and crystal.zero is not None:
            notes.append(f"{crystal.label}: {crystal.dos.projected_words(crystal.zero)}.")
    return centers_table("Band centers", rows, "valence", notes) if rows else None


def centers_table(
    title: str, rows: Sequence[Centers], window: str | None, notes: Sequence[str]
) -> Table:
    """Band centers, as the report and the terminal show them.

    Parameters
    ----------
    window
        Name of the first window; None where there is none.
    """

    def of(place: int, name: str) -> Callable[[Centers], float | None]:
        def value(row: Centers) -> float | None:
            center = row[place]
            return None if center is None else float(getattr(center, name))

        return value

    columns = [
        Column("crystal", of=lambda row: row[0], in_terminal=False),
        Column("center", of=lambda row: row[1]),
        *(
            [
                Column(window, "eV", 3, of=of(2, "center_ev")),
                Column(f"width of {window}", "eV", 3, "width", of=of(2, "width_ev")),
            ]
            if window
            else []
        ),
        Column("occupied", "eV", 3, of=of(3, "center_ev")),
        Column("width of occupied", "eV", 3, "width", of=of(3, "width_ev")),
        Column("states", "", 3, of=of(3, "n_states")),
        Column("whole band", "eV", 3, of=of(4, "center_ev")),
        Column("states of whole band", "", 3, "states", on_page=False, of=of(4, "n_states")),
    ]
    return Table.of(title, columns, rows, notes=notes)


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
    found = [
        (crystal.label, unit, bond.name, profile)
        for crystal in crystals
        for unit, bond, profile in elf_profiles(crystal)
    ]
    return profile_table("ELF along bonds", found) if found else None


def profile_table(title: str, rows: Sequence[tuple[str, str | None, str, BondProfile]]) -> Table:
    """Crystal, unit, bond and the ELF along it, as the report and the terminal show them."""
    columns = (
        Column("crystal", of=lambda row: row[0], in_terminal=False),
        Column("unit", of=lambda row: row[1]),
        Column("bond", of=lambda row: row[2], whole=True),
        Column("length", "Å", 4, of=lambda row: row[3].length_angstrom),
        Column("highest", "", 3, of=lambda row: row[3].maximum),
        Column("place of highest", "Å", 3, "at", of=lambda row: row[3].maximum_at_angstrom),
        Column("valley", "", 3, of=lambda row: row[3].minimum),
        Column("place of valley", "Å", 3, "at", of=lambda row: row[3].minimum_at_angstrom),
        Column("half-way", "", 3, of=lambda row: row[3].midpoint),
    )
    note = (
        "Along the line from the first atom to the second: the highest value in the middle half of "
        "the bond, the deepest valley outside the cores where there is one, and the value half-way."
    )
    return Table.of(title, columns, rows, notes=[note])


def single_bond_table(crystals: Sequence[CrystalRecord]) -> Table | None:
    """Every bond of every unit."""
    bonds = [
        (crystal.label, unit.kind, bond)
        for crystal in crystals
        for unit in crystal.units
        for bond in unit.bonds
    ]
    columns = (
        Column("crystal", of=lambda row: row[0]),
        Column("unit", of=lambda row: row[1]),
        Column("bond", of=lambda row: row[2].name),
        Column("length", "Å", 4, of=lambda row: row[2].length_angstrom),
        Column("−ICOHP", "eV", 3, of=lambda row: _strength(row[2].icohp_ev)),
    )
    notes = ["Atoms are counted from 1."]
    return Table.of("All bonds", columns, bonds, notes=notes) if bonds else None


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
        "band_gap_ev": crystal.band_gap_ev,
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


def _strength(icohp_ev: float | None) -> float | None:
    return None if icohp_ev is None else -icohp_ev


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

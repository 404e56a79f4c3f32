"""What claims on bonds and gaps are held against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from natriface.analysis.bonding.tetrahedra import BondDifference, BondGroup, Spread
from natriface.analysis.energies.starts import spread
from natriface.analysis.results.claim import Choice, Measurement
from natriface.workflows.parts.electronic_structure.records import CrystalRecord


def measurements(
    crystals: Sequence[CrystalRecord], differences: Sequence[BondDifference]
) -> list[Measurement]:
    """Lengths and strengths of the bonds of each kind in each kind of unit, and band gaps.

    Bonds are uncertain by the spread of the bonds themselves, which one structure has in place of
    starts.

    Parameters
    ----------
    differences
        Between crystals: what the change of length explains is left out of the strengths at equal
        length.
    """
    explained = {d.first: 0.0 for d in differences if d.by_length_ev is not None}
    explained |= {d.second: d.by_length_ev for d in differences if d.by_length_ev is not None}
    bonds = [
        found
        for crystal in crystals
        for group in crystal.groups
        for found in _of(crystal, group, explained)
    ]
    gaps = [
        Measurement("band gap", crystal.label, gap, None, _choices(crystal), _grade(crystal))
        for crystal in crystals
        if (gap := crystal.band_gap_ev) is not None
    ]
    return [*bonds, *gaps]


def _choices(crystal: CrystalRecord) -> dict[Choice, str]:
    chosen: dict[Choice, str] = {"surroundings": "crystal"}
    if crystal.engines:
        chosen["potential"] = ", ".join(crystal.engines)
    return chosen


def _grade(crystal: CrystalRecord) -> str | None:
    return None if crystal.labels is None else crystal.labels.grade


def _of(
    crystal: CrystalRecord, group: BondGroup, explained_ev: Mapping[str, float]
) -> Iterator[Measurement]:
    chosen, grade = _choices(crystal), _grade(crystal)
    system = f"{group.label} of {crystal.label}"
    length, icohp = group.length_angstrom, group.icohp_ev
    yield Measurement("bond length", system, length.mean, _range(length), chosen, grade)
    if icohp is None:
        return
    strength = -icohp.mean
    yield Measurement("bond strength", system, strength, _range(icohp), chosen, grade)
    if system in explained_ev:
        at_equal = strength - explained_ev[system]
        off = _range(icohp)
        yield Measurement("bond strength at equal length", system, at_equal, off, chosen, grade)


def _range(values: Spread) -> float | None:
    return spread([values.minimum, values.maximum]) if values.n > 1 else None

"""What claims on bonds are held against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from natriface.analysis.bonding.tetrahedra import BondDifference, BondGroup, Spread
from natriface.analysis.energies.starts import spread
from natriface.analysis.results.claim import Choice, Measurement
from natriface.workflows.parts.electronic_structure.records import CrystalRecord


def measurements(
    crystals: Sequence[CrystalRecord], differences: Sequence[BondDifference]
) -> list[Measurement]:
    """Lengths and strengths of the bonds of each kind in each kind of unit.

    Uncertain by the spread of the bonds themselves, which one structure has in place of starts.

    Parameters
    ----------
    differences
        Between crystals: what the change of length explains is left out of the strengths at equal
        length.
    """
    explained = {d.first: 0.0 for d in differences if d.by_length_ev is not None}
    explained |= {d.second: d.by_length_ev for d in differences if d.by_length_ev is not None}
    return [
        found
        for crystal in crystals
        for group in crystal.groups
        for found in _of(crystal, group, explained)
    ]


def _of(
    crystal: CrystalRecord, group: BondGroup, explained_ev: Mapping[str, float]
) -> Iterator[Measurement]:
    chosen: dict[Choice, str] = {"surroundings": "crystal"}
    if crystal.engines:
        chosen["potential"] = ", ".join(crystal.engines)
    system = f"{group.label} of {crystal.label}"
    length, icohp = group.length_angstrom, group.icohp_ev
    yield Measurement("bond length", system, length.mean, _range(length), chosen)
    if icohp is None:
        return
    strength = -icohp.mean
    yield Measurement("bond strength", system, strength, _range(icohp), chosen)
    if system in explained_ev:
        at_equal = strength - explained_ev[system]
        yield Measurement("bond strength at equal length", system, at_equal, _range(icohp), chosen)


def _range(values: Spread) -> float | None:
    return spread([values.minimum, values.maximum]) if values.n > 1 else None

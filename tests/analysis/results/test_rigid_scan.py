"""Which registries of a rigid scan are starts of their own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from natriface.analysis.results.moves.rigid_scan import RigidScan, ScanPoint

ENERGIES = st.lists(st.one_of(st.none(), st.floats(-9, 9)), min_size=1, max_size=12)


def scan(energies: list[float | None], reach: int) -> RigidScan:
    """Shifts on a line, each at one height; those within reach of one another are near."""
    n = len(energies)
    return RigidScan(
        points=tuple(
            ScanPoint(shift=(k / n, 0.0), lift_angstrom=0.0, energy_ev=energy)
            for k, energy in enumerate(energies)
        ),
        substrate_ev=0.0,
        film_ev=0.0,
        near=tuple(tuple(j for j in range(n) if abs(j - k) <= reach) for k in range(n)),
    )


@given(ENERGIES, st.integers(0, 4))
def test_starts_apart_are_near_to_no_lower_one_and_leave_none_out(
    energies: list[float | None], reach: int
) -> None:
    found = scan(energies, reach)
    place = {point: k for k, point in enumerate(found.points)}
    apart, ranked = found.apart(), found.ranked()
    sound = [point for point in found.points if point.energy_ev is not None]
    assert len(ranked) == len(sound)
    assert set(ranked) == set(sound)
    assert ranked[: len(apart)] == apart
    if sound:
        assert ranked[0].energy_ev == min(x.energy_ev or 0.0 for x in sound)
    for point in sound:
        near = [x for x in apart if abs(place[x] - place[point]) <= reach]
        if point in apart:
            assert near == [point]
        else:
            assert min(x.energy_ev or 0.0 for x in near) <= (point.energy_ev or 0.0)


def test_where_nothing_is_said_to_be_near_every_registry_is_apart() -> None:
    found = scan([0.3, 0.1, 0.2], 2).model_copy(update={"near": ()})
    assert [point.energy_ev for point in found.apart()] == [0.1, 0.2, 0.3]

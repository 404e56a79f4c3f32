"""Which relaxation of a slab on its own an interface's energies refer to: the lowest of its starts.

A relaxation ends in the minimum nearest to its start. A slab relaxed from the geometry it was built
with can end far above one relaxed from the geometry it has in the interface (mobile ions have
found other sites there), and the formation energy would contain the difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from natriface.analysis.bonding.integrity import compare_units
from natriface.analysis.results.comparability import require_like
from natriface.analysis.results.result import Result
from natriface.structures.base.conversions import EV_PER_ANGSTROM2_IN_J_PER_M2
from natriface.structures.base.errors import AnalysisError
from natriface.workflows.parts.interfaces.records import ReferenceSlabRecord, SlabStart

SAME_MINIMUM_EV = 0.005
"""Differences smaller than this are left over from the relaxations' force limit."""


WORTH_TELLING_J_PER_M2 = 0.01
"""Published values have two decimals."""


@dataclass(frozen=True)
class Start:
    """One relaxation of a slab on its own.

    Attributes
    ----------
    id, name
        Of its step.
    result
        ``None`` where it has none.
    reason
        Why there is no result.
    """

    id: str
    name: str
    result: Result | None
    reason: str | None = None


def lowest_start(interface: Result | None, starts: Sequence[Start]) -> Start | None:
    """The start whose energy is the slab's: the lowest of those converged and computed alike.

    Parameters
    ----------
    interface
        What a start's energy will be subtracted from; a start computed otherwise is not taken.
    starts
        Of one slab.

    Returns
    -------
    Start or None
        The earlier of equals; ``None`` if no start can be taken.
    """
    usable = [start for start in starts if start.result and why_not(interface, start) is None]
    return min(usable, key=_energy_ev, default=None)


def why_not(interface: Result | None, start: Start) -> str | None:
    """Why a start cannot be taken, or ``None`` if it can."""
    if start.result is None:
        return start.reason or "not finished yet"
    try:
        start.result.converged_energy_ev()
        start.result.final_atoms()
        if interface is not None:
            require_like([interface, start.result])
    except AnalysisError as error:
        return str(error)
    return None


def reference_slab(
    side: str,
    interface: Result | None,
    starts: Sequence[Start],
    contact_area_angstrom2: float | None,
) -> ReferenceSlabRecord:
    """What is known of a slab's starts, the first of them first.

    Parameters
    ----------
    contact_area_angstrom2
        N A of the formation energy, A^2.
    """
    taken = lowest_start(interface, starts)
    reasons = [why_not(interface, start) for start in starts]
    lowered = None
    if taken is not None and reasons[0] is None:
        lowered = _energy_ev(starts[0]) - _energy_ev(taken)
    return ReferenceSlabRecord(
        side=side,
        starts=[
            SlabStart(
                name=start.name,
                id=start.id,
                energy_ev=_energy_ev(start) if reason is None else None,
                reason=reason,
                taken=start is taken,
            )
            for start, reason in zip(starts, reasons, strict=True)
        ],
        lowered_ev=lowered,
        change_j_per_m2=(
            lowered / contact_area_angstrom2 * EV_PER_ANGSTROM2_IN_J_PER_M2
            if lowered is not None and contact_area_angstrom2
            else None
        ),
    )


def start_caveats(
    interface: Result | None,
    starts: Sequence[Start],
    rigid: Result | None,
    contact_area_angstrom2: float | None,
) -> list[str]:
    """What is wrong with a slab's reference energy, though it converged.

    Starts that could not be taken; an energy that is still above that of the same slab frozen as
    it is in the interface, for a slab left to itself can only lower its energy; one below that
    of the start from the interface, which then may have a lower minimum too; and tetrahedra that
    are not those the slab was built with.

    Parameters
    ----------
    starts
        The first from the geometry as built, the second, if any, from that in this interface.
    rigid
        The slab frozen as it is in the interface.
    contact_area_angstrom2
        N A of the formation energy, A^2.
    """
    taken = lowest_start(interface, starts)
    if taken is None or taken.result is None:
        return []  # the quantities that need it carry the reason
    caveats = [
        f"{start.name}: {reason}; the reference energy is that of {taken.name}, without it."
        for start in starts
        if len(starts) > 1 and (reason := why_not(interface, start)) is not None
    ]
    excess = _excess_ev(taken, rigid)
    if excess is not None and excess >= SAME_MINIMUM_EV:
        text = (
            f"{taken.name}: relaxed on its own it ended {excess:.3f} eV above the same atoms "
            "as they lie in the interface, in a higher minimum"
        )
        if contact_area_angstrom2:
            error = excess / contact_area_angstrom2 * EV_PER_ANGSTROM2_IN_J_PER_M2
            text += f"; the formation energy is too negative by at least {error:.2f} J/m²"
        caveats.append(text + ".")
    if len(starts) > 1 and why_not(interface, starts[1]) is None and contact_area_angstrom2:
        left = _energy_ev(starts[1]) - _energy_ev(taken)
        error = left / contact_area_angstrom2 * EV_PER_ANGSTROM2_IN_J_PER_M2
        if error >= WORTH_TELLING_J_PER_M2:
            caveats.append(
                f"{taken.name}: it ended {left:.3f} eV below {starts[1].name}, so that the "
                "interface may have a lower minimum too; the formation energy is then less "
                f"negative than it should be, by about {error:.2f} J/m²."
            )
    first = starts[0].result
    if taken is not starts[0] and first is not None and first.initial_structure:
        units = compare_units(first.initial_atoms(), taken.result.final_atoms())
        if units.broken or units.formed:
            caveats.append(
                f"{taken.name}: of the tetrahedra it was built with {units.summary()}; the "
                "reference energy is that of a slab that has reacted."
            )
    return caveats


def _excess_ev(taken: Start, rigid: Result | None) -> float | None:
    """How far the slab lies above itself frozen as it is in the interface, eV."""
    if taken.result is None or rigid is None:
        return None
    try:
        require_like([taken.result, rigid])
        return _energy_ev(taken) - rigid.converged_energy_ev()
    except AnalysisError:
        return None  # the quantities that need them carry the reason


def _energy_ev(start: Start) -> float:
    assert start.result is not None
    return start.result.converged_energy_ev()

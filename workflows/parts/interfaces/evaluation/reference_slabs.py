"""Which relaxations an interface's energies are those of: the lowest of the starts of each term.

A relaxation ends in the minimum nearest to its start. A slab relaxed from the geometry it was built
with can end far above one relaxed from the geometry it has in the interface (mobile ions have
found other sites there), and the formation energy would contain the difference. A slab relaxed in
another supercell is the same slab: its energy is taken by area.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from natriface.analysis.bonding.integrity import compare_units
from natriface.analysis.energies.starts import SAME_MINIMUM_EV, reproduced_within, spread
from natriface.analysis.results.comparability import require_like
from natriface.analysis.results.result import Result
from natriface.structures.base.conversions import EV_PER_ANGSTROM2_IN_J_PER_M2
from natriface.structures.base.errors import AnalysisError
from natriface.workflows.parts.interfaces.evaluation.records import ReferenceSlabRecord, StartRecord

WORTH_TELLING_J_PER_M2 = 0.01
"""Published values have two decimals."""


@dataclass(frozen=True)
class Start:
    """One relaxation of an interface, or of a slab on its own.

    Attributes
    ----------
    id, name
        Of its step.
    result
        ``None`` where it has none.
    reason
        Why there is no result.
    share
        Surface cells of the slab in the interface over those here.
    sample
        Whether it tells of the spread: it did not start in a minimum that was known.
    independent
        Whether it knew nothing of where others had ended, and started elsewhere than they.
    """

    id: str
    name: str
    result: Result | None
    reason: str | None = None
    share: float = 1.0
    sample: bool = True
    independent: bool = True


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
    return min(usable, key=energy_ev, default=None)


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


def samples_ev(interface: Result | None, starts: Sequence[Start]) -> list[float]:
    """Energies of the starts that tell of the spread, eV in the interface's cell."""
    return [
        energy_ev(start)
        for start in starts
        if start.result and why_not(interface, start) is None and start.sample
    ]


def uncertainty_ev(interface: Result | None, starts: Sequence[Start]) -> float | None:
    """How far two independent searches agree on the lowest energy, eV in the interface's cell."""
    taken = lowest_start(interface, starts)
    if taken is None:
        return None
    own = [start for start in starts if start.independent]
    return reproduced_within(energy_ev(taken), samples_ev(interface, own))


def start_records(interface: Result | None, starts: Sequence[Start]) -> list[StartRecord]:
    """What the report says of each start."""
    taken = lowest_start(interface, starts)
    return [
        StartRecord(
            name=start.name,
            id=start.id,
            energy_ev=energy_ev(start) if (reason := why_not(interface, start)) is None else None,
            reason=reason,
            taken=start is taken,
            other_cell=start.share != 1,
            sample=start.sample,
            independent=start.independent,
        )
        for start in starts
    ]


def reference_slab(
    side: str,
    interface: Result | None,
    starts: Sequence[Start],
    area_angstrom2: float | None,
    n_contacts: int | None,
) -> ReferenceSlabRecord:
    """What is known of a slab's starts, the first of them first.

    Parameters
    ----------
    area_angstrom2, n_contacts
        A and N of the formation energy.
    """
    taken = lowest_start(interface, starts)
    own = lowest_start(interface, [start for start in starts if start.share == 1])
    lowered, left = None, None
    first, *others = (why_not(interface, start) for start in starts)
    if taken is not None and first is None and None in others:
        lowered = energy_ev(starts[0]) - energy_ev(taken)
    if taken is not None and own is not None:
        left = energy_ev(own) - energy_ev(taken)
    return ReferenceSlabRecord(
        side=side,
        starts=start_records(interface, starts),
        energy_ev_per_angstrom2=(
            energy_ev(taken) / area_angstrom2 if taken is not None and area_angstrom2 else None
        ),
        lowered_ev=lowered,
        left_j_per_m2=per_contact(left, area_angstrom2, 1),
        spread_ev=spread(samples_ev(interface, starts)),
        uncertainty_ev=uncertainty_ev(interface, starts),
        change_j_per_m2=per_contact(lowered, area_angstrom2, n_contacts),
    )


def per_contact(
    energy_ev: float | None, area_angstrom2: float | None, n_contacts: int | None
) -> float | None:
    """An energy in J/m2 of contact, where all of it is known."""
    if energy_ev is None or not area_angstrom2 or not n_contacts:
        return None
    return energy_ev / (area_angstrom2 * n_contacts) * EV_PER_ANGSTROM2_IN_J_PER_M2


def start_caveats(
    interface: Result | None,
    starts: Sequence[Start],
    rigid: Result | None,
    contact_area_angstrom2: float | None,
    from_interface: Start | None,
) -> list[str]:
    """What is wrong with a slab's reference energy, though it converged.

    Starts in its cell that could not be taken; an energy that is still above that of the same slab
    frozen as it is in the interface, for a slab left to itself can only lower its energy; one below
    that of the start from the interface, which then may have a lower minimum too; and tetrahedra
    that are not those the slab was built with.

    Parameters
    ----------
    starts
        The first from the geometry as built.
    rigid
        The slab frozen as it is in the interface.
    contact_area_angstrom2
        N A of the formation energy, A^2.
    from_interface
        The start from the geometry in this interface, if there is one.
    """
    taken = lowest_start(interface, starts)
    if taken is None or taken.result is None:
        return []  # the quantities that need it carry the reason
    caveats = [
        f"{start.name}: {reason}; the reference energy is that of {taken.name}, without it."
        for start in starts
        if len(starts) > 1 and start.share == 1 and (reason := why_not(interface, start))
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
    if from_interface and why_not(interface, from_interface) is None and contact_area_angstrom2:
        left = energy_ev(from_interface) - energy_ev(taken)
        error = left / contact_area_angstrom2 * EV_PER_ANGSTROM2_IN_J_PER_M2
        if error >= WORTH_TELLING_J_PER_M2:
            caveats.append(
                f"{taken.name}: it ended {left:.3f} eV below {from_interface.name}, so that the "
                "interface may have a lower minimum too; the formation energy is then less "
                f"negative than it should be, by about {error:.2f} J/m²."
            )
    first = starts[0].result
    own = lowest_start(interface, [start for start in starts if start.share == 1])
    if own not in (None, starts[0]) and own.result and first and first.initial_structure:
        units = compare_units(first.initial_atoms(), own.result.final_atoms())
        if units.broken or units.formed:
            caveats.append(
                f"{own.name}: of the units it was built with {units.summary()}; the "
                "reference energy is that of a slab that has reacted."
            )
    return caveats


def _excess_ev(taken: Start, rigid: Result | None) -> float | None:
    """How far the slab lies above itself frozen as it is in the interface, eV."""
    if taken.result is None or rigid is None:
        return None
    try:
        require_like([taken.result, rigid])
        return energy_ev(taken) - rigid.converged_energy_ev()
    except AnalysisError:
        return None  # the quantities that need them carry the reason


def energy_ev(start: Start) -> float:
    """Energy of a start in the interface's cell, eV."""
    assert start.result is not None
    return start.result.converged_energy_ev() * start.share

"""What a projection of the wave functions on atomic orbitals loses, and whether that will do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

CHARGE_LIMIT_PERCENT = 5.0
"""Above this the local basis misses a part of the occupied states that bond analyses need."""

NEGATIVE_PERCENT = -0.005
"""Half the last digit LOBSTER prints: what is less is no rounding of zero."""


@dataclass(frozen=True)
class Spilling:
    """Part of the states that the local basis does not span, one value a spin.

    Attributes
    ----------
    charge_percent
        Of the occupied states, in percent of the charge; decides whether bond energies up to the
        Fermi level can be trusted.
    total_percent
        Of all bands projected, in percent; empty bands lose much in any minimal basis. Empty where
        the source does not say (LOBSTER 5.1).
    """

    charge_percent: tuple[float, ...]
    total_percent: tuple[float, ...] = ()


@dataclass(frozen=True)
class SpillingVerdict:
    """What a spilling means: ``sound``, ``high`` (to be flagged) or ``invalid``, and why."""

    status: Literal["sound", "high", "invalid"]
    reason: str | None = None


def judge_spilling(
    spilling: Spilling, charge_limit_percent: float = CHARGE_LIMIT_PERCENT
) -> SpillingVerdict:
    """Judge a projection by its spilling, |1 - |projected state|^2| averaged over the states.

    Source of the measure: Sanchez-Portal, Artacho, Soler, Solid State Commun. 95 (1995) 685,
    10.1016/0038-1098(95)00341-X. As in LOBSTER it is absolute, state by state: where a state has
    its all-electron form in an orbital's own sphere only, its projection can be a little longer
    than itself, and with their signs such states would make up for those that lose.

    Parameters
    ----------
    charge_limit_percent
        Largest charge spilling that passes.

    Returns
    -------
    SpillingVerdict
        ``invalid`` where a value is no number, negative or above 100 %: the projector overlaps are
        wrong (states or basis not normalised) and nothing derived from them counts. ``high`` where
        the charge spilling of a spin exceeds the limit.
    """
    if not spilling.charge_percent:
        return SpillingVerdict("invalid", "there is no charge spilling")
    named = (("charge", spilling.charge_percent), ("total", spilling.total_percent))
    for name, values in named:
        for spin, value in enumerate(values):
            of = f" of spin {spin + 1}" if len(values) > 1 else ""
            if not math.isfinite(value) or not NEGATIVE_PERCENT <= value <= 100.0:
                return SpillingVerdict(
                    "invalid",
                    f"the {name} spilling{of} is {value:.2f} %, which no projection of normalised "
                    "states can have",
                )
    worst = max(spilling.charge_percent)
    if worst > charge_limit_percent:
        return SpillingVerdict(
            "high",
            f"the basis loses {worst:.2f} % of the charge (allowed: {charge_limit_percent:g} %); "
            "take a larger one",
        )
    return SpillingVerdict("sound")

"""How a run's work is spread over cores: what the machine's file says, or what suits a step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

AUTO = "auto"
CHOSEN = ("KPAR", "NCORE")
"""Tags that a machine's file may leave to each step."""
_LEAST_BUSY = 0.75
"""Of the groups of k-points, what share works on average, for KPAR to be worth its memory."""


def spread(tags: Mapping[str, Any], cores: int, n_kpoints: int) -> dict[str, Any]:
    """A machine's tags, with what it leaves to each step chosen.

    KPAR is the largest divisor of the cores that leaves no group idle for more than a quarter of
    the time; NCORE the largest divisor of a group's cores up to their square root (VASP wiki,
    "Optimizing the parallelization").

    Parameters
    ----------
    cores
        Of a run; of a band, of each image.
    n_kpoints
        Irreducible ones.
    """
    found = dict(tags)
    if found.get("KPAR") == AUTO:
        found["KPAR"] = max(
            d
            for d in _divisors(cores)
            if d <= n_kpoints and n_kpoints / (d * math.ceil(n_kpoints / d)) >= _LEAST_BUSY
        )
    if found.get("NCORE") == AUTO:
        group = max(1, cores // int(found.get("KPAR", 1)))
        found["NCORE"] = max(d for d in _divisors(group) if d * d <= group)
    return found


def _divisors(number: int) -> list[int]:
    return [d for d in range(1, number + 1) if number % d == 0]

"""Pareto's front: what no other beats in several quantities at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def on_front(points: Sequence[Sequence[float]]) -> list[bool]:
    """Whether no other point is lower in one quantity and no higher in any; of equals, all are.

    Parameters
    ----------
    points
        (n, k); each quantity is better when lower.
    """
    x = np.asarray(points, dtype=float).reshape(len(points), -1)
    return [not bool(((x <= one).all(axis=1) & (x < one).any(axis=1)).any()) for one in x]

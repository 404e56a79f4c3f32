"""Pareto's front: what no other beats in several quantities at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def on_front(points: Sequence[Sequence[float]]) -> list[bool]:
    """Whether no other point is lower in one quantity and no higher in any; of equals, all are.

    Parameters
    ----------
    points
        (n, k); each quantity is better when lower. Values closer than 1e-9 of the largest of
        a quantity are equal, so that strains of one match computed in two orders are.
    """
    x = np.asarray(points, dtype=float).reshape(len(points), -1)
    equal = 1e-9 * np.abs(x).max(axis=0, initial=0.0)
    return [
        not bool(((x <= one + equal).all(axis=1) & (x < one - equal).any(axis=1)).any())
        for one in x
    ]

"""Labels of the steps of contacts in motion."""

from __future__ import annotations

from typing import Literal

from natriface.workflows.parts.labels import Labels


class DynamicsLabels(Labels):
    """One run of molecular dynamics.

    Attributes
    ----------
    pair
        As of `natriface.workflows.parts.interfaces.labels.InterfaceLabels`.
    kelvin, seed
        Of the run.
    """

    section: Literal["dynamics"] = "dynamics"
    role: Literal["dynamics"] = "dynamics"
    pair: str
    kelvin: float
    seed: int


LABELS: tuple[type[Labels], ...] = (DynamicsLabels,)

"""Labels of the toy part's steps."""

from __future__ import annotations

from typing import Literal

from natriface.workflows.parts.labels import Labels


class ToyLabels(Labels):
    """A crystal, scaled."""

    section: Literal["toy"] = "toy"
    role: Literal["scaled crystal"] = "scaled crystal"
    label: str
    scale: float


LABELS: tuple[type[Labels], ...] = (ToyLabels,)

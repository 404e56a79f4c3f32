"""Labels of the steps of electronic structure."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from natriface.workflows.parts.electronic_structure.request import Quantity
from natriface.workflows.parts.labels import Labels


class RelaxedLabels(Labels):
    """A crystal that is relaxed for the steps behind it."""

    section: Literal["electronic_structure"] = "electronic_structure"
    role: Literal["relax"] = "relax"
    label: str


class _StateLabels(Labels):
    """A crystal whose electrons are computed; see `CrystalRequest`.

    Attributes
    ----------
    against
        Label of the crystal that it is compared with.
    orbitals, align_by
        Element -> shell: of which band centers are given, and by which crystals are aligned.
    """

    section: Literal["electronic_structure"] = "electronic_structure"
    label: str
    phase: str
    formula: str
    grade: str
    source: str
    doping: str | None
    scale: float
    against: str | None
    orbitals: dict[str, str]
    align_by: dict[str, str]
    quantities: list[Quantity]


class CrystalLabels(_StateLabels):
    """The crystal as asked for: its ground state, or a quantity."""

    role: Literal["state", "bonding", "pdos", "elf"]


class StretchMove(BaseModel):
    """A bond, by its atoms' indices, and by how much it is longer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    centre: int
    ligand: int
    by_angstrom: float


class StretchedLabels(_StateLabels):
    """The crystal with bonds stretched or compressed.

    Attributes
    ----------
    bond
        Centre and ligand: ``P-O``.
    """

    role: Literal["stretched state", "stretched bonding"]
    stretch: list[StretchMove]
    bond: str


LABELS: tuple[type[Labels], ...] = (RelaxedLabels, CrystalLabels, StretchedLabels)

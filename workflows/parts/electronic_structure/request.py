"""What a study may ask about electrons: bonds, densities of states and ELF of crystals."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from natriface.structures.base.errors import nearest
from natriface.structures.base.numbers import Positive, Real
from natriface.workflows.names import (
    Element,
    EngineName,
    EngineOrNone,
    Label,
    check_distinct,
)
from natriface.workflows.surfaces.crystal_request import AskedCrystal
from natriface.workflows.validation import Document, resolve_like

Quantity = Literal["bonding", "pdos", "elf"]


class CrystalRequest(AskedCrystal):
    """A crystal whose electrons are computed.

    Attributes
    ----------
    scale
        Factor on all lengths, to compress or expand the crystal.
    against
        The crystal it is compared with; by default the one it is ``like``.
    """

    scale: Positive = Field(default=1.0, ge=0.5, le=2)
    against: str | None = None


class StretchRequest(Document):
    """How the answer of a bond's strength to its length is found.

    Attributes
    ----------
    crystal
        Which crystal's bond, by label; it is stretched as built, before any relaxation.
    bond
        Centre and ligand: ``P-O``.
    by_angstrom
        The bond is computed longer by this, and shorter.
    """

    crystal: str
    bond: str = Field(default="P-O", pattern=r"^[A-Z][a-z]?-[A-Z][a-z]?$")
    by_angstrom: Real = Field(default=0.02, ge=0.005, le=0.2)


class ElectronicStructureRequest(Document):
    """Bonds, band centers and ELF of crystals, and how they change from one to another.

    Attributes
    ----------
    crystals
        By the label they carry in the report. A crystal may say ``like: OTHER`` and then only what
        differs; it is compared with that one.
    engine
        Who computes the electrons: ``gpaw``, or ``vasp`` (bonds then by LOBSTER).
    relax_with
        Who relaxes the crystals first; ``none`` takes them as they are.
    quantities
        What is computed: ``bonding`` (COHP), ``pdos`` (densities of states, band centers), ``elf``.
    orbitals
        Element -> shell whose band centers are given.
    stretch
        How the part of a change that lengths explain is found; none without it.
    align_by
        Element -> shell of the semicore level that crystals are aligned by, first found counts.
    """

    crystals: dict[Label, CrystalRequest] = Field(min_length=1)
    engine: EngineName = "gpaw"
    relax_with: EngineOrNone = "potential"
    quantities: list[Quantity] = Field(default=["bonding", "pdos", "elf"], min_length=1)
    orbitals: dict[Element, Literal["s", "p", "d", "f"]] = Field(
        default={"P": "p", "O": "p", "F": "p"}, min_length=1
    )
    stretch: StretchRequest | None = None
    align_by: dict[Element, Literal["s", "p", "d", "f"]] = Field(
        default={"Zr": "s", "Na": "p", "O": "s"}
    )

    @model_validator(mode="before")
    @classmethod
    def _resolve_like(cls, content: Any) -> Any:
        """Fill in what ``like`` refers to; what is like another is compared with it."""
        if not isinstance(content, dict) or not isinstance(content.get("crystals"), dict):
            return content
        crystals = content["crystals"]
        found = {}
        for label, asked in crystals.items():
            whole = resolve_like(crystals, label)
            if isinstance(asked, dict) and "like" in asked and isinstance(whole, dict):
                whole = {**whole, "against": asked.get("against", asked["like"])}
            found[label] = whole
        return {**content, "crystals": found}

    @model_validator(mode="after")
    def _known_labels(self) -> ElectronicStructureRequest:
        check_distinct(self.crystals)
        for label, crystal in self.crystals.items():
            other = crystal.against
            if other is not None and other not in self.crystals:
                raise ValueError(f"{label}: against {other!r}: {nearest(other, self.crystals)}")
            if other == label:
                raise ValueError(f"{label}: a crystal is not compared with itself")
        if self.stretch is not None and self.stretch.crystal not in self.crystals:
            hint = nearest(self.stretch.crystal, self.crystals)
            raise ValueError(f"stretch: crystal {self.stretch.crystal!r}: {hint}")
        if self.stretch is not None and "bonding" not in self.quantities:
            raise ValueError("stretch: there is no use for it without bonding among the quantities")
        return self


class StudyKeys(Document):
    """A study's key about electrons."""

    electronic_structure: ElectronicStructureRequest | None = None


def asked(study: StudyKeys) -> ElectronicStructureRequest | None:
    """What a study asks for."""
    return study.electronic_structure

"""What a study may ask about ligands that go over into the film."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from natriface.structures.base.errors import StructureError
from natriface.structures.base.numbers import Whole
from natriface.structures.interfaces.ligand_transfer import LigandKind
from natriface.workflows.parts.interfaces.request import InterfacesAsked
from natriface.workflows.validation import Document


def _known(name: str) -> str:
    try:
        return str(LigandKind.of(name))
    except StructureError as error:
        raise ValueError(str(error)) from None


class LigandTransferRequest(Document):
    """Energies of ligands of the relaxed interfaces, moved into the film.

    Attributes
    ----------
    ligands
        Their kinds; an interface that has none of one is left out there.
    number
        How many of each, the nearest to the film first.
    sites
        Open sites of the film tried for each: the lowest counts.
    """

    ligands: list[Annotated[str, AfterValidator(_known)]] = Field(
        default=["O of PO4", "F of PO3F"], min_length=1, max_length=10
    )
    number: Whole = Field(default=1, ge=1, le=20)
    sites: Whole = Field(default=2, ge=1, le=10)

    @model_validator(mode="after")
    def _each_once(self) -> LigandTransferRequest:
        if len(set(self.ligands)) < len(self.ligands):
            raise ValueError("ligands: a kind stands there twice")
        return self


class StudyKeys(InterfacesAsked):
    """A study's key about ligands, beside its interfaces."""

    ligand_transfer: LigandTransferRequest | None = None

    @model_validator(mode="after")
    def _ligands_of_interfaces(self) -> StudyKeys:
        if self.ligand_transfer is not None and not self.films:
            raise ValueError("ligand_transfer: it is of interfaces: give substrates and films")
        return self

    @property
    def takes_levels(self) -> bool:
        """Whether anything asked for takes energies of the levels."""
        return self.ligand_transfer is not None or super().takes_levels


def asked(study: StudyKeys) -> StudyKeys | None:
    """What a study asks for."""
    return study if study.ligand_transfer is not None else None

"""What a study may ask about reactions: which pairs, over which phases."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from natriface.structures.base.compositions import parse_formula
from natriface.structures.base.errors import StructureError
from natriface.structures.chemistry.formal_charges import ionic_charge
from natriface.workflows.names import Element, Label, NameOrPath, check_distinct
from natriface.workflows.surfaces.crystal_request import AskedCrystal
from natriface.workflows.validation import Document


def _formula(text: str) -> str:
    try:
        parse_formula(text)
    except StructureError as error:
        raise ValueError(str(error)) from None
    return text


ChemicalFormula = Annotated[str, AfterValidator(_formula)]


class ReactivityRequest(Document):
    """Phase diagrams, and the reactions of pairs of phases over them.

    Attributes
    ----------
    pairs
        What is in contact: labels of `crystals`, names of the library, files, or patterns of files
        (``cifs/*.cif``), each of which is one side of a pair.
    crystals
        Crystals that are not in the library as they stand, such as doped ones, by the label they
        carry in the report.
    phases
        Phases beside the library's: files, or ``mp-...``.
    leave_out
        Phases of the library that are not computed.
    element
        Whose potential the electrochemical windows are counted from, of one usual ionic charge;
        if omitted, Na where a phase of a pair holds it, else the metal that is a side of a pair.
    known_compounds
        Formulas of compounds that are known to exist: the report says which of them are not among
        the phases.
    """

    pairs: list[tuple[NameOrPath, NameOrPath]] = Field(min_length=1)
    crystals: dict[Label, AskedCrystal] = Field(default_factory=dict)
    phases: list[NameOrPath] = Field(default_factory=list)
    leave_out: list[str] = Field(default_factory=list)
    element: Element | None = None
    known_compounds: list[ChemicalFormula] = Field(default_factory=list)

    @model_validator(mode="after")
    def _two_each(self) -> ReactivityRequest:
        check_distinct(self.crystals)
        for first, second in self.pairs:
            if first == second:
                raise ValueError(f"pairs: {first} with itself: nothing reacts with itself")
        if self.element is not None and (ionic_charge(self.element) or 0) < 1:
            raise ValueError(
                f"element: {self.element} has not one usual positive charge, by which a window "
                "would be divided; name another, or leave element out"
            )
        return self


class StudyKeys(Document):
    """A study's key about reactions."""

    reactivity: ReactivityRequest | None = None


def asked(study: StudyKeys) -> ReactivityRequest | None:
    """What a study asks for."""
    return study.reactivity

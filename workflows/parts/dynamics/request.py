"""What a study may ask about its interfaces in motion."""

from __future__ import annotations

from pydantic import Field, model_validator

from natriface.structures.base.numbers import Positive, Whole
from natriface.workflows.parts.interfaces.request import InterfacesAsked
from natriface.workflows.validation import Document


class DynamicsRequest(Document):
    """Molecular dynamics of every relaxed interface of the study.

    Attributes
    ----------
    kelvin
        Temperatures.
    seeds
        Runs at each, from unlike velocities: what they do not agree on is the spread.
    """

    kelvin: list[Positive] = Field(default=[600.0], min_length=1, max_length=10)
    seeds: Whole = Field(default=2, ge=1, le=100)

    @model_validator(mode="after")
    def _each_once(self) -> DynamicsRequest:
        if len(set(self.kelvin)) < len(self.kelvin):
            raise ValueError("kelvin: a temperature stands there twice")
        return self


class StudyKeys(InterfacesAsked):
    """A study's key about motion, beside its interfaces."""

    dynamics: DynamicsRequest | None = None

    @model_validator(mode="after")
    def _motion_of_interfaces(self) -> StudyKeys:
        if self.dynamics is not None and not self.films:
            raise ValueError("dynamics: it moves interfaces: give substrates and films")
        return self


def asked(study: StudyKeys) -> StudyKeys | None:
    """What a study asks for."""
    return study if study.dynamics is not None else None

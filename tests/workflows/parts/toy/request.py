"""What a study may ask of the toy part."""

from __future__ import annotations

from pydantic import Field

from natriface.structures.base.numbers import Positive
from natriface.workflows.names import Label, NameOrPath
from natriface.workflows.validation import Document


class ToyRequest(Document):
    """Crystals by label, and the factors on their lengths."""

    crystals: dict[Label, NameOrPath] = Field(min_length=1)
    scales: list[Positive] = Field(default=[1.0], min_length=1)


class StudyKeys(Document):
    """A study's key about toys."""

    toys: ToyRequest | None = None


def asked(study: StudyKeys) -> ToyRequest | None:
    """What a study asks for."""
    return study.toys

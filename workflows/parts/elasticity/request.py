"""What a study may ask about elasticity: which crystals, under which strains."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from natriface.structures.base.numbers import Real
from natriface.workflows.names import Label, check_distinct
from natriface.workflows.surfaces.crystal_request import AskedCrystal
from natriface.workflows.validation import Document

StrainSize = Annotated[Real, Field(gt=0, le=0.05)]


class ElasticityRequest(Document):
    """Elastic tensors of crystals.

    Attributes
    ----------
    crystals
        By the label they carry in the report.
    strains
        Sizes of the strains: what the first gives counts, by how much the second differs is how
        far it is certain.
    """

    crystals: dict[Label, AskedCrystal] = Field(min_length=1)
    strains: tuple[StrainSize, StrainSize] = (0.005, 0.01)

    @model_validator(mode="after")
    def _told_apart(self) -> ElasticityRequest:
        check_distinct(self.crystals)
        if not self.strains[0] < self.strains[1]:
            raise ValueError(f"strains must grow, got {list(self.strains)}")
        return self


class StudyKeys(Document):
    """A study's key about elasticity."""

    elasticity: ElasticityRequest | None = None


def asked(study: StudyKeys) -> ElasticityRequest | None:
    """What a study asks for."""
    return study.elasticity

"""What a source claims, and the measurements that a claim is held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from natriface.structures.base.errors import AnalysisError

Quantity = Literal[
    "interfacial formation energy",
    "unreacted bound",
    "broken units",
    "ligand transfer energy",
    "migration barrier",
    "adsorption energy",
    "bond length",
    "bond strength",
    "bond strength at equal length",
    "reaction energy",
    "mutual reaction energy",
    "volume change",
    "reduction potential",
    "oxidation potential",
    "bulk modulus",
    "shear modulus",
    "Young's modulus",
    "Pugh's ratio",
    "band gap",
    "surface energy",
]
"""What may be measured and claimed."""


@dataclass(frozen=True)
class Scale:
    """How a quantity is written, and below what nothing is told apart.

    Attributes
    ----------
    resolution
        Of the calculations, in `unit`: no uncertainty is smaller.
    """

    unit: str
    digits: int
    resolution: float


SCALES: dict[Quantity, Scale] = {
    "interfacial formation energy": Scale("J/m2", 2, 0.01),
    "unreacted bound": Scale("J/m2", 2, 0.01),
    "broken units": Scale("units", 0, 0.5),
    "ligand transfer energy": Scale("eV", 2, 0.005),
    "migration barrier": Scale("eV", 2, 0.005),
    "adsorption energy": Scale("eV", 2, 0.005),
    "bond length": Scale("A", 3, 0.001),
    "bond strength": Scale("eV", 2, 0.01),
    "bond strength at equal length": Scale("eV", 2, 0.01),
    "reaction energy": Scale("eV/atom", 3, 0.001),
    "mutual reaction energy": Scale("eV/atom", 3, 0.001),
    "volume change": Scale("%", 1, 0.1),
    "reduction potential": Scale("V", 2, 0.01),
    "oxidation potential": Scale("V", 2, 0.01),
    "bulk modulus": Scale("GPa", 1, 0.1),
    "shear modulus": Scale("GPa", 1, 0.1),
    "Young's modulus": Scale("GPa", 1, 0.1),
    "Pugh's ratio": Scale("", 2, 0.01),
    "band gap": Scale("eV", 2, 0.01),
    "surface energy": Scale("J/m2", 2, 0.01),
}

Choice = Literal[
    "study",
    "potential",
    "system",
    "facet",
    "facet of the film",
    "layers",
    "match",
    "registry",
    "site",
    "compensation",
    "start",
    "surroundings",
    "path",
    "charge",
    "directions",
    "hop",
    "estimate",
    "reference",
]
"""What a study chooses, and a claim may hang on."""


def chosen(name: Choice, values: Sequence[str]) -> str:
    """A choice and its values in a sentence: ``facet (100)-1``, ``the dopant uncompensated``."""
    said = " or ".join(values)
    if name == "layers":
        return said
    if name == "compensation" and "compensated" in said:
        return f"the dopant {said}"
    return f"{name} {said}"


Comparison = Literal["rising", "as printed", "not below", "happens", "does not happen"]
"""How a claim compares.

``rising``
    The quantity rises from the first of the systems to the last: of two, the sign of an effect.
``as printed``
    It has the printed size in each of them.
``not below``
    The printed value lies above the quantity, which is a lower bound, in each of them.
``happens``, ``does not happen``
    It is above zero, or zero, in each of them.
"""


class Claim(BaseModel):
    """A claim of a source that can be computed.

    Attributes
    ----------
    text
        In our words.
    place
        Where the source makes it.
    of
        The systems, as the source's values name them.
    only
        Choices that the claim is about, where others would be another question.
    reading
        Which reading of a source that contradicts itself it belongs to.
    note
        What to keep in mind.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str
    place: str
    quantity: Quantity
    comparison: Comparison
    of: list[str] = Field(min_length=1)
    only: dict[Choice, str] = Field(default_factory=dict)
    reading: str | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _orders_take_two(self) -> Claim:
        if self.comparison == "rising" and len(self.of) < 2:
            raise ValueError("an order is of two systems at least")
        if len(set(self.of)) < len(self.of):
            raise ValueError("a system stands twice in it")
        return self


@dataclass(frozen=True)
class Measurement:
    """One value of a quantity, and what was chosen for it.

    Attributes
    ----------
    system
        What it is of, as `Claim.of` names it.
    value
        In the unit of `SCALES`.
    uncertainty
        By what independent starts do not agree on; None where there is one only.
    grade
        How the crystals are known, as the library says it; of an interface both, ``DFT|model``.
    by_dft
        Whether its energies are of DFT.

    Raises
    ------
    AnalysisError
        If a number is not finite.
    """

    quantity: Quantity
    system: str
    value: float
    uncertainty: float | None = None
    choices: Mapping[Choice, str] = field(default_factory=dict)
    grade: str | None = None
    by_dft: bool = False

    def __post_init__(self) -> None:
        require_finite(f"{self.quantity} of {self.system}", (self.value, self.uncertainty))


def require_finite(name: str, numbers: Sequence[float | None]) -> None:
    """Refuse infinite numbers and NaN, which would pass for an effect or hide one.

    Raises
    ------
    AnalysisError
        Naming what they are of.
    """
    if not all(number is None or isfinite(number) for number in numbers):
        raise AnalysisError(f"{name}: {numbers} is no finite number; leave it out of the claims")

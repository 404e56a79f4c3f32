"""Published values that a report lays beside ours, as ``templates/reference/*.yaml`` holds them."""

from __future__ import annotations

import csv
import io
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from natriface.analysis.results.claim import Claim, Quantity
from natriface.structures.base.errors import AnalysisError, explained, nearest
from natriface.structures.base.numbers import Real
from natriface.structures.base.reprs import short_repr
from natriface.structures.base.yaml_files import parse_yaml, read_yaml


class Contradiction(BaseModel):
    """Where a source contradicts itself.

    Attributes
    ----------
    pairs
        The interfaces concerned.
    text
        What is contradictory, in words.
    swapped
        The other reading, J/m2, by pair.
    """

    model_config = ConfigDict(extra="forbid")

    pairs: list[str]
    text: str
    swapped: dict[str, Real] = Field(default_factory=dict)


class PublishedBarrier(BaseModel):
    """A migration barrier in print.

    Attributes
    ----------
    path_type
        ``adatom``, ``vacancy`` or ``interstitial``; None where the source does not say.
    value_ev
        None where the source has words only.
    words, place, note
        What it says, where, and what to keep in mind.
    """

    model_config = ConfigDict(extra="forbid")

    phase: str
    carrier: str
    path_type: str | None = None
    value_ev: Real | None = None
    words: str
    place: str
    note: str | None = None


class PublishedAdsorption(BaseModel):
    """An adsorption energy in print, per adatom.

    Attributes
    ----------
    reference
        ``isolated atom`` or ``bulk``; None where it is not stated and cannot be told.
    """

    model_config = ConfigDict(extra="forbid")

    phase: str
    element: str
    value_ev: Real
    reference: str | None = None
    words: str
    place: str
    note: str | None = None


class PublishedBond(BaseModel):
    """Bonds of one kind in one kind of unit, in print.

    Attributes
    ----------
    crystal, unit, bond
        As a study labels them: ``NZSP-NSF``, ``PO3F``, ``P-O``.
    length_angstrom
        Mean length.
    strength_ev
        -ICOHP, positive for a bonding interaction, whatever sign the source prints.
    """

    model_config = ConfigDict(extra="forbid")

    crystal: str
    unit: str
    bond: str
    length_angstrom: Real | None = None
    strength_ev: Real | None = None
    place: str
    note: str | None = None

    @property
    def name(self) -> str:
        """``P-O in PO3F of NZSP-NSF``."""
        return f"{self.bond} in {self.unit} of {self.crystal}"


class PublishedModulus(BaseModel):
    """An elastic modulus of a polycrystal in print.

    Attributes
    ----------
    modulus
        Which.
    value_gpa
        The number.
    words, place, note
        What the source says, where, and what to keep in mind.
    """

    model_config = ConfigDict(extra="forbid")

    phase: str
    modulus: Literal["bulk", "shear", "Young's"]
    value_gpa: Real
    words: str
    place: str
    note: str | None = None


class Published(BaseModel):
    """What one source prints, or a user has found before.

    Attributes
    ----------
    citation, method
        Where it stands and how it was computed.
    not_stated
        What the source does not say and one would have to know to repeat it.
    interfacial_formation_energy_j_per_m2
        By pair, ``film|substrate``.
    integrity
        What it says about the interface's tetrahedra, by pair.
    bond_length_angstrom
        By bond, in words.
    barriers, adsorption_energies
        Each with what it is a barrier of, or referred to.
    bonds
        Lengths and ICOHPs.
    elastic_moduli
        Of polycrystals.
    electronic_structure
        What it says about densities of states, band centers and ELF, by topic, in words.
    claims
        What it claims, of the systems above.
    """

    model_config = ConfigDict(extra="forbid")

    name: str
    citation: str
    method: str = "not stated"
    not_stated: str | None = None
    interfacial_formation_energy_j_per_m2: dict[str, Real] = Field(default_factory=dict)
    contradictions: list[Contradiction] = Field(default_factory=list)
    integrity: dict[str, str] = Field(default_factory=dict)
    bond_length_angstrom: dict[str, Real] = Field(default_factory=dict)
    barriers: list[PublishedBarrier] = Field(default_factory=list)
    adsorption_energies: list[PublishedAdsorption] = Field(default_factory=list)
    bonds: list[PublishedBond] = Field(default_factory=list)
    elastic_moduli: list[PublishedModulus] = Field(default_factory=list)
    electronic_structure: dict[str, str] = Field(default_factory=dict)
    claims: list[Claim] = Field(default_factory=list)

    @model_validator(mode="after")
    def _claims_are_of_what_it_has(self) -> Published:
        for claim in self.claims:
            sized = claim.comparison in ("as printed", "not below")
            if sized and not set(claim.of) <= self.printed(claim.quantity).keys():
                raise ValueError(f"claim {claim.text!r}: the source prints no such size")
            known = self.systems(claim.quantity)
            for system in claim.of:
                if system not in known:
                    raise ValueError(
                        f"claim {claim.text!r}: the source has no {claim.quantity} of {system!r} "
                        f"({nearest(system, known)})"
                    )
        return self

    def systems(self, quantity: Quantity) -> set[str]:
        """The systems of which the source says something that a claim on a quantity can be of."""
        match quantity:
            case "interfacial formation energy" | "unreacted bound":
                return set(self.interfacial_formation_energy_j_per_m2)
            case "broken units":
                units = {bond.unit for bond in self.bonds}
                return {f"{unit} at {pair}" for unit in units for pair in self.integrity}
            case "ligand transfer energy":
                ligands = {f"{bond.bond.split('-')[1]} of {bond.unit}" for bond in self.bonds}
                return {f"{ligand} at {pair}" for ligand in ligands for pair in self.integrity}
            case "migration barrier":
                return {barrier.phase for barrier in self.barriers}
            case "adsorption energy":
                return {each.phase for each in self.adsorption_energies}
            case "bond length" | "bond strength" | "bond strength at equal length":
                return {bond.name for bond in self.bonds}
            case _:
                return set(self.printed(quantity))

    def printed(self, quantity: Quantity) -> dict[str, float]:
        """The values that a claim on the size of a quantity is about, by system."""
        if quantity in ("interfacial formation energy", "unreacted bound"):
            return self.interfacial_formation_energy_j_per_m2
        return {
            each.phase: each.value_gpa
            for each in self.elastic_moduli
            if f"{each.modulus} modulus" == quantity
        }

    def __repr__(self) -> str:
        return short_repr(self, self.name, self.short_name)

    __str__ = __repr__

    @property
    def short_name(self) -> str:
        """The citation up to its first colon, for legends and headings of columns."""
        return self.citation.split(":")[0].strip()

    def bond_of(self, crystal: str, unit: str, bond: str) -> PublishedBond | None:
        """What is printed for the bonds of one kind in one kind of unit, or None."""
        wanted = (crystal, unit, bond)
        return next((b for b in self.bonds if (b.crystal, b.unit, b.bond) == wanted), None)

    def other_reading(self, pair: str) -> float | None:
        """The formation energy (J/m2) if the contradiction about this pair is read otherwise."""
        for contradiction in self.contradictions:
            if pair in contradiction.swapped:
                return contradiction.swapped[pair]
        return None

    def readings(self) -> dict[str, dict[str, float]]:
        """All formation energies as printed, and, where the source contradicts itself, swapped."""
        printed = self.interfacial_formation_energy_j_per_m2
        swapped = {k: v for c in self.contradictions for k, v in c.swapped.items()}
        return {"as printed": printed} | ({"swapped": printed | swapped} if swapped else {})


def published_names() -> tuple[str, ...]:
    """Names of the sources that come with natriface.

    Examples
    --------
    >>> from natriface.analysis import published_names
    >>> published_names()
    ('li2025', 'mp-elasticity', 'oh2026')
    """
    folder = files("natriface.templates") / "reference"
    return tuple(sorted(p.name[:-5] for p in folder.iterdir() if p.name.endswith(".yaml")))


def is_file_of_values(name: str) -> bool:
    """Whether this names a file of one's own values, and no source of natriface's."""
    return name.lower().endswith((".yaml", ".yml", ".csv"))


def load_published(name: str) -> Published:
    """A source's values by name, or one's own by the path of a YAML or CSV file.

    Parameters
    ----------
    name
        Of a file the whole path. A YAML file has the keys of `Published`, of which ``name`` and
        ``citation`` may be left out; a CSV file the columns of `CSV_COLUMNS`, as ``results.csv`` of
        a report has them.

    Raises
    ------
    AnalysisError
        If there is no such source, or a value or key in it is wrong; says which.
    StudyError
        If a file is absent or no YAML.

    Examples
    --------
    >>> from natriface.analysis import load_published
    >>> load_published("li2025")
    Published(li2025, Li et al., Nat. Commun. (2025))
    """
    if is_file_of_values(name):
        path = Path(name)
        if not path.is_absolute():
            raise AnalysisError(f"compare_with {name!r}: give the whole path of the file")
        return _own_values(path)
    if name not in published_names():
        raise AnalysisError(
            f"no published values {name!r} to compare with ({nearest(name, published_names())}; "
            "or a YAML or CSV file of your own)"
        )
    shipped = files("natriface.templates") / "reference" / f"{name}.yaml"
    return _published(parse_yaml(shipped.read_bytes(), str(shipped)), str(shipped))


CSV_COLUMNS = ("pair (film|substrate)", "interfacial formation energy (J/m2)")
"""Headings of a CSV file of one's own values; other columns of it are left alone."""


def _own_values(path: Path) -> Published:
    content = _rows(path) if path.suffix.lower() == ".csv" else read_yaml(path)
    named = {"name": path.stem, "citation": path.name}
    return _published({**named, **content}, str(path))


def _published(content: Any, where: str) -> Published:
    try:
        return Published.model_validate(content)
    except ValidationError as error:
        raise AnalysisError(f"{where}: {explained(Published, error)}") from None


def _rows(path: Path) -> dict[str, Any]:
    """The formation energies of a CSV file; rows without a value are left out."""
    pair, energy = CSV_COLUMNS
    try:
        reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig")), strict=True)
        rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise AnalysisError(f"{path} cannot be read as CSV: {error}") from None
    lacks = [column for column in CSV_COLUMNS if column not in (reader.fieldnames or ())]
    if lacks:
        raise AnalysisError(f"{path}, line 1: no column {lacks[0]!r} among its headings")
    found: dict[str, float] = {}
    for line, row in enumerate(rows, 2):
        label, text = (row[pair] or "").strip(), (row[energy] or "").strip()
        if not text:
            continue
        if not label or label in found:
            raise AnalysisError(f"{path}, line {line}: the pair {label!r} is empty or stands twice")
        try:
            found[label] = float(text)
        except ValueError:
            raise AnalysisError(f"{path}, line {line}: {text!r} is no number of J/m2") from None
    if not found:
        raise AnalysisError(f"{path} has no value in its column {energy!r}")
    return {"interfacial_formation_energy_j_per_m2": found}

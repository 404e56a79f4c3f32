"""`Study`: what the user asks for, a validated YAML document."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from natriface.structures.errors import StudyError, nearest
from natriface.structures.numbers import Count, Length, Positive, Real
from natriface.structures.yaml_files import read_yaml
from natriface.workflows.documents import Document, resolve_like, validated
from natriface.workflows.names import (
    Element,
    EngineName,
    Label,
    NameOrPath,
    StudyName,
    check_distinct,
)
from natriface.workflows.parts import PARTS
from natriface.workflows.parts.adsorption.request import AdsorptionRequest
from natriface.workflows.parts.electronic_structure.request import ElectronicStructureRequest
from natriface.workflows.parts.migration.request import MigrationRequest
from natriface.workflows.surfaces.slab_request import SlabCut

Quantity = Literal["interfacial_formation_energy", "work_of_adhesion", "integrity"]


class Dopant(Document):
    """Atoms of a slab replaced by a dopant.

    Attributes
    ----------
    element, replaces
        What is put in, and the element taken out.
    coordinated_to
        Only sites bonded to this element: ``P`` for the oxygens of PO4.
    number_per_surface_cell
        Dopants in the slab's primitive surface cell, so that the coverage does not depend on the
        match.
    near_contact
        Take the sites nearest the face that meets the film; else the lowest in energy.
    compensation
        ``none``, ``vacancy`` (of Na) or ``substitution`` (Si for P); see
        `natriface.structures.doping`.
    """

    element: Element
    replaces: Element
    coordinated_to: Element | None = None
    number_per_surface_cell: Count = 1
    near_contact: bool = True
    compensation: Literal["none", "vacancy", "substitution"] = "none"


class SlabRequest(SlabCut):
    """A slab of an interface.

    Attributes
    ----------
    frozen_angstrom
        Units within this depth of the face away from the contact are held.
    dopant
        What is put in.
    """

    frozen_angstrom: Real = Field(default=0.0, ge=0)
    dopant: Dopant | None = None


class InterfaceRequest(Document):
    """How slabs are put together.

    Attributes
    ----------
    pairs
        ``all``, or a list of [film, substrate].
    max_area_angstrom2, max_strain_percent
        Bounds of the lattice match; strain is the largest principal one.
    strained
        Which side is strained to fit: ``film``, ``substrate``, or ``both`` by halves.
    gap_angstrom
        Height of the film's lowest atom over the substrate's highest; by default the film is
        lowered until the first two atoms touch.
    registry
        In-plane shift of the film in fractions of the substrate's surface cell.
    vacuum_angstrom
        Exactly this, with one contact in the cell.
    contacts
        1, with vacuum; 2, a periodic sandwich without.
    second_start
        Whether each reference slab is relaxed a second time, from the geometry it has in the
        relaxed interface; the lower of the two is its energy.
    max_atoms
        Refuse larger interfaces.
    """

    pairs: Literal["all"] | Annotated[list[tuple[str, str]], Field(min_length=1)] = "all"
    max_area_angstrom2: Positive = 200.0
    max_strain_percent: Positive = Field(default=4.0, lt=100)
    strained: Literal["film", "substrate", "both"] = "film"
    gap_angstrom: Length | None = None
    registry: tuple[Real, Real] = (0.0, 0.0)
    vacuum_angstrom: Length = 20.0
    contacts: Literal[1, 2] = 1
    second_start: bool = True
    max_atoms: Count = 400


class Study(Document):
    """What is to be computed.

    Attributes
    ----------
    name, title
        A word for folders and databases, a line for the report.
    engine, protocol
        Who computes, and with which named settings.
    settings
        Overrides of the protocol, by kind of calculation: ``{relax: {max_steps: 200}}``; where a
        part uses another engine than the study's, by ``ENGINE.KIND``.
    substrates, films
        Slabs by the label they carry in the report. A substrate may say ``like: OTHER`` and then
        only what differs.
    interfaces
        How they are put together.
    quantities
        What is computed for every interface.
    migration, adsorption, electronic_structure
        Hops and their barriers; adsorption energies and maps; bonds, band centers and ELF of
        crystals. See `natriface.workflows.parts`.
    compare_with
        Published values beside ours: a name in ``templates/reference``, or none.
    """

    name: StudyName
    title: str
    engine: EngineName = "potential"
    protocol: NameOrPath = "li2025"
    settings: dict[str, dict[str, Any]] = Field(default_factory=dict)
    substrates: dict[Label, SlabRequest] = Field(default_factory=dict)
    films: dict[Label, SlabRequest] = Field(default_factory=dict)
    interfaces: InterfaceRequest = InterfaceRequest()
    quantities: list[Quantity] = Field(
        default=["interfacial_formation_energy", "work_of_adhesion", "integrity"], min_length=1
    )
    migration: MigrationRequest | None = None
    adsorption: AdsorptionRequest | None = None
    electronic_structure: ElectronicStructureRequest | None = None
    compare_with: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _resolve_like(cls, content: Any) -> Any:
        """Fill in what ``like`` refers to before the slabs are validated."""
        if not isinstance(content, dict):
            return content
        content = dict(content)
        for side in ("substrates", "films"):
            slabs = content.get(side)
            if isinstance(slabs, dict):
                content[side] = {label: resolve_like(slabs, label) for label in slabs}
        return content

    @model_validator(mode="after")
    def _something_is_asked(self) -> Study:
        if bool(self.substrates) != bool(self.films):
            raise ValueError("interfaces need both substrates and films")
        if not self.parts():
            others = [name for name in PARTS if name != "interfaces"]
            raise ValueError(
                f"nothing is asked for: give substrates and films, or {' or '.join(others)}"
            )
        return self

    @model_validator(mode="after")
    def _known_pairs(self) -> Study:
        if self.interfaces.pairs != "all":
            for film, substrate in self.interfaces.pairs:
                if film not in self.films:
                    raise ValueError(f"pair [{film}, {substrate}]: {nearest(film, self.films)}")
                if substrate not in self.substrates:
                    hint = nearest(substrate, self.substrates)
                    raise ValueError(f"pair [{film}, {substrate}]: {hint}")
        return self

    @model_validator(mode="after")
    def _names_told_apart(self) -> Study:
        check_distinct(self.substrates)
        check_distinct(self.films)
        pairs = self.pairs
        again = next((pair for pair in pairs if pairs.count(pair) > 1), None)
        if again is not None:
            raise ValueError(f"interfaces.pairs: [{', '.join(again)}] stands there twice")
        return self

    def parts(self) -> dict[str, Document]:
        """What is asked for, by the part's name."""
        asked = {name: getattr(self, name, None) for name in PARTS}
        if not (self.substrates and self.films):
            del asked["interfaces"]  # how they are put together has defaults
        return {name: request for name, request in asked.items() if request is not None}

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """(film, substrate) labels of the interfaces asked for."""
        if self.interfaces.pairs == "all":
            return [(film, substrate) for film in self.films for substrate in self.substrates]
        return list(self.interfaces.pairs)


def study_names() -> tuple[str, ...]:
    """Names of the studies that come with natriface."""
    folder = files("natriface.templates") / "studies"
    return tuple(sorted(p.name[:-5] for p in folder.iterdir() if p.name.endswith(".yaml")))


def study_path(name_or_path: str) -> Path:
    """The file of a study that comes with natriface, or of the user's own.

    Raises
    ------
    StudyError
        If there is neither.
    """
    path = Path(name_or_path)
    if path.is_file() or path.suffix in (".yaml", ".yml"):
        return path
    if name_or_path in study_names():
        return Path(str(files("natriface.templates") / "studies" / f"{name_or_path}.yaml"))
    if name_or_path and path.is_dir():
        raise StudyError(f"{path} is a folder, not a study; name the file in it")
    raise StudyError(
        f"no study {name_or_path!r:.80}, neither a file nor one that comes with natriface "
        f"({nearest(name_or_path, study_names())})"
    )


def load_study(path: Path) -> Study:
    """Read and validate a study.

    Raises
    ------
    StudyError
        Saying every wrong key or value, with the nearest valid key.
    """
    return validated(Study, read_yaml(path), f"study {path.name}")

"""A study's slabs and interfaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from natriface.analysis.energies.interface_energy import References
from natriface.structures.base import heights
from natriface.structures.base.errors import Problems, StructureError
from natriface.structures.chemistry.formal_charges import OXIDATION_STATES, formal_charges
from natriface.structures.crystals.doping import dope
from natriface.structures.crystals.phases import Phase, load_phase
from natriface.structures.interfaces.build import Interface, build_interface
from natriface.structures.interfaces.matching import find_matches
from natriface.structures.interfaces.registries import RegistryGrid, registry_grid
from natriface.structures.surfaces.slabs import Slab
from natriface.workflows.parts.interfaces.request import (
    Bulk,
    InterfaceRequest,
    InterfacesAsked,
    SlabDopant,
    SlabRequest,
)
from natriface.workflows.plan import Side
from natriface.workflows.surfaces.labels import SlabLabels
from natriface.workflows.surfaces.slab_cut import cut_slab

STRAIN_SHARE = {"film": 0.0, "substrate": 1.0, "both": 0.5}
"""Fraction of the strain the substrate bears."""


@dataclass(frozen=True)
class BuiltSlab:
    """A slab as asked for: the clean one that is matched, and the doped one that is used."""

    label: str
    phase: Phase
    clean: Slab
    slab: Slab
    doping: str | None

    def labels(self) -> SlabLabels:
        """The study's name for it, what it is, and where its crystal comes from."""
        return SlabLabels(
            name=self.label,
            phase=self.phase.name,
            grade=self.phase.grade,
            source=self.phase.source,
            doping=self.doping,
            cut="polyanions" if self.slab.termination.facet.atoms_apart else "whole",
            **self.slab.describe(),
        )


@dataclass(frozen=True)
class BuiltInterface:
    """An interface of a study.

    Attributes
    ----------
    bulk
        What its slabs are computed as cut from; see `InterfaceRequest.bulk`.
    registries
        The shifts of the film to be scanned, where the best is asked for.
    references
        Which slabs' energies are subtracted from its own.
    """

    film: BuiltSlab
    substrate: BuiltSlab
    interface: Interface
    bulk: Bulk = "library"
    registries: RegistryGrid | None = None
    references: References = "relaxed"

    @property
    def label(self) -> str:
        """``Na|NZSP``: film on substrate, by the study's labels, with what is unusual about it."""
        usual = self.references == "relaxed"
        mark = "" if usual else f" ({self.references} references)"
        return f"{self.film.label}|{self.substrate.label}{mark}"

    def side(self, side: Side) -> BuiltSlab:
        """The slab of a side."""
        return self.substrate if side == "substrate" else self.film

    def describe(self) -> dict[str, Any]:
        """JSON-able: all that the report needs to judge a number."""
        return {
            **self.interface.metadata(),
            "pair": self.label,
            "references": self.references,
            "film": self.film.labels().model_dump(exclude_unset=True),
            "substrate": self.substrate.labels().model_dump(exclude_unset=True),
        }


def build_interfaces(request: InterfacesAsked, root: Path) -> list[BuiltInterface]:
    """All interfaces that a study asks for.

    Parameters
    ----------
    root
        Folder that the paths of users' crystals are relative to.

    Raises
    ------
    StructureError
        If phases, terminations, matches or interfaces are not to be had; says for which.
    """
    problems = Problems()
    substrates = problems.each_made(
        request.substrates, lambda label, asked: _built(label, asked, root, "top")
    )
    films = problems.each_made(
        request.films, lambda label, asked: _built(label, asked, root, "bottom")
    )
    joined: list[BuiltInterface] = []
    for film, substrate in request.pairs:
        if film in films and substrate in substrates:
            with problems.gathering():
                joined.append(_joined(request.interfaces, films[film], substrates[substrate]))
    problems.raise_any()
    return joined


def _built(label: str, asked: SlabRequest, root: Path, contact: heights.Side) -> BuiltSlab:
    """A slab that meets the other with its face `contact`."""
    try:
        phase = load_phase(asked.phase, root)
        through = asked.cut == "polyanions"
        clean = cut_slab(
            phase,
            asked,
            frozen_angstrom=asked.frozen_angstrom,
            frozen_region="bottom" if contact == "top" else "top",
            through_polyanions=through,
        )
        slab, doping = (
            (clean, None) if asked.dopant is None else doped_slab(clean, asked.dopant, contact)
        )
    except StructureError as error:
        raise StructureError(f"slab {label}: {error}") from None
    return BuiltSlab(f"{label} (cut polyanions)" if through else label, phase, clean, slab, doping)


def doped_slab(
    slab: Slab, dopant: SlabDopant, contact: heights.Side, place: int = 0
) -> tuple[Slab, str]:
    """A slab with a dopant, near the face `contact` where it is to be, and what was done.

    Parameters
    ----------
    place
        Which of the symmetry-distinct arrangements, from 0.

    Raises
    ------
    StructureError
        If there are no such sites, or not so many arrangements.
    """
    states = slab.termination.facet.crystal.states
    arrangements = dope(
        slab.atoms,
        dopant.replaces,
        dopant.element,
        dopant.number_per_surface_cell,
        dopant.coordinated_to,
        dopant.compensation,
        keep_centre=dopant.keep_centre,
        best=place + 1,
        charges=states,
        near="surface" if dopant.near_contact else None,
        side=contact if dopant.near_contact else None,
    )
    if place >= len(arrangements):
        raise StructureError(f"there are {len(arrangements)} arrangements of the dopant, no more")
    arrangement = arrangements[place]
    doped = slab.with_atoms(
        arrangement.atoms,
        f"{dopant.element}-doped",
        _charges(states, arrangement.atoms, dopant.element),
    )
    return doped, arrangement.description


def _charges(
    states: Mapping[str, float] | None, doped: Atoms, dopant: str
) -> NDArray[np.float64] | None:
    """Formal charges of a doped crystal: its host's by element, and the dopant's usual one."""
    if states is None or dopant not in OXIDATION_STATES:
        return None
    usual = {x: OXIDATION_STATES[x][0] for x in set(doped.symbols) if x in OXIDATION_STATES}
    return formal_charges(doped.numbers, {**usual, **states})


def _joined(asked: InterfaceRequest, film: BuiltSlab, substrate: BuiltSlab) -> BuiltInterface:
    try:
        matches = find_matches(
            substrate.clean,
            film.clean,
            max_area_angstrom2=asked.max_area_angstrom2,
            max_strain=asked.max_strain_percent / 100,
            share=STRAIN_SHARE[asked.strained],
        )
        interface = build_interface(
            substrate.slab,
            film.slab,
            matches[0],
            gap_angstrom=asked.gap_angstrom,
            registry=(0.0, 0.0) if asked.registry == "best" else asked.registry,
            vacuum_angstrom=asked.vacuum_angstrom,
            contacts=asked.contacts,
            max_atoms=asked.max_atoms,
        )
        grid = (
            registry_grid(substrate.slab, film.slab, matches[0], asked.scanned_by.spacing_angstrom)
            if asked.registry == "best"
            else None
        )
    except StructureError as error:
        raise StructureError(f"interface {film.label}|{substrate.label}: {error}") from None
    return BuiltInterface(film, substrate, interface, asked.bulk, grid, asked.references)

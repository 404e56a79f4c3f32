"""The structures of a screening's candidates; what candidates share is built once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
from ase import Atoms

from natriface.analysis.results.wording import counted
from natriface.structures.base import heights
from natriface.structures.base.errors import StructureError
from natriface.structures.interfaces.build import Interface, build_interface
from natriface.structures.interfaces.faces import Face
from natriface.structures.surfaces.slabs import build_slab
from natriface.workflows.parts.interfaces.builder import BuiltSlab, doped_slab
from natriface.workflows.parts.screen.labels import Choices
from natriface.workflows.parts.screen.space import Doping, Screened, Space
from natriface.workflows.plan import Side

CONTACT: dict[Side, heights.Side] = {"substrate": "top", "film": "bottom"}
"""The face of a side that meets the other."""


PLACES, OFF_GRID = 10_000, 0.137
"""Steps of fractional coordinates by which structures are compared, and where they begin: simple
fractions, which many atoms have, lie on the border of none."""
DECIMALS = 4
"""Of cell vectors in A, by which they are compared."""


@dataclass(frozen=True)
class BuiltCandidate:
    """A candidate's interface, and its slabs on their own in the same in-plane cell."""

    screened: Screened
    interface: Interface
    slabs: dict[Side, BuiltSlab]
    alone: dict[Side, Atoms]

    @property
    def key(self) -> str:
        """Equal for structures that an in-plane shift of all atoms turns into each other.

        A shift of the film by a lattice vector of either side makes no other interface.
        """
        atoms = self.interface.atoms
        fractions = atoms.get_scaled_positions()
        heights_on_grid = np.floor(fractions[:, 2] * PLACES + OFF_GRID)
        kinds = np.column_stack([atoms.numbers, atoms.get_tags(), heights_on_grid])
        _, kind, members = np.unique(kinds, axis=0, return_inverse=True, return_counts=True)
        few = np.flatnonzero(kind.ravel() == np.argmin(members))
        seen_from_each = []
        for origin in fractions[few, :2]:
            places = np.floor((fractions[:, :2] - origin) * PLACES + OFF_GRID) % PLACES
            rows = np.column_stack([kinds, places])
            seen_from_each.append(rows[np.lexsort(rows.T[::-1])].tobytes())
        cell = np.round(atoms.cell.array, DECIMALS) + 0.0
        return hashlib.sha256(cell.tobytes() + min(seen_from_each)).hexdigest()

    def choices(self) -> Choices:
        """What was chosen on each axis."""
        manner, one = self.screened.manner, self.screened.candidate
        return Choices(
            substrate=f"{one.substrate.label}, {counted(one.substrate_layers, 'layer')}",
            film=f"{one.film.label}, {counted(one.film_layers, 'layer')}",
            substrate_dopant=self.slabs["substrate"].doping,
            film_dopant=self.slabs["film"].doping,
            strained=manner.strained,
            area_angstrom2=self.interface.area_angstrom2,
            max_strain=self.interface.max_strain,
            registry=manner.registry,
            gap_angstrom=self.interface.gap_angstrom,
            touching=manner.gap_angstrom is None,
            n_atoms=len(self.interface.atoms),
        )


@dataclass
class Builder:
    """Builds the candidates of a space."""

    space: Space
    slabs: dict[str, BuiltSlab] = field(default_factory=dict)
    alone: dict[str, dict[Side, Atoms]] = field(default_factory=dict)

    def build(self, screened: Screened) -> BuiltCandidate:
        """A candidate's structures.

        Raises
        ------
        StructureError
            If it cannot be built: no site for a dopant, or atoms too close or out of contact.
        """
        one, manner = screened.candidate, screened.manner
        vacuum = manner.vacuum_angstrom
        lower = self._slab(
            "substrate", one.substrate_phase, one.substrate, one.substrate_layers,
            manner.substrate_dopant, vacuum,
        )  # fmt: skip
        upper = self._slab(
            "film", one.film_phase, one.film, one.film_layers, manner.film_dopant, vacuum
        )
        interface = build_interface(
            lower.slab,
            upper.slab,
            screened.match,
            gap_angstrom=manner.gap_angstrom,
            registry=manner.registry,
            vacuum_angstrom=vacuum,
        )
        if manner.gap_angstrom is not None and not interface.in_contact:
            raise StructureError(
                f"at a gap of {interface.gap_angstrom:g} A the sides are out of contact: no two "
                "atoms are within their van der Waals radii"
            )
        key = f"{screened.match.id} {lower.slab.id} {upper.slab.id} {vacuum}"
        if key not in self.alone:  # as they lie in one of the interfaces that share them
            touching = build_interface(
                lower.slab, upper.slab, screened.match, vacuum_angstrom=vacuum
            )
            self.alone[key] = {
                "substrate": heights.isolated(touching.substrate_atoms, vacuum),
                "film": heights.isolated(touching.film_atoms, vacuum),
            }
        slabs: dict[Side, BuiltSlab] = {"substrate": lower, "film": upper}
        return BuiltCandidate(screened, interface, slabs, self.alone[key])

    def _slab(
        self,
        side: Side,
        phase: str,
        face: Face,
        layers: int,
        doping: Doping | None,
        vacuum_angstrom: float,
    ) -> BuiltSlab:
        told = "" if doping is None else f"{doping[0].model_dump_json()} {doping[1]}"
        key = f"{side} {face.termination.id} {face.flipped} {layers} {told} {vacuum_angstrom}"
        if key not in self.slabs:
            clean = build_slab(
                face.termination, layers=layers, flip=face.flipped, vacuum_angstrom=vacuum_angstrom
            )
            slab, done = clean, None
            if doping is not None:
                slab, done = doped_slab(clean, doping[0], CONTACT[side], doping[1])
                done += f", arrangement {doping[1] + 1}" if doping[0].arrangements > 1 else ""
            label = phase if doping is None else f"{phase}-{doping[0].words}"
            self.slabs[key] = BuiltSlab(label, self.space.phases[phase], clean, slab, done)
        return self.slabs[key]

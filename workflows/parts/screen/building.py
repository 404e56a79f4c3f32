"""The structures of a screening's candidates; what candidates share is built once."""

from __future__ import annotations

from dataclasses import dataclass, field

from ase import Atoms

from natriface.structures.base import heights
from natriface.structures.interfaces.build import Interface, build_interface
from natriface.structures.interfaces.faces import Face
from natriface.structures.surfaces.slabs import build_slab
from natriface.workflows.parts.interfaces.builder import BuiltSlab, doped_slab
from natriface.workflows.parts.screen.labels import Choices
from natriface.workflows.parts.screen.space import Doping, Screened, Space
from natriface.workflows.plan import Side

CONTACT: dict[Side, heights.Side] = {"substrate": "top", "film": "bottom"}
"""The face of a side that meets the other."""


@dataclass(frozen=True)
class BuiltCandidate:
    """A candidate's interface, and its slabs on their own in the same in-plane cell."""

    screened: Screened
    interface: Interface
    slabs: dict[Side, BuiltSlab]
    alone: dict[Side, Atoms]

    def choices(self) -> Choices:
        """What was chosen on each axis."""
        manner, one = self.screened.manner, self.screened.candidate
        return Choices(
            substrate=f"{one.substrate.label}, {one.substrate_layers} layers",
            film=f"{one.film.label}, {one.film_layers} layers",
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
            If it cannot be built: no site for a dopant, or atoms too close.
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
            self.slabs[key] = BuiltSlab(phase, self.space.phases[phase], clean, slab, done)
        return self.slabs[key]

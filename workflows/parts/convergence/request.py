"""What a study may ask about the convergence of an energy: of what, by whom, in which values."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from natriface.structures.base.errors import nearest
from natriface.structures.base.numbers import Count, Length, Positive
from natriface.workflows.parts.convergence.parameters import PARAMETERS
from natriface.workflows.parts.interfaces.request import InterfacesAsked, Level
from natriface.workflows.surfaces.slab_request import SlabCut
from natriface.workflows.validation import Document

MOST_VALUES = 12
Values = Annotated[list[Positive], Field(min_length=2, max_length=MOST_VALUES)]
Lengths = Annotated[list[Length], Field(min_length=2, max_length=MOST_VALUES)]
Counts = Annotated[list[Count], Field(min_length=2, max_length=MOST_VALUES)]


class ConvergenceRequest(Document):
    """Series of one energy, one parameter varied at a time from the study's own values.

    The study's own value of each parameter is in its series, whether it is given or not. Without
    any of the series all are computed that the engine and the structure have, at usual values.

    Attributes
    ----------
    interface
        ``[film, substrate]``, labels of the study's slabs: its rigid work of adhesion; by default
        the interface of the fewest atoms.
    slab
        Instead, a slab: its surface energy.
    by
        Who computes, as one of ``energies_by``; by default the first of these that is no
        interatomic potential, else the study's engine.
    relax
        Whether interface and slabs are relaxed at each value: of an interface the formation energy.
    tolerance_j_per_m2
        What counts as no difference from the finest value.
    cutoff_ev, kpoint_spacing_per_angstrom, smearing_ev, vacuum_angstrom, layers, film_layers, \
substrate_layers
        Values; `layers` those of `slab`, whose own vacuum is 20 A.
    """

    interface: tuple[str, str] | None = None
    slab: SlabCut | None = None
    by: Level | None = None
    relax: bool = False
    tolerance_j_per_m2: Positive = 0.01
    cutoff_ev: Values | None = None
    kpoint_spacing_per_angstrom: Values | None = None
    smearing_ev: Values | None = None
    vacuum_angstrom: Lengths | None = None
    layers: Counts | None = None
    film_layers: Counts | None = None
    substrate_layers: Counts | None = None

    @model_validator(mode="after")
    def _of_one_thing(self) -> ConvergenceRequest:
        if self.interface is not None and self.slab is not None:
            raise ValueError("give interface or slab, one of the two")
        if self.slab is not None and (self.film_layers or self.substrate_layers):
            raise ValueError("film_layers, substrate_layers: a slab has layers")
        if self.slab is None and self.layers is not None:
            raise ValueError("layers: an interface has film_layers and substrate_layers")
        if self.by is not None and self.by.geometries != "lowest":
            raise ValueError("by: geometries counts for nothing here; leave it out")
        for name, values in self.series.items():
            if len(set(values)) < len(values):
                raise ValueError(f"{name}: a value stands there twice")
        return self

    @property
    def series(self) -> dict[str, list[float]]:
        """Those given, by parameter."""
        given = {name: getattr(self, name) for name in PARAMETERS}
        return {name: list(values) for name, values in given.items() if values is not None}


class StudyKeys(InterfacesAsked):
    """A study's key about convergence, beside its interfaces."""

    convergence: ConvergenceRequest | None = None

    @model_validator(mode="after")
    def _of_what_there_is(self) -> StudyKeys:
        asked = self.convergence
        if asked is None or asked.slab is not None:
            return self
        if not self.films:
            raise ValueError("convergence: give slab, or substrates and films of an interface")
        if asked.interface is not None and tuple(asked.interface) not in self.pairs:
            named = [f"{film}, {substrate}" for film, substrate in self.pairs]
            hint = nearest(", ".join(asked.interface), named)
            raise ValueError(f"convergence: no interface [{', '.join(asked.interface)}]: {hint}")
        return self


def asked(study: StudyKeys) -> StudyKeys | None:
    """What a study asks for."""
    return study if study.convergence is not None else None

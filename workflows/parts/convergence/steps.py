"""Steps of a convergence study: an interface or slab at each value of each parameter."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ase import Atoms

from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import StudyError
from natriface.workflows.engines.base import engine
from natriface.workflows.engines.kpoints import kpoint_mesh
from natriface.workflows.parts.convergence.labels import PointLabels, ReferenceLabels, WholeLabels
from natriface.workflows.parts.convergence.parameters import PARAMETERS, parameters_of
from natriface.workflows.parts.convergence.request import ConvergenceRequest, StudyKeys
from natriface.workflows.parts.convergence.shapes import Builder, Shape
from natriface.workflows.parts.interfaces.request import Level
from natriface.workflows.plan import Kind, Step
from natriface.workflows.step_maker import StepMaker

USUAL_FACTORS = {
    "cutoff_ev": (0.8, 1.25, 1.5),
    "kpoint_spacing_per_angstrom": (2.0, 1.4, 0.7),
    "smearing_ev": (4.0, 2.0, 0.5),
    "vacuum_angstrom": (0.5, 0.75, 1.5),
}
"""Of the study's own value, in a series that is not given."""
USUAL_MORE_LAYERS = (1, 2)


def steps(request: StudyKeys, make: StepMaker, root: Path) -> list[Step]:
    """The steps of all series.

    Raises
    ------
    StructureError
        If an interface or slab is not to be had, or a slab is no multiple of its crystal.
    StudyError
        If a series is of what the engine or the structure has not.
    """
    asked = request.convergence
    assert asked is not None
    build = Builder.of(request, asked, root)
    level = asked.by or _usual_level(request, make)
    first = build.shape({})
    planned = _Points(asked, make, level, first)
    for parameter, values in planned.series(build.parameters).items():
        for value in values:
            moved = parameter in build.parameters and value != planned.own[parameter]
            shape = build.shape({parameter: value}) if moved else first
            planned.add(shape, PointLabels(parameter=parameter, value=value))
    return planned.steps()


def _usual_level(request: StudyKeys, make: StepMaker) -> Level:
    """The first of the study's levels with numerical parameters; else its own engine."""
    for level in request.energies_by:
        if engine(level.engine).capabilities.numerical:
            return level
    return Level(engine=make.engine)


@dataclass
class _Points:
    """Points of all series; the study's own is in each.

    Attributes
    ----------
    first
        With the study's own values.
    wholes, labels
        Of the interface or slab, by the id of its step.
    references
        What is subtracted from them.
    """

    asked: ConvergenceRequest
    make: StepMaker
    level: Level
    first: Shape
    wholes: dict[str, Step] = field(default_factory=dict)
    labels: dict[str, WholeLabels] = field(default_factory=dict)
    references: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.kind: Kind = "relax" if self.asked.relax else "static"
        self.numerical = engine(self.level.engine).capabilities.numerical
        settings = self.make.settings(self.kind, self.level.engine) | self.level.overrides
        self.own = self.first.own | {
            name: float(settings[key]) for name, key in self.numerical.items() if key in settings
        }

    def series(self, of_structure: tuple[str, ...]) -> dict[str, list[float]]:
        """Values by parameter, the study's own first.

        Raises
        ------
        StudyError
            If one is of a parameter that is not there.
        """
        there = [name for name in (*parameters_of("engine"), *of_structure) if name in self.own]
        given = self.asked.series or {name: _usual(name, self.own[name]) for name in there}
        for name in given:
            if name not in there:
                why = f"engine {self.level.engine} has no such setting"
                if PARAMETERS[name].of != "engine":
                    why = "a sandwich has no vacuum"
                raise StudyError(f"convergence: {name}: {why}; what can vary is {', '.join(there)}")
        return {
            name: [self.own[name], *self._apart(name, sorted({*values} - {self.own[name]}))]
            for name, values in given.items()
        }

    def _apart(self, name: str, values: list[float]) -> list[float]:
        """Without spacings whose k-points are those of another, which would look converged.

        Raises
        ------
        StudyError
            If two such have been asked for.
        """
        if name != "kpoint_spacing_per_angstrom":
            return values
        cells = [self.first.whole, *self.first.parts.values()]
        found: dict[tuple[tuple[int, int, int], ...], float] = {}
        for value in (self.own[name], *values):
            meshes = tuple(kpoint_mesh(atoms, value) for atoms in cells)
            if found.setdefault(meshes, value) != value and self.asked.series:
                raise StudyError(
                    f"convergence: {name}: {found[meshes]:g} and {value:g} 1/A give the same "
                    "k-points here; leave one out"
                )
        return [value for value in found.values() if value != self.own[name]]

    def add(self, shape: Shape, point: PointLabels) -> None:
        """Plan the steps of a point, or note that those of another are its own too."""
        whole = self._step(shape, shape.role, self.kind, shape.whole, point)
        own = {point.parameter: self.own[point.parameter]}
        known = self.labels.get(whole.id)
        if known is not None:
            points = [*known.points, point]
            self.labels[whole.id] = known.model_copy(
                update={"points": points, "own": known.own | own}
            )
            return
        references = {
            role: self._step(
                shape,
                role,
                "static" if role == "crystal" else self.kind,
                atoms,
                point,
                ReferenceLabels(role=role, label=shape.label),
            )
            for role, atoms in shape.parts.items()
        }
        self.wholes[whole.id] = whole
        self.references += references.values()
        self.labels[whole.id] = WholeLabels(
            role=shape.role,
            label=shape.label,
            relaxed=self.asked.relax,
            points=[point],
            own=own,
            references={role: each.id for role, each in references.items()},
            tolerance_j_per_m2=self.asked.tolerance_j_per_m2,
            n_contacts=shape.n_contacts,
        )

    def steps(self) -> list[Step]:
        """All of them, labelled."""
        wholes = [
            step.model_copy(update={"metadata": self.labels[identifier].document()})
            for identifier, step in self.wholes.items()
        ]
        return [*wholes, *self.references]

    def _step(
        self,
        shape: Shape,
        name: str,
        kind: Kind,
        atoms: Atoms,
        point: PointLabels,
        labels: ReferenceLabels | None = None,
    ) -> Step:
        changed = point.value != self.own[point.parameter]
        parameter = PARAMETERS[point.parameter]
        at = f", {parameter.words} {parameter.valued(point.value)}" if changed else ", convergence"
        key = self.numerical.get(point.parameter)
        extra: dict[str, Any] = {key: _plain(point.value)} if changed and key else {}
        return self.make.step(
            f"{shape.label} {name}{at}",
            kind,
            len(atoms),
            engine=self.level.engine,
            structure=to_document(atoms),
            settings=self.level.overrides | extra,
            labels=labels,
        )


def _plain(value: float) -> float | int:
    """As a study writes it: 480, not 480.0."""
    return int(value) if value == int(value) else value


def _usual(parameter: str, own: float) -> list[float]:
    if parameter not in USUAL_FACTORS:
        return [own + more for more in USUAL_MORE_LAYERS]
    return [float(f"{own * factor:.3g}") for factor in USUAL_FACTORS[parameter]]

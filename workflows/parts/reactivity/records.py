"""Records of the phases and pairs of a study's reactions, from the results at hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import TypeAdapter

from natriface.analysis.energies.chemical_potentials import PotentialBounds
from natriface.analysis.energies.reactivity import (
    Hull,
    Reaction,
    not_known,
    potential_v,
    volume_change_percent,
)
from natriface.analysis.results.result import Result
from natriface.structures.base.compositions import parse_formula
from natriface.structures.base.errors import AnalysisError
from natriface.structures.crystals.phases import reduced_formula
from natriface.workflows.parts.labels import labels_of
from natriface.workflows.parts.reactivity.labels import PhaseLabels, PlannedPhase, ReactivityPlan
from natriface.workflows.report.section import SectionContext
from natriface.workflows.report.steps import known_steps


@dataclass
class PhaseRecord:
    """A phase on the hull of the library's phases, or above it.

    Attributes
    ----------
    reason
        Why there is no energy.
    formation_ev_per_atom
        From the elements; None where one of them has no phase.
    products
        What one formula unit decomposes to.
    volume_angstrom3
        Of the relaxed crystal, a formula unit.
    window, no_window
        Bounds of the element's chemical potential, of phases in a pair; or why there are none.
    takes_up_below_v, gives_off_above_v
        These bounds as potentials against the element.
    """

    label: str
    planned: PlannedPhase
    reason: str | None = None
    energy_ev_per_atom: float | None = None
    formation_ev_per_atom: float | None = None
    above_hull_ev_per_atom: float | None = None
    products: dict[str, float] = field(default_factory=dict)
    volume_angstrom3: float | None = None
    window: PotentialBounds | None = None
    no_window: str | None = None
    takes_up_below_v: float | None = None
    gives_off_above_v: float | None = None


@dataclass
class PairRecord:
    """The reactions of a pair.

    Attributes
    ----------
    phases
        Of the chemical system, with an energy.
    without_phase
        Elements of which there is none alone.
    empty_systems
        Such as ``Mg-O`` or ``Sb besides Na3SbS4``: what `empty_systems` finds without a phase.
    unknown
        Compounds that exist and are not among the phases.
    not_computed
        Phases whose energy is missing.
    reason
        Why it is not known whether they react.
    volume_change_percent
        Of the strongest reaction; zero where there is none.
    """

    first: str
    second: str
    elements: tuple[str, ...]
    reactions: list[Reaction] = field(default_factory=list)
    strongest: Reaction | None = None
    phases: list[str] = field(default_factory=list)
    without_phase: tuple[str, ...] = ()
    empty_systems: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    not_computed: list[str] = field(default_factory=list)
    reason: str | None = None
    volume_change_percent: float | None = None

    @property
    def name(self) -> str:
        """``Na|NZSP``."""
        return f"{self.first}|{self.second}"


@dataclass
class Records:
    """All that a study says about reactions."""

    plan: ReactivityPlan
    results: Mapping[str, Result]
    reasons: Mapping[str, str]

    @classmethod
    def of(cls, results: Sequence[Result], context: SectionContext) -> Records | None:
        """From a section's results; None where no step carries the plan."""
        by_id, waiting = context.by_id(results), context.reasons
        for step in known_steps(results, context.expected):
            labels = labels_of(step)
            if isinstance(labels, PhaseLabels) and labels.plan is not None:
                plan = labels.plan
                break
        else:
            return None
        sound: dict[str, Result] = {}
        reasons: dict[str, str] = {}
        for label, phase in plan.phases.items():
            result = by_id.get(phase.energy)
            if result is not None and result.status == "converged":
                sound[label] = result
            elif result is None:
                reasons[label] = waiting.get(phase.energy, "no result")
            else:
                reasons[label] = result.reason or result.status
        return cls(plan, sound, reasons)

    def competing(self, *labels: str) -> dict[str, Result]:
        """Results of the phases without dopants, and of these."""
        phases = self.plan.phases
        return {k: r for k, r in self.results.items() if phases[k].doping is None or k in labels}

    @cached_property
    def phases(self) -> list[PhaseRecord]:
        """One a phase, in the plan's order."""
        reactants = {label for pair in self.plan.pairs for label in pair}
        return [
            self._phase(label, planned, label in reactants)
            for label, planned in self.plan.phases.items()
        ]

    def _phase(self, label: str, planned: PlannedPhase, reactant: bool) -> PhaseRecord:
        record = PhaseRecord(label, planned, self.reasons.get(label))
        if record.reason is not None:
            return record
        atoms = self.results[label].final_atoms()
        unit = sum(parse_formula(planned.formula).values())
        record.volume_angstrom3 = float(atoms.get_volume()) * unit / len(atoms)
        try:
            own, element = parse_formula(planned.formula), self.plan.element
            hull = Hull.of(self.competing(label), {**own, **({element: 0.0} if element else {})})
            record.energy_ev_per_atom = hull.energies_ev_per_atom[label]
            record.formation_ev_per_atom = hull.formation_ev_per_atom(label)
            record.above_hull_ev_per_atom = hull.above_hull_ev_per_atom(label)
            record.products = hull.products(label)
        except AnalysisError as error:
            record.reason = str(error)
            return record
        if reactant and element is not None:
            try:
                _add_window(record, hull, element)
            except AnalysisError as error:
                record.no_window = str(error)
        return record

    @cached_property
    def pairs(self) -> list[PairRecord]:
        """One a pair, in the study's order."""
        return [self._pair(first, second) for first, second in self.plan.pairs]

    def _pair(self, first: str, second: str) -> PairRecord:
        phases = self.plan.phases
        elements = tuple(
            dict.fromkeys(
                x for label in (first, second) for x in parse_formula(phases[label].formula)
            )
        )
        within = [
            label
            for label, phase in phases.items()
            if set(parse_formula(phase.formula)) <= set(elements)
            and (phase.doping is None or label in (first, second))
        ]
        record = PairRecord(first, second, elements)
        record.not_computed = [label for label in within if label in self.reasons]
        known = {reduced_formula(parse_formula(phases[label].formula)) for label in within}
        record.unknown = [
            formula
            for formula in self.plan.known_compounds
            if set(parse_formula(formula)) <= set(elements)
            and reduced_formula(parse_formula(formula)) not in known
        ]
        try:
            for label in (first, second):
                if label in self.reasons:
                    raise AnalysisError(f"{label} has no energy: {self.reasons[label]}")
            hull = Hull.of(self.competing(first, second), elements)
            record.phases = list(hull.compositions)
            record.without_phase = hull.stand_ins
            record.reactions = hull.reactions(first, second)
            record.strongest = hull.strongest(first, second)
            record.empty_systems = hull.empty_systems(
                *(hull.compositions[label] for label in (first, second))
            )
            if record.strongest is None and record.empty_systems:
                record.reactions = []
                raise AnalysisError(not_known(record.empty_systems))
        except AnalysisError as error:
            record.reason = str(error)
        else:
            record.volume_change_percent = self._volume_change(record)
        return record

    def _volume_change(self, pair: PairRecord) -> float | None:
        found = pair.strongest
        if found is None:
            return 0.0
        by_energy = sorted(
            (self.phase(label) for label in pair.phases),
            key=lambda phase: phase.energy_ev_per_atom or 0.0,
            reverse=True,
        )
        lowest = {reduced(phase.planned.formula): phase for phase in by_energy}
        own = {reduced(x.planned.formula): x for x in map(self.phase, (pair.first, pair.second))}
        return volume_change_percent(
            found, _volumes(found.reactants, own), _volumes(found.products, lowest)
        )

    def phase(self, label: str) -> PhaseRecord:
        """One of them."""
        return next(record for record in self.phases if record.label == label)

    @property
    def engine(self) -> str:
        """Who computed the energies, in words."""
        result = next(iter(self.results.values()), None)
        return result.engine.words if result else "no engine yet"

    def document(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "phases": {r.label: _plain(r) for r in self.phases},
            "pairs": {r.name: _plain(r) for r in self.pairs},
            "left_out": dict(self.plan.left_out),
            "engine": self.engine,
        }


def _add_window(record: PhaseRecord, hull: Hull, element: str) -> None:
    bounds = hull.window(record.label, element)
    below, above = (
        None if edge is None else potential_v(edge, element)
        for edge in (bounds.high_ev, bounds.low_ev)
    )
    record.window, record.takes_up_below_v, record.gives_off_above_v = bounds, below, above


def reduced(formula: str) -> str:
    """A formula as the reduced one that tells compositions apart."""
    return reduced_formula(parse_formula(formula))


def _volumes(formulas: Iterable[str], phases: Mapping[str, PhaseRecord]) -> dict[str, float]:
    """Of a formula unit each, A3, of those that are among the phases."""
    found = {}
    for formula in formulas:
        phase = phases.get(reduced(formula))
        if phase is not None and phase.volume_angstrom3 is not None:
            atoms, own = (sum(parse_formula(x).values()) for x in (formula, phase.planned.formula))
            found[formula] = phase.volume_angstrom3 * atoms / own
    return found


def _plain(record: PhaseRecord | PairRecord) -> dict[str, Any]:
    found: dict[str, Any] = TypeAdapter(type(record)).dump_python(record, mode="json")
    return found

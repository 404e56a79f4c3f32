"""Steps of a screening, stage by stage: a stage is planned once the one before it is decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from natriface.structures.base.atoms import content_hash, structure_id, to_document
from natriface.structures.base.errors import (
    EngineError,
    StructureError,
    StudyError,
    UncomputableError,
)
from natriface.workflows.engines.base import engine
from natriface.workflows.parts.screen.building import Builder, BuiltCandidate
from natriface.workflows.parts.screen.decisions import Known, chosen, decision_id, replayed
from natriface.workflows.parts.screen.labels import (
    CandidateLabels,
    LeftOut,
    Narrowed,
    ReferenceLabels,
)
from natriface.workflows.parts.screen.phases import phases_of
from natriface.workflows.parts.screen.request import Rule, ScreenRequest, Stage
from natriface.workflows.parts.screen.space import Space, enumerate_space
from natriface.workflows.plan import Side, Step, StructureFrom
from natriface.workflows.step_maker import StepMaker

SIDES: tuple[Side, Side] = ("substrate", "film")
SHORT = 8
NO_CANDIDATE = "no candidate at all"
"""Why a phase is told of; what becomes of its slabs is told apart."""


@dataclass
class Runner:
    """A candidate that is still in the running.

    Attributes
    ----------
    labels
        All but stage and references.
    n_atoms
        Of the interface and of each side.
    sides
        What the study calls the phase of each.
    sources
        Where the structures of its next stage come from: keywords of `StepMaker.step`.
    """

    id: str
    pair: str
    phases: str
    sides: dict[Side, str]
    labels: dict[str, Any]
    n_atoms: dict[str, int]
    sources: dict[str, dict[str, Any]]
    slab_names: dict[Side, str]
    vacuum_angstrom: float

    def slab_in_words(self, side: Side) -> str:
        """Phase, face and layers."""
        return f"{self.labels[side].name} {getattr(self.labels['choices'], side)}"


@dataclass
class PlannedStage:
    """A stage's steps.

    Attributes
    ----------
    number
        From 1.
    runners
        By pair.
    supposed
        Pairs of which it is not decided yet who is in this stage.
    """

    number: int
    stage: Stage
    runners: dict[str, list[Runner]]
    steps: list[Step] = field(default_factory=list)
    supposed: set[str] = field(default_factory=set)

    @property
    def n_candidates(self) -> int:
        return sum(map(len, self.runners.values()))


@dataclass
class Funnel:
    """A screening as planned so far.

    Attributes
    ----------
    left_out
        Before the first stage.
    """

    space: Space
    stages: list[PlannedStage]
    left_out: list[LeftOut]


def steps(request: ScreenRequest, make: StepMaker, root: Path) -> list[Step]:
    """The steps of all stages of a screening that can be planned by now.

    Raises
    ------
    StructureError, StudyError
        If a phase is not to be had, no candidate is left, or a decision written down does not
        follow from what it says was known.
    """
    funnel = planned(request, make, root)
    if not funnel.stages[0].n_candidates:
        reasons = sorted({one.reason for one in funnel.left_out} - {NO_CANDIDATE})
        raise StudyError(
            f"screen: no candidate is left ({'; '.join(reasons) or 'none was asked for'}); "
            "`natriface plan` says what was left out and why"
        )
    return [step for stage in funnel.stages for step in stage.steps]


def planned(
    request: ScreenRequest, make: StepMaker, root: Path, *, suppose: bool = False
) -> Funnel:
    """The stages of a screening.

    Parameters
    ----------
    suppose
        Whether to go on where nothing is decided yet, as if the rule had chosen some; for
        estimates.
    """
    crystals = tuple(
        (name, structure_id(phase.atoms))
        for side in (request.substrates, request.films)
        for name, phase in phases_of(side, root, []).items()
    )
    space, entered, left_out = _built(request.model_dump_json(), root, crystals)
    runners_of, uncomputable = _computable(entered, request.stages, make)
    left_out = [*left_out, *uncomputable]
    left_out = [*_without_candidate(space.asked_for, runners_of, left_out), *left_out]
    first = PlannedStage(1, request.stages[0], runners_of)
    stages = [first]
    if runners := next(filter(None, first.runners.values()), None):
        narrowed = Narrowed.of(dict(space.counts), left_out)
        runners[0] = replace(runners[0], labels=runners[0].labels | {"narrowed": narrowed})
    _add_steps(first, make)
    for number, stage in enumerate(request.stages[1:], 2):
        last = stages[-1]
        rule = last.stage.keep
        assert rule is not None  # the request has seen to it
        following = PlannedStage(number, stage, {})
        for together, runners in _decided_together(rule, last):
            pairs = {one.pair for one in runners}
            known = [Known.by(rule, r.id, r.pair, r.labels["choices"], 0.0) for r in runners]
            going: Sequence[str] | None = None
            if not pairs & last.supposed:
                going = _decided(together, last.number, rule, runners, make)
            if going is None:
                following.supposed |= pairs
                going = chosen(rule, known) if suppose else []
            by_id = {one.id: one for one in runners}
            for identifier in going:
                following.runners.setdefault(by_id[identifier].pair, []).append(by_id[identifier])
        _add_steps(following, make)
        stages.append(following)
    return Funnel(space, stages, left_out)


def _computable(
    entered: Mapping[str, Sequence[Runner]], stages: Sequence[Stage], make: StepMaker
) -> tuple[dict[str, list[Runner]], list[LeftOut]]:
    """Candidates by pair whose slabs every stage's engine can compute, and what is left out.

    An interface lacks no neighbour that its slabs have. What else the engines refuse is of no one
    structure, and is said once of the plan.
    """
    computable: dict[str, list[Runner]] = {}
    refused: Counter[tuple[str, str]] = Counter()
    said: dict[str, str | None] = {}
    for pair, runners in entered.items():
        for runner in runners:
            for side in SIDES:
                name = runner.slab_names[side]
                if name not in said:
                    said[name] = _refusal(runner, side, stages, make)
                if said[name] is not None:
                    text = f"{runner.slab_in_words(side)}: {said[name]}"
                    refused[text, runner.sides[side]] += 1
                    break
            else:
                computable.setdefault(pair, []).append(runner)
    return computable, [
        LeftOut("cannot be computed", text, n, phases=(phase,))
        for (text, phase), n in refused.items()
    ]


def _without_candidate(
    asked_for: Mapping[Side, Sequence[str]],
    entered: Mapping[str, Sequence[Runner]],
    left_out: Sequence[LeftOut],
) -> Iterator[LeftOut]:
    """The phases of which nothing is computed, with all that its planes and pairs were left out
    for."""
    have = {(side, one.sides[side]) for own in entered.values() for one in own for side in SIDES}
    why: dict[str, dict[str, None]] = {}
    for one in left_out:
        for phase in one.phases:
            why.setdefault(phase, {})[one.reason] = None
    for side in SIDES:
        for phase in asked_for[side]:
            if (side, phase) not in have:
                reasons = "; ".join(why.get(phase, ())) or "the other side has no slab"
                what = f"{phase} as {side}: {reasons}"
                yield LeftOut(NO_CANDIDATE, what, 1, "phases", (phase,))


def _refusal(runner: Runner, side: Side, stages: Sequence[Stage], make: StepMaker) -> str | None:
    """Why an engine cannot compute a candidate's slab as built; None if all can."""
    for stage in stages:
        step = make.step(
            runner.id,
            stage.compute,
            runner.n_atoms[side],
            engine=stage.engine,
            settings=stage.settings,
            **runner.sources[side],
        )
        try:
            engine(step.engine).check(step)
        except UncomputableError as error:
            return str(error).removeprefix(f"{step.name}: ")
        except EngineError:
            continue
    return None


def _decided_together(rule: Rule, stage: PlannedStage) -> list[tuple[str, list[Runner]]]:
    """Candidates by the pair, or the pairs, that the rule decides on."""
    found: dict[str, list[Runner]] = {}
    for pair, runners in stage.runners.items():
        for runner in runners:
            found.setdefault(runner.phases if rule.paired else pair, []).append(runner)
    return list(found.items())


def _decided(
    together: str, stage: int, rule: Rule, runners: Sequence[Runner], make: StepMaker
) -> Sequence[str] | None:
    name = decision_id(together, stage, rule, [one.id for one in runners])
    document = make.decided.get(name)
    return None if document is None else replayed(document, name).chosen


@lru_cache(maxsize=1)
def _built(
    request: str, root: Path, crystals: tuple[tuple[str, str], ...]
) -> tuple[Space, dict[str, list[Runner]], list[LeftOut]]:
    """The space, its candidates that can be built, by pair, of equal structures one, and what is
    left out; kept, while `crystals` are the same, since a screening is planned again after each of
    its stages."""
    space = enumerate_space(ScreenRequest.model_validate_json(request), root)
    left_out = list(space.left_out)
    builder = Builder(space)
    entered: dict[str, list[Runner]] = {}
    seen: dict[str, str] = {}
    failures: Counter[tuple[str, tuple[str, str]]] = Counter()
    same: Counter[tuple[str, tuple[str, str]]] = Counter()
    for screened in space:
        phases = (screened.candidate.film_phase, screened.candidate.substrate_phase)
        try:
            built = builder.build(screened)
        except StructureError as error:
            failures[f"{screened.pair}: {error}", phases] += 1
            continue
        if first := seen.get(built.key):
            of = "" if first == screened.pair else f": as of {first}"
            same[f"{screened.pair}{of}", phases] += 1
            continue
        seen[built.key] = screened.pair
        entered.setdefault(screened.pair, []).append(_runner(built))
    for reason, found in (("cannot be built", failures), ("the same structure as another", same)):
        left_out += [LeftOut(reason, what, n, phases=of) for (what, of), n in found.items()]
    return space, entered, left_out


def _runner(built: BuiltCandidate) -> Runner:
    documents = {side: to_document(built.alone[side]) for side in SIDES}
    return Runner(
        id=built.screened.id,
        pair=built.screened.pair,
        sides={
            "substrate": built.screened.candidate.substrate_phase,
            "film": built.screened.candidate.film_phase,
        },
        phases="|".join(built.slabs[side].phase.name for side in reversed(SIDES)),
        labels={
            "pair": built.screened.pair,
            "candidate": built.screened.id,
            "choices": built.choices(),
            "n_contacts": built.interface.n_contacts,
            **{side: built.slabs[side].labels() for side in SIDES},
        },
        n_atoms={
            "whole": len(built.interface.atoms),
            **{side: len(built.alone[side]) for side in SIDES},
        },
        sources={
            "whole": {"structure": to_document(built.interface.atoms)},
            **{side: {"structure": document} for side, document in documents.items()},
        },
        slab_names={
            side: f"{built.slabs[side].label} slab {content_hash(documents[side], SHORT)}"
            for side in SIDES
        },
        vacuum_angstrom=built.screened.manner.vacuum_angstrom,
    )


def _add_steps(planned: PlannedStage, make: StepMaker) -> None:
    for runners in planned.runners.values():
        for place, runner in enumerate(runners):
            own = list(_steps_of(runner, planned, make))
            planned.steps += own
            runners[place] = _advanced(runner, planned.stage, own)


def _steps_of(runner: Runner, planned: PlannedStage, make: StepMaker) -> Iterator[Step]:
    """The interface, then of each side its slab on its own; of relaxations its second start too."""
    stage, where = planned.stage, f"stage {planned.number}"
    name = f"{runner.pair} {runner.id[:SHORT]}"

    def step(title: str, what: str, source: dict[str, Any], labels: Any) -> Step:
        return make.step(
            title,
            stage.compute,
            runner.n_atoms[what],
            engine=stage.engine,
            labels=labels,
            settings=stage.settings,
            **source,
        )

    bare = step(name, "whole", runner.sources["whole"], None)
    slabs: list[Step] = []
    references: dict[Side, list[str]] = {}
    of: dict[str, Any] = {"pair": runner.pair, "stage": planned.number}
    for side in SIDES:
        labels = ReferenceLabels(role="slab", side=side, **of)
        first = step(f"{runner.slab_names[side]}, {where}", side, runner.sources[side], labels)
        references[side] = [first.id]
        slabs.append(first)
        if stage.compute == "relax":
            lying = StructureFrom(step=bare.id, select=side, vacuum_angstrom=runner.vacuum_angstrom)
            again = {"structure_from": lying}
            labels = ReferenceLabels(role="second_start", side=side, **of)
            title = f"{name} {side} slab, second start, {where}"
            slabs.append(step(title, side, again, labels))
            references[side].append(slabs[-1].id)
    told = CandidateLabels(
        stage=planned.number, compute=stage.compute, references=references, **runner.labels
    )
    yield step(f"{name}, {where}", "whole", runner.sources["whole"], told)
    yield from slabs


def _advanced(runner: Runner, stage: Stage, own: Sequence[Step]) -> Runner:
    """The candidate as it leaves a stage."""
    if stage.compute == "static":
        return runner
    whole, *slabs = own
    sources: dict[str, dict[str, Any]] = {"whole": {"structure_from": StructureFrom(step=whole.id)}}
    for place, side in enumerate(SIDES):
        first, second = slabs[2 * place : 2 * place + 2]
        lowest = StructureFrom(step=first.id, others=(second.id,))
        sources[side] = {"structure_from": lowest}
    names = {side: f"{runner.pair} {runner.id[:SHORT]} {side} slab" for side in SIDES}
    return replace(runner, sources=sources, slab_names=names)

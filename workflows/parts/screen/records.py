"""What the results say of each candidate: its energy in every stage, or why it has none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import inf
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict

from natriface.analysis.energies.interface_energy import (
    area_and_contacts,
    interfacial_formation_energy,
)
from natriface.analysis.energies.starts import in_quadrature, is_sample, lowest, spread
from natriface.analysis.results.formulas import Formula
from natriface.analysis.results.result import Result
from natriface.structures.base.conversions import EV_PER_ANGSTROM2_IN_J_PER_M2
from natriface.structures.base.errors import AnalysisError
from natriface.workflows.parts.labels import Labelled, read_labels, step_labels
from natriface.workflows.parts.screen.labels import CandidateLabels, Choices, shown_names
from natriface.workflows.plan import Side

SCREENED_FORMULA = Formula(
    "interfacial formation energy",
    "(E_AB - E_A - E_B) / (N A)",
    "J/m2",
    symbol="γ",
    where="slabs A and B on their own in the in-plane cell of the interface: in a static stage at "
    "the geometry they came with, in one that relaxes the lower of two starts, as built and as in "
    "the interface",
)
NOT_ENDED = "not finished yet"


class StageEnergy(BaseModel):
    """A candidate's energy in one stage.

    Attributes
    ----------
    slabs_differ_j_per_m2
        By how much the two starts of its slabs do; None where a slab had one.
    no_second_start
        Sides of which the second start began within the force limit, and is no second sample.
    level
        Engine and model.
    potential
        The model, or the engine where it has none.
    by_dft
        Whether that is DFT.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    stage: int
    compute: str
    step: str
    level: str | None = None
    potential: str | None = None
    by_dft: bool = False
    energy_j_per_m2: float | None = None
    slabs_differ_j_per_m2: float | None = None
    no_second_start: tuple[Side, ...] = ()
    reason: str | None = None


class CandidateRecord(BaseModel):
    """A candidate and how far it came.

    Attributes
    ----------
    film, substrate
        What they are called where people read, see `shown_names`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    candidate: str
    pair: str
    film: str
    substrate: str
    choices: Choices
    stages: tuple[StageEnergy, ...]

    @property
    def called(self) -> str:
        """Its pair where people read."""
        return f"{self.film}|{self.substrate}"

    @property
    def reached(self) -> StageEnergy | None:
        """The last stage that it has an energy in: what it is ordered and ranked by."""
        return next((s for s in reversed(self.stages) if s.energy_j_per_m2 is not None), None)

    @property
    def shown(self) -> StageEnergy:
        """The stage it has reached; of one without any energy that it is in."""
        return self.reached or self.stages[-1]

    @property
    def standing(self) -> tuple[int, str | None] | None:
        """Stage reached and level of theory: energies are compared where these are alike."""
        reached = self.reached
        return None if reached is None else (reached.stage, reached.level)

    @property
    def order(self) -> tuple[int, str, float, str]:
        """By the stage reached, the latest first; of one level the lower, of equals the lower id.

        Those without an energy come last.
        """
        reached = self.reached
        if reached is None:
            return 0, "", 0.0, self.candidate
        return -reached.stage, reached.level or "", reached.energy_j_per_m2 or 0.0, self.candidate

    def relaxed_by(self, stage: int) -> bool:
        """Whether it stands at a relaxed geometry in this stage."""
        return any(one.compute == "relax" and one.stage <= stage for one in self.stages)

    def energy_in(self, stage: int) -> float | None:
        """In one stage, J/m2; None if it was not in it, or has none."""
        return next((one.energy_j_per_m2 for one in self.stages if one.stage == stage), None)


def candidates(steps: Iterable[tuple[str, Labelled]]) -> dict[str, CandidateLabels]:
    """Of these steps, with their ids, those of candidates' interfaces: id -> labels."""
    found: dict[str, CandidateLabels] = {}
    for identifier, step in steps:
        said = step_labels(step)
        if said.section == "screen" and said.role == "candidate":
            found[identifier] = read_labels(CandidateLabels, step.metadata, step.name)
    return found


def records(
    labelled: Mapping[str, CandidateLabels], ended: Mapping[str, Result | str]
) -> list[CandidateRecord]:
    """All candidates, pair by pair in their order.

    Parameters
    ----------
    labelled
        From `candidates`.
    ended
        Step id -> its result, or why it has none.
    """
    by_candidate: dict[str, list[tuple[str, CandidateLabels]]] = {}
    for identifier, labels in labelled.items():
        by_candidate.setdefault(labels.candidate, []).append((identifier, labels))
    names = shown_names(labelled.values())
    made = []
    for candidate, stages in by_candidate.items():
        in_order = sorted(stages, key=lambda one: one[1].stage)
        first = in_order[0][1]
        made.append(
            CandidateRecord(
                candidate=candidate,
                pair=first.pair,
                film=names[first.film.name],
                substrate=names[first.substrate.name],
                choices=first.choices,
                stages=tuple(energy(identifier, labels, ended) for identifier, labels in in_order),
            )
        )
    return sorted(made, key=lambda record: (record.pair, *record.order))


def ranks(ordered: Sequence[CandidateRecord]) -> list[int | None]:
    """Places of candidates that are in order, from 1.

    They are counted among those of the latest stage that any of them has an energy in, by the level
    of the first: the others have none.
    """
    first = ordered[0].standing if ordered else None
    return [
        place if first is not None and record.standing == first else None
        for place, record in enumerate(ordered, 1)
    ]


def passed_over(of_pair: Sequence[CandidateRecord]) -> dict[str, str]:
    """Of candidates of a pair that lie below one that went on in more registries, why: by id."""
    tried: dict[tuple[int, str, str], set[tuple[float, float]]] = {}
    went_on: dict[tuple[int, str, str], set[tuple[float, float]]] = {}
    highest: dict[int, float] = {}
    for record in of_pair:
        for one in record.stages:
            if one.energy_j_per_m2 is None:
                continue
            choice = (one.stage, record.choices.faces, record.choices.dopants)
            tried.setdefault(choice, set()).add(record.choices.registry)
            if record.stages[-1].stage > one.stage:
                went_on.setdefault(choice, set()).add(record.choices.registry)
                energy = one.energy_j_per_m2
                highest[one.stage] = max(energy, highest.get(one.stage, energy))
    found = {}
    for record in of_pair:
        last, choices = record.stages[-1], record.choices
        if last.energy_j_per_m2 is None or last.energy_j_per_m2 >= highest.get(last.stage, -inf):
            continue
        own = len(tried[last.stage, choices.faces, choices.dopants])
        least = min(len(x) for (stage, *_), x in went_on.items() if stage == last.stage)
        if own < least:
            found[record.candidate] = (
                f"below one that went on, but tried in {own} of {least} registries (keep)"
            )
    return found


def why_not_ranked(
    record: CandidateRecord,
    first: CandidateRecord,
    passed: Mapping[str, str] = MappingProxyType({}),
) -> str | None:
    """Why `ranks` gives a candidate no place behind the first; None where it does.

    Parameters
    ----------
    passed
        Of `passed_over`.
    """
    reached, last, lead = record.reached, record.stages[-1], first.reached
    if reached is None or lead is None:
        return last.reason
    if record.standing == first.standing:
        return None
    if last.stage > reached.stage:
        return f"stage {last.stage}: {last.reason}"
    if reached.stage < lead.stage:
        why = f": {passed[record.candidate]}" if record.candidate in passed else ""
        return f"not chosen after stage {reached.stage}{why}"
    return f"by {reached.level}, and not by {lead.level} as the first"


def energy(
    identifier: str, labels: CandidateLabels, ended: Mapping[str, Result | str]
) -> StageEnergy:
    """A candidate's energy in one stage, by `SCREENED_FORMULA`, or why it has none."""
    bare = StageEnergy(stage=labels.stage, compute=labels.compute, step=identifier)
    for step in labels.steps(identifier):
        found = ended.get(step, NOT_ENDED)
        if isinstance(found, str):
            return bare.model_copy(update={"reason": found})
    whole = _result(ended, identifier)
    slabs = {s: [_result(ended, each) for each in ids] for s, ids in labels.references.items()}
    taken = {side: each[lowest(each)] for side, each in slabs.items()}
    try:
        value = interfacial_formation_energy(whole, taken["substrate"], taken["film"])
        area, n_contacts = area_and_contacts(whole)
    except AnalysisError as error:
        return bare.model_copy(update={"reason": str(error)})
    samples = {
        side: [r.converged_energy_ev() for k, r in enumerate(each) if not k or is_sample(r)]
        for side, each in slabs.items()
    }
    off = in_quadrature(*map(spread, samples.values()))
    per_area = EV_PER_ANGSTROM2_IN_J_PER_M2 / (n_contacts * area)
    engine = whole.engine
    return bare.model_copy(
        update={
            "energy_j_per_m2": value.value_j_per_m2,
            "slabs_differ_j_per_m2": None if off is None else off * per_area,
            "no_second_start": tuple(s for s, own in samples.items() if len(own) < len(slabs[s])),
            "level": " ".join(filter(None, (engine.name, engine.model))),
            "potential": engine.called,
            "by_dft": engine.level == "DFT",
        }
    )


def _result(ended: Mapping[str, Result | str], identifier: str) -> Result:
    found = ended[identifier]
    assert not isinstance(found, str)
    return found

"""What the results say of each candidate: its energy in every stage, or why it has none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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
from natriface.workflows.parts.screen.labels import CandidateLabels, Choices

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
        By how much the two starts of its slabs do; None where there was one.
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
    reason: str | None = None


class CandidateRecord(BaseModel):
    """A candidate and how far it came."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    candidate: str
    pair: str
    choices: Choices
    stages: tuple[StageEnergy, ...]

    @property
    def rank(self) -> tuple[str, int, bool, float, str]:
        """By pair; those that came further first, then the lower, of equals the lower id."""
        last = self.stages[-1]
        value = last.energy_j_per_m2
        return self.pair, -last.stage, value is None, value or 0.0, self.candidate

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
    """All candidates, ranked.

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
    made = []
    for candidate, stages in by_candidate.items():
        in_order = sorted(stages, key=lambda one: one[1].stage)
        first = in_order[0][1]
        made.append(
            CandidateRecord(
                candidate=candidate,
                pair=first.pair,
                choices=first.choices,
                stages=tuple(energy(identifier, labels, ended) for identifier, labels in in_order),
            )
        )
    return sorted(made, key=lambda record: record.rank)


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
    spreads = [
        spread([r.converged_energy_ev() for k, r in enumerate(each) if not k or is_sample(r)])
        for each in slabs.values()
    ]
    off = in_quadrature(*spreads)
    per_area = EV_PER_ANGSTROM2_IN_J_PER_M2 / (n_contacts * area)
    engine = whole.engine
    return bare.model_copy(
        update={
            "energy_j_per_m2": value.value_j_per_m2,
            "slabs_differ_j_per_m2": None if off is None else off * per_area,
            "level": " ".join(filter(None, (engine.name, engine.model))),
            "potential": engine.called,
            "by_dft": engine.level == "DFT",
        }
    )


def _result(ended: Mapping[str, Result | str], identifier: str) -> Result:
    found = ended[identifier]
    assert not isinstance(found, str)
    return found

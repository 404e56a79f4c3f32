"""A funnel on energies that are known: it finds the best, whatever ends first or fails."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from natriface.analysis.results.result import RESULT_FILE, Convergence, EngineRecord, Result
from natriface.structures.base.atom_tags import FILM_TAG, SUBSTRATE_TAG
from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import EngineError, StudyError
from natriface.workflows.engines.base import STEP_FILE, Capabilities, engine, load_folder
from natriface.workflows.parts.screen.decisions import Decision, Known, chosen, replayed
from natriface.workflows.parts.screen.request import Rule
from natriface.workflows.plan import Plan
from natriface.workflows.planning import decide, plan_study
from natriface.workflows.report.study import report_study
from natriface.workflows.running.status import StepStatus
from natriface.workflows.steps.stages import read_step, run_step, write_step
from natriface.workflows.study import Study
from natriface.workflows.workspace import Workspace, is_finished
from tests.workflows.trivial_engine import TrivialEngine

GAPS = [2.4, 2.6, 2.8, 3.2]
BEST_GAP = 2.8
SCREEN: dict[str, Any] = {
    "substrates": {"phases": ["NaF"], "layers": [1], "facets": [[1, 0, 0]]},
    "films": {"phases": ["Na", "NaCl"], "layers": [2], "facets": [[1, 0, 0]]},
    "contacts": {
        "max_area_angstrom2": 120,
        "max_strain_percent": 10,
        "gaps_angstrom": GAPS,
        "registries": [[0, 0], [0.5, 0.25]],
    },
    "stages": [{"compute": "static", "keep": {"best": 3}}, {"compute": "relax"}],
}


class SpringEngine(TrivialEngine):
    """Two slabs on a spring: -1 eV an atom, and on contact a parabola in the gap; registries shift
    it. A relaxation moves nothing and finds half as much again.

    ``fails``: the gap at which an interface is not computed, or ``all``.
    """

    fails: float | str | None = None

    def __init__(self, capabilities: Capabilities) -> None:
        self.capabilities = capabilities

    def run(self, folder: Path) -> None:
        super().run(folder)
        _, atoms = load_folder(folder)
        gap = contact(atoms)
        if gap is not None and (self.fails == "all" or self.fails == pytest.approx(gap)):
            raise EngineError("crashed, as asked")

    def read(self, folder: Path) -> Result:
        step, atoms = load_folder(folder)
        energy = -float(len(atoms))
        gap = contact(atoms)
        if gap is not None:
            area = float(np.linalg.det(np.asarray(atoms.cell)[:2, :2]))
            shift = step.metadata["choices"]["registry"] == [0.0, 0.0]
            by_contact = area * (0.02 * (gap - BEST_GAP) ** 2 - 0.01 - 0.001 * shift)
            energy += by_contact * (1.5 if step.kind == "relax" else 1.0)
        return (
            super()
            .read(folder)
            .model_copy(
                update={
                    "engine": EngineRecord(name=step.engine, version="1", model="spring"),
                    "energy_ev": energy,
                    "initial_structure": to_document(atoms),
                    "final_structure": to_document(atoms),
                    "convergence": Convergence(ionic=True, n_ionic_steps=1),
                    "files": {},
                }
            )
        )


def contact(atoms: Any) -> float | None:
    """Gap of an interface, None of a slab."""
    tags = atoms.get_tags() % 10
    z = atoms.positions[:, 2]
    lower, upper = z[tags == SUBSTRATE_TAG], z[tags == FILM_TAG]
    return None if not len(lower) or not len(upper) else round(float(upper.min() - lower.max()), 6)


@pytest.fixture
def spring(monkeypatch: pytest.MonkeyPatch) -> Iterator[SpringEngine]:
    module = import_module("natriface.workflows.engines.potential.engine")
    made = SpringEngine(module.ENGINE.capabilities)
    monkeypatch.setattr(module, "ENGINE", made)
    engine.cache_clear()
    yield made
    engine.cache_clear()


def ran(root: Path, seed: int, screen: dict[str, Any] = SCREEN) -> dict[str, Any]:
    """A screening run to its end here, steps in a random order; the section's values and more."""
    study = Study.model_validate({"name": "springs", "title": "springs", "screen": screen})
    workspace = Workspace.create(root, study.name)
    order = random.Random(seed)
    while True:
        plan = plan_study(study, root, to_run=False, decided=workspace.decisions())
        workspace.save_plan(plan)
        statuses = run_all(plan, workspace, order)
        if not decide(study, plan, workspace, statuses):
            break
    page = report_study(study, plan, workspace, statuses)
    section = json.loads((page.parent / "results.json").read_text())["sections"]["screen"]
    return {**section, "statuses": statuses, "workspace": workspace, "text": page.read_text()}


def run_all(plan: Plan, workspace: Workspace, order: random.Random) -> list[StepStatus]:
    states: dict[str, StepStatus] = {}
    left = list(plan.walk())
    while left:
        ready = [step for step in left if set(step.parents) <= states.keys()]
        step = order.choice(ready)
        left.remove(step)
        folder = workspace.folder(step)
        state, reason = "finished", None
        if any(states[parent].state != "finished" for parent in step.parents):
            state = "blocked"
        elif not is_finished(folder):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / STEP_FILE).write_text(step.model_dump_json(exclude_none=True))
            write_step(folder, workspace)
            try:
                run_step(folder)
                read_step(folder)
            except EngineError as error:
                state, reason = "failed", str(error)
        states[step.id] = StepStatus(step.id, step.name, state, folder, reason)
    return [states[step.id] for step in plan.walk()]


def ranking(values: dict[str, Any], pair: str) -> list[tuple[float, bool, int]]:
    """(gap, shifted, stages passed) of a pair's candidates, as the report ranks them."""
    return [
        (one["choices"]["gap_angstrom"], one["choices"]["registry"] != [0, 0], len(one["stages"]))
        for one in values["values"].values()
        if one["pair"] == pair
    ]


@pytest.mark.slow
def test_it_finds_the_best_whatever_ends_first(tmp_path: Path, spring: SpringEngine) -> None:
    first, second = (ran(tmp_path / str(seed), seed) for seed in (1, 2))
    assert first["values"] == second["values"]
    for pair in ("Na|NaF", "NaCl|NaF"):
        found = ranking(first, pair)
        assert len(found) == 8
        assert found[0] == (BEST_GAP, False, 2)
        assert {stages for *_, stages in found[:3]} == {2}
        assert {stages for *_, stages in found[3:]} == {1}
        best = next(one for one in first["values"].values() if one["pair"] == pair)
        energies = [stage["energy_j_per_m2"] for stage in best["stages"]]
        assert energies == pytest.approx([-0.011 * 16.02177, -0.0165 * 16.02177], rel=1e-5)
    assert "of 3 candidates in stage 2 of 2" in first["text"]
    # slabs are computed once for all gaps and registries
    statics = [s for s in first["statuses"] if "slab" in s.name and "stage 1" in s.name]
    assert len(statics) == 4


@pytest.mark.slow
def test_doped_and_undoped_go_on_together(tmp_path: Path, spring: SpringEngine) -> None:
    dopants = [None, {"element": "Cl", "replaces": "F"}]
    keep = {"best": 1, "registries": 2, "paired": True}
    screen = {
        **SCREEN,
        "substrates": {**SCREEN["substrates"], "dopants": dopants},
        "films": {**SCREEN["films"], "phases": ["NaCl"]},
        "stages": [{"compute": "static", "keep": keep}, {"compute": "relax"}],
    }
    first, second = (ran(tmp_path / str(seed), seed, screen) for seed in (1, 2))
    assert first["values"] == second["values"]
    assert len(first["workspace"].decisions()) == 1
    for pair in ("NaCl|NaF", "NaCl|NaF-Cl"):
        found = ranking(first, pair)
        assert len(found) == 8
        assert found[:2] == [(BEST_GAP, False, 2), (BEST_GAP, True, 2)]
        assert {stages for *_, stages in found[2:]} == {1}


def test_one_that_fails_costs_itself_alone(tmp_path: Path, spring: SpringEngine) -> None:
    spring.fails = BEST_GAP
    found = ran(tmp_path / "w", 1)
    for pair in ("Na|NaF", "NaCl|NaF"):
        ranked = ranking(found, pair)
        assert ranked[0] == (2.6, False, 2)
        assert len(ranked) == 8  # those without an energy are told
    reasons = [one["stages"][-1]["reason"] for one in found["values"].values()]
    assert sum("crashed, as asked" in (reason or "") for reason in reasons) == 4


def test_all_that_fail_end_in_one_sentence(tmp_path: Path, spring: SpringEngine) -> None:
    spring.fails = "all"
    found = ran(tmp_path / "w", 1)
    assert "NaCl|NaF, Na|NaF: none of 16 candidates is ranked" in found["text"]
    assert all(len(one["stages"]) == 1 for one in found["values"].values())


def test_one_candidate_goes_all_the_way(tmp_path: Path, spring: SpringEngine) -> None:
    contacts = {**SCREEN["contacts"], "gaps_angstrom": [3.2], "registries": [[0, 0]]}
    films = {**SCREEN["films"], "phases": ["Na"]}
    found = ran(tmp_path / "w", 1, {**SCREEN, "films": films, "contacts": contacts})
    assert ranking(found, "Na|NaF") == [(3.2, False, 2)]
    assert "Na|NaF: the only candidate with an energy in stage 2 of 2 is" in found["text"]
    assert "J/m², where starts of its slabs differ by" in found["text"]


@pytest.mark.slow
def test_another_value_on_an_axis_computes_what_is_new(
    tmp_path: Path, spring: SpringEngine
) -> None:
    few = {**SCREEN, "contacts": {**SCREEN["contacts"], "gaps_angstrom": GAPS[:2]}}
    before = ran(tmp_path / "w", 1, few)
    assert ranking(before, "Na|NaF")[0] == (2.6, False, 2)
    folders = before["workspace"].folders()
    stamps = {i: (folder / "runs").read_text() for i, folder in folders.items()}
    after = ran(tmp_path / "w", 2)
    assert ranking(after, "Na|NaF")[0] == (BEST_GAP, False, 2)
    again = after["workspace"].folders()
    assert all((again[i] / "runs").read_text() == text for i, text in stamps.items())
    assert len(after["workspace"].decisions()) == 4  # what was decided before stays on record
    whole = ran(tmp_path / "other", 3)
    assert whole["values"] == after["values"]


@pytest.mark.slow
def test_a_result_that_is_gone_does_not_undo_a_decision(
    tmp_path: Path, spring: SpringEngine
) -> None:
    found = ran(tmp_path / "w", 1)
    workspace = found["workspace"]
    decided = workspace.decisions()
    for folder in workspace.folders().values():
        (folder / RESULT_FILE).unlink()
    assert ran(tmp_path / "w", 5)["values"] == found["values"]
    assert workspace.decisions() == decided


ENERGIES = st.dictionaries(
    st.text("abcdef0123456789", min_size=3, max_size=4),
    st.none() | st.sampled_from([-1.0, -0.5, -0.5 + 1e-9, 0.0, 0.3]),
    min_size=1,
    max_size=8,
)
RULES = st.builds(
    Rule, best=st.none() | st.integers(1, 4), within_j_per_m2=st.sampled_from([0.1, 0.6, 5.0])
)


@given(energies=ENERGIES, rule=RULES, order=st.randoms(use_true_random=False))
def test_decisions_do_not_depend_on_the_order(
    energies: dict[str, float | None], rule: Rule, order: random.Random
) -> None:
    known = [Known(candidate=c, energy_j_per_m2=e) for c, e in energies.items()]
    shuffled = list(known)
    order.shuffle(shuffled)
    one, other = (Decision.of("a|b", 1, rule, each) for each in (known, shuffled))
    assert one == other
    assert one.id == other.id
    with_energy = {c: e for c, e in energies.items() if e is not None}
    assert set(one.chosen) <= with_energy.keys()
    assert bool(one.chosen) == bool(with_energy)
    if one.chosen:
        worst = max(with_energy[c] for c in one.chosen)
        left = [e for c, e in with_energy.items() if c not in one.chosen]
        assert all(e >= worst - 1e-6 for e in left)
        assert worst - min(with_energy.values()) <= (rule.within_j_per_m2 or 0) + 1e-6
    assert replayed(one.model_dump(mode="json"), one.id) == one


def test_the_report_says_what_was_left_out(tmp_path: Path, spring: SpringEngine) -> None:
    contacts = {**SCREEN["contacts"], "gaps_angstrom": [0.1, 3.2], "max_atoms": 12}
    found = ran(tmp_path / "w", 1, {**SCREEN, "contacts": contacts})
    assert {one["pair"] for one in found["values"].values()} == {"Na|NaF"}
    assert "more than 12 atoms" in found["text"]
    assert "1 of the 2 pairs of phases asked for has no candidate" in found["text"]
    assert "cannot be built" in found["text"]


def test_ties_are_decided_by_id_and_counted() -> None:
    known = [Known(candidate=c, energy_j_per_m2=-0.5) for c in ("c", "a", "d", "b")]
    decision = Decision.of("a|b", 1, Rule(best=2), known)
    assert decision.chosen == chosen(Rule(best=2), known) == ("a", "b")
    assert decision.tied == 2


def test_pareto_keeps_what_none_beats_in_all_quantities() -> None:
    def known(candidate: str, energy: float | None, strain: float) -> Known:
        return Known(
            candidate=candidate, energy_j_per_m2=energy, quantities={"strain": strain, "atoms": 9}
        )

    all_known = [
        known("lowest", -1.0, 0.03),
        known("beaten", -0.9, 0.03),
        known("less-strained", -0.5, 0.01),
        known("worst-in-both", 0.4, 0.04),
        known("without", None, 0.0),
    ]
    rule = Rule(pareto=["strain"])
    assert chosen(rule, all_known) == ("lowest", "less-strained")
    assert chosen(Rule(pareto=["atoms"]), all_known) == ("lowest",)
    assert chosen(Rule(pareto=["strain"], within_j_per_m2=0.2), all_known) == ("lowest",)
    assert chosen(Rule(pareto=["strain"], best=1), all_known) == ("lowest",)


def test_a_decision_that_does_not_follow_is_refused(tmp_path: Path, spring: SpringEngine) -> None:
    known = [Known(candidate=c, energy_j_per_m2=e) for c, e in (("a", 0.0), ("b", 1.0))]
    decision = Decision.of("a|b", 1, Rule(best=1), known)
    document = decision.model_dump(mode="json")
    with pytest.raises(StudyError, match="does not follow"):
        replayed({**document, "chosen": ["b"]}, decision.id)
    with pytest.raises(StudyError, match="does not follow"):
        replayed(document, "another name")
    with pytest.raises(StudyError, match="unknown key 'why'"):
        replayed({**document, "why": "so"}, decision.id)

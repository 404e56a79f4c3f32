"""One slab, one energy: whatever the supercell, the order of interfaces, and how many there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from natriface.analysis.energies.starts import SAME_MINIMUM_EV
from natriface.analysis.results.result import Result
from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import StudyError
from natriface.workflows.engines.base import engine, prepare_folder
from natriface.workflows.parts.interfaces.evaluation.gathering import gather
from natriface.workflows.parts.interfaces.evaluation.records import InterfaceRecord
from natriface.workflows.plan import LowestArrangement, Plan, Restacked, SlabAgain, Step
from natriface.workflows.planning import plan_study
from natriface.workflows.steps.start_structure import structure_for
from natriface.workflows.study import Study

FILMS: dict[str, dict[str, Any]] = {
    "F": {"phase": "NaF", "miller": [1, 0, 0], "layers": 1},
    "N": {"phase": "Na", "miller": [1, 0, 0], "layers": 2},
    "N1": {"phase": "Na", "miller": [1, 1, 0], "layers": 2},
}
"""On NaF(100) they need one, two and four surface cells."""


def plan_of(
    *films: str, settings_of_relax: dict[str, Any] | None = None, **interfaces: Any
) -> Plan:
    study = Study.model_validate(
        {
            "name": "toy",
            "title": "films on supercells of one slab",
            "engine": "potential",
            "substrates": {"A": {"phase": "NaF", "miller": [1, 0, 0], "layers": 1}},
            "films": {name: FILMS[name] for name in films},
            "interfaces": {"max_area_angstrom2": 80, "max_strain_percent": 10, **interfaces},
            "settings": {
                "relax": {
                    "model": "tests.standins.standin_potential:PairPotential",
                    "fmax_ev_per_angstrom": 0.1,
                    "optimizer": "BFGS",
                    **(settings_of_relax or {}),
                },
                "static": {"model": "tests.standins.standin_potential:PairPotential"},
            },
        }
    )
    return plan_study(study, Path())


def run(plan: Plan, folder: Path) -> dict[str, Result]:
    """Every step's result, computed here one after the other."""
    results: dict[str, Result] = {}
    for step in plan.walk():
        results[step.id] = computed(step, results, folder / step.id)
    return results


def computed(step: Step, results: dict[str, Result], folder: Path) -> Result:
    inputs = {
        name: results[item.step].final_atoms() for name, item in step.inputs.items() if item.step
    }
    prepare_folder(folder, step, structure_for(step, results, inputs))
    potential = engine(step.engine)
    potential.write(folder)
    potential.run(folder)
    return potential.read(folder)


Records = dict[tuple[str, ...], list[InterfaceRecord]]


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Records:
    """Studies of more and more interfaces, in different orders."""
    found = {}
    for films in (("F", "N"), ("F", "N", "N1"), ("N1", "F", "N")):
        results = run(plan_of(*films), tmp_path_factory.mktemp("run"))
        found[films] = [item.record for item in gather(list(results.values()))]
    return found


def substrate(record: InterfaceRecord) -> float:
    (slab,) = (slab for slab in record.reference_slabs if slab.side == "substrate")
    assert slab.energy_ev_per_angstrom2 is not None
    return slab.energy_ev_per_angstrom2


@pytest.mark.slow
def test_supercells_of_one_slab_have_one_surface_energy(
    records: Records,
) -> None:
    one_surface_energy(records["F", "N", "N1"])


@pytest.mark.slow
def test_so_have_they_where_slabs_are_cut_from_relaxed_crystals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # crystals of the toy potential are tighter than real ones
    monkeypatch.setattr("natriface.structures.interfaces.recut.LARGEST_CHANGE", 0.5)
    results = run(plan_of("F", "N", "N1", bulk="relaxed"), tmp_path)
    one_surface_energy([item.record for item in gather(list(results.values()))])


def one_surface_energy(interfaces: list[InterfaceRecord]) -> None:
    found = {record.pair: record for record in interfaces}
    areas = [record.area_angstrom2 for record in found.values()]
    assert len({round(area or 0) for area in areas}) == 3
    energies = [substrate(record) for record in found.values()]
    assert energies == pytest.approx([energies[0]] * 3, rel=1e-9)
    for record in found.values():
        quantity = record.interfacial_formation_energy
        assert quantity is not None
        assert quantity.value_j_per_m2 is not None


@pytest.mark.slow
def test_one_more_interface_never_raises_the_energy_of_a_slab(
    records: Records,
) -> None:
    fewer, more = (substrate(records[films][0]) for films in (("F", "N"), ("F", "N", "N1")))
    assert more <= fewer + 1e-9


@pytest.mark.slow
def test_the_order_of_the_interfaces_does_not_matter(
    records: Records,
) -> None:
    one, other = (
        {record.pair: record for record in records[films]}
        for films in (("F", "N", "N1"), ("N1", "F", "N"))
    )
    for pair, record in one.items():
        assert record.area_angstrom2 is not None
        same = SAME_MINIMUM_EV / record.area_angstrom2
        assert substrate(other[pair]) == pytest.approx(substrate(record), abs=same)


@pytest.fixture(scope="module")
def rounds() -> Plan:
    return plan_of("F", "N", rounds=2)


def as_built(plan: Plan) -> dict[str, Result]:
    """Results that leave every structure as it was built, at one energy an atom."""
    results: dict[str, Result] = {}
    for step in plan.walk():
        atoms = structure_for(step, results)
        results[step.id] = Result.model_validate(
            {
                "kind": step.kind,
                "status": "converged",
                "engine": {"name": "none", "version": "1"},
                "energy_ev": -float(len(atoms)),
                "final_structure": to_document(atoms),
            }
        )
    return results


def step_named(plan: Plan, name: str) -> Step:
    return next(step for step in plan.walk() if step.name == name)


def lowered(result: Result, by_ev: float, seed: int = 1) -> Result:
    atoms = result.final_atoms()
    atoms.rattle(0.1, seed=seed)
    assert result.energy_ev is not None
    document = to_document(atoms)
    return result.model_copy(
        update={"energy_ev": result.energy_ev - by_ev, "final_structure": document}
    )


def distances(atoms: Any) -> np.ndarray:
    found: np.ndarray = atoms.get_all_distances(mic=True)
    return found


def test_what_one_interface_finds_is_offered_to_all(rounds: Plan) -> None:
    results = as_built(rounds)
    small = step_named(rounds, "F|A A slab, second start")
    results[small.id] = lowered(results[small.id], 0.5)
    shared = step_named(rounds, "N|A A slab, round 1")
    assert isinstance(shared.structure_from, LowestArrangement)
    start = structure_for(shared, results)
    n_small = len(results[small.id].final_atoms())
    assert len(start) == 2 * n_small
    # tiled: each atom has about it what it had
    ours = np.sort(distances(start), axis=1)[:, 1]
    theirs = np.sort(distances(results[small.id].final_atoms().repeat((2, 2, 1))), axis=1)[:, 1]
    assert sorted(set(np.round(ours, 4))) == sorted(set(np.round(theirs, 4)))
    # and put in place in the interface, whose own slab lies higher
    results[shared.id] = results[shared.id].model_copy(
        update={"energy_ev": -2 * n_small - 1.0, "final_structure": to_document(start)}
    )
    again = step_named(rounds, "N|A interface, round 1")
    assert isinstance(again.structure_from, Restacked)
    whole = structure_for(again, results)
    assert np.allclose(distances(whole[: len(start)]), distances(start), atol=1e-6)


def test_where_nothing_lies_lower_the_start_is_the_minimum_already_found(rounds: Plan) -> None:
    results = as_built(rounds)
    for step in rounds.walk():
        source = step.structure_from
        if isinstance(source, LowestArrangement | Restacked | SlabAgain):
            start = structure_for(step, results)
            assert any(
                np.allclose(start.positions, results[parent].final_atoms().positions)
                for parent in source.parents
                if len(results[parent].final_atoms()) == len(start)
            )
            assert step.settings["rattle_angstrom"] == 0.0


def test_what_was_tried_and_lies_no_lower_is_not_tried_again(rounds: Plan) -> None:
    results = as_built(rounds)
    small = step_named(rounds, "F|A A slab, second start")
    results[small.id] = lowered(results[small.id], 0.5)
    own = results[step_named(rounds, "N|A A slab").id].final_atoms()
    first, second = (step_named(rounds, f"N|A A slab, round {k}") for k in (1, 2))
    assert not np.allclose(distances(structure_for(first, results)), distances(own))
    assert np.allclose(distances(structure_for(second, results)), distances(own))


def test_a_side_that_its_interface_has_not_lowered_stays_relaxed(rounds: Plan) -> None:
    results = as_built(rounds)
    restart = step_named(rounds, "N|A interface, round 1")
    again = step_named(rounds, "N|A A slab, second start, round 1")
    before = step_named(rounds, "N|A A slab, second start")
    results[before.id] = lowered(results[before.id], 0.3, seed=4)
    kept = structure_for(again, results)
    assert np.allclose(distances(kept), distances(results[before.id].final_atoms()))
    results[restart.id] = lowered(results[restart.id], 0.3, seed=5)
    taken = structure_for(again, results)
    whole = results[restart.id].final_atoms()
    assert np.allclose(distances(taken), distances(whole[: len(taken)]), atol=1e-6)


def test_rounds_can_be_left_out() -> None:
    every = {step.id for step in plan_of("F", "N").walk()}
    none = plan_of("F", "N", rounds=0)
    assert not any("round" in step.name for step in none.walk())
    rigid = {step.id for step in none.walk() if step.kind == "static"}
    assert {step.id for step in none.walk()} - rigid < every


def test_annealed_starts_are_offered_like_all_others() -> None:
    plan = plan_of("F", "N", starts=2)
    hot = [step for step in plan.walk() if "anneal" in step.settings]
    assert {step.settings["anneal"]["seed"] for step in hot} == {1}
    names = {step.name for step in hot}
    assert {"F|A interface, start 2", "N|A interface, start 2", "N|A A slab, start 2"} <= names
    assert names == {step.name for step in plan.walk() if step.name.endswith("start 2")} - {
        step.name for step in plan.walk() if "second start" in step.name
    }
    again = step_named(plan, "N|A interface, round 1")
    assert isinstance(again.structure_from, Restacked)
    assert step_named(plan, "N|A interface, start 2").id in again.parents
    assert (
        step_named(plan, "F|A A slab, start 2").id
        in step_named(plan, "N|A A slab, round 1").parents
    )
    labels = step_named(plan, "N|A interface").metadata
    assert len(labels["restarts"]) == 2
    more = plan_of("F", "N", starts=3)
    assert {step.id for step in hot} < {step.id for step in more.walk()}


def test_thorough_is_more_of_both() -> None:
    asked = plan_of("F", "N", starts=3, rounds=3)
    assert asked == plan_of("F", "N", effort="thorough")
    assert len(plan_of("F", "N", effort="thorough", starts=1)) < len(asked)


def test_an_engine_that_does_not_anneal_is_refused_more_starts() -> None:
    study = Study.model_validate(
        {
            "name": "toy",
            "title": "on VASP",
            "engine": "vasp",
            "substrates": {"A": {"phase": "NaF", "miller": [1, 0, 0], "layers": 1}},
            "films": {"F": FILMS["F"]},
            "interfaces": {"max_area_angstrom2": 80, "starts": 2},
        }
    )
    with pytest.raises(StudyError, match="engine vasp does not anneal"):
        plan_study(study, Path(), to_run=False)

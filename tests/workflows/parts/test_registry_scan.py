"""Interfaces that start from the best registries: found, relaxed, and told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from natriface.analysis.results.result import Result
from natriface.structures.base.errors import EngineError
from natriface.structures.interfaces.restacking import slide_film
from natriface.workflows.parts.interfaces.blocks.comparison import compare
from natriface.workflows.parts.interfaces.evaluation.gathering import gather
from natriface.workflows.parts.interfaces.request import InterfaceRequest
from natriface.workflows.plan import Plan, StructureFrom
from natriface.workflows.planning import plan_study
from natriface.workflows.report.page import write_report
from natriface.workflows.steps.start_structure import structure_for
from natriface.workflows.steps.starts import start_geometries
from natriface.workflows.study import Study
from tests.workflows.parts.test_interfaces_section import PROTOCOL
from tests.workflows.parts.test_one_slab import FILMS, plan_of, run, step_named

BEST: dict[str, Any] = {"registry": "best", "rounds": 0, "scan": {"registries": 2}}


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_of("F", **BEST)


@pytest.fixture(scope="module")
def results(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    return run(plan, tmp_path_factory.mktemp("run"))


def test_each_start_is_the_interface_at_its_registry(
    plan: Plan, results: dict[str, Result]
) -> None:
    scan = results[step_named(plan, "F|A registry scan").id]
    assert scan.scan is not None
    ranked = scan.scan.ranked()
    assert len({point.shift for point in ranked}) == len(ranked) > 2
    for name, point in zip(("F|A interface", "F|A interface, registry 2"), ranked, strict=False):
        start = results[step_named(plan, name).id].initial_atoms()
        there = slide_film(scan.initial_atoms(), point.shift, point.lift_angstrom)
        assert np.allclose(start.positions, there.positions)
    # F over Na and Na over F, as in the crystal, for NaF on NaF
    assert ranked[0].shift == pytest.approx((0.5, 0.5))


def test_the_report_maps_the_registries_and_says_what_they_spread_by(
    plan: Plan, results: dict[str, Result], tmp_path: Path
) -> None:
    (record,) = (item.record for item in gather(list(results.values())))
    found = record.registries
    scan = results[step_named(plan, "F|A registry scan").id].scan
    assert found is not None
    assert scan is not None
    assert found.best == pytest.approx((0.5, 0.5))
    assert record.gap_angstrom == found.best_gap_angstrom == scan.ranked()[0].gap_angstrom
    table = np.array(found.adhesion_j_per_m2, dtype=float)
    assert np.isfinite(table).all()
    for other in (table.T, np.roll(table[::-1], 1, axis=0), np.roll(table[:, ::-1], 1, axis=1)):
        assert np.allclose(table, other)  # as the square lattice of NaF(100)
    assert np.ptp(table) == pytest.approx(found.rigid_spread_j_per_m2)
    assert table.max() == pytest.approx(found.best_j_per_m2)
    assert table[found.taken[0]] == table.max()
    relaxed = [
        results[step_named(plan, name).id].energy_ev or 0.0
        for name in ("F|A interface", "F|A interface, registry 2")
    ]
    assert record.area_angstrom2 is not None
    assert found.relaxed_spread_j_per_m2 == pytest.approx(
        abs(relaxed[0] - relaxed[1]) / record.area_angstrom2 * 16.02176634
    )
    assert [start.independent for start in record.starts] == [True, True]
    quantity = record.interfacial_formation_energy
    assert quantity is not None
    assert quantity.uncertainty_j_per_m2 is not None
    words = {"study_name": "s", "title": "t", "protocol": PROTOCOL}
    page = write_report(list(results.values()), tmp_path, **words).read_text()
    assert "Registries" in page
    assert (tmp_path / "figures" / "registries.png").is_file()
    document = json.loads((tmp_path / "results.json").read_text())
    assert document["sections"]["interfaces"]["values"]["F|A"]["registries"]["best"] == [0.5, 0.5]


def test_a_registry_near_the_first_is_no_independent_start(
    plan: Plan, results: dict[str, Result]
) -> None:
    key = step_named(plan, "F|A registry scan").id
    scan = results[key].scan
    assert scan is not None
    first, second = scan.ranked()[:2]
    shifts = list(dict.fromkeys(point.shift for point in scan.points))
    assert shifts.index(second.shift) not in scan.near[shifts.index(first.shift)]
    told = results[key].model_dump(mode="json")
    told["scan"]["near"] = [[*range(len(shifts))]] * len(shifts)
    all_near = {**results, key: Result.model_validate(told)}
    (record,) = (item.record for item in gather(list(all_near.values())))
    assert [start.independent for start in record.starts] == [True, False]
    quantity = record.interfacial_formation_energy
    assert quantity is not None
    assert quantity.no_uncertainty == "one independent start only of the interface"
    sentence, _ = compare([record], None).verdict
    # NaF(100) repeats after 3.3 A, and four shifts are tried along it
    assert "registries 1 and 2 lie 0.83 Å apart, less than 1.5 Å: not independent" in sentence
    assert sentence.endswith("; starts: 2 under interfaces tells.")
    (record,) = (item.record for item in gather(list(results.values())))
    assert record.registries is not None
    assert record.registries.near is None
    assert (record.registries.nearest_apart_angstrom or 0.0) >= 1.5
    assert not any("by default" in text for text in compare([record], None).verdict)
    # by a smaller apart_angstrom the next registry is a start of its own
    told["scan"]["near"] = [[k] for k in range(len(shifts))]
    none_near = {**results, key: Result.model_validate(told)}
    (record,) = (item.record for item in gather(list(none_near.values())))
    assert [start.independent for start in record.starts] == [True, True]
    assert any(
        text.startswith("Starts 0.83 Å apart (F|A) count as independent, as the study asks")
        for text in compare([record], None).verdict
    )


def test_only_what_is_not_set_and_can_help_is_advised(results: dict[str, Result]) -> None:
    (record,) = (item.record for item in gather(list(results.values())))
    assert record.registries is not None
    assert record.interfacial_formation_energy is not None
    unsure = record.interfacial_formation_energy.model_copy(update={"uncertainty_j_per_m2": None})
    record = record.model_copy(update={"interfacial_formation_energy": unsure})

    def advice(**update: Any) -> str:
        sentence, _ = compare([record.model_copy(update=update)], None).verdict
        return sentence.rpartition("; ")[2]

    both = "starts: 2 or registry: best with scan: {registries: 2} under interfaces tells."
    assert advice(registries=None) == both
    one = record.registries.model_copy(update={"n_relaxed": 1})
    assert advice(registries=one) == "starts: 2 or scan: {registries: 2} under interfaces tells."
    none_apart = one.model_copy(update={"n_apart": 1})
    assert advice(registries=none_apart) == "starts: 2 under interfaces tells."
    left = [record.starts[0], record.starts[1].model_copy(update={"energy_ev": None})]
    assert advice(starts=left) == "1 start without a sound result yet tells."


def test_registries_are_told_apart_from_those_not_there_yet(plan: Plan) -> None:
    steps = [step for step in plan.walk() if step.name == "F|A interface"]
    (record,) = (item.record for item in gather([], [_expected(step) for step in steps]))
    assert record.registries is not None
    assert "not finished" in (record.registries.reason or "")


def _expected(step: Any) -> Any:
    from natriface.workflows.report.steps import ExpectedStep

    return ExpectedStep(step.id, step.name, step.kind, step.n_atoms, step.metadata)


def test_slabs_cut_from_relaxed_crystals_are_scanned_too(tmp_path: Path) -> None:
    plan = plan_of("N", bulk="relaxed", **BEST)
    scan = step_named(plan, "N|A registry scan")
    assert isinstance(scan.structure_from, StructureFrom)
    assert scan.structure_from.cut is not None
    whole = step_named(plan, "N|A interface")
    assert whole.parents == (scan.id,)
    assert {step.id: atoms for step, atoms, _ in start_geometries(plan)}[whole.id] is not None


def test_a_study_without_the_keys_plans_what_it_did() -> None:
    plain = plan_of("F", "N")
    assert plain == plan_of("F", "N", registry=[0.0, 0.0])
    assert not any("scan" in step.name for step in plain.walk())
    slabs = {step.id for step in plain.walk() if step.name in ("F|A A slab", "F|A F slab")}
    assert slabs < {step.id for step in plan_of("F", "N", registry="best").walk()}


def test_shifts_are_followed_only_where_that_is_asked_for() -> None:
    plain, same, other = (
        step_named(plan_of("F", **{**BEST, "scan": {"registries": 2, **more}}), "F|A registry scan")
        for more in ({}, {"beyond_angstrom": 0.0}, {"beyond_angstrom": 1.0})
    )
    assert plain.id == same.id != other.id
    assert "beyond_angstrom" not in plain.settings["scan"]
    assert other.settings["scan"]["beyond_angstrom"] == 1.0


def test_more_registries_only_add_steps_and_no_more_than_there_are() -> None:
    few, more, all_of_them = (
        plan_of("F", **{**BEST, "scan": {"registries": n}}) for n in (1, 2, 20)
    )
    ids = [{step.id for step in each.walk() if step.kind != "static"} for each in (few, more)]
    assert ids[0] < ids[1]
    scan = step_named(all_of_them, "F|A registry scan")
    n_starts = sum(step.name.startswith("F|A interface") for step in all_of_them.walk())
    assert n_starts == len(scan.settings["scan"]["shifts"])


def test_without_slabs_of_their_own_the_starts_are_there_all_the_same() -> None:
    plan = plan_of("F", **{**BEST, "second_start": False})
    labels = step_named(plan, "F|A interface").metadata
    assert labels["restarts"] == [step_named(plan, "F|A interface, registry 2").id]


def test_scans_are_by_who_can_and_contradictions_are_refused(
    plan: Plan, results: dict[str, Result]
) -> None:
    with pytest.raises(ValidationError, match="leave gap_angstrom out"):
        InterfaceRequest(registry="best", gap_angstrom=2.0)
    with pytest.raises(ValidationError, match="scan needs registry: best"):
        InterfaceRequest.model_validate({"scan": {"registries": 2}})
    study = {
        "name": "toy",
        "title": "on VASP",
        "engine": "vasp",
        "substrates": {"A": {"phase": "NaF", "miller": [1, 0, 0], "layers": 1}},
        "films": {"F": FILMS["F"]},
        "interfaces": {"max_area_angstrom2": 80, "registry": "best"},
    }
    on_vasp = plan_study(Study.model_validate(study), Path(), to_run=False)
    scan = step_named(on_vasp, "F|A registry scan")
    assert scan.engine == "potential"
    start = step_named(on_vasp, "F|A interface")
    assert (start.engine, start.parents) == ("vasp", (scan.id,))
    beyond = step_named(plan, "F|A interface, registry 2")
    source = beyond.structure_from
    assert isinstance(source, StructureFrom)
    far = beyond.model_copy(update={"structure_from": source.model_copy(update={"scanned": 99})})
    with pytest.raises(EngineError, match="registries only; ask for fewer"):
        structure_for(far, results)

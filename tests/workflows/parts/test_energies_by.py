"""Energies of relaxed geometries by other levels of theory: each its own throughout, none mixed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest
from ase import Atoms

from natriface.analysis.results.result import EngineRecord, Result
from natriface.analysis.results.wording import number
from natriface.structures.base.errors import NatrifaceError, StudyError, UnavailableError
from natriface.workflows.parts.interfaces.blocks.comparison import compare
from natriface.workflows.parts.interfaces.blocks.level_tables import adhesion_table
from natriface.workflows.parts.interfaces.blocks.tables import VALUE, overview
from natriface.workflows.parts.interfaces.evaluation.gathering import ExpectedStep, gather
from natriface.workflows.parts.interfaces.evaluation.records import (
    InterfaceRecord,
    LevelRecord,
    Quantity,
    RegistriesRecord,
    SlabRecord,
    StartRecord,
    StrainEnergyRecord,
)
from natriface.workflows.plan import Plan
from natriface.workflows.planning import check_steps, lacking, plan_study
from natriface.workflows.report.steps import StepRow
from natriface.workflows.study import Study
from tests.standins.standin_potential import PairPotential
from tests.workflows.parts.test_one_slab import run

HERE = "tests.workflows.parts.test_energies_by"
PAIR = "tests.standins.standin_potential:PairPotential"


class Scaled(PairPotential):
    """Energies and forces times a factor, so that what they are subtracted from can be told."""

    factor: ClassVar[float] = 2.0

    def calculate(
        self, atoms: Atoms | None = None, properties: Any = ("energy",), *_: Any, **__: Any
    ) -> None:
        super().calculate(atoms, properties)
        self.results = {name: self.factor * value for name, value in self.results.items()}


class Upside(Scaled):
    """What is lowest by the other is highest by this."""

    factor = -1.0


class WithoutSodium(Scaled):
    """Has never seen the film."""

    elements = ("F",)


def study(levels: list[dict[str, Any]] | None, **changes: Any) -> Study:
    content = {
        "name": "toy",
        "title": "films on supercells of one slab",
        "substrates": {"A": {"phase": "NaF", "miller": [1, 0, 0], "layers": 1}},
        "films": {
            "N": {"phase": "Na", "miller": [1, 0, 0], "layers": 2},
            "F": {"phase": "NaF", "miller": [1, 0, 0], "layers": 1},
        },
        "interfaces": {"max_area_angstrom2": 80, "max_strain_percent": 10},
        "quantities": ["interfacial_formation_energy", "work_of_adhesion", "unreacted_bound"],
        "settings": {
            "relax": {"model": PAIR, "fmax_ev_per_angstrom": 0.5, "optimizer": "BFGS"},
            "static": {"model": PAIR},
        },
        **({} if levels is None else {"energies_by": levels}),
        **changes,
    }
    return Study.model_validate(content)


LEVELS: list[dict[str, Any]] = [
    {"model": f"{HERE}:Scaled", "label": "double"},
    {"model": f"{HERE}:Upside", "label": "upside", "geometries": "all"},
]


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_study(study(LEVELS), Path())


@pytest.fixture(scope="module")
def results(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    return run(plan, tmp_path_factory.mktemp("run"))


def records_of(plan: Plan, results: dict[str, Result]) -> list[InterfaceRecord]:
    expected = [
        ExpectedStep(step.id, step.name, step.kind, step.n_atoms, step.metadata)
        for step in plan.walk()
    ]
    return [item.record for item in gather(list(results.values()), expected)]


@pytest.fixture(scope="module")
def records(plan: Plan, results: dict[str, Result]) -> list[InterfaceRecord]:
    return records_of(plan, results)


def value(quantity: Any) -> float:
    assert quantity is not None, "not asked for"
    assert quantity.value_j_per_m2 is not None, quantity.reason
    found: float = quantity.value_j_per_m2
    return found


def test_without_the_key_no_step_changes(plan: Plan) -> None:
    plain = plan_study(study(None), Path())
    more = [step for step in plan.walk() if step.id not in {one.id for one in plain.walk()}]
    assert len(plan) == len(plain) + len(more)
    assert {step.kind for step in more} == {"static"}
    assert {step.settings["model"] for step in more} == {f"{HERE}:Scaled", f"{HERE}:Upside"}
    for step in plain.walk():
        assert "energies_by" not in step.metadata


@pytest.mark.slow
def test_each_level_is_of_its_own_energies_throughout(records: list[InterfaceRecord]) -> None:
    """Twice the energies at the same geometries give twice of all that is made of them."""
    for record in records:
        double, _, own = record.levels
        assert (double.name, own.name) == ("double", PAIR)
        for name in ("interfacial_formation_energy", "work_of_adhesion", "bound"):
            twice = 2 * value(getattr(own, name))
            assert value(getattr(double, name)) == pytest.approx(twice, rel=1e-6, abs=1e-9)


@pytest.mark.slow
def test_the_first_level_is_the_headline(records: list[InterfaceRecord]) -> None:
    for record in records:
        head, *others = record.levels
        assert record.interfacial_formation_energy == head.interfacial_formation_energy
        assert record.work_of_adhesion == head.work_of_adhesion
        assert record.bound == head.bound
        assert record.engine is not None
        assert record.engine.model == f"{HERE}:Scaled"
        energies = [value(level.interfacial_formation_energy) for level in record.levels]
        apart = record.between_levels_j_per_m2
        assert apart == pytest.approx(max(energies) - min(energies))
        relaxed = others[-1].interfacial_formation_energy
        assert relaxed is not None
        # the starts' spread is the relaxing level's, and no part of how far the levels lie apart
        assert head.interfacial_formation_energy is not None
        assert (
            head.interfacial_formation_energy.uncertainty_j_per_m2 == relaxed.uncertainty_j_per_m2
        )


@pytest.mark.slow
def test_of_all_starts_the_lowest_by_the_level_counts(
    plan: Plan, results: dict[str, Result], records: list[InterfaceRecord]
) -> None:
    apart = []
    for record in records:
        labels = next(
            step.metadata
            for step in plan.walk()
            if step.metadata.get("role") == "interface" and step.metadata["pair"] == record.pair
        )
        (interface,) = [step.id for step in plan.walk() if step.name == f"{record.pair} interface"]
        starts = [results[step] for step in (interface, *labels["restarts"])]
        energies = [start.converged_energy_ev() for start in starts]
        highest = max(energies)
        apart.append(highest - min(energies))
        upside = record.levels[1].interfacial_formation_energy
        assert upside is not None
        whole = next(iter(upside.energies_ev.values()))
        assert whole == pytest.approx(-highest, abs=1e-6)
        rigid = record.levels[1].work_of_adhesion
        assert rigid is not None
        assert next(iter(rigid.energies_ev.values())) == pytest.approx(-highest, abs=1e-6)
    assert max(apart) > 0.01


def test_a_missing_single_point_is_no_number_and_mixes_nothing(
    plan: Plan, results: dict[str, Result]
) -> None:
    left = next(step for step in plan.walk() if step.name == "N|A interface, double")
    record = next(
        one
        for one in records_of(plan, {k: v for k, v in results.items() if k != left.id})
        if one.pair == "N|A"
    )
    energy = record.interfacial_formation_energy
    assert energy is not None
    assert energy.value_j_per_m2 is None
    assert energy.reason == "N|A interface, double: not finished yet"
    value(record.levels[-1].interfacial_formation_energy)
    table = overview([record], None)
    assert "double: not finished yet" in table.below[0]


def test_single_points_of_another_version_are_refused(
    plan: Plan, results: dict[str, Result]
) -> None:
    step = next(step for step in plan.walk() if step.name == "N|A N rigid, double")
    engine = results[step.id].engine.model_copy(update={"version": "another"})
    changed = {**results, step.id: results[step.id].model_copy(update={"engine": engine})}
    record = next(one for one in records_of(plan, changed) if one.pair == "N|A")
    adhesion = record.work_of_adhesion
    assert adhesion is not None
    assert adhesion.value_j_per_m2 is None
    assert "were not computed alike (engine version" in (adhesion.reason or "")


@pytest.mark.slow
def test_tables_have_a_column_a_level(records: list[InterfaceRecord]) -> None:
    table = overview(records, None)
    shown = {f"{column.title} {column.unit}".strip(): k for k, column in enumerate(table.columns)}
    for record, row in zip(records, table.rows, strict=True):
        head, upside, own = (value(one.interfacial_formation_energy) for one in record.levels)
        assert row[shown[f"{VALUE} J/m2"]] == pytest.approx(head)
        assert row[shown[f"{VALUE} by upside J/m2"]] == pytest.approx(upside)
        assert row[shown[f"{VALUE} by {PAIR} J/m2"]] == pytest.approx(own)
        assert row[shown["spread of the levels of theory J/m2"]] == record.between_levels_j_per_m2
    assert any(f"relaxed by {PAIR}" in note for note in table.notes)
    adhesion = adhesion_table(records)
    assert adhesion is not None
    assert [column.title for column in adhesion.columns][1:4] == ["W", "by upside", f"by {PAIR}"]


ON: list[dict[str, Any]] = [
    {
        "model": f"{HERE}:Scaled",
        "label": "on",
        "compute": "relax",
        "settings": {"fmax_ev_per_angstrom": 0.02},
    },
    {"model": f"{HERE}:Scaled", "label": "points"},
]


@pytest.fixture(scope="module")
def plan_on() -> Plan:
    """A level that relaxes on to smaller forces than the study's."""
    pairs = {
        "max_area_angstrom2": 80,
        "max_strain_percent": 10,
        "pairs": [["N", "A"]],
        "starts": 2,
        "anneal": {"kelvin": 300, "picoseconds": 0.02},
    }
    settings = {
        "relax": {"model": PAIR, "fmax_ev_per_angstrom": 0.5, "rattle_angstrom": 0.03},
        "static": {"model": PAIR},
    }
    return plan_study(study(ON, interfaces=pairs, settings=settings), Path())


@pytest.fixture(scope="module")
def results_on(plan_on: Plan, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    return run(plan_on, tmp_path_factory.mktemp("on"))


def test_a_level_may_relax_on_from_there_undisplaced(plan_on: Plan) -> None:
    on = {step.name: step for step in plan_on.walk() if step.name.endswith(", on")}
    assert {name: step.kind for name, step in on.items() if "rigid" in name} == {
        "N|A A rigid, on": "static",
        "N|A N rigid, on": "static",
    }
    relaxed = [step for name, step in on.items() if "rigid" not in name]
    assert len(relaxed) >= 5  # interface, two slabs, two crystals
    assert {step.kind for step in relaxed} == {"relax"}
    assert {step.settings["rattle_angstrom"] for step in relaxed} == {0.0}
    rigid = on["N|A N rigid, on"].structure_from
    assert rigid is not None
    assert rigid.step == on["N|A interface, on"].id


def test_what_a_level_has_relaxed_is_its_own_throughout(
    plan_on: Plan, results_on: dict[str, Result]
) -> None:
    (record,) = records_of(plan_on, results_on)
    on, points, _ = record.levels
    assert [level.relaxed_on for level in record.levels] == [True, False, False]
    by_name = {result.label: result for result in results_on.values()}
    for name in ("N|A interface", "N|A A slab", "N|A N slab"):
        further, point = by_name[f"{name}, on"], by_name[f"{name}, points"]
        start = further.initial_atoms().positions
        assert start == pytest.approx(point.final_atoms().positions, abs=1e-6)
        assert further.converged_energy_ev() <= point.converged_energy_ev() + 1e-9
    moved = by_name["N|A interface, on"]
    assert moved.converged_energy_ev() < by_name["N|A interface, points"].converged_energy_ev()
    film = by_name["N|A N rigid, on"].final_atoms()
    last = moved.final_atoms()
    apart = [min(abs(last.positions - each).max(axis=1)) for each in film.positions]
    assert max(apart) < 1e-6  # as the film lies in what the level has relaxed
    assert value(on.interfacial_formation_energy) != pytest.approx(
        value(points.interfacial_formation_energy), abs=1e-6
    )
    # one start a term: how far the starts of the other level agree says nothing of these minima
    reasons = [
        level.interfacial_formation_energy.no_uncertainty
        for level in record.levels
        if level.interfacial_formation_energy is not None
    ]
    few = "one independent start only of"
    assert reasons == [
        f"{few} the interface and the substrate and the film",
        *(2 * [f"{few} the film"]),
    ]
    (note,) = [text for text in overview([record], None).notes if "relaxed by" in text]
    assert f"relaxed on from the lowest starts by {PAIR}, one each" in note
    assert f"single points of the lowest starts by {PAIR}, so that ± is theirs" in note
    said = _told([record])
    assert any("relaxes on from where" in text for text in said)
    (none,) = [text for text in said if text.startswith("No verdict on N|A")]
    assert "geometries: all at the level on with " in none


def record_of(pair: str, *energies: float, doping: str | None = None) -> InterfaceRecord:
    levels = [
        LevelRecord(
            name=f"level {k}",
            interfacial_formation_energy=Quantity(value_j_per_m2=x, uncertainty_j_per_m2=0.01),
        )
        for k, x in enumerate(energies)
    ]
    film, substrate = pair.split("|")
    return InterfaceRecord(
        pair=pair,
        film=SlabRecord(name=film),
        substrate=SlabRecord(name=substrate, phase="A", doping=doping),
        engine=EngineRecord(name="potential", version="1", model="level 0"),
        interfacial_formation_energy=levels[0].interfacial_formation_energy,
        levels=levels if len(levels) > 1 else [],
        steps=[StepRow(role="interface", name=pair, status="converged")],
    )


def _told(records: list[InterfaceRecord]) -> list[str]:
    words = compare(records, None)
    return [*words.verdict, *words.findings]


def test_no_verdict_where_levels_differ_in_the_sign() -> None:
    alike = [record_of("N|A", -0.5, -0.3), record_of("N|A-F", -0.8, -0.4, doping="F")]
    said = _told(alike)
    assert any(text.startswith("Contact lowers the energy of N|A by 0.50") for text in said)
    assert any("more negative (−0.30 J/m²" in text and "−0.10 by level 1" in text for text in said)
    assert any("0.20 to 0.40 J/m² apart (most for N|A-F)" in text for text in said)
    unlike = [record_of("N|A", -0.5, 0.3), record_of("N|A-F", -0.8, 0.4, doping="F")]
    said = _told(unlike)
    assert any("differ in whether contact lowers the energy of N|A, N|A-F" in x for x in said)
    assert not any("Contact lowers the energy" in text for text in said)
    assert any("differ in the sign, there is no verdict" in text for text in said)
    assert not any("more negative" in text for text in said)


def test_what_contact_gains_is_told_of_each_pair_and_of_the_level_it_is_by() -> None:
    said = _told([record_of("N|A", -10.5, -9.0), record_of("N|B", -9.5, -8.0)])
    each = "N|A by 10.50 ± 0.01 J/m² and of N|B by 9.50 ± 0.01 J/m²"
    assert f"Contact lowers the energy of {each} (level 0)." in said
    alone = _told([record_of("N|A", -10.5)])
    assert "Contact lowers the energy of N|A by 10.50 ± 0.01 J/m²." in alone


def test_of_many_pairs_the_range_is_told_with_its_ends() -> None:
    energies = {"N|A": -0.4, "N|B": -0.2, "N|C": -0.5, "N|D": -0.3}
    said = _told([record_of(pair, energy) for pair, energy in energies.items()])
    pairs = "N|A, N|B, N|C, N|D"
    assert f"Contact lowers the energy of {pairs}, by 0.20 (N|B) to 0.50 (N|C) J/m²." in said


def test_pairs_with_a_side_in_common_are_compared_by_all_levels() -> None:
    told = compare([record_of("N|A", -0.38), record_of("N|B", -0.2)], None).verdict
    assert told[1] == "N|A lies lower than N|B by 0.18 ± 0.01 J/m²: told apart."
    near = compare([record_of("N|A", -0.38), record_of("N|B", -0.375)], None).verdict
    assert "N|A and N|B are not told apart: they differ by 0.01 ± 0.01 J/m²." in near
    alike = compare([record_of("N|A", -0.5, -0.4), record_of("N|B", -0.2, -0.3)], None).verdict
    levels = "0.30 J/m² by level 0 and 0.10 J/m² by level 1, uncertain by 0.01 J/m²"
    assert f"N|A lies lower than N|B by {levels}: told apart." in alike
    unlike = compare([record_of("N|A", -0.5, -0.2), record_of("N|B", -0.2, -0.3)], None).verdict
    assert (
        "Levels of theory differ in which of N|A and N|B lies lower (N|A by 0.30 J/m² by level 0, "
        "N|B by 0.10 J/m² by level 1): not told apart." in unlike
    )
    apart = compare([record_of("N|A", -0.38), record_of("M|B", -0.2)], None).verdict
    assert len(apart) == 1  # no side in common, no question


def test_a_caveat_of_several_interfaces_stands_once() -> None:
    two = [record_of(pair, -0.5) for pair in ("N|A", "N|B")]
    lost = "N: relaxed to space group 1."
    records = [two[0].model_copy(update={"caveats": [lost, "apart."]})]
    records += [two[1].model_copy(update={"caveats": [lost]})]
    assert compare(records, None).caveats == [f"N|A, N|B: {lost}", "N|A: apart."]


def test_without_an_uncertainty_no_pair_is_compared() -> None:
    known, unknown = record_of("N|A", -0.38), record_of("N|B", -0.2)
    assert unknown.interfacial_formation_energy is not None
    one_start = unknown.interfacial_formation_energy.model_copy(
        update={"uncertainty_j_per_m2": None}
    )
    unknown = unknown.model_copy(update={"interfacial_formation_energy": one_start})
    told = compare([known, unknown], None).verdict
    assert not any("lies lower" in text for text in told)


def _scanned(pair: str, uncertainty: float | None, **scan: Any) -> InterfaceRecord:
    formation = Quantity(
        value_j_per_m2=-0.3,
        uncertainty_j_per_m2=uncertainty,
        no_uncertainty=None if uncertainty else "one independent start only of the interface",
    )
    update = {"interfacial_formation_energy": formation, "registries": RegistriesRecord(**scan)}
    return record_of(pair, -0.3).model_copy(update=update)


def test_like_reasons_for_no_verdict_stand_once_and_others_with_their_pairs() -> None:
    near = [("N|A", "registries 1 and 2 lie 0.67 Å apart"), ("N|B", "registries 1 and 2 lie 1 Å")]
    scans = [_scanned(pair, None, near=text, apart_angstrom=1.5) for pair, text in near]
    (sentence,) = compare(scans, None).verdict
    assert (
        "is not known (one independent start only of the interface; in N|A registries 1 and 2 lie "
        "0.67 Å apart, in N|B registries 1 and 2 lie 1 Å, less than 1.5 Å: not independent); "
    ) in sentence
    other = scans[1].interfacial_formation_energy
    assert other is not None
    other = other.model_copy(update={"no_uncertainty": "the starts are not known"})
    unlike = scans[1].model_copy(update={"interfacial_formation_energy": other})
    (sentence,) = compare([scans[0], unlike], None).verdict
    assert "N|A: one independent start only of the interface; N|B: the starts are" in sentence


def test_starts_nearer_than_the_default_are_told_where_they_count_as_independent() -> None:
    asked = [
        _scanned("N|A", 0.01, nearest_apart_angstrom=0.67),
        _scanned("N|B", 0.01, nearest_apart_angstrom=1.6),
        _scanned(
            "N|C", None, nearest_apart_angstrom=0.5
        ),  # it has no verdict to be taken with care
    ]
    assert (
        "Starts 0.67 Å apart (N|A) count as independent, as the study asks; by default 1.5 Å."
        in compare(asked, None).verdict
    )
    assert not any("by default" in text for text in compare(asked[1:], None).verdict)


def test_of_many_pairs_those_told_apart_are_counted() -> None:
    energies = (-0.5, -0.5, -0.4, -0.2)
    records = [record_of(f"N|{name}", x) for name, x in zip("ABCD", energies, strict=True)]
    assert compare(records, None).verdict[1] == (
        "Of 6 pairs of interfaces with a side in common 5 are told apart, each tested alone and "
        "without correction for their number. Most: N|A lies lower than N|D by 0.30 ± 0.01 J/m²: "
        "told apart."
    )


def test_the_work_of_adhesion_is_told_where_it_was_asked_for() -> None:
    records = [
        record_of(pair, -0.3).model_copy(update={"work_of_adhesion": Quantity(value_j_per_m2=w)})
        for pair, w in (("N|A", 0.58), ("N|B", 0.35))
    ]
    assert compare(records, None).verdict[-1] == (
        "Rigid work of adhesion, of which no uncertainty is known: 0.58 J/m² of N|A and 0.35 J/m² "
        "of N|B."
    )


def test_the_order_of_starts_is_told_of_the_level_that_relaxes() -> None:
    starts = [
        StartRecord(id=str(k), name=f"start {k}", energy_ev=energy, taken=k == 1)
        for k, energy in enumerate((-1.0, -1.5))
    ]
    told = [record_of("N|A", *energies) for energies in ((-0.5, -0.3), (-0.5,))]
    by_two, by_one = (record.model_copy(update={"starts": starts}) for record in told)
    said = "is the lowest for N|A; further starts may go lower."
    assert f"The last start by level 1 {said}" in compare([by_two], None).findings
    assert f"The last start {said}" in compare([by_one], None).findings


@pytest.mark.parametrize(
    ("film", "substrate", "told"),
    [([0.07, 0.01], [], "+7.0"), ([0.01, -0.07], [], "−7.0"), ([0.0, 0.0], [0.07, 0.0], "−7.0")],
)
def test_a_strain_has_its_sign_and_the_bound_that_it_exceeds(
    film: list[float], substrate: list[float], told: str
) -> None:
    record = record_of("N|A", -0.3)
    update: dict[str, Any] = {
        "max_strain": 0.07,
        "film": record.film.model_copy(update={"principal_strains": film}),
        "substrate": record.substrate.model_copy(update={"principal_strains": substrate}),
    }
    strained = record.model_copy(update={**update, "max_strain_percent": 5.0})
    findings = " ".join(compare([strained], None).findings)
    assert f"Strained by more than 5 % to fit: N|A by {told} %" in findings
    assert "Strained beyond max_strain_percent" in findings
    assert f"N|A by {told} % (bound 5 %)." in findings
    table = overview([strained], None)
    column = next(k for k, c in enumerate(table.columns) if c.title == "largest strain")
    assert number(table.rows[0][column], 1) == told.removeprefix("+")
    within = strained.model_copy(update={"max_strain_percent": 12.0})
    assert "beyond" not in " ".join(compare([within], None).findings)


def test_what_a_level_has_not_seen_is_refused_before_anything_runs() -> None:
    with pytest.raises(NatrifaceError, match="Na"):
        plan_study(study([{"model": f"{HERE}:WithoutSodium"}]), Path())
    with pytest.raises(NatrifaceError, match="sevennet-l3i5"):
        plan_study(study([{"model": "sevennet-l3i6"}]), Path())


def test_without_the_package_of_a_level_the_study_is_planned_and_not_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("chgnet")
    monkeypatch.setitem(sys.modules, "sevenn", None)
    asked = study([{"model": "sevennet-0"}], engine="potential", settings={})
    plan = plan_study(asked, Path(), to_run=False)
    with pytest.raises(UnavailableError, match=r"pip install 'natriface\[sevennet\]'") as error:
        check_steps(plan)
    assert "\n" not in str(error.value)
    assert len(lacking(plan)) == 1


@pytest.mark.parametrize(
    ("levels", "changes", "said"),
    [
        ([{"model": "chgnet-0.3.0"}] * 2, {}, "two are called chgnet-0.3.0"),
        ([{"model": "a", "settings": {"model": "b"}}], {}, "give it once"),
        ([{"engine": "vapsa"}], {}, "did you mean"),
        ([{"model": "chgnet-0.3.0"}], {"quantities": ["integrity"]}, "energies_by: it needs"),
    ],
)
def test_contradictions_in_the_key_are_refused(
    levels: list[dict[str, Any]], changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(StudyError, match=said):
        study(levels, **changes)


def test_the_level_that_relaxes_is_not_named_again() -> None:
    with pytest.raises(StudyError, match="is what the study relaxes with"):
        plan_study(study([{"model": PAIR}]), Path())


def test_a_large_strain_is_a_finding_and_a_small_one_is_none() -> None:
    strained = {"N|A": 0.061, "M|A": 0.05, "O|A": None}
    records = [
        record_of(pair, -0.5).model_copy(update={"max_strain": strain})
        for pair, strain in strained.items()
    ]
    said = [text for text in _told(records) if text.startswith("Strained by more than 5 %")]
    assert len(said) == 1
    assert said[0].startswith("Strained by more than 5 % to fit: N|A by +6.1 %; energies are")
    assert "strain_energy among the quantities says what it costs" in said[0]
    assert not any("to fit" in text for text in _told(records[1:]))


def test_strain_that_gains_energy_is_a_finding() -> None:
    def record(energy: float) -> InterfaceRecord:
        film = StrainEnergyRecord(value_j_per_m2=energy)
        changes = {"max_strain": 0.061, "strain_energies": {"film": film}}
        return record_of("N|A", -0.5).model_copy(update=changes)

    (text,) = [text for text in _told([record(-0.002)]) if "Strain gains" in text]
    assert "the film of N|A −0.002 J/m²" in text
    assert "the unstrained crystal is not the engine's lowest" in text
    by_fit = record(-5e-5)  # no gain, and said to be none
    assert not any("Strain gains" in text for text in _told([by_fit]))
    assert any("rounds to 0.000 J/m² is none" in note for note in overview([by_fit], None).notes)
    found = _told([record(0.1)])
    assert not any("rounds to" in note for note in overview([record(0.1)], None).notes)
    assert not any("Strain gains" in text for text in found)
    # what it costs was asked for and stands in the table
    assert any("to fit" in x for x in found)
    assert not any("says what it costs" in x for x in found)

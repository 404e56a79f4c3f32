"""The part of reactions: which phases are planned, and what its section says of what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ase.build import bulk as crystal
from ase.io import write

from natriface.analysis.energies.reactivity import Reaction, empty_systems
from natriface.analysis.results.result import Convergence, EngineRecord, Result, StepRecord
from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import StructureError, StudyError
from natriface.structures.crystals.phases import load_phase
from natriface.workflows.parts.labels import labels_of
from natriface.workflows.parts.reactivity.measurements import unmeasured
from natriface.workflows.parts.reactivity.records import PairRecord
from natriface.workflows.parts.reactivity.section import outcome, section
from natriface.workflows.plan import Plan, Step
from natriface.workflows.planning import plan_study
from natriface.workflows.report.section import Section, SectionContext
from natriface.workflows.report.steps import ExpectedStep
from natriface.workflows.study import load_study, study_model, study_path
from natriface.workflows.validation import validated

PER_ATOM = {
    "Na": -1.3, "Sn": -4.0, "FNa": -4.35, "F2Sn": -5.2, "F4Sn": -4.9, "NaSn": -2.8,
    "Na15Sn4": -2.02, "Na9Sn4": -2.2, "Na7Sn3": -2.2,
}  # fmt: skip


def planned(root: Path, **reactivity: object) -> Plan:
    content = {"name": "reactions", "title": "Reactions", "reactivity": reactivity}
    return plan_study(validated(study_model(), content, "study"), root, to_run=False)


def energies(plan: Plan) -> dict[str, Step]:
    return {
        step.metadata["label"]: step
        for step in plan.walk()
        if step.metadata["role"] == "bulk_energy"
    }


def crystal_of(plan: Plan, step: Step) -> Any:
    return plan.step(step.parents[0]).atoms()


def result(plan: Plan, step: Step, **changes: object) -> Result:
    atoms = crystal_of(plan, step)
    formula = "".join(
        f"{x}{n if n > 1 else ''}"
        for x, n in sorted(_reduced(atoms.get_chemical_symbols()).items())
    )
    content: dict[str, Any] = {
        "kind": "static",
        "status": "converged",
        "engine": EngineRecord(name="potential", version="1", model="given"),
        "protocol": step.protocol,
        "step": StepRecord(id=step.id, name=step.name, metadata=step.metadata),
        "energy_ev": PER_ATOM.get(formula, -3.0) * len(atoms),
        "final_structure": to_document(atoms),
        "convergence": Convergence(),
    }
    return Result(**(content | changes))


def _reduced(symbols: list[str]) -> dict[str, int]:
    from math import gcd

    counts = Counter(symbols)
    divisor = gcd(*counts.values())
    return {x: n // divisor for x, n in counts.items()}


def told(plan: Plan, folder: Path, results: list[Result]) -> Section:
    expected = [
        ExpectedStep(step.id, step.name, step.kind, step.n_atoms, step.metadata)
        for step in plan.walk()
    ]
    made = section(results, SectionContext(folder, expected=expected))
    assert made is not None
    return made


@pytest.fixture(scope="module")
def tin(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return planned(
        tmp_path_factory.mktemp("tin"),
        pairs=[["Na", "SnF2"], ["NaF", "Na"]],
        known_compounds=["NaSn5", "NaF", "Na2SnF6", "Na3PO4"],
    )


def test_all_phases_of_the_pairs_elements_are_planned_once(tin: Plan) -> None:
    phases = energies(tin)
    assert {"Na", "Sn", "NaF", "NaSn", "Na15Sn4", "SnF2-C2c", "SnF2-P41212", "SnF4"} <= set(phases)
    assert not {"V", "NaCl", "ZrSi-Pnma"} & set(phases)
    # one relaxation with its cell a phase, in the primitive cell
    assert len(tin) == 2 * len(phases)
    assert all(len(crystal_of(tin, step)) == step.n_atoms for step in phases.values())
    assert phases["NaF"].n_atoms == 2
    plan = labels_of(phases["Na"]).plan  # type: ignore[attr-defined]
    assert plan.left_out["NaF-experiment"].startswith("the crystal of NaF")
    assert plan.pairs == [("Na", "SnF2-C2c"), ("NaF", "Na")]


def test_the_section_says_the_reaction_and_what_is_missing(tin: Plan, tmp_path: Path) -> None:
    made = told(tin, tmp_path, [result(tin, step) for step in energies(tin).values()])
    first, second, engine = made.findings
    assert first.startswith("Na|SnF2-C2c: 2 Na + SnF2 → Sn + 2 NaF, −0.640 eV/atom, −3.20 eV a ")
    assert first.endswith("(11 phases of Na-Sn-F, 2 known compounds missing).")
    assert second == "NaF|Na: no reaction between them is downhill (2 phases of Na-F)."
    assert "given (interatomic potential, not DFT)" in engine
    (systems,) = [table for table in made.tables if table.stem == "reactivity-systems"]
    assert systems.rows[0] == ["Na|SnF2-C2c", "Na-Sn-F", 11, "F", None, "NaSn5, Na2SnF6", None]
    assert systems.rows[1][:4] == ["NaF|Na", "Na-F", 2, "F"]
    phases = next(table for table in made.tables if table.stem == "reactivity-phases")
    volumes = {row[0]: row[3] for row in phases.rows}
    assert volumes["NaF"] == pytest.approx(load_phase("NaF").volume_angstrom3 / 4)
    windows = next(table for table in made.tables if table.stem == "reactivity-windows")
    # against its own metal NaF takes up no Na; F has no phase, so that nothing bounds it above
    bounds = {row[0]: row[1:3] for row in windows.rows}
    assert bounds["NaF"] == [pytest.approx(0.0, abs=1e-6), None]
    # 2 Na + SnF2 -> 2 NaF + Sn, by the lowest form of SnF2: half its energy a Na
    assert bounds["SnF2-C2c"] == [pytest.approx(1.6), None]


def test_reactions_and_windows_are_measured(tin: Plan, tmp_path: Path) -> None:
    made = told(tin, tmp_path, [result(tin, step) for step in energies(tin).values()])
    found = {(m.quantity, m.system): m for m in made.measurements}
    reaction = found["reaction energy", "Na|SnF2-C2c"]
    assert reaction.value == pytest.approx(-0.640, abs=5e-4)
    assert (reaction.grade, reaction.choices) == ("experiment|DFT", {"potential": "given"})
    assert found["reaction energy", "NaF|Na"].value == 0.0
    assert found["volume change", "NaF|Na"].value == 0.0
    assert found["reduction potential", "SnF2-C2c"].value == pytest.approx(1.6)
    assert ("oxidation potential", "SnF2-C2c") not in found  # open, since F has no phase
    # 2 Na + SnF2 -> Sn + 2 NaF
    volume = {
        name: load_phase(name).volume_angstrom3 / len(load_phase(name).atoms)
        for name in ("Na", "SnF2-C2c", "Sn", "NaF")
    }
    before = 2 * volume["Na"] + 3 * volume["SnF2-C2c"]
    wanted = 100 * ((volume["Sn"] + 4 * volume["NaF"]) / before - 1)
    assert found["volume change", "Na|SnF2-C2c"].value == pytest.approx(wanted)


def test_a_phase_that_is_wanting_is_said_and_the_rest_goes_on(tin: Plan, tmp_path: Path) -> None:
    steps = energies(tin)
    results = [
        result(tin, step, status="failed", reason="it exploded", energy_ev=None)
        if label == "Na15Sn4"
        else result(tin, step)
        for label, step in steps.items()
        if label != "NaSn"
    ]
    made = told(tin, tmp_path, results)
    assert made.findings[0].startswith("Na|SnF2-C2c: 2 Na + SnF2 → Sn + 2 NaF")
    (systems,) = [table for table in made.tables if table.stem == "reactivity-systems"]
    assert systems.rows[0][-1] == "Na15Sn4, NaSn"
    assert made.findings[0].endswith("2 known compounds missing, 2 phases without an energy).")
    rows = {row[0]: row[-1] for row in made.tables[-1].rows}
    assert (rows["Na15Sn4"], rows["NaSn"]) == ("it exploded", "not finished yet")


@pytest.mark.parametrize("model", ["SnF2-C2c", "SnF2-P41212"])
def test_a_product_is_a_model_if_its_stable_form_is(model: str, tmp_path: Path) -> None:
    plan = planned(tmp_path, pairs=[["SnF4", "Sn"]])
    for step in energies(plan).values():
        if "plan" in step.metadata:
            step.metadata["plan"]["phases"][model]["grade"] = "model"
    results = [
        result(plan, step, energy_ev=-5.1 * step.n_atoms)
        if label == "SnF2-P41212"
        else result(plan, step)
        for label, step in energies(plan).items()
    ]
    made = told(plan, tmp_path, results)
    assert made.findings[0].startswith("SnF4|Sn: SnF4 + Sn → 2 SnF2")
    cautions = made.lists["To be taken with care"]
    assert any("SnF2 among the products is a model" in x for x in cautions) == (model == "SnF2-C2c")


def test_a_pair_without_its_phase_has_no_energy(tin: Plan, tmp_path: Path) -> None:
    steps = {label: step for label, step in energies(tin).items() if label != "SnF2-C2c"}
    made = told(tin, tmp_path, [result(tin, step) for step in steps.values()])
    assert [text.split(":")[0] for text in made.findings[:-1]] == ["NaF|Na"]
    assert "SnF2-C2c has no energy: not finished yet" in " ".join(made.tables[0].rows[0][1:2])  # type: ignore[arg-type]


def oxide_of_zinc(folder: Path) -> str:
    write(folder / "ZnO.cif", crystal("ZnO", "wurtzite", a=3.25, c=5.2))
    return "ZnO.cif"


def test_without_a_phase_that_binds_them_no_reaction_is_no_finding(tmp_path: Path) -> None:
    plan = planned(tmp_path, pairs=[["Zn", "SnO"]])
    cautions = [text for step in energies(plan).values() for text in labels_of(step).cautions]
    assert "reactivity Zn|SnO: no phase of Zn-O among those given" in cautions[0]
    made = told(plan, tmp_path, [result(plan, step) for step in energies(plan).values()])
    said = "not known: no phase of Zn-O among those given; add phases"
    assert made.findings[0] == f"Zn|SnO: whether they react is {said}."
    reactions = next(table for table in made.tables if table.stem == "reactivity")
    assert reactions.rows[0][1:7] == [said, *[None] * 5]
    windows = [table for table in made.tables if table.stem == "reactivity-windows"]
    assert "SnO" not in [row[0] for table in windows for row in table.rows]
    assert any(f"SnO: its window against Zn is {said}" in x for x in _care(made))
    assert not {m.system for m in made.measurements} & {"Zn|SnO", "SnO"}


def test_where_a_cation_has_nowhere_to_go_no_reaction_is_no_finding(tmp_path: Path) -> None:
    """Whatever becomes of KF under Na, K would be in it, and no other phase than KF holds K."""
    write(tmp_path / "salt.cif", crystal("KF", "rocksalt", a=5.35))
    plan = planned(tmp_path, pairs=[["Na", "salt.cif"]])
    cautions = [text for step in energies(plan).values() for text in labels_of(step).cautions]
    assert "no phase of K besides KF among those given" in cautions[0]
    made = told(plan, tmp_path, [result(plan, step) for step in energies(plan).values()])
    assert "K besides KF" in made.findings[0]
    assert "is not known" in made.findings[0]


@pytest.mark.parametrize(
    ("compound", "found"),
    [
        ({"Na": 3, "Bi": 1}, []),  # an anion, if of a metal
        ({"Na": 3, "O": 1, "Cl": 1}, ["Na-O", "Na-Cl"]),  # two anions
        ({"Zr": 1, "Si": 1}, []),  # no ions
        ({"Na": 3, "Sb": 1, "S": 4}, ["Na-S", "Sb besides Na3SbS4"]),
    ],
)
def test_what_must_have_another_phase_is_a_cation(
    compound: dict[str, float], found: list[str]
) -> None:
    sodium = {"Na": 1.0}
    assert empty_systems(sodium, compound, [sodium, compound]) == found


def test_an_anion_need_not_be_set_free(tmp_path: Path) -> None:
    """No phase but NaF holds F: that Na and NaF do not react stays a finding."""
    plan = planned(tmp_path, pairs=[["Na", "NaF"]])
    assert not any(labels_of(step).cautions for step in energies(plan).values())
    made = told(plan, tmp_path, [result(plan, step) for step in energies(plan).values()])
    assert made.findings[0].startswith("Na|NaF: no reaction between them is downhill")


def test_with_it_the_reaction_is_found_and_the_window_is_by_the_charge(tmp_path: Path) -> None:
    plan = planned(tmp_path, pairs=[["Zn", "SnO"]], phases=[oxide_of_zinc(tmp_path)])
    assert not any(labels_of(step).cautions for step in energies(plan).values())
    per_atom = {"Zn": -1.0, "Sn": -4.0, "SnO": -5.0, "ZnO.cif": -5.0}
    results = [
        result(plan, step, energy_ev=per_atom.get(label, -1.0) * step.n_atoms)
        for label, step in energies(plan).items()
    ]
    made = told(plan, tmp_path, results)
    assert made.findings[0].startswith("Zn|SnO: Zn + SnO → ")
    windows = next(table for table in made.tables if table.stem == "reactivity-windows")
    assert windows.title.endswith("against Zn")
    # Zn + SnO -> Sn + ZnO gains 3 eV a Zn2+, which has two charges
    assert {row[0]: row[1] for row in windows.rows}["SnO"] == pytest.approx(1.5)
    found = {(m.quantity, m.system): m.value for m in made.measurements}
    assert found["reduction potential", "SnO"] == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("pair", "element"), [(("Zn", "ZrO2"), "Zn"), (("Sn", "ZrO2"), None), (("Zn", "NaF"), "Na")]
)
def test_windows_are_against_sodium_or_the_metal_of_the_study(
    pair: tuple[str, str], element: str | None, tmp_path: Path
) -> None:
    plan = planned(tmp_path, pairs=[pair])
    assert labels_of(energies(plan)[pair[0]]).plan.element == element  # type: ignore[attr-defined]
    made = told(plan, tmp_path, [])
    assert not any("no window" in text for text in _care(made))


def _care(made: Section) -> Sequence[str]:
    return made.lists["To be taken with care"]


def test_unlike_energies_are_not_mixed(tin: Plan, tmp_path: Path) -> None:
    results = [
        result(tin, step, protocol="fast" if label == "Sn" else step.protocol)
        for label, step in energies(tin).items()
    ]
    made = told(tin, tmp_path, results)
    assert "were not computed alike" in str(made.tables[0].rows[0][1])


def test_a_doped_crystal_is_a_phase_of_its_own_pairs(tmp_path: Path) -> None:
    plan = planned(
        tmp_path,
        pairs=[["Na", "doped"], ["Na", "NZSP"]],
        crystals={
            "doped": {
                "phase": "NZSP",
                "dopant": {
                    "element": "F", "replaces": "O", "coordinated_to": "P",
                    "compensation": "vacancy",
                },
            }
        },
    )  # fmt: skip
    phases = energies(plan)
    assert _reduced(crystal_of(plan, phases["doped"]).get_chemical_symbols()) == {
        "Na": 5, "Zr": 4, "Si": 4, "P": 2, "O": 23, "F": 1
    }  # fmt: skip
    own = labels_of(phases["doped"]).plan  # type: ignore[attr-defined]
    assert own.phases["doped"].formula == "Na5Zr4Si4P2O23F"
    assert "NaF" in own.phases
    assert own.left_out["NZSP-R-3c"].startswith("disordered")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"pairs": [["Na", "Na"]]}, "nothing reacts with itself"),
        ({"pairs": [["Na", "NZSP-R-3c"]]}, "is disordered"),
        ({"pairs": [["Na", "NZSF"]], "crystals": {"NZSP-F": {"phase": "NZSP"}}}, "no phase 'NZSF'"),
        ({"pairs": [["Na", "NaF"]], "leave_out": ["NaFF"]}, "leave_out: no phase 'NaFF'"),
        ({"pairs": [["Na", "NaF"]], "known_compounds": ["Xy2"]}, "known_compounds"),
        ({"pairs": [["Na", "NaF"]], "element": "Sn"}, "Sn has not one usual positive charge"),
    ],
)
def test_what_cannot_be_asked_is_refused(asked: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises((StudyError, StructureError), match=said):
        planned(tmp_path, **asked)


def test_a_pattern_in_a_pair_is_each_of_its_files(tmp_path: Path) -> None:
    for name, a in (("one", 4.63), ("two", 4.7)):
        write(tmp_path / f"NaF_{name}.cif", crystal("NaF", "rocksalt", a=a))
    (tmp_path / "NaF_none.cif").write_text("no crystal")
    plan = planned(tmp_path, pairs=[["NaF_*.cif", "Na"], ["NaF_one.cif", "Na"]])
    of_pairs = labels_of(energies(plan)["Na"]).plan  # type: ignore[attr-defined]
    assert of_pairs.pairs == [("NaF_one.cif", "Na"), ("NaF_two.cif", "Na")]
    assert "NaF_none.cif" in of_pairs.left_out
    with pytest.raises(StudyError, match="reactivity, pairs: no file fits"):
        planned(tmp_path, pairs=[["NaCl_*.cif", "Na"]])


def test_the_papers_study_covers_its_chemical_system(tmp_path: Path) -> None:
    plan = plan_study(load_study(study_path("li2025-reactivity")), tmp_path, to_run=False)
    phases = set(energies(plan))
    assert {"Na", "Zr", "Si", "P-black", "Sn", "O2-alpha", "NZSP-NSF", "ZrSi-Pnma"} <= phases
    assert max(step.n_atoms for step in plan.walk()) < 70


def test_of_many_pairs_the_page_begins_with_how_many_react() -> None:
    def pair(first: str, mutual: float | None) -> PairRecord:
        strongest = mutual and Reaction(0.5, {first: 1}, {"B": 1}, mutual, mutual, mutual)
        return PairRecord(first, "NZSP", (), strongest=strongest or None)

    pairs = [pair("Na", -0.4), pair("NaF", None), pair("Na9Sn4", -0.1)]
    assert outcome(pairs) == [
        "2 of 3 pairs react, Na|NZSP most strongly (−0.400 eV/atom, mutual); no reaction is "
        "downhill between the sides of NaF|NZSP."
    ]
    unknown = pair("NaBr", None)
    unknown.reason = "not known: no phase of Zr-Br"
    (said,) = outcome([*pairs, unknown])
    assert said.endswith("the sides of NaF|NZSP. Of 1 more pair it is not known.")
    assert unmeasured([*pairs, unknown]) == {
        (quantity, "NaBr|NZSP"): "not known: no phase of Zr-Br"
        for quantity in ("reaction energy", "mutual reaction energy", "volume change")
    }
    assert outcome(pairs[:2]) == []  # the findings say it
    assert outcome([pair(name, None) for name in "ABC"])[0].startswith("No reaction between any")

"""The report's section on adsorption, from results whose energies are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from natriface.analysis.results.published import Published
from natriface.analysis.results.result import EngineRecord, Result, StepRecord
from natriface.structures.base.atoms import to_document
from natriface.workflows.parts.adsorption.section import section
from natriface.workflows.parts.adsorption.steps import steps as planned_steps
from natriface.workflows.parts.interfaces.evaluation.gathering import ExpectedStep
from natriface.workflows.plan import Step
from natriface.workflows.report.section import CARE, Section, SectionContext, write_sections
from natriface.workflows.step_maker import StepMaker
from natriface.workflows.study import Study

BULK_EV, SLAB_EV, ADSORPTION_EV = -1.3, -200.0, -0.4
PUBLISHED = Published(
    name="test",
    citation="Someone et al. (2020): a title",
    method="DFT",
    adsorption_energies=[  # type: ignore[arg-type]
        {"phase": "NaF", "element": "Na", "value_ev": -1.5, "reference": "isolated atom",
         "words": "-1.5 eV", "place": "Fig. 1"}
    ],
    barriers=[  # type: ignore[arg-type]
        {"phase": "NaF", "carrier": "Na", "path_type": "adatom", "value_ev": 0.25,
         "words": "0.25 eV", "place": "Fig. 1"},
        {"phase": "NaF", "carrier": "Na", "value_ev": 0.77, "words": "0.77 eV", "place": "Fig. 1"},
    ],
)  # fmt: skip


def planned(folder: Path, **surface: Any) -> list[Step]:
    study = Study.model_validate(
        {
            "name": "test",
            "title": "test",
            "adsorption": {
                "cohesive_energy": {"element": "Na", "energy_ev": 1.1, "source": "a table"},
                "surfaces": {
                    "NaF(100)": {
                        "phase": "NaF",
                        "miller": [1, 0, 0],
                        "layers": 3,
                        "frozen_layers": 1,
                        "repeats": [2, 2],
                        "sites": ["on-top F", "on-top Na"],
                        "map": {"shape": [4, 4]},
                        **surface,
                    }
                },
            },
        }
    )
    return planned_steps(study.parts()["adsorption"], StepMaker.of(study), folder)


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> list[Step]:
    return planned(tmp_path_factory.mktemp("plan"))


def energy(atoms: Atoms, step: Step) -> float:
    """Adatoms lowest over F, 0.3 eV higher over Na, 0.15 eV between."""
    if step.metadata["role"] == "bulk":
        return BULK_EV * len(atoms)
    if step.metadata["role"] == "surface":
        return SLAB_EV
    edge = atoms.cell.lengths()[0] / 2
    x, y = atoms.positions[-1, :2] / edge
    above = 0.15 - 0.075 * (np.cos(2 * np.pi * x) + np.cos(2 * np.pi * y))
    return SLAB_EV + BULK_EV + ADSORPTION_EV + float(above)


def result(step: Step, shift: tuple[float, float] = (0, 0), **changes: Any) -> Result:
    before = step.atoms()
    after = before.copy()
    after.set_constraint()
    after.positions[-1, :2] += shift
    return Result(
        kind=step.kind,
        status="converged",
        engine=EngineRecord(name="potential", version="1", model="test"),
        settings=step.settings,
        step=StepRecord(id=step.id, name=step.name, metadata=step.metadata),
        energy_ev=energy(before, step),
        initial_structure=to_document(before),
        final_structure=to_document(after),
    ).model_copy(update=changes)


def report(tmp_path: Path, plan: list[Step], results: list[Result]) -> Section:
    (tmp_path / "figures").mkdir()
    expected = [ExpectedStep(s.id, s.name, s.kind, s.n_atoms, s.metadata) for s in plan]
    missing = {plan[0].id: "failed: no sodium left"}
    context = SectionContext(tmp_path / "figures", {}, expected, missing, PUBLISHED)
    made = section(results, context)
    assert made is not None
    return made


def rows(made: Section, k: int) -> list[dict[str, Any]]:
    table = made.tables[k]
    return [dict(zip((c.title for c in table.columns), row, strict=True)) for row in table.rows]


def test_energies_stand_under_their_references(tmp_path: Path, plan: list[Step]) -> None:
    made = report(tmp_path, plan, [result(step) for step in plan])
    over_f, over_na = rows(made, 0)
    assert over_f["against bulk Na"] == pytest.approx(ADSORPTION_EV)
    assert over_f["against an isolated Na atom"] == pytest.approx(ADSORPTION_EV - 1.1)
    assert over_na["against bulk Na"] == pytest.approx(ADSORPTION_EV + 0.3)
    assert over_f["came to rest"] == "there"
    edge = 4.696 / 2**0.5 * 2
    assert over_f["coverage"] == pytest.approx(100 / edge**2, rel=1e-3)
    assert any("a table" in note for note in made.tables[0].notes)
    assert any("Someone et al. (2020): −1.50 eV" in text for text in made.findings)
    (found,) = rows(made, 1)
    assert found["lowest over"] == "on-top F"
    assert found["from cell to cell"] == pytest.approx(0.15)
    assert found["highest less lowest point"] == pytest.approx(0.3)
    assert found["points computed"] == "6 of 6"
    assert {figure.stem for figure in made.figures} == {"adsorption-energies", "adsorption-maps"}


def test_sites_it_is_held_over_are_compared(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    plan = planned(tmp_path_factory.mktemp("held"), relax="z", map={"shape": [2, 2]})
    assert len({step.id for step in plan}) == 5  # two points of the map are the two sites
    made = report(tmp_path, plan, [result(step) for step in plan])
    over_f, over_na = rows(made, 0)
    assert over_f["above the lowest site"] == 0
    assert over_na["above the lowest site"] == pytest.approx(0.3)
    assert any("not a band" in note for note in made.tables[0].notes)
    (text,) = [text for text in made.findings if "constrained sites" in text]
    assert "0.30 eV over on-top Na" in text
    assert text.endswith("Someone et al. (2020): barrier of 0.25 eV.")
    (found,) = rows(made, 1)
    assert found["highest less lowest point"] == pytest.approx(0.3)
    assert found["points computed"] == "3 of 3"


def test_free_adatoms_are_not_compared(tmp_path: Path, plan: list[Step]) -> None:
    made = report(tmp_path, plan, [result(step) for step in plan])
    assert "above the lowest site" not in rows(made, 0)[0]
    assert not any("constrained sites" in text for text in made.findings)


def test_of_maps_is_said_where_there_are_any(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, plan: list[Step]
) -> None:
    bare = planned(tmp_path_factory.mktemp("bare"), map=None)
    methods = []
    for name, steps in (("map", plan), ("none", bare)):
        (tmp_path / name).mkdir()
        made = report(tmp_path / name, steps, [result(step) for step in steps])
        methods.append([said for said in made.methods if str(said).startswith("Energy map: ")])
    assert list(map(len, methods)) == [1, 0]


def test_an_adatom_that_moved_is_told_where_to(tmp_path: Path, plan: list[Step]) -> None:
    site = next(step for step in plan if step.name.endswith("on-top F"))
    cell = site.atoms().cell.array / 2
    half = (float(cell[0, 0] / 2), 0.0)
    results = [result(step, half if step.id == site.id else (0, 0)) for step in plan]
    made = report(tmp_path, plan, results)
    assert "rests on hollow F2Na2" in rows(made, 0)[0]["came to rest"]
    assert any("gave way" in text for text in made.lists[CARE])


def test_what_is_missing_is_named(tmp_path: Path, plan: list[Step]) -> None:
    without = [result(step) for step in plan if step.metadata["role"] not in ("bulk",)][:-1]
    unsound = next(r for r in without if r.step and r.step.metadata["role"] == "map_point")
    unsound.status = "unconverged"
    made = report(tmp_path, plan, without)
    for row in rows(made, 0):
        assert row["against bulk Na"] is None
        assert "the bare slab is missing" in row["status"]
    (found,) = rows(made, 1)
    assert found["points computed"] == "5 of 6"
    assert found["from cell to cell"] is None
    assert "no map" in found["status"]


def test_a_missing_reference_is_named(tmp_path: Path, plan: list[Step]) -> None:
    made = report(tmp_path, plan, [result(s) for s in plan if s.metadata["role"] != "bulk"])
    assert "bulk: failed: no sodium left" in rows(made, 0)[0]["status"]


def test_a_step_that_another_part_has_computed_is_found(tmp_path: Path, plan: list[Step]) -> None:
    results = [result(step) for step in plan]
    site = next(r for r in results if r.step and r.step.metadata["role"] == "site")
    assert site.step is not None
    site.step.metadata = {"section": "migration", "role": "end_point"}
    (tmp_path / "figures").mkdir()
    context = SectionContext(tmp_path / "figures")
    made = write_sections(results, tmp_path, context)
    (own,) = [section for section in made if section.key == "adsorption"]
    assert rows(own, 0)[0]["against bulk Na"] == pytest.approx(ADSORPTION_EV)


def test_nothing_to_say_without_surfaces(tmp_path: Path) -> None:
    alone = Result(
        kind="static", status="converged", engine=EngineRecord(name="x", version="1"),
        step=StepRecord(id="s", name="s", metadata={"section": "adsorption", "role": "bulk"}),
        final_structure=to_document(bulk("Na")),
    )  # fmt: skip
    assert section([alone], SectionContext(tmp_path)) is None


def test_a_map_by_two_potentials_is_none(tmp_path: Path, plan: list[Step]) -> None:
    results = [result(step) for step in plan]
    point = next(r for r in results if r.step and r.step.metadata["role"] == "map_point")
    assert point.engine.model == "test"
    point.engine = point.engine.model_copy(update={"model": "another"})
    made = report(tmp_path, plan, results)
    assert "not computed alike" in str(made)

"""Series of an energy in its numerical parameters: planned, refused, computed, judged."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from natriface.analysis.results.result import Result
from natriface.structures.base.conversions import EV_PER_ANGSTROM2_IN_J_PER_M2
from natriface.structures.base.errors import StudyError
from natriface.workflows.cli import app
from natriface.workflows.commands.studies.converge import convergence_of
from natriface.workflows.engines.base import engine, load_folder
from natriface.workflows.engines.kpoints import kpoint_mesh, vacuum_axes
from natriface.workflows.parts.labels import labels_of
from natriface.workflows.plan import Plan
from natriface.workflows.planning import plan_study
from natriface.workflows.report.study import report_study
from natriface.workflows.study import Study
from natriface.workflows.workspace import Workspace
from tests.workflows.conftest import run_in_this_process
from tests.workflows.parts.known_engine import KnownEngine

PAIR = "tests.standins.standin_potential:PairPotential"
SLAB = {"phase": "NaF", "miller": [1, 0, 0], "layers": 2}
LIMIT_J_PER_M2, EV_TO_E_FOLD = 0.3, 60.0


def study(**keys: Any) -> Study:
    return Study.model_validate({"name": "toy", "title": "a toy", **keys})


def of_interface(**convergence: Any) -> Study:
    return study(
        substrates={"A": SLAB | {"layers": 1}},
        films={"N": {"phase": "Na", "miller": [1, 0, 0], "layers": 2}, "F": SLAB},
        interfaces={"max_area_angstrom2": 80, "max_strain_percent": 10},
        settings={"static": {"model": PAIR}, "relax": {"model": PAIR}},
        convergence=convergence,
    )


class Converging(KnownEngine):
    """Crystals have no energy; the surface energy falls exponentially with the cut-off."""

    def read(self, folder: Path) -> Result:
        step, atoms = load_folder(folder)
        energy = 0.0
        if any(vacuum_axes(atoms)):
            a, b, _ = atoms.cell.lengths()
            off = math.exp(-(step.settings["cutoff_ev"] - 300) / EV_TO_E_FOLD)
            gamma = (LIMIT_J_PER_M2 + off) / EV_PER_ANGSTROM2_IN_J_PER_M2
            energy = 2 * a * b * gamma
        return super().read(folder).model_copy(update={"energy_ev": energy})


@pytest.fixture
def converging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from natriface.workflows.engines.gpaw import engine as module

    monkeypatch.setattr(module, "ENGINE", Converging(module.ENGINE.capabilities))
    engine.cache_clear()
    yield
    engine.cache_clear()


def reported(plan: Plan, asked: Study, folder: Path) -> dict[str, Any]:
    workspace = Workspace.create(folder / "workspace", asked.name)
    run_in_this_process(plan, workspace)
    page = report_study(asked, plan, workspace, [])
    document: dict[str, Any] = json.loads((page.parent / "results.json").read_text())
    section: dict[str, Any] = document["sections"]["convergence"]
    return section


@pytest.mark.usefixtures("converging")
def test_the_value_from_which_on_it_is_converged_is_found(tmp_path: Path) -> None:
    asked = study(
        engine="gpaw",
        convergence={
            "slab": SLAB, "cutoff_ev": [300, 400, 500, 600, 700], "vacuum_angstrom": [12, 16]
        },
    )  # fmt: skip
    plan = plan_study(asked, tmp_path)
    section = reported(plan, asked, tmp_path)
    (record,) = section["values"].values()
    cutoff = record["parameters"]["cutoff_ev"]
    assert cutoff["own"] == 480
    for point in cutoff["points"]:
        exact = LIMIT_J_PER_M2 + math.exp(-(point["value"] - 300) / EV_TO_E_FOLD)
        assert point["value_j_per_m2"] == pytest.approx(exact)
    # exp(-(600 - 300) / 60) = 0.0067, exp(-(500 - 300) / 60) = 0.036
    assert cutoff["within_tolerance_from"] == 600
    cut, vacuum = section["findings"]
    assert "all values from 600 eV on lie within 0.01 J/m² of that at 700 eV" in cut
    assert "the study's own, 480 eV, is not (+0.049 J/m²)" in cut
    assert "all values from 12 Å on" in vacuum
    assert "20 Å, is the finest" in vacuum


@pytest.mark.usefixtures("converging")
def test_a_coarse_series_does_not_claim_convergence(tmp_path: Path) -> None:
    asked = study(engine="gpaw", convergence={"slab": SLAB, "cutoff_ev": [300, 400]})
    section = reported(plan_study(asked, tmp_path), asked, tmp_path)
    assert "convergence is not shown" in section["findings"][0]


def test_the_studys_own_values_are_computed_once_for_all_series() -> None:
    asked = study(
        engine="gpaw",
        convergence={"slab": SLAB, "cutoff_ev": [400, 600], "layers": [2, 3]},
    )
    plan = plan_study(asked, Path(), to_run=False)
    roles = [labels_of(step).role for step in plan.walk()]
    assert roles.count("slab") == 4  # own, two cut-offs, three layers
    assert roles.count("crystal") == 3
    (own,) = [s for s in plan.walk() if len(s.metadata.get("points", ())) > 1]
    assert own.settings == plan_study(
        study(engine="gpaw", convergence={"slab": SLAB, "layers": [2, 4]}), Path(), to_run=False
    ).steps[0].settings  # fmt: skip
    assert own.settings["cutoff_ev"] == 480


def test_one_parameter_is_varied_at_a_time() -> None:
    asked = study(engine="vasp", convergence={"slab": SLAB})
    plan = plan_study(asked, Path(), to_run=False)
    by_id = {step.id: step for step in plan.walk()}
    (own,) = [s for s in plan.walk() if len(s.metadata.get("points", ())) > 1]
    wholes = [s for s in plan.walk() if labels_of(s).role == "slab"]
    assert {p["parameter"] for s in wholes for p in s.metadata["points"]} == {
        "cutoff_ev", "kpoint_spacing_per_angstrom", "smearing_ev", "vacuum_angstrom", "layers"
    }  # fmt: skip
    for step in wholes:
        changed = [k for k in own.settings if step.settings[k] != own.settings[k]]
        assert len(changed) + (step.structure != own.structure) == (step.id != own.id)
        crystal = by_id[step.metadata["references"]["crystal"]]
        assert crystal.settings == step.settings


def test_no_two_spacings_have_the_same_k_points() -> None:
    slab = SLAB | {"miller": [1, 1, 0]}
    plan = plan_study(study(engine="vasp", convergence={"slab": slab}), Path(), to_run=False)
    meshes: dict[str, list[tuple[int, int, int]]] = {}
    for step in plan.walk():
        points = step.metadata.get("points", ())
        if any(point["parameter"] == "kpoint_spacing_per_angstrom" for point in points):
            spacing = step.settings["kpoint_spacing_per_angstrom"]
            crystal = plan.step(step.metadata["references"]["crystal"])
            for name, one in (("slab", step), ("crystal", crystal)):
                meshes.setdefault(name, []).append(kpoint_mesh(one.atoms(), spacing))
    both = list(zip(meshes["slab"], meshes["crystal"], strict=True))
    assert len(set(both)) == len(both) > 2


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {
                "slab": SLAB,
                "by": {"engine": "vasp"},
                "kpoint_spacing_per_angstrom": [0.2, 0.2001],
            },
            "0.2 and 0.2001 1/A give the same k-points",
        ),
        ({"cutoff_ev": [400, 500]}, "engine potential has no such setting; what can vary is vac"),
        ({"slab": SLAB | {"miller": [1, 1, 1], "symmetric": "top"}}, "is no multiple of NaF"),
    ],
)
def test_what_cannot_vary_is_refused_before_anything_runs(
    asked: dict[str, Any], message: str
) -> None:
    keys = of_interface(**asked) if "slab" not in asked else study(convergence=asked)
    with pytest.raises(Exception, match=message):
        plan_study(keys, Path(), to_run=False)


@pytest.mark.parametrize(
    ("convergence", "message"),
    [
        ({"interface": ["N", "A"], "slab": SLAB}, "interface or slab, one of the two"),
        ({"interface": ["A", "N"]}, "no interface .A, N."),
        ({"layers": [2, 3]}, "film_layers and substrate_layers"),
        ({"slab": SLAB, "film_layers": [2, 3]}, "a slab has layers"),
        ({"vacuum_angstrom": [10, 10]}, "stands there twice"),
        ({"vacuum_angstrom": [10]}, "at least 2"),
    ],
)
def test_contradictions_are_refused(convergence: dict[str, Any], message: str) -> None:
    with pytest.raises(StudyError, match=message):
        of_interface(**convergence)


@pytest.mark.slow
def test_an_interface_converges_in_vacuum_and_layers_by_a_short_ranged_potential(
    tmp_path: Path,
) -> None:
    asked = convergence_of(of_interface(), {})
    assert asked.name == "toy-convergence"
    plan = plan_study(asked, tmp_path)
    assert {labels_of(step).section for step in plan.walk()} == {"convergence"}
    section = reported(plan, asked, tmp_path)
    (record,) = section["values"].values()
    assert record["quantity"] == "rigid work of adhesion"
    assert set(record["parameters"]) == {"vacuum_angstrom", "substrate_layers", "film_layers"}
    vacuum = record["parameters"]["vacuum_angstrom"]["points"]
    assert max(abs(point["difference_j_per_m2"]) for point in vacuum) < 1e-9


@pytest.mark.slow
def test_the_command_runs_it_and_goes_on(tmp_path: Path) -> None:
    content = {
        "name": "toy", "title": "a toy", "settings": {"static": {"model": PAIR}},
        "convergence": {"slab": SLAB, "vacuum_angstrom": [10, 15]},
    }  # fmt: skip
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(content))
    asked = ["converge", str(tmp_path / "study.yaml"), "-w", str(tmp_path / "w"), "-n", "1"]
    planned = CliRunner().invoke(app, [*asked, "--plan"])
    assert planned.exit_code == 0, planned.output
    assert "0 of 4 steps are finished" in planned.output.replace("\n", " ")
    for finished in (0, 4):
        done = CliRunner().invoke(app, asked)
        assert done.exit_code == 0, done.output
        assert f"4 steps, {finished} finished already" in done.output
    assert list((tmp_path / "w" / "report").glob("convergence-*.csv"))


def test_only_the_parts_that_are_named_are_computed() -> None:
    whole = of_interface()
    assert set(whole.parts()) == {"interfaces", "convergence"}
    content = whole.model_dump(exclude_unset=True)
    alone = Study.model_validate({**content, "only": ["interfaces"]})
    assert set(alone.parts()) == {"interfaces"}
    with pytest.raises(StudyError, match=r"no part 'interface' .did you mean"):
        Study.model_validate({**content, "only": ["interface"]})
    with pytest.raises(StudyError, match="does not ask for it"):
        Study.model_validate({**content, "only": ["screen"]})
    with pytest.raises(StudyError, match="give slab, or substrates and films"):
        convergence_of(study(migration={"bulk": {"NaF": {"phase": "NaF"}}}), {})


@pytest.mark.gpaw
@pytest.mark.slow
def test_naf_with_gpaw_converges_with_the_cutoff(tmp_path: Path) -> None:
    """Energies fall with more plane waves; the surface energy has the size that PBE gives."""
    quick = {
        "cutoff_ev": 350, "kpoint_spacing_per_angstrom": 0.7, "symmetry": "on",
        "density_convergence": 1e-4,
    }  # fmt: skip
    asked = study(
        engine="gpaw",
        settings={"static": quick},
        convergence={
            "slab": SLAB, "cutoff_ev": [250, 450], "vacuum_angstrom": [8.5, 10],
            "by": {"engine": "gpaw"}, "tolerance_j_per_m2": 0.05,
        },
    )  # fmt: skip
    plan = plan_study(asked, tmp_path)
    section = reported(plan, asked, tmp_path)
    (record,) = section["values"].values()
    points = record["parameters"]["cutoff_ev"]["points"]
    assert abs(points[0]["difference_j_per_m2"]) > abs(points[1]["difference_j_per_m2"])
    assert 0.2 < points[-1]["value_j_per_m2"] < 0.6  # PBE: 0.3
    assert len(section["findings"]) == 2

"""The study part electronic_structure: what is asked for, and the steps it comes to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from natriface.analysis.bonding.tetrahedra import tetrahedra
from natriface.structures.base.errors import NatrifaceError, StructureError, StudyError
from natriface.workflows.plan import Plan, Step
from natriface.workflows.planning import plan_study
from natriface.workflows.study import load_study, study_path


@pytest.fixture
def content() -> dict[str, Any]:
    return yaml.safe_load(study_path("li2025-bonding").read_text())


@pytest.fixture
def planned(tmp_path: Path) -> Callable[[dict[str, Any]], Plan]:
    def plan(document: dict[str, Any]) -> Plan:
        path = tmp_path / "study.yaml"
        path.write_text(yaml.safe_dump(document))
        return plan_study(load_study(path), tmp_path, to_run=False)

    return plan


def by_role(plan: Plan, label: str) -> dict[str, Step]:
    return {step.metadata["role"]: step for step in plan.walk() if step.metadata["label"] == label}


def test_one_ground_state_serves_all(
    content: dict[str, Any], planned: Callable[[dict[str, Any]], Plan]
) -> None:
    plan = planned(content)
    for label in ("NZSP", "NZSP-NSF"):
        steps = by_role(plan, label)
        state = steps["state"]
        assert (steps["relax"].engine, state.engine) == ("potential", "gpaw")
        assert state.structure_from is not None
        assert state.structure_from.step == steps["relax"].id
        for role, kind in (("bonding", "bonding"), ("pdos", "dos"), ("elf", "elf")):
            step = steps[role]
            assert step.kind == kind
            assert step.inputs["state"].step == state.id
            assert step.inputs["state"].file == "state"
            assert step.structure_from == state.structure_from
            assert step.n_atoms == 40
            # one mesh, or the ground state's bands cannot be taken
            key = "kpoint_spacing_per_angstrom"
            assert step.settings[key] == state.settings[key]
    described = by_role(plan, "NZSP-NSF")["state"].metadata
    assert described["against"] == "NZSP"
    assert "1 F on O" in described["doping"]
    assert described["section"] == "electronic_structure"


def test_one_bond_is_stretched_and_one_like_it_compressed(
    content: dict[str, Any], planned: Callable[[dict[str, Any]], Plan]
) -> None:
    plan = planned(content)
    step = by_role(plan, "NZSP")["stretched state"]
    moves = step.metadata["stretch"]
    assert [move["by_angstrom"] for move in moves] == [0.02, -0.02]
    assert moves[0]["centre"] != moves[1]["centre"]
    bonds = {
        (b.centre, b.ligand): b.length_angstrom for u in tetrahedra(step.atoms()) for b in u.bonds
    }
    lengths = [bonds[move["centre"], move["ligand"]] for move in moves]
    assert lengths[0] - lengths[1] == pytest.approx(0.04, abs=1e-3)
    others = [
        v for key, v in bonds.items() if key not in {(m["centre"], m["ligand"]) for m in moves}
    ]
    assert np.ptp([v for v in others if v < 1.58]) < 0.012


def test_a_lone_bond_takes_two_calculations(
    content: dict[str, Any], planned: Callable[[dict[str, Any]], Plan]
) -> None:
    part = content["electronic_structure"]
    part["crystals"] = {"quartz": {"phase": "SiO2"}}
    part["stretch"] = {"crystal": "quartz", "bond": "Si-O", "by_angstrom": 0.03}
    part["orbitals"] = {"Si": "p", "O": "p"}
    steps = [s for s in planned(content).walk() if s.metadata["role"] == "stretched bonding"]
    moves = [move for step in steps for move in step.metadata["stretch"]]
    # every O of quartz is shared by two Si: its shortest bonds lie in different units
    assert sorted(move["by_angstrom"] for move in moves) == [-0.03, 0.03]
    ligands = {move["ligand"] for move in moves}
    assert len(steps) == 2 or len(ligands) == 2


def test_vasp_takes_lobster_and_shares_no_state(
    content: dict[str, Any], planned: Callable[[dict[str, Any]], Plan]
) -> None:
    content["electronic_structure"] |= {"engine": "vasp", "relax_with": "none"}
    content.pop("settings")
    content["engine"] = "vasp"
    steps = by_role(planned(content), "NZSP")
    assert steps["bonding"].kind == "lobster"
    assert not steps["bonding"].inputs
    assert steps["bonding"].structure is not None
    assert "relax" not in steps
    assert "state" not in steps


def test_a_disordered_phase_is_ordered(
    content: dict[str, Any], planned: Callable[[dict[str, Any]], Plan]
) -> None:
    content["electronic_structure"] = {
        "crystals": {"lowest": {"phase": "NZSP-disordered"}},
        "quantities": ["elf"],
    }
    steps = by_role(planned(content), "lowest")
    assert steps["elf"].n_atoms == 40
    assert steps["elf"].metadata["grade"] == "model"


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"crystals": {"A": {"phase": "NZSP", "against": "B"}}}, StudyError, "against 'B'"),
        ({"crystals": {"A": {"phase": "NZSP", "against": "A"}}}, StudyError, "with itself"),
        ({"crystals": {"A": {"like": "B"}}}, StudyError, "like 'B'"),
        ({"stretch": {"crystal": "NZPS"}}, StudyError, "NZSP"),
        ({"stretch": {"crystal": "NZSP", "bond": "P-S"}}, StructureError, "no tetrahedron"),
        ({"quantities": ["elf"]}, StudyError, "without bonding"),
        ({"crystals": {"NZSP": {"phase": "NaF", "repeats": [0, 1, 1]}}}, StudyError, "1 or more"),
        (
            {"crystals": {"NZSP": {"phase": "NZSP", "dopant": {"element": "F", "replaces": "O",
             "coordinated_to": "P", "rank": 99}}}},
            StructureError, "distinct arrangements",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_before_anything_runs(
    content: dict[str, Any],
    planned: Callable[[dict[str, Any]], Plan],
    change: dict[str, Any],
    error: type[NatrifaceError],
    words: str,
) -> None:
    content["electronic_structure"] |= change
    with pytest.raises(error, match=words):
        planned(content)

"""What a bonding step's projection was worth, read from its folder without GPAW."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ase.build import bulk

from natriface.analysis.results.bond_populations import BondPopulations
from natriface.analysis.results.result import Result
from natriface.analysis.results.spilling import Spilling
from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import ReaderError
from natriface.workflows.engines.base import engine, prepare_folder
from natriface.workflows.engines.gpaw.result import INPUTS_FILE
from natriface.workflows.plan import Step

ATOMS = bulk("Si", "diamond", a=5.43)


def bonding_step(folder: Path, spilling: Spilling, *, converged: bool = True) -> Result:
    """A step that has ended, with bonds of this spilling, as the engine reads it."""
    step = Step(
        name="Si bonding",
        kind="bonding",
        engine="gpaw",
        protocol="test",
        settings={},
        n_atoms=2,
        structure=to_document(ATOMS),
    )
    prepare_folder(folder, step, ATOMS)
    (folder / INPUTS_FILE).write_text(json.dumps({"paw_datasets": {"Si": "Si.PBE abc"}}))
    BondPopulations(
        bonds=(),
        spilling=spilling,
        fermi_level_ev=0.0,
        source="test",
        structure=ATOMS,
        warnings=("a coarse mesh",),
    ).save(folder)
    outcome = {
        "converged": converged,
        "reason": None if converged else "no convergence in 100 steps",
        "energy_ev": -10.8,
        "free_energy_ev": -10.8,
        "final_structure": to_document(ATOMS),
        "files": {"bonding": "bonding.json"},
        "wall_s": 5.0,
        "cpu_s": 4.0,
        "peak_memory_mb": 130.0,
        "version": "25.7.0",
    }
    (folder / "outcome.json").write_text(json.dumps(outcome))
    return engine("gpaw").read(folder)


@pytest.mark.parametrize(
    ("percent", "status", "reason"),
    [
        ((1.2,), "converged", None),
        ((1.2, 7.3), "unconverged", "projection: the basis loses 7.30 % of the charge"),
        ((float("nan"),), "failed", "no projection of normalised states"),
        ((130.0,), "failed", "130.00 %"),
        ((), "failed", "no charge spilling"),
    ],
)
def test_a_projection_that_loses_much_is_no_number(
    tmp_path: Path, percent: tuple[float, ...], status: str, reason: str | None
) -> None:
    result = bonding_step(tmp_path, Spilling(percent, percent))
    assert result.status == status
    assert result.warnings == ["a coarse mesh"]
    if reason is None:
        assert result.reason is None
        assert result.energy_ev == -10.8
    else:
        assert reason in (result.reason or "")
        assert result.energy_ev is None
        assert result.free_energy_ev is None


def test_a_cycle_that_did_not_converge_keeps_its_reason(tmp_path: Path) -> None:
    result = bonding_step(tmp_path, Spilling((50.0,)), converged=False)
    assert result.status == "unconverged"
    assert result.reason == "no convergence in 100 steps"


def test_damaged_bonds_are_named(tmp_path: Path) -> None:
    bonding_step(tmp_path, Spilling((1.0,)))
    for damage in ('{"spilling": ', '{"spilling": null, "warnings": []}', "[]"):
        (tmp_path / "bonding.json").write_text(damage)
        with pytest.raises(ReaderError, match=r"bonding\.json"):
            engine("gpaw").read(tmp_path)

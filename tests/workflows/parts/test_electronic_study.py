"""Bonds, band centers and ELF of BPO4 from a study file to the report, with GPAW."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from ase.io import write
from ase.spacegroup import crystal

from natriface.workflows.planning import plan_study
from natriface.workflows.report.study import report_study
from natriface.workflows.running.progress import Lines
from natriface.workflows.running.run import run_plan
from natriface.workflows.study import load_study
from natriface.workflows.workspace import Workspace

pytestmark = [pytest.mark.gpaw, pytest.mark.slow]
pytest.importorskip("gpaw")

STUDY = """
name: tiny
title: BPO4, and compressed
engine: gpaw
settings:
  static: &small {kpoint_spacing_per_angstrom: 0.9, cutoff_ev: 300}
  dos: *small
  elf: *small
  bonding: *small
electronic_structure:
  relax_with: none
  crystals:
    BPO4: {phase: BPO4.cif}
    dense: {like: BPO4, scale: 0.985}
  stretch: {crystal: BPO4, bond: P-O, by_angstrom: 0.02}
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The section of the finished study's report."""
    root = tmp_path_factory.mktemp("bpo4")
    # M. Schmidt et al., Z. Anorg. Allg. Chem. 630, 655 (2004)
    atoms = crystal(
        ["P", "B", "O"], [(0, 0, 0), (0, 0.5, 0.25), (0.139, 0.259, 0.1277)],
        spacegroup=82, cellpar=[4.3447, 4.3447, 6.6415, 90, 90, 90],
    )  # fmt: skip
    write(root / "BPO4.cif", atoms)
    (root / "study.yaml").write_text(STUDY)
    study = load_study(root / "study.yaml")
    plan = plan_study(study, root)
    workspace = Workspace.create(root / "workspace", study.name)
    summary = run_plan(plan, workspace, 2, Lines(io.StringIO()))
    assert all(step.state == "finished" for step in summary.steps)
    page = report_study(study, plan, workspace, summary.steps)
    assert {path.stem for path in (page.parent / "figures").glob("*.png")} == {
        "cohp", "elf", "elf-profiles", "band-centers", "pdos",
    }  # fmt: skip
    document = json.loads((page.parent / "results.json").read_text())
    values: dict[str, Any] = document["sections"]["electronic_structure"]["values"]
    return values


def test_strength_of_the_bond_and_its_slope(report: dict[str, Any]) -> None:
    """PySCF's projection gives 9.79 eV at 1.549 A and about 14 eV/A, so 10.01 eV at 1.533 A."""
    plain, _ = report["crystals"]
    bond = next(b for b in plain["bonds"] if b["bond"] == "P-O")
    assert bond["length_angstrom"] == pytest.approx(1.533, abs=1e-3)
    assert bond["strength_ev"] == pytest.approx(10.01, rel=0.03)
    assert plain["charge_spilling_percent"][0] < 3
    assert report["slope"]["ev_per_angstrom"] == pytest.approx(-14, abs=1.5)


def test_a_shorter_bond_is_stronger(report: dict[str, Any]) -> None:
    change = next(d for d in report["bond_differences"] if d["second"].startswith("P-O"))
    assert change["length_change_angstrom"] == pytest.approx(-0.015 * 1.533, abs=1e-4)
    assert change["strength_change_ev"] > 0
    assert change["strength_change_ev"] == pytest.approx(
        change["by_length_ev"] + change["remainder_ev"]
    )


def test_band_centers_and_elf(report: dict[str, Any]) -> None:
    for one in report["crystals"]:
        centers = {c["center"]: c["center_ev"] for c in one["centers"] if c["window"] == "valence"}
        assert centers["P-p of PO4"] < centers["O-p of PO4"] < 0
        assert one["band_gap_ev"] > 5
        for bond in one["elf"]:
            # one attractor on the oxygen's side of a polar bond
            assert 0.8 < bond["maximum"] < 0.95
        assert max(b["maximum"] for b in one["elf"]) - min(b["maximum"] for b in one["elf"]) < 0.02

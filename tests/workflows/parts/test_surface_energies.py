"""Surface energies from a study: what physics says of them, on EMT, and what is left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc100, fcc111
from ase.calculators.emt import EMT
from ase.io import read, write

from natriface.structures.base.conversions import EV_PER_ANGSTROM2_IN_J_PER_M2
from natriface.structures.base.errors import StructureError, StudyError
from natriface.structures.crystals.phases import load_phase
from natriface.structures.surfaces.slabs import build_slab, find_terminations
from natriface.workflows.commands.build import write_study_structures
from natriface.workflows.commands.tables import print_plan
from natriface.workflows.parts.labels import labels_of
from natriface.workflows.parts.surface_energies.records import WulffRecord, _too_far_apart
from natriface.workflows.parts.surface_energies.section import _thickness
from natriface.workflows.planning import plan_study
from natriface.workflows.report.study import report_study
from natriface.workflows.study import load_study
from natriface.workflows.workspace import Workspace
from tests.workflows.conftest import run_in_this_process

HEAD = """
name: surfaces
title: Surfaces by EMT
settings:
  relax: {model: "ase.calculators.emt:EMT", rattle_angstrom: 0.0, fmax_ev_per_angstrom: 0.005}
  static: {model: "ase.calculators.emt:EMT"}
surface_energies:
"""
ALLOY = Atoms(
    "AuCu3",
    scaled_positions=[(0, 0, 0), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)],
    cell=[3.75] * 3,
    pbc=True,
)


def reported(root: Path, request: str) -> dict[str, Any]:
    """A study run step by step in this process: its section in ``results.json``."""
    (root / "study.yaml").write_text(HEAD + request)
    study = load_study(root / "study.yaml")
    plan = plan_study(study, root)
    workspace = Workspace.create(root / "workspace", study.name)
    run_in_this_process(plan, workspace)
    page = report_study(study, plan, workspace, [])
    document = json.loads((page.parent / "results.json").read_text())
    assert document["unfinished"] == []
    section: dict[str, Any] = document["sections"]["surface_energies"]
    return section


def energies(section: dict[str, Any], label: str) -> dict[str, float]:
    """By termination, of the thickest slab, at no chemical potential."""
    return {
        one["termination"]: one["slabs"][-1]["relaxed"]["value_j_per_m2"]
        for one in section["values"][label]["terminations"]
    }


@pytest.fixture(scope="module")
def copper(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One crystal in three ways: as it is, as a supercell, and with another origin."""
    root = tmp_path_factory.mktemp("copper")
    cubic = bulk("Cu", a=3.65, cubic=True)
    moved = cubic.copy()
    moved.positions += [0.3, 0.7, 1.1]
    moved.wrap()
    for name, atoms in (("plain", cubic), ("super", cubic * (1, 1, 2)), ("moved", moved)):
        write(root / f"{name}.vasp", atoms, format="vasp")
    return reported(
        root,
        """
  layers: [6, 9]
  phases:
    plain: {phase: plain.vasp, facets: [[1, 0, 0], [1, 1, 1]]}
    super: {phase: super.vasp, facets: [[1, 0, 0], [1, 1, 2]]}
    moved: {phase: moved.vasp, facets: [[0, 1, 0], [1, -1, 1]]}
""",
    )


@pytest.mark.slow
def test_a_metals_surface_energies_are_those_computed_directly(copper: dict[str, Any]) -> None:
    """With slabs from ASE, relaxed in no more than their cell: EMT's own lattice constant."""
    lattice = bulk("Cu", a=3.65)
    sizes = np.linspace(3.5, 3.7, 41)
    found = []
    for size in sizes:
        lattice = bulk("Cu", a=size)
        lattice.calc = EMT()
        found.append(lattice.get_potential_energy())
    fit = np.poly1d(np.polyfit(sizes, found, 6))
    roots = fit.deriv().roots
    real = roots[np.isreal(roots)].real
    a = float(real[(real > 3.5) & (real < 3.7)][0])
    for build, termination in ((fcc100, "(100)-1"), (fcc111, "(111)-1")):
        slab = build("Cu", (1, 1, 9), a=a, vacuum=7.5, periodic=True)
        slab.calc = EMT()
        area = np.linalg.norm(np.cross(*slab.cell[:2]))
        gamma = (slab.get_potential_energy() - 9 * fit(a)) / (2 * area)
        (one,) = (
            t for t in copper["values"]["plain"]["terminations"] if t["termination"] == termination
        )
        as_cut = one["slabs"][-1]["unrelaxed"]["value_j_per_m2"]
        assert as_cut == pytest.approx(gamma * EV_PER_ANGSTROM2_IN_J_PER_M2, abs=1e-3)
        assert 0 <= as_cut - one["slabs"][-1]["relaxed"]["value_j_per_m2"] < 0.02
        thin, thick = (slab["relaxed"]["value_j_per_m2"] for slab in one["slabs"])
        assert thin == pytest.approx(thick, abs=2e-3)


@pytest.mark.slow
def test_supercell_and_origin_do_not_matter(copper: dict[str, Any]) -> None:
    """(112) of the doubled cell is (111) of the cubic one."""
    plain = energies(copper, "plain")
    assert energies(copper, "super") == {
        "(100)-1": pytest.approx(plain["(100)-1"], abs=2e-4),
        "(112)-1": pytest.approx(plain["(111)-1"], abs=2e-4),
    }
    moved = energies(copper, "moved")
    assert list(moved.values()) == pytest.approx(list(plain.values()), abs=2e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("layers", "converged"), [([2, 3], True), ([1, 3], False)])
def test_two_thicknesses_agree_or_the_report_says_by_how_much_they_do_not(
    tmp_path: Path, layers: list[int], converged: bool
) -> None:
    write(tmp_path / "Cu.vasp", bulk("Cu", a=3.65, cubic=True), format="vasp")
    phases = "{Cu: {phase: Cu.vasp, facets: [[1, 0, 0]]}}"
    section = reported(tmp_path, f"  layers: {layers}\n  phases: {phases}\n")
    thin, thick = (
        slab["relaxed"]["value_j_per_m2"]
        for slab in section["values"]["Cu"]["terminations"][0]["slabs"]
    )
    assert (abs(thick - thin) <= 0.02) == converged
    said = [x for x in section["lists"].get("To be taken with care", []) if "two thicknesses" in x]
    assert len(said) == (not converged)
    assert all(f"differ by {abs(thick - thin):.3f} J/m²" in text for text in said)


@pytest.mark.slow
def test_vacuum_does_not_matter_and_one_thickness_makes_no_claim_of_spread(
    copper: dict[str, Any], tmp_path: Path
) -> None:
    write(tmp_path / "Cu.vasp", bulk("Cu", a=3.65, cubic=True), format="vasp")
    wide = reported(
        tmp_path,
        """
  layers: [9]
  vacuum_angstrom: 25
  unrelaxed: false
  phases:
    Cu: {phase: Cu.vasp, facets: [[1, 0, 0], [1, 1, 1]]}
""",
    )
    assert energies(wide, "Cu") == {
        key: pytest.approx(value, abs=1e-5) for key, value in energies(copper, "plain").items()
    }
    (finding,) = wide["findings"]
    assert "slab thickness is not tested" in finding
    assert len(wide["lists"]["To be taken with care"]) == 2


@pytest.mark.slow
def test_wulff_shape_and_facets_are_those_of_the_energies(copper: dict[str, Any]) -> None:
    """Of {100} and {111}, whose shares know only the ratio of their energies."""
    (shape,) = copper["values"]["plain"]["shapes"]
    shares = shape["area_fractions"]
    assert list(shares) == ["(111)", "(100)"]
    assert sum(shares.values()) == pytest.approx(1)
    (moved,) = copper["values"]["moved"]["shapes"]
    assert list(moved["area_fractions"].values()) == pytest.approx(list(shares.values()), abs=1e-3)
    finding = copper["findings"][0]
    assert finding.endswith("Facets for an interface, the largest first: (111)-1, (100)-1.")


@pytest.fixture(scope="module")
def alloy(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    root = tmp_path_factory.mktemp("alloy")
    write(root / "Cu3Au.vasp", ALLOY, format="vasp")
    for element in ("Cu", "Au"):
        write(root / f"{element}.vasp", bulk(element), format="vasp")
    return reported(
        root,
        """
  thickness_angstrom: [11, 18]
  chemical_potentials: {element: Au, phases: [Cu.vasp, Au.vasp]}
  phases:
    Cu3Au: {phase: Cu3Au.vasp, facets: [[1, 0, 0], [1, 1, 1]]}
""",
    )


@pytest.mark.slow
def test_the_faces_of_a_slab_add_up_at_any_chemical_potential(alloy: dict[str, Any]) -> None:
    """A (100) slab with a face of Cu and one of CuAu is the mean of slabs with two of each."""
    record = alloy["values"]["Cu3Au"]
    bounds = record["bounds"]
    assert bounds["low_ev"] < bounds["high_ev"] <= 1e-9
    assert (bounds["low_phases"], bounds["high_phases"]) == (["Cu.vasp"], ["Au.vasp"])
    by_name = {one["termination"]: one for one in record["terminations"]}
    mean, top, bottom = (
        by_name[f"(100)-1{side}"]["slabs"][-1]["relaxed"]
        for side in ("", " symmetric top", " symmetric bottom")
    )
    assert by_name["(100)-1"]["faces"] == "mean of two"
    assert mean["excess"] == 0
    assert top["excess"] / top["area_angstrom2"] == pytest.approx(
        -bottom["excess"] / bottom["area_angstrom2"]
    )
    half = (top["value_j_per_m2"] + bottom["value_j_per_m2"]) / 2
    assert mean["value_j_per_m2"] == pytest.approx(half, abs=2e-3)
    table = next(t for t in alloy["tables"] if "chemical potential" in t["title"])
    assert len(table["rows"]) == 2
    assert [shape["at"] for shape in record["shapes"]] == ["Au-rich", "Au-poor"]
    assert any("two faces differ" in text for text in alloy["lists"]["To be taken with care"])


def planned(root: Path, request: str) -> Any:
    (root / "study.yaml").write_text("name: surfaces\ntitle: Surfaces\nsurface_energies:" + request)
    return plan_study(load_study(root / "study.yaml"), root, to_run=False)


def test_what_is_left_out_is_said_in_the_plan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = planned(tmp_path, "\n  layers: [2]\n  phases: {NaF: {phase: NaF}}\n")
    slabs = [step for step in plan.walk() if labels_of(step).role == "slab"]
    assert [step.name for step in slabs] == ["NaF (100)-1, 2 layers", "NaF (110)-1, 2 layers"]
    print_plan(plan, tmp_path / "workspace")
    assert "NaF (111)-1: left out: polar" in capsys.readouterr().out


def test_slabs_are_built_as_they_are_before_their_crystal_relaxes(tmp_path: Path) -> None:
    request = "\n  layers: [3]\n  phases: {NaF: {phase: NaF, facets: [[1, 0, 0]]}}\n"
    plan = planned(tmp_path, request)
    write_study_structures(load_study(tmp_path / "study.yaml"), tmp_path, tmp_path / "built")
    folder = tmp_path / "built" / "surface_energies"
    (slab,) = (step for step in plan.walk() if labels_of(step).role == "slab")
    atoms = read(folder / f"{slab.folder_name}.extxyz")
    cut = build_slab(find_terminations(load_phase("NaF"), (1, 0, 0))[0], layers=3)
    assert atoms.get_all_distances(mic=True) == pytest.approx(
        cut.atoms.get_all_distances(mic=True), abs=1e-6
    )
    assert len(list(folder.glob("*.png"))) == 3


def test_covalent_units_stay_whole(tmp_path: Path) -> None:
    plan = planned(
        tmp_path, "\n  layers: [1]\n  unrelaxed: false\n  phases: {Na3PO4: {phase: Na3PO4}}\n"
    )
    slabs = [step for step in plan.walk() if labels_of(step).role == "slab"]
    assert slabs
    for step in slabs:
        assert labels_of(step).slabs[0].model_extra["termination"]["broken_bonds"] == 0  # type: ignore[index]


@pytest.mark.parametrize(
    ("request_", "error", "words"),
    [
        ("{phases: {NaF: {phase: NaF}}}", StudyError, "give thickness_angstrom or layers"),
        ("{layers: [3, 2], phases: {NaF: {phase: NaF}}}", StudyError, "must grow"),
        (
            "{layers: [2], vacuum_angstrom: 6.9, levels: gpaw, phases: {NaF: {phase: NaF}}}",
            StudyError,
            "6.9 A are too thin for the vacuum level of levels; 7 A are the least",
        ),
        (
            "{layers: [2], phases: {NaF: {phase: NaF, max_index: 1, facets: [[1, 0, 0]]}}}",
            StudyError,
            "max_index or facets",
        ),
        (
            "{layers: [2], phases: {NaF: {phase: NaF, facets: [[1, 0, 0], [0, 1, 0]]}}}",
            StructureError,
            r"surfaces of NaF: facets \(100\) and \(010\) are one by symmetry",
        ),
        (
            "{layers: [2], phases: {NaF: {phase: NaF, facets: [[1, 1, 1]]}}}",
            StructureError,
            r"none can be computed \(\(111\)-1: polar",
        ),
        (
            "{layers: [2], phases: {NaF: {phase: NaF, terminations: ['(100)-7']}}}",
            StructureError,
            r"no termination '\(100\)-7'",
        ),
        (
            "{layers: [2], phases: {NaF: {phase: NaF}}, "
            "chemical_potentials: {element: Na, phases: [NaF]}}",
            StructureError,
            "a crystal of Na alone",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(
    tmp_path: Path, request_: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        planned(tmp_path, " " + request_ + "\n")


def test_a_thickness_that_changes_more_than_the_energy_is_no_unstable_crystal() -> None:
    """Two thicknesses 0.088 J/m2 apart are tested, and leave no spread of shares."""
    energies, apart = {"(100)": 0.080, "(001)": 0.3}, {"(100)": 0.088, "(001)": 0.01}
    said = _too_far_apart(energies, apart)
    assert said == "(100) is 0.080 J/m², and its two thicknesses differ by 0.088 J/m²"
    assert _thickness(WulffRecord(at="", no_shares=said)).startswith("slab thickness was tested")
    assert _too_far_apart(energies, {"(100)": 0.05, "(001)": None}) is None

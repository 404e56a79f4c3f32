"""Plans of migration and adsorption: what the three studies ask for, as pure data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from natriface.analysis.energies.adsorption_energy import CohesiveEnergy
from natriface.structures.base.atom_tags import ADATOM_TAG
from natriface.structures.base.atoms import (
    fixed_indices,
    from_document,
    in_plane_fixed_indices,
    to_document,
)
from natriface.structures.base.errors import StructureError, StudyError
from natriface.structures.crystals.phases import load_phase
from natriface.workflows.engines.gpaw.calculator import gpaw_parameters
from natriface.workflows.engines.gpaw.settings import ElectronicSettings
from natriface.workflows.engines.machine import Machine
from natriface.workflows.engines.vasp.inputs import vasp_inputs
from natriface.workflows.plan import Plan, Step
from natriface.workflows.planning import plan_study
from natriface.workflows.study import Study, load_study, study_path

HALIDES = ("NaF", "NaCl", "NaBr", "NaI")


def planned(name: str, tmp: Path, **changes: object) -> Plan:
    study = load_study(study_path(name)).model_copy(update=changes)
    return plan_study(study, tmp, to_run=False)


def bands(plan: Plan) -> list[Step]:
    return [step for step in plan.walk() if step.metadata.get("role") == "band"]


@pytest.fixture(scope="module")
def halides(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return planned("oh2026-halides", tmp_path_factory.mktemp("halides"))


@pytest.fixture(scope="module")
def sodiophilicity(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return planned("oh2026-sodiophilicity", tmp_path_factory.mktemp("sodiophilicity"))


def test_dft_holds_adatoms_over_the_sites_of_the_path(tmp_path: Path) -> None:
    plan = planned("oh2026-halides-gpaw", tmp_path)
    for phase in ("NaF", "NaCl"):
        sites = [s for s in plan.walk() if s.name.startswith(f"{phase}(100) Na ")]
        assert [s.name.split()[3] for s in sites] == ["on-top", "hollow"]
        for step in sites:
            atoms = step.atoms()
            assert (step.engine, step.kind, len(atoms)) == ("gpaw", "relax", 17)
            assert step.settings["spin_polarized"]
            assert len(fixed_indices(atoms)) == 8
            assert in_plane_fixed_indices(atoms) == [16]


def test_halide_adatoms_hop_from_anion_to_anion(halides: Plan) -> None:
    found = {step.metadata["label"]: step for step in bands(halides)}
    assert list(found) == [f"{phase}(100)" for phase in HALIDES]
    for phase in HALIDES:
        data = found[f"{phase}(100)"].metadata
        anion = phase.removeprefix("Na")
        edge = load_phase(phase).atoms.cell.lengths()[0]
        assert data["length_angstrom"] == pytest.approx(edge / 2**0.5, abs=1e-3)
        assert (data["start"], data["end"]) == (f"on-top {anion}",) * 2
        assert data["path_type"] == "adatom"
        assert data["facet"] == [1, 0, 0]
        assert data["coordination"] == 4
        assert data["equivalent_ends"]
        assert data["symmetric"]


def test_halide_slabs_have_five_layers_with_two_held(halides: Plan) -> None:
    ends = [step for step in halides.walk() if step.metadata.get("role") == "end_point"]
    assert len(ends) == 8
    for step in ends:
        if step.metadata["end"] == "final":  # the image of the initial one, once it is relaxed
            (initial,) = step.parents
            assert halides.step(initial).metadata["end"] == "initial"
            assert step.metadata["exchanged_by"] == "mirror plane"
            continue
        atoms = step.atoms()
        assert len(atoms) == 91
        assert atoms.get_tags()[-1] == ADATOM_TAG
        heights = atoms.positions[:90, 2]
        planes = np.unique(np.round(heights, 3))
        assert len(planes) == 5
        held = heights[fixed_indices(atoms)]
        assert len(held) == 36
        assert held.max() == pytest.approx(planes[1], abs=1e-3)
        assert atoms.cell[2, 2] - np.ptp(heights) == pytest.approx(20.0)


def test_maps_hold_the_adatom_in_the_plane_only(halides: Plan) -> None:
    points = [step for step in halides.walk() if step.metadata.get("role") == "map_point"]
    assert len(points) == 4 * 10
    for step in points:
        assert in_plane_fixed_indices(step.atoms()) == [90]
    slabs = [step for step in halides.walk() if step.metadata.get("role") == "surface"]
    ids = {step.id for step in points}
    assert {p["step"] for slab in slabs for p in slab.metadata["map"]["points"]} == ids


def test_one_bare_slab_serves_all_sites(sodiophilicity: Plan) -> None:
    steps = list(sodiophilicity.walk())
    slabs = {s.metadata["label"]: s for s in steps if s.metadata.get("role") == "surface"}
    assert {"V(110)", "Na(110)", "Na(100)", "Na2Se(111)", "NaF(100)"} <= slabs.keys()
    ids = {step.id for step in steps}
    for label, slab in slabs.items():
        sites = slab.metadata["sites"]
        assert {site["kind"] for site in sites} == {"on-top", "bridge", "hollow"}
        assert {site["step"] for site in sites} <= ids
        assert set(slab.metadata["reference_steps"].values()) <= ids
        for site in sites:
            atoms = sodiophilicity.step(site["step"]).atoms()
            assert len(atoms) == slab.n_atoms + 1, label
            assert fixed_indices(atoms) == fixed_indices(slab.atoms())
    references = [step for step in steps if step.metadata.get("role") == "bulk"]
    assert len(references) == 1
    slab_cell = from_document(slabs["Na(100)"].metadata["surface"]["surface_cell"]).cell
    assert slab_cell.lengths()[0] == pytest.approx(references[0].atoms().cell.lengths()[0])


@pytest.mark.slow
def test_bulk_vacancies_say_their_charge(tmp_path: Path) -> None:
    hops = bands(planned("li2025-diffusion", tmp_path))
    labels = [step.metadata["label"] for step in hops]
    assert labels.count("NaF") == 1
    assert labels.count("Na3PO4") == 4
    vacancy = hops[labels.index("NaF")]
    assert vacancy.n_atoms == 63
    assert vacancy.metadata["charge_e"] == -1
    assert vacancy.metadata["compensation"] == "background"
    assert vacancy.metadata["coordination"] == 12
    assert "charge_e" not in vacancy.settings  # a potential is not told


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "spin"), [("vasp", {"ISPIN": 2}), ("gpaw", {"spin_polarized": True})]
)
def test_dft_is_told_the_charge_and_prepared_by_the_potential(
    engine: str, spin: dict[str, object], tmp_path: Path
) -> None:
    plan = planned("li2025-diffusion", tmp_path, engine=engine)
    vacancies = [s for s in plan.walk() if s.metadata.get("path_type") == "vacancy"]
    assert {step.engine for step in vacancies} == {engine, "potential"}
    for step in vacancies:
        expected = -1 if step.engine == engine else None
        assert step.settings.get("charge_e") == expected, step.name
    adatoms = [s for s in plan.walk() if s.metadata.get("path_type") == "adatom"]
    assert all("charge_e" not in step.settings for step in adatoms)
    for step in adatoms:
        if step.engine == engine:
            assert spin.items() <= step.settings.items()


def study(**parts: object) -> Study:
    return Study.model_validate({"name": "test", "title": "test", **parts})


SURFACE = {"phase": "NaF", "miller": [1, 0, 0], "layers": 3, "frozen_layers": 1}


def test_wrong_sites_are_met_with_those_there_are(tmp_path: Path) -> None:
    asked = study(migration={"surfaces": {"x": {**SURFACE, "sites": ["on-top Cl"]}}})
    with pytest.raises(StructureError, match=r"surface x has no site 'on-top Cl' .*on-top F"):
        plan_study(asked, tmp_path, to_run=False)


def test_a_slab_must_have_something_free(tmp_path: Path) -> None:
    asked = study(adsorption={"surfaces": {"x": {**SURFACE, "frozen_layers": 3}}})
    with pytest.raises(StructureError, match="none is left to relax"):
        plan_study(asked, tmp_path, to_run=False)


@pytest.mark.parametrize(
    ("part", "content", "message"),
    [
        ("migration", {}, "bulk or surfaces"),
        ("migration", {"bulk": {"a": {"phase": "NaF", "path_type": "adatom"}}}, "vacancy"),
        ("adsorption", {"surfaces": {"a": {**SURFACE, "sites": []}}}, "sites or map"),
        ("adsorption", {"surfaces": {"a": {**SURFACE, "side": "top"}}}, "side"),
        (
            "adsorption",
            {"surfaces": {"a": SURFACE, "b": {**SURFACE, "element": "Li"}}},
            "one adatom",
        ),
    ],
)
def test_requests_that_make_no_sense_are_refused(
    part: str, content: dict[str, object], message: str, tmp_path: Path
) -> None:

    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump({"name": "x", "title": "x", part: content}))
    with pytest.raises(StudyError, match=message):
        load_study(path)


def test_bulk_reference_must_be_the_adatoms_element(tmp_path: Path) -> None:
    asked = study(adsorption={"surfaces": {"x": SURFACE}, "bulk_phase": "NaF"})
    with pytest.raises(StructureError, match="must be Na"):
        plan_study(asked, tmp_path, to_run=False)


def test_isolated_atom_is_one_atom_in_a_box(tmp_path: Path) -> None:
    asked = study(
        adsorption={
            "surfaces": {"x": SURFACE},
            "references": ["bulk", "isolated atom"],
            "cohesive_energy": {"element": "Na", "energy_ev": 1.09, "source": "PBE"},
        }
    )
    plan = plan_study(asked, tmp_path, to_run=False)
    atom = next(s for s in plan.walk() if s.metadata.get("role") == "isolated atom")
    assert atom.n_atoms == 1
    assert min(atom.atoms().cell.lengths()) >= 15
    slab = next(s for s in plan.walk() if s.metadata.get("role") == "surface")
    assert CohesiveEnergy.model_validate(slab.metadata["cohesive_energy"]).source == "PBE"


def test_charge_of_a_cell_reaches_the_programs() -> None:
    host = load_phase("NaF").atoms
    del host[0]
    settings = {"ENCUT": 480, "charge_e": -1.0, "potcars": {"Na": "Na_pv", "F": "F"}}
    step = Step(
        name="x", kind="static", engine="vasp", protocol="x", settings=settings, n_atoms=7,
        structure=to_document(host),
    )  # fmt: skip
    inputs = vasp_inputs(step, host, Machine())
    assert inputs.tags["NELECT"] == 3 * 7 + 4 * 7 + 1
    keywords = gpaw_parameters(ElectronicSettings(charge_e=-1.0), host)
    assert keywords["charge"] == -1
    assert "charge" not in gpaw_parameters(ElectronicSettings(), host)

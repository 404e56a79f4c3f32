"""Studies, protocols and the plans made of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from ase.build import bulk

from natriface.analysis.results.result import EngineRecord, Result
from natriface.structures.base.atom_tags import DOPANT_TAG, FILM_TAG, SUBSTRATE_TAG, roles, sides
from natriface.structures.base.atoms import fixed_indices, to_document
from natriface.structures.base.errors import NatrifaceError, StudyError
from natriface.structures.crystals.sites import bonds_of
from natriface.workflows.commands.tables import print_structures
from natriface.workflows.parts.interfaces.builder import build_interfaces
from natriface.workflows.plan import Step
from natriface.workflows.planning import plan_study
from natriface.workflows.protocols import load_protocol, protocol_names
from natriface.workflows.steps.start_structure import structure_for
from natriface.workflows.steps.starts import with_starts
from natriface.workflows.study import Study, load_study, study_names, study_path


@pytest.fixture
def content() -> dict[str, Any]:
    return yaml.safe_load(study_path("li2025").read_text())


@pytest.fixture
def as_built(content: dict[str, Any]) -> dict[str, Any]:
    """The study with slabs of the library's crystals, not where a scan finds the best registry."""
    for key in ("bulk", "registry", "scan"):
        del content["interfaces"][key]
    return content


@pytest.fixture
def load(tmp_path: Path) -> Callable[[Any], Study]:
    def write_and_load(document: Any) -> Study:
        path = tmp_path / "study.yaml"
        path.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
        return load_study(path)

    return write_and_load


@pytest.mark.parametrize("name", study_names())
def test_every_study_that_comes_along_is_valid(name: str) -> None:
    study = load_study(study_path(name))
    assert study.name == name
    load_protocol(study.protocol)


@pytest.mark.parametrize("name", protocol_names())
def test_every_value_of_a_protocol_has_its_source(name: str) -> None:
    protocol = load_protocol(name)
    assert protocol.name == name
    for kinds in protocol.engines.values():
        for choices in kinds.values():
            for key, choice in choices.items():
                assert len(choice.source) > 8, key


def test_li2025_holds_the_papers_forces_and_vacuum(content: dict[str, Any]) -> None:
    settings = load_protocol("li2025").settings("potential", "relax")
    assert settings["fmax_ev_per_angstrom"] == 0.02
    assert content["interfaces"]["vacuum_angstrom"] == 20


def test_protocols_inherit_and_refuse_rings(tmp_path: Path) -> None:
    child = {"name": "c", "description": "d", "parent": "li2025"}
    relax = {"max_steps": {"value": 5, "source": "a test of inheritance"}}
    child["engines"] = {"potential": {"relax": relax}}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(child))
    settings = load_protocol("c.yaml", tmp_path).settings(
        "potential", "relax", {"optimizer": "BFGS"}
    )
    assert settings["max_steps"] == 5
    assert settings["fmax_ev_per_angstrom"] == 0.02
    assert settings["optimizer"] == "BFGS"
    (tmp_path / "a.yaml").write_text("name: a\ndescription: d\nparent: b.yaml\n")
    (tmp_path / "b.yaml").write_text("name: b\ndescription: d\nparent: a.yaml\n")
    with pytest.raises(StudyError, match="ring"):
        load_protocol("a.yaml", tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"filmss": {}}, r"unknown key 'filmss' \(did you mean 'films'\?\)"),
        (
            {"interfaces": {"vacuum": 20}},
            r"'interfaces.vacuum' \(did you mean 'vacuum_angstrom'\?\)",
        ),
        ({"interfaces": {"contacts": 3}}, "interfaces.contacts"),
        ({"interfaces": {"vacuum_angstrom": -1}}, "greater than 0"),
        ({"interfaces": {"pairs": [["Na", "NASICON"]]}}, "NASICON"),
        (
            {"films": {"Na": {"phase": "Na", "miler": [1, 1, 0], "layers": 3}}},
            "did you mean 'miller'",
        ),
        ({"films": {"Na": {"phase": "Na", "miller": [1, 1, 0]}}}, "thickness_angstrom or layers"),
        ({"films": {}}, "films"),
        ({"substrates": {"A": {"like": "B"}}}, "like 'B'"),
        ({"substrates": {"A": {"like": "A"}}}, "refers to itself"),
        ({"quantities": ["adhesion"]}, "quantities"),
        ({"name": "a b"}, "name"),
    ],
)
def test_wrong_studies_are_refused_in_one_sentence(
    content: dict[str, Any], load: Callable[[Any], Study], change: dict[str, Any], message: str
) -> None:
    with pytest.raises(StudyError, match=message):
        load(content | change)


@pytest.mark.parametrize(
    "text", ["", "- a\n- b", "a: [1", "name: !!python/object/apply:os.system ['true']", "\x00"]
)
def test_what_is_no_study_is_refused(load: Callable[[Any], Study], text: str) -> None:
    with pytest.raises(StudyError):
        load(text)


def test_unknown_study_and_missing_file(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="li2025"):
        study_path("li2052")
    mine = tmp_path / "mine.yaml"
    mine.touch()
    with pytest.raises(StudyError, match=r"no study .*mine'; there is a file .*mine\.yaml"):
        study_path(str(mine.with_suffix("")))
    with pytest.raises(StudyError, match="no file"):
        load_study(Path("nowhere.yaml"))


def test_plan_of_the_paper(as_built: dict[str, Any], load: Callable[[Any], Study]) -> None:
    plan = plan_study(load(as_built), Path())
    interfaces = [step for step in plan.walk() if step.metadata["role"] == "interface"]
    # the paper's six, and sodium on the doped slab with its charge balanced
    assert len(interfaces) == 7
    for step in interfaces:
        metadata = step.metadata
        atoms = step.atoms()
        assert metadata["n_contacts"] == 1
        heights = atoms.positions[:, 2]
        assert atoms.cell[2, 2] - np.ptp(heights) == pytest.approx(20.0, abs=1e-9)
        assert metadata["max_strain"] <= 0.04
        references = {
            role: plan.step(identifier) for role, identifier in metadata["reference_steps"].items()
        }
        assert set(references) == {"substrate", "film", "rigid_substrate", "rigid_film"}
        slabs = references["substrate"].atoms(), references["film"].atoms()
        assert sum(map(len, slabs)) == len(atoms)
        for slab in slabs:
            assert np.allclose(slab.cell[:2], atoms.cell[:2])
            extent = np.ptp(slab.positions[:, 2])
            assert slab.cell[2, 2] - extent == pytest.approx(20.0, abs=1e-9)
        assert references["rigid_film"].parents == (step.id, *metadata["restarts"])


def test_slabs_start_again_from_the_interface(
    as_built: dict[str, Any], load: Callable[[Any], Study]
) -> None:
    as_built["interfaces"]["rounds"] = 0
    plan = plan_study(load(as_built), Path())
    interfaces = {
        step.metadata["pair"]: step for step in plan.walk() if step.metadata["role"] == "interface"
    }
    for pair, step in interfaces.items():
        for side in ("substrate", "film"):
            first = plan.step(step.metadata["reference_steps"][side])
            own, *others = map(plan.step, step.metadata["second_starts"][side])
            assert own.parents == (step.id,)
            assert own.metadata == {"role": f"{side}_second_start", "pair": pair, "round": 0}
            assert own.settings == first.settings
            assert own.n_atoms == first.n_atoms
            # the substrates share their films: Na has three of them, the others two
            films = {"Na": 2, "NaF": 1, "Na9Sn4": 1}
            assert len(others) == (films[pair.partition("|")[0]] if side == "film" else 0)
            result = parent_of(step)
            atoms = structure_for(own, {step.id: result})
            assert np.allclose(atoms.cell, first.atoms().cell)
            assert np.allclose(atoms.positions, first.atoms().positions)  # nothing has relaxed yet
            assert (sides(atoms) == sides(first.atoms())).all()
    shared = [
        interfaces[pair].metadata["second_starts"]["film"]
        for pair in ("Na|NZSP", "Na|NZSP-NSF", "Na|NZSP-NSF-Si")
    ]
    assert set(shared[0]) == set(shared[1]) == set(shared[2])
    assert len({tuple(starts) for starts in shared}) == 3  # each names its own first


def test_fluorine_keeps_its_phosphorus_where_silicon_balances_it(
    content: dict[str, Any], load: Callable[[Any], Study]
) -> None:
    plan = plan_study(load(content), Path())
    # of two P in a surface cell one carries F; the other stays, or is the Si that balances it
    for pair, others in (("Na|NZSP-NSF", 1), ("Na|NZSP-NSF-Si", 0)):
        atoms = next(s for s in with_starts(plan) if s.metadata.get("pair") == pair).atoms()
        bonds = bonds_of(atoms)
        phosphorus, fluorine = (np.flatnonzero(atoms.symbols == x) for x in ("P", "F"))
        bonded = bonds.second[np.isin(bonds.first, fluorine)]
        carriers = np.intersect1d(phosphorus, bonded)
        assert len(carriers) == len(fluorine) > 0
        assert len(phosphorus) - len(carriers) == others * len(fluorine)
        assert "Si" not in set(atoms.symbols[bonded])


def test_second_starts_can_be_left_out(
    content: dict[str, Any], load: Callable[[Any], Study]
) -> None:
    content["interfaces"]["rounds"] = 0
    every = {step.id for step in plan_study(load(content), Path()).walk()}
    content["interfaces"]["second_start"] = False
    plan = plan_study(load(content), Path())
    assert {step.id for step in plan.walk()} < every
    for step in plan.walk():
        assert "second_start" not in step.metadata["role"]
        assert not step.metadata.get("second_starts")


def test_a_side_of_a_sandwich_gets_a_vacuum_of_its_own(
    as_built: dict[str, Any], load: Callable[[Any], Study]
) -> None:
    as_built["interfaces"] |= {"contacts": 2, "pairs": [["NaF", "NZSP"]], "rounds": 0}
    plan = plan_study(load(as_built), Path())
    (step,) = (step for step in plan.walk() if step.metadata["role"] == "interface")
    result = parent_of(step)
    assert result.final_structure is not None
    atoms = result.final_atoms()
    atoms.wrap()  # as VASP writes it, whatever crosses the boundary on its other side
    atoms.positions[:, 2] += 3.0
    atoms.wrap()
    moved = result.model_copy(update={"final_structure": to_document(atoms)})
    for side in ("substrate", "film"):
        first = plan.step(step.metadata["reference_steps"][side]).atoms()
        (own,) = step.metadata["second_starts"][side]
        again = structure_for(plan.step(own), {step.id: moved})
        assert np.allclose(again.cell, first.cell)
        assert np.allclose(again.get_all_distances(mic=True), first.get_all_distances(mic=True))


def parent_of(step: Step) -> Result:
    """A result of the step as it was built."""
    return Result(
        kind="relax",
        status="converged",
        engine=EngineRecord(name="none", version="1"),
        final_structure=step.structure,
    )


def test_bonds_of_interfaces_are_asked_for_elsewhere(
    content: dict[str, Any], load: Callable[[Any], Study]
) -> None:
    with pytest.raises(StudyError, match=r"bonding is no quantity.*electronic_struct"):
        load({**content, "quantities": ["interfacial_formation_energy", "bonding"]})


def test_doped_and_clean_share_the_film_but_not_the_substrate(
    content: dict[str, Any], load: Callable[[Any], Study], capsys: pytest.CaptureFixture[str]
) -> None:
    by_pair = {
        built.label: built
        for built in build_interfaces(load(content).parts()["interfaces"], Path())
    }
    clean, doped = by_pair["Na|NZSP"].interface, by_pair["Na|NZSP-NSF"].interface
    assert np.allclose(clean.atoms.cell, doped.atoms.cell)
    shift = doped.film_atoms.positions - clean.film_atoms.positions
    assert np.allclose(shift[:, :2], 0)
    assert np.ptp(shift[:, 2]) == pytest.approx(0, abs=1e-9)
    changed = clean.atoms.numbers != doped.atoms.numbers
    assert set(doped.atoms[changed].get_chemical_symbols()) == {"F"}
    assert changed.sum() == 2  # one in each of the two surface cells of the match
    print_structures([by_pair["Na|NZSP-NSF"]])
    (said,) = (x for x in capsys.readouterr().out.split("\nN") if "1 F on O" in x)
    assert "in each surface cell 1 F on O" in " ".join(said.split())
    plan = plan_study(load(content), Path())
    names = [step.name for step in plan.walk()]
    assert "Na|NZSP Na slab" in names
    assert "Na|NZSP-NSF Na slab" not in names


def test_dopant_sits_on_the_face_that_meets_the_film(
    content: dict[str, Any], load: Callable[[Any], Study]
) -> None:
    for built in build_interfaces(load(content).parts()["interfaces"], Path()):
        if built.substrate.label != "NZSP-NSF":
            continue
        atoms = built.interface.atoms
        substrate = atoms[sides(atoms) == SUBSTRATE_TAG]
        assert built.substrate.slab.net_charge_e == pytest.approx(1)  # F- for O2-, uncompensated
        assert built.substrate.clean.net_charge_e == pytest.approx(0)
        assert (roles(substrate) == DOPANT_TAG).sum() == (substrate.numbers == 9).sum() > 0
        fluorine = substrate.positions[substrate.numbers == 9, 2]
        middle = (substrate.positions[:, 2].min() + substrate.positions[:, 2].max()) / 2
        assert (fluorine > middle).all()


@pytest.mark.parametrize("doped", ["film", "substrate"])
def test_a_dopant_meets_the_other_side_and_the_face_away_from_it_is_held(
    doped: str, load: Callable[[Any], Study]
) -> None:
    plain = {"phase": "NaF", "miller": [1, 0, 0], "layers": 4}
    dopant = {"element": "Cl", "replaces": "F"}
    held = {**plain, "frozen_angstrom": 3.0, "dopant": dopant}
    film, substrate = (held, plain) if doped == "film" else (plain, held)
    study = load(
        {
            "name": "doped",
            "title": "Doped",
            "films": {"upper": film},
            "substrates": {"lower": substrate},
        }
        | {"interfaces": {"max_strain_percent": 1}, "engine": "potential"}
    )
    (built,) = build_interfaces(study.parts()["interfaces"], Path())
    atoms = built.interface.atoms
    side = np.flatnonzero(sides(atoms) == (FILM_TAG if doped == "film" else SUBSTRATE_TAG))
    towards = atoms.positions[side, 2] * (-1 if doped == "film" else 1)
    chlorine = towards[atoms.numbers[side] == 17]
    assert chlorine.min() > np.sort(towards)[len(towards) // 2]
    frozen = np.isin(side, fixed_indices(atoms))
    assert 0 < frozen.sum() < len(side)
    assert towards[frozen].max() < towards[~frozen].min()


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("films", "Na", "phase"), "Sodium", "slab Na: .*Sodium"),
        (("films", "Na", "miller"), [0, 0, 0], "slab Na"),
        (("films", "Na9Sn4", "termination"), 99, "termination 99"),
        (("interfaces", "max_strain_percent"), 0.01, r"interface Na\|NZSP: no match"),
        (("interfaces", "max_atoms"), 10, "max_atoms"),
        (("engine",), "potental", "did you mean 'potential'"),
        (("settings",), {"relax": {"fmax": 1}}, "fmax_ev_per_angstrom"),
        (("settings",), {"relaxation": {}}, "relaxation"),
        (("protocol",), "li2052", "li2025"),
        (("substrates", "NZSP-NSF", "dopant", "coordinated_to"), "Sn", "NZSP-NSF"),
    ],
)
def test_impossible_studies_are_refused_before_anything_runs(
    content: dict[str, Any],
    load: Callable[[Any], Study],
    path: tuple[str, ...],
    value: Any,
    message: str,
) -> None:
    place = content
    for key in path[:-1]:
        place = place.setdefault(key, {})
    place[path[-1]] = value
    with pytest.raises(NatrifaceError, match=message):
        plan_study(load(content), Path())


# ---- studies made of dicts -------------------------------------------------------------------

NAF = {
    "name": "naf",
    "title": "NaF",
    "surface_energies": {"layers": [2, 3], "phases": {"NaF": {"phase": "NaF"}}},
}


@pytest.mark.parametrize("name", study_names())
def test_a_study_comes_back_from_what_it_dumps(name: str) -> None:
    study = load_study(study_path(name))
    assert Study.model_validate(study.model_dump()) == study
    assert Study.model_validate_json(study.model_dump_json()) == study
    other = Study.model_validate({**study.model_dump(), "name": "other"})
    assert (other.name, other.title) == ("other", study.title)


def test_a_dict_is_refused_in_the_words_of_a_file() -> None:
    with pytest.raises(StudyError, match=r"study naf: unknown key.*did you mean 'vacuum_angstrom'"):
        Study.model_validate(
            {**NAF, "surface_energies": {**NAF["surface_energies"], "vacum_angstrom": 15}}
        )
    with pytest.raises(StudyError, match=r"study: .*dictionary"):
        Study.model_validate(["naf"])


def test_a_study_names_its_crystals(tmp_path: Path) -> None:
    def asked(phase: object) -> Study:
        phases = {"mine": {"phase": phase}}
        return Study.model_validate(
            {**NAF, "surface_energies": {"layers": [2, 3], "phases": phases}}
        )

    with pytest.raises(StudyError, match=r"of type Atoms: .*atoms\.write\('my\.cif'\)"):
        asked(bulk("Na"))
    with pytest.raises(StudyError, match="valid string, got 5"):
        asked(5)
    assert asked(tmp_path / "my.cif") == asked(str(tmp_path / "my.cif"))


def test_a_pattern_of_candidates_is_its_files(tmp_path: Path) -> None:
    (tmp_path / "cifs").mkdir()
    for name in ("b.cif", "a.cif"):
        (tmp_path / "cifs" / name).touch()
    criteria = {"G": {"quantity": "shear modulus", "better": "more", "weight": 1}}
    content = {
        "name": "cards",
        "title": "Cards",
        "elasticity": {"crystals": {"NaF": {"phase": "NaF"}}},
        "scorecard": {"candidates": ["NaF", "b.cif", "cifs/*.cif"], "criteria": criteria},
    }
    path = tmp_path / "cards.yaml"
    path.write_text(yaml.safe_dump(content))
    card = load_study(path).scorecard
    assert card is not None
    assert card.candidates == ["NaF", "b.cif", "a.cif"]
    content["scorecard"]["candidates"] = ["none/*.cif"]  # type: ignore[index]
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(StudyError, match="scorecard, candidates: no file fits 'none/"):
        load_study(path)

"""Settings of engine vasp: by element, of VASP 6, and without contradictions, before it is run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from pymatgen.io.vasp.inputs import Incar

from natriface.structures.base.errors import EngineError, StudyError
from natriface.workflows.commands.study_inputs import write_study_inputs
from natriface.workflows.engines.machine import Machine, load_machine
from natriface.workflows.engines.vasp.incar.settings import parse_settings
from natriface.workflows.engines.vasp.input_texts import incar_text
from natriface.workflows.engines.vasp.inputs import vasp_inputs, write_inputs
from natriface.workflows.study import load_study
from tests.workflows.engines.vasp.test_inputs import MACHINE, inputs_of, rocksalt_slab, vasp_step

U = {"LDAU": True, "LDAUL": {"V": 2}, "LDAUU": {"V": 3.1}}
STUDY = """
name: u
title: U on V
engine: vasp
settings: {{relax: {settings}, static: {settings}}}
substrates:
  NaF: {{phase: NaF, miller: [1, 0, 0], layers: 2}}
films:
  V: {{phase: V, miller: [1, 1, 0], layers: 2}}
interfaces: {{max_area_angstrom2: 200, max_strain_percent: 9}}
"""


def mixed() -> Atoms:
    """Species that alternate, so that POSCAR has another order of atoms."""
    return Atoms("OVOZrV", np.eye(5, 3) * 2 + 1, cell=[6, 6, 6], pbc=True)


# ---- by species and by atom -------------------------------------------------------------------


def test_values_by_element_are_written_in_poscars_order() -> None:
    tags = inputs_of(mixed(), **U, MAGMOM={"V": 2.0, "O": -0.5}, ISPIN=2).tags
    assert tags["LDAUL"] == [-1, 2, -1]
    assert tags["LDAUU"] == [0.0, 3.1, 0.0]
    assert tags["MAGMOM"] == [-0.5, -0.5, 2.0, 2.0, 0.0]
    assert inputs_of(bulk("V"), **U).tags["LDAUU"] == [3.1]
    slab = inputs_of(rocksalt_slab(), **U).tags
    assert (slab["LDAUL"], slab["LDAUU"]) == ([-1, -1], [0.0, 0.0])
    listed = inputs_of(mixed(), MAGMOM=[1, 2, 3, 4, 5], ISPIN=2).tags["MAGMOM"]
    assert listed == [1, 3, 2, 5, 4]
    vectors = inputs_of(
        mixed(), LNONCOLLINEAR=True, MAGMOM={"V": [1, 0, 0], "Zr": 2}, ISPIN=2, ISYM=-1
    ).tags["MAGMOM"]
    assert vectors[6:] == [1, 0, 0, 1, 0, 0, 0.0, 0.0, 2]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"LDAU": True, "LDAUL": [-1, 2]}, "LDAUL has 2 values for the 3 species O V Zr; give"),
        ({"LDAU": True, "LDAUU": [3.1]}, "LDAUU has 1 value for the 3 species"),
        ({"ROPT": [-1e-3] * 5}, "ROPT has 5 values for the 3 species"),
        ({"QUAD_EFG": {"V": 1.0}}, "QUAD_EFG names no value for O, Zr"),
        ({"MAGMOM": [1.0] * 4}, "MAGMOM has 4 values for 5 atoms"),
        ({"MAGMOM": [1.0] * 5, "LSORBIT": True}, "5 values for 5 atoms, 3 for each"),
        ({"MAGMOM": {"V": [0, 0, 1]}}, "MAGMOM of V is a vector, which needs LNONCOLLINEAR"),
        ({"LDAUU": {"Vn": 3.1}}, "'Vn' is no chemical element .did you mean"),
        ({"LDAUU": {"V": "3e0"}}, "a number for V.*write 3.0e"),
        ({"LDAUU": {"V": float("nan")}}, "LDAUU of V takes a finite number"),
        ({"LDAUL": {"V": 7}}, "LDAUL of V takes -1"),
        ({"DIPOL": [0.5, 0.5]}, "DIPOL takes 3 values, got 2"),
        ({"LATTICE_CONSTRAINTS": [True, False]}, "LATTICE_CONSTRAINTS takes 3 values"),
        ({"LDAU": True, "LDAUL": {"Zr": 2}, "LDAUU": {"V": 3.1}}, "LDAUL gives V no shell"),
        ({"LDAUL": {"V": 2}, "LDAUU": {"V": 3.1}}, "without LDAU, and VASP would leave U out"),
        ({"potcars": {"na": "Na"}}, "potcars: 'na' is no chemical element"),
    ],
)
def test_values_that_fit_no_species_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(EngineError, match=message):
        inputs_of(mixed(), **wrong)
    inputs_of(mixed(), LDAU=False, LDAUU=[0, 3.1, 0])  # switched off


def test_a_study_is_refused_before_it_runs_or_gets_each_steps_own_lists(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(STUDY.format(settings="{LDAU: true, LDAUL: [-1, -1, 2], LDAUU: [0, 0, 3.1]}"))
    with pytest.raises(EngineError, match="LDAUL has 3 values for the"):
        write_study_inputs(load_study(path), tmp_path, tmp_path / "refused")
    assert not (tmp_path / "refused").exists()
    path.write_text(STUDY.format(settings="{LDAU: true, LDAUL: {V: 2}, LDAUU: {V: 3.1, W: 4}}"))
    written = write_study_inputs(load_study(path), tmp_path, tmp_path / "out")
    seen = set()
    for item in written:
        species = (item.folder / "POSCAR").read_text().splitlines()[5].split()
        listed = Incar.from_file(str(item.folder / "INCAR"))["LDAUU"]
        assert listed == [3.1 if element == "V" else 0 for element in species]
        assert "LDAUU names W, which no step holds" in item.warnings
        seen.add(tuple(species))
    assert len(seen) == 3


# ---- tags and values --------------------------------------------------------------------------


def test_tags_of_vasp_6_are_known_and_others_insisted_on(tmp_path: Path) -> None:
    newer = {"METAGGA": "R2SCAN", "LIBXC1": "GGA_X_PBE", "LH5": True, "ML_LMLFF": False}
    inputs = inputs_of(rocksalt_slab(), **newer, unchecked_tags={"LBRAND_NEW": True, "GGA": "ZZ"})
    assert {**newer, "LBRAND_NEW": True, "GGA": "ZZ"}.items() <= inputs.tags.items()
    assert any("R2SCAN needs VASP 6.2" in text for text in inputs.warnings)
    assert "LBRAND_NEW is written unchecked" in inputs.warnings
    write_inputs(tmp_path, inputs, MACHINE)
    assert "LBRAND_NEW = .TRUE." in (tmp_path / "INCAR").read_text()
    assert any("LASPH" in w for w in inputs_of(bulk("Al"), METAGGA="SCAN", LASPH=False).warnings)
    with pytest.raises(EngineError, match=r"did you mean 'METAGGA'.*unchecked_tags"):
        parse_settings({"METAGA": "SCAN"}, "here")
    with pytest.raises(EngineError, match=r"did you mean 'R2SCAN'.*unchecked_tags: .METAGGA"):
        parse_settings({"METAGGA": "R2SCANN"}, "here")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ENCUT": float("nan")}, "finite"),
        ({"EDIFF": float("inf")}, "finite"),
        ({"ENCUT": "4e2"}, r"write 4\.0e\+2"),
        ({"ENCUT": True}, "takes float, got True"),
        ({"EDIFF": "1.0d-5"}, r"write 1\.0e-5"),
        ({"LWAVE": ".FALSE."}, "takes bool, got '.FALSE.'; write false"),
        ({"LCHARG": "T"}, "write true"),
        ({"LASPH": 1}, "write true"),
        ({"LREAL": ".F."}, "write false"),
        ({"NELECT": 252}, "give charge_e"),
        ({"unchecked_tags": {"NELECT": 252}}, "give charge_e"),
        ({"keep": ["WAVECAR", "CHGCARR"]}, "writes no 'CHGCARR' .did you mean 'CHGCAR'"),
        ({"ENCUT": -480}, "50 at least"),
        ({"ENCUT": 4.8}, "50 at least"),
        ({"EDIFF": 0}, "positive"),
        ({"SIGMA": -0.05}, "no negative"),
        ({"NBANDS": 10**12}, "can hold"),
        ({"ISMEAR": -7}, "-15, -14"),
        ({"SYSTEM": "slab; NSW = 99"}, "one line"),
        ({"SYSTEM": "slab\nNSW = 99"}, "one line"),
        ({"charge_e": float("nan")}, "finite"),
        ({"unchecked_tags": {"lower": 1}}, "capitals"),
        ({"unchecked_tags": {"NCORE": 4}}, "machine"),
        ({"unchecked_tags": {"ENCUT": "much"}}, "takes float"),
        ({"unchecked_tags": {"LBRAND_NEW": {"a": 1}}}, "takes a number, a word"),
        ({"unchecked_tags": {"LBRAND_NEW": float("nan")}}, "finite"),
    ],
)
def test_impossible_values_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(EngineError, match=message):
        parse_settings(settings, "here")


def test_any_output_of_vasp_may_be_kept() -> None:
    kept = ["WAVECAR", "vaspwave.h5", "OUTCAR", "ELFCAR"]
    assert parse_settings({"keep": kept}, "here").keys.keep == kept


def test_a_steps_name_ends_no_comment() -> None:
    step = vasp_step(bulk("Al")).model_copy(update={"name": "one\nNSW = 9"})
    lines = incar_text(vasp_inputs(step, bulk("Al"), MACHINE)).splitlines()
    assert lines[0] == "# one NSW = 9: static"


def test_the_machines_tags_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "machine.yaml"
    path.write_text("incar: {NCORE: many}\n")
    monkeypatch.setenv("NATRIFACE_CONFIG", str(path))
    with pytest.raises(StudyError, match="NCORE takes a number or auto, not 'many'"):
        load_machine()


# ---- contradictions ---------------------------------------------------------------------------


@pytest.mark.parametrize("ismear", [-4, -5, -14, -15])
def test_tetrahedra_need_four_points(ismear: int) -> None:
    salt = bulk("NaF", "rocksalt", a=4.62, cubic=True)
    with pytest.raises(EngineError, match=r"needs 4 k-points at least.*1x1x1 has 1"):
        inputs_of(salt, ISMEAR=ismear, kpoint_spacing_per_angstrom=1.5)
    with pytest.raises(EngineError, match=r"2x2x1 has 3 by symmetry"):
        inputs_of(rocksalt_slab(), ISMEAR=ismear, kpoint_spacing_per_angstrom=1.0)
    lone = molecule("H2O", vacuum=10, pbc=True)
    with pytest.raises(EngineError, match="1x1x1 has 1"):
        inputs_of(lone, ISMEAR=ismear)
    assert inputs_of(salt, ISMEAR=ismear).mesh == (6, 6, 6)
    assert inputs_of(rocksalt_slab(), ISMEAR=ismear).mesh[2] == 1


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("static", {"IBRION": 2, "NSW": 50}, "move the atoms"),
        ("relax", {"IBRION": 0}, "relaxes nothing"),
        ("md", {"IBRION": 2}, "no molecular dynamics"),
        ("relax", {"NELM": 3, "NELMIN": 8}, "ever converge"),
        ("relax", {"SIGMA": 0}, "without a width"),
        ("relax", {"NBANDS": 10}, "cannot hold"),
        ("static", {"ICHARG": 11}, "no such file"),
        ("relax", {"LDIPOL": True}, "without IDIPOL"),
        ("dos", {"EMIN": 5.0, "EMAX": -5.0}, "not below"),
        ("dos", {"LORBIT": 0}, "LORBIT: 11"),
        ("elf", {"LELF": False}, "LELF: true"),
        ("lobster", {"ISYM": 2}, "ISYM = 0 or -1"),
        ("lobster", {"LWAVE": False}, "LWAVE: true"),
        ("relax", {"METAGGA": "MBJ"}, "no forces"),
        ("static", {"METAGGA": "LIBXC"}, "LIBXC1"),
        ("static", {"charge_e": 500}, "electrons are left"),
    ],
)
def test_what_vasp_would_stop_on_is_refused(
    kind: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(EngineError, match=message):
        inputs_of(rocksalt_slab(), kind, **settings)


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("static", {"MAGMOM": {"Na": 1.0}}, "MAGMOM is ignored without ISPIN = 2"),
        ("static", {"ISPIN": 2, "NUPDOWN": 2.0}, "whole cell"),
        ("relax", {"ISPIN": 2}, "without MAGMOM: VASP starts from 1 Bohr magneton on every atom"),
        ("relax", {"ISPIN": 2, "MAGMOM": {"V": 2.0}}, "zero on every atom.*magnetism: auto"),
        ("relax", {"ISMEAR": -5}, "wrong forces in metals"),
        ("relax", {"EDIFFG": 1e-6}, "not above EDIFF"),
        ("relax", {"ISIF": 3}, "and with it the vacuum"),
        ("static", {"LHFCALC": True, "ALGO": "Fast"}, "not supported with LHFCALC"),
        ("static", {"IDIPOL": 1, "LDIPOL": True}, "direction without vacuum"),
        ("static", {"LDAU": True}, "U is 0"),
        ("relax", {"NSW": 0}, "where they are"),
    ],
)
def test_what_is_doubtful_is_told(kind: str, settings: dict[str, Any], message: str) -> None:
    inputs = inputs_of(rocksalt_slab(), kind, **settings)
    assert any(re.search(message, text) for text in inputs.warnings), inputs.warnings


def test_moments_that_are_given_are_not_doubted() -> None:
    assert inputs_of(rocksalt_slab(), ISPIN=2, MAGMOM={"Na": 0.5}).warnings == []


@pytest.mark.parametrize("protocol", ["li2025", "fast", "precise"])
@pytest.mark.parametrize("kind", ["relax", "static", "dos", "elf", "lobster", "md"])
def test_the_protocols_contradict_nothing(protocol: str, kind: str) -> None:
    for atoms in (rocksalt_slab(), bulk("NaF", "rocksalt", a=4.62)):
        assert vasp_inputs(vasp_step(atoms, kind, protocol), atoms, MACHINE).warnings == []


def test_groups_of_cores_must_fit() -> None:
    atoms = bulk("NaF", "rocksalt", a=4.62)
    with pytest.raises(EngineError, match="KPAR = 3 does not divide the 8 cores"):
        vasp_inputs(vasp_step(atoms), atoms, Machine(cores=8, incar={"KPAR": 3}))
    idle = vasp_inputs(vasp_step(rocksalt_slab()), rocksalt_slab(), Machine(incar={"KPAR": 4000}))
    assert any("cores lie idle" in text for text in idle.warnings)
    both = vasp_inputs(vasp_step(atoms), atoms, Machine(incar={"NCORE": 2, "NPAR": 2}))
    assert any("NCORE and NPAR" in text for text in both.warnings)

"""Potentials by name are their authors', need no network, and refuse what they do not know."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spglib
from ase import Atoms, units
from ase.calculators.calculator import Calculator
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution, Stationary
from ase.md.verlet import VelocityVerlet

from natriface.analysis.results.comparability import require_like
from natriface.analysis.results.result import Result
from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import AnalysisError, EngineError, UnavailableError
from natriface.structures.crystals.phases import load_phase
from natriface.workflows.engines.bands.start import known_end
from natriface.workflows.engines.base import (
    INPUTS_FOLDER,
    engine,
    load_folder,
    prepare_folder,
)
from natriface.workflows.engines.machine import Machine
from natriface.workflows.engines.potential import calculators
from natriface.workflows.engines.potential.calculators import (
    calculator_version,
    check_atoms,
    check_calculator,
    known_elements,
    make_calculator,
    weights_of,
)
from natriface.workflows.engines.potential.doctor import examine
from natriface.workflows.engines.potential.families import DEFAULT, potentials
from natriface.workflows.plan import Step
from natriface.workflows.planning import plan_study
from natriface.workflows.study import load_study
from tests.workflows.test_planning import ADATOMS, planned

ENGINE = engine("potential")
pytestmark = pytest.mark.potential


def named(slow: str = "none") -> list[Any]:
    """Every potential, in each of its modalities; those of the package `slow` marked so."""
    found = []
    for name, potential in potentials().items():
        absent = find_spec(potential.package) is None
        marks = [pytest.mark.skipif(absent, reason=f"{potential.package} is not installed")]
        if potential.package == slow:
            marks.append(pytest.mark.slow)
        for modal in potential.choices.get("modal", ("",)):
            options = {"modal": modal} if modal else {}
            found.append(pytest.param(name, options, marks=marks, id=f"{name} {modal}".strip()))
    return found


NAMED = named()
SLOW_BUT_CHGNET = named(slow="sevenn")


@pytest.fixture
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket can be made, and nothing is in memory from before."""

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked for")

    monkeypatch.setattr(socket, "socket", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    calculators._kept.cache_clear()


@cache
def crystal(name: str) -> Atoms:
    """The primitive cell, each atom moved a little, sheared: nothing is zero by symmetry."""
    atoms = load_phase(name).atoms
    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    lattice, scaled, numbers = spglib.find_primitive(cell, symprec=1e-3)
    made = Atoms(numbers=numbers, scaled_positions=scaled, cell=lattice, pbc=True)
    sheared = np.array([[1, 0.01, 0], [0, 1, 0], [0, 0, 1.01]])
    made.set_cell(made.cell.array @ sheared, scale_atoms=True)
    made.rattle(0.05, seed=1)
    return made


def of_the_authors(name: str, modal: str | None) -> Calculator:
    """The calculator that a user of the package makes, by the package's own name of the model."""
    family, _, kind = name.partition("-")
    if family == "chgnet":
        from chgnet.model import CHGNet, CHGNetCalculator

        model = CHGNet.load(model_name=kind, use_device="cpu", verbose=False)
        return CHGNetCalculator(model=model, use_device="cpu")
    from sevenn.calculator import SevenNetCalculator

    return SevenNetCalculator(f"7net-{kind}", device="cpu", modal=modal)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "options"), NAMED)
@pytest.mark.parametrize("phase", ["NaF", "NZSP"])
@pytest.mark.usefixtures("_offline")
def test_a_named_potential_is_its_authors(phase: str, name: str, options: dict[str, str]) -> None:
    ours, theirs = crystal(phase).copy(), crystal(phase).copy()
    ours.calc = make_calculator(name, options)
    theirs.calc = of_the_authors(name, options.get("modal"))
    # CHGNet's own calculator multiplies by the number of atoms in single precision
    rounding = np.spacing(np.float32(abs(theirs.get_potential_energy())))
    expected = pytest.approx(theirs.get_potential_energy(), abs=max(1e-6, float(rounding)))
    assert ours.get_potential_energy() == expected
    assert np.abs(ours.get_forces() - theirs.get_forces()).max() < 1e-6
    assert np.abs(ours.get_stress() - theirs.get_stress()).max() < 1e-6
    assert np.abs(ours.get_forces()).max() > 0.1


@pytest.mark.slow
@pytest.mark.parametrize(("name", "options"), SLOW_BUT_CHGNET)
def test_energy_is_conserved(name: str, options: dict[str, str]) -> None:
    atoms = load_phase("NaF").atoms
    atoms.calc = make_calculator(name, options)
    MaxwellBoltzmannDistribution(atoms, temperature_K=600, rng=np.random.default_rng(1))
    Stationary(atoms)
    kinetic_ev, total_ev = [], []
    dynamics = VelocityVerlet(atoms, timestep=2.0 * units.fs)
    dynamics.attach(lambda: kinetic_ev.append(atoms.get_kinetic_energy() / len(atoms)))
    dynamics.attach(lambda: total_ev.append(atoms.get_total_energy() / len(atoms)))
    dynamics.run(50)
    slope_ev = np.polyfit(np.arange(len(total_ev)), total_ev, 1)[0]
    assert np.ptp(kinetic_ev) > 0.02  # energy goes to and fro, and all of it comes back
    assert abs(slope_ev) * len(total_ev) < 5e-4


@pytest.mark.parametrize(("name", "options"), NAMED)
def test_what_it_does_not_know_is_refused_by_the_plan(
    tmp_path: Path, name: str, options: dict[str, str]
) -> None:
    settings = f"settings: {{relax: {{model: {name}, model_options: {options}}}}}\n"
    assert planned(ADATOMS + settings, tmp_path) == []
    with pytest.raises(EngineError, match="without neighbours"):
        planned(ADATOMS + "  references: [isolated atom]\n" + settings, tmp_path)
    polonium = Atoms("Po", cell=[3.35, 3.35, 3.35], pbc=True)
    with pytest.raises(EngineError, match="does not know Po"):
        check_atoms(name, polonium)


def test_a_model_that_is_several_must_be_told_which(tmp_path: Path) -> None:
    pytest.importorskip("sevenn")
    text = ADATOMS + "settings: {relax: {model: sevennet-mf-0, model_options: OPTIONS}}\n"
    for options, words in (("{}", "by modal"), ("{modal: PBA}", "no modal 'PBA'")):
        with pytest.raises(EngineError, match=words) as told:
            planned(text.replace("OPTIONS", options), tmp_path)
        assert "PBE or R2SCAN" in str(told.value)
    with pytest.raises(EngineError, match=r"no option \['modal'\]"):
        check_calculator("sevennet-0", {"modal": "PBE"})


@pytest.mark.parametrize("name", ["sevennet-9", "chgnet-r2scam", "chgnet-"])
def test_a_name_that_is_none(name: str) -> None:
    with pytest.raises(EngineError, match=r"no weights.*(known|did you mean)"):
        check_calculator(name, {})


def test_the_old_name_of_chgnet_is_the_default() -> None:
    pytest.importorskip("chgnet")
    assert weights_of("chgnet", {}) == weights_of(DEFAULT, {}) == potentials()[DEFAULT].sha256
    assert known_elements("chgnet") == known_elements(DEFAULT)
    assert calculator_version("chgnet") == calculator_version(DEFAULT)


def test_weights_that_are_not_what_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("chgnet")
    known = potentials()["chgnet-0.3.0"]
    other = potentials()["chgnet-0.2.0"]
    missing = dataclasses.replace(known, weights="pretrained/none.tar")
    swapped = dataclasses.replace(known, weights=other.weights)
    package = tmp_path / "chgnet_cut_off"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "weights").write_bytes(known.weights_file().read_bytes()[:100_000])
    monkeypatch.syspath_prepend(tmp_path)
    cut = dataclasses.replace(known, package=package.name, weights="weights")
    for potential, words in (
        (missing, "has no weights pretrained/none.tar"),
        (swapped, "is the file of 'chgnet-0.2.0'"),
        (cut, "is cut off or another model's"),
    ):
        with pytest.raises(UnavailableError, match=words) as told:
            potential.weights_file(potentials().values())
        assert "\n" not in str(told.value)
        assert "pip install" in str(told.value)


def test_calculators_are_kept_by_name_device_and_weights() -> None:
    pytest.importorskip("chgnet")
    made = make_calculator("chgnet-0.3.0", {})
    assert make_calculator("chgnet-0.3.0", {}) is made
    assert make_calculator("chgnet-0.2.0", {}) is not made
    assert make_calculator("emt", {}) is not make_calculator("emt", {})
    assert calculators._kept.cache_info().maxsize == 4


def test_the_estimate_is_the_potentials_own() -> None:
    def estimate(model: str) -> float:
        atoms = crystal("NaF")
        return ENGINE.estimate(step_of(atoms, model=model)).core_seconds

    def step_of(atoms: Atoms, **settings: Any) -> Step:
        return Step(
            name="NaF", kind="relax", engine="potential", protocol="test", settings=settings,
            n_atoms=400, structure=to_document(atoms),
        )  # fmt: skip

    assert estimate("sevennet-l3i5") > estimate("sevennet-0") > estimate("chgnet-0.3.0")
    assert estimate("emt") == estimate(DEFAULT) == estimate("chgnet")


def test_the_doctor_lists_them_all() -> None:
    found = {finding.what: finding for finding in examine(Machine())}
    assert set(found) == {f"potential {name}" for name in potentials()}
    for name, potential in potentials().items():
        finding = found[f"potential {name}"]
        assert potential.functional in finding.text
        if find_spec(potential.package) is None:
            assert f"[{potential.extra}]" in str(finding.remedy)
        else:
            assert finding.level == "ok"
            assert potential.version in finding.text


# ---- calculators of others, with a file of weights ---------------------------------------------

MODULE = """
import json, pickle
from pathlib import Path
from ase.calculators.lj import LennardJones

def calculator(weights, device="cpu"):
    return LennardJones(sigma=json.loads(Path(weights).read_text())["sigma"])

def fetching(model="medium"):
    raise AssertionError("the network was asked for")
"""


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of weights of a calculator that a module of the user's makes."""
    (tmp_path / "my_calculators.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "weights.json"
    path.write_text('{"sigma": 2.3}')
    return path


def test_a_file_of_weights_stands_in_the_result(tmp_path: Path, weights: Path) -> None:
    atoms = Atoms("Na2", positions=[[0, 0, 0], [0, 0, 2.6]], cell=[9, 9, 9], pbc=True)
    results = []
    for sigma in (2.3, 2.4):
        weights.write_text(f'{{"sigma": {sigma}}}')
        step = Step(
            name=f"Na2 {sigma}", kind="static", engine="potential", protocol="test", n_atoms=2,
            settings={
                "model": "my_calculators:calculator", "model_options": {"weights": str(weights)}
            },
            structure=to_document(atoms),
        )  # fmt: skip
        folder = tmp_path / str(sigma)
        prepare_folder(folder, step, atoms)
        ENGINE.write(folder)
        ENGINE.run(folder)
        results.append(ENGINE.read(folder))
    one, other = results
    assert one.engine.version.startswith("ase ")  # of the calculator: the module has no version
    assert one.engine.weights_sha256 != other.engine.weights_sha256
    assert one.energy_ev != other.energy_ev  # the calculator of the first file was not kept
    with pytest.raises(AnalysisError, match="weights of the model"):
        require_like([one, other])
    assert Result.model_validate_json(one.model_dump_json()) == one
    older = one.model_copy(
        update={"engine": one.engine.model_copy(update={"weights_sha256": None})}
    )
    require_like([older, one])  # its weights were not recorded


def damaged(path: Path) -> None:
    path.write_bytes(b"PK\x03\x04" + bytes(1000))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (Path.unlink, "which is not there"),
        (damaged, "is cut off"),
        (lambda path: path.write_bytes(b""), "is cut off"),
        (lambda path: path.write_text('{"sig'), "cannot be made"),
        (lambda path: path.write_text('{"epsilon": 1}'), "cannot be made"),
    ],
)
def test_a_file_of_weights_that_cannot_be_read(
    weights: Path, damage: Callable[[Path], object], words: str
) -> None:
    damage(weights)
    with pytest.raises(EngineError, match=words) as told:
        make_calculator("my_calculators:calculator", {"weights": str(weights)})
    assert "\n" not in str(told.value)


def test_who_would_fetch_weights_is_told_to_take_a_file(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MACE, as ASE knows it, in the version that a distribution of another name has."""
    package = weights.parent / "mace"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "calculators.py").write_text(
        "from ase.calculators.lj import LennardJones\n"
        "def mace_mp(model='medium', device=''):\n    return LennardJones()\n"
    )
    installed = weights.parent / "mace_torch-0.3.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: mace-torch\nVersion: 0.3")
    (installed / "top_level.txt").write_text("mace\n")
    for model in ("mace_mp", "mace.calculators:mace_mp"):
        for options in ({}, {"model": "large"}):
            with pytest.raises(EngineError, match="would fetch its weights from the network"):
                check_calculator(model, options)
        check_calculator(model, {"model": str(weights)})
        assert calculator_version(model) == "mace-torch 0.3"
    pytest.importorskip("sevenn")
    theirs = "sevenn.calculator:SevenNetCalculator"
    check_calculator(theirs, {"model": "7net-l3i5"})
    with pytest.raises(EngineError, match="would fetch its weights from the network"):
        check_calculator(theirs, {"model": "7net-omni", "modal": "mpa"})


def test_an_end_point_by_other_weights_is_computed_again(tmp_path: Path) -> None:
    """A barrier is a difference of energies of one potential."""
    atoms = Atoms("Cu2", positions=[[0, 0, 0], [0, 0, 2.5]], cell=[9, 9, 9], pbc=True)
    step = Step(
        name="Cu2", kind="static", engine="potential", protocol="test", settings={"model": "emt"},
        n_atoms=2, structure=to_document(atoms),
    )  # fmt: skip
    prepare_folder(tmp_path, step, atoms)
    ENGINE.run(tmp_path)
    result = ENGINE.read(tmp_path)
    by = result.engine.model_copy(update={"weights_sha256": "a" * 64})
    result = result.model_copy(update={"engine": by})
    inputs = tmp_path / INPUTS_FOLDER
    inputs.mkdir()
    (inputs / "initial_result.json").write_text(result.model_dump_json())
    _, start = load_folder(tmp_path)
    assert known_end(tmp_path, "initial", start, step, by.version, "a" * 64) is not None
    assert known_end(tmp_path, "initial", start, step, by.version, "b" * 64) is None
    assert known_end(tmp_path, "initial", start, step, "ase 1", "a" * 64) is None


# ---- weights of one's own -----------------------------------------------------------------------


def trained(name: str, path: Path, scale: float) -> Path:
    """A checkpoint as its package's trainer writes it, its weights scaled."""
    pytest.importorskip(potentials()[name].package)
    import torch

    content = torch.load(potentials()[name].weights_file(), "cpu", weights_only=False)
    state = content["model"]["state_dict"] if "chgnet" in name else content["model_state_dict"]
    for key, value in state.items():
        if key.endswith("weight"):
            state[key] = value * scale
    torch.save(content, path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("name", ["chgnet-0.3.0", "sevennet-0"])
@pytest.mark.usefixtures("_offline")
def test_own_weights_are_those_that_compute(tmp_path: Path, name: str) -> None:
    same, other = (trained(name, tmp_path / f"{s}.pth", s) for s in (1.0, 0.99))
    energies, digests = [], []
    for options in ({}, {"weights": str(same)}, {"weights": str(other)}):
        atoms = crystal("NaF").copy()
        atoms.calc = make_calculator(name, options)
        energies.append(atoms.get_potential_energy())
        digests.append(weights_of(name, options))
    assert energies[1] == pytest.approx(energies[0], abs=1e-5)
    assert abs(energies[2] - energies[0]) > 0.01
    assert len(set(digests)) == 3


def study_with(weights: str) -> str:
    return ADATOMS + f"settings: {{relax: {{model_options: {{weights: {weights}}}}}}}\n"


def test_other_weights_are_other_steps(tmp_path: Path) -> None:
    path = tmp_path / "own.pth"
    ids = []
    for scale in (1.0, 1.0, 0.99):
        trained(DEFAULT, path, scale)
        file = tmp_path / "study.yaml"
        file.write_text(study_with(str(path)))
        plan = plan_study(load_study(file), tmp_path, to_run=False)
        steps = [step for step in plan.walk() if step.kind == "relax"]
        ids.append({step.id for step in steps})
        options = steps[0].settings["model_options"]
        assert options == {"weights": str(path), "sha256": weights_of(DEFAULT, options)}
    assert ids[0] == ids[1]
    assert not ids[0] & ids[2]
    with pytest.raises(EngineError, match="another file than the study was planned with"):
        check_calculator(DEFAULT, {"weights": str(path), "sha256": "0" * 64})


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ("{folder}/none.pth", "cannot be read .No such file"),
        ("{folder}", "cannot be read .Is a directory"),
        ("{folder}/cut.pth", "is cut off or holds no weights"),
        ("own.pth", "absolute path"),
        ("[1]", "absolute path"),
    ],
)
def test_own_weights_that_cannot_be_read_are_refused_by_the_plan(
    tmp_path: Path, weights: str, words: str
) -> None:
    damaged(tmp_path / "cut.pth")
    study = study_with(weights.format(folder=tmp_path))
    with pytest.raises(EngineError, match=words) as told:
        planned(study, tmp_path)
    assert "\n" not in str(told.value)


def test_own_weights_of_a_known_checksum_are_planned_where_they_are_not(tmp_path: Path) -> None:
    options = f"{{weights: {tmp_path}/elsewhere.pth, sha256: {'a' * 64}}}"
    lacks = planned(ADATOMS + f"settings: {{relax: {{model_options: {options}}}}}\n", tmp_path)
    assert any("elsewhere.pth cannot be read" in text for text in lacks)


def test_weights_of_another_network_are_one_sentence(tmp_path: Path) -> None:
    path = trained("sevennet-0", tmp_path / "own.pth", 1.0)
    with pytest.raises(EngineError, match="another model's") as told:
        make_calculator(DEFAULT, {"weights": str(path)})
    assert "\n" not in str(told.value)


def test_the_page_says_what_is_declared() -> None:
    page = (Path(__file__).resolve().parents[4] / "docs" / "potentials.md").read_text()
    cells = [line.split("|") for line in page.splitlines() if line.startswith("| `")]
    rows = {row[1].split("`")[1]: row for row in cells if len(row) == 8}
    assert rows.keys() == potentials().keys()
    for name, potential in potentials().items():
        _, _, functional, ms, mb, extra, source, _ = (cell.strip() for cell in rows[name])
        assert functional.replace("`", "") == potential.functional
        assert (float(ms), float(mb)) == (potential.cost.ms_per_atom, potential.cost.mb_per_atom)
        assert extra == f"`{potential.extra}`"
        assert "same" in source or "as " in source or potential.citation.startswith(source)

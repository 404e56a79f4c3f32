"""What the engines declare is true of them, and their inputs are decided once."""

from __future__ import annotations

from pathlib import Path

import pytest
from ase import Atoms
from typer.testing import CliRunner

from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import EngineError
from natriface.workflows.cli import app
from natriface.workflows.engines.base import engine, engine_names
from natriface.workflows.engines.gpaw.settings import GpawSettings
from natriface.workflows.engines.machine import Machine
from natriface.workflows.engines.potential.settings import PotentialSettings
from natriface.workflows.engines.vasp import inputs as vasp
from natriface.workflows.engines.vasp.incar.settings import VaspKeys
from natriface.workflows.engines.vasp.incar.tags import known_tags
from natriface.workflows.plan import KINDS, Step
from natriface.workflows.queues.limits import QueueLimits
from natriface.workflows.queues.resources import resources

SETTINGS = {
    "gpaw": set(GpawSettings.model_fields),
    "potential": set(PotentialSettings.model_fields),
    "vasp": {*VaspKeys.model_fields, *known_tags()},
}
STUDY = """
name: small
title: Na on NaF
engine: vasp
substrates:
  NaF: {phase: NaF, miller: [1, 0, 0], layers: 2, frozen_angstrom: 1.0}
films:
  Na: {phase: Na, miller: [1, 0, 0], layers: 2}
interfaces: {max_area_angstrom2: 100, max_strain_percent: 8, rounds: 0}
"""


def step(name: str, kind: str) -> Step:
    atoms = Atoms("H2", positions=[[0, 0, 0], [0, 0, 0.75]], cell=[5, 5, 5], pbc=True)
    return Step(
        name="H2", kind=kind, engine=name, protocol="li2025", settings={}, n_atoms=2,
        structure=to_document(atoms),
    )  # fmt: skip


def test_each_folder_is_an_engine() -> None:
    assert set(engine_names()) >= {"gpaw", "potential", "vasp"}
    for name in SETTINGS:
        assert engine(name).name == name


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_that_do_not_decide_an_energy_are_settings(name: str) -> None:
    declared = engine(name).capabilities
    assert declared.path_settings <= SETTINGS[name]
    assert declared.charge == ("charge_e" in SETTINGS[name])


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_it_cannot_do_is_refused_first(name: str, kind: str) -> None:
    if kind in engine(name).capabilities.kinds:
        engine(name).capabilities.require_kind(step(name, kind))
        return
    with pytest.raises(EngineError, match=f"^H2: engine {name} cannot do {kind!r}, only ") as told:
        engine(name).check(step(name, kind))
    able = str(told.value).partition("; choose engine ")[2].removesuffix(" for it").split(" or ")
    assert all(kind in engine(other).capabilities.kinds for other in able)


def test_the_kind_that_computes_bonds_is_its_own() -> None:
    for name in ("gpaw", "vasp"):
        assert engine(name).capabilities.bonding in engine(name).capabilities.kinds


def test_programs_in_parallel_take_the_machines_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.yaml"
    monkeypatch.setenv("NATRIFACE_CONFIG", str(config))
    limits = QueueLimits(cores_per_node=8, max_nodes=1)
    estimate = engine("potential").estimate(step("potential", "static"))
    found = {}
    for text in ("cores: 4\n", "cores: 4\ngpaw_command: mpiexec python\n"):
        config.write_text(text)
        for name in SETTINGS:
            needs = resources("H2", name, estimate, limits)
            found[name, "mpiexec" in text] = (needs.tasks, needs.cores_per_task)
    assert found["vasp", False] == found["vasp", True] == found["gpaw", True] == (4, 1)
    assert found["gpaw", False] == (1, 4)
    assert found["potential", False] == found["potential", True] == (1, 1)


def test_vasps_inputs_are_decided_once_a_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decided: list[str] = []
    decide = vasp._decide

    def counted(step: Step, atoms: Atoms, machine: Machine, folder: Path | None) -> object:
        decided.append(step.name)
        return decide(step, atoms, machine, folder)

    monkeypatch.setattr(vasp, "_decide", counted)
    monkeypatch.setattr(vasp, "_decided", {})
    path = tmp_path / "small.yaml"
    path.write_text(STUDY)
    for command in (["plan", str(path)], ["inputs", str(path), "-o", str(tmp_path / "out")]):
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
    assert len(decided) == len(set(decided)) == 7

"""Starts by annealing: the same from the same seed, killed or not, at the temperature asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc100
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms

from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import EngineError
from natriface.workflows.engines.base import (
    EndedEarlyError,
    engine,
    prepare_folder,
    request_end,
    withdraw_end_request,
)
from natriface.workflows.engines.potential.annealing import Annealing, anneal
from natriface.workflows.engines.potential.stress_test import STRESS_STEPS
from natriface.workflows.plan import Step
from tests.standins.standin_potential import PairPotential


def slab() -> Atoms:
    atoms = fcc100("Cu", (2, 2, 3), vacuum=8.0)
    atoms.pbc = True
    atoms.set_tags(0)
    atoms.set_constraint(FixAtoms(indices=[0, 1]))
    atoms.calc = EMT()
    return atoms


def annealed(folder: Path, **settings: Any) -> Atoms:
    folder.mkdir(exist_ok=True)
    atoms = slab()
    anneal(
        folder,
        atoms,
        Annealing(**{"picoseconds": 0.06, **settings}),
        lambda: float(atoms.get_potential_energy()),
        "EMT",
    )
    return atoms


def test_a_seed_decides_where_it_ends(tmp_path: Path) -> None:
    one, same, other = (
        annealed(tmp_path / name, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert (one.positions == same.positions).all()
    assert np.abs(one.positions - other.positions).max() > 0.01
    assert (one.positions[:2] == slab().positions[:2]).all()  # held


def test_an_interrupted_annealing_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    whole = annealed(tmp_path / "whole", seed=3)
    cut = tmp_path / "cut"
    cut.mkdir()
    for _ in range(STRESS_STEPS + 5):
        request_end(cut)
        with pytest.raises(EndedEarlyError):
            annealed(cut, seed=3)
    withdraw_end_request(cut)
    assert np.allclose(annealed(cut, seed=3).positions, whole.positions, atol=1e-10)
    assert (annealed(cut, seed=3).positions == annealed(cut, seed=3).positions).all()  # done


@pytest.mark.slow
def test_the_temperature_is_that_asked_for(tmp_path: Path) -> None:
    atoms = bulk("Cu", cubic=True).repeat(2)
    atoms.calc = EMT()
    heats = []

    class Watched(EMT):  # type: ignore[misc]
        def calculate(self, *arguments: Any, **options: Any) -> None:
            super().calculate(*arguments, **options)
            heats.append(atoms.get_temperature())

    atoms.calc = Watched()
    anneal(
        tmp_path,
        atoms,
        Annealing(kelvin=600, picoseconds=1.5, timestep_fs=3),
        lambda: float(atoms.get_potential_energy()),
        "EMT",
    )
    mean = np.mean(heats[len(heats) // 3 :])
    assert mean == pytest.approx(600, rel=0.15)  # 96 degrees of freedom


def test_what_the_potential_does_not_know_is_refused(tmp_path: Path) -> None:
    atoms = slab()
    atoms.set_constraint()
    atoms.positions[1] = atoms.positions[0] + (0, 0, 1.2)
    with pytest.raises(EngineError, match="beyond what the potential knows"):
        anneal(tmp_path, atoms, Annealing(), lambda: float(atoms.get_potential_energy()), "EMT")


def test_a_step_anneals_before_it_relaxes(tmp_path: Path) -> None:
    atoms = bulk("NaCl", "rocksalt", a=5.2, cubic=True)
    atoms.calc = PairPotential()
    step = Step(
        name="hot",
        kind="relax",
        engine="potential",
        protocol="none",
        settings={
            "model": "tests.standins.standin_potential:PairPotential",
            "fmax_ev_per_angstrom": 0.05,
            "anneal": {"kelvin": 100, "picoseconds": 0.02, "seed": 5},
        },
        n_atoms=len(atoms),
        structure=to_document(atoms),
    )
    potential = engine("potential")
    potential.check(step)
    cold = step.model_copy(
        update={"settings": {k: v for k, v in step.settings.items() if k != "anneal"}}
    )
    assert potential.estimate(step).core_seconds > potential.estimate(cold).core_seconds
    prepare_folder(tmp_path, step, atoms)
    potential.write(tmp_path)
    potential.run(tmp_path)
    result = potential.read(tmp_path)
    assert result.status == "converged"
    assert result.convergence.n_ionic_steps
    assert result.stress_test is not None
    assert result.stress_test.n_steps == STRESS_STEPS
    assert np.allclose(result.initial_atoms().positions, atoms.positions)
    wrong = step.model_copy(update={"settings": {"anneal": {"kelvin": -5}}})
    with pytest.raises(EngineError, match=r"anneal\.kelvin"):
        potential.check(wrong)

"""Molecular dynamics: killed and gone on is undisturbed, NVE keeps energy, NVT the temperature."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.harmonic import HarmonicCalculator, HarmonicForceField
from ase.io import read
from hypothesis import given
from hypothesis import strategies as st

from natriface.analysis.results.result import Result
from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import EngineError
from natriface.workflows.engines.base import (
    EndedEarlyError,
    engine,
    prepare_folder,
    request_end,
    withdraw_end_request,
)
from natriface.workflows.engines.potential import molecular_dynamics
from natriface.workflows.engines.potential.molecular_dynamics import (
    DYNAMICS_FILE,
    MdSettings,
    run_dynamics,
)
from natriface.workflows.engines.potential.stress_test import STRESS_STEPS
from natriface.workflows.engines.relaxation import TRAJECTORY_FILE
from natriface.workflows.plan import Step
from tests.paths import child_path
from tests.standins.standin_potential import PairPotential

SHORT = {"ramp_picoseconds": 0.02, "equilibration_picoseconds": 0.02, "picoseconds": 0.06}


def salt(repeats: int = 1) -> Atoms:
    return bulk("NaCl", "rocksalt", a=5.2, cubic=True).repeat(repeats)


def step(model: str = "tests.standins.standin_potential:PairPotential", **settings: Any) -> Step:
    atoms = salt()
    chosen = {"model": model, "kelvin": 300, "interval_fs": 6, **SHORT, **settings}
    return Step(
        name="salt", kind="md", engine="potential", protocol="none", settings=chosen,
        n_atoms=len(atoms), structure=to_document(atoms),
    )  # fmt: skip


def prepared(folder: Path, asked: Step) -> Path:
    prepare_folder(folder, asked, asked.atoms())
    engine("potential").write(folder)
    return folder


def done(folder: Path) -> Result:
    engine("potential").run(folder)
    return engine("potential").read(folder)


def test_one_that_is_asked_to_end_goes_on_to_the_last_digit(tmp_path: Path) -> None:
    whole = done(prepared(tmp_path / "whole", step()))
    cut = prepared(tmp_path / "cut", step())
    for _ in range(120):
        request_end(cut)
        with pytest.raises(EndedEarlyError):
            engine("potential").run(cut)
        withdraw_end_request(cut)
    assert engine("potential").read(cut).status == "truncated"
    again = done(cut)
    assert again.final_structure == whole.final_structure
    assert again.dynamics == whole.dynamics
    one, other = (tmp_path / name / TRAJECTORY_FILE for name in ("whole", "cut"))
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.slow
def test_one_that_is_killed_goes_on_to_the_last_digit(tmp_path: Path) -> None:
    slow = step(picoseconds=0.6)
    whole = done(prepared(tmp_path / "whole", slow))
    cut = prepared(tmp_path / "cut", slow)
    code = (
        "import sys; from pathlib import Path\n"
        "from natriface.workflows.engines.potential import molecular_dynamics\n"
        "from natriface.workflows.engines.base import engine\n"
        "molecular_dynamics.CHECKPOINT_INTERVAL_S = 0.02\n"
        "engine('potential').run(Path(sys.argv[1]))"
    )
    for _ in range(1):
        before = (cut / DYNAMICS_FILE).stat().st_mtime_ns if (cut / DYNAMICS_FILE).exists() else 0
        child = subprocess.Popen(
            [sys.executable, "-c", code, str(cut)], env=os.environ | {"PYTHONPATH": child_path()}
        )
        while child.poll() is None:
            time.sleep(0.01)
            if (cut / DYNAMICS_FILE).exists() and (
                (cut / DYNAMICS_FILE).stat().st_mtime_ns > before
            ):
                time.sleep(0.03)  # steps and frames that no checkpoint knows
                child.send_signal(signal.SIGKILL)
                child.wait()
        assert child.returncode == -signal.SIGKILL
    again = done(cut)
    assert again.final_structure == whole.final_structure
    assert again.dynamics == whole.dynamics
    one, other = (tmp_path / name / TRAJECTORY_FILE for name in ("whole", "cut"))
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("timestep_fs", [1.0, 2.0])
def test_without_friction_the_energy_stays(tmp_path: Path, timestep_fs: float) -> None:
    atoms = salt()
    atoms.calc = PairPotential()

    settings = MdSettings(
        kelvin=300, timestep_fs=timestep_fs, friction_per_fs=0, ramp_picoseconds=0,
        equilibration_picoseconds=0.1, picoseconds=0.6, interval_fs=timestep_fs,
    )  # fmt: skip
    run, _ = run_dynamics(tmp_path, atoms, settings, lambda: 0.0, "pair")
    kinetic = 1.5 * (len(atoms) - 1) * 8.617333e-5 * np.array(run.kelvins)
    totals = np.array(run.energies_ev) + kinetic
    times = np.array(run.times_ps)
    drift = np.polyfit(times[times > 0.1], totals[times > 0.1], 1)[0] / len(atoms)
    assert abs(drift) < 1e-3
    assert np.ptp(run.energies_ev) / len(atoms) > 10 * np.ptp(totals) / len(atoms)


@pytest.mark.slow
def test_the_temperature_is_reached_in_a_harmonic_crystal(tmp_path: Path) -> None:
    """Kinetic and potential energy hold 1/2 k_B T a degree of freedom each."""
    kelvin, n = 400.0, 32
    atoms = salt().repeat((2, 2, 1))
    before = atoms.get_center_of_mass()
    stiffness = 3.0 * np.eye(3 * n)
    field = HarmonicForceField(ref_atoms=atoms.copy(), ref_energy=0.0, hessian_x=stiffness)
    atoms.calc = HarmonicCalculator(field)
    settings = MdSettings(
        kelvin=kelvin, timestep_fs=2, picoseconds=1.2, equilibration_picoseconds=0.4,
        friction_per_fs=0.02, interval_fs=10,
    )  # fmt: skip
    run, tested = run_dynamics(tmp_path, atoms, settings, lambda: 0.0, "harmonic")
    free = 3 * (n - 1)  # the centre of mass is held
    assert run.mean_kelvin == pytest.approx(kelvin, rel=0.08)
    kept = [e for t, e in zip(run.times_ps, run.energies_ev, strict=True) if t > 0.9]
    assert np.mean(kept) == pytest.approx(free / 2 * 8.617333e-5 * kelvin, rel=0.12)
    assert run.sd_kelvin / kelvin == pytest.approx(np.sqrt(2 / free), rel=0.4)
    assert run.kelvins[0] < 200  # of the ramp
    assert abs(tested.drift_ev_per_atom_ps) < 1e-3
    assert np.allclose(atoms.get_center_of_mass(), before, atol=1e-6)


def test_a_seed_decides_the_way(tmp_path: Path) -> None:
    first, same, other = (
        done(prepared(tmp_path / name, step(seed=seed))).final_atoms().positions
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert (first == same).all()
    assert np.abs(first - other).max() > 1e-3


class Bursting(PairPotential):
    """A pair potential that tears the crystal apart after the stress test and 20 steps more."""

    def calculate(self, *arguments: Any, **options: Any) -> None:
        super().calculate(*arguments, **options)
        self.calls = getattr(self, "calls", 0) + 1
        if self.calls > STRESS_STEPS + 20:
            self.results["forces"] = -60 * self.results["forces"]


class Exploding(PairPotential):
    def calculate(self, *arguments: Any, **options: Any) -> None:
        super().calculate(*arguments, **options)
        self.results["forces"] = -20 * self.results["forces"]


def test_a_potential_that_explodes_is_caught_before_it_begins(tmp_path: Path) -> None:
    folder = prepared(tmp_path, step(f"{__name__}:Exploding", kelvin=600))
    with pytest.raises(EngineError, match=r"^salt: .*Exploding on Cl4Na4 fails the stress test"):
        engine("potential").run(folder)
    assert engine("potential").read(folder).status == "truncated"


def test_a_potential_that_explodes_later_is_caught_and_named(tmp_path: Path) -> None:
    folder = prepared(tmp_path, step(f"{__name__}:Bursting", picoseconds=5))
    with pytest.raises(
        EngineError,
        match=r"^salt: .*Bursting: molecular dynamics at 300 K came to .* beyond what the",
    ):
        engine("potential").run(folder)
    assert engine("potential").read(folder).status == "truncated"


def test_a_trajectory_that_would_fill_the_disk_is_refused() -> None:
    with pytest.raises(EngineError, match=r"salt: the trajectory would take .* raise interval_fs"):
        engine("potential").check(step(picoseconds=1000, interval_fs=2, max_trajectory_mb=20))


@given(interval_fs=st.floats(2, 100), n=st.integers(1, 3), picoseconds=st.floats(0.01, 0.05))
def test_the_trajectory_is_no_larger_than_was_said(
    tmp_path_factory: pytest.TempPathFactory, interval_fs: float, n: int, picoseconds: float
) -> None:
    folder = tmp_path_factory.mktemp("md")
    atoms = salt()[:n]
    atoms.positions += 9999.0
    atoms.calc = PairPotential()
    settings = MdSettings(
        kelvin=10, picoseconds=picoseconds, interval_fs=interval_fs,
        ramp_picoseconds=0, equilibration_picoseconds=0.01,
    )  # fmt: skip
    state: dict[str, Any] = {"n_steps": 0, "frames": []}
    for k in range(0, settings.n_all + settings.every, settings.every):
        state["n_steps"] = k
        molecular_dynamics._add_frame(folder, atoms, settings, state)
    size = (folder / TRAJECTORY_FILE).stat().st_size * 1e-6
    room = settings.model_copy(update={"max_trajectory_mb": 0.999 * size})
    with pytest.raises(EngineError):
        room.require_room(n)


def test_frames_say_when_they_are_and_what_of(tmp_path: Path) -> None:
    asked = step()
    result = done(prepared(tmp_path, asked))
    assert result.status == "converged"
    assert result.kind == "md"
    assert result.stress_test is not None
    run = result.dynamics
    assert run is not None
    frames = read(tmp_path / result.files["trajectory"], index=":")
    assert [f.info["picoseconds"] for f in frames] == pytest.approx(run.times_ps)
    assert run.times_ps[-1] == pytest.approx(run.ends_ps) == pytest.approx(0.1)
    assert run.production_starts_ps == pytest.approx(0.04)
    assert [bool(f.info["production"]) for f in frames] == [t > 0.0399 for t in run.times_ps]
    assert np.allclose(frames[-1].positions, result.final_atoms().positions, atol=1e-7)
    assert result.energy_ev == pytest.approx(run.energies_ev[-1])
    cost = engine("potential").estimate
    longer = asked.model_copy(update={"settings": {**asked.settings, "picoseconds": 5.0}})
    assert cost(longer).core_seconds > cost(asked).core_seconds

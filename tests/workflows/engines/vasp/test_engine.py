"""The VASP engine with the stand-in: every kind, every fault; recovered or reported."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from ase.io import read

from natriface.analysis.results.result import Result
from natriface.structures.base.errors import EngineError
from natriface.workflows.engines.base import EndedEarlyError, request_end, withdraw_end_request
from natriface.workflows.engines.vasp.engine import ENGINE
from natriface.workflows.engines.vasp.motion import at_temperature
from natriface.workflows.engines.vasp.running.handlers import STARTED_INCAR, Unconverged
from tests.workflows.engines.vasp.vasp_tools import (
    largest_free_force,
    n_starts,
    small_crystal,
    small_step,
    use_standins,
    written,
)

pytestmark = pytest.mark.slow


def ran(folder: Path, **overrides: Any) -> Path:
    ENGINE.run(written(folder, small_step(**overrides)))
    return folder


def test_relaxation_comes_back_in_the_steps_own_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_standins(monkeypatch, tmp_path)
    folder = ran(tmp_path / "step")
    result = ENGINE.read(folder)
    atoms = small_crystal()
    final = result.final_atoms()
    assert result.status == "converged"
    assert final.get_chemical_symbols() == atoms.get_chemical_symbols()
    assert list(final.get_tags()) == list(atoms.get_tags())
    assert result.final_structure is not None
    assert result.final_structure["fixed"] == [1, 6]
    assert np.allclose(final.positions[[1, 6]], atoms.positions[[1, 6]], atol=1e-7)
    assert np.abs(final.positions - atoms.positions).max() > 0.02
    assert result.forces_ev_per_angstrom is not None
    assert largest_free_force(result.final_structure, result.forces_ev_per_angstrom) < 0.05
    assert result.corrections == []
    assert result.settings == small_step().settings
    assert (result.protocol, result.kind) == ("li2025", "relax")
    assert result.step is not None
    assert result.step.metadata == {"role": "test"}
    sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "standins"))
    try:
        from standin_potential import PairPotential
    finally:
        sys.path.pop(0)
    final.calc = PairPotential()
    assert result.energy_ev == pytest.approx(final.get_potential_energy(), abs=1e-6)
    assert np.allclose(
        result.forces_ev_per_angstrom, final.get_forces(apply_constraint=False), atol=1e-5
    )


def test_reading_needs_no_run_and_running_again_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_standins(monkeypatch, tmp_path)
    folder = ran(tmp_path / "step")
    first = ENGINE.read(folder)
    ENGINE.run(folder)
    (folder / "vasp_end.json").unlink()  # as if the watching process had died at the very end
    ENGINE.run(folder)
    assert ENGINE.read(folder) == first
    assert n_starts(folder) == 1
    assert not (folder / "WAVECAR").exists()


@pytest.mark.parametrize("kind", ["static", "dos", "elf", "md"])
def test_every_kind_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    use_standins(monkeypatch, tmp_path)
    overrides = {"NSW": 4} if kind == "md" else {}
    if kind != "md":
        overrides |= {"NSW": 0}
    folder = ran(tmp_path / "step", kind=kind, **overrides)
    result = ENGINE.read(folder)
    assert (result.status, result.kind) == ("converged", kind)
    assert (folder / "ELFCAR").exists() == (kind == "elf")
    assert (folder / "CHGCAR").exists() == (kind in ("static", "elf"))
    if kind == "md":
        with np.load(folder / "arrays.npz") as arrays:
            assert arrays["positions"].shape == (4, 8, 3)
            assert np.allclose(arrays["positions"][0], small_crystal().get_scaled_positions())


def test_band_runs_and_gives_the_highest_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from natriface.structures.base.atoms import to_document

    use_standins(monkeypatch, tmp_path)
    start = small_crystal()
    start.set_constraint()
    images = []
    for fraction in (0.0, 0.5, 1.0):
        image = start.copy()
        image.positions[0] += fraction * np.array([0.0, 0.0, 0.6])
        images.append(to_document(image))
    step = small_step("neb", start, images=images, NSW=60, EDIFFG=-0.3, vtst=False)
    folder = written(tmp_path / "step", step)
    ENGINE.run(folder)
    result = ENGINE.read(folder)
    assert result.status == "converged", result.reason
    assert result.energies_ev == [result.energy_ev]
    with np.load(folder / "arrays.npz") as arrays:
        assert arrays["image_forces"].shape == (1, 8, 3)
    ENGINE.run(folder)
    assert n_starts(folder) == 1


# ---- faults -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["zbrent", "edddav", "scf"])
def test_recovered_by_itself_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    use_standins(monkeypatch, tmp_path, fault)
    folder = ran(tmp_path / "step", kind="relax")
    result = ENGINE.read(folder)
    assert result.status == "converged"
    assert n_starts(folder) == 2
    assert result.corrections
    word = {"zbrent": "zbrent", "edddav": "edddav", "scf": "ALGO = All"}[fault]
    assert word in " ".join(result.corrections)
    settings = {k: v for k, v in result.settings.items() if k != "EDIFF"}
    assert settings == {k: v for k, v in small_step().settings.items() if k != "EDIFF"}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("killed", "SIGKILL"),
        ("crash", "SIGSEGV"),
        ("empty_contcar", "SIGKILL"),
        ("nan_contcar", "SIGKILL"),
        ("truncated", "cut off"),
        ("disk", "No space left on device"),
    ],
)
def test_reported_and_gone_on_from_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, said: str
) -> None:
    use_standins(monkeypatch, tmp_path, fault)
    folder = written(tmp_path / "step", small_step())
    with pytest.raises(EngineError, match=said) as caught:
        ENGINE.run(folder)
    assert "\n" not in str(caught.value)
    if fault == "disk":
        assert isinstance(caught.value.__cause__, OSError)
    broken = ENGINE.read(folder)
    assert broken.status != "converged"
    assert broken.energy_ev is None
    assert broken.reason
    left = (folder / "CONTCAR").read_text() if (folder / "CONTCAR").exists() else ""
    ENGINE.run(folder)
    result = ENGINE.read(folder)
    assert result.status == "converged"
    assert n_starts(folder) == 2
    assert (folder / "attempt-1" / "OUTCAR").exists()
    if left:
        assert (folder / "attempt-1" / "CONTCAR").read_text() == left
    note = " ".join(result.warnings)
    if fault in ("empty_contcar", "nan_contcar"):
        assert "POSCAR, CONTCAR" in note
        assert (folder / "POSCAR").read_text() == (folder / "attempt-1" / "POSCAR").read_text()
    elif fault != "crash":
        assert "gone on from its CONTCAR" in note
        assert (folder / "POSCAR").read_text() != (folder / "attempt-1" / "POSCAR").read_text()


def test_a_second_failure_keeps_both_attempts_and_the_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_standins(monkeypatch, tmp_path, "killed@always")
    folder = written(tmp_path / "step", small_step())
    for _ in range(2):
        with pytest.raises(EngineError, match="SIGKILL"):
            ENGINE.run(folder)
    monkeypatch.setenv("NATRIFACE_STANDIN_FAULT", "")
    ENGINE.run(folder)
    assert ENGINE.read(folder).status == "converged"
    assert n_starts(folder) == 3
    starts = [(folder / place / "POSCAR").read_text() for place in ("attempt-1", "attempt-2", ".")]
    assert len(set(starts)) == 3


@pytest.mark.parametrize("fault", ["ionic", "scf"])
def test_what_never_converges_is_a_result_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    use_standins(monkeypatch, tmp_path, f"{fault}@always", most_corrections=3)
    folder = written(tmp_path / "step", small_step(NSW=4))
    if fault == "ionic":  # custodian goes on from CONTCAR until it is allowed no more
        with pytest.raises(EngineError, match="given up after"):
            ENGINE.run(folder)
    else:
        ENGINE.run(folder)
    result = ENGINE.read(folder)
    assert result.status == "unconverged"
    assert result.energy_ev is None
    assert result.reason
    assert n_starts(folder) <= 4


def test_consistent_refuses_what_would_change_the_energy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tetrahedron error makes custodian set ISMEAR: robust takes it and says so."""
    vasp = tmp_path / "vasp_with_tet_error"
    standin = Path(__file__).resolve().parents[3] / "standins" / "vasp"
    vasp.write_text(
        "#!/bin/sh\nif grep -q 'ISMEAR = -5' INCAR; then\n"
        "echo 'Tetrahedron method fails for NKPT<4'; echo x >> standin_starts; exit 1\nfi\n"
        f"exec {sys.executable} {standin}\n"
    )
    vasp.chmod(0o755)
    use_standins(monkeypatch, tmp_path, vasp_command=str(vasp))
    static = {"kind": "static", "NSW": 0, "ISMEAR": -5}
    with pytest.raises(EngineError, match="ISMEAR from -5 to 0 would change"):
        ran(tmp_path / "consistent", **static)
    assert "ISMEAR = -5" in (tmp_path / "consistent" / "INCAR").read_text()
    folder = ran(tmp_path / "robust", handlers="robust", **static)
    result = ENGINE.read(folder)
    assert result.status == "converged"
    assert result.settings["ISMEAR"] == 0
    assert "ISMEAR = 0" in " ".join(result.corrections)


def test_what_a_monitor_has_corrected_is_not_corrected_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_standins(monkeypatch, tmp_path, "ionic@always")
    with pytest.raises(EngineError, match="NSW was not enough"):
        ran(tmp_path / "step")
    folder = tmp_path / "step"
    incar = (folder / "INCAR").read_text()
    (folder / STARTED_INCAR).write_text(incar)
    assert Unconverged().check(str(folder))
    (folder / "INCAR").write_text(incar + "ISEARCH = 1\n")
    assert not Unconverged().check(str(folder))


def test_hung_run_is_ended_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_standins(monkeypatch, tmp_path, "hang", silence_hours=10 / 3600)
    folder = ran(tmp_path / "step")
    result = ENGINE.read(folder)
    assert result.status == "converged"
    assert n_starts(folder) == 2
    assert "nothing written" in " ".join(result.corrections)
    assert not alive(folder)


def test_always_hung_run_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_standins(monkeypatch, tmp_path, "hang@always", silence_hours=4 / 3600)
    with pytest.raises(EngineError, match="nothing written"):
        ran(tmp_path / "step")
    assert n_starts(tmp_path / "step") == 2
    assert not alive(tmp_path / "step")


def test_stops_before_the_queues_limit_and_goes_on_in_the_next_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_standins(monkeypatch, tmp_path, stop_before_minutes=1 / 60)
    folder = written(tmp_path / "step", small_step(EDIFFG=-0.01))
    monkeypatch.setenv("NATRIFACE_STANDIN_SECONDS", "1.5")  # an ionic step
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(time.time()) + 20))
    with pytest.raises(EndedEarlyError, match="queue's limit"):
        ENGINE.run(folder)
    result = ENGINE.read(folder)
    assert result.status == "unconverged"
    assert "queue's limit" in str(result.reason)
    assert result.convergence.n_ionic_steps is not None
    assert result.convergence.n_ionic_steps >= 1
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(time.time())))
    with pytest.raises(EndedEarlyError, match="not started"):
        ENGINE.run(folder)
    monkeypatch.delenv("SLURM_JOB_END_TIME")
    monkeypatch.setenv("NATRIFACE_STANDIN_SECONDS", "0")
    ENGINE.run(folder)
    assert ENGINE.read(folder).status == "converged"
    assert n_starts(folder) == 2
    assert "gone on from its CONTCAR" in " ".join(ENGINE.read(folder).warnings)


def test_stops_when_asked_to_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_standins(monkeypatch, tmp_path)
    folder = written(tmp_path / "step", small_step(EDIFFG=-0.01))
    monkeypatch.setenv("NATRIFACE_STANDIN_SECONDS", "0.4")
    request_end(folder)
    with pytest.raises(EndedEarlyError, match="goes on"):
        ENGINE.run(folder)
    assert ENGINE.read(folder).status == "unconverged"
    withdraw_end_request(folder)
    monkeypatch.setenv("NATRIFACE_STANDIN_SECONDS", "0")
    ENGINE.run(folder)
    assert ENGINE.read(folder).status == "converged"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_the_process_that_runs_the_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    use_standins(monkeypatch, tmp_path, "hang")
    folder = written(tmp_path / "step", small_step())
    code = (
        "import sys; from pathlib import Path; "
        "from natriface.workflows.engines.vasp.engine import ENGINE; "
        "ENGINE.run(Path(sys.argv[1]))"
    )
    runner = subprocess.Popen([sys.executable, "-c", code, str(folder)])
    wait_for(lambda: (folder / "OUTCAR").exists() and alive(folder))
    runner.send_signal(number)
    runner.wait()
    wait_for(lambda: not alive(folder))
    monkeypatch.setenv("NATRIFACE_STANDIN_FAULT", "")
    ENGINE.run(folder)
    assert ENGINE.read(folder).status == "converged"


def test_two_that_run_one_folder_run_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_standins(monkeypatch, tmp_path)
    folder = written(tmp_path / "step", small_step())
    code = (
        "import sys; from pathlib import Path; "
        "from natriface.workflows.engines.vasp.engine import ENGINE; "
        "ENGINE.run(Path(sys.argv[1]))"
    )
    both = [subprocess.Popen([sys.executable, "-c", code, str(folder)]) for _ in range(2)]
    assert [process.wait(timeout=600) for process in both] == [0, 0]
    assert n_starts(folder) == 1
    assert ENGINE.read(folder).status == "converged"


def test_scratch_is_brought_back_and_left_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    use_standins(monkeypatch, tmp_path, "killed", scratch=str(scratch))
    folder = written(tmp_path / "step", small_step())
    with pytest.raises(EngineError, match="SIGKILL"):
        ENGINE.run(folder)
    assert (folder / "OUTCAR").exists()
    assert not any(scratch.iterdir())
    ENGINE.run(folder)
    assert ENGINE.read(folder).status == "converged"
    assert not any(scratch.iterdir())
    assert not (folder / "scratch_link").is_symlink()


def test_large_files_are_compressed_and_still_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_standins(monkeypatch, tmp_path, gzip_above_mb=0.001)
    folder = ran(tmp_path / "step")
    assert (folder / "vasprun.xml.gz").exists()
    assert not (folder / "vasprun.xml").exists()
    result = ENGINE.read(folder)
    assert result.status == "converged"
    ENGINE.run(folder)
    assert n_starts(folder) == 1


def test_read_without_any_run_is_a_failed_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_standins(monkeypatch, tmp_path)
    folder = written(tmp_path / "step", small_step())
    result = ENGINE.read(folder)
    assert result.status == "failed"
    assert "not written anything" in str(result.reason)


def test_what_was_run_is_on_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_standins(monkeypatch, tmp_path)
    folder = ran(tmp_path / "step", kind="static", NSW=0)
    ended = json.loads((folder / "vasp_end.json").read_text())
    assert ended["status"] == "ended"
    assert ended["order"]["command"][0] == sys.executable


def alive(folder: Path) -> bool:
    """Whether a process still works in the folder."""
    for process in psutil.process_iter(["cwd", "status"]):
        if process.info["status"] != psutil.STATUS_ZOMBIE and process.info["cwd"] == str(folder):
            return True
    return False


def wait_for(condition: Any, seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


def moved(folder: Path, seed: int = 7, **settings: Any) -> Result:
    """A short run at 300 K, read."""
    tags = {"NSW": 30, "POTIM": 1.0, "equilibration_picoseconds": 0.01, **settings}
    return ENGINE.read(ran(folder, kind="md", **{**at_temperature(300.0, seed), **tags}))


def test_motion_is_a_trajectory_in_the_step_s_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_standins(monkeypatch, tmp_path)
    result = moved(tmp_path / "step")
    assert result.status == "converged", result.reason
    run = result.dynamics
    assert run is not None
    assert (run.kelvin, run.seed, run.thermostat) == (300.0, 7, "Nosé-Hoover")
    assert (run.n_steps_before, run.n_steps) == (10, 20)
    assert run.times_ps == pytest.approx([0.0, 0.02, 0.029])
    said = re.findall(r"T=\s*(\d+)\.", (tmp_path / "step" / "OSZICAR").read_text())
    assert len(said) == 30
    assert run.mean_kelvin == pytest.approx(np.mean([float(x) for x in said[10:]]))
    frames = read(tmp_path / "step" / result.files["trajectory"], index=":")
    assert [bool(frame.info["production"]) for frame in frames] == [False, True, True]
    start = small_crystal()
    assert frames[0].get_chemical_symbols() == start.get_chemical_symbols()
    np.testing.assert_allclose(frames[0].positions, start.positions, atol=1e-6)
    np.testing.assert_allclose(frames[-1].positions, result.final_atoms().positions, atol=1e-4)
    assert np.abs(frames[-1].positions - frames[0].positions).max() < 1.0
    assert run.energies_ev[-1] == pytest.approx(result.energy_ev, abs=1e-6)


def test_seeds_are_unlike_and_repeat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_standins(monkeypatch, tmp_path)
    first, again, other = (
        moved(tmp_path / name, seed).dynamics for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert first == again
    assert first is not None
    assert other is not None
    assert first.energies_ev[-1] != other.energies_ev[-1]


def test_motion_without_production_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_standins(monkeypatch, tmp_path)
    short = moved(tmp_path / "short", equilibration_picoseconds=0.5)
    assert short.dynamics is None
    assert "30 steps end before the 0.5 ps" in str(short.reason)


def interrupted(folder: Path, n_steps: int = 30) -> Path:
    """A short run at 300 K whose first attempt is killed after its third step."""
    tags = {"NSW": n_steps, "POTIM": 1.0, "equilibration_picoseconds": 0.01}
    found = written(folder, small_step("md", **{**at_temperature(300.0, 7), **tags}))
    with pytest.raises(EngineError):
        ENGINE.run(found)
    return found


def test_motion_goes_on_where_it_was_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same course, to the digits that are printed, as of a run that nothing has stopped."""
    use_standins(monkeypatch, tmp_path, fault="killed")
    folder = interrupted(tmp_path / "killed")
    part = ENGINE.read(folder)
    assert part.status == "truncated"
    assert part.dynamics is None
    assert len(read(folder / part.files["trajectory"], index=":")) == 2  # first and last
    ENGINE.run(folder)
    result = ENGINE.read(folder)
    assert result.status == "converged", result.reason
    assert "NSW = 28" in (folder / "INCAR").read_text()  # the third is made again
    assert "RANDOM_SEED = 7 2 0" in (folder / "INCAR").read_text()
    use_standins(monkeypatch, tmp_path)
    whole = moved(tmp_path / "whole")
    assert result.dynamics is not None
    assert whole.dynamics is not None
    assert (result.dynamics.n_steps, result.dynamics.seed) == (20, 7)
    assert result.dynamics.times_ps == whole.dynamics.times_ps
    assert result.dynamics.energies_ev == pytest.approx(whole.dynamics.energies_ev, abs=1e-4)
    for one, other in zip(
        read(folder / result.files["trajectory"], index=":"),
        read(tmp_path / "whole" / whole.files["trajectory"], index=":"),
        strict=True,
    ):
        np.testing.assert_allclose(one.positions, other.positions, atol=1e-4)


@pytest.mark.parametrize("fault", ["cut_contcar", "empty_contcar"])
def test_motion_without_velocities_begins_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    use_standins(monkeypatch, tmp_path, fault=fault)
    folder = interrupted(tmp_path / "step")
    ENGINE.run(folder)
    result = ENGINE.read(folder)
    assert "gone on from its POSCAR, CONTCAR " in result.warnings[0]
    assert "NSW = 30" in (folder / "INCAR").read_text()
    assert result.dynamics is not None
    use_standins(monkeypatch, tmp_path)
    assert result.dynamics == moved(tmp_path / "whole").dynamics


def test_motion_that_went_on_with_new_velocities_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_standins(monkeypatch, tmp_path, fault="killed")
    folder = interrupted(tmp_path / "step")
    ENGINE.run(folder)
    poscar = folder / "POSCAR"
    poscar.write_text("\n".join(poscar.read_text().splitlines()[:17]) + "\n")
    result = ENGINE.read(folder)
    assert (result.status, result.dynamics) == ("converged", None)
    assert "no trajectory in one piece: step began with new velocities" in str(result.reason)

"""Engine gpaw under MPI, in two processes: same results, one set of files, nothing left over."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
from ase import Atoms
from ase.build import bulk

from natriface.analysis.readers.vasp.grid import read_grid
from natriface.analysis.results.result import Result
from natriface.structures.base.errors import EngineError
from natriface.workflows.engines.base import request_end
from natriface.workflows.engines.machine import CONFIG_VARIABLE
from natriface.workflows.engines.relaxation import CHECKPOINT_FILE
from tests.workflows.engines.gpaw.gpaw_tools import ENGINE, make_step, prepared, run

cgpaw = pytest.importorskip("gpaw.cgpaw", reason="GPAW is not installed or could not be built")
LAUNCHER = shutil.which("mpiexec", path=str(Path(sys.executable).parent)) or shutil.which("mpiexec")
pytestmark = [
    pytest.mark.gpaw,
    pytest.mark.slow,
    pytest.mark.skipif(not getattr(cgpaw, "have_mpi", False), reason="GPAW was built without MPI"),
    pytest.mark.skipif(LAUNCHER is None, reason="no mpiexec to start GPAW with"),
]

RUN = "import sys; from pathlib import Path; from natriface.workflows.engines.base import engine; "
RUN += "engine('gpaw').run(Path(sys.argv[1]))"


def salt() -> Atoms:
    return bulk("NaCl", "rocksalt", a=5.69)


@pytest.fixture(scope="module")
def in_parallel(tmp_path_factory: pytest.TempPathFactory) -> Callable[[pytest.MonkeyPatch], None]:
    """Has a test's runs started in two processes."""
    config = tmp_path_factory.mktemp("machine") / "config.yaml"
    config.write_text(f"gpaw_command: {LAUNCHER} -n 2 {sys.executable}\n")

    def apply(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(CONFIG_VARIABLE, str(config))
        # Open MPI refuses to be started by root, as in containers, and more processes than cores
        monkeypatch.setenv("OMPI_ALLOW_RUN_AS_ROOT", "1")
        monkeypatch.setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
        monkeypatch.setenv("PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe")

    return apply


@pytest.fixture(scope="module")
def states(
    tmp_path_factory: pytest.TempPathFactory,
    in_parallel: Callable[[pytest.MonkeyPatch], None],
) -> dict[str, tuple[Path, Result]]:
    """A ground state of NaCl by one process and by two."""
    found = {}
    for name in ("one", "two"):
        folder = tmp_path_factory.mktemp(name)
        with pytest.MonkeyPatch.context() as patch:
            if name == "two":
                in_parallel(patch)
            found[name] = folder, run(folder, make_step(salt(), symmetry="time_reversal"))
    return found


def n_processes(folder: Path) -> int:
    return int(json.loads((folder / "outcome.json").read_text())["n_processes"])


def test_the_energy_is_that_of_one_process(states: dict[str, tuple[Path, Result]]) -> None:
    (one, alone), (two, together) = states["one"], states["two"]
    assert (n_processes(one), n_processes(two)) == (1, 2)
    assert together.converged_energy_ev() == pytest.approx(alone.converged_energy_ev(), abs=1e-6)
    assert together.electronic is not None
    assert alone.electronic is not None
    assert together.electronic.band_gap_ev == pytest.approx(alone.electronic.band_gap_ev, abs=1e-5)
    lines = [len((folder / "progress.log").read_text().splitlines()) for folder in (one, two)]
    assert lines[0] == lines[1]  # a line for each electronic step, not for each process
    assert {path.name for path in one.iterdir()} == {path.name for path in two.iterdir()}
    assert (together.timing.peak_memory_mb or 0) > (alone.timing.peak_memory_mb or 0)


@pytest.mark.parametrize("kind", ["dos", "elf", "bonding"])
def test_what_follows_from_a_state_is_that_of_one_process(
    kind: str,
    states: dict[str, tuple[Path, Result]],
    in_parallel: Callable[[pytest.MonkeyPatch], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, ground = states["two"]
    state = folder / ground.files["state"]
    step = make_step(salt(), kind, symmetry="time_reversal")
    alone = run(tmp_path / "one", step, state)
    in_parallel(monkeypatch)
    together = run(tmp_path / "two", step, state)
    assert (n_processes(tmp_path / "one"), n_processes(tmp_path / "two")) == (1, 2)
    assert together.converged_energy_ev() == pytest.approx(alone.converged_energy_ev(), abs=1e-6)
    names = [{path.name for path in (tmp_path / n).iterdir()} for n in ("one", "two")]
    assert names[0] == names[1]
    if kind == "elf":
        grids = [read_grid(tmp_path / n / "ELFCAR").values for n in ("one", "two")]
        assert np.allclose(*grids, atol=1e-6)
        return
    file = "arrays.npz" if kind == "dos" else "bonding.npz"
    names = ["total_dos", "projected_dos"] if kind == "dos" else ["icohp_ev", "cohp_per_ev"]
    with np.load(tmp_path / "one" / file) as one, np.load(tmp_path / "two" / file) as two:
        for name in names:
            assert np.allclose(one[name], two[name], atol=1e-4), name


def off_center() -> Atoms:
    atoms = bulk("NaCl", "rocksalt", a=5.69)
    atoms.positions[1] += (0.3, 0.15, -0.13)
    return atoms


@pytest.mark.parametrize("end", ["killed", "asked"])
def test_a_relaxation_that_ended_leaves_nothing_running_and_goes_on(
    end: str,
    in_parallel: Callable[[pytest.MonkeyPatch], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    in_parallel(monkeypatch)
    folder = prepared(tmp_path, make_step(off_center(), "relax", fmax_ev_per_angstrom=0.05))
    child = subprocess.Popen([sys.executable, "-c", RUN, str(folder)], stderr=subprocess.PIPE)
    made = _wait_for_steps(folder, child)
    family = psutil.Process(child.pid).children(recursive=True)
    assert len(family) >= 3  # the launcher and two processes
    if end == "killed":
        child.send_signal(signal.SIGKILL)
    else:
        request_end(folder)
    _, errors = child.communicate(timeout=120)
    if end == "asked":
        assert b"EndedEarlyError" in errors
    _, alive = psutil.wait_procs(family, timeout=30)
    assert not alive
    assert ENGINE.read(folder).status == "truncated"
    ENGINE.run(folder)
    result = ENGINE.read(folder)
    assert result.status == "converged"
    assert result.energies_ev[: len(made)] == made
    assert not (folder / CHECKPOINT_FILE).exists()


def _wait_for_steps(folder: Path, child: subprocess.Popen[bytes], least: int = 2) -> list[float]:
    for _ in range(4800):
        assert child.poll() is None, "it ended before it could be ended"
        path = folder / CHECKPOINT_FILE
        if path.exists():
            energies = list(json.loads(path.read_text())["energies_ev"])
            if len(energies) >= least:
                return energies
        time.sleep(0.05)
    raise AssertionError(f"no {least} steps in {folder}")


def test_an_error_of_one_process_ends_them_all_with_its_words(
    states: dict[str, tuple[Path, Result]],
    in_parallel: Callable[[pytest.MonkeyPatch], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    in_parallel(monkeypatch)
    folder, ground = states["two"]
    step = make_step(salt(), "elf", symmetry="time_reversal")
    prepared(tmp_path, step, folder / ground.files["state"])
    (tmp_path / "ELFCAR").mkdir()  # only the first process writes there
    with pytest.raises(EngineError, match="IsADirectoryError"):
        ENGINE.run(tmp_path)


def test_a_process_that_is_killed_ends_the_run(
    in_parallel: Callable[[pytest.MonkeyPatch], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    in_parallel(monkeypatch)
    folder = prepared(tmp_path, make_step(off_center(), "relax"))
    child = subprocess.Popen([sys.executable, "-c", RUN, str(folder)], stderr=subprocess.PIPE)
    _wait_for_steps(folder, child, 1)
    own = [
        process
        for process in psutil.Process(child.pid).children(recursive=True)
        if process.cmdline()[1:2] == ["-P"] and process.cmdline()[-1] == str(folder)
    ]
    own[-1].kill()
    _, errors = child.communicate(timeout=120)
    assert b"GPAW failed" in errors
    assert b"signal 9" in errors

"""What a study cannot ask of contacts in motion is refused before anything is computed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from natriface.analysis.results.moves.md_run import MdRun
from natriface.structures.base.errors import StudyError
from natriface.workflows.parts.dynamics.displacements import group_motions
from natriface.workflows.parts.dynamics.records import ContactRecord, RunRecord, Spread
from natriface.workflows.parts.dynamics.section import outcome
from natriface.workflows.planning import plan_study
from natriface.workflows.study import load_study
from tests.structures.interfaces.contact import contact

INTERFACES = """
substrates: {NaF: {phase: NaF, miller: [1, 0, 0], layers: 1}}
films: {Na: {phase: Na, miller: [1, 0, 0], layers: 2}}
interfaces: {max_strain_percent: 10}
quantities: [integrity]
"""


def planned(folder: Path, text: str) -> int:
    path = folder / "study.yaml"
    path.write_text(f"name: motion\ntitle: Motion\n{text}")
    return len(plan_study(load_study(path), folder, to_run=False))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dynamics: {kelvin: [300]}", "give substrates and films"),
        (INTERFACES + "dynamics: {kelvin: [300, 300]}", "stands there twice"),
        (INTERFACES + "dynamics: {seeds: 0}", "seeds"),
        (INTERFACES + "engine: gpaw\ndynamics: {}", "engine gpaw moves nothing at a temperature"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        planned(tmp_path, text)


def test_a_run_is_planned_for_each_temperature_and_seed(tmp_path: Path) -> None:
    alone = planned(tmp_path, INTERFACES)
    moved = planned(tmp_path, INTERFACES + "dynamics: {kelvin: [300, 600, 900], seeds: 3}")
    assert moved == alone + 9


def test_on_vasp_a_run_is_told_by_its_own_tags(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    asked = "engine: vasp\ndynamics: {kelvin: [450], seeds: 1}"
    path.write_text(f"name: motion\ntitle: Motion\n{INTERFACES}{asked}")
    plan = plan_study(load_study(path), tmp_path, to_run=False)
    (run,) = [step for step in plan.walk() if step.kind == "md"]
    own = {name: run.settings[name] for name in ("TEBEG", "TEEND", "RANDOM_SEED", "IBRION")}
    assert own == {"TEBEG": 450.0, "TEEND": 450.0, "RANDOM_SEED": [1, 0, 0], "IBRION": 0}


def run_of_a_liquid_film(seed: int, n_frames: int = 121) -> RunRecord:
    """Units rattle, the film walks in the plane, all drifts; ten frames of equilibration."""
    start = contact()
    random = np.random.default_rng(seed)
    film = start.get_tags() == 2
    walk = np.zeros((n_frames, len(start), 3))
    walk[:, film, :2] = random.normal(0, 0.7, (n_frames, int(film.sum()), 2)).cumsum(axis=0)
    walk[:, ~film] = random.normal(0, 0.1, (n_frames, int((~film).sum()), 3))
    walk -= walk[0]
    walk += np.linspace(0, 30, n_frames)[:, None, None]
    frames = []
    for k, moved in enumerate(walk):
        frame = start.copy()
        frame.positions += moved
        frame.info = {"production": k >= 10}
        frames.append(frame)
    times = [0.02 * k for k in range(n_frames - 1)] + [0.02 * n_frames - 0.03]  # a short last one
    run = MdRun(
        kelvin=600, timestep_fs=1, seed=seed, n_steps_before=200, n_steps=2200, times_ps=times,
        kelvins=[600.0] * n_frames, energies_ev=[0.0] * n_frames, mean_kelvin=600, sd_kelvin=1,
    )  # fmt: skip
    return RunRecord(seed, run=run, start=start, end=frames[-1], frames=frames)


def test_a_liquid_film_moves_and_units_rattle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kinisi.diffusion", None)
    runs = [run_of_a_liquid_film(seed) for seed in (1, 2)]
    found = {(x.group, x.directions): x for x in group_motions(ContactRecord("x", 600, runs))}
    film = found["Na, film", "in plane"]
    # 109 intervals of 0.02 ps, half of them 1.08; in two directions, less the film's own drift
    assert film.after_ps == pytest.approx(1.08)
    assert film.msd_angstrom2 == pytest.approx(2 * 54 * 0.7**2, rel=0.15)
    assert film.hop_angstrom == pytest.approx(4.2 * 3**0.5 / 2, abs=0.01)
    assert film.status == "not computed"
    assert "natriface[diffusion]" in str(film.reason)
    assert found["Na, film", "normal"].msd_angstrom2 == pytest.approx(0, abs=1e-9)
    oxygen = found["O, substrate", "normal"]
    assert oxygen.status == "below a hop"
    assert oxygen.msd_angstrom2 < 0.1
    assert found["P, substrate", "in plane"].reason is not None


def broken(pair: str, **bonds: tuple[int, list[float]]) -> ContactRecord:
    """A contact with bonds of each kind, and how many of them each run has broken."""
    record = ContactRecord(pair, 600)
    record.__dict__["bonds"] = {
        kind.replace("_", "-"): (n, Spread.of(lost), Spread.of([0.0, 0.0]))
        for kind, (n, lost) in bonds.items()
    }
    return record


def test_broken_bonds_count_beyond_what_runs_differ_by() -> None:
    whole = broken("A", P_O=(16, [0.0, 0.0]), Zr_O=(38, [0.2, 0.6]))  # swings past its limit
    torn = broken("B", P_O=(16, [3.0, 5.0]), Na_F=(1, [0.0, 1.0]))  # one run of two: no verdict
    worse = broken("C", Zr_O=(4, [2.0, 2.2]))
    assert outcome([whole, whole]) == [
        "In none of 2 contacts are on average more than 0.5 bonds of a kind broken, and more than "
        "runs differ by."
    ]
    assert outcome([whole, torn, worse]) == [
        "In 2 of 3 contacts more bonds are broken than runs differ by, the largest share Zr-O of C "
        "at 600 K: 2.1 ± 0.1 of 4 (2 runs)."
    ]
    single = broken("D", P_O=(16, [9.0]))
    assert outcome([single, whole, whole])[0].startswith("In none of 3 contacts")

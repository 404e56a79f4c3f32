"""Rigid scans: the best registry where it is known, killed or not, with forces or without."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.data import covalent_radii

from natriface.analysis.results.moves.rigid_scan import RigidScan
from natriface.structures.base.atom_tags import FILM_TAG, SUBSTRATE_TAG
from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import EngineError
from natriface.structures.crystals.phases import load_phase
from natriface.structures.interfaces.restacking import slide_film
from natriface.workflows.engines.base import (
    EndedEarlyError,
    engine,
    prepare_folder,
    request_end,
    withdraw_end_request,
)
from natriface.workflows.engines.potential.calculators import make_calculator
from natriface.workflows.engines.potential.scanning import (
    MAX_POINTS,
    SCAN_FILE,
    Scan,
    energy_ev,
    scan_rigidly,
)
from natriface.workflows.plan import Step
from tests.standins.standin_potential import (
    CUTOFF_ANGSTROM,
    DEPTH_EV,
    STEEPNESS_PER_ANGSTROM,
    PairPotential,
)

EDGE = 2.9
QUARTERS = tuple(itertools.product((0.0, 0.25, 0.5, 0.75), repeat=2))
SCAN = Scan(shifts=QUARTERS, lifts_angstrom=(-0.2, 0.0))
TOUCHING = 2 * covalent_radii[29]


def monolayers() -> Atoms:
    """A square lattice of Cu on another, built on top."""
    atoms = Atoms("Cu2", [(0, 0, 5), (0, 0, 5 + TOUCHING)], cell=[EDGE, EDGE, 20.0], pbc=True)
    atoms.set_tags([SUBSTRATE_TAG, FILM_TAG])
    return atoms


def morse_sum(shift: Sequence[float], gap: float) -> float:
    """Energy of a film's atom with all of the substrate's, a sum over the lattice."""
    total = 0.0
    for i, j in itertools.product(range(-3, 4), repeat=2):
        r = float(np.linalg.norm([(shift[0] + i) * EDGE, (shift[1] + j) * EDGE, gap]))
        if r < CUTOFF_ANGSTROM:
            decay = np.exp(-STEEPNESS_PER_ANGSTROM * (r - TOUCHING))
            total += DEPTH_EV * ((1 - decay) ** 2 - 1) * (1 - (r / CUTOFF_ANGSTROM) ** 4) ** 2
    return total


def test_the_hollow_of_a_square_lattice_is_the_best_registry(tmp_path: Path) -> None:
    found = scan_rigidly(tmp_path, monolayers(), SCAN, PairPotential())
    ranked = found.ranked()
    assert len(ranked) == len(QUARTERS)
    assert ranked[0].shift == (0.5, 0.5)
    assert {ranked[1].shift, ranked[2].shift, ranked[3].shift, ranked[4].shift} == {
        (0.5, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 0.5)
    }  # fmt: skip
    assert ranked[-1].shift == (0.0, 0.0)
    for point in found.points:
        assert point.energy_ev is not None
        assert point.gap_angstrom is not None
        bound = point.energy_ev - found.substrate_ev - found.film_ev
        assert bound == pytest.approx(morse_sum(point.shift, point.gap_angstrom), abs=1e-9)
        if point.lift_angstrom == 0:  # the nearest atoms touch
            across = np.linalg.norm([EDGE * min(x, 1 - x) for x in point.shift])
            assert np.hypot(across, point.gap_angstrom) == pytest.approx(TOUCHING, abs=1e-9)


class KilledError(Exception):
    pass


class Killed(PairPotential):
    """Counts its calls, and is killed at one of them."""

    def __init__(self, at: int = -1) -> None:
        super().__init__()
        self.at, self.n_calls = at, 0

    def calculate(self, *arguments: Any, **options: Any) -> None:
        if self.n_calls == self.at:
            raise KilledError
        self.n_calls += 1
        super().calculate(*arguments, **options)


def test_a_killed_scan_goes_on_where_it_was(tmp_path: Path) -> None:
    whole = scan_rigidly(tmp_path, monolayers(), SCAN, PairPotential())
    cut = tmp_path / "cut"
    cut.mkdir()
    with pytest.raises(KilledError):
        scan_rigidly(cut, monolayers(), SCAN, Killed(at=20))
    rest = Killed()
    assert scan_rigidly(cut, monolayers(), SCAN, rest) == whole
    assert rest.n_calls == SCAN.n_points + 2 - 20
    (cut / SCAN_FILE).unlink()
    request_end(cut)
    with pytest.raises(EndedEarlyError):
        scan_rigidly(cut, monolayers(), SCAN, PairPotential())
    withdraw_end_request(cut)
    assert scan_rigidly(cut, monolayers(), SCAN, PairPotential()) == whole


@pytest.mark.slow
@pytest.mark.parametrize("lifts", [(0.6, 0.9), (-1.5, -1.2)])
def test_a_shift_is_followed_until_its_best_height_lies_inside(
    tmp_path: Path, lifts: tuple[float, float]
) -> None:
    """From above as from below, to what a scan of all heights finds."""
    narrow = Scan(shifts=QUARTERS, lifts_angstrom=lifts, beyond_angstrom=3.0)
    found = scan_rigidly(tmp_path, monolayers(), narrow, PairPotential())
    (tmp_path / SCAN_FILE).unlink()
    heights = tuple(round(-1.5 + 0.3 * k, 1) for k in range(10))
    wide = Scan(shifts=QUARTERS, lifts_angstrom=heights)
    everything = scan_rigidly(tmp_path, monolayers(), wide, PairPotential()).best_of_shifts()
    for shift, best in found.best_of_shifts().items():
        tried = [point.lift_angstrom for point in found.points if point.shift == shift]
        assert min(tried) < best.lift_angstrom < max(tried)
        assert best.energy_ev == pytest.approx(everything[shift].energy_ev)
    shifts = [point.shift for point in found.points]
    assert shifts == sorted(shifts, key=QUARTERS.index)
    assert len(found.points) < wide.n_points


def test_it_is_followed_no_farther_than_asked_and_goes_on_where_it_was_killed(
    tmp_path: Path,
) -> None:
    bounded = Scan(shifts=QUARTERS, lifts_angstrom=(0.6, 0.9), beyond_angstrom=0.3)
    whole = scan_rigidly(tmp_path, monolayers(), bounded, PairPotential())
    assert min(point.lift_angstrom for point in whole.points) == pytest.approx(0.3)
    n_calls = len(whole.points) + 2
    cut = tmp_path / "cut"
    cut.mkdir()
    with pytest.raises(KilledError):
        scan_rigidly(cut, monolayers(), bounded, Killed(at=n_calls - 3))
    rest = Killed()
    assert scan_rigidly(cut, monolayers(), bounded, rest) == whole
    assert rest.n_calls == 3
    (tmp_path / SCAN_FILE).unlink()
    asked = bounded.model_copy(update={"beyond_angstrom": 0.0})
    unfollowed = scan_rigidly(tmp_path, monolayers(), asked, PairPotential())
    assert len(unfollowed.points) == bounded.n_points


class WithoutForces(Killed):
    """Leaves the forces out where they are not asked for."""

    def energy_alone(self, atoms: Atoms) -> float:
        return float(PairPotential().get_potential_energy(atoms))


def test_forces_are_left_out_where_they_can_be(tmp_path: Path) -> None:
    without = WithoutForces(at=0)
    found = scan_rigidly(tmp_path, monolayers(), SCAN, without)
    (tmp_path / SCAN_FILE).unlink()
    assert found == scan_rigidly(tmp_path, monolayers(), SCAN, PairPotential())


@pytest.mark.potential
@pytest.mark.skipif(find_spec("chgnet") is None, reason="chgnet is not installed")
def test_chgnet_gives_without_forces_what_it_gives_with_them() -> None:
    chgnet = make_calculator("chgnet-0.3.0", {})
    frames = [load_phase(name).atoms for name in ("NaF", "Na", "Na3PO4", "NaF")]
    frames[3].rattle(0.05, seed=2)
    without = [energy_ev(chgnet, frame) for frame in frames]
    assert without == pytest.approx([chgnet.get_potential_energy(x) for x in frames], abs=1e-6)


def step(atoms: Atoms, **changes: Any) -> Step:
    return Step(
        name="scan",
        kind=changes.pop("kind", "static"),
        engine="potential",
        protocol="none",
        settings={
            "model": "tests.standins.standin_potential:PairPotential",
            "scan": {"shifts": QUARTERS, "lifts_angstrom": [0.0, 0.3], **changes},
        },
        n_atoms=len(atoms),
        structure=to_document(atoms),
    )


def test_a_step_scans_and_ends_at_the_lowest(tmp_path: Path) -> None:
    atoms = monolayers()
    asked = step(atoms)
    potential = engine("potential")
    potential.check(asked)
    plain = asked.model_copy(update={"settings": {"model": asked.settings["model"]}})
    assert potential.estimate(asked).core_seconds > potential.estimate(plain).core_seconds
    prepare_folder(tmp_path, asked, atoms)
    potential.write(tmp_path)
    potential.run(tmp_path)
    result = potential.read(tmp_path)
    assert result.status == "converged"
    assert isinstance(result.scan, RigidScan)
    best = result.scan.ranked()[0]
    assert result.energy_ev == pytest.approx(best.energy_ev, abs=1e-9)
    lowest = slide_film(atoms, best.shift, best.lift_angstrom)
    assert np.allclose(result.final_atoms().positions, lowest.positions)
    assert np.allclose(result.initial_atoms().positions, atoms.positions)


def test_what_cannot_be_scanned_is_refused(tmp_path: Path) -> None:
    atoms = monolayers()
    potential = engine("potential")
    with pytest.raises(EngineError, match="setting of kind static"):
        potential.check(step(atoms, kind="relax"))
    with pytest.raises(EngineError, match="for each of the 16 shifts"):
        potential.check(step(atoms, near=[[0], [1]]))
    many = np.linspace(0, 1, MAX_POINTS // len(QUARTERS) + 1).tolist()
    with pytest.raises(EngineError, match="more than 1,000: take a wider spacing"):
        potential.check(step(atoms, lifts_angstrom=many))
    with pytest.raises(EngineError, match="none of the 16 points"):
        scan_rigidly(tmp_path, atoms, Scan(shifts=QUARTERS, lifts_angstrom=(-3.0,)), Killed())
    atoms.set_tags(0)
    with pytest.raises(EngineError, match="needs an interface"):
        scan_rigidly(tmp_path, atoms, SCAN, PairPotential())


def test_energies_alone_are_estimated_at_their_own_cost() -> None:
    def seconds(model: str, **settings: Any) -> float:
        step = Step(
            name="x", kind="static", engine="potential", protocol="p", n_atoms=100,
            settings={"model": model, **settings}, structure=to_document(monolayers()),
        )  # fmt: skip
        return engine("potential").estimate(step).core_seconds

    scan = {"scan": SCAN.model_dump()}
    for model, share in (("chgnet-0.3.0", 0.4), ("sevennet-0", 1.0)):
        per_call = (seconds(model) - 0.1) / 1
        assert seconds(model, **scan) - seconds(model) == pytest.approx(
            share * per_call * (SCAN.n_points + 2)
        )

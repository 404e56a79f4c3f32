"""What conserves its energy passes the stress test; what does not, or breaks down, is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc100, surface
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms
from hypothesis import given, settings
from hypothesis import strategies as st

from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import EngineError
from natriface.workflows.engines.base import (
    EndedEarlyError,
    engine,
    prepare_folder,
    request_end,
    withdraw_end_request,
)
from natriface.workflows.engines.potential.annealing import Annealing
from natriface.workflows.engines.potential.stress_test import (
    DRIFT_BOUND_EV_PER_ATOM_PS,
    STRESS_STEPS,
    STRESS_TEST_FILE,
    stress_test,
)
from natriface.workflows.plan import Step
from tests.standins.standin_potential import PairPotential


class Turned(EMT):  # type: ignore[misc]
    """EMT whose forces are turned about z: no gradient of anything."""

    radians = 0.2

    def calculate(self, *arguments: Any, **options: Any) -> None:
        super().calculate(*arguments, **options)
        cos, sin = np.cos(self.radians), np.sin(self.radians)
        x, y, z = self.results["forces"].T
        self.results["forces"] = np.stack([cos * x - sin * y, sin * x + cos * y, z], axis=1)


class FallingOff(PairPotential):
    """A pair potential that pulls atoms together as soon as they leave their places."""

    def calculate(self, *arguments: Any, **options: Any) -> None:
        super().calculate(*arguments, **options)
        self.results["forces"] = -20 * self.results["forces"]


def copper(calculator: Calculator) -> Atoms:
    atoms = fcc100("Cu", (2, 2, 3), vacuum=8.0)
    atoms.pbc = True
    atoms.set_tags(0)
    atoms.calc = calculator
    return atoms


def salt(calculator: Calculator) -> Atoms:
    atoms = bulk("NaCl", "rocksalt", a=5.2, cubic=True)
    atoms.calc = calculator
    return atoms


@pytest.mark.slow
@given(st.integers(0, 1000), st.sampled_from([100.0, 600.0]), st.sampled_from([1.0, 2.0]))
@settings(max_examples=4, deadline=None)
def test_a_potential_that_conserves_its_energy_passes(
    tmp_path_factory: pytest.TempPathFactory, seed: int, kelvin: float, timestep_fs: float
) -> None:
    for atoms in (copper(EMT()), salt(PairPotential())):
        before = atoms.positions.copy()
        annealing = Annealing(kelvin=kelvin, timestep_fs=timestep_fs, seed=seed)
        found = stress_test(tmp_path_factory.mktemp("nve"), atoms, annealing, "analytic")
        assert abs(found.drift_ev_per_atom_ps) < DRIFT_BOUND_EV_PER_ATOM_PS / 2
        assert found.shortest_ratio is not None
        assert found.shortest_ratio > found.shortest_ratio_bound
        assert 0 < found.max_force_ev_per_angstrom < found.force_bound_ev_per_angstrom
        assert (atoms.positions == before).all()
        assert not atoms.get_momenta().any()


def test_a_spread_without_drift_is_the_integrators(tmp_path: Path) -> None:
    """The spread of the energy falls with the square of the timestep."""
    spreads = []
    for timestep_fs in (2.0, 4.0):
        folder = tmp_path / str(timestep_fs)
        folder.mkdir()
        stress_test(folder, copper(EMT()), Annealing(timestep_fs=timestep_fs), "EMT")
        spreads.append(np.ptp(_energies(folder)))
    assert spreads[1] / spreads[0] == pytest.approx(4, rel=0.35)


def _energies(folder: Path) -> list[float]:
    content: dict[str, Any] = json.loads((folder / STRESS_TEST_FILE).read_text())
    energies: list[float] = content["state"]["energies_ev"]
    return energies


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_forces_that_are_no_gradient_are_caught(tmp_path: Path, seed: int) -> None:
    with pytest.raises(
        EngineError, match=r"^Turned on Cu12 fails the stress test .* drift of .* \(bound: 5\)"
    ):
        stress_test(tmp_path, copper(Turned()), Annealing(seed=seed), "Turned")


def test_a_potential_that_explodes_is_caught(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"a force of .* \(bound: 50\)|their covalent radii"):
        stress_test(tmp_path, salt(FallingOff()), Annealing(), "FallingOff")


def test_no_number_is_caught(tmp_path: Path) -> None:
    class Lost(EMT):  # type: ignore[misc]
        def calculate(self, *arguments: Any, **options: Any) -> None:
            super().calculate(*arguments, **options)
            self.results["forces"] = self.results["forces"] * np.nan

    with pytest.raises(EngineError, match=r"an energy of nan|a force of nan"):
        stress_test(tmp_path, copper(Lost()), Annealing(), "Lost")


def test_one_cut_off_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for folder in (whole, cut):
        folder.mkdir()
    once = stress_test(whole, copper(EMT()), Annealing(), "EMT")
    for _ in range(7):
        request_end(cut)
        with pytest.raises(EndedEarlyError):
            stress_test(cut, copper(EMT()), Annealing(), "EMT")
    withdraw_end_request(cut)
    again = stress_test(cut, copper(EMT()), Annealing(), "EMT")
    assert len(_energies(cut)) == STRESS_STEPS
    assert again.drift_ev_per_atom_ps == pytest.approx(once.drift_ev_per_atom_ps, abs=1e-9)


@pytest.mark.parametrize("n_held", [0, 3])
def test_a_drift_is_what_the_moving_atoms_gain_in_time(tmp_path: Path, n_held: int) -> None:
    class Gaining(Calculator):  # type: ignore[misc]
        """No forces, and an energy that rises by 16 ueV with each step of 2 fs."""

        implemented_properties: ClassVar[list[str]] = ["energy", "forces"]

        def calculate(self, *arguments: Any, **options: Any) -> None:
            super().calculate(*arguments, **options)
            self.calls = getattr(self, "calls", 0) + 1
            energy = 16e-6 * self.calls
            self.results = {"energy": energy, "forces": np.zeros((len(self.atoms), 3))}

    atoms = bulk("Cu", cubic=True)
    atoms.calc = Gaining()
    atoms.set_constraint(FixAtoms(indices=range(n_held)))
    try:
        found = stress_test(tmp_path, atoms, Annealing(kelvin=1), "Gaining").drift_ev_per_atom_ps
    except EngineError as error:
        found = float(str(error).split("energy by ")[1].split(" ")[0]) / 1000
    assert found == pytest.approx(0.008 / (4 - n_held), rel=1e-3)


def test_a_step_that_fails_it_says_so_and_has_no_result(tmp_path: Path) -> None:
    atoms = copper(EMT())
    step = Step(
        name="Cu slab, start 2",
        kind="relax",
        engine="potential",
        protocol="none",
        settings={
            "model": f"{__name__}:Turned",
            "anneal": {"kelvin": 600, "picoseconds": 0.02, "seed": 1},
        },
        n_atoms=len(atoms),
        structure=to_document(atoms),
    )
    potential = engine("potential")
    prepare_folder(tmp_path, step, atoms)
    potential.write(tmp_path)
    with pytest.raises(EngineError, match=rf"^Cu slab, start 2: {__name__}:Turned on Cu12 fails"):
        potential.run(tmp_path)
    assert potential.read(tmp_path).status == "truncated"


@pytest.mark.slow
def test_chgnet_passes_on_a_slab_of_sodium_fluoride(tmp_path: Path) -> None:
    pytest.importorskip("chgnet")
    from ase.optimize import LBFGS

    from natriface.workflows.engines.potential.calculators import make_calculator

    atoms = surface(bulk("NaF", "rocksalt", a=4.63, cubic=True), (1, 0, 0), 2, vacuum=8.0)
    atoms.pbc = True
    atoms.calc = make_calculator("chgnet-0.3.0", {})
    LBFGS(atoms, logfile=None).run(fmax=0.05, steps=50)
    found = stress_test(tmp_path, atoms, Annealing(), "chgnet-0.3.0")
    assert abs(found.drift_ev_per_atom_ps) < DRIFT_BOUND_EV_PER_ATOM_PS / 2

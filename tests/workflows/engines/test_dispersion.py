"""Dispersion by key: the same words on all engines, added once, and only where it can be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, graphene

from natriface.analysis.results.comparability import require_like
from natriface.analysis.results.result import Convergence, EngineRecord, Result
from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import AnalysisError, EngineError, UnavailableError
from natriface.workflows.engines import dispersion as module
from natriface.workflows.engines.base import engine
from natriface.workflows.engines.dispersion import DISPERSIONS, dispersion, require_dispersion
from natriface.workflows.engines.gpaw import calculator as gpaw_calculator
from natriface.workflows.engines.gpaw.calculator import GpawCalculator
from natriface.workflows.engines.gpaw.settings import GpawSettings
from natriface.workflows.plan import Step

ADDED = [method for method in DISPERSIONS if method != "none"]


def two_sheets(distance: float) -> Atoms:
    one = graphene()
    other = one.copy()
    other.positions += (*one.positions[1, :2], distance)
    whole = one + other
    whole.cell[2] = (0, 0, distance + 25)
    return whole


def test_what_a_functional_was_not_fitted_with_is_refused() -> None:
    require_dispersion("none", "LDA")
    with pytest.raises(EngineError, match="no parameters for LDA; take PBE"):
        require_dispersion("d3", "LDA")


@pytest.mark.parametrize(("method", "package"), [("d3", "dftd3"), ("d4", "dftd4")])
def test_a_missing_package_is_named(
    monkeypatch: pytest.MonkeyPatch, method: module.Dispersion, package: str
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(UnavailableError, match=f"needs the package {package}: pip install"):
        require_dispersion(method, "PBE")


def test_a_potential_says_who_adds_it() -> None:
    step = Step(
        name="a slab", kind="static", engine="potential", protocol="test", n_atoms=2,
        settings={"dispersion": "d3bj"}, structure=to_document(bulk("NaF", "rocksalt", a=4.6)),
    )  # fmt: skip
    with pytest.raises(EngineError, match=r"a slab: setting 'dispersion'.*gpaw and vasp add"):
        engine("potential").check(step)


def test_energies_with_and_without_it_are_never_subtracted() -> None:
    def of(**settings: str) -> Result:
        return Result(
            kind="static", status="converged", energy_ev=-1.0, protocol="test", settings=settings,
            engine=EngineRecord(name="gpaw", version="1"), convergence=Convergence(),
        )  # fmt: skip

    require_like([of(dispersion="d3"), of(dispersion="d3")])
    for other in (of(), of(dispersion="d4")):
        with pytest.raises(AnalysisError, match="setting dispersion: d3 against"):
            require_like([of(dispersion="d3"), other])


def test_gpaw_adds_it_to_all_it_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    atoms = bulk("NaF", "rocksalt", a=4.6)
    forces, stress = np.array([[0.0, 0.1, 0.2], [0.0, -0.1, -0.2]]), np.arange(6.0)
    asked: list[bool] = []

    def known(*_: object, stress: bool) -> tuple[float, np.ndarray, np.ndarray | None]:
        asked.append(stress)
        return -0.5, forces, np.arange(6.0) if stress else None

    monkeypatch.setattr(gpaw_calculator, "dispersion", known)
    calculator = GpawCalculator(GpawSettings(dispersion="d3bj"), tmp_path)
    calculator.atoms = atoms
    calculator.results = {"energy": -7.0, "free_energy": -7.1, "forces": np.ones((2, 3))}
    calculator._add_dispersion()
    assert calculator.results["energy"] == pytest.approx(-7.5)
    assert calculator.results["free_energy"] == pytest.approx(-7.6)
    assert calculator.results["forces"] == pytest.approx(1 + forces)
    calculator.results = {"energy": -7.0, "stress": np.ones(6)}
    calculator._add_dispersion()
    assert calculator.results["stress"] == pytest.approx(1 + stress)
    assert asked == [False, True]


@pytest.mark.parametrize("method", ADDED)
def test_sheets_attract_by_the_gradient_of_the_energy(method: module.Dispersion) -> None:
    """Two sheets of graphene: PBE's D3 and D4 hold them by 25 to 40 meV an atom."""
    pytest.importorskip("dftd4" if method == "d4" else "dftd3")
    near = two_sheets(3.35)
    energy, forces, _ = dispersion(method, "PBE", near)
    bound = (energy - dispersion(method, "PBE", two_sheets(15.0))[0]) / len(near)
    assert -0.040 < bound < -0.025
    step = 0.005
    up, down = (dispersion(method, "PBE", two_sheets(3.35 + x))[0] for x in (step, -step))
    assert forces[2:, 2].sum() == pytest.approx(-(up - down) / (2 * step), rel=0.01)
    assert forces.sum(axis=0) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("method", ADDED)
def test_the_stress_is_the_slope_of_the_energy(method: module.Dispersion) -> None:
    pytest.importorskip("dftd4" if method == "d4" else "dftd3")
    crystal = bulk("NaF", "rocksalt", a=4.63)
    _, _, stress = dispersion(method, "PBE", crystal, stress=True)
    energies = []
    for strain in (0.001, -0.001):
        strained = crystal.copy()
        strained.set_cell(crystal.cell * (1 + strain), scale_atoms=True)
        energies.append(dispersion(method, "PBE", strained)[0])
    slope = (energies[0] - energies[1]) / 0.002 / crystal.get_volume()
    assert stress is not None
    assert float(stress[:3].sum()) == pytest.approx(slope, rel=0.02)

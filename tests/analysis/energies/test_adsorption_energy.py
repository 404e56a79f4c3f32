"""Adsorption energies: references, what must be alike, and the limit of a full layer."""

from __future__ import annotations

import pytest
from ase import Atoms
from ase.build import add_adsorbate, bulk, fcc111
from ase.calculators.emt import EMT

from natriface.analysis.energies.adsorption_energy import (
    CohesiveEnergy,
    adsorption_energy_against_bulk,
    adsorption_energy_against_isolated_atom,
    moved_to_isolated_atom,
)
from natriface.analysis.results.result import EngineRecord, Result
from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import AnalysisError

N_ATOMS = 9


def result(
    atoms: Atoms, kind: str = "relax", status: str = "converged", **settings: object
) -> Result:
    atoms = atoms.copy()
    atoms.calc = EMT()
    return Result(
        kind=kind,
        status=status,  # type: ignore[arg-type]
        reason=None if status == "converged" else "too few steps",
        engine=EngineRecord(name="potential", version="ase", model="emt"),
        protocol="test",
        settings={"model": "emt", **settings},
        energy_ev=atoms.get_potential_energy(),
        final_structure=to_document(atoms),
    )


def slab(layers: int) -> Atoms:
    return fcc111("Cu", (3, 3, layers), a=3.6, vacuum=10.0, periodic=True)


@pytest.fixture(scope="module")
def bare() -> Result:
    return result(slab(6))


@pytest.fixture(scope="module")
def crystal() -> Result:
    return result(bulk("Cu", a=3.6), kind="static")


@pytest.fixture(scope="module")
def covered() -> Result:
    """One adatom in a hollow."""
    atoms = slab(6)
    add_adsorbate(atoms, "Cu", 2.0, "fcc")
    return result(atoms)


def test_a_full_layer_of_its_own_kind_gains_what_the_bulk_has(
    bare: Result, crystal: Result
) -> None:
    layer = slab(7)
    cell = bare.final_atoms().cell
    layer.set_cell(cell)
    energy = adsorption_energy_against_bulk(result(layer), bare, crystal)
    assert energy.n_adatoms == N_ATOMS
    assert energy.energy_ev == pytest.approx(0.0, abs=0.01)
    assert energy.reference == "bulk"
    assert energy.name == "adsorption energy of Cu against bulk Cu"


def test_references_differ_by_the_cohesive_energy(
    covered: Result, bare: Result, crystal: Result
) -> None:
    atom = result(Atoms("Cu", cell=[12, 12, 12], pbc=True), kind="static")
    bound = adsorption_energy_against_isolated_atom(covered, bare, atom)
    against_bulk = adsorption_energy_against_bulk(covered, bare, crystal)
    cohesive_ev = atom.converged_energy_ev() - crystal.converged_energy_ev()
    assert bound.energy_ev < 0 < against_bulk.energy_ev
    assert against_bulk.energy_ev - bound.energy_ev == pytest.approx(cohesive_ev)
    moved = moved_to_isolated_atom(
        against_bulk, CohesiveEnergy(element="Cu", energy_ev=cohesive_ev, source="EMT, elsewhere")
    )
    assert moved.energy_ev == pytest.approx(bound.energy_ev)
    assert moved.reference == "isolated atom"
    assert "EMT, elsewhere" in moved.corrections[0]
    assert bound.corrections == []
    with pytest.raises(AnalysisError, match="against an isolated Cu atom"):
        moved_to_isolated_atom(moved, CohesiveEnergy(element="Cu", energy_ev=1, source="x"))


def test_coverage_is_adatoms_per_area(covered: Result, bare: Result, crystal: Result) -> None:
    energy = adsorption_energy_against_bulk(covered, bare, crystal)
    cell = bare.final_atoms().cell.lengths()
    assert energy.area_angstrom2 == pytest.approx(cell[0] ** 2 * 3**0.5 / 2)
    assert energy.coverage_per_nm2 == pytest.approx(100 / energy.area_angstrom2)


def test_what_does_not_belong_together_is_refused(
    covered: Result, bare: Result, crystal: Result
) -> None:
    with pytest.raises(AnalysisError, match="not computed alike"):
        adsorption_energy_against_bulk(covered, bare, result(bulk("Cu", a=3.6), "static", cut=2))
    with pytest.raises(AnalysisError, match="unconverged"):
        adsorption_energy_against_bulk(covered, result(slab(6), status="unconverged"), crystal)
    with pytest.raises(AnalysisError, match="the adatom is Cu"):
        adsorption_energy_against_bulk(covered, bare, result(bulk("Ag"), "static"))
    mixed = bulk("Cu", cubic=True)
    mixed.symbols[0] = "Ag"
    with pytest.raises(AnalysisError, match="to be an element"):
        adsorption_energy_against_bulk(covered, bare, result(mixed, "static"))
    with pytest.raises(AnalysisError, match="with adatoms of one element"):
        adsorption_energy_against_bulk(bare, bare, crystal)
    with pytest.raises(AnalysisError, match="one isolated atom"):
        adsorption_energy_against_isolated_atom(covered, bare, result(bulk("Cu", cubic=True)))
    with pytest.raises(AnalysisError, match="cells that differ"):
        adsorption_energy_against_bulk(covered, result(slab(5)), crystal)

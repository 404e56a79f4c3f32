"""Work without bound is refused in one sentence, before memory or time are spent on it."""

from __future__ import annotations

import math
import resource
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from natriface.structures.base.errors import EngineError, StructureError, StudyError
from natriface.structures.base.symmetry import (
    find_space_group,
    reduce_to_primitive,
    supercell_sites,
)
from natriface.structures.chemistry.polyanions import find_units
from natriface.structures.crystals.doping import dope
from natriface.structures.crystals.ordering import rank_orderings
from natriface.structures.crystals.phases import load_phase
from natriface.structures.crystals.primitive import Crystal
from natriface.structures.interfaces.build import build_interface
from natriface.structures.interfaces.matching import find_matches
from natriface.structures.interfaces.registries import distinct_registries
from natriface.structures.paths.hop_endpoints import hop_endpoints
from natriface.structures.paths.hops import adatom_hops, vacancy_hops
from natriface.structures.paths.images import make_images
from natriface.structures.surfaces.adatom_grid import adatom_grid
from natriface.structures.surfaces.adsorption import adatom_sites, add_adatom, site_beneath
from natriface.structures.surfaces.freezing import freeze
from natriface.structures.surfaces.slabs import Slab, build_slab
from natriface.structures.surfaces.surface_cell import checked_miller
from natriface.structures.surfaces.terminations import find_terminations
from natriface.workflows.engines.kpoints import kpoint_mesh, n_irreducible
from natriface.workflows.study import Study
from natriface.workflows.validation import validated


def slab(phase: str = "NaF", layers: int = 3) -> Slab:
    return build_slab(find_terminations(load_phase(phase), (1, 0, 0))[0], layers=layers)


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.parametrize("area", [6e3, 1e4, 1e9, 1e300, math.inf])
def test_a_match_of_any_area_is_refused_before_its_supercells_are_listed(area: float) -> None:
    cells = np.diag([9.0, 8.3]), np.diag([3.0, 4.3])
    before = peak_mb()
    with pytest.raises(StructureError, match=r"e\+|inf.*ask for a smaller area"):
        find_matches(*cells, max_area_angstrom2=area, max_strain=0.04)
    assert peak_mb() - before < 200


def test_the_pairs_of_a_match_are_counted_before_they_are_tested() -> None:
    cells = np.diag([9.0, 8.3]), np.diag([3.0, 4.3])
    with pytest.raises(StructureError, match=r"pairs of supercells of .* would be tested"):
        find_matches(*cells, max_area_angstrom2=4000, max_strain=0.04)


def many_supercells() -> Any:
    return supercell_sites(np.eye(3) * 4, [[0, 0, 0]], np.diag([1000, 1000, 1000]))


REFUSED = {
    "thickness": lambda: build_slab(slab().termination, thickness_angstrom=math.inf),
    "layers": lambda: build_slab(slab().termination, layers=10**9),
    "vacuum": lambda: build_slab(slab().termination, layers=2, vacuum_angstrom=1e9),
    "vacuum nan": lambda: build_slab(slab().termination, layers=2, vacuum_angstrom=math.nan),
    "miller": lambda: checked_miller((10**9, 1, 0)),
    "miller inf": lambda: checked_miller((math.inf, 1, 0)),  # type: ignore[arg-type]
    "facets": lambda: Crystal.from_atoms(load_phase("NaF")).distinct_facets(10**4),
    "facets nan": lambda: Crystal.from_atoms(load_phase("NaF")).distinct_facets(
        math.nan  # type: ignore[arg-type]
    ),
    "hop": lambda: vacancy_hops(load_phase("NaF"), max_length_angstrom=1e4),
    "hop nan": lambda: vacancy_hops(load_phase("NaF"), max_length_angstrom=math.nan),
    "repeats": lambda: hop_endpoints(
        load_phase("NaF"), vacancy_hops(load_phase("NaF"))[0], (10**4, 10**4, 10**4)
    ),
    "size": lambda: hop_endpoints(
        load_phase("NaF"), vacancy_hops(load_phase("NaF"))[0], min_size_angstrom=1e9
    ),
    "grid": lambda: adatom_grid(slab(), spacing_angstrom=1e-300),
    "grid shape": lambda: adatom_grid(slab(), shape=(10**9, 10**9)),
    "orderings": lambda: rank_orderings(load_phase("NZSP-C2c-disordered"), best=10**9),
    "dopings": lambda: dope(load_phase("NaF"), "F", "Cl", best=10**9),
    "supercell": many_supercells,
    "thin cell": lambda: find_units(Atoms("Na", cell=[1e-3] * 3, pbc=True)),
}


@pytest.mark.parametrize("what", REFUSED)
def test_too_much_is_refused(what: str) -> None:
    before = peak_mb()
    with pytest.raises(StructureError) as refused:
        REFUSED[what]()
    assert "\n" not in str(refused.value)
    assert peak_mb() - before < 200


def test_fine_registries_and_many_images_are_refused() -> None:
    lower, upper = slab("NaCl"), slab("NaF")
    match = find_matches(lower, upper, max_area_angstrom2=200, max_strain=0.06)[0]
    for spacing in (1e-9, 1e-3, math.nan, math.inf):
        with pytest.raises(StructureError, match=r"spacing|shifts"):
            distinct_registries(lower, upper, match, spacing)
    with pytest.raises(StructureError, match="gap"):
        build_interface(lower, upper, match, gap_angstrom=1e9)
    with pytest.raises(StructureError, match="registry"):
        build_interface(lower, upper, match, registry=(math.nan, 0))
    hop = hop_endpoints(load_phase("NaF"), vacancy_hops(load_phase("NaF"))[0], (2, 2, 2))
    with pytest.raises(StructureError, match="1,000,000,000 images, more than"):
        make_images(hop.initial, hop.final, 10**9)


def test_a_mesh_of_kpoints_is_bounded() -> None:
    for spacing in (1e-9, 0.0, math.nan):
        with pytest.raises(EngineError, match="k-points"):
            kpoint_mesh(load_phase("NaF").atoms, spacing)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_of_a_study_are_finite(value: float) -> None:
    content = {
        "name": "a",
        "title": "t",
        "substrates": {"S": {"phase": "NaF", "miller": [1, 0, 0], "layers": 2}},
        "films": {"F": {"phase": "Na", "miller": [1, 0, 0], "layers": 2}},
        "interfaces": {"registry": [0, value]},
    }
    with pytest.raises(StudyError, match="finite number"):
        validated(Study, content, "study")


def test_builders_take_a_slab_or_a_phase() -> None:
    made, phase = slab(), load_phase("NaF")
    sites = adatom_sites(made)
    assert [site.label for site in sites] == [site.label for site in adatom_sites(made.atoms)]
    assert len(add_adatom(made, "Na", sites[0])) == len(made.atoms) + 1
    assert site_beneath(made, "Na", sites[0].scaled)[0] == sites[0].label
    assert adatom_hops(made, sites=sites[:1])
    assert adatom_grid(made, shape=(2, 2)).points
    assert len(freeze(made, 3.0).constraints[0].index) > 0
    assert dope(made, "F", "Cl", best=1)
    assert find_units(made).formulas == find_units(made.atoms).formulas
    assert len(find_terminations(phase, (1, 0, 0))) == 1
    assert vacancy_hops(phase)
    with pytest.raises(StructureError, match=r"str is no structure: give an ase\.Atoms, or a Slab"):
        adatom_sites("NaF")  # type: ignore[arg-type]


@pytest.mark.parametrize("place", ["position", "cell"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize(
    "use",
    [
        lambda crystal: find_terminations(crystal, (1, 0, 0)),
        lambda crystal: vacancy_hops(crystal, "Na"),
        Crystal.from_atoms,
        find_units,
        lambda crystal: find_space_group(crystal.cell, crystal.positions, crystal.numbers),
        lambda crystal: reduce_to_primitive(crystal.cell, crystal.positions, crystal.numbers),
        lambda crystal: Slab.operations.func(SimpleNamespace(atoms=crystal)),
        lambda crystal: n_irreducible(crystal, (2, 2, 2)),
    ],
)
def test_no_number_reaches_spglib_that_ends_the_process(use: Any, value: float, place: str) -> None:
    crystal = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    (crystal.positions if place == "position" else crystal.cell.array)[0, 0] = value
    with pytest.raises(StructureError, match="not a finite number"):
        use(crystal)

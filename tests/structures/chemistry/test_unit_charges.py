"""Charges by bonds: anions that hold bonds among their like are whole and of known charge."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given, settings
from hypothesis import strategies as st

from natriface.structures.base.errors import StructureError
from natriface.structures.chemistry.formal_charges import is_metal
from natriface.structures.chemistry.polyanions import find_units
from natriface.structures.chemistry.unit_charges import given_charges
from natriface.structures.crystals.phases import load_phase
from natriface.structures.crystals.primitive import Crystal
from natriface.structures.surfaces.slabs import build_slab
from natriface.structures.surfaces.terminations import POLAR_E_PER_ANGSTROM2, find_terminations
from natriface.workflows.surfaces.slab_cut import cut_slab
from natriface.workflows.surfaces.slab_request import SlabCut

TETRAHEDRON = np.array([[1, 1, 1], [-1, -1, 1], [-1, 1, -1], [1, -1, -1]]) / np.sqrt(3)
OCTAHEDRON = np.vstack([np.eye(3), -np.eye(3)])
GOLDEN = (1 + np.sqrt(5)) / 2
_EDGES = np.array([[0, i, j * GOLDEN] for i in (1, -1) for j in (1, -1)])
ICOSAHEDRON = np.vstack([_EDGES, _EDGES[:, [1, 2, 0]], _EDGES[:, [2, 0, 1]]]) / np.hypot(1, GOLDEN)
UMBRELLA = np.array([[1, 0, 0.35], [-0.5, 0.866, 0.35], [-0.5, -0.866, 0.35]])
PLACES = np.array(
    [[0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5], [0.5, 0, 0], [0, 0.5, 0]]
)


def salt(cation: str, number: int, symbols: str, positions: object, edge: float) -> Atoms:
    """A made-up crystal: one anion about the origin of a box and cations between its images."""
    box = edge * np.array([1.0, 1.03, 1.06])
    atoms = Atoms(symbols, positions) + Atoms([cation] * number, PLACES[:number] * box)
    atoms.set_cell(np.diag(box))
    atoms.pbc = True
    return atoms


def ligands(centre: str, ligand: str, length: float, shape: np.ndarray) -> tuple[str, np.ndarray]:
    return f"{centre}{ligand}{len(shape)}", np.vstack([np.zeros(3), length * shape])


def along_z(*heights: float) -> np.ndarray:
    return np.array([[0.0, 0.0, z] for z in heights])


P_P = along_z(1.12, -1.12)
P2S6 = np.vstack([P_P, P_P[0] + 1.9 * UMBRELLA, P_P[1] - 1.9 * UMBRELLA])
S_S = along_z(1.06, -1.06)
S2O6 = np.vstack([S_S, S_S[0] + 1.42 * UMBRELLA, S_S[1] - 1.42 * UMBRELLA])

ANIONS = {
    "peroxide": (salt("Na", 2, "O2", along_z(0.745, -0.745), 5), "O2", -2),
    "superoxide": (salt("Na", 1, "O2", along_z(0.665, -0.665), 5), "O2", -1),
    "ozonide": (salt("K", 1, "O3", [[0, 0, 0], [1.1, 0, 0.75], [-1.1, 0, 0.75]], 5), "O3", -1),
    "disulfide": (salt("Na", 2, "S2", along_z(1.05, -1.05), 6), "S2", -2),
    "pyrite": (salt("Fe", 1, "S2", along_z(1.05, -1.05), 5), "S2", -2),
    "tetrasulfide": (
        salt("Na", 2, "S4", [[0, 0, 0], [2.06, 0, 0], [2.8, 1.9, 0], [-0.8, -1, 1.6]], 9), "S4", -2,
    ),
    "azide": (salt("Na", 1, "N3", along_z(1.17, 0, -1.17), 6), "N3", -1),
    "acetylide": (salt("Ca", 1, "C2", along_z(0.6, -0.6), 5), "C2", -2),
    "cyanide": (salt("Na", 1, "CN", along_z(0.58, -0.58), 5), "CN", -1),
    "thiocyanate": (salt("K", 1, "SCN", along_z(-1.65, 0, 1.16), 6), "CSN", -1),
    "triiodide": (salt("K", 1, "I3", along_z(-2.9, 0, 2.9), 9), "I3", -1),
    "hypodiphosphate": (salt("Na", 4, "P2S6", P2S6, 9), "P2S6", -4),
    "dithionate": (salt("Na", 2, "S2O6", S2O6, 8), "S2O6", -2),
    "phosphite": (
        salt("Na", 2, "PO3H",
             np.vstack([np.zeros(3), 1.53 * TETRAHEDRON[:3], 1.4 * TETRAHEDRON[3]]), 7),
        "PHO3", -2,
    ),
    "bifluoride": (salt("Na", 1, "HF2", along_z(0, 1.14, -1.14), 5), "HF2", -1),
    "hydroxide": (salt("Na", 1, "OH", along_z(0, 0.97), 4), "HO", -1),
    "amide": (salt("Na", 1, "NH2", [[0, 0, 0], [0.8, 0, 0.6], [-0.8, 0, 0.6]], 5), "H2N", -1),
    "borohydride": (salt("Na", 1, *ligands("B", "H", 1.2, TETRAHEDRON), 6), "BH4", -1),
    "alanate": (salt("Na", 1, *ligands("Al", "H", 1.62, TETRAHEDRON), 6), "AlH4", -1),
    "closo-borate": (
        salt("Na", 2, "B12H12", np.vstack([1.7 * ICOSAHEDRON, 2.9 * ICOSAHEDRON]), 10),
        "B12H12", -2,
    ),
    "tetrasilicide": (salt("Na", 4, "Si4", 1.49 * TETRAHEDRON, 8), "Si4", -4),
    "AlF6": (salt("Na", 3, *ligands("Al", "F", 1.8, OCTAHEDRON), 7), "AlF6", -3),
    "YCl6": (salt("Na", 3, *ligands("Y", "Cl", 2.6, OCTAHEDRON), 9), "YCl6", -3),
    "TiF6": (salt("Na", 2, *ligands("Ti", "F", 1.88, OCTAHEDRON), 7), "TiF6", -2),
    "BeF4": (salt("Na", 2, *ligands("Be", "F", 1.55, TETRAHEDRON), 6), "BeF4", -2),
    "ZnCl4": (salt("Na", 2, *ligands("Zn", "Cl", 2.27, TETRAHEDRON), 8), "ZnCl4", -2),
    "AlO4": (salt("Na", 5, *ligands("Al", "O", 1.78, TETRAHEDRON), 7), "AlO4", -5),
    "MoO4": (salt("Na", 2, *ligands("Mo", "O", 1.77, TETRAHEDRON), 7), "MoO4", -2),
}  # fmt: skip


@pytest.mark.parametrize("name", ANIONS)
def test_an_anion_is_one_unit_of_its_known_charge(name: str) -> None:
    atoms, expected, charge = ANIONS[name]
    crystal = Crystal.from_atoms(atoms)
    assert crystal.charges is not None
    assert crystal.charges.sum() == pytest.approx(0, abs=1e-9)
    unit = crystal.units.formulas.index(expected)
    assert crystal.charges[crystal.units.unit_of == unit].sum() == pytest.approx(charge)


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(ANIONS)),
    miller=st.tuples(*[st.integers(-2, 2)] * 3).filter(any),
    layers=st.integers(1, 2),
)
def test_no_cut_goes_through_an_anion_and_no_nonpolar_slab_has_a_dipole(
    name: str, miller: tuple[int, int, int], layers: int
) -> None:
    atoms, expected, _ = ANIONS[name]
    crystal = Crystal.from_atoms(atoms)
    whole = Counter(crystal.units.formulas)
    for termination in find_terminations(crystal, miller):
        assert termination.intact
        slab = build_slab(termination, layers=layers)
        assert slab.stoichiometric
        found = Counter(find_units(slab.atoms, slab.charges_e).formulas)
        ratio = len(slab.atoms) // len(crystal.numbers)
        assert found[expected] >= whole[expected] * ratio
        if termination.nonpolar:
            volume = slab.area_angstrom2 * slab.layers * termination.layer_angstrom
            assert abs(slab.dipole_e_angstrom) <= POLAR_E_PER_ANGSTROM2 * volume + 1e-6


@pytest.mark.parametrize(
    ("formula", "cell", "positions"),
    [  # rock salt, perovskite, fluorite, ReO3: endless, and cut between ions
        ("MgO", 3.0, [[0, 0, 0], [0.5, 0.5, 0.5]]),
        ("NaMgF3", 3.9, [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]),
        ("AlF3", 3.6, [[0, 0, 0], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]]),
    ],
)
def test_endless_networks_of_half_bonds_stay_cuttable(
    formula: str, cell: float, positions: list[list[float]]
) -> None:
    atoms = Atoms(formula, scaled_positions=positions, cell=[cell] * 3, pbc=True)
    assert set(Crystal.from_atoms(atoms).units.formulas) == set(atoms.get_chemical_symbols())


def test_metals_are_those_without_anion_formers() -> None:
    for metal in ("Na", "Na Sn", "Zr Si", "Na Bi", "Mg B"):
        assert is_metal(metal.split())
    for other in ("Na O", "Fe P", "La Ni H", "Si", "S", "C", "Ar", "Si Ge"):
        assert not is_metal(other.split())


def test_mixed_valence_is_averaged() -> None:
    spinel = Atoms("Fe3O4", [[0, 0, 0], [2.5, 2.5, 0], [2.5, 0, 2.5], [2, 2, 2], [4.5, 4.5, 2],
                             [4.5, 2, 4.5], [2, 4.5, 4.5]], cell=[5] * 3, pbc=True)  # fmt: skip
    states = Crystal.from_atoms(spinel).states
    assert states == pytest.approx({"Fe": 8 / 3, "O": -2})


PEROXIDE = """Na2O2
1.0
6.208 0 0
-3.104 5.376285707 0
0 0 4.46
Na O
6 6
Direct
0.295 0 0
0 0.295 0
0.705 0.705 0
0.632 0 0.5
0 0.632 0.5
0.368 0.368 0.5
0 0 0.332
0 0 0.668
0.33333333 0.66666667 0.168
0.33333333 0.66666667 0.832
0.66666667 0.33333333 0.168
0.66666667 0.33333333 0.832
"""


def test_the_default_cut_of_a_peroxide_is_nonpolar(tmp_path: Path) -> None:
    path = tmp_path / "POSCAR_peroxide"
    path.write_text(PEROXIDE)
    phase = load_phase(str(path))
    assert not phase.metallic
    assert phase.charges == pytest.approx({"Na": 1, "O": -1})
    slab = cut_slab(phase, SlabCut(phase="x", miller=(1, 1, 0), layers=2))
    assert slab.label == "(110)-3"
    assert slab.polar is False
    polar = find_terminations(phase, (1, 1, 0))[0]
    assert polar.polarity == "III"
    assert polar.dipole_e_angstrom == pytest.approx(-9.312, abs=1e-3)


def phosphide() -> Atoms:
    """A made-up Fe2P whose (001) cuts no symmetry frees of a dipole."""
    places = [[0, 0, 0.02], [0.5, 0.5, 0.3], [0.5, 0, 0.62]]
    return Atoms("Fe2P", scaled_positions=places, cell=[3.6, 3.7, 7.0], pbc=True)


def test_unknown_charges_are_said_and_can_be_given(tmp_path: Path) -> None:
    path = tmp_path / "POSCAR_phosphide"
    phosphide().write(path, format="vasp")
    phase = load_phase(str(path))
    assert phase.charges is None
    assert not phase.metallic
    assert phase.caution is not None
    found = find_terminations(phase, (0, 0, 1))
    assert {t.polarity for t in found} == {"unknown"}
    assert not any(t.nonpolar for t in found)
    assert found[0].describe()["dipole_e_angstrom"] is None
    asked = {"phase": "x", "miller": (0, 0, 1), "layers": 2}
    with pytest.raises(StructureError, match=r"no formal charges are known .* give charges"):
        cut_slab(phase, SlabCut(**asked))
    named = cut_slab(phase, SlabCut(**asked, termination=1))
    assert named.polar is None
    assert named.caution is not None
    assert "polar" in named.caution
    with pytest.raises(StructureError, match="no formal charges are known"):
        cut_slab(phase, SlabCut(**asked, termination=1, reconstruct=True))
    metal = cut_slab(phase, SlabCut(**asked, charges={"Fe": 0, "P": 0}))
    assert metal.termination.polarity == "none"
    polar = cut_slab(phase, SlabCut(**asked, termination=1, charges={"Fe": 1.5, "P": -3}))
    assert polar.polar is True
    by_site = given_charges(phase, {"Fe1": 1, "Fe2": 2, "P": -3})
    assert sorted(by_site) == [-3, 1, 2]


@pytest.mark.parametrize(
    ("charges", "message"),
    [
        ({"Fe": 1, "P": -3}, "sum to -1 e a formula unit; they must balance"),
        ({"Fe": 1}, "no charge is given for P"),
        ({"Fe": 1.5, "P": -3, "Fe9": 1}, "name 'Fe9', no element or site"),
        ({"Fe": float("nan"), "P": -3}, "must balance"),
    ],
)
def test_charges_given_are_checked(tmp_path: Path, charges: dict[str, float], message: str) -> None:
    path = tmp_path / "POSCAR_phosphide"
    phosphide().write(path, format="vasp")
    with pytest.raises(StructureError, match=message):
        given_charges(load_phase(str(path)), charges)


def test_occupancies_that_do_not_balance_are_no_metal(tmp_path: Path) -> None:
    path = tmp_path / "refined.cif"
    path.write_text(
        "data_x\n_cell_length_a 5.6\n_cell_length_b 5.6\n_cell_length_c 5.6\n"
        "_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 90\n"
        "loop_\n_space_group_symop_operation_xyz\n'x,y,z'\n"
        "loop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n"
        "_atom_site_fract_z\n_atom_site_occupancy\n"
        "Na1 Na 0 0 0 0.93\nCl1 Cl 0.5 0.5 0.5 1\n"
    )
    phase = load_phase(str(path))
    assert phase.charges is None
    assert not phase.metallic
    assert phase.caution is not None
    assert "sum to -0.07 e a cell" in phase.caution

"""The phase library, checked against its sources' numbers, chemistry and crystallography."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import requests
from ase import Atoms
from ase.io import write
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pymatgen.io.ase import AseAtomsAdaptor

from natriface.structures.base.errors import EngineError, StructureError
from natriface.structures.base.symmetry import (
    database_operations,
    expand_site,
    find_space_group,
    nearest_distances,
    supercell_sites,
)
from natriface.structures.chemistry.formal_charges import balanced_states, formal_charges
from natriface.structures.crystals import phases
from natriface.structures.crystals.crystal_files import phase_from_atoms
from natriface.structures.crystals.phases import (
    load_phase,
    parse_formula,
    phase_names,
    reduced_formula,
)
from tests.sources import REAL
from tests.written.crystals import cif

WANTED = [
    *("Na", "V", "Sn", "Zn"),
    *("NaF", "NaCl", "NaBr", "NaI"),
    *("Na2O", "Na2S", "Na2Se", "Na3P", "Na3PO4", "Na3OCl", "Na2SiF6", "Na2SiO3", "SnF2"),
    *("Na9Sn4", "Na15Sn4", "Na3Bi", "ZrSi", "ZrO2", "SiO2"),
    *("NZSP", "NZSP-C2/c-ordered", "NZSP-C2/c-disordered", "NZSP-R-3c"),
]


@pytest.mark.parametrize("name", WANTED)
def test_the_study_finds_its_phases(name: str) -> None:
    phase = load_phase(name)
    assert phase.grade in ("experiment", "DFT", "model")
    assert phase.source


@pytest.mark.parametrize("name", phase_names())
def test_every_phase_is_a_sound_crystal(name: str) -> None:
    phase = load_phase(name)
    phases.verify(phase)
    assert len(phase.scaled_positions) == sum(site.multiplicity for site in phase.sites)
    bond = phases._library()[name].get("molecular_bond")
    if bond is None:
        assert phase.shortest_distance_angstrom > 1.4
    else:
        assert phase.shortest_distance_angstrom == pytest.approx(bond, abs=0.01)
    if phase.is_ordered:
        atoms = phase.atoms
        kinds = [atoms.numbers[i] for i in range(len(atoms))]
        found = find_space_group(phase.cell, phase.scaled_positions, kinds)
        assert found.number == phase.space_group_number
        # one orbit of the space group for each line of the asymmetric unit, unless a phase is
        # written in a lower setting than its symmetry
        if phase.hall_number == found.hall_number:
            assert len(set(found.orbits)) == len(phase.sites)


@pytest.mark.parametrize(
    ("name", "bond", "count", "length", "tolerance"),
    [
        ("NZSP", ("P", "O"), 4, 1.549, 0.01),  # P-O 1.544 and 1.554 A
        ("NZSP", ("Si", "O"), 4, 1.646, 0.01),
        ("NZSP", ("Zr", "O"), 6, 2.11, 0.14),
        ("Na3PO4", ("P", "O"), 4, 1.55, 0.03),
        ("Na2SiF6", ("Si", "F"), 6, 1.70, 0.04),
        ("Na2SiO3", ("Si", "O"), 4, 1.63, 0.08),
        ("SiO2", ("Si", "O"), 4, 1.63, 0.02),
        ("NaF", ("Na", "F"), 6, 2.348, 0.002),
        ("NaF-experiment", ("Na", "F"), 6, 2.310, 0.002),
        ("Na2O", ("O", "Na"), 8, 2.423, 0.002),
        ("Na3OCl", ("O", "Na"), 6, 2.250, 0.002),
        ("Na3Bi", ("Bi", "Na"), 5, 3.2, 0.1),
        ("Na", ("Na", "Na"), 8, 3.716, 0.002),
        ("Zn", ("Zn", "Zn"), 12, 2.79, 0.13),
    ],
)
def test_coordination_is_that_of_the_crystal_chemistry(
    name: str, bond: tuple[str, str], count: int, length: float, tolerance: float
) -> None:
    atoms = load_phase(name).atoms
    # a cell narrower than twice the bond holds several images of one neighbour
    large = atoms.repeat([int(np.ceil(8 / length)) for length in atoms.cell.lengths()])
    centre, ligand = bond
    symbols = np.array(large.get_chemical_symbols())
    centres = np.flatnonzero(symbols == centre)
    distances = large.get_all_distances(mic=True)[np.ix_(centres, symbols == ligand)]
    distances[distances < 1e-6] = np.inf
    shell = np.sort(distances, axis=1)[:, : count + 1]
    assert shell[:, :count] == pytest.approx(length, abs=tolerance)
    assert np.all(shell[:, count] > shell[:, count - 1] + 0.05)


def test_the_default_halides_are_the_computed_ones() -> None:
    for formula in ("NaF", "NaCl", "NaBr", "NaI"):
        computed, measured = load_phase(formula), load_phase(f"{formula}-experiment")
        assert (computed.grade, measured.grade) == ("DFT", "experiment")
        # PBE overestimates lattice constants of alkali halides, by 1 to 2 %
        assert 1.0 < computed.cell[0, 0] / measured.cell[0, 0] < 1.02


def test_ordered_nzsp_is_the_published_cell() -> None:
    phase = load_phase("NZSP")
    assert phase.name == "NZSP-C2c-ordered"
    assert phase.composition == {"Na": 12, "Zr": 8, "Si": 8, "P": 4, "O": 48}
    assert phase.atoms.cell.cellpar() == pytest.approx(
        [15.80284, 9.15937, 9.27296, 90, 123.56015, 90], abs=1e-4
    )
    assert load_phase("NZSP C2/c ordered") is phase


def test_disordered_phases_tell_to_be_ordered_first() -> None:
    phase = load_phase("NZSP-C2/c-disordered")
    assert not phase.is_ordered
    assert phase.composition["Na"] == pytest.approx(12)
    with pytest.raises(StructureError, match=r"disordered.*Na1.*ordering"):
        _ = phase.atoms


def test_models_say_so() -> None:
    for name in ("Na9Sn4", "Na3PO4", "Na2SiF6", "Na3OCl", "NZSP-R-3c", "NZSP-C2c-disordered"):
        phase = load_phase(name)
        assert phase.grade == "model"
        assert phase.note


def test_atoms_are_the_callers_own() -> None:
    load_phase("NaF").atoms.positions[:] = 0.0
    assert load_phase("NaF").atoms.get_distance(0, 4, mic=True) == pytest.approx(2.348, abs=1e-3)
    with pytest.raises(ValueError, match="read-only"):
        load_phase("NaF").scaled_positions[0, 0] = 1.0


def test_loading_imports_no_pymatgen() -> None:
    code = (
        "import sys; from natriface.structures import load_phase; load_phase('NZSP').atoms; "
        "sys.exit('pymatgen' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_unknown_phases_name_the_nearest() -> None:
    with pytest.raises(StructureError, match="did you mean 'NaF'"):
        load_phase("NaFF")
    with pytest.raises(StructureError, match="no such file"):
        load_phase("no-such-crystal")
    with pytest.raises(StructureError, match="not an absolute path"):
        load_phase("crystals/mine.cif")


def test_materials_project_needs_its_client_and_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MP_API_KEY", raising=False)
    with pytest.raises(EngineError, match=r"mp-api|MP_API_KEY"):
        load_phase("mp-682")


class _Rester:
    """A stand-in for `mp_api.client.MPRester`, which needs a key and the network."""

    answer: Exception | None = None

    def __init__(self, key: str) -> None:
        assert key == "a key"

    def __enter__(self) -> _Rester:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def get_structure_by_material_id(self, name: str, conventional_unit_cell: bool) -> object:
        if self.answer is not None:
            raise self.answer
        assert conventional_unit_cell
        return AseAtomsAdaptor.get_structure(load_phase("NaF").atoms)


@pytest.fixture
def materials_project(monkeypatch: pytest.MonkeyPatch) -> type[Exception]:
    error = type("MPRestError", (Exception,), {})
    client, core = types.ModuleType("mp_api.client"), types.ModuleType("mp_api.client.core")
    client.MPRester, core.MPRestError = _Rester, error  # type: ignore[attr-defined]
    for module in (types.ModuleType("mp_api"), client, core):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setenv("MP_API_KEY", "a key")
    return error


def test_a_materials_project_entry_is_a_phase(materials_project: type[Exception]) -> None:
    phase = load_phase("mp-682")
    assert (phase.name, phase.grade, phase.source) == ("mp-682", "DFT", "Materials Project mp-682")
    assert phase.space_group_number == 225
    assert phase.density_g_cm3 == pytest.approx(load_phase("NaF").density_g_cm3)


def test_a_silent_materials_project_is_reported(
    materials_project: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Rester, "answer", requests.exceptions.ConnectionError("no route"))
    with pytest.raises(EngineError, match=r"cannot be reached.*CIF"):
        load_phase("mp-682")
    monkeypatch.setattr(_Rester, "answer", materials_project("no such entry"))
    with pytest.raises(StructureError, match="gave no structure"):
        load_phase("mp-682")
    monkeypatch.delenv("MP_API_KEY")
    with pytest.raises(EngineError, match="MP_API_KEY"):
        load_phase("mp-682")


@pytest.mark.parametrize("suffix", [".cif", ".vasp", ".extxyz"])
@pytest.mark.parametrize("name", ["NZSP", "Na9Sn4", "SiO2", "Na3OCl"])
def test_a_users_file_is_the_same_phase(tmp_path: Path, name: str, suffix: str) -> None:
    known = load_phase(name)
    path = tmp_path / f"crystal{suffix}"
    write(path, known.atoms)
    phase = load_phase(path.name, root=tmp_path)
    assert phase.grade == "user"
    assert phase.space_group_number == known.space_group_number
    assert phase.density_g_cm3 == pytest.approx(known.density_g_cm3, rel=1e-5)
    assert phase.shortest_distance_angstrom == pytest.approx(
        known.shortest_distance_angstrom, abs=1e-4
    )
    if known.charges is not None:
        assert phase.charges == dict(known.charges)


@pytest.mark.parametrize("name", ["NaF", "Na3Bi", "SiO2", "Na3P"])
def test_a_file_written_to_four_digits_keeps_its_symmetry(tmp_path: Path, name: str) -> None:
    atoms = load_phase(name).atoms
    atoms.set_scaled_positions(np.round(atoms.get_scaled_positions(), 4))
    write(tmp_path / "POSCAR", atoms, format="vasp", direct=True)
    phase = load_phase("POSCAR", root=tmp_path)
    assert phase.space_group_number == load_phase(name).space_group_number


def test_metadata_is_json(tmp_path: Path) -> None:
    for name in ("NZSP", "NZSP-R-3c", "Na9Sn4"):
        document = json.loads(json.dumps(load_phase(name).metadata()))
        assert document["grade"] == load_phase(name).grade


@pytest.fixture(params=["written", pytest.param("real", marks=pytest.mark.realdata)])
def cifs(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder of CIFs: the library's phases written out, or the files they come from."""
    if request.param == "real":
        return REAL / "structures"
    for name in phase_names():
        (tmp_path / f"{name}.cif").write_text(cif(load_phase(name)))
    (tmp_path / "NaF_prim.cif").write_text(cif(load_phase("NaF")))
    return tmp_path


def test_library_phases_are_their_source_files(cifs: Path) -> None:
    """Each structure file, read through its own symmetry operations, is a phase of the library."""
    folder = cifs
    library = [load_phase(name) for name in phase_names()]
    checked = 0
    for path in sorted(folder.glob("*.cif")):
        phase = load_phase(path.name, root=folder)
        conventional = "prim" not in path.name
        twins = [
            known
            for known in library
            if known.space_group_number == phase.space_group_number
            and known.composition == pytest.approx(phase.composition)
            and known.density_g_cm3 == pytest.approx(phase.density_g_cm3, rel=1e-4)
            and known.shortest_distance_angstrom
            == pytest.approx(phase.shortest_distance_angstrom, abs=1e-3)
        ]
        if conventional:
            assert len(twins) == 1, path.name
            checked += 1
    assert checked == len(list(folder.glob("*.cif"))) - 1


CIF = """data_test
_cell_length_a 4.0
_cell_length_b 4.0
_cell_length_c 4.0
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
{formula}
loop_
_symmetry_equiv_pos_as_xyz
'x, y, z'
'-x, -y, -z'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
{sites}
"""


def _cif(folder: Path, sites: str, formula: str = "") -> Path:
    path = folder / "test.cif"
    path.write_text(CIF.format(sites=sites, formula=formula))
    return path


def test_cif_with_clashing_atoms(tmp_path: Path) -> None:
    _cif(tmp_path, "Na1 Na 0 0 0 1\nF1 F 0.2 0 0 1")
    with pytest.raises(StructureError, match=r"apart, less than .* remove one"):
        load_phase("test.cif", root=tmp_path)


def test_cif_with_mixed_and_partly_filled_sites(tmp_path: Path) -> None:
    _cif(tmp_path, "Na1 Na1+ 0 0 0 0.667(2)\nK1 K1+ 0 0 0 0.333\nF1 F1- 0.5 0.5 0.5 1")
    phase = load_phase("test.cif", root=tmp_path)
    assert not phase.is_ordered
    assert phase.composition == pytest.approx({"Na": 2 / 3, "K": 1 / 3, "F": 1})
    assert phase.charges == {"Na": 1, "K": 1, "F": -1}


def test_cif_with_too_much_on_a_site(tmp_path: Path) -> None:
    _cif(tmp_path, "Na1 Na 0 0 0 0.8\nK1 K 0 0 0 0.8\nF1 F 0.5 0.5 0.5 1")
    with pytest.raises(StructureError, match="sum at most 1"):
        load_phase("test.cif", root=tmp_path)


def test_cif_whose_sites_are_not_its_formula(tmp_path: Path) -> None:
    _cif(tmp_path, "Na1 Na 0 0 0 1\nF1 F 0.5 0.5 0.5 1", "_chemical_formula_sum 'Na2 F1'")
    with pytest.raises(StructureError, match="_chemical_formula_sum"):
        load_phase("test.cif", root=tmp_path)


def test_cif_without_operations_is_not_guessed(tmp_path: Path) -> None:
    path = _cif(tmp_path, "Na1 Na 0 0 0 1")
    text = re.sub(r"loop_\n_symm.*?(?=loop_)", "", path.read_text(), count=1, flags=re.DOTALL)
    path.write_text(text.replace("_cell_length_a", "_space_group_IT_number 225\n_cell_length_a"))
    with pytest.raises(StructureError, match="without its symmetry operations"):
        load_phase("test.cif", root=tmp_path)


@pytest.mark.parametrize("content", ["", "data_x\n", "not a crystal at all\n"])
def test_files_without_a_crystal(tmp_path: Path, content: str) -> None:
    (tmp_path / "test.cif").write_text(content)
    with pytest.raises(StructureError, match=r"test\.cif"):
        load_phase("test.cif", root=tmp_path)
    (tmp_path / "POSCAR").write_text(content)
    with pytest.raises(StructureError, match="POSCAR"):
        load_phase("POSCAR", root=tmp_path)


def test_a_molecule_is_no_phase(tmp_path: Path) -> None:
    write(tmp_path / "water.xyz", Atoms("OH2", [(0, 0, 0), (0.96, 0, 0), (-0.24, 0.93, 0)]))
    with pytest.raises(StructureError, match="periodic in three directions"):
        load_phase("water.xyz", root=tmp_path)


def test_what_is_no_unit_cell_of_a_crystal(tmp_path: Path) -> None:
    write(tmp_path / "large.vasp", load_phase("Na").atoms.repeat((18, 18, 16)), direct=True)
    with pytest.raises(StructureError, match="10368 sites, more than 2000"):
        load_phase("large.vasp", root=tmp_path)
    write(tmp_path / "gas.vasp", Atoms("Na", cell=[12, 12, 12], pbc=True))
    with pytest.raises(StructureError, match="units of the cell"):
        load_phase("gas.vasp", root=tmp_path)


def test_a_mistyped_library_number_is_caught(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each of the checks on loading notices its own kind of slip."""
    source = Path(str(phases.files("natriface.structures.crystals") / "phases.yaml"))
    text = source.read_text()
    slips = {
        "expands to 8 positions, not 4": ("- [P1, P, 4, 0, 0.45834854", "- [P1, P, 4, 0.04, 0.458"),
        "density": ("cell: [15.80284415,", "cell: [16.80284415,"),
        "apart, less than": ("0.0798494, 0.35905075", "0.0398494, 0.43905075"),
        "sites hold": ("formula: Na3Zr2Si2PO12", "formula: Na3Zr2Si2PO11"),
        "sum to": ("charges: {Na: 1, Zr: 4, Si: 4, P: 5,", "charges: {Na: 1, Zr: 4, Si: 4, P: 3,"),
    }
    for message, (old, new) in slips.items():
        assert old in text
        (tmp_path / "phases.yaml").write_text(text.replace(old, new))
        with monkeypatch.context() as patch:
            patch.setattr(phases, "files", lambda _: tmp_path)
            phases._library.cache_clear()
            phases._library_phase.cache_clear()
            with pytest.raises(StructureError, match=message):
                phases._library_phase("NZSP-C2c-ordered")
    phases._library.cache_clear()
    phases._library_phase.cache_clear()
    shutil.rmtree(tmp_path)
    assert load_phase("NZSP").formula == "Na3Zr2Si2PO12"


def test_formulas() -> None:
    assert parse_formula("Na3Zr2Si2PO12") == {"Na": 3, "Zr": 2, "Si": 2, "P": 1, "O": 12}
    assert reduced_formula({"Na": 12, "P": 4, "O": 16}, {"Na": 1, "P": 5, "O": -2}) == "Na3PO4"
    assert reduced_formula({"Na": 1.5, "Cl": 1.5}) == "ClNa"
    with pytest.raises(StructureError, match="not an element"):
        parse_formula("Xx2O")


@pytest.mark.parametrize(
    ("formula", "states"),
    [
        ("Na3Zr2Si2PO12", {"Na": 1, "Zr": 4, "Si": 4, "P": 5, "O": -2}),
        ("Na3P", {"Na": 1, "P": -3}),
        ("Na3PO4", {"Na": 1, "P": 5, "O": -2}),
        ("SnF2", {"Sn": 2, "F": -1}),
        ("Na2SO4", {"Na": 1, "S": 6, "O": -2}),
        ("Na9Sn4", None),
        ("ZrSi", None),
        ("Na", None),
    ],
)
def test_oxidation_states_balance(formula: str, states: dict[str, int] | None) -> None:
    assert balanced_states(parse_formula(formula)) == states


def test_formal_charges_of_atoms() -> None:
    charges = formal_charges([11, 9, 11, 9])
    assert charges is not None
    assert charges.tolist() == [1, -1, 1, -1]
    with pytest.raises(StructureError, match="no oxidation state given for F"):
        formal_charges([11, 9], {"Na": 1})


@settings(max_examples=40, deadline=None)
@example(hall=334, position=(0.74661803, 0.99820448, 0.50227027))
@example(hall=401, position=(0.49800871, 0.50218454, 0.91757456))
@example(hall=408, position=(1.00220875, 1.00136093, 0.50164047))
@given(
    hall=st.integers(1, 530),
    position=st.tuples(*[st.floats(0, 1, allow_nan=False)] * 3),
)
def test_expansion_is_closed_under_the_group(
    hall: int, position: tuple[float, float, float]
) -> None:
    operations = database_operations(hall)
    # the metric that the operations have: that of a cube, averaged over them
    metric = np.mean([w.T @ w for w in operations.rotations], axis=0)
    cell = 10.0 * np.linalg.cholesky(metric)
    images = expand_site(position, operations, cell)
    assert len(operations) % len(images) == 0  # orbit-stabiliser theorem
    for image in images:
        again = expand_site(image, operations, cell)
        separations = again[:, None] - images[None]
        separations -= np.round(separations)
        assert np.abs(separations).max(axis=2).min(axis=1).max() < 1e-9


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    matrix=st.lists(st.integers(-2, 2), min_size=9, max_size=9),
)
def test_a_phase_knows_itself_in_any_cell_and_orientation(seed: int, matrix: list[int]) -> None:
    whole = np.array(matrix).reshape(3, 3)
    if not 1 <= round(np.linalg.det(whole)) <= 4:
        return
    generator = np.random.default_rng(seed)
    known = load_phase("Na2SiO3")
    cell, positions, origins = supercell_sites(known.cell, known.scaled_positions, whole)
    order = generator.permutation(len(origins))
    atoms = Atoms(known.atoms.numbers[origins[order]], cell=cell, pbc=True)
    atoms.set_scaled_positions(positions[order] + generator.random(3))
    axis, angle = generator.normal(size=3), generator.uniform(0, 360)
    atoms.rotate(angle, axis, rotate_cell=True)
    phase = phase_from_atoms(atoms, "copy", "a test")
    assert phase.space_group_number == known.space_group_number
    assert phase.density_g_cm3 == pytest.approx(known.density_g_cm3)
    assert phase.shortest_distance_angstrom == pytest.approx(known.shortest_distance_angstrom)
    assert phase.formula == known.formula


def test_nearest_distances_are_minimum_images() -> None:
    generator = np.random.default_rng(7)
    cell = np.array([[5.0, 0, 0], [1.0, 6.0, 0], [-1.0, 1.5, 7.0]])
    scaled = generator.random((12, 3))
    atoms = Atoms("Na12", cell=cell, scaled_positions=scaled, pbc=True)
    found = nearest_distances(cell, scaled, np.arange(12), block=5)
    expected = atoms.get_all_distances(mic=True)
    off = ~np.eye(12, dtype=bool)
    assert found[off] == pytest.approx(expected[off])
    assert np.diag(found) == pytest.approx(5.0)


def test_operations_of_unknown_settings() -> None:
    with pytest.raises(StructureError, match="1 to 530"):
        database_operations(531)
    with pytest.raises(StructureError, match="positive determinant"):
        supercell_sites(np.eye(3), [[0, 0, 0]], -np.eye(3))

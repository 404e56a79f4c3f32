"""VASP inputs: tag by tag what the protocol says, readable by pymatgen, refused where wrong."""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111, molecule
from ase.constraints import FixAtoms
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.io.vasp.inputs import BadIncarWarning, Incar, Kpoints, Poscar

from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import EngineError, StudyError
from natriface.workflows.engines.base import Estimate, engine
from natriface.workflows.engines.gpaw.settings import GpawSettings
from natriface.workflows.engines.kpoints import dipole_center, kpoint_mesh, n_irreducible
from natriface.workflows.engines.machine import Machine, load_machine
from natriface.workflows.engines.plane_waves import electronic_step_core_seconds, plane_waves
from natriface.workflows.engines.relaxation import rattle
from natriface.workflows.engines.vasp.estimate import (
    PROCESS_MB,
    default_n_bands,
    rounded_n_bands,
    shared_mb,
)
from natriface.workflows.engines.vasp.incar.settings import parse_settings
from natriface.workflows.engines.vasp.incar.spreading import spread
from natriface.workflows.engines.vasp.input_texts import incar_text, kpoints_text, poscar_text
from natriface.workflows.engines.vasp.inputs import VaspInputs, vasp_inputs, write_inputs
from natriface.workflows.engines.vasp.lobster_basis import n_basis_functions
from natriface.workflows.engines.vasp.running.run import prepare_attempt
from natriface.workflows.plan import Step, StructureFrom
from natriface.workflows.protocols import load_protocol
from natriface.workflows.queues.limits import QueueLimits, Shape
from natriface.workflows.queues.resources import resources

KINDS = ("relax", "static", "dos", "elf", "lobster", "md")
MACHINE = Machine()


def rocksalt_slab(layers: int = 5, vacuum: float = 10.0) -> Atoms:
    unit = bulk("NaF", "rocksalt", a=4.62, cubic=True)
    slab = unit.repeat((1, 1, layers // 2 + 1))
    slab = slab[[i for i, z in enumerate(slab.positions[:, 2]) if z < 2.31 * layers - 0.1]]
    slab.center(vacuum=vacuum, axis=2)
    return slab


def vasp_step(
    atoms: Atoms, kind: str = "static", protocol: str = "li2025", **overrides: Any
) -> Step:
    chosen = load_protocol(protocol)
    choices = chosen.choices("vasp", kind)
    return Step(
        name=f"test {kind}",
        kind=kind,
        engine="vasp",
        protocol=protocol,
        settings=chosen.settings("vasp", kind, overrides),
        sources={key: choice.source for key, choice in choices.items() if key not in overrides},
        n_atoms=len(atoms),
        structure=to_document(atoms),
    )


def inputs_of(atoms: Atoms, kind: str = "static", **overrides: Any) -> VaspInputs:
    return vasp_inputs(vasp_step(atoms, kind, **overrides), atoms, MACHINE)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("protocol", ["li2025", "fast", "precise"])
def test_files_say_what_the_protocol_says_tag_by_tag(
    tmp_path: Path, protocol: str, kind: str
) -> None:
    atoms = rocksalt_slab()
    step = vasp_step(atoms, kind, protocol)
    write_inputs(tmp_path, vasp_inputs(step, atoms, MACHINE), MACHINE)
    incar = Incar.from_file(str(tmp_path / "INCAR"))
    for key, choice in load_protocol(protocol).choices("vasp", kind).items():
        if key == key.upper():
            assert incar[key] == choice.value, key
            assert choice.source in (tmp_path / "INCAR").read_text(), key
    decided = {"lobster": {"NBANDS"}, "elf": {"NPAR", "KPAR"}}.get(kind, set())
    if kind == "relax":  # its rattle leaves no symmetry, and the faces differ
        decided = {"ISYM", "LDIPOL", "IDIPOL", "DIPOL"}
    assert incar.keys() == {key for key in step.settings if key.isupper()} | decided
    with warnings.catch_warnings():
        warnings.simplefilter("error", BadIncarWarning)
        # VASP takes a whole number for a real one, pymatgen before 2026 does not
        warnings.filterwarnings("ignore", "SMASS: 0 is not a float")
        incar.check_params()
    poscar = Poscar.from_file(str(tmp_path / "POSCAR"))
    assert len(poscar.structure) == len(atoms)
    spacing = step.settings["kpoint_spacing_per_angstrom"]
    mesh = Kpoints.from_file(str(tmp_path / "KPOINTS")).kpts[0]
    assert tuple(mesh) == kpoint_mesh(atoms, spacing)
    assert mesh[2] == 1
    assert (tmp_path / "POTCAR.spec").read_text().split() == ["Na_pv", "F"]


def test_children_inherit_and_say_only_what_differs() -> None:
    parent = load_protocol("li2025").settings("vasp", "relax")
    for name in ("fast", "precise"):
        child = load_protocol(name).settings("vasp", "relax")
        assert child.keys() == parent.keys()
        assert child["LASPH"] is parent["LASPH"]
        assert child["ENCUT"] != parent["ENCUT"]


def test_one_protocol_gives_like_settings_to_every_kind_of_energy() -> None:
    """What decides an energy must not differ between relaxation and single point."""
    path = {"IBRION", "NSW", "ISIF", "EDIFFG", "NELMIN", "LWAVE", "LCHARG", "rattle_angstrom"}
    protocol = load_protocol("li2025")
    relax, static = (protocol.settings("vasp", kind) for kind in ("relax", "static"))
    assert {k: v for k, v in relax.items() if k not in path} == {
        k: v for k, v in static.items() if k not in path
    }


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"ENCU": 480}, "no INCAR tag 'ENCU' .did you mean 'ENCUT'"),
        ({"encut": 480}, "did you mean 'ENCUT'"),
        ({"ENCUT": "480 eV"}, "ENCUT takes float"),
        ({"EDIFF": "1e-5"}, "write 1.0e-5"),
        ({"ISMEAR": 0.5}, "ISMEAR takes int"),
        ({"LASPH": 1}, "LASPH takes bool"),
        ({"ALGO": "Fsat"}, "did you mean 'Fast'"),
        ({"dipol": "auto"}, "did you mean 'dipole'"),
        ({"handlers": "brave"}, "consistent"),
        ({"KSPACING": 0.3}, "kpoint_spacing_per_angstrom"),
        ({"NCORE": 4}, "machine"),
        ({"kpoint_spacing_per_angstrom": -1}, "greater than"),
        ({"potcars": {"Na": "Na_gw"}}, "no POTCAR 'Na_gw' for Na"),
        ({"potcar_functional": "PBE54"}, "did you mean 'PBE_54'"),
        ({"MAGMOM": [1.0]}, "MAGMOM has 1 values"),
    ],
)
def test_wrong_settings_are_refused_with_the_nearest_valid_one(
    wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(EngineError, match=message):
        inputs_of(rocksalt_slab(), "relax", **wrong)


def test_left_handed_cells_and_bands_without_images_are_refused() -> None:
    atoms = bulk("NaF", "rocksalt", a=4.62)
    left = atoms.copy()
    left.set_cell(left.cell[[1, 0, 2]], scale_atoms=False)
    with pytest.raises(EngineError, match="left-handed"):
        inputs_of(left)
    with pytest.raises(EngineError, match="final end point"):
        inputs_of(atoms, "neb")


def test_band_gets_a_folder_for_each_image(tmp_path: Path) -> None:
    atoms = rocksalt_slab()
    images = []
    for shift in (0.0, 0.5, 1.0):
        image = atoms.copy()
        image.positions[0, 0] += shift
        images.append(to_document(image))
    write_inputs(tmp_path, inputs_of(atoms, "neb", images=images), MACHINE)
    assert Incar.from_file(str(tmp_path / "INCAR"))["IMAGES"] == 1
    starts = [
        Poscar.from_file(str(tmp_path / f"{n:02d}" / "POSCAR")).structure.cart_coords[0, 0]
        for n in range(3)
    ]
    assert np.diff(starts) == pytest.approx([0.5, 0.5])


def test_atoms_are_grouped_and_frozen_ones_held(tmp_path: Path) -> None:
    atoms = rocksalt_slab()
    lowest = np.argsort(atoms.positions[:, 2])[:4]
    atoms.set_constraint(FixAtoms(indices=lowest))
    inputs = inputs_of(atoms, "relax", rattle_angstrom=0.0)
    write_inputs(tmp_path, inputs, MACHINE)
    poscar = Poscar.from_file(str(tmp_path / "POSCAR"))
    assert poscar.site_symbols == ["Na", "F"]
    assert np.allclose(poscar.structure.cart_coords, atoms.positions[inputs.order])
    held = [i for i, flags in enumerate(poscar.selective_dynamics) if not flags[0]]
    assert sorted(inputs.order[i] for i in held) == sorted(lowest)


# ---- k-points and dipoles ---------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(*[st.floats(3, 30) for _ in range(3)]),
    st.floats(0.1, 1.0),
    st.integers(1, 3),
)
def test_mesh_is_as_dense_as_asked_and_follows_supercells(
    lengths: tuple[float, float, float], spacing: float, factor: int
) -> None:
    atoms = Atoms("Na", cell=lengths, pbc=True)
    for n, length in zip(kpoint_mesh(atoms, spacing), lengths, strict=True):
        if length < 7.99:
            assert 2 * math.pi / length / n <= spacing * (1 + 1e-6)
            assert n == 1 or 2 * math.pi / length / (n - 1) > spacing * (1 - 1e-6)
        elif length > 8.01:
            assert n == 1
    dense = Atoms("Na", cell=[4, 4, 4], pbc=True)
    large = kpoint_mesh(dense.repeat(factor), spacing)
    assert all(n * factor >= m for n, m in zip(large, kpoint_mesh(dense, spacing), strict=True))


def test_irreducible_points_of_rocksalt() -> None:
    """The 4x4x4 Gamma-centred mesh of an fcc crystal has 8 irreducible points."""
    atoms = bulk("NaF", "rocksalt", a=4.62)
    assert n_irreducible(atoms, (4, 4, 4)) == 8
    assert n_irreducible(atoms, (4, 4, 4), isym=-1) == 64
    assert n_irreducible(atoms, (4, 4, 4), isym=0) == 36


def test_dipole_correction_only_where_the_faces_differ() -> None:
    slab = rocksalt_slab()
    assert dipole_center(slab) is None
    adsorbed = slab + Atoms("Na", [[0, 0, slab.positions[:, 2].max() + 2.5]])
    center = dipole_center(adsorbed)
    assert center is not None
    heights = adsorbed.get_scaled_positions()[:, 2]
    assert center == pytest.approx((heights.min() + heights.max()) / 2)
    frozen = slab.copy()
    frozen.set_constraint(FixAtoms(indices=[int(np.argmin(slab.positions[:, 2]))]))
    assert dipole_center(frozen) is not None
    assert dipole_center(bulk("NaF", "rocksalt", a=4.62)) is None
    lone = molecule("H2O")
    lone.center(vacuum=10)
    assert dipole_center(lone) is None
    tags = inputs_of(adsorbed).tags
    assert (tags["IDIPOL"], tags["LDIPOL"]) == (3, True)
    assert "IDIPOL" not in inputs_of(slab).tags
    assert "IDIPOL" not in inputs_of(adsorbed, dipole="off").tags


def test_one_slab_is_corrected_alike_from_all_starts() -> None:
    """A start that is displaced ends with faces that differ, as a start that had no symmetry."""
    slab = rocksalt_slab()
    relaxed = slab.copy()
    relaxed.positions[np.argmax(slab.positions[:, 2]), 2] += 0.1  # as a contact leaves it
    for atoms in (slab, relaxed):
        assert inputs_of(atoms, "relax").tags["LDIPOL"]
    assert inputs_of(relaxed, "static").tags["LDIPOL"]
    # symmetry that is kept: no dipole, with or without
    assert "LDIPOL" not in inputs_of(slab, "relax", rattle_angstrom=0).tags
    assert "LDIPOL" not in inputs_of(slab, "static").tags


def test_a_band_is_corrected_where_one_image_has_two_faces() -> None:
    slab = rocksalt_slab()
    images = [to_document(slab) for _ in range(3)]
    assert "LDIPOL" not in inputs_of(slab, "neb", images=images).tags
    between = slab.copy()
    between.positions[np.argmax(slab.positions[:, 2]), 2] += 0.5
    images[1] = to_document(between)
    assert inputs_of(slab, "neb", images=images).tags["LDIPOL"]


def test_dipole_center_does_not_care_where_the_slab_lies() -> None:
    slab = fcc111("Al", (1, 1, 3), vacuum=10, periodic=True)
    slab += Atoms("Na", [[0, 0, slab.positions[:, 2].max() + 2.5]])
    first = dipole_center(slab)
    assert first is not None
    slab.positions[:, 2] += 0.37 * slab.cell[2, 2]
    slab.wrap()
    second = dipole_center(slab)
    assert second is not None
    assert (second - first) % 1 == pytest.approx(0.37)


# ---- starts of relaxations ----------------------------------------------------------------------


def test_a_rattled_start_is_that_of_the_other_engines(tmp_path: Path) -> None:
    slab = rocksalt_slab()
    slab.set_constraint(FixAtoms(indices=np.argsort(slab.positions[:, 2])[:4]))
    expected = slab.copy()
    rattle(expected, GpawSettings(rattle_angstrom=0.03))
    inputs = inputs_of(slab, "relax")
    assert np.array_equal(inputs.atoms.positions, expected.positions[inputs.order])
    assert inputs.tags["ISYM"] == 0
    write_inputs(tmp_path, inputs, MACHINE)
    written = Poscar.from_file(str(tmp_path / "POSCAR")).structure
    assert np.allclose(written.cart_coords, expected.positions[inputs.order])
    text = (tmp_path / "INCAR").read_text()
    assert "use of symmetry; 0 only k and -k, -1 none. rattle_angstrom: 0.03\nISYM = 0" in text
    assert "displaced at random by 0.03 A (seed 2025)" in text
    other = inputs_of(slab, "relax", rattle_seed=1)
    assert not np.array_equal(other.atoms.positions, inputs.atoms.positions)
    assert "ISYM" not in inputs_of(slab, "relax", rattle_angstrom=0).tags
    assert inputs_of(slab, "relax", ISYM=-1).tags["ISYM"] == -1
    single = inputs_of(slab, "static", rattle_angstrom=0.03)
    assert np.array_equal(single.atoms.positions, slab.positions[single.order])


@pytest.mark.parametrize("contcar", [True, False])
def test_a_rattled_start_is_not_rattled_again(tmp_path: Path, contcar: bool) -> None:
    inputs = inputs_of(rocksalt_slab(), "relax")
    write_inputs(tmp_path, inputs, MACHINE)
    prepare_attempt(tmp_path, inputs, MACHINE)
    begun = (tmp_path / "POSCAR").read_text()
    (tmp_path / "OUTCAR").write_text("cut off")
    moved = inputs.atoms.copy()
    moved.positions[0, 2] += 0.02
    left = poscar_text(moved, inputs.name)
    if contcar:
        (tmp_path / "CONTCAR").write_text(left)
    prepare_attempt(tmp_path, inputs, MACHINE)
    assert (tmp_path / "POSCAR").read_text() == (left if contcar else begun)
    assert "ISYM = 0" in (tmp_path / "INCAR").read_text()


def test_an_incar_tells_of_pulay_stress_where_the_cell_relaxes() -> None:
    crystal = bulk("NaF", "rocksalt", a=4.62)
    free = incar_text(inputs_of(crystal, "relax", ISIF=3, rattle_angstrom=0.0))
    assert "# Pulay stress:" in free
    assert "again from CONTCAR" in free
    assert "ENCUT: 520" in free
    assert "Pulay" not in incar_text(inputs_of(crystal, "relax"))


def test_kpoints_speak_of_vacuum_only_where_there_is_one() -> None:
    assert kpoints_text(inputs_of(bulk("NaF", "rocksalt", a=4.62))).startswith(
        "at most 0.25 1/A apart\n"
    )
    assert kpoints_text(inputs_of(rocksalt_slab())).startswith(
        "at most 0.25 1/A apart, one along vacuum\n"
    )


# ---- sizes ------------------------------------------------------------------------------------


def test_lobster_gets_a_band_for_each_basis_function_after_rounding() -> None:
    atoms = bulk("NaF", "rocksalt", a=4.62, cubic=True)
    machine = Machine(cores=24, incar={"NCORE": 2})
    inputs = vasp_inputs(vasp_step(atoms, "lobster"), atoms, machine)
    assert inputs.basis == {"Na": ("2p", "3s"), "F": ("2p", "2s")}
    assert n_basis_functions(atoms.get_chemical_symbols(), inputs.basis) == 4 * 4 + 4 * 4
    assert inputs.tags["NBANDS"] >= 32
    assert inputs.tags["NBANDS"] % 12 == 0
    with pytest.raises(EngineError, match="lobster_basis"):
        inputs_of(bulk("Al"), "lobster", potcars={"Al": "Al_GW"})


@given(st.integers(1, 2000), st.integers(1, 128), st.sampled_from([1, 2, 4]))
def test_rounding_of_bands_is_up_and_whole(bands: int, cores: int, ncore: int) -> None:
    rounded = rounded_n_bands(bands, cores, {"NCORE": ncore})
    assert rounded >= bands
    assert rounded % max(1, cores // ncore) == 0


@given(st.integers(1, 512), st.integers(1, 300))
def test_cores_are_shared_out_whole_and_hardly_idle(cores: int, n_kpoints: int) -> None:
    found = spread({"KPAR": "auto", "NCORE": "auto", "NSIM": 4}, cores, n_kpoints)
    assert found["NSIM"] == 4
    kpar, ncore = found["KPAR"], found["NCORE"]
    assert cores % (kpar * ncore) == 0
    assert ncore**2 <= cores // kpar
    rounds = -(-n_kpoints // kpar)
    assert kpar <= n_kpoints <= kpar * rounds
    assert n_kpoints >= 0.75 * kpar * rounds


@pytest.mark.parametrize(
    ("spacing", "expected"), [(3.0, {"KPAR": 1, "NCORE": 8}), (0.5, {"KPAR": 4, "NCORE": 4})]
)
def test_kpar_and_ncore_by_step(spacing: float, expected: dict[str, int]) -> None:
    """Gamma alone; and 10 irreducible points, on which 8 groups would rest for a third."""
    atoms = bulk("NaF", "rocksalt", a=4.62)
    machine = Machine(cores=64, incar={"KPAR": "auto", "NCORE": "auto"})
    step = vasp_step(atoms, kpoint_spacing_per_angstrom=spacing)
    inputs = vasp_inputs(step, atoms, machine)
    assert {tag: inputs.tags[tag] for tag in expected} == expected
    assert "auto for 64 cores" in inputs.sources["KPAR"]
    given = Machine(cores=64, incar={"KPAR": 2, "NCORE": "auto"})
    tags = vasp_inputs(step, atoms, given).tags
    assert (tags["KPAR"], tags["NCORE"]) == (2, 4)
    with pytest.raises(ValueError, match="NPAR"):
        Machine(incar={"NPAR": "auto"})
    with pytest.raises(ValueError, match="KPAR takes a number or auto, not 'autom'"):
        Machine(incar={"KPAR": "autom"})


def test_elf_is_computed_as_its_parallel_limits_want() -> None:
    atoms = bulk("NaF", "rocksalt", a=4.62)
    machine = Machine(cores=16, incar={"NCORE": 4, "KPAR": 4})
    tags = vasp_inputs(vasp_step(atoms, "elf"), atoms, machine).tags
    assert (tags["NPAR"], tags["KPAR"]) == (1, 1)
    assert "NCORE" not in tags


@pytest.mark.parametrize("encut_ev", [300.0, 520.0])
@pytest.mark.parametrize("lengths", [(7.0, 9.0, 11.0), (4.5, 4.5, 30.0)])
def test_plane_waves_are_the_vectors_below_the_cutoff(
    lengths: tuple[float, float, float], encut_ev: float
) -> None:
    """Counted one by one, with hbar^2 / 2m = 3.80998 eV A^2."""
    index = np.stack(np.meshgrid(*[np.arange(-80, 81)] * 3, indexing="ij"), axis=-1)
    squares = ((2 * np.pi * index / np.array(lengths)) ** 2).sum(axis=-1)
    counted = int((3.80998 * squares < encut_ev).sum())
    assert plane_waves(math.prod(lengths), encut_ev) == pytest.approx(counted, rel=0.03)


@given(
    st.integers(1, 60), st.integers(4, 800), st.integers(500, 200_000), st.sampled_from([2, 3, 5])
)
def test_a_step_takes_longer_the_larger_it_is(k: int, bands: int, waves: int, factor: int) -> None:
    """In proportion to k-points; with bands by more than in proportion, by less than cubed."""
    grid = 8 * waves
    one = electronic_step_core_seconds(k, bands, waves, grid)
    many = electronic_step_core_seconds(factor * k, bands, waves, grid)
    assert many == pytest.approx(factor * one)
    wide = electronic_step_core_seconds(k, factor * bands, waves, grid)
    assert factor * 0.99 < wide / one < factor**3 * 1.01
    assert electronic_step_core_seconds(k, bands, factor * waves, factor * grid) > one


SIZES = {
    "kpoints": r"NKPTS =\s*(\d+)",
    "bands": r"NBANDS=\s*(\d+)",
    "grid": r"NPLWV =\s*(\d+)",
    "volume": r"(?s)VOLUME and BASIS.*?volume of cell :\s*([\d.]+)",
    "encut": r"ENCUT\s*=\s*([\d.]+)",
    "spins": r"ISPIN\s*=\s*(\d)",
}


def real_runs(shared: Path) -> Iterator[tuple[str, dict[str, float]]]:
    """Real OUTCARs that tell all of `SIZES`: their text, and these."""
    for path in sorted((shared / "data").rglob("OUTCAR*")):
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", errors="replace") as file:
            text = file.read()
        found = {name: re.search(pattern, text) for name, pattern in SIZES.items()}
        value = {name: float(match[1]) for name, match in found.items() if match}
        if value.keys() == SIZES.keys():
            yield text, value


def test_sizes_agree_with_real_runs(shared: Path) -> None:
    """Default NBANDS, plane waves and the time of an electronic step, against real OUTCARs."""
    ratios, checked = [], 0
    for text, value in real_runs(shared):
        loops = [float(x) for x in re.findall(r"LOOP: .*real time\s*([\d.]+)", text)]
        cores = re.search(r"running on\s+(\d+) (?:total cores|nodes)", text)
        if cores is None or len(loops) < 3:
            continue
        waves = plane_waves(value["volume"], value["encut"])
        counted = re.search(r"k-point +1 :.*plane waves: +(\d+)", text)
        if counted and int(counted[1]) > 500:
            half = 2 if "gamma-only" in text else 1  # that build keeps half of the sphere
            assert waves == pytest.approx(half * int(counted[1]), rel=0.05)
            checked += 1
        work = value["kpoints"] * value["spins"]
        model = electronic_step_core_seconds(
            int(work), int(value["bands"]), waves, int(value["grid"])
        )
        real = float(np.median(loops)) * float(cores[1])
        if real > 70:
            ratios.append(real / model)
    assert checked > 20
    assert len(ratios) > 15
    assert 0.8 < np.median(ratios) < 1.25
    assert all(1 / 2.5 < ratio < 2.5 for ratio in ratios)


def test_the_memory_asked_for_holds_real_runs(shared: Path) -> None:
    """A process' "Maximum memory used" in real OUTCARs: of 4 to 128 processes, KPAR up to 16."""
    checked = 0
    for text, value in real_runs(shared):
        most = re.search(r"Maximum memory used \(kb\):\s*(\d+)", text)
        ran = re.search(r"running(?: on)?\s+(\d+) (?:total cores|nodes|mpi-ranks)", text)
        used_mb = float(most[1]) / 1e3 if most else 0.0
        if ran is None or not 0 < used_mb < 5e3:  # none is told, or bytes are
            continue
        cores = int(ran[1])
        group = re.search(r"each k-point on\s+(\d+) cores", text)
        n_groups = cores // int(group[1]) if group else 1
        waves = plane_waves(value.pop("volume"), value.pop("encut"))
        shared_out = shared_mb(
            *(int(value[name]) for name in ("kpoints", "spins", "bands")),
            *(waves, int(value["grid"]), n_groups),
        )
        limits = QueueLimits(engines={"vasp": Shape(tasks=cores)}, cores_per_node=cores)
        needs = resources("x", "vasp", Estimate(1, PROCESS_MB + shared_out, ""), limits)
        assert used_mb <= needs.memory_mb / cores < 12 * used_mb
        checked += 1
    assert checked > 20


def test_groups_of_k_points_hold_all_orbitals_each() -> None:
    atoms = rocksalt_slab()
    one, eight = (
        vasp_inputs(vasp_step(atoms), atoms, machine).size.memory_mb
        for machine in (MACHINE, Machine(cores=8, incar={"KPAR": 8}))
    )
    assert eight - PROCESS_MB == pytest.approx(8 * (one - PROCESS_MB))


def test_estimate_without_a_structure_is_near_the_one_with() -> None:
    atoms = rocksalt_slab(5).repeat((2, 1, 1))
    known = vasp_step(atoms)
    unknown = known.model_copy(
        update={"structure": None, "structure_from": StructureFrom(step="0" * 12)}
    )
    with_it, without = (engine("vasp").estimate(step) for step in (known, unknown))
    assert 0.2 < without.core_seconds / with_it.core_seconds < 5
    assert "not known yet" in without.basis


def test_default_bands() -> None:
    """8 electrons in 2 atoms of silicon: VASP takes 8 bands."""
    assert default_n_bands(8, 2) == 8
    assert default_n_bands(720, 120) == 432


@pytest.mark.parametrize(
    ("n_electrons", "n_atoms", "moment", "groups", "taken"),
    [
        *((256, 40, 59.2, 2, 184), (112, 16, 16.0, 12, 84), (80, 12, 0.0, 12, 48)),
        *((588, 65, 65.0, 32, 416), (32, 8, 8.0, 1, 25), (2341, 253, 52.487, 15, 1440)),
        (203, 25, 50.2, 6, 150),
    ],
)
def test_bands_with_spin(
    n_electrons: float, n_atoms: int, moment: float, groups: int, taken: int
) -> None:
    """Electrons, atoms, sum of MAGMOM, NPAR and NBANDS of real spin-polarised runs of VASP."""
    least = default_n_bands(n_electrons, n_atoms, moment)
    assert rounded_n_bands(least, 1, {"NPAR": groups}) == taken


def test_bands_and_cost_follow_the_moments() -> None:
    atoms = rocksalt_slab()
    high_spin = {"Na": 5.0, "F": 1.0}
    plain = inputs_of(atoms, ISPIN=1).size
    zero, default, high = (
        inputs_of(atoms, ISPIN=2, **given).size
        for given in ({"MAGMOM": {"Na": 0.0}}, {}, {"MAGMOM": high_spin})
    )
    assert zero.n_bands == plain.n_bands
    assert default.n_bands == plain.n_bands + (len(atoms) + 1) // 2
    assert high.n_bands > default.n_bands
    assert zero.core_hours < default.core_hours < high.core_hours


def test_moments_are_written_in_runs() -> None:
    slab = rocksalt_slab(4).repeat((3, 2, 1))
    moments = {"Na": 0.6, "F": -0.1}
    inputs = inputs_of(slab, ISPIN=2, MAGMOM=moments)
    text = incar_text(inputs)
    n = len(slab) // 2
    assert f"MAGMOM = {n}*0.6 {n}*-0.1\n" in text
    assert Incar.from_str(text)["MAGMOM"] == inputs.tags["MAGMOM"]
    assert len(inputs.tags["MAGMOM"]) == len(slab)
    uneven = [0.0] * (2 * n - 2) + [1.5, 2.0]
    assert f"MAGMOM = {2 * n - 2}*0.0 1.5 2.0\n" in incar_text(
        replace(inputs, tags={**inputs.tags, "MAGMOM": uneven})
    )


# ---- the machine and POTCARs ------------------------------------------------------------------


def test_without_vasp_the_check_says_how_to_see_the_inputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("cores: 4\n")
    monkeypatch.setenv("NATRIFACE_CONFIG", str(config))
    step = vasp_step(rocksalt_slab())
    with pytest.raises(EngineError, match=r"vasp_command.*natriface inputs"):
        engine("vasp").check(step)
    config.write_text("vasp_command: no_such_vasp_here\npotcars_required: false\n")
    with pytest.raises(EngineError, match="no program 'no_such_vasp_here'"):
        engine("vasp").check(step)
    config.write_text("vasp_command: sh\n")
    monkeypatch.delenv("PMG_VASP_PSP_DIR", raising=False)
    with pytest.raises(EngineError, match=r"POTCARs.*natriface inputs"):
        engine("vasp").check(step)
    monkeypatch.setenv("PMG_VASP_PSP_DIR", str(tmp_path))
    with pytest.raises(EngineError, match="no POTCAR of Na_pv, F in"):
        engine("vasp").check(step)
    config.write_text("vasp_comand: sh\n")
    with pytest.raises(StudyError, match="did you mean 'vasp_command'"):
        load_machine()
    config.write_text("gpaw_parallel: {bnd: 2}\n")
    with pytest.raises(StudyError, match=r"spreads no work by 'bnd' .*did you mean 'band'"):
        load_machine()
    config.write_text("incar: {ENCUT: 300}\n")
    with pytest.raises(StudyError, match="belongs into a protocol"):
        load_machine()
    monkeypatch.setenv("NATRIFACE_CONFIG", str(tmp_path / "nowhere.yaml"))
    with pytest.raises(EngineError, match="is not there"):
        load_machine()


POTCAR_TEXT = """  {title}
   {valence:.8f}
 parameters from PSCTR are:
   VRHFIN ={element}: made up for a test
   LEXCH  = PE
   EATOM  =     1.0000 eV,    1.0000 Ry

   TITEL  = {title}
   LULTRA =        F    use ultrasoft PP ?
   RPACOR =    1.000    partial core radius
   POMASS =   20.000; ZVAL   =   {valence:.3f}    mass and valenz
   ENMAX  =  {enmax:.3f}; ENMIN  =  100.000 eV
END of PSCTR-controll parameters
 local part
   1.0 2.0 3.0
End of Dataset
"""


def potcar_folder(folder: Path, **enmax: float) -> Path:
    for label, energy in enmax.items():
        place = folder / "POT_GGA_PAW_PBE_54" / label
        place.mkdir(parents=True)
        element = label.partition("_")[0]
        title = f"PAW_PBE {label} 01Jan2000"
        (place / "POTCAR").write_text(
            POTCAR_TEXT.format(title=title, element=element, valence=7, enmax=energy)
        )
    return folder


def test_potcars_are_assembled_in_order_and_checked(tmp_path: Path) -> None:
    folder = potcar_folder(tmp_path / "psp", Na_pv=260.0, F=500.0)
    machine = Machine(potcar_directory=folder)
    atoms = rocksalt_slab()
    warned = write_inputs(tmp_path, vasp_inputs(vasp_step(atoms), atoms, machine), machine)
    text = (tmp_path / "POTCAR").read_text()
    assert [line.split()[-2] for line in text.splitlines() if "TITEL" in line] == ["Na_pv", "F"]
    told = " ".join(warned)
    assert "ENMAX of F is 500 eV, above the cut-off of 480 eV" in told
    assert "ENMAX of Na_pv" not in told
    assert "not PAW_PBE F 08Apr2002" in told
    assert "hash" in told


def test_a_damaged_potcar_is_seen_by_its_checksum(tmp_path: Path) -> None:
    folder = potcar_folder(tmp_path / "psp", Na_pv=260.0, F=400.0)
    path = folder / "POT_GGA_PAW_PBE_54" / "F" / "POTCAR"
    content = path.read_text()
    checksum = hashlib.sha256(content.encode()).hexdigest()
    first, rest = content.split("\n", 1)
    whole = f"{first}\n   SHA256 =  {checksum} F/POTCAR\n{rest}"
    machine, atoms = Machine(potcar_directory=folder), rocksalt_slab()
    for text, damaged in ((whole, False), (whole.replace("1.0 2.0", "1.5 2.0"), True)):
        path.write_text(text)
        warned = write_inputs(tmp_path, vasp_inputs(vasp_step(atoms), atoms, machine), machine)
        assert any("own checksum" in warning for warning in warned) is damaged
    document = json.loads((tmp_path / "vasp_inputs.json").read_text())
    assert document["potcars"]["F"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_potcar_of_another_element_is_refused(tmp_path: Path) -> None:
    folder = potcar_folder(tmp_path / "psp", Na_pv=260.0, O=400.0)
    base = folder / "POT_GGA_PAW_PBE_54"
    (base / "O").rename(base / "F")
    machine = Machine(potcar_directory=folder)
    atoms = rocksalt_slab()
    with pytest.raises(EngineError, match="not a POTCAR of F"):
        write_inputs(tmp_path, vasp_inputs(vasp_step(atoms), atoms, machine), machine)


def test_settings_that_differ_little_are_different_work() -> None:
    atoms = rocksalt_slab()
    steps = {vasp_step(atoms, EDIFF=value).id for value in (1e-6, 1e-7, 1e-8)}
    assert len(steps) == 3


def test_settings_are_split_into_tags_and_keys() -> None:
    parsed = parse_settings({"ENCUT": 480, "LREAL": False, "dipole": "off"}, "here")
    assert parsed.tags == {"ENCUT": 480, "LREAL": False}
    assert parsed.keys.dipole == "off"


def test_written_inputs_are_documented(tmp_path: Path) -> None:
    atoms = rocksalt_slab()
    write_inputs(tmp_path, inputs_of(atoms), MACHINE)
    document = json.loads((tmp_path / "vasp_inputs.json").read_text())
    assert document["potcars"]["Na"]["label"] == "Na_pv"
    assert document["potcars"]["Na"]["title"] == "PAW_PBE Na_pv 19Sep2006"
    assert document["potcars"]["Na"]["sha256"] is None
    assert sorted(document["order"]) == list(range(len(atoms)))

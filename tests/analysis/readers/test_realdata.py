"""Outputs of VASP 5 and 6, real and like them: sound ones equal pymatgen's, broken ones say so."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from natriface.analysis.readers.outcar.document import Outcar
from natriface.analysis.readers.vasp.files import find_files
from natriface.analysis.readers.vasp.folder import read_neb_folder, read_vasp_folder
from natriface.analysis.readers.vasprun.document import Vasprun
from natriface.analysis.readers.vasprun.vaspout import Vaspout
from natriface.structures.base.errors import ReaderError
from tests.sources import real_names, samples

LARGE = 400_000
BROKEN = ("unfinished", "full_job_aborted", "postprocess_neb", "LiVO3", "archive")
WRITTEN = [
    "broken/aiida_exit_codes/converged/out/vasprun.xml",
    "broken/aiida_exit_codes/elec-unconverged/out/vasprun.xml",
    "broken/aiida_exit_codes/ionic-unconverged/out/vasprun.xml",
    "broken/custodian_errors_a/max_force/vasprun.xml",
    "broken/pyiron_aborted/full_job_minor_glitch/vasprun.xml",
    "lobster/nomad_Fe/vasprun.xml",
    "vasp/atomate_YPO4-static/vasprun.xml.gz",
    "vasp/pmg_kpoints_opt/vasprun.xml.gz",
    "vasp/pmg_ml_md/vasprun.xml.gz",
    "vasp/pmg_scan_relax/relaxation/vasprun.xml.gz",
    *(f"vasp/random/vasprun.xml.{kind}" for kind in ("plain", "spin", "ncl", "steps")),
    "vasp/sumo_OsO2/vasprun.xml.gz",
]


def real_vaspruns() -> list[str]:
    found = real_names("*/**/*vasprun*")
    return [name for name in found if not any(word in name for word in BROKEN)]


def peer(path: Path) -> Any:
    from pymatgen.io.vasp.outputs import Vasprun as PymatgenVasprun

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return PymatgenVasprun(path, parse_projected_eigen=True, parse_potcar_file=False)
        except ValueError as error:  # an integer printed as ******
            pytest.skip(f"pymatgen cannot read it: {error}")


def by_spin(values: dict[Any, Any]) -> np.ndarray:
    return np.array([values[spin] for spin in sorted(values, key=int, reverse=True)])


@samples(WRITTEN, real_vaspruns(), slow_from_bytes=LARGE)
def test_equals_pymatgen(sample: Path) -> None:
    theirs, ours = peer(sample), Vasprun(sample)
    assert ours.complete
    assert (ours.version or "").lower() == theirs.vasp_version.strip().lower()
    assert ours.symbols == [str(symbol) for symbol in theirs.atomic_symbols]
    assert ours.header.potcar_titles == theirs.potcar_symbols
    equal = np.testing.assert_array_equal
    if theirs.md_data:
        equal(ours.free_energies_ev, [s["energy"]["e_fr_energy"] for s in theirs.md_data])
        equal(ours.forces, [s["forces"] for s in theirs.md_data])
    else:
        steps = theirs.ionic_steps
        equal(ours.free_energies_ev, [s["e_fr_energy"] for s in steps])
        equal(ours.energies_ev[-1], float(theirs.final_energy))
        equal(ours.forces, [s["forces"] for s in steps])
        equal(ours.steps.positions, [s["structure"].frac_coords for s in steps])
        equal(ours.steps.cells, [s["structure"].lattice.matrix for s in steps])
        equal(ours.steps.electronic_counts, [len(s["electronic_steps"]) for s in steps])
        if "stress" in steps[-1]:
            equal(ours.steps.stresses_kb, [s["stress"] for s in steps])
    equal(ours.kpoints, theirs.actual_kpoints)
    equal(ours.kpoint_weights, theirs.actual_kpoints_weights)
    assert (ours.eigenvalues is None) == (not theirs.eigenvalues)
    if ours.eigenvalues is not None:
        levels = by_spin(theirs.eigenvalues)
        equal(ours.eigenvalues, levels[..., 0])
        equal(ours.occupations, levels[..., 1])
    assert (ours.total_dos is None) == (getattr(theirs, "tdos", None) is None)
    if ours.total_dos is not None:
        n = len(theirs.tdos.densities)
        equal(ours.total_dos.energies_ev, theirs.tdos.energies)
        equal(ours.total_dos.densities[:n], by_spin(theirs.tdos.densities))
        assert ours.fermi_level_ev == theirs.efermi
        assert (ours.projected_dos is None) == (not theirs.pdos)
        if ours.projected_dos is not None:
            equal(
                ours.projected_dos.densities[:, :n],
                np.array([[by_spin(o) for o in site.values()] for site in theirs.pdos]).swapaxes(
                    1, 2
                ),
            )
    assert (ours.projections is None) == (not theirs.projected_eigenvalues)
    if ours.projections is not None:
        weights = by_spin(theirs.projected_eigenvalues)
        equal(ours.projections.weights[: len(weights)], weights)
    settings = {key.upper(): value for key, value in theirs.parameters.items()}
    for key in ("NELM", "NSW", "IBRION", "ISMEAR", "ENMAX", "NELECT", "NBANDS", "SIGMA"):
        assert ours.parameters[key] == settings[key]
    result = read_vasp_folder(sample)
    if result.energy_ev is not None:
        assert theirs.converged
        assert result.electronic is not None
        filling = ours.occupations
        if filling is not None and np.isin(filling, (0, 1)).all() and result.electronic.band_gap_ev:
            # otherwise pymatgen takes spacings of a metal's levels and smeared tails for gaps
            gap, lowest, highest, _ = theirs.eigenvalue_band_properties
            assert result.electronic.band_gap_ev == pytest.approx(gap, abs=1e-6)
            assert result.electronic.conduction_band_minimum_ev == lowest
            assert result.electronic.valence_band_maximum_ev == highest


@pytest.mark.parametrize(
    ("folder", "status", "words"),
    [
        ("broken/aiida_exit_codes/converged/out", "converged", ""),
        ("broken/aiida_exit_codes/elec-unconverged/out", "unconverged", "NELM = 8"),
        ("broken/aiida_exit_codes/ionic-unconverged/out", "unconverged", "NSW = 5"),
        ("broken/aiida_exit_codes/unfinished/out", "truncated", "0 finished ionic steps"),
        ("broken/custodian_errors_a/potim", "truncated", "3 finished ionic steps"),
        ("broken/custodian_errors_a/nonconv", "truncated", "only an OSZICAR"),
        ("broken/custodian_errors_a/max_force", "converged", ""),
        ("broken/pyiron_aborted/full_job_aborted", "truncated", "10 electronic steps"),
        ("broken/pyiron_aborted/full_job_minor_glitch", "converged", ""),
        ("broken/pyiron_aborted/outcar_without_nions", "truncated", "0 finished"),
        ("broken/custodian_unconverged/vasprun.xml.scan", "unconverged", "NELM = 100"),
        ("broken/pmg_outcar_stopped/OUTCAR.stopped.gz", "unconverged", "STOPCAR"),
        ("broken/pmg_outcar_stopped/OUTCAR.electrostaticerror.gz", "truncated", "before VASP"),
        ("broken/custodian_stdout_zoo/OUTCAR_auto_nbands_parallel", "truncated", "0 finished"),
        ("vasp/mcx_LiVO3", "truncated", "6 finished ionic steps"),
        ("vasp/pmg_default", "converged", ""),
        ("vasp/pmg_scan_relax/relaxation", "converged", ""),
    ],
)
def test_judgement(data: Path, folder: str, status: str, words: str) -> None:
    result = read_vasp_folder(data / folder)
    assert result.status == status
    assert words in (result.reason or "")
    assert (result.energy_ev is not None) == (status == "converged")


def test_empty_image_folders_are_refused(data: Path) -> None:
    results = read_neb_folder(data / "neb/custodian_neb/postprocess_neb")
    assert {result.status for result in results} == {"failed"}
    with pytest.raises(ReaderError):
        read_vasp_folder(data / "neb/custodian_neb/postprocess_neb")


def test_images_of_a_real_path(data: Path) -> None:
    results = read_neb_folder(data / "neb/aiida_neb_wc/out")
    assert [result.energy_ev for result in results] == [-19.49544029] * 3


OUTPUTS_OF_ONE_RUN = [
    "vasp/aiida_basic", "vasp/pmg_scan_relax/relaxation", "vasp/quacc_run1", "lobster/nomad_Fe",
    "vasp/atomate_YMg2PO4_relax0", "neb/atomate_approx_neb/im1/outputs",
]  # fmt: skip
AND_ELECTRONS = ["vasp/atomate_YPO4-static", "vasp/emmet_raw_vasp_h5"]


@samples(OUTPUTS_OF_ONE_RUN, OUTPUTS_OF_ONE_RUN + AND_ELECTRONS)
def test_outcar_says_the_same(sample: Path, tmp_path: Path) -> None:
    folder = sample
    files = find_files(folder)
    both = read_vasp_folder(folder)
    target = tmp_path / files.paths["OUTCAR"].name
    shutil.copy(files.paths["OUTCAR"], target)
    alone = read_vasp_folder(target)
    assert alone.status == both.status == "converged"
    assert alone.energy_ev == pytest.approx(both.energy_ev, abs=1e-6)
    assert alone.convergence.ionic == both.convergence.ionic
    assert both.timing.cpu_s is not None
    np.testing.assert_allclose(
        alone.forces_ev_per_angstrom or 0, both.forces_ev_per_angstrom or 0, atol=2e-6
    )
    assert alone.stress_ev_per_angstrom3 == pytest.approx(both.stress_ev_per_angstrom3, abs=1e-7)
    assert alone.final_atoms().get_chemical_symbols() == both.final_atoms().get_chemical_symbols()
    np.testing.assert_allclose(
        alone.final_atoms().cell.array, both.final_atoms().cell.array, atol=1e-7
    )
    assert alone.electronic is not None
    assert both.electronic is not None
    assert alone.electronic.fermi_level_ev == pytest.approx(
        both.electronic.fermi_level_ev, abs=1e-4
    )
    assert alone.electronic.band_gap_ev == pytest.approx(both.electronic.band_gap_ev, abs=2e-4)


def test_stress_and_forces_as_ase_reads_them(data: Path) -> None:
    from ase.io import read

    path = data / "vasp/pmg_scan_relax/relaxation/OUTCAR"
    peer_atoms, result = read(path), read_vasp_folder(path)
    assert result.stress_ev_per_angstrom3 == pytest.approx(peer_atoms.get_stress(), abs=1e-8)
    np.testing.assert_allclose(result.forces_ev_per_angstrom or 0, peer_atoms.get_forces())


def test_hdf5_says_the_same(data: Path) -> None:
    pytest.importorskip("h5py")
    folder = data / "vasp/emmet_raw_vasp_h5"
    ours, xml = Vaspout(folder / "vaspout.h5.gz"), Vasprun(folder / "vasprun.xml.gz")
    np.testing.assert_allclose(ours.steps.energies_ev, xml.energies_ev, atol=1e-7)
    np.testing.assert_allclose(ours.steps.forces, xml.forces, atol=1e-7)
    np.testing.assert_allclose(ours.steps.stresses_kb, xml.steps.stresses_kb, atol=1e-6)
    np.testing.assert_allclose(ours.eigenvalues, xml.eigenvalues, atol=1e-4)
    assert ours.projections is not None
    assert xml.projections is not None
    assert ours.projections.orbitals == xml.projections.orbitals
    np.testing.assert_allclose(ours.projections.weights, xml.projections.weights, atol=1e-4)
    assert ours.projected_dos is not None
    assert xml.projected_dos is not None
    np.testing.assert_allclose(ours.projected_dos.densities, xml.projected_dos.densities, atol=1e-4)


def test_gap_where_the_fermi_level_lies_above_the_top_band(data: Path) -> None:
    electronic = read_vasp_folder(data / "vasp/atomate_YPO4-static").electronic
    assert electronic is not None
    assert electronic.band_gap_ev == pytest.approx(5.7999)
    assert electronic.valence_band_maximum_ev == pytest.approx(2.1029)


def test_folder_names_are_not_trusted(data: Path) -> None:
    atoms = read_vasp_folder(data / "vasp/pmg_AlPO4_efg").final_atoms()
    assert "P" not in atoms.get_chemical_symbols()


def test_course_of_molecular_dynamics(data: Path) -> None:
    result = read_vasp_folder(data / "vasp/pmg_ml_md")
    assert result.kind == "md"
    assert len(result.energies_ev) == 100


def test_overflowed_projections_are_marked(data: Path) -> None:
    vasprun = Vasprun(data / "vasp/pmg_kpoints_opt/vasprun.xml.gz")
    assert vasprun.kpoints is not None
    assert len(vasprun.kpoints) == 10  # not the 100 of KPOINTS_OPT
    assert vasprun.eigenvalues is not None
    assert vasprun.eigenvalues.shape[1] == 10


def test_outcar_of_a_crystal_without_titles(data: Path) -> None:
    outcar = Outcar(data / "lobster/nomad_Fe/OUTCAR")
    assert outcar.header.symbols == ["Fe", "Fe"]
    assert outcar.magnetization == pytest.approx(4.3352429)


def test_bands_of_kpoints_opt_equal_pymatgens(data: Path) -> None:
    path = data / "vasp/pmg_kpoints_opt/vasprun.xml.gz"
    ours, theirs = Vasprun(path).kpoints_opt, peer(path).kpoints_opt_props
    assert ours is not None
    equal = np.testing.assert_array_equal
    equal(ours.kpoints, theirs.actual_kpoints)
    equal(ours.weights, theirs.actual_kpoints_weights)
    levels = by_spin(theirs.eigenvalues)
    equal(ours.eigenvalues, levels[..., 0])
    equal(ours.occupations, levels[..., 1])
    assert ours.projections is not None
    equal(ours.projections.weights, by_spin(theirs.projected_eigenvalues))

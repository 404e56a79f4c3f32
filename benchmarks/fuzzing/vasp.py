"""Outputs of VASP: vasprun.xml, OUTCAR, OSZICAR and vaspout.h5, alone and beside each other."""

from __future__ import annotations

import gzip
import io
import tempfile
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fuzzing.target import Reading, Seed, Target
from benchmarks.synthetic_vasprun import Shape, write_vasprun
from natriface.analysis.readers.vasp.folder import read_vasp_folder
from natriface.analysis.readers.vasp.large_arrays import ARRAYS_FILE

SHARED = Path(__file__).resolve().parents[2] / "../shared/data"
_ION = "intermediate/ion_dynamics/"
_BANDS = "results/electron_eigenvalues/"


def read(folder: Path) -> Reading:
    """Everything that natriface gives of a run, the large arrays included."""
    result = read_vasp_folder(folder, with_arrays=True)
    record = result.model_dump(mode="json", exclude={"warnings", "files", "reason", "arrays_file"})
    values: dict[str, Any] = {}
    for part in ("convergence", "electronic", "timing", "settings"):
        values |= {f"{part}.{name}": value for name, value in (record.pop(part) or {}).items()}
    for part in ("initial_structure", "final_structure"):
        structure = record.pop(part)
        if structure is not None:
            values |= {f"{part}.{name}": value for name, value in structure.items()}
    said = [*result.warnings, *([result.reason] if result.reason else [])]
    if result.status != "converged":  # says itself that the rest is not to be relied on
        record["status"] = None
    values |= record
    path = folder / ARRAYS_FILE
    if path.exists():
        with np.load(path) as arrays:
            values |= {f"arrays.{name}": arrays[name] for name in arrays.files}
        path.unlink()
    return Reading(values, said)


def _written(**facts: Any) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return write_vasprun(Path(folder) / "vasprun.xml", Shape(**facts)).read_bytes()


@cache
def _written_tree() -> dict[str, bytes]:
    from tests.written import lobster_tree, vasp_tree

    return lobster_tree.files() | vasp_tree.files()


def _of(title: str, folder: str, *names: str) -> list[Seed]:
    """A run by its real files, or where these are absent by those that the tests write."""
    found = {}
    for name in names:
        path = f"{folder}/{name}"
        real = (SHARED / path).read_bytes() if SHARED.is_dir() else None
        data = real or _written_tree().get(path)
        if data is None:
            return []
        found[name.removesuffix(".gz")] = gzip.decompress(data) if name.endswith(".gz") else data
    return [Seed(title, found)]


def xml_seeds() -> Sequence[Seed]:
    """A vasprun.xml alone."""
    seeds = [
        Seed("static", {"vasprun.xml": _written()}),
        Seed("relaxed", {"vasprun.xml": _written(nsw=9, ibrion=2, n_steps=3, selective=True)}),
        Seed("VASP 5, spinors", {"vasprun.xml": _written(modern=False, n_components=4)}),
    ]
    return [
        *seeds,
        *_of("aiida", "broken/aiida_exit_codes/converged/out", "vasprun.xml"),
        *_of("scan", "vasp/pmg_scan_relax/relaxation", "vasprun.xml.gz"),
        *_of("Si", "grid/atomate_Si_locpot", "vasprun.xml.gz"),
    ]


def outcar_seeds() -> Sequence[Seed]:
    """An OUTCAR alone."""
    return [
        *_of("relaxed", "broken/aiida_exit_codes/converged/out", "OUTCAR"),
        *_of("scan", "vasp/pmg_scan_relax/scan_relaxation", "OUTCAR"),
        *_of("Si", "grid/atomate_Si_locpot", "OUTCAR.gz"),
        *_of("aiida", "vasp/aiida_basic", "OUTCAR"),
    ]


def folder_seeds() -> Sequence[Seed]:
    """Outputs of one run beside each other, one of them damaged."""
    lobster = "lobster/custodian_vasp_lobster_v51"
    return [
        *_of("aiida", "broken/aiida_exit_codes/converged/out", "vasprun.xml", "OUTCAR"),
        *_of("scan", "vasp/pmg_scan_relax/relaxation", "vasprun.xml.gz", "OUTCAR"),
        *_of("LOBSTER's", lobster, "vasprun.xml", "OUTCAR", "OSZICAR"),
    ]


def hdf5_seeds() -> Sequence[Seed]:
    """A vaspout.h5 as VASP 6.5 writes it."""
    return [Seed("relaxed", {"vaspout.h5": vaspout()})]


def vaspout(n_steps: int = 3, **changed: Any) -> bytes:
    """A small vaspout.h5 of VASP 6.5.1; `changed` datasets by name, None for those left out."""
    import h5py

    places = np.array([[0, 0, 0], [0.5, 0.5, 0.5]])
    zero = -7.0 - 1e-5 * np.arange(n_steps)
    cell = np.eye(3) * 4.0
    levels = np.array([[[-5.0, -1.0, 3.0], [-4.5, -1.5, 3.5]]])
    mesh = np.linspace(-8, 8, 33)
    content: dict[str, Any] = {
        **{"version/major": 6, "version/minor": 5, "version/patch": 1},
        "input/incar/NSW": 9,
        "input/incar/IBRION": 2,
        "input/incar/EDIFFG": 0.01,
        "input/incar/ISMEAR": 0,
        "input/poscar/ion_types": np.array([b"Na", b"Cl"]),
        "input/poscar/number_ion_types": np.array([1, 1]),
        "input/poscar/lattice_vectors": cell,
        "input/poscar/position_ions": places,
        "input/poscar/scale": 1.0,
        "input/poscar/direct_coordinates": 1,
        "results/positions/position_ions": places,
        "results/positions/lattice_vectors": cell,
        "results/positions/scale": 1.0,
        _ION + "energies": np.stack([zero - 0.001, zero + 0.001, zero], axis=1),
        _ION + "energies_tags": np.array(
            [b"free energy    TOTEN", b"energy without entropy", b"energy(sigma->0)"]
        ),
        _ION + "position_ions": np.array([places] * n_steps),
        _ION + "lattice_vectors": np.array([cell] * n_steps),
        _ION + "scale": 1.0,
        _ION + "forces": np.array([[[0, 0, 0.01], [0, 0, -0.01]]] * n_steps),
        _ION + "stress": np.array([np.eye(3)] * n_steps),
        _ION + "electronic_step_converged": np.zeros((n_steps, 1)),
        _ION + "oszicar": np.array(
            [[n, -7.0, de, de, 9, 0.1, 0] for _ in range(n_steps) for n, de in ((1, -7), (2, 1e-7))]
        ),
        _ION + "oszicar_label": np.array([b"N", b"E", b"dE", b"deps", b"ncg", b"rms", b"rms(c)"]),
        _BANDS + "kpoint_coords": np.array([[0, 0, 0], [0.5, 0, 0]]),
        _BANDS + "kpoints_symmetry_weight": np.array([0.5, 0.5]),
        _BANDS + "eigenvalues": levels,
        _BANDS + "fermiweights": (levels < 0).astype(float),
        **{_BANDS + "ispin": np.int32(1), _BANDS + "kpoints": np.int32(2)},
        **{_BANDS + "nb_tot": np.int32(3), _BANDS + "nions": np.int32(2)},
        _BANDS + "nelectrons": 4.0,
        "results/electron_dos/energies": mesh,
        "results/electron_dos/dos": np.ones((1, 33)),
        "results/electron_dos/dosi": 2.0 * (levels.reshape(1, -1, 1) < mesh).sum(axis=1) / 2,
        "results/electron_dos/efermi": 1.0,
        "results/electron_dos/nedos": np.int32(33),
    } | changed
    file = io.BytesIO()
    with h5py.File(file, "w") as out:
        for name, value in content.items():
            if value is not None:
                out[name] = value
    return file.getvalue()


def pymatgen_run(folder: Path) -> Reading:
    """What pymatgen makes of the same vasprun.xml."""
    from pymatgen.io.vasp.outputs import Vasprun

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*POTCAR.*")  # said of every run without one
        run = Vasprun(str(folder / "vasprun.xml"), parse_potcar_file=False)
    last = run.ionic_steps[-1]
    return Reading(
        {
            "energy_ev": float(run.final_energy),
            "free_energy_ev": float(last["e_fr_energy"]),
            "forces_ev_per_angstrom": np.array(last["forces"]),
            "final_structure.positions": np.array(run.final_structure.cart_coords),
            "electronic.fermi_level_ev": run.efermi,
            "converged": run.converged,
        }
    )


def pymatgen_outcar(folder: Path) -> Reading:
    """What pymatgen makes of the same OUTCAR."""
    from pymatgen.io.vasp.outputs import Outcar

    run = Outcar(str(folder / "OUTCAR"))
    return Reading(
        {
            "energy_ev": run.final_energy,
            "free_energy_ev": run.final_fr_energy,
            "electronic.fermi_level_ev": run.efermi,
            "electronic.n_electrons": run.nelect,
            "electronic.magnetization_bohr_magneton": run.total_mag,
        }
    )


TARGETS = (
    Target("vasprun.xml", xml_seeds, read, pymatgen_run, "pymatgen"),
    Target("OUTCAR", outcar_seeds, read, pymatgen_outcar, "pymatgen"),
    Target("VASP folder", folder_seeds, read, pymatgen_run, "pymatgen"),
    Target("vaspout.h5", hdf5_seeds, read),
)

"""The stand-in for VASP writes files that pymatgen, ASE and natriface read, and agree on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, sort
from ase.calculators.test import gradient_test
from ase.constraints import FixAtoms
from pymatgen.io.vasp.inputs import Poscar
from pymatgen.io.vasp.outputs import Eigenval, Oszicar, Outcar, Vasprun, Xdatcar

from natriface.analysis.readers.vasp.folder import read_neb_folder, read_vasp_folder

pytestmark = pytest.mark.slow
STANDIN = Path(__file__).with_name("vasp")


def prepare(folder: Path, atoms: Atoms, mesh: str = "2 2 1", **incar: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    ase.io.write(folder / "POSCAR", atoms, format="vasp", direct=True)
    tags = {"ENCUT": 400, "EDIFF": 1e-6, "ISMEAR": 0, "SIGMA": 0.05, **incar}
    (folder / "INCAR").write_text("".join(f"{k} = {v}  # set\n" for k, v in tags.items()))
    (folder / "KPOINTS").write_text(f"mesh\n0\nGamma\n{mesh}\n0 0 0\n")
    return folder


def run(folder: Path, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(STANDIN)],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=check,
        timeout=120,
    )


def rattled(held: bool = True) -> Atoms:
    atoms = sort(bulk("NaF", "rocksalt", a=4.5, cubic=True))
    atoms.rattle(0.1, seed=2)
    if held:
        atoms.set_constraint(FixAtoms(indices=[0, 5]))
    return atoms


def test_potential_forces_and_stress_are_the_gradient() -> None:
    sys.path.insert(0, str(STANDIN.parent))
    try:
        from standin_potential import PairPotential
    finally:
        sys.path.remove(str(STANDIN.parent))
    atoms = rattled(held=False)
    atoms.calc = PairPotential()
    analytic, numeric = gradient_test(atoms, [0, 3])
    assert np.allclose(analytic, numeric, atol=1e-5)
    from ase.calculators.fd import calculate_numerical_stress

    assert np.allclose(atoms.get_stress(), calculate_numerical_stress(atoms, 1e-4), atol=1e-6)


def test_relaxation_is_read_alike_by_all(tmp_path: Path) -> None:
    folder = prepare(tmp_path, rattled(), IBRION=2, NSW=80, EDIFFG=-0.01, ISIF=2)
    said = run(folder).stdout
    assert "reached required accuracy" in said
    vasprun = Vasprun(str(folder / "vasprun.xml"), parse_potcar_file=False)
    outcar, oszicar = Outcar(str(folder / "OUTCAR")), Oszicar(str(folder / "OSZICAR"))
    frames = ase.io.read(folder / "vasprun.xml", index=":")
    from_outcar = ase.io.read(folder / "OUTCAR", index=":")
    result = read_vasp_folder(folder)
    assert vasprun.converged
    assert result.status == "converged"
    n = len(vasprun.ionic_steps)
    assert n > 3
    assert len(frames) == len(from_outcar) == len(oszicar.ionic_steps) == n
    assert len(Xdatcar(str(folder / "XDATCAR")).structures) == n
    assert len(oszicar.electronic_steps) == n
    assert Eigenval(str(folder / "EIGENVAL")).nbands == vasprun.parameters["NBANDS"]
    energies = [
        vasprun.final_energy,
        outcar.final_energy,
        frames[-1].get_potential_energy(),
        from_outcar[-1].get_potential_energy(),
        result.energy_ev,
    ]
    assert np.ptp(np.array(energies, dtype=float)) < 1e-6
    assert float(oszicar.final_energy) == pytest.approx(float(energies[0]), rel=1e-7)
    forces = np.array(result.forces_ev_per_angstrom)
    assert np.allclose(forces, vasprun.ionic_steps[-1]["forces"])
    assert np.allclose(forces, from_outcar[-1].get_forces(apply_constraint=False), atol=1e-6)
    assert np.allclose(
        result.stress_ev_per_angstrom3, from_outcar[-1].get_stress(), rtol=1e-5, atol=1e-6
    )
    free = np.delete(forces, result.final_structure["fixed"], axis=0)
    assert np.linalg.norm(free, axis=1).max() < 0.01
    assert result.final_structure["fixed"] == [0, 5]
    moved = np.array(result.final_structure["positions"]) - result.initial_structure["positions"]
    assert np.allclose(moved[[0, 5]], 0)
    contcar = Poscar.from_file(str(folder / "CONTCAR"))
    assert np.allclose(contcar.structure.frac_coords, vasprun.final_structure.frac_coords)
    assert [not flags[0] for flags in contcar.selective_dynamics].count(True) == 2
    gap = vasprun.eigenvalue_band_properties[0]
    assert result.electronic is not None
    assert result.electronic.band_gap_ev == pytest.approx(gap)
    assert (
        np.trapezoid(
            vasprun.tdos.densities[next(iter(vasprun.tdos.densities))],
            vasprun.tdos.energies,
        )
        > 0
    )


def test_cell_relaxes_with_isif_3_alone(tmp_path: Path) -> None:
    volumes = []
    for isif in (2, 3):
        folder = prepare(
            tmp_path / str(isif), rattled(held=False), IBRION=2, NSW=60, EDIFFG=-0.02, ISIF=isif
        )
        run(folder)
        volumes.append(read_vasp_folder(folder).final_atoms().get_volume())
    assert volumes[0] == pytest.approx(4.5**3, rel=1e-6)
    assert volumes[1] != pytest.approx(volumes[0], rel=1e-3)


def test_single_point_and_dynamics(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "static", rattled(), ISPIN=2, LELF=".TRUE.", LWAVE=".FALSE.")
    run(folder)
    result = read_vasp_folder(folder)
    assert (result.status, result.convergence.n_ionic_steps) == ("converged", 1)
    assert (folder / "ELFCAR").exists()
    assert not (folder / "WAVECAR").exists()
    assert Vasprun(str(folder / "vasprun.xml"), parse_potcar_file=False).is_spin
    folder = prepare(tmp_path / "md", rattled(held=False), IBRION=0, NSW=5, POTIM=1, TEBEG=300)
    run(folder)
    result = read_vasp_folder(folder)
    assert result.status == "converged"
    assert result.convergence.n_ionic_steps == 5


def test_stopcar_stops_after_an_ionic_step(tmp_path: Path) -> None:
    folder = prepare(tmp_path, rattled(), IBRION=2, NSW=80, EDIFFG=-1e-4)
    (folder / "STOPCAR").write_text("LSTOP = .TRUE.\n")
    assert "soft stop" in run(folder).stdout
    result = read_vasp_folder(folder)
    assert result.status == "unconverged"
    assert result.convergence.n_ionic_steps == 1
    assert Outcar(str(folder / "OUTCAR")).is_stopped


def test_band_has_a_folder_an_image_and_a_saddle(tmp_path: Path) -> None:
    """A vacancy hop in an fcc crystal: the middle image is the highest, by symmetry a saddle."""
    atoms = bulk("Al", cubic=True, a=4.0).repeat((2, 2, 1))
    start, end = atoms.copy(), atoms.copy()
    first, second = atoms.positions[0].copy(), atoms.positions[1].copy()
    del start[0]
    del end[1]
    start.positions[0], end.positions[0] = second, first
    prepare(tmp_path, start, IBRION=3, NSW=30, EDIFFG=-0.1, IMAGES=3, SPRING=-5)
    for number in range(5):
        image = start.copy()
        image.positions += (end.positions - start.positions) * number / 4
        (tmp_path / f"{number:02d}").mkdir()
        ase.io.write(tmp_path / f"{number:02d}" / "POSCAR", image, format="vasp", direct=True)
    run(tmp_path)
    images = read_neb_folder(tmp_path)
    assert len(images) == 5
    energies = [image.energies_ev[-1] for image in images[1:-1]]
    assert energies[1] > energies[0]
    assert energies[0] == pytest.approx(energies[2], abs=1e-4)


@pytest.mark.parametrize(
    ("fault", "code", "trace"),
    [
        ("killed", -9, None),
        ("zbrent", 1, "ZBRENT: fatal error in bracketing"),
        ("edddav", 1, "Error EDDDAV: Call to ZHEGV failed"),
        ("disk", 38, "No space left on device"),
        ("crash", 174, "SIGSEGV"),
        ("scf", 0, None),
        ("ionic", 0, None),
        ("truncated", 0, None),
    ],
)
def test_fails_on_order_and_only_at_the_first_start(
    tmp_path: Path, fault: str, code: int, trace: str | None
) -> None:
    folder = prepare(tmp_path, rattled(), IBRION=2, NSW=60, NELM=12, EDIFFG=-0.05)
    done = run(folder, check=False, NATRIFACE_STANDIN_FAULT=fault)
    assert done.returncode == code
    if trace:
        assert trace in done.stdout + done.stderr
    if fault not in ("edddav", "crash"):
        result = read_vasp_folder(folder)
        assert result.status != "converged"
        assert result.energy_ev is None
        assert result.reason
    assert run(folder, NATRIFACE_STANDIN_FAULT=fault).returncode == 0
    assert read_vasp_folder(folder).status == "converged"


@pytest.mark.potential
@pytest.mark.slow
def test_chgnet_on_request(tmp_path: Path) -> None:
    pytest.importorskip("chgnet")
    folder = prepare(tmp_path, bulk("NaF", "rocksalt", a=4.63))
    run(folder, NATRIFACE_STANDIN_CALCULATOR="chgnet")
    energy = read_vasp_folder(folder).energy_ev
    assert energy is not None
    assert energy / 2 == pytest.approx(-4.35, abs=0.3)  # PBE in the Materials Project


def test_standin_is_executable() -> None:
    assert os.access(STANDIN, os.X_OK)
    assert shutil.which("python3") is None or STANDIN.read_text().startswith(
        "#!/usr/bin/env python3"
    )

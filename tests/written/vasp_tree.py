"""Runs of VASP, each named after a real one that ended alike."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk, sort

from benchmarks.synthetic_vasprun import Shape
from benchmarks.synthetic_vasprun import write_vasprun as write_random
from natriface.analysis.readers.vasprun.document import Vasprun
from tests.written import electrons, grids, lobster_tree
from tests.written.crystals import poscar
from tests.written.vasp import Files, Printed, run, step

REACHED = "reached required accuracy - stopping structural energy minimisation"
NAF = sort(bulk("NaF", "rocksalt", a=4.62, cubic=True))
NAF.rattle(0.03, seed=1)
NAF.wrap()
SMALL = bulk("NaF", "rocksalt", a=4.62)
GE = bulk("Ge", "diamond", a=5.66)
IRON = lobster_tree.RUNS["nomad_Fe"].atoms
TETRAHEDRON = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
YPO4 = Atoms(
    "Y2P2O8",
    [[0, 0, 3], [3.5, 3.5, 3], [0, 0, 0], [3.5, 3.5, 0],
     *(1.54 * TETRAHEDRON), *(1.54 * TETRAHEDRON + [3.5, 3.5, 0])],
    cell=[7, 7, 6], pbc=True,
)  # fmt: skip
OSO2 = Atoms(
    "Os2O4",
    scaled_positions=[[0, 0, 0], [0.5, 0.5, 0.5], [0.31, 0.31, 0], [0.69, 0.69, 0],
                      [0.81, 0.19, 0.5], [0.19, 0.81, 0.5]],
    cell=[4.5, 4.5, 3.18], pbc=True,
)  # fmt: skip


def moved(atoms: Atoms, n: int) -> Atoms:
    """The crystal after `n` ionic steps."""
    later = atoms.copy()
    later.positions[1, 0] += 0.01 * n
    return later


def relaxation(n: int, energy_ev: float = -40.0, fall_ev: float = 0.1) -> list[Printed]:
    """Ionic steps that lower the energy by less and less, or by `fall_ev` each."""
    return [step(moved(NAF, k), energy_ev - fall_ev * k, force=0.4 / (k + 1)) for k in range(n)]


# ---- the tree --------------------------------------------------------------------------------


def named(place: str, files: Files, *names: str, suffix: str = "") -> Files:
    """Some of a run's files below `place`; with a suffix that ends on .gz packed."""
    pack = _pack if suffix.endswith(".gz") else bytes
    return {f"{place}/{name}{suffix}": pack(files[name]) for name in names or files}


def _pack(content: bytes) -> bytes:
    return gzip.compress(content, 1, mtime=0)


@cache
def files() -> Files:
    """Relative name -> content of all files."""
    groups = (_sound(), _unsound(), _electronic(), _grids(), _bands(), _beside_lobster())
    return {name: content for group in groups for name, content in group}


def _sound() -> Iterator[tuple[str, bytes]]:
    static = run([step(NAF, -40.1)])
    both = "OUTCAR", "vasprun.xml"
    relaxed = run(relaxation(4), REACHED, NSW=30, IBRION=2, EDIFFG=-0.2)
    again = run([step(moved(NAF, 4), -40.4, force=0.01)], REACHED, NSW=30, IBRION=2, ISIF=3)
    yield from named("vasp/aiida_basic", static).items()
    yield from named("vasp/quacc_run1", run([step(SMALL, -9.9)]), suffix=".gz").items()
    yield from named("broken/aiida_exit_codes/converged/out", static, *both).items()
    yield from named("vasp/pmg_scan_relax/relaxation", relaxed, "OUTCAR").items()
    yield from named("vasp/pmg_scan_relax/relaxation", relaxed, "vasprun.xml", suffix=".gz").items()
    yield from named("vasp/pmg_scan_relax/scan_relaxation", again, *both).items()
    place = "vasp/atomate_YMg2PO4_relax0"
    yield from named(place, relaxed, "vasprun.xml", suffix=".relax1.gz").items()
    yield from named(place, again, *both, suffix=".relax2.gz").items()
    # of other atoms, side by side
    yield from named("vasp/pmg_default", static, "vasprun.xml").items()
    yield from named("vasp/pmg_default", run([step(GE, -9.0)]), "OUTCAR").items()
    efg = run([step(SMALL, -9.9)])
    yield from named("vasp/pmg_AlPO4_efg", efg, *both, "CONTCAR").items()
    course = [step(moved(SMALL, k % 7), -9.9 - 0.01 * (k % 7), n=2) for k in range(100)]
    md = run(course, NSW=100, IBRION=0)
    yield from named("vasp/pmg_ml_md", md, "vasprun.xml", suffix=".gz").items()
    yield "vasp/sumo_Ge/POSCAR", poscar(GE).encode()


def _unsound() -> Iterator[tuple[str, bytes]]:
    codes, errors = "broken/aiida_exit_codes", "broken/custodian_errors_a"
    both = "OUTCAR", "vasprun.xml"
    found = run([step(NAF, -40.1, n=8, change_ev=0.00483)], NELM=8, version="5.4.4")
    yield from named(f"{codes}/elec-unconverged/out", found, *both).items()
    falling = relaxation(5, fall_ev=2.05)
    found = run(falling, NSW=5, IBRION=2, EDIFFG=0.05)
    yield from named(f"{codes}/ionic-unconverged/out", found, *both).items()
    found = run([], unfinished=0, start=NAF)
    yield from named(f"{codes}/unfinished/out", found, *both).items()
    found = run(relaxation(3), unfinished=8, NSW=200, IBRION=1)
    yield from named(f"{errors}/potim", found, "INCAR", "OUTCAR", "OSZICAR", "POSCAR").items()
    found = run(relaxation(4), unfinished=2, NSW=9, IBRION=2)
    yield from named(f"{errors}/nonconv", found, "OSZICAR").items()
    found = run(relaxation(3), REACHED, NSW=30, IBRION=2, EDIFFG=-0.5)
    yield from named(f"{errors}/max_force", found, "vasprun.xml").items()
    found = run([], unfinished=10, start=NAF, NSW=9, IBRION=2)
    yield from named("broken/pyiron_aborted/full_job_aborted", found, *both).items()
    found = run([step(SMALL, -9.9)])
    found["vasprun.xml"] = _overflowed(found["vasprun.xml"])
    yield from named("broken/pyiron_aborted/full_job_minor_glitch", found, "vasprun.xml").items()
    outcar = found["OUTCAR"][: found["OUTCAR"].index(b"   number of dos")]
    yield "broken/pyiron_aborted/outcar_without_nions/OUTCAR", outcar
    found = run([step(NAF, -40.1, n=100, change_ev=0.0594)], NELM=100)
    yield "broken/custodian_unconverged/vasprun.xml.scan", found["vasprun.xml"]
    place = "broken/pmg_outcar_stopped"
    found = run(relaxation(1), "soft stop encountered!  aborting job ...", NSW=30, IBRION=2)
    yield f"{place}/OUTCAR.stopped.gz", _pack(found["OUTCAR"])
    found = run(relaxation(9), unfinished=6, NSW=50, IBRION=0)
    yield f"{place}/OUTCAR.electrostaticerror.gz", _pack(found["OUTCAR"])
    found = run([], unfinished=2, start=NAF)
    yield "broken/custodian_stdout_zoo/OUTCAR_auto_nbands_parallel", found["OUTCAR"]
    found = run(relaxation(6), unfinished=0, NSW=50, IBRION=2)
    yield from named("vasp/mcx_LiVO3", found, "vasprun.xml").items()


def _overflowed(vasprun: bytes) -> bytes:
    """The energies of the first electronic step as stars, as VASP prints what is too large."""
    head, energies, tail = vasprun.partition(b"</scstep>")
    at = head.index(b"<scstep>")
    for name in (b"e_fr_energy", b"e_wo_entrp", b"e_0_energy"):
        value = head.index(name, at) + len(name) + 2
        head = head[:value] + b"    ********** " + head[head.index(b"</i>", value) :]
    return head + energies + tail


def printed(found: electrons.Electrons) -> bytes:
    """A vasprun.xml with projections."""
    with TemporaryDirectory() as place:
        path = Path(place) / "vasprun.xml"
        electrons.write_vasprun(path, found)
        return path.read_bytes()


def random(**facts: Any) -> bytes:
    """A vasprun.xml of random numbers, as the benchmarks read."""
    with TemporaryDirectory() as place:
        return write_random(Path(place) / "vasprun.xml", Shape(**facts)).read_bytes()


def _electronic() -> Iterator[tuple[str, bytes]]:
    yield "vasp/atomate_YPO4-static/vasprun.xml.gz", _pack(printed(electrons.of_ypo4(YPO4)))
    yield "vasp/sumo_OsO2/vasprun.xml.gz", _pack(printed(electrons.of_oso2(OSO2)))
    bands = random(n_kpoints=10, n_optional=100, n_bands=4, n_atoms=2)
    yield "vasp/pmg_kpoints_opt/vasprun.xml.gz", _pack(bands)
    for n, name in ((1, "plain"), (2, "spin"), (4, "ncl")):
        yield f"vasp/random/vasprun.xml.{name}", random(n_components=n, modern=n != 1)
    yield "vasp/random/vasprun.xml.steps", random(n_steps=3, nsw=9, ibrion=2, projected=False)
    both = random(n_kpoints=4, n_steps=2, nsw=2, ibrion=2, ediffg=-0.05)
    yield "vasp/emmet_raw_vasp_h5/vasprun.xml.gz", _pack(both)
    hdf5 = vaspout(both)
    if hdf5 is not None:
        yield "vasp/emmet_raw_vasp_h5/vaspout.h5.gz", _pack(hdf5)


def vaspout(vasprun: bytes) -> bytes | None:
    """A vaspout.h5 of the same numbers; None without h5py."""
    try:
        import h5py
    except ImportError:
        return None
    with TemporaryDirectory() as place:
        path = Path(place) / "vasprun.xml"
        path.write_bytes(vasprun)
        content = _vaspout_content(Vasprun(path))
    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        for name, value in content.items():
            file[name] = value
    return out.getvalue()


def _vaspout_content(xml: Vasprun) -> dict[str, Any]:
    steps, dos, projected = xml.steps, xml.total_dos, xml.projected_dos
    assert dos is not None
    assert projected is not None
    assert xml.projections is not None
    assert xml.eigenvalues is not None
    ions, bands = "intermediate/ion_dynamics", "results/electron_eigenvalues"
    symbols = xml.symbols
    kinds = list(dict.fromkeys(symbols))
    energies = [steps.free_energies_ev, steps.energies_without_entropy_ev, steps.energies_ev]
    tags = [b"free energy    TOTEN", b"energy without entropy", b"energy(sigma->0)"]
    return {
        "version/major": 6,
        "version/minor": 4,
        "version/patch": 1,
        "input/incar/ISPIN": len(xml.eigenvalues),
        "input/poscar/ion_types": np.array([kind.encode() for kind in kinds]),
        "input/poscar/number_ion_types": np.array([symbols.count(kind) for kind in kinds]),
        "input/poscar/lattice_vectors": steps.cells[0],
        "input/poscar/position_ions": steps.positions[0],
        "input/poscar/scale": 1.0,
        "input/poscar/direct_coordinates": 1,
        "results/positions/position_ions": steps.positions[-1],
        f"{ions}/energies": np.array(energies).T,
        f"{ions}/energies_tags": np.array(tags),
        f"{ions}/position_ions": steps.positions,
        f"{ions}/lattice_vectors": steps.cells,
        f"{ions}/scale": 1.0,
        f"{ions}/forces": steps.forces,
        f"{ions}/stress": steps.stresses_kb,
        f"{bands}/eigenvalues": xml.eigenvalues,
        f"{bands}/fermiweights": xml.occupations,
        "results/electron_dos/efermi": np.float64(xml.fermi_level_ev or 0.0),
        "results/electron_dos/energies": dos.energies_ev,
        "results/electron_dos/dos": dos.densities,
        "results/electron_dos/dosi": dos.integrated,
        "results/electron_dos/dospar": projected.densities.transpose(1, 0, 2, 3),
        "results/projectors/lchar": np.array([name.encode() for name in projected.orbitals]),
        "results/projectors/par": xml.projections.weights.transpose(0, 3, 4, 1, 2),
    }


def _beside_lobster() -> Iterator[tuple[str, bytes]]:
    for name in ("lobsterpy_NaCl_comp_range", "custodian_vasp_lobster_v51"):
        found = lobster_tree.RUNS[name].electrons
        assert found is not None
        packed = name == "lobsterpy_NaCl_comp_range"
        content = printed(found)
        yield f"lobster/{name}/vasprun.xml{'.gz' * packed}", _pack(content) if packed else content
    salt = run([step(lobster_tree.CUBE, -27.0)])
    yield "lobster/nomad_NaCl/vasprun.xml", salt["vasprun.xml"]
    iron = run([step(IRON, -16.5)], ISPIN=2, ISMEAR=1, SIGMA=0.2)
    yield from named("lobster/nomad_Fe", iron, "vasprun.xml").items()
    kept = [
        line for line in iron["OUTCAR"].splitlines(keepends=True)
        if not line.lstrip().startswith((b"VRHFIN", b"TITEL"))
    ]  # fmt: skip
    moment = b"".join(kept).replace(
        b"magnetization       0.0000000", b"magnetization       4.3352429"
    )
    yield "lobster/nomad_Fe/OUTCAR", moment


def _grids() -> Iterator[tuple[str, bytes]]:
    yield "grid/pmg_elfcar/ELFCAR.gz", _pack(grids.elfcar().encode())
    yield "grid/pmg_chgcar/CHGCAR.nospin.gz", _pack(grids.chgcar(1).encode())
    yield "grid/pmg_chgcar/CHGCAR.spin.gz", _pack(grids.chgcar(2).encode())
    yield "grid/atomate_Si_locpot/LOCPOT.gz", _pack(grids.locpot(SMALL).encode())
    yield "grid/atomate_Si_locpot/vasprun.xml.gz", _pack(random(n_atoms=3, n_kpoints=5))


def _bands() -> Iterator[tuple[str, bytes]]:
    """Images that coincide; an ion on its way through oxygen; structures alone; empty folders."""
    for image in ("01", "02", "03"):
        found = run([step(SMALL, -19.49544029, force=0.016445)], NSW=9, IBRION=1, EDIFFG=-0.05,
                    message=REACHED)  # fmt: skip
        yield from named(f"neb/aiida_neb_wc/out/{image}", found, "OUTCAR", "CONTCAR").items()
    cage = Atoms("Mg16", np.indices((4, 2, 2)).reshape(3, -1).T * 3.0, cell=[12, 6, 6], pbc=True)
    energies = -196.51819129, -192.10379828, -196.51807238
    for k, energy in enumerate(energies):
        atoms = Atoms("Li", [[1.5 + 1.5 * k, 1.5, 1.5]]) + cage
        atoms.set_cell(cage.cell)
        atoms.pbc = True
        found = run([step(atoms, energy, force=0.6 if k == 1 else 0.01)], REACHED, NSW=9, IBRION=2,
                    EDIFFG=0.5, version="5.3.5")  # fmt: skip
        place = f"neb/atomate_approx_neb/im{k}/outputs"
        yield from named(place, found, "OUTCAR", suffix=".relax2").items()
        packed = ("CONTCAR", "vasprun.xml") if k == 1 else ("CONTCAR",)
        yield from named(place, found, *packed, suffix=".relax2.gz").items()
    iron = bulk("Fe", "bcc", a=2 * np.sqrt(3), cubic=True).repeat((3, 2, 2))
    del iron[0]  # half a diagonal, 3.0 A, from its neighbour
    for k in range(5):
        image = iron.copy()
        image.positions[0] *= 1 - k / 4
        name = "POSCAR" if k in (0, 4) else "CONTCAR"
        yield f"neb/pmg_neb1/{k:02d}/{name}", poscar(image).encode()
        name = f"neb/custodian_neb/postprocess_neb/{k:02d}/POSCAR"
        yield name, poscar(image).encode()
        if 0 < k < 4:
            for empty in ("OUTCAR", "CONTCAR", "OSZICAR"):
                yield f"neb/custodian_neb/postprocess_neb/{k:02d}/{empty}", b""
    yield "neb/custodian_neb/postprocess_neb/vasprun.xml", b"no vasprun.xml of VASP\n"

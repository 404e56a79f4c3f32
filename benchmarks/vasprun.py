"""Reading vasprun.xml: natriface against its peers, CPU time, peak memory, growth with size.

Peers are pymatgen and, where it is installed, vasprunrs (Rust) by its own class, not by its
imitation of pymatgen; what is not installed is said. All give the same numbers to the last bit,
which is checked first.
Run with ``python -m benchmarks.vasprun`` from the checkout; ``--json`` prints one JSON object.
Files: synthetic ones in VASP's own formats (`benchmarks.synthetic_vasprun`), and, where they lie
beside the checkout, the largest real ones. ``--large`` adds a spin-polarised run of 240 atoms with
projections, some 350 MB, which takes a minute and a few GB.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import tempfile
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Comparison, compare, cpu_seconds, main
from benchmarks.synthetic_vasprun import Shape, write_vasprun

REAL = Path(__file__).resolve().parents[2] / "shared" / "data"
REAL_FILES = (
    "vasp/quacc_run1/vasprun.xml.gz",
    "lobster/lobsterpy_NaCl_comp_range/vasprun.xml.gz",
)
SYNTHETIC = {
    "96 atoms, 420 bands": Shape(n_atoms=96, n_kpoints=4, n_bands=420, n_dos=2001),
    "relaxation, 400 steps of 60 atoms": Shape(
        n_atoms=60, n_kpoints=2, n_bands=60, n_dos=301, n_steps=400, nsw=500, ibrion=2
    ),
}
LARGE = {"240 atoms, 1300 bands": Shape(n_atoms=240, n_kpoints=4, n_bands=1300, n_dos=2001)}
GROWTH = (60, 120, 240, 480)
LEVELS = ("energies", "bands", "everything")


def ours(path: Path, level: str) -> Any:
    """Read with natriface as much as `level` says."""
    from natriface.analysis.readers.vasprun.document import Vasprun

    run = Vasprun(path)
    read = [run.energies_ev, run.forces, run.steps.positions, run.steps.electronic_counts]
    if level != "energies":
        read += [run.eigenvalues, run.total_dos, run.projected_dos]  # type: ignore[list-item]
    if level == "everything":
        read.append(run.projections)  # type: ignore[arg-type]
    run.text.close()
    return run


def peer(path: Path, level: str) -> Any:
    """Read the same with pymatgen."""
    from pymatgen.io.vasp.outputs import Vasprun

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Vasprun(
            path,
            parse_dos=level != "energies",
            parse_eigen=level != "energies",
            parse_projected_eigen=level == "everything",
            parse_potcar_file=False,
        )


def rust_peer(path: Path, level: str) -> Any:
    """Read the same with vasprunrs, whose properties are made when asked for."""
    import vasprunrs

    more = level != "energies"
    run = vasprunrs.Vasprun(
        str(path), parse_dos=more, parse_eigen=more, parse_projected=level == "everything"
    )
    return run, run.ionic_steps, run.eigenvalues, run.dos, run.projected


def has_rust_peer() -> bool:
    """Whether vasprunrs can be imported."""
    return importlib.util.find_spec("vasprunrs") is not None


def check_equal(path: Path) -> None:
    """Raise unless all read the same numbers, to the last bit."""
    mine, theirs = ours(path, "everything"), peer(path, "everything")
    steps = theirs.ionic_steps
    equal = np.testing.assert_array_equal
    equal(mine.free_energies_ev, [step["e_fr_energy"] for step in steps])
    equal(mine.energies_ev[-1], float(theirs.final_energy))
    equal(mine.forces, [step["forces"] for step in steps])
    equal(mine.steps.positions, [step["structure"].frac_coords for step in steps])
    levels = _spins(theirs.eigenvalues)
    equal(mine.eigenvalues, levels[..., 0])
    equal(mine.occupations, levels[..., 1])
    equal(mine.total_dos.densities, _spins(theirs.tdos.densities))
    partial_dos = np.array([[_spins(orbital) for orbital in site.values()] for site in theirs.pdos])
    equal(mine.projected_dos.densities, partial_dos.swapaxes(1, 2))
    equal(mine.projections.weights, _spins(theirs.projected_eigenvalues))
    if not has_rust_peer():
        return
    _, steps, eigenvalues, dos, projected = rust_peer(path, "everything")
    equal(mine.free_energies_ev, [step["e_fr_energy"] for step in steps])
    equal(mine.forces, [step["forces"] for step in steps])
    equal(mine.steps.positions, [step["structure"]["positions"] for step in steps])
    equal(np.stack([mine.eigenvalues, mine.occupations], axis=-1), eigenvalues)
    equal(mine.total_dos.densities, dos["total"]["densities"])
    equal(mine.projected_dos.densities, np.swapaxes(dos["partial"]["data"], 0, 1))
    equal(mine.projections.weights, projected["data"])


def _spins(values: dict[Any, Any]) -> Any:
    return np.array([values[spin] for spin in sorted(values, key=int, reverse=True)])


def measure(label: str, path: Path) -> list[Comparison]:
    """The three levels on one file."""
    check_equal(path)
    size = path.stat().st_size / 1e6
    peers = [("pymatgen", peer)] + ([("vasprunrs", rust_peer)] if has_rust_peer() else [])
    return [
        compare(
            f"{label}: {level}",
            partial(ours, path, level),
            partial(read, path, level),
            repeat=5,
            peer_repeat=2,
            peer_name=name,
            memory=size > 40,
            remark=f"{size:.0f} MB",
        )
        for level in LEVELS
        for name, read in peers
    ]


def growth(folder: Path) -> list[dict[str, float]]:
    """CPU time of each level for files of growing size; linear where s per 100 MB stays."""
    rows = []
    for n_bands in GROWTH:
        shape = Shape(n_atoms=60, n_kpoints=3, n_bands=n_bands, n_dos=4 * n_bands)
        path = write_vasprun(folder / f"growth{n_bands}.xml", shape)
        size = path.stat().st_size / 1e6
        row: dict[str, float] = {"size_mb": round(size, 1)}
        for level in LEVELS:
            spent = cpu_seconds(partial(ours, path, level))
            row[f"{level}_s"] = round(spent, 4)
            row[f"{level}_s_per_100_mb"] = round(spent / size * 100, 4)
        rows.append(row)
    return rows


def run(large: bool = False) -> tuple[list[Comparison], dict[str, Any]]:
    """Write the files, check equality, measure."""
    rows: list[Comparison] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for label, shape in (SYNTHETIC | (LARGE if large else {})).items():
            rows += measure(label, write_vasprun(folder / "synthetic.xml", shape))
        for real in REAL_FILES:
            if (REAL / real).is_file():
                path = folder / "real.xml"
                path.write_bytes(gzip.decompress((REAL / real).read_bytes()))
                rows += measure(real.split("/")[1], path)
        facts = {"growth": growth(folder)}
    return rows, facts


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object, no table")
    parser.add_argument("--large", action="store_true", help="also a file of some 350 MB")
    asked = parser.parse_args()
    rows, facts = run(asked.large)
    if not has_rust_peer():
        facts["skipped"] = "vasprunrs is not installed: pip install vasprunrs"
    main(rows, json=asked.json, **facts)

"""Reading LOBSTER's files: natriface against pymatgen and lobsterpy, CPU time and peak memory.

Run with ``python -m benchmarks.cohpcar`` from the checkout; ``--json`` prints one JSON object.
Tasks: curves of the bonds (what a figure needs; pymatgen reads all columns whatever is wanted),
everything with pairs of orbitals, lists, and a folder's bonds with their summary. Files: a
synthetic one in LOBSTER's own format, and, where they lie beside the checkout, the largest real
ones, packed as they are.
"""

from __future__ import annotations

import tempfile
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Comparison, compare, cpu_seconds, main, peak_mib, wants_json
from benchmarks.synthetic_cohpcar import CohpShape, write_cohpcar

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "lobster"
REAL_FILES = (
    "lobsterpy_NaCl_comp_range/COHPCAR.lobster.gz",
    "pmg_env_mp-190_353/COHPCAR.lobster.mp-190.gz",
    "lobsterpy_C/COHPCAR.lobster.gz",
)
LISTS = ("pmg_env_mp-190_353/ICOHPLIST.lobster.mp-190.gz", "lobsterpy_AlN_v51/ICOHPLIST.lobster.gz")
FOLDER = "lobsterpy_CdF"
SHAPE = CohpShape(n_bonds=200, n_energies=501)


def ours(path: Path, everything: bool = False) -> Any:
    """Read curves with natriface: those of the bonds, or all."""
    from natriface.analysis.readers.lobster.curves import read_curves
    from natriface.analysis.readers.lobster.header import whole_bonds

    return read_curves(path, None if everything else whole_bonds)


def peer(path: Path) -> Any:
    """Read the same file with pymatgen, which knows no choice."""
    from pymatgen.io.lobster import Cohpcar

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Cohpcar(filename=str(path), are_cobis="COBI" in path.name)


def our_list(path: Path) -> Any:
    """Read an ICOHPLIST with natriface."""
    from natriface.analysis.readers.lobster.lists import read_list

    return read_list(path)


def peer_list(path: Path) -> Any:
    """Read it with pymatgen."""
    from pymatgen.io.lobster import Icohplist

    return Icohplist(filename=str(path))


def our_folder(folder: Path) -> Any:
    """Bonds stronger than a tenth of the strongest, their means and curves."""
    from natriface.analysis.figures.cohp_curves import mean_curve
    from natriface.analysis.readers.lobster.folder import read_lobster_folder

    bonds = read_lobster_folder(folder, curves=False).bonds
    limit = 0.1 * max(abs(bond.icohp_ev) for bond in bonds)
    found = read_lobster_folder(folder, curves=lambda bond: abs(bond.icohp_ev) > limit)
    strong = [bond for bond in found.bonds if abs(bond.icohp_ev) > limit]
    return mean_curve(found, strong, "strong")


def peer_folder(folder: Path) -> Any:
    """lobsterpy's analysis of the same folder, with the same limit."""
    from lobsterpy.cohp.analyze import Analysis

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Analysis(
            path_to_poscar=str(folder / "CONTCAR.gz"),
            path_to_icohplist=str(folder / "ICOHPLIST.lobster.gz"),
            path_to_cohpcar=str(folder / "COHPCAR.lobster.gz"),
            path_to_charge=str(folder / "CHARGE.lobster.gz"),
            which_bonds="cation-anion",
            cutoff_icohp=0.1,
        ).condensed_bonding_analysis


def check_equal(path: Path) -> None:
    """Raise unless both read the same numbers, to the last bit."""
    mine, theirs = ours(path, everything=True), peer(path)
    equal = np.testing.assert_array_equal
    equal(mine.energies_ev, theirs.energies)
    spins = sorted(theirs.cohp_data["average"]["COHP"], key=int, reverse=True)
    orbitals = {k: iter(v.values()) for k, v in (theirs.orb_res_cohp or {}).items()}
    for k, interaction in enumerate(mine.interactions):
        if interaction.orbitals:
            entry = next(orbitals[interaction.label])
        else:
            entry = theirs.cohp_data[interaction.label]
        for s, spin in enumerate(spins):
            equal(mine.values[s, k], entry["COHP"][spin])
            equal(mine.integrals[s, k], entry["ICOHP"][spin])


def check_lists(path: Path) -> None:
    """Raise unless both read the same bonds."""
    mine, theirs = our_list(path), peer_list(path).icohplist
    assert [entry.label for entry in mine.entries] == list(theirs)
    for entry in mine.entries:
        values = theirs[entry.label]["icohp"]
        assert entry.values == tuple(values[s] for s in sorted(values, key=int, reverse=True))


def check_folder(folder: Path) -> None:
    """Raise unless both find the same mean ICOHP of the same number of bonds."""
    curve, found = our_folder(folder), peer_folder(folder)
    site = next(iter(found["sites"].values()))
    (bonds,) = site["bonds"].values()
    assert abs(float(bonds["ICOHP_mean"]) - curve.icohp_ev) < 0.006
    assert bonds["number_of_bonds"] == curve.n_bonds


def measure(label: str, path: Path) -> list[Comparison]:
    """The bonds alone, and everything; the peer, which knows no difference, is measured once."""
    check_equal(path)
    header = ours(path).header
    remark = f"{len(header.interactions)} interactions, {header.n_energies} energies"
    bonds = compare(
        f"{label}: bonds",
        partial(ours, path),
        partial(peer, path),
        peer_repeat=1,
        memory=True,
        remark=remark,
    )
    everything = replace(
        bonds,
        name=f"{label}: everything",
        natriface_cpu_s=cpu_seconds(partial(ours, path, True), 2),
        natriface_peak_mib=peak_mib(partial(ours, path, True)),
    )
    return [bonds, everything]


def run() -> list[Comparison]:
    """Write the file, check equality, measure."""
    rows: list[Comparison] = []
    with tempfile.TemporaryDirectory() as name:
        synthetic = write_cohpcar(Path(name) / "COHPCAR.lobster", SHAPE)
        rows += measure(f"synthetic, {synthetic.stat().st_size / 1e6:.0f} MB", synthetic)
    for real in REAL_FILES:
        if (REAL / real).is_file():
            rows += measure(real.removesuffix(".gz"), REAL / real)
    for real in LISTS:
        if (REAL / real).is_file():
            check_lists(REAL / real)
            rows.append(
                compare(
                    real.removesuffix(".gz"),
                    partial(our_list, REAL / real),
                    partial(peer_list, REAL / real),
                )
            )
    folder = REAL / FOLDER
    if folder.is_dir():
        check_folder(folder)
        rows.append(
            compare(
                f"{FOLDER}: strong bonds, means, curve",
                partial(our_folder, folder),
                partial(peer_folder, folder),
                repeat=3,
                peer_repeat=1,
                peer_name="lobsterpy",
                memory=True,
                remark="lobsterpy also finds environments",
            )
        )
    return rows


if __name__ == "__main__":
    as_json = wants_json(__doc__)
    main(run(), json=as_json)

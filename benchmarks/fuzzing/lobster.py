"""Folders of LOBSTER's output: bonds, ICOHPs, curves, spilling, charges; and its densities.

Inputs are written by natriface's own writer and by the tests' stand-in for LOBSTER; real runs are
added where they lie beside the checkout.
"""

from __future__ import annotations

import gzip
import tempfile
import warnings
from functools import partial
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.io.vasp import write_vasp
from ase.neighborlist import neighbor_list

from benchmarks.fuzzing.target import Reading, Seed, Target

ROOT = Path(__file__).resolve().parents[2]
STANDIN = ROOT / "tests" / "standins" / "lobster"
REAL = ROOT.parent / "shared" / "data" / "lobster"
RUNS = ("nomad_Fe", "nomad_NaCl", "nomad_AlN_51", "nomad_Si", "custodian_vasp_lobster_v51")
KEPT = ("COHPCAR", "COOPCAR", "COBICAR", "ICOHPLIST", "ICOOPLIST", "ICOBILIST", "CHARGE",
        "lobsterout", "CONTCAR", "POSCAR", "KPOINTS", "IBZKPT")  # fmt: skip
LOG = """LOBSTER v4.1.0 (g++ 7.5.0)
setting up CO interactions... found {n} interactions.
{spillings}
finished in 0 h  0 min  0 s 110 ms of wall time
"""
SPILLING = """spillings for spin channel {spin}
abs. total  spilling:   5.58%
abs. charge spilling:   0.3{spin}%
"""


def written(n_spins: int) -> Seed:
    """Bonds of rock salt as natriface writes them, with a log."""
    from natriface.analysis.bonding.lobster_output import write_lobster_files
    from natriface.analysis.results.bond_populations import (
        AtomCharges,
        Bond,
        BondPopulations,
        Curves,
    )

    atoms = bulk("NaF", "rocksalt", a=4.62)
    bonds: list[Bond] = []
    for i, j, length, shift in zip(*neighbor_list("ijdS", atoms, 3.5), strict=True):
        first, *_ = [x for x in shift.tolist() if x] or [0]
        if i < j or (i == j and first > 0):
            value = round(float(-0.9 * np.exp((2.31 - length) / 0.35)) / n_spins, 5)
            cell = (int(shift[0]), int(shift[1]), int(shift[2]))
            pair = atoms[i].symbol, atoms[j].symbol
            bond = Bond(str(len(bonds) + 1), (int(i), int(j)), pair, cell, float(length),
                        n_spins * value, (value,) * n_spins, icoop=0.02, icobi=0.1)  # fmt: skip
            bonds.append(bond)
    energies = np.linspace(-6, 4, 41)
    shape = np.exp(-((energies + 2) ** 2)) / np.sqrt(np.pi)
    values = np.array([b.icohp_by_spin_ev for b in bonds]).T[..., None]
    curves = Curves(energies, tuple(b.label for b in bonds), values * shape,
                    values * np.cumsum(shape) * 0.25)  # fmt: skip
    charges = AtomCharges((0.78, -0.78), (0.67, -0.67))
    found = BondPopulations(tuple(bonds), curves, None, charges, 3.25, "natriface", atoms)
    spillings = "".join(SPILLING.format(spin=spin + 1) for spin in range(n_spins))
    if n_spins == 1:
        spillings = spillings.partition("\n")[2]
    with tempfile.TemporaryDirectory() as name:
        write_lobster_files(found, Path(name))
        files = {path.name: path.read_bytes() for path in sorted(Path(name).iterdir())}
    files["lobsterout"] = LOG.format(n=2 * len(bonds), spillings=spillings).encode()
    return Seed(f"natriface's writer, {n_spins} spin", files)


def standin() -> Seed:
    """Bonds of cristobalite-like NaF as the stand-in for LOBSTER writes them."""
    loader = SourceFileLoader("standin_lobster", str(STANDIN))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    atoms: Atoms = bulk("NaF", "rocksalt", a=4.62)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_vasp(folder / "POSCAR", atoms, direct=True)
        module.write_bonds(folder, atoms)
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    n = files["ICOHPLIST.lobster"].count(b"\n") - 1
    log = LOG.format(n=n, spillings="abs. charge spilling:   0.87%\n")
    return Seed("the stand-in for LOBSTER", files | {"lobsterout": log.encode()})


def real(run: str, kept: tuple[str, ...] = KEPT) -> Seed:
    """A real run, unpacked."""
    files = {}
    for path in sorted((REAL / run).iterdir()):
        if path.name.startswith(kept) and "LCFO" not in path.name and "LSO" not in path.name:
            data = path.read_bytes()
            name = path.name.removesuffix(".gz")
            files[name] = gzip.decompress(data) if path.suffix == ".gz" else data
    return Seed(run, files)


def seeds() -> list[Seed]:
    """All sound runs with curves in LOBSTER's format."""
    return [written(1), written(2)] + [real(run) for run in RUNS if (REAL / run).is_dir()]


def read(folder: Path, curves: bool = True) -> Reading:
    """All that natriface takes from a run."""
    from natriface.analysis.readers.lobster.folder import read_lobster_folder

    found = read_lobster_folder(folder, curves=curves, overlap_curves=curves)
    values: dict[str, Any] = {
        "names": [bond.name for bond in found.bonds],
        "cells": [bond.translation for bond in found.bonds],
        "lengths": [bond.length_angstrom for bond in found.bonds],
        "icohp": [bond.icohp_by_spin_ev for bond in found.bonds],
        "E_F": found.fermi_level_ev,
    }
    for name in ("icoop", "icobi"):
        numbers = [getattr(bond, name) for bond in found.bonds]
        values[name] = None if None in numbers else numbers
    if found.structure is not None:
        values["positions"] = found.structure.positions
    if found.spilling is not None:
        values["spilling"] = found.spilling.charge_percent
    if found.charges is not None:
        values["charges"] = found.charges.loewdin_e
    if found.curves is not None:
        values |= found.curves.arrays()
    return Reading(values, [text.replace(str(folder), "") for text in found.warnings])


def read_with_pymatgen(folder: Path) -> Reading:
    """The same with pymatgen, as far as it reads it."""
    from pymatgen.io.lobster import Charge, Cohpcar, Icohplist
    from pymatgen.io.vasp import Poscar

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        listed = Icohplist(filename=str(folder / "ICOHPLIST.lobster")).icohplist
        curves = Cohpcar(filename=str(folder / "COHPCAR.lobster"))
        charges = Charge(str(folder / "CHARGE.lobster"))
        poscar = next(path for path in (folder / "CONTCAR", folder / "POSCAR") if path.is_file())
        structure = Poscar.from_file(str(poscar)).structure
    bonds = list(listed.values())
    return Reading(
        {
            "lengths": [bond["length"] for bond in bonds],
            "icohp": [list(bond["icohp"].values()) for bond in bonds],
            "E_F": curves.efermi,
            "positions": structure.cart_coords,
            "charges": charges.loewdin,
            "energies": curves.energies,
            "curves": [list(c["COHP"].values()) for c in curves.cohp_data.values()],
        }
    )


def read_densities(folder: Path) -> Reading:
    """A DOSCAR.lobster."""
    from natriface.analysis.readers.lobster.dos import read_lobster_dos

    found = read_lobster_dos(folder / "DOSCAR.lobster")
    return Reading(
        {
            "energies": found.energies_ev,
            "densities": found.densities,
            "total": found.total,
            "E_F": found.fermi_level_ev,
        },
        found.warnings,
    )


def seeds_of_densities() -> list[Seed]:
    """Real ones; none where they are not there."""
    return [real(run, ("DOSCAR.lobster",)) for run in RUNS if (REAL / run).is_dir()]


TARGETS = [
    Target("LOBSTER folder", seeds, read, read_with_pymatgen, "pymatgen", tolerance=6e-4),
    Target(
        "LOBSTER folder, bonds alone",
        lambda: [standin(), *seeds()],
        partial(read, curves=False),
        tolerance=6e-4,
    ),
]
if REAL.is_dir():
    TARGETS.append(Target("DOSCAR.lobster", seeds_of_densities, read_densities, tolerance=6e-4))

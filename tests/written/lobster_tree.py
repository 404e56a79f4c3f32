"""Runs of LOBSTER, each named after a real one of its crystal and version."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from functools import cache

import numpy as np
from ase import Atoms
from ase.build import bulk

from tests.written.crystals import poscar
from tests.written.electrons import Electrons, of_nacl
from tests.written.lobster import (
    Run,
    bond_list,
    charges,
    curves,
    dos,
    log,
    multicenter_cobis,
    of_fragments,
)

NACL = bulk("NaCl", "rocksalt", a=5.6946, basis=[[0, 0, 0], [0.5, 0.5, 0.5]])
CUBE = bulk("NaCl", "rocksalt", a=5.6946, cubic=True)
CUBE = CUBE[[0, 2, 4, 6, 1, 3, 5, 7]]
K3SB = Atoms("K3Sb", scaled_positions=[[0.5] * 3, [0.25] * 3, [0.75] * 3, [0] * 3],
             cell=4.281636 * (1 - np.eye(3)), pbc=True)  # fmt: skip
KF = bulk("FK", "rocksalt", a=5.424, basis=[[0, 0, 0], [0.5, 0.5, 0.5]])
BISE = Atoms("Bi2Se", scaled_positions=[[1 / 3, 2 / 3, 0.38], [2 / 3, 1 / 3, 0.62], [0, 0, 0.5]],
             cell=[[4.2, 0, 0], [-2.1, 4.2 * np.sqrt(0.75), 0], [0, 0, 10]], pbc=True)  # fmt: skip
TWO = {"n_spins": 2, "charge_spilling": (0.98, 0.98), "total_spilling": (8.93, 8.93)}
PRECISION = (
    "WARNING: 33 of 512 k-points could not be orthonormalized with an accuracy of 1.0E-5.",
    "WARNING: Generally, this is not a critical error. But to help you analyze it,",
    "WARNING: I dumped the band overlap matrices to the file bandOverlaps.lobster.",
)
TOO_FEW = (
    "WARNING: You are employing too few bands in your PAW calculation. To reconstruct",
    "WARNING: the Hamilton matrix in the local basis, you need to use at least",
    "WARNING: 80 bands. pCOHP analyses will be disabled. Please check the manual!",
)
RUNS = {
    "nomad_Fe": Run(
        bulk("Fe", "bcc", a=2.8317755879, cubic=True), "4.0.0", ("Fe", "Fe"), -0.9, n_spins=2,
        longest_angstrom=2.9, charge_spilling=(2.97, 8.5), total_spilling=(8.02, 8.96),
        warnings=PRECISION, fermi_ev=5.78334,
    ),
    "nomad_NaCl": Run(CUBE, "3.2.0", ("Na", "Cl"), -0.698, fermi_ev=-0.52813),
    "nomad_Si": Run(
        bulk("Si", "diamond", a=5.468728), "4.1.0", ("Si", "Si"), -4.4951, orbitals=True,
        longest_angstrom=4.0, energies_ev=(-16.38811, 16.38811, 11), **TWO,
    ),
    "lobsterpy_C": Run(
        bulk("C", "diamond", a=3.57), "4.1.0", ("C", "C"), -9.59125, orbitals=True,
        longest_angstrom=2.6, charge_spilling=(0.98, 0.98), total_spilling=(8.93, 8.93),
    ),
    "lobsterpy_NaCl": Run(NACL, "4.1.0", ("Na", "Cl"), -0.56541),
    "lobsterpy_NaCl_spin": Run(NACL, "4.1.0", ("Na", "Cl"), -0.56541, **TWO),
    "lobsterpy_NaCl_comp_range": Run(
        NACL, "4.1.0", ("Na", "Cl"), -0.56541, electrons=of_nacl(NACL),
        fermi_ev=of_nacl(NACL).fermi_ev,
        basis=(("Na", ("3s", "2p")), ("Cl", ("3s", "3p"))),
    ),
    "lobsterpy_K3Sb": Run(K3SB, "4.1.0", ("K", "Sb"), -0.4, longest_angstrom=3.8, **TWO),
    "custodian_vasp_lobster_v51": Run(
        CUBE, "5.1.1", ("Na", "Cl"), -0.56501, orbitals=True, longest_angstrom=2.9,
        energies_ev=(-4.44444, 4.44444, 11), electrons=of_nacl(CUBE, (-5.3, 4.0, 41)),
        fermi_ev=of_nacl(CUBE).fermi_ev,
    ),
    "nomad_AlN_51": Run(
        bulk("AlN", "zincblende", a=4.38), "5.1.1", ("Al", "N"), -7.1, orbitals=True,
        longest_angstrom=3.2, **TWO,
    ),
}  # fmt: skip
PACKED = ("nomad_Si", "lobsterpy_C", "lobsterpy_NaCl", "lobsterpy_NaCl_comp_range", "nomad_AlN_51",
          "lobsterpy_K3Sb", "lobsterpy_NaCl_spin")  # fmt: skip


def _of_run(name: str, run: Run) -> Iterator[tuple[str, str]]:
    yield "CONTCAR", poscar(run.atoms)
    yield "CHARGE.lobster", charges(run)
    if name != "lobsterpy_NaCl_spin":
        yield "lobsterout", log(run)
    kinds = ["COHP"]
    if name not in ("lobsterpy_C", "lobsterpy_NaCl_spin"):
        kinds += ["COOP", "COBI"] if run.version >= "4.1" else ["COOP"]
    for kind in kinds:
        yield f"I{kind}LIST.lobster", bond_list(run, kind)
        yield f"{kind}CAR.lobster", curves(run, kind)
    if run.electrons is not None or name in ("nomad_Fe", "nomad_Si"):
        electrons = run.electrons or Electrons.invented(run.atoms, dict(run.basis), run.fermi_ev)
        text = dos(run, electrons)
        yield "DOSCAR.lobster", text
        yield "DOSCAR.LSO.lobster", text


@cache
def files() -> dict[str, bytes]:
    """Relative name -> content of all files."""
    found: dict[str, bytes] = {}
    for name, run in RUNS.items():
        for file, text in _of_run(name, run):
            place = f"lobster/{name}/{file}"
            if name in PACKED:
                found[f"{place}.gz"] = gzip.compress(text.encode(), mtime=0)
            else:
                found[place] = text.encode()
    texts = {**_old(), **_several_centers(), **_fragments(), **_broken()}
    return found | {name: text.encode() for name, text in texts.items()}


def _old() -> dict[str, str]:
    """LOBSTER 2: averaged lists, pairs of orbitals counted with the bonds."""
    place = "lobster/pmg_KF_BiSe_old"
    bise = Run(BISE, "2.0.0", ("Bi", "Se"), -2.18042, longest_angstrom=3.6)
    kf = Run(KF, "2.2.1", ("K", "F"), -0.40075, orbitals=True, longest_angstrom=2.8)
    plain = Run(KF, "3.0.0", ("K", "F"), -0.40075, longest_angstrom=2.8)
    return {
        f"{place}/ICOHPLIST.lobster.BiSe": bond_list(bise),
        f"{place}/ICOOPLIST.lobster.BiSe": bond_list(bise, "COOP"),
        f"{place}/COHPCAR.lobster.KF": curves(kf),
        f"{place}/COOPCAR.lobster.KF": curves(kf, "COOP"),
        f"{place}/ICOHPLIST.lobster.KF": bond_list(plain),
    }


def _several_centers() -> dict[str, str]:
    plain = Run(KF, "4.1.0", ("K", "F"), -0.4, longest_angstrom=2.8)
    spin = Run(KF, "4.1.0", ("K", "F"), -0.4, orbitals=True, longest_angstrom=2.8, **TWO)
    place = "lobster/pmg_multicenter_cobi"
    return {
        f"{place}/COBICAR.lobster.GeTe": multicenter_cobis(plain),
        f"{place}/COBICAR.lobster.B2H6.spin": multicenter_cobis(spin),
    }


def _fragments() -> dict[str, str]:
    """Named after AlN, whose lists alone pymatgen reads."""
    plain, spin = RUNS["custodian_vasp_lobster_v51"], RUNS["nomad_AlN_51"]
    found = {}
    for run, name, orbitals in (
        (plain, "NaCl", True),
        (spin, "AlN", True),
        (spin, "AlN.bare", False),
    ):
        found[f"lobster/pmg_v511/COHPCAR.LCFO.lobster.{name}"], listed = of_fragments(run, orbitals)
        found[f"lobster/pmg_v511/ICOHPLIST.LCFO.lobster.{name}"] = listed
    return found


def _broken() -> dict[str, str]:
    place = "broken/custodian_lobsterouts"
    run = Run(NACL, "4.1.0", ("Na", "Cl"), -0.5)
    spilling = Run(NACL, "3.1.0", ("Na", "Cl"), -0.5, n_spins=2, charge_spilling=(7.28, 7.28),
                   total_spilling=(25.67, 25.67))  # fmt: skip
    few = Run(NACL, "3.1.0", ("Na", "Cl"), -0.5, warnings=TOO_FEW, **TWO)
    return {
        f"{place}/lobsterins/lobsterin": "COHPstartEnergy -10\n",
        f"{place}/lobsterouts/crash/lobsterout": log(run, "projecting"),
        f"{place}/lobsterouts/notfinishedlobsterout/lobsterout": log(run, "projecting")[:150],
        f"{place}/lobsterouts/lobsterout": log(run),
        f"{place}/lobsterouts/lobsterout.largespilling": log(spilling),
        f"{place}/lobsterouts/lobsterout.nocohp": log(few),
    }

"""Bond energies without LOBSTER beside LOBSTER's own.

python -m benchmarks.bonding [--json] [--only NAME ...] [--pyscf]

PBE, plane waves to 480 eV, on the k points LOBSTER's run had where that is known. LOBSTER's values
are of published test data, all with the basis pbeVaspFit2015: diamond and NaCl of LobsterPy
(LOBSTER 4.1), silicon of atomate (3 x 3 x 3 points, LOBSTER 3.2) and of NOMAD (finer), quartz
mp-7000. BPO4 is there with two lengths of its P-O bond, for the slope; no LOBSTER file of it is at
hand.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk

from natriface.analysis.bonding.bond_pairs import bond_pairs
from natriface.analysis.bonding.projected_cohp import bond_populations
from natriface.analysis.results.bond_populations import BondPopulations
from natriface.workflows.engines.gpaw.projection import bands_wanted, count_orbitals, project

CUTOFF_EV = 480.0


@dataclass(frozen=True)
class Case:
    """One crystal: its k points, its bonds, and -ICOHP by LOBSTER in eV at lengths in A."""

    name: str
    structure: Callable[[], Atoms]
    mesh: tuple[int, int, int]
    bond: str
    longest_angstrom: float
    lobster_ev: dict[float, float]
    density_cutoff_hartree: float = 140.0


@dataclass(frozen=True)
class Row:
    """The bonds of one length: -ICOHP in eV."""

    name: str
    bond: str
    length_angstrom: float
    n_bonds: int
    lobster_ev: float | None
    natriface_ev: float
    spread_ev: float
    charge_spilling_percent: float
    projection_s: float

    @property
    def ratio(self) -> float | None:
        """LOBSTER's over natriface's."""
        return None if self.lobster_ev is None else self.lobster_ev / self.natriface_ev


def quartz() -> Atoms:
    """alpha-SiO2, mp-7000."""
    sites = {
        "Si": [(0.523695, 0.523695, 0), (0, 0.476305, 2 / 3), (0.476305, 0, 1 / 3)],
        "O": [
            (0.256094, 0.414854, 0.794543),
            (0.585146, 0.841240, 0.127877),
            (0.158760, 0.743906, 0.461210),
            (0.414854, 0.256094, 0.205457),
            (0.743906, 0.158760, 0.538790),
            (0.841240, 0.585146, 0.872123),
        ],
    }
    cell = [[5.021502, 0, 0], [-2.510751, 4.348749, 0], [0, 0, 5.510570]]
    places = [place for of_element in sites.values() for place in of_element]
    return Atoms("Si3O6", scaled_positions=places, cell=cell, pbc=True)


def bpo4(length_angstrom: float | None = None) -> Atoms:
    """BPO4, I-4; with the oxygens moved along their bonds to P where a P-O length is given."""
    a, c = 4.338, 6.645
    x, y, z = 0.140, 0.260, 0.131
    oxygens = np.array([(x, y, z), (-x, -y, z), (y, -x, -z), (-y, x, -z)]) * (a, a, c)
    if length_angstrom is not None:
        oxygens *= length_angstrom / np.linalg.norm(oxygens[0])
    cell = np.array([[-a / 2, a / 2, c / 2], [a / 2, -a / 2, c / 2], [a / 2, a / 2, -c / 2]])
    positions = np.vstack([[0, 0, 0], [0, a / 2, c / 4], oxygens])
    return Atoms("PBO4", positions=positions, cell=cell, pbc=True)


def diamond_like(symbol: str, bond_angstrom: float) -> Atoms:
    return bulk(symbol, "diamond", a=4.0 * bond_angstrom / np.sqrt(3.0))


CASES = (
    Case("diamond", lambda: diamond_like("C", 1.54728), (6, 6, 6), "C-C", 1.7, {1.547: 9.591}, 100),
    Case("Si", lambda: diamond_like("Si", 2.38384), (3, 3, 3), "Si-Si", 2.6, {2.384: 4.648}, 60),
    Case(
        "Si, fine", lambda: diamond_like("Si", 2.36803), (8, 8, 8), "Si-Si", 2.6, {2.368: 4.495}, 60
    ),
    Case(
        "NaCl",
        lambda: bulk("NaCl", "rocksalt", a=2 * 2.845847),
        (6, 6, 6),
        "Na-Cl",
        3.0,
        {2.846: 0.565},
        200,
    ),
    Case("quartz", quartz, (5, 5, 5), "Si-O", 1.8, {1.626: 7.997, 1.628: 7.952}),
    Case("BPO4", bpo4, (3, 3, 3), "P-O", 1.8, {}),
    Case("BPO4, P-O 1.500 A", lambda: bpo4(1.500), (3, 3, 3), "P-O", 1.8, {}),
)


def gpaw_populations(case: Case, folder: Path) -> tuple[BondPopulations, float]:
    """Bonds of one crystal, and the CPU time in s of the projection and all after it."""
    from gpaw import GPAW, PW
    from gpaw.setup import create_setup

    atoms = case.structure()
    bands = bands_wanted(count_orbitals([create_setup(s, "PBE") for s in atoms.symbols]))
    calculator = GPAW(
        mode=PW(CUTOFF_EV),
        xc="PBE",
        kpts={"size": case.mesh, "gamma": True},
        nbands=bands + 2,
        convergence={"bands": bands, "eigenstates": 1e-7},
        occupations={"name": "fermi-dirac", "width": 0.0},
        txt=folder / f"{case.name}.txt",
    )
    atoms.calc = calculator
    atoms.get_potential_energy()
    start = time.process_time()
    projection = project(calculator)
    found = bond_populations(projection, bond_pairs(atoms, {case.bond: case.longest_angstrom}))
    return found, time.process_time() - start


def pyscf_populations(case: Case, _: Path) -> tuple[BondPopulations, float]:
    """The same by PySCF, on at most four points along each direction."""
    from natriface.workflows.engines.pyscf_bonding import populations

    a, b, c = (min(4, n) for n in case.mesh)
    start = time.process_time()
    longest = {case.bond: case.longest_angstrom}
    cutoff = case.density_cutoff_hartree
    found = populations(case.structure(), (a, b, c), longest, cutoff_hartree=cutoff)
    return found, time.process_time() - start


def rows(case: Case, populations: BondPopulations, seconds: float) -> Iterator[Row]:
    """The bonds by length."""
    by_length = defaultdict(list)
    for bond in populations.bonds:
        by_length[round(bond.length_angstrom, 3)].append(-bond.icohp_ev)
    assert populations.spilling is not None
    for length, values in sorted(by_length.items()):
        yield Row(
            case.name,
            case.bond,
            length,
            len(values),
            case.lobster_ev.get(length),
            float(np.mean(values)),
            float(np.ptp(values)),
            populations.spilling.charge_percent[0],
            seconds,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="crystals to compute")
    parser.add_argument("--pyscf", action="store_true", help="by PySCF instead of GPAW")
    arguments = parser.parse_args()
    compute = pyscf_populations if arguments.pyscf else gpaw_populations
    found: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            if arguments.only and case.name not in arguments.only:
                continue
            for row in rows(case, *compute(case, Path(folder))):
                found.append(row)
                if not arguments.json:
                    print(_line(row), flush=True)
    lengths = {row.name: row for row in found if row.name.startswith("BPO4")}
    slope = None
    if len(lengths) == 2:
        one, other = lengths.values()
        slope = (other.natriface_ev - one.natriface_ev) / (
            other.length_angstrom - one.length_angstrom
        )
    if arguments.json:
        results = [asdict(row) | {"ratio": row.ratio} for row in found]
        print(json.dumps({"results": results, "p_o_slope_ev_per_angstrom": slope}))
    elif slope is not None:
        print(f"P-O in BPO4: {slope:.1f} eV/A")


def _line(row: Row) -> str:
    beside = "                  "
    if row.lobster_ev is not None:
        off = 100 * (row.natriface_ev / row.lobster_ev - 1)
        beside = f"LOBSTER {row.lobster_ev:6.3f} ({off:+.1f} %)"
    return (
        f"{row.name:18s} {row.bond:6s} {row.length_angstrom:.3f} A x {row.n_bonds}"
        f"  -ICOHP {row.natriface_ev:7.4f} eV (spread {row.spread_ev:.4f})  {beside}"
        f"  charge spilling {row.charge_spilling_percent:.2f} %  {row.projection_s:.1f} s"
    )


if __name__ == "__main__":
    main()

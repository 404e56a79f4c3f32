"""Force calls per converged band: natriface beside ASE's plain NEB with its defaults.

python -m benchmarks.neb_calls [--json] [--chgnet] [--case NAME ...]

Every case is one hop with relaxed end points, whose energies are known to all. ASE gets what its
tutorials show: images interpolated linearly, `ase.mep.NEB` with its defaults (plain, no climbing),
BFGS or FIRE, to the same limit of force. natriface converges the same number of images, with the
highest one climbing: the force across the path on each image and the whole force on the climbing
one are below the limit, all in real force calls. Both barriers must agree within 5 meV, with each
other (ASE's highest image) and with ASE's climbing NEB at a fifth of the limit. The ratio is ASE's
calls over natriface's, the better of its two optimisers; that of ASE's own climbing band from the
same IDPP path is given beside it. natriface computes half of a hop that a mirror plane maps on
itself; what the whole takes (``mirror: false``) is given too, and its barrier must agree as well.
Where pyeonclient is installed, eOn's climbing band from the same IDPP path stands beside, with its
defaults.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk, fcc100, fcc111
from ase.calculators.calculator import Calculator
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms
from ase.mep import NEB
from ase.optimize import BFGS, FIRE, LBFGS

from benchmarks.neb_peers import eon_band, missing
from natriface.structures.paths.hop_endpoints import HopEndpoints, hop_endpoints
from natriface.structures.paths.hops import adatom_hops, vacancy_hops
from natriface.structures.paths.images import displacements, make_images
from natriface.structures.surfaces.adsorption import adatom_sites
from natriface.workflows.engines.bands.search import BandSearch, BandSettings
from natriface.workflows.engines.potential.calculators import make_calculator

SAME_EV = 0.005
MOST_STEPS = 1000


@dataclass(frozen=True)
class Row:
    """One case: force calls on the images between the end points, barriers in eV."""

    name: str
    n_atoms: int
    n_images: int
    fmax_ev_per_angstrom: float
    natriface_calls: int
    natriface_whole_calls: int
    ase_bfgs_calls: int
    ase_fire_calls: int
    ase_climbing_calls: int
    natriface_ev: float
    natriface_whole_ev: float
    ase_ev: float
    climbing_ev: float
    natriface_overhead_s: float
    eon_calls: int | None = None
    eon_ev: float | None = None

    @property
    def agree(self) -> bool:
        """Whether all barriers are the same."""
        others = (self.natriface_whole_ev, self.ase_ev, self.climbing_ev, self.eon_ev)
        return all(abs(self.natriface_ev - x) < SAME_EV for x in others if x is not None)

    def document(self) -> dict[str, Any]:
        calls = min(self.ase_bfgs_calls, self.ase_fire_calls)
        return asdict(self) | {
            "agree": self.agree,
            "ratio": calls / self.natriface_calls,
            "ratio_whole": calls / self.natriface_whole_calls,
            "ratio_fire": self.ase_fire_calls / self.natriface_calls,
            "ratio_climbing": self.ase_climbing_calls / self.natriface_calls,
            "ratio_eon": self.eon_calls and self.eon_calls / self.natriface_calls,
        }


class Counter:
    """Energies and forces of one calculator, counted."""

    def __init__(self, calculator: Calculator) -> None:
        self.calculator = calculator
        self.calls = 0
        self.seconds = 0.0

    def __call__(self, image: int, atoms: Atoms) -> tuple[float, Any]:
        """Energy in eV and forces in eV/A of an image."""
        started = time.perf_counter()
        atoms.calc = self.calculator
        found = atoms.get_potential_energy(), atoms.get_forces(apply_constraint=False)
        self.calls += 1
        self.seconds += time.perf_counter() - started
        return found

    def images(self, chain: Sequence[Atoms]) -> list[Atoms]:
        """The chain for ASE: its inner images are computed by this counter."""
        inner = [image.copy() for image in chain[1:-1]]
        for image in inner:
            image.calc = _Counted(self)
        return [chain[0], *inner, chain[-1]]


class _Counted(Calculator):  # type: ignore[misc]
    implemented_properties = ["energy", "forces"]  # noqa: RUF012

    def __init__(self, counter: Counter) -> None:
        super().__init__()
        self.counter = counter

    def calculate(self, atoms: Any = None, properties: Any = None, changes: Any = None) -> None:
        super().calculate(atoms, properties, changes)
        energy, forces = self.counter(0, self.atoms.copy())
        self.results = {"energy": energy, "forces": forces}


# --- cases ---


def adatom_on_aluminium(metal: str) -> HopEndpoints:
    """ASE's tutorial: Au, or its self-diffusion test: Al, over Al(100) from hollow to hollow."""
    slab = fcc100("Al", size=(2, 2, 3), vacuum=4, periodic=True)
    slab.set_constraint(FixAtoms(mask=slab.get_tags() > 1))
    hollow = next(site for site in adatom_sites(slab, metal) if site.kind == "hollow")
    return hop_endpoints(slab, adatom_hops(slab, metal, [hollow])[0], (1, 1, 1))


def adatom_on_111(metal: str, size: tuple[int, int, int]) -> HopEndpoints:
    """An adatom on its own (111) face, between unlike hollows."""
    slab = fcc111(metal, size=size, vacuum=6, periodic=True)
    slab.set_constraint(FixAtoms(mask=slab.get_tags() > 2))
    hollows = [site for site in adatom_sites(slab, metal) if site.kind == "hollow"]
    return hop_endpoints(slab, adatom_hops(slab, metal, hollows)[0], (1, 1, 1))


def vacancy(host: Atoms, element: str) -> HopEndpoints:
    """The shortest vacancy hop of a cubic crystal, in its 2 x 2 x 2 cell."""
    return hop_endpoints(host, vacancy_hops(host, element)[0], (2, 2, 2))


def sodium_vacancy(anion: str, a_angstrom: float) -> HopEndpoints:
    """Na in a sodium halide, all 63 atoms free."""
    return vacancy(bulk(f"Na{anion}", "rocksalt", a=a_angstrom, cubic=True), "Na")


@dataclass(frozen=True)
class Case:
    """A hop, its calculator, number of images and limit of force."""

    ends: Callable[[], HopEndpoints]
    model: str
    n_images: int
    fmax: float


CASES: dict[str, Case] = {
    "Au on Al(100), EMT": Case(lambda: adatom_on_aluminium("Au"), "emt", 3, 0.05),
    "Au on Al(100), EMT, 5 images": Case(lambda: adatom_on_aluminium("Au"), "emt", 5, 0.05),
    "Al on Al(100), EMT": Case(lambda: adatom_on_aluminium("Al"), "emt", 5, 0.05),
    "Pt on Pt(111), EMT": Case(lambda: adatom_on_111("Pt", (2, 2, 4)), "emt", 5, 0.05),
    "Cu on Cu(111), EMT": Case(lambda: adatom_on_111("Cu", (3, 3, 4)), "emt", 5, 0.02),
    "vacancy in Cu, EMT": Case(lambda: vacancy(bulk("Cu", cubic=True), "Cu"), "emt", 5, 0.05),
}
CHGNET_CASES: dict[str, Case] = {
    "Na vacancy in NaCl, CHGNet": Case(lambda: sodium_vacancy("Cl", 5.64), "chgnet-0.3.0", 5, 0.05),
}


@cache
def relaxed_ends(name: str) -> tuple[Atoms, Atoms]:
    """End points relaxed to 0.02 eV/A, with their energies and forces."""
    case = (CASES | CHGNET_CASES)[name]
    ends = case.ends()
    for end in (ends.initial, ends.final):
        end.calc = make_calculator(case.model, {})
        LBFGS(end, logfile=None).run(fmax=0.02, steps=500)
        found = {"energy": end.get_potential_energy(), "forces": end.get_forces()}
        end.calc = SinglePointCalculator(end, **found)
    return ends.initial, ends.final


def ase_band(
    name: str,
    optimizer: type[BFGS] | type[FIRE],
    interpolation: str,
    share: float = 1.0,
    **options: Any,
) -> tuple[int, float]:
    """Force calls and barrier of the highest image with ASE."""
    case = (CASES | CHGNET_CASES)[name]
    initial, final = relaxed_ends(name)
    if interpolation == "linear":
        way = displacements(initial, final)
        chain = [initial.copy() for _ in range(case.n_images + 2)]
        for k, image in enumerate(chain):
            image.positions = initial.positions + way * k / (case.n_images + 1)
    else:
        chain = [image.copy() for image in make_images(initial, final, case.n_images).images]
    for image, end in ((chain[0], initial), (chain[-1], final)):
        image.calc = SinglePointCalculator(image, **end.calc.results)
    counter = Counter(make_calculator(case.model, {}))
    images = counter.images(chain)
    band = NEB(images, **{"method": "improvedtangent", **options})  # ASE's default, said aloud
    if not optimizer(band, logfile=None).run(fmax=share * case.fmax, steps=MOST_STEPS):
        raise SystemExit(f"{name}: ASE's band has not converged")
    calls = counter.calls
    energies = [image.get_potential_energy() for image in images]
    return calls, max(energies) - energies[0]


def natriface_band(name: str, mirror: bool = True) -> tuple[int, float, float]:
    """Force calls, barrier of the highest image, and seconds spent beside the force calls."""
    case = (CASES | CHGNET_CASES)[name]
    initial, final = relaxed_ends(name)
    counter = Counter(make_calculator(case.model, {}))
    known = [(end.calc.results["energy"], end.calc.results["forces"]) for end in (initial, final)]
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        images = make_images(initial, final, case.n_images).images
        settings = BandSettings(fmax_ev_per_angstrom=case.fmax, mirror=mirror)
        search = BandSearch(Path(folder), images, settings, counter, known, name)
        if not search.run():
            raise SystemExit(f"{name}: the band has not converged")
    seconds = time.perf_counter() - started - counter.seconds
    energies = search.energies_ev
    return counter.calls, float(np.max(energies) - energies[0]), seconds


def measured(name: str) -> Row:
    """One row of the table."""
    case = (CASES | CHGNET_CASES)[name]
    calls, barrier, seconds = natriface_band(name)
    whole_calls, whole, _ = natriface_band(name, mirror=False)
    bfgs, plain = ase_band(name, BFGS, "linear")
    fire, _ = ase_band(name, FIRE, "linear")
    climbing_calls, _ = ase_band(name, BFGS, "idpp", climb=True)
    _, reference = ase_band(name, BFGS, "idpp", 0.2, climb=True)
    eon: tuple[int | None, float | None] = (None, None)
    if missing() is None:
        chain = make_images(*relaxed_ends(name), case.n_images).images
        eon = eon_band(chain, make_calculator(case.model, {}), case.fmax)
    return Row(
        name=name,
        n_atoms=len(relaxed_ends(name)[0]),
        n_images=case.n_images,
        fmax_ev_per_angstrom=case.fmax,
        natriface_calls=calls,
        natriface_whole_calls=whole_calls,
        ase_bfgs_calls=bfgs,
        ase_fire_calls=fire,
        ase_climbing_calls=climbing_calls,
        natriface_ev=barrier,
        natriface_whole_ev=whole,
        ase_ev=float(plain),
        climbing_ev=float(reference),
        natriface_overhead_s=seconds,
        eon_calls=eon[0],
        eon_ev=eon[1],
    )


def run() -> None:
    """Compute and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object, no table")
    parser.add_argument("--chgnet", action="store_true", help="the ionic case with CHGNet too")
    parser.add_argument("--case", action="append", help="only this case; may be repeated")
    options = parser.parse_args()
    known = CASES | CHGNET_CASES
    names = options.case or [*CASES, *(CHGNET_CASES if options.chgnet else ())]
    wrong = [name for name in names if name not in known]
    if wrong:
        parser.error(f"no case {wrong[0]!r}; there are: {', '.join(known)}")
    rows = [measured(name) for name in names]
    differing = [row.name for row in rows if not row.agree]
    if options.json:
        print(json.dumps({"rows": [row.document() for row in rows], "differing": differing}))
    else:
        _print(rows)
    if differing:
        raise SystemExit(f"barriers differ by more than {SAME_EV} eV: {', '.join(differing)}")


def _print(rows: Sequence[Row]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(
        "hop", "atoms", "images", "natriface", "whole", "ASE BFGS", "ASE FIRE",
        "ASE climbing", "eOn",
        "barrier (eV)", "ASE's (eV)", "reference (eV)", "ratio", "ratio, whole",
        "ratio, climbing", "overhead (s)",
    )  # fmt: skip
    for row in rows:
        document = row.document()
        table.add_row(
            row.name, str(row.n_atoms), str(row.n_images), str(row.natriface_calls),
            str(row.natriface_whole_calls), str(row.ase_bfgs_calls), str(row.ase_fire_calls),
            str(row.ase_climbing_calls), str(row.eon_calls or "–"),
            f"{row.natriface_ev:.4f}", f"{row.ase_ev:.4f}", f"{row.climbing_ev:.4f}",
            f"{document['ratio']:.2f}", f"{document['ratio_whole']:.2f}",
            f"{document['ratio_climbing']:.2f}",
            f"{row.natriface_overhead_s:.1f}",
        )  # fmt: skip
    console = Console(width=170)
    console.print(table)
    if missing():
        console.print(f"eOn left out: {missing()}")
    console.print("force calls on the images between the end points; ratio: ASE's fewest / ours")


if __name__ == "__main__":
    run()

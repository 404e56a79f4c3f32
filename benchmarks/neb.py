"""Barriers from few images: the Hermite fit with forces beside splines through energies alone.

python -m benchmarks.neb [--json] [--data FOLDER]

Coarse bands are relaxed with EMT and judged by a fine, climbing band of the same hop. Real VASP
bands (below ../shared/data/neb, where they are: `neb_analysis2.json` of pymatgen's tests, whose
forces are those along the path, and `Si_neb_doc.json.bz2` of emmet's) are judged by their highest
image: once as they are, once with that image left out. Peers: pymatgen's NEBAnalysis (spline over
the path length) and the clamped spline over the image number that emmet uses.
"""

from __future__ import annotations

import argparse
import bz2
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk, fcc100, fcc111
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms
from ase.mep import NEB
from ase.optimize import BFGS, FIRE
from scipy.interpolate import CubicSpline

from natriface.analysis.barriers.hermite import HermiteFit
from natriface.analysis.barriers.summary import summarise
from natriface.analysis.results.band import Band
from natriface.structures.base.arrays import FloatArray
from natriface.structures.paths.hop_endpoints import HopEndpoints, hop_endpoints
from natriface.structures.paths.hops import adatom_hops, vacancy_hops
from natriface.structures.paths.images import make_images
from natriface.structures.surfaces.adsorption import adatom_sites

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "neb"
LEAST_ERROR_EV = 1e-4
"""Errors below this count as this: no calculation is that exact."""


@dataclass(frozen=True)
class Row:
    """One band: barriers in eV, and errors against the reference in units of natriface's."""

    name: str
    n_images: int
    reference_ev: float
    natriface_ev: float
    pymatgen_ev: float
    image_number_spline_ev: float
    highest_image_ev: float

    def error(self, barrier_ev: float) -> float:
        return max(abs(barrier_ev - self.reference_ev), LEAST_ERROR_EV)

    def document(self) -> dict[str, Any]:
        ours = self.error(self.natriface_ev)
        return asdict(self) | {
            "ratio": self.error(self.pymatgen_ev) / ours,
            "ratio_image_number_spline": self.error(self.image_number_spline_ev) / ours,
            "ratio_highest_image": self.error(self.highest_image_ev) / ours,
        }


def judged(
    name: str, path: FloatArray, energies: FloatArray, slopes: FloatArray, reference: float
) -> Row:
    """A row from energies, slopes and places along the path."""
    above = energies - energies[0]
    return Row(
        name=name,
        n_images=len(path) - 2,
        reference_ev=reference,
        natriface_ev=HermiteFit(path, above, slopes).highest()[1],
        pymatgen_ev=pymatgen_barrier(path, energies),
        image_number_spline_ev=spline_maximum(np.arange(len(path), dtype=float), above),
        highest_image_ev=float(above.max()),
    )


def of_band(name: str, band: Band, reference: float) -> Row:
    return judged(
        name,
        band.lengths_angstrom,
        band.energies_ev,
        -band.tangential_forces_ev_per_angstrom,
        reference,
    )


def pymatgen_barrier(path: FloatArray, energies: FloatArray) -> float:
    from pymatgen.analysis.transition_state import NEBAnalysis

    analysis = NEBAnalysis(path, energies, np.zeros(len(path)), [])
    _, maxima = analysis.get_extrema()
    return max([height / 1000 for _, height in maxima], default=float(energies.max()))


def spline_maximum(places: FloatArray, energies: FloatArray) -> float:
    spline = CubicSpline(places, energies, bc_type="clamped")
    roots = spline.derivative().roots(extrapolate=False)
    return float(np.max(spline(np.concatenate([places, roots]))))


# --- coarse bands with EMT ---


def gold_on_aluminium() -> HopEndpoints:
    """ASE's tutorial: Au over Al(100) from hollow to hollow."""
    slab = fcc100("Al", size=(2, 2, 3), vacuum=6, periodic=True)
    slab.set_constraint(FixAtoms(mask=slab.get_tags() > 1))
    hollow = next(site for site in adatom_sites(slab, "Au") if site.kind == "hollow")
    return hop_endpoints(slab, adatom_hops(slab, "Au", [hollow])[0], (1, 1, 1))


def platinum_on_platinum() -> HopEndpoints:
    """Pt over Pt(111) between unlike hollows."""
    slab = fcc111("Pt", size=(2, 2, 4), vacuum=6, periodic=True)
    slab.set_constraint(FixAtoms(mask=slab.get_tags() > 2))
    hollows = [site for site in adatom_sites(slab, "Pt") if site.kind == "hollow"]
    return hop_endpoints(slab, adatom_hops(slab, "Pt", hollows)[0], (1, 1, 1))


def vacancy_in_copper() -> HopEndpoints:
    """A vacancy of fcc Cu."""
    host = bulk("Cu", cubic=True)
    return hop_endpoints(host, vacancy_hops(host, "Cu")[0], (2, 2, 2))


CASES = {
    "Au on Al(100)": gold_on_aluminium,
    "Pt on Pt(111)": platinum_on_platinum,
    "vacancy in Cu": vacancy_in_copper,
}


@cache
def relaxed_ends(name: str) -> tuple[Atoms, Atoms]:
    ends = CASES[name]()
    for end in (ends.initial, ends.final):
        end.calc = EMT()
        BFGS(end, logfile=None).run(fmax=0.01)
    return ends.initial, ends.final


def relaxed_band(name: str, n_images: int, climb: bool = False) -> Band:
    images = list(make_images(*relaxed_ends(name), n_images).images)
    for image in images:
        image.calc = EMT()
        image.get_forces()
    neb = NEB(images, method="improvedtangent", climb=climb)
    FIRE(neb, logfile=None).run(fmax=0.02, steps=300)
    for image in images:
        image.get_forces()
    return Band.of(images)


def coarse_rows() -> Iterator[Row]:
    for name in CASES:
        fine = summarise(relaxed_band(name, 7, climb=True)).converged_barrier()
        reference = fine.highest_image_forward_ev
        for n_images in (2, 4):
            yield of_band(f"{name}, EMT", relaxed_band(name, n_images), reference)


# --- real VASP bands ---


def real_rows(data: Path) -> Iterator[Row]:
    for file in sorted(data.rglob("neb_analysis2.json")):
        content = json.loads(file.read_text())
        path, energies = np.array(content["r"]), np.array(content["energies"])
        slopes = -np.array(content["forces"])
        top = float(energies.max() - energies[0])
        yield judged("Li hop, VASP (pymatgen)", path, energies, slopes, top)
    for file in sorted(data.rglob("Si_neb_doc.json.bz2")):
        band = silicon(json.loads(bz2.decompress(file.read_bytes())))
        energies = band.energies_ev
        top = float(energies.max() - energies[0])
        yield of_band("Si vacancy, VASP (emmet)", band, top)
        keep = [k for k in range(len(energies)) if k != int(np.argmax(energies))]
        without = Band.of(
            [band.images[k] for k in keep],
            energies[keep],
            list(band.forces_ev_per_angstrom[keep]),
        )
        yield of_band("Si vacancy, VASP, highest image left out", without, top)


def silicon(content: dict[str, Any]) -> Band:
    """The last step of each image; its final end point lists the atoms in another order."""
    images = [
        Atoms(
            [site["label"] for site in image["sites"]],
            positions=[site["xyz"] for site in image["sites"]],
            cell=image["lattice"]["matrix"],
            pbc=True,
        )
        for image in content["images"]
    ]
    steps = [run["output"]["ionic_steps"][-1] for run in content["calculations"]]
    return Band.of(images, content["energies"], [step["forces"] for step in steps])


def run() -> None:
    """Compute and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object, no table")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with real bands")
    options = parser.parse_args()
    real = list(real_rows(options.data))
    rows = [*real, *coarse_rows()]
    if options.json:
        facts = {"real_bands": len(real), "data": str(options.data)}
        print(json.dumps({"rows": [row.document() for row in rows], **facts}))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(
        "band", "images", "reference", "natriface", "pymatgen", "image-number spline",
        "highest image", "error, pymatgen / natriface",
    )  # fmt: skip
    for row in rows:
        table.add_row(
            row.name,
            str(row.n_images),
            *(
                f"{value:.4f}"
                for value in (
                    row.reference_ev,
                    row.natriface_ev,
                    row.pymatgen_ev,
                    row.image_number_spline_ev,
                    row.highest_image_ev,
                )
            ),
            f"{row.document()['ratio']:.3g}",
        )
    console = Console(width=140)
    console.print(table)
    if not real:
        console.print(f"no real bands below {options.data}")


if __name__ == "__main__":
    run()

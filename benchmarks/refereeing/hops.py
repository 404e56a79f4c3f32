"""Barriers of vacancy hops of Na, by natriface's own band, beside those that others published."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from benchmarks.refereeing.energies import CRYSTAL_EV_PER_ANGSTROM, Energies
from natriface.analysis.barriers.summary import summarise
from natriface.analysis.results.band import Band
from natriface.analysis.results.result import Result
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.atoms import structure_id
from natriface.structures.crystals.phases import load_phase
from natriface.structures.paths.hop_endpoints import hop_endpoints
from natriface.structures.paths.hops import vacancy_hops
from natriface.structures.paths.images import make_images
from natriface.workflows.engines.bands.search import BandSearch, BandSettings

BAND = BandSettings()
ELEMENT = "Na"


@dataclass(frozen=True)
class Published:
    """A barrier of the shortest vacancy hop of Na, and whose it is.

    Attributes
    ----------
    repeats
        Of the library's cell, in which the hop is computed.
    barrier_ev
        ``None`` where none of a vacancy in the bulk was found.
    """

    repeats: tuple[int, int, int]
    barrier_ev: float | None
    source: str


HOPS = {
    "Na": Published((3, 3, 3), 0.053, "as cited by arXiv:2603.23340"),
    "Na3OCl": Published((2, 2, 2), 0.428, "GGA, of the literature; sai-mat-group's table"),
    "NaCl": Published((2, 2, 2), 0.80, "experiment; Dreyfus & Nowick, J. Appl. Phys. 33 (1962)"),
    "NaF": Published((2, 2, 2), None, ""),
    "Na3PO4": Published((1, 1, 1), None, ""),
}


@dataclass(frozen=True)
class Barrier:
    """A barrier by a potential.

    Attributes
    ----------
    n_force_calls
        Of the band; the end points' relaxations are not counted.
    cpu_s
        Of end points and band, not of the crystal.
    error_ev
        Against the published barrier, where there is one.
    """

    forward_ev: float
    n_atoms: int
    n_images: int
    n_force_calls: int
    cpu_s: float
    error_ev: float | None
    published: str


def hop_barriers(energies: Energies, names: Iterable[str] = tuple(HOPS)) -> dict[str, Any]:
    """Barriers of the hops of `HOPS` in crystals relaxed with their cells, neutral; by name.

    A hop whose crystal, end points or band are not known or did not converge is left out.
    """
    found: dict[str, Any] = {}
    for name in names:
        published = HOPS[name]
        crystal = energies.relaxed_cell(load_phase(name).atoms, name)
        if crystal is None:
            continue
        host = crystal.final_atoms()
        ends = hop_endpoints(host, vacancy_hops(host, ELEMENT)[0], published.repeats)
        initial, final = (
            energies.relaxed(atoms, f"{name} hop end", CRYSTAL_EV_PER_ANGSTROM)
            for atoms in (ends.initial, ends.final)
        )
        if initial is None or final is None:
            continue
        told = _band(energies, initial, final, name)
        if told is None or told["forward_ev"] is None:
            continue
        timings = [r.timing.cpu_s or 0.0 for r in (initial, final) if r.timing is not None]
        known = published.barrier_ev
        barrier = Barrier(
            forward_ev=told["forward_ev"],
            n_atoms=len(ends.initial),
            n_images=told["n_images"],
            n_force_calls=told["n_force_calls"],
            cpu_s=told["cpu_s"] + sum(timings),
            error_ev=None if known is None else told["forward_ev"] - known,
            published="" if known is None else f"{known:g}, {published.source}",
        )
        found[name] = asdict(barrier)
    return found


def _band(energies: Energies, initial: Result, final: Result, name: str) -> dict[str, Any] | None:
    """The band between two minima: what is kept of it."""
    ends = [initial.final_atoms(), final.final_atoms()]

    def compute() -> dict[str, Any]:
        calculator = energies.calculator()

        def force_call(_: int, atoms: Atoms) -> tuple[float, FloatArray]:
            atoms.calc = calculator
            return float(atoms.get_potential_energy()), np.array(atoms.get_forces())

        known = [force_call(0, end) for end in ends]
        with tempfile.TemporaryDirectory() as folder:
            images = make_images(*ends).images
            search = BandSearch(Path(folder), images, BAND, force_call, known, name)
            converged = search.run()
        band = Band.of(search.images, search.energies_ev, list(search.forces_ev_per_angstrom))
        summary = summarise(band, BAND.fmax_ev_per_angstrom)
        highest = summary.barrier.highest_image if converged and summary.barrier else 0
        # a band that ends on its top has left the minima for another
        over = summary.barrier if 0 < highest < len(images) - 1 else None
        return {
            "forward_ev": None if over is None else over.forward_ev,
            "n_images": len(images) - 2,
            "n_force_calls": search.n_force_calls,
        }

    what = [*(structure_id(end) for end in ends), f"band {BAND.model_dump_json()}"]
    return energies.known(what, f"{name} band", "band", compute)

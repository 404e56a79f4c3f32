"""How large a GPAW calculation is, and what it will cost, before it is run."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ase import Atoms

from natriface.workflows.engines.gpaw.datasets import find_datasets
from natriface.workflows.engines.gpaw.parameters import spin_polarized
from natriface.workflows.engines.gpaw.settings import GpawBandSettings, GpawSettings
from natriface.workflows.engines.kpoints import kpoint_mesh, n_irreducible
from natriface.workflows.engines.plane_waves import electronic_step_core_seconds, plane_waves

FIRST_ELECTRONIC_STEPS, NEXT_ELECTRONIC_STEPS = 16, 10
IONIC_STEPS = 40
"""A relaxation of a slab or interface from built geometry, if max_steps allows."""
USUAL_IMAGES, CALLS_PER_IMAGE = 5, 5
"""Of a band."""
GRID_SPACING_FACTOR = 1.4
"""GPAW's grid of the wave functions, in units of the spacing that holds all products of them."""
BASE_MB = 300.0
PROCESS_MB = 140.0
"""Of each further MPI process: Python and GPAW, 139 MB with NaF of 2 atoms at 300 eV."""
GRIDS = 60
"""Grids of the density's size that are held, the eightfold finer ones counted as eight."""
BAND_COPIES = 3.5
START_S = 20.0
STEP_FACTOR = 0.75
"""GPAW's Davidson step against the count of operations behind VASP's."""
BUFFER_MB = 200.0
"""Work arrays of the eigensolver at most."""

BASIS = (
    "plane waves V k^3 / 6 pi^2, half of them where Gamma is the only k-point; time as for a "
    f"blocked Davidson step, {FIRST_ELECTRONIC_STEPS} steps at first and {NEXT_ELECTRONIC_STEPS} "
    "after each move of the atoms; memory: bands and projectors of all k-points, grids, and what "
    "GPAW takes at the start; calibrated on NZSP of 40 atoms at 480 eV, one core: 3.0 s a step at "
    "Gamma, 7.4 s a step and k-point elsewhere, 508 and 633 MB"
)


@dataclass(frozen=True)
class Size:
    """Sizes that decide the cost."""

    n_electrons: float
    n_bands: int
    n_spins: int
    mesh: tuple[int, int, int]
    n_kpoints: int
    n_plane_waves: int
    n_ionic_steps: int
    core_seconds: float
    memory_mb: float


def default_n_bands(n_electrons: float, n_projectors: int) -> int:
    """Bands that GPAW takes by itself: 1.2 n/2 + 4, no more than there are projectors."""
    return max(1, min(int(0.6 * n_electrons) + 4, max(n_projectors, math.ceil(n_electrons / 2))))


def grid_points(atoms: Atoms, cutoff_ev: float) -> int:
    """Points of the grid of the wave functions; spacing 1.4 x 3.07 A / sqrt(cut-off in eV)."""
    spacing = GRID_SPACING_FACTOR * 3.07 / math.sqrt(cutoff_ev)
    return math.prod(4 * math.ceil(length / spacing / 4) for length in atoms.cell.lengths())


def estimate_size(atoms: Atoms, settings: GpawSettings | GpawBandSettings, kind: str) -> Size:
    """Sizes and cost of a calculation.

    Raises
    ------
    EngineError
        If an element has no dataset.
    """
    symbols = atoms.get_chemical_symbols()
    datasets = find_datasets(symbols, settings.functional, settings.paw_setups)
    n_electrons = sum(datasets[symbol].n_valence for symbol in symbols)
    n_projectors = sum(datasets[symbol].n_projectors for symbol in symbols)
    n_bands = settings.bands or default_n_bands(n_electrons, n_projectors)
    n_spins = 2 if spin_polarized(settings, atoms) else 1
    mesh = kpoint_mesh(atoms, settings.kpoint_spacing_per_angstrom)
    isym = {"on": 2, "time_reversal": 0, "off": -1}[settings.symmetry]
    n_kpoints = n_irreducible(atoms, mesh, 0 if kind == "dos" else isym)
    n_plane_waves = plane_waves(atoms.get_volume(), settings.cutoff_ev)
    grid = grid_points(atoms, settings.cutoff_ev)
    is_real = mesh == (1, 1, 1)
    n_states = n_kpoints * n_spins
    step_s = STEP_FACTOR * electronic_step_core_seconds(n_states, n_bands, n_plane_waves, grid)
    if is_real:
        step_s /= 2
    n_images = 1
    if isinstance(settings, GpawBandSettings):
        n_images = settings.n_images or USUAL_IMAGES
        n_ionic = min(CALLS_PER_IMAGE, settings.max_force_calls)
    else:
        n_ionic = min(IONIC_STEPS, settings.max_steps) if kind == "relax" else 1
    n_electronic = FIRST_ELECTRONIC_STEPS + NEXT_ELECTRONIC_STEPS * (n_ionic - 1)
    coefficients_mb = 16e-6 * n_plane_waves * (0.5 if is_real else 1)
    bands_mb = coefficients_mb * n_bands * (n_states + BAND_COPIES)
    projectors_mb = coefficients_mb * n_projectors * n_kpoints
    grids_mb = 8e-6 * GRIDS * grid * n_spins
    buffers_mb = min(BUFFER_MB, 2 * coefficients_mb * n_bands)
    return Size(
        n_electrons=n_electrons,
        n_bands=n_bands,
        n_spins=n_spins,
        mesh=mesh,
        n_kpoints=n_kpoints,
        n_plane_waves=round(n_plane_waves),
        n_ionic_steps=n_images * n_ionic,
        core_seconds=float(START_S + n_images * n_electronic * step_s),
        memory_mb=float(BASE_MB + n_images * (bands_mb + projectors_mb + grids_mb + buffers_mb)),
    )

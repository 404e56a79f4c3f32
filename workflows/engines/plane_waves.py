"""Number of plane waves, and what an electronic step with them costs."""

from __future__ import annotations

import math

from natriface.structures.base.conversions import HBAR2_OVER_2M_EV_ANGSTROM2

FFT_FLOPS_PER_S = 1.5e9
MATRIX_FLOPS_PER_S = 8e9
"""Per core, from the LOOP times of real runs on 6 to 120 cores."""
HAMILTONIAN_APPLICATIONS = 4
"""On each band in one electronic step of the blocked Davidson scheme."""


def plane_waves(volume_angstrom3: float, encut_ev: float) -> float:
    """Number of plane waves below the cut-off: V k^3 / 6 pi^2, k^2 = E / (hbar^2 / 2m)."""
    k_max = math.sqrt(encut_ev / HBAR2_OVER_2M_EV_ANGSTROM2)
    return volume_angstrom3 * k_max**3 / (6 * math.pi**2)


def electronic_step_core_seconds(
    n_kpoints_and_spins: int, n_bands: int, n_plane_waves: float, grid_points: int
) -> float:
    """Cost of one electronic step: FFTs of every application of H, and subspace matrices."""
    transform = 5 * grid_points * math.log2(grid_points)
    ffts = n_bands * HAMILTONIAN_APPLICATIONS * 2 * transform
    matrices = 6 * 8 * n_plane_waves * n_bands**2
    return n_kpoints_and_spins * (ffts / FFT_FLOPS_PER_S + matrices / MATRIX_FLOPS_PER_S)

"""The electron localisation function of GPAW's valence pseudo-states, as an ELFCAR.

ELF = 1 / (1 + (D / D_h)^2), D = tau - |grad n|^2 / 8 n, D_h = (3/10) (6 pi^2)^(2/3) n^(5/3) for one
spin (A. D. Becke, K. E. Edgecombe, J. Chem. Phys. 92, 5397 (1990), in the form of A. Savin et al.,
Angew. Chem. 31, 187 (1992)). n and tau are of the smooth valence states, without core and without
the corrections inside the PAW spheres, as in VASP: outside the spheres it is the valence ELF, in
them it shows the pseudo-states and means nothing.
"""

from __future__ import annotations

import math
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

LEAST_DENSITY_BOHR3 = 1e-6
"""Electrons of one spin per cubic Bohr; where there are fewer the ELF is set to 0."""


def write_elf(gpaw: Any, atoms: Atoms, path: Path) -> Path:
    """Compute the ELF of a converged state, whole in this process, and write it.

    Parameters
    ----------
    atoms
        Where the crystal lies; GPAW may have computed it shifted along c.
    """
    density = gpaw.dft.density
    density.update_ked(gpaw.dft.ibzwfs)
    n_spins = density.ndensities
    spins_in_one = 2 // n_spins
    computed = gpaw.atoms
    shift = (computed.get_scaled_positions() - atoms.get_scaled_positions())[0]
    components = []
    for spin in range(n_spins):
        fields = []
        for smooth, core in ((density.nt_sR, density.nct_R), (density.taut_sR, density.tauct_R)):
            valence = smooth[spin].copy()
            valence.data -= core.data
            periodic = valence.to_pbc_grid().data
            fields.append(refined(periodic / spins_in_one, shift))
        cell_bohr = np.asarray(gpaw.dft.density.nt_sR.desc.cell_cv)
        components.append(localisation(fields[0], fields[1], cell_bohr))
    write_elfcar(path, atoms, components)
    return path


def refined(values: FloatArray, shift: FloatArray | None = None) -> FloatArray:
    """A periodic function on a grid twice as fine along each axis, by its Fourier series.

    Parameters
    ----------
    values
        (n_a, n_b, n_c).
    shift
        In fractions of the cell: the result at x is the function at x + shift.
    """
    coefficients = np.fft.fftn(values)
    fine = np.zeros([2 * n for n in values.shape], dtype=complex)
    frequencies = [np.fft.fftfreq(n, 1 / n).astype(int) for n in values.shape]
    places = []
    for axis, n in enumerate(values.shape):
        if n % 2 == 0:  # the highest wave has no partner of the other sign
            index: list[Any] = [slice(None)] * 3
            index[axis] = n // 2
            coefficients[tuple(index)] = 0.0
        places.append(frequencies[axis] % (2 * n))
    if shift is not None:
        for axis in range(3):
            phase = np.exp(2j * math.pi * frequencies[axis] * shift[axis])
            coefficients *= phase.reshape([-1 if i == axis else 1 for i in range(3)])
    fine[np.ix_(*places)] = coefficients
    return np.ascontiguousarray(np.fft.ifftn(fine).real * 8)


def localisation(
    density: FloatArray, kinetic_density: FloatArray, cell_bohr: FloatArray
) -> FloatArray:
    """The ELF of one spin.

    Parameters
    ----------
    density, kinetic_density
        (n_a, n_b, n_c) of this spin: electrons and Hartree per cubic Bohr; tau = sum of
        |grad psi|^2 / 2.
    cell_bohr
        (3, 3) lattice vectors.

    Returns
    -------
    ndarray
        (n_a, n_b, n_c), between 0 and 1.
    """
    coefficients = np.fft.fftn(density)
    reciprocal = 2 * math.pi * np.linalg.inv(cell_bohr).T
    axes = [np.fft.fftfreq(n, 1 / n) for n in density.shape]
    waves = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    squared_gradient = np.zeros_like(density)
    for direction in range(3):
        along = waves @ reciprocal[:, direction]
        squared_gradient += np.fft.ifftn(1j * along * coefficients).real ** 2
    enough = density > LEAST_DENSITY_BOHR3
    n = np.where(enough, density, 1.0)
    pauli = np.maximum(kinetic_density - squared_gradient / (8 * n), 0.0)
    homogeneous = 0.3 * (6 * math.pi**2) ** (2 / 3) * n ** (5 / 3)
    return np.where(enough, 1 / (1 + (pauli / homogeneous) ** 2), 0.0)


def write_elfcar(path: Path, atoms: Atoms, components: list[FloatArray]) -> None:
    """Write a function in the format of VASP's ELFCAR, one component for each spin."""
    groups = [(symbol, len(list(run))) for symbol, run in groupby(atoms.get_chemical_symbols())]
    lines = ["ELF of the valence pseudo-states", "1.0"]
    lines += ["".join(f" {x:15.10f}" for x in vector) for vector in np.asarray(atoms.cell)]
    lines.append(" ".join(symbol for symbol, _ in groups))
    lines.append(" ".join(str(count) for _, count in groups))
    lines.append("Direct")
    lines += ["".join(f" {x:15.10f}" for x in row) for row in atoms.get_scaled_positions()]
    with path.open("w") as file:
        file.write("\n".join(lines) + "\n")
        for values in components:
            file.write("\n" + " ".join(str(n) for n in values.shape) + "\n")
            flat = values.ravel(order="F")
            whole = flat.size // 5 * 5
            np.savetxt(file, flat[:whole].reshape(-1, 5), fmt="%.6E")
            if flat.size > whole:
                np.savetxt(file, flat[None, whole:], fmt="%.6E")

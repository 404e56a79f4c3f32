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
from ase.units import Bohr
from numpy.typing import NDArray
from scipy.fft import fftn, ifftn, next_fast_len

from natriface.structures.base.arrays import FloatArray

LEAST_OCCUPATION = 1e-6

LEAST_DENSITY_BOHR3 = 1e-6
"""Electrons of one spin per cubic Bohr; where there are fewer the ELF is set to 0."""


def write_elf(gpaw: Any, atoms: Atoms, path: Path) -> Path:
    """Compute the ELF of a converged state, whole in this process, and write it.

    Parameters
    ----------
    atoms
        Where the crystal lies; GPAW may have computed it shifted along c.
    """
    shift = (gpaw.atoms.get_scaled_positions() - atoms.get_scaled_positions())[0]
    cell_bohr = np.asarray(gpaw.atoms.cell) / Bohr
    components = [
        localisation(density, kinetic, cell_bohr) for density, kinetic in densities(gpaw, shift)
    ]
    write_elfcar(path, atoms, components)
    return path


def densities(gpaw: Any, shift: FloatArray | None = None) -> list[tuple[FloatArray, FloatArray]]:
    """Electrons and kinetic energy per volume of the smooth states, for each spin.

    They come from the states themselves, on a grid that holds all products of two plane waves. On
    GPAW's own, coarser grid D would turn negative where there are few electrons, and the ELF there
    would be noise between 0 and 1.

    Parameters
    ----------
    gpaw
        A converged plane-wave calculation, whole in this process.
    shift
        In fractions of the cell: the result at x is the function at x + shift.

    Returns
    -------
    list of tuples
        For each spin n and tau = sum of |grad psi|^2 / 2, (n_a, n_b, n_c), in electrons and Hartree
        per cubic Bohr.
    """
    waves = gpaw.dft.ibzwfs
    waves.make_sure_wfs_are_read_from_gpw_file()
    states = list(waves)
    cell_bohr = np.asarray(gpaw.atoms.cell) / Bohr
    indices = [_wave_indices(state, cell_bohr) for state in states]
    highest = np.max([np.abs(index).max(axis=0) for index in indices], axis=0)
    shape = tuple(next_fast_len(int(4 * n + 1)) for n in highest)
    found = []
    for spin in range(waves.nspins):
        own = [(s, i) for s, i in zip(states, indices, strict=True) if s.spin == spin]
        total_weight = sum(state.weight for state, _ in own)
        density, potential = np.zeros(shape), np.zeros(shape)
        for state, index in own:
            _add_state(density, potential, state, index, state.weight / total_weight)
        coefficients = _symmetrised(fftn(density), waves.ibz.symmetries)
        squared = (_waves(shape) @ (2 * math.pi * np.linalg.inv(cell_bohr).T)) ** 2
        laplacian = -squared.sum(axis=-1) * coefficients
        kinetic = laplacian / 4 + _symmetrised(fftn(potential), waves.ibz.symmetries)
        phase = 1.0 if shift is None else np.exp(2j * math.pi * (_waves(shape) @ shift))
        found.append((ifftn(coefficients * phase).real, ifftn(kinetic * phase).real))
    return found


def _wave_indices(state: Any, cell_bohr: FloatArray) -> NDArray[np.int64]:
    """(n_waves, 3) integers: G in units of the reciprocal lattice vectors."""
    vectors = np.asarray(state.psit_nX.desc.reciprocal_vectors())
    whole: NDArray[np.int64] = np.rint(vectors @ cell_bohr.T / (2 * math.pi) - state.kpt_c).astype(
        np.int64
    )
    return whole


def _add_state(
    density: FloatArray, kinetic: FloatArray, state: Any, index: NDArray[np.int64], weight: float
) -> None:
    """Add the sums over occupied bands of |psi|^2 and of Re(psi* |k + G|^2 psi) / 2.

    |grad psi|^2 / 2 is the second and a quarter of the Laplacian of the first.
    """
    squared = (np.asarray(state.psit_nX.desc.reciprocal_vectors()) ** 2).sum(axis=1)
    half = np.issubdtype(state.psit_nX.desc.dtype, np.floating)  # GPAW keeps one of G and -G
    others = np.flatnonzero(index.any(axis=1)) if half else np.empty(0, dtype=int)
    at, back = tuple(index.T), tuple(-index[others].T)
    for occupation, coefficients in zip(state.occ_n, state.psit_nX.data, strict=True):
        if occupation < LEAST_OCCUPATION:
            continue
        fields = []
        for values in (coefficients, squared * coefficients):
            full = np.zeros(density.shape, dtype=complex)
            full[at] = values
            full[back] = values[others].conj()
            fields.append(ifftn(full, norm="forward"))
        density += weight * occupation * np.abs(fields[0]) ** 2
        kinetic += weight * occupation * (fields[0].conj() * fields[1]).real / 2


def _symmetrised(coefficients: NDArray[np.complex128], symmetries: Any) -> NDArray[np.complex128]:
    """Mean over the crystal's symmetry operations of a function given by its Fourier coefficients.

    Where only the k-points that symmetry leaves were computed, their sum lacks the symmetry.
    """
    rotations, translations = symmetries.rotation_scc, symmetries.translation_sc
    if len(rotations) == 1:
        return coefficients
    waves = _waves(coefficients.shape).astype(np.int64)
    summed = np.zeros_like(coefficients)
    limit = np.abs(coefficients).max() * 1e-14
    there = np.abs(coefficients) > limit
    for rotation, translation in zip(rotations, translations, strict=True):
        # GPAW's operations are for rows: x -> x @ rotation + translation
        turned = waves[there] @ np.asarray(rotation).T
        place = tuple((turned % coefficients.shape).T)
        phase = np.exp(2j * math.pi * (waves[there] @ np.asarray(translation, dtype=float)))
        np.add.at(summed, place, coefficients[there] * phase)
    mean: NDArray[np.complex128] = summed / len(rotations)
    return mean


def _waves(shape: tuple[int, ...]) -> FloatArray:
    """(*shape, 3) integers: the wave that each Fourier coefficient belongs to."""
    axes = [np.rint(np.fft.fftfreq(n, 1 / n)) for n in shape]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)


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


def write_elfcar(
    path: Path,
    atoms: Atoms,
    components: list[FloatArray],
    title: str = "ELF of the valence pseudo-states",
) -> None:
    """Write a function in the format of VASP's ELFCAR, one component for each spin."""
    groups = [(symbol, len(list(run))) for symbol, run in groupby(atoms.get_chemical_symbols())]
    lines = [title, "1.0"]
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

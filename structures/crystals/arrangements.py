"""Sets of changed sites, ranked: symmetry-distinct ones, their Ewald energies and distances.

A placement is a set of sites that take the dopant, a partner set the sites that balance its
charge; scores are tables with a row for each placement and a column for each partner set.
"""

from __future__ import annotations

import numpy as np
from ase import Atoms

from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.symmetry import nearest_distances
from natriface.structures.crystals.ewald import ewald_matrix

DEPTH_STEP_ANGSTROM = 0.05
"""Sites whose depths differ by less are equally deep."""


def scaled_positions(atoms: Atoms) -> FloatArray:
    """Fractional coordinates (n, 3), not wrapped; a missing third vector is made up."""
    cell = atoms.cell.complete().array
    scaled: FloatArray = np.linalg.solve(cell.T, atoms.positions.T).T
    return scaled


def distinct_sets(placements: IntArray, permutations: IntArray) -> IntArray:
    """One placement of each set that the permutations (o, n) make equivalent."""
    if len(placements) == 1:
        return placements
    place_value = permutations.shape[1] ** np.arange(placements.shape[1], dtype=object)
    if place_value[-1] * permutations.shape[1] < 2**62:
        place_value = place_value.astype(np.int64)
    keys = np.sort(placements, axis=1) @ place_value
    for permutation in permutations:
        keys = np.minimum(keys, np.sort(permutation[placements], axis=1) @ place_value)
    return placements[np.sort(np.unique(keys, return_index=True)[1])]


def ewald_scores(
    atoms: Atoms,
    placements: IntArray,
    partners: IntArray,
    host: FloatArray,
    step: float,
    change_charge: float,
) -> FloatArray:
    """Electrostatic energy (d, c) in eV relative to the host, from its Ewald matrix.

    Parameters
    ----------
    placements, partners : (d, number) and (c, count) indices of the sites that change
    host : (n,) formal charges of the host in e
    step, change_charge : charge in e that each dopant and each partner adds
    """
    matrix = ewald_matrix(atoms.cell.complete().array, scaled_positions(atoms))
    potential = 2 * matrix @ host

    def alone(sets: IntArray, charge: float) -> FloatArray:
        pairs = matrix[sets[:, :, None], sets[:, None, :]].sum(axis=(1, 2))
        total: FloatArray = charge * potential[sets].sum(axis=1) + charge**2 * pairs
        return total

    membership = np.zeros((len(partners), len(atoms)))
    np.put_along_axis(membership, partners, 1.0, axis=1)
    coupling = matrix[placements].sum(axis=1) @ membership.T
    scores: FloatArray = (
        alone(placements, step)[:, None]
        + alone(partners, change_charge)[None]
        + 2 * step * change_charge * coupling
    )
    return scores


def distance_scores(
    atoms: Atoms,
    placements: IntArray,
    partners: IntArray,
    host: FloatArray,
    step: float,
    change_charge: float,
) -> FloatArray:
    """Distances (d, c) in A from the partners to the nearest dopant, summed; charges do not count.

    Without compensation, minus the shortest distance between dopants: like charges keep apart.
    """
    dopants = np.unique(placements)
    distances = np.full((len(atoms), len(atoms)), np.inf)
    distances[dopants] = nearest_distances(
        atoms.cell.complete().array, scaled_positions(atoms), dopants, atoms.pbc
    )
    if partners.shape[1]:
        per_atom = distances[placements].min(axis=1)
        summed: FloatArray = per_atom[:, partners].sum(axis=2)
        return summed
    if placements.shape[1] == 1:
        return np.zeros((len(placements), 1))
    first, second = np.triu_indices(placements.shape[1], 1)
    closest: FloatArray = distances[placements[:, first], placements[:, second]].min(axis=1)
    return -closest[:, None]


def ranked(placements: IntArray, scores: FloatArray, distances: FloatArray | None) -> IntArray:
    """Flat indices of scores (d, c), best first: by distance (n,) where given, then by score."""
    if distances is None:
        return np.argsort(scores, axis=None, kind="stable")
    depth = np.round(distances[placements].sum(axis=1) / DEPTH_STEP_ANGSTROM)
    return np.lexsort((scores.ravel(), np.repeat(depth, scores.shape[1])))

"""Cavities of a crystal or a slab, where an interstitial ion may stand."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from scipy.spatial import Voronoi, cKDTree

from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.atoms import Structure, atoms_of
from natriface.structures.base.errors import StructureError
from natriface.structures.base.heights import VACUUM_ANGSTROM, whole_positions
from natriface.structures.base.symmetry import expand_site, wrap
from natriface.structures.crystals.sites import SYMPREC_ANGSTROM, site_symmetry

MIN_CAVITY_ANGSTROM = 1.6
"""A cavity nearer to an atom is no interstitial site, unless given."""

MERGE_ANGSTROM = 1.0
"""Of cavities closer together than this the widest is kept."""

SPECIAL_ANGSTROM = 0.3
"""A cavity closer than this to its own image lies on the special position between them."""

MARGIN_ANGSTROM = 8.0
"""Atoms up to this far outside the cell shape the cavities in it."""


def interstitial_sites(
    host: Structure,
    min_distance_angstrom: float = MIN_CAVITY_ANGSTROM,
    symprec_angstrom: float = SYMPREC_ANGSTROM,
) -> FloatArray:
    """Cavities of a crystal: corners of the Voronoi cells of its atoms, one of each orbit.

    Returns
    -------
    (k, 3) array
        Fractional coordinates, the widest cavity first.

    Raises
    ------
    StructureError
        If the crystal has a surface, or no cavity is at least `min_distance_angstrom` from every
        atom.
    """
    host = atoms_of(host)
    if not all(host.pbc) or whole_positions(host)[1] >= VACUUM_ANGSTROM:
        raise StructureError(
            "cavities are sought in bulk crystals; name the interstitial positions in a slab"
        )
    cell = host.cell.array
    candidates, radius, _ = _empty_spheres(host)
    order = np.argsort(-np.round(radius, 4), kind="stable")
    operations = site_symmetry(host, symprec_angstrom).operations
    kept: list[FloatArray] = []
    taken = np.empty((0, 3))
    for k in order:
        if radius[k] < min_distance_angstrom:
            break
        group = expand_site(candidates[k], operations, cell, merge_angstrom=SPECIAL_ANGSTROM)
        if len(taken):
            apart = taken[None] - group[:, None]
            apart -= np.round(apart)
            if np.linalg.norm(apart @ cell, axis=-1).min() < MERGE_ANGSTROM:
                continue
        kept.append(group[0])
        taken = np.concatenate([taken, group])
    if not kept:
        raise StructureError(
            f"{host.get_chemical_formula()} has no cavity {min_distance_angstrom:g} A from every "
            "atom; give interstitial positions, or a smaller distance"
        )
    return np.array(kept)


def cavities_among(
    atoms: Structure,
    members: IntArray,
    place: FloatArray,
    within_angstrom: float,
    min_distance_angstrom: float = MIN_CAVITY_ANGSTROM,
) -> FloatArray:
    """Cavities near a place that touch none but some of the atoms, such as those of a film.

    Parameters
    ----------
    members
        Indices of these atoms.
    place
        (3,), A.
    within_angstrom
        How far a cavity's centre may lie from the place.

    Returns
    -------
    (k, 3) array
        Their centres in A, those of the images nearest the place, the widest first; k may be 0.
    """
    atoms = atoms_of(atoms)
    cell = atoms.cell.complete().array
    centres, radius, touched = _empty_spheres(atoms)
    ways = centres - np.linalg.solve(cell.T, place)
    ways = (ways - np.round(ways)) @ cell
    apart = np.linalg.norm(ways, axis=1)
    fitting = np.isin(touched, members).all(axis=1) & (apart <= within_angstrom)
    chosen = np.flatnonzero(fitting & (radius >= min_distance_angstrom))
    kept: list[FloatArray] = []
    for k in chosen[np.lexsort((apart[chosen], -np.round(radius[chosen], 2)))]:
        if all(np.linalg.norm(ways[k] - way) >= MERGE_ANGSTROM for way in kept):
            kept.append(ways[k])
    return np.array(kept).reshape(-1, 3) + place


def _empty_spheres(atoms: Atoms) -> tuple[FloatArray, FloatArray, IntArray]:
    """Spheres that touch four atoms and hold none: the corners of the Voronoi cells.

    Returns
    -------
    centres : (k, 3) in fractions of the cell
    radii : (k,), A
    touched : (k, 4) indices of the atoms
    """
    cell = atoms.cell.complete().array
    margin = MARGIN_ANGSTROM * np.linalg.norm(np.linalg.inv(cell), axis=0)
    spans = [np.arange(-k, k + 1) for k in np.ceil(margin).astype(int)]
    images = np.stack(np.meshgrid(*spans, indexing="ij"), axis=-1).reshape(-1, 3)
    scaled = (wrap(atoms.get_scaled_positions())[None] + images[:, None]).reshape(-1, 3)
    near = np.flatnonzero(np.all((scaled > -margin) & (scaled < 1 + margin), axis=1))
    points = scaled[near] @ cell
    centres = Voronoi(points).vertices @ np.linalg.inv(cell)
    centres = centres[np.all((centres > -1e-6) & (centres < 1 - 1e-6), axis=1)]
    apart, touched = cKDTree(points).query(centres @ cell, k=4)
    return centres, apart[:, 0], near[touched] % len(atoms)

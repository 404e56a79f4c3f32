"""Cavities of a crystal, where an interstitial ion may stand."""

from __future__ import annotations

import numpy as np
from scipy.spatial import Voronoi, cKDTree

from natriface.structures.base.arrays import FloatArray
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
    margin = MARGIN_ANGSTROM * np.linalg.norm(np.linalg.inv(cell), axis=0)
    spans = [np.arange(-k, k + 1) for k in np.ceil(margin).astype(int)]
    images = np.stack(np.meshgrid(*spans, indexing="ij"), axis=-1).reshape(-1, 3)
    scaled = (wrap(host.get_scaled_positions())[None] + images[:, None]).reshape(-1, 3)
    points = scaled[np.all((scaled > -margin) & (scaled < 1 + margin), axis=1)] @ cell
    corners = Voronoi(points).vertices
    fractional = corners @ np.linalg.inv(cell)
    inside = np.all((fractional > -1e-6) & (fractional < 1 - 1e-6), axis=1)
    radius = cKDTree(points).query(corners[inside])[0]
    candidates = fractional[inside]
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

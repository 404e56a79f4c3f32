"""The triangle of ligands that a migrating ion squeezes through, such as T1 of a NASICON."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from ase import Atom
from ase.neighborlist import neighbor_list

from natriface.structures.base.atoms import Structure, atoms_of
from natriface.structures.base.bounds import require_few
from natriface.structures.base.errors import StructureError
from natriface.structures.base.reprs import short_repr
from natriface.structures.paths.hops import Hop

REACH_ANGSTROM = 4.0
"""How far from an end of the hop, or from its middle, a corner may lie."""
MAX_TRIANGLES = 2_000_000
_ON_EDGE = 1e-6


@dataclass(frozen=True)
class Bottleneck:
    """Of the triangles of three ligands that the straight way crosses, the smallest around.

    Attributes
    ----------
    ligands
        The corners, such as ``O12``: element and index in the host.
    area_angstrom2
        Of the triangle between the ligands' centres.
    edges_angstrom
        Its three sides, by rising length.
    radius_angstrom
        From where the way crosses it to the nearest corner's centre.
    fraction
        How far along the way it is crossed.
    """

    ligands: tuple[str, str, str]
    area_angstrom2: float
    edges_angstrom: tuple[float, float, float]
    radius_angstrom: float
    fraction: float

    def __repr__(self) -> str:
        return short_repr(self, "-".join(self.ligands), f"{self.area_angstrom2:.2f} A2")


def bottleneck(
    host: Structure, hop: Hop, ligands: Collection[str] = ("O", "F", "S", "Cl", "Br", "I")
) -> Bottleneck:
    """The `Bottleneck` of a hop through a crystal as it stands.

    The perimeter decides, not the area: a sliver to a far ligand is no window.

    Parameters
    ----------
    host
        The crystal the hop was found in, or one of the same sites, relaxed or doped.
    ligands
        Elements that make corners.

    Raises
    ------
    StructureError
        If the way crosses no triangle of ligands.
    """
    host = atoms_of(host)
    start, end = (np.asarray(x) @ host.cell.array for x in (hop.start, hop.end))
    way = end - start
    probe = host.copy()
    probe.append(Atom("X", (start + end) / 2))
    reach = REACH_ANGSTROM + float(np.linalg.norm(way)) / 2
    first, index, place = neighbor_list("ijD", probe, {("X", x): reach for x in ligands})
    mine = first == len(host)
    index, place = index[mine], place[mine] + way / 2  # from the start of the way
    require_few(
        len(index) ** 3 / 6, MAX_TRIANGLES, "triangles of ligands", "name fewer kinds of ligands"
    )
    corners = np.array(list(combinations(range(len(index)), 3)), dtype=int).reshape(-1, 3)
    a, b, c = (place[corners[:, k]] for k in range(3))
    # Moeller and Trumbore, J. Graph. Tools 2, 21 (1997)
    across = np.cross(way, c - a)
    volume = np.einsum("ij,ij->i", b - a, across)
    with np.errstate(divide="ignore", invalid="ignore"):
        u = np.einsum("ij,ij->i", -a, across) / volume
        beside = np.cross(-a, b - a)
        v = beside @ way / volume
        t = np.einsum("ij,ij->i", beside, c - a) / volume
        # a way in the triangle's plane gives no number, and crosses nothing
        inside = np.minimum.reduce([u, v, 1 - u - v, t, 1 - t]) >= -_ON_EDGE
    if not inside.any():
        raise StructureError(
            f"{hop.label}: the straight way crosses no triangle of {', '.join(sorted(ligands))}; "
            "name other ligands"
        )
    edges = np.stack([np.linalg.norm(x, axis=1) for x in (b - a, c - b, a - c)], axis=1)
    chosen = np.flatnonzero(inside)
    k = chosen[np.argmin(np.round(edges[chosen].sum(axis=1), 6))]
    crossing = t[k] * way
    names = [f"{host.symbols[int(i)]}{int(i)}" for i in np.sort(index[corners[k]])]
    one, two, three = (float(x) for x in np.sort(edges[k]))
    return Bottleneck(
        ligands=(names[0], names[1], names[2]),
        area_angstrom2=float(np.linalg.norm(np.cross((b - a)[k], (c - a)[k])) / 2),
        edges_angstrom=(one, two, three),
        radius_angstrom=float(np.linalg.norm(place[corners[k]] - crossing, axis=1).min()),
        fraction=float(np.clip(t[k], 0.0, 1.0)),
    )

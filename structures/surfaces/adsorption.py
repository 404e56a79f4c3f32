"""Adatom sites of a surface: on-top, bridge and hollow, one of each symmetry-equivalent set.

The sites are the critical points of the distance, within the surface plane, to the nearest exposed
atom: its zeros (on-top), saddle points (bridge: midpoints of Gabriel edges) and maxima (hollow:
Voronoi vertices inside the polygon of their atoms). On a periodic surface their numbers obey
on-top - bridge + hollow = 0 (Morse theory on the torus), so none is missed; of those that nearly
coincide one is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from ase import Atom, Atoms
from ase.data import atomic_numbers, covalent_radii
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from scipy.spatial import Delaunay, cKDTree

from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.atom_tags import ADATOM_TAG
from natriface.structures.base.atoms import Structure, atoms_of
from natriface.structures.base.errors import StructureError
from natriface.structures.base.heights import Side, surface_normal, whole_slab_positions
from natriface.structures.base.reprs import short_repr
from natriface.structures.base.symmetry import wrap
from natriface.structures.chemistry.formal_charges import OXIDATION_STATES
from natriface.structures.chemistry.radii import IONIC_RADII
from natriface.structures.chemistry.unit_charges import formal_charges_of
from natriface.structures.crystals.sites import SYMPREC_ANGSTROM, site_symmetry

SiteKind = Literal["on-top", "bridge", "hollow"]

MERGE_ANGSTROM = 0.3
"""Sites closer together than this are one: no adatom tells them apart."""

RESOLUTION_ANGSTROM = 1e-5
"""Distances that differ by less are equal (atoms on one circle about a hollow)."""

EXPOSED_ANGSTROM = 0.1
"""An atom is exposed if an adatom set on top of it sinks by less into its neighbours."""

EXPOSED_DEPTH_ANGSTROM = 4.0
"""Atoms deeper than this below the outermost one are not part of the surface."""


@dataclass(frozen=True)
class AdatomSite:
    """A place for an adatom on a surface.

    Attributes
    ----------
    kind : on-top, bridge or hollow
    side : face of the slab
    scaled : fractional coordinates along a and b of the foot of the site
    position : Cartesian position of the adatom in A
    height_angstrom : height of the adatom above the outermost atom of the slab
    atoms : indices of the surface atoms the site lies on, between or amid
    elements : their elements
    multiplicity : number of equivalent sites in the cell
    """

    kind: SiteKind
    side: Side
    scaled: tuple[float, float]
    position: tuple[float, float, float]
    height_angstrom: float
    atoms: tuple[int, ...]
    elements: tuple[str, ...]
    multiplicity: int

    def __repr__(self) -> str:
        height = f"{self.height_angstrom:.2f} A high"
        return short_repr(self, self.label, f"{self.side} face", height, f"x{self.multiplicity}")

    @property
    def label(self) -> str:
        """Such as ``hollow F2Na2``: kind and the atoms around."""
        return _label(self.kind, self.elements)


def adatom_sites(
    slab: Structure,
    element: str = "Na",
    side: Side = "top",
    kinds: tuple[SiteKind, ...] = ("on-top", "bridge", "hollow"),
    merge_angstrom: float = MERGE_ANGSTROM,
    symprec_angstrom: float = SYMPREC_ANGSTROM,
) -> list[AdatomSite]:
    """The adatom sites of one face, one of each set that the slab's layer group makes equivalent.

    Parameters
    ----------
    slab
        A slab with vacuum along c.
    element
        The adatom; its size decides which atoms it can touch and how high it stands.
    side
        The face.
    kinds
        Which kinds of sites to return.
    merge_angstrom
        Sites closer together than this become one, a hollow if one of them is.

    Returns
    -------
    list of AdatomSite
        On-top first, then bridge, then hollow; lowest height first within each.

    Raises
    ------
    StructureError
        If the element is unknown or there is no vacuum.

    Examples
    --------
    >>> from natriface.structures import adatom_sites, build_slab
    >>> from natriface.structures import find_terminations, load_phase
    >>> cut = find_terminations(load_phase("NaF"), (1, 0, 0))[0]
    >>> [site.label for site in adatom_sites(build_slab(cut, layers=3))]
    ['on-top F', 'on-top Na', 'bridge FNa', 'hollow F2Na2']
    """
    slab = atoms_of(slab)
    surface = _Surface.of(slab, element, side)
    feet, all_kinds, neighbours = _merged(_critical_points(surface), surface, merge_angstrom)
    orbits = _surface_orbits(slab, surface, feet, symprec_angstrom)
    symbols = slab.get_chemical_symbols()
    sites = []
    for orbit in np.unique(orbits):
        members = np.flatnonzero(orbits == orbit)
        first = int(members[0])
        if all_kinds[first] not in kinds:
            continue
        height = surface.contact_height(feet[first])
        position = surface.position(feet[first], height)
        around = sorted({int(surface.exposed[k]) for k in neighbours[first]})
        sites.append(
            AdatomSite(
                kind=all_kinds[first],
                side=side,
                scaled=_pair(feet[first]),
                position=(float(position[0]), float(position[1]), float(position[2])),
                height_angstrom=height - float(surface.heights.max()),
                atoms=tuple(around),
                elements=tuple(symbols[surface.exposed[k]] for k in neighbours[first]),
                multiplicity=len(members),
            )
        )
    rank = {"on-top": 0, "bridge": 1, "hollow": 2}
    return sorted(sites, key=lambda s: (rank[s.kind], round(s.height_angstrom, 3), s.scaled))


def site_beneath(
    slab: Structure, element: str, scaled: tuple[float, float], side: Side = "top"
) -> tuple[str, float]:
    """Label of the site nearest to a point over a face, and its distance in the plane in A.

    Parameters
    ----------
    scaled
        Fractional coordinates of the point along a and b.

    Raises
    ------
    StructureError
        If there is no surface.
    """
    slab = atoms_of(slab)
    surface = _Surface.of(slab, element, side)
    feet, kinds, neighbours = _merged(_critical_points(surface), surface, MERGE_ANGSTROM)
    around = np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)])
    separation = feet - np.array(scaled)
    separation -= np.round(separation)
    vectors = (separation[:, None] + around) @ surface.vectors
    distances = np.linalg.norm(vectors, axis=-1).min(axis=1)
    nearest_site = int(np.argmin(distances))
    symbols = slab.get_chemical_symbols()
    elements = tuple(symbols[surface.exposed[k]] for k in neighbours[nearest_site])
    return _label(kinds[nearest_site], elements), float(distances[nearest_site])


def add_adatom(
    slab: Structure, element: str, site: AdatomSite, height_angstrom: float | None = None
) -> Atoms:
    """The slab with an adatom on a site; everything else is kept.

    Parameters
    ----------
    height_angstrom
        Height above the outermost atom; by default the adatom touches the atoms around it (sum of
        ionic radii for ions of opposite charge, else of covalent radii).

    Raises
    ------
    StructureError
        If the adatom does not fit into the vacuum.
    """
    slab = atoms_of(slab)
    return place_adatom(slab, element, site.scaled, site.side, height_angstrom)


def place_adatom(
    slab: Structure,
    element: str,
    scaled: tuple[float, float],
    side: Side = "top",
    height_angstrom: float | None = None,
) -> Atoms:
    """The slab with an adatom over any point of a face; see `add_adatom`.

    Parameters
    ----------
    scaled
        Fractional coordinates of the point along a and b.

    Raises
    ------
    StructureError
        If the adatom does not fit into the vacuum.
    """
    slab = atoms_of(slab)
    surface = _Surface.of(slab, element, side)
    foot = np.array(scaled)
    outermost = float(surface.heights.max())
    if height_angstrom is None:
        height = surface.contact_height(foot)
    else:
        height = outermost + height_angstrom
    extent = float(np.ptp(surface.heights))
    if slab.pbc[2]:
        period = abs(float(slab.cell.array[2] @ surface_normal(slab)))
        if height - outermost > period - extent - 1.0:
            raise StructureError(
                f"an adatom {height - outermost:.2f} A above the surface does not fit into "
                f"{period - extent:.2f} A of vacuum; enlarge the vacuum"
            )
    result = slab.copy()
    result.append(Atom(element, position=surface.position(foot, height), tag=ADATOM_TAG))
    return result


@dataclass(frozen=True, eq=False)
class _Surface:
    """One face of a slab as an adatom meets it; heights grow outwards.

    `plane` holds the in-plane Cartesian positions (n, 2), `vectors` the in-plane lattice (2, 2),
    `frame` the rows e1, e2 and the outward normal, `reach` the contact distances (n,), all in A.
    """

    frame: FloatArray
    vectors: FloatArray
    plane: FloatArray
    heights: FloatArray
    reach: FloatArray
    exposed: IntArray

    @classmethod
    def of(cls, slab: Atoms, element: str, side: Side) -> _Surface:
        if element not in atomic_numbers:
            raise StructureError(f"{element!r} is not an element")
        if side not in ("top", "bottom"):
            raise StructureError(f"side {side!r}: 'top' or 'bottom'")
        if not (slab.pbc[0] and slab.pbc[1]):
            raise StructureError("a surface must be periodic along a and b")
        positions = whole_slab_positions(slab)
        normal = surface_normal(slab) * (1 if side == "top" else -1)
        first = slab.cell.array[0] / np.linalg.norm(slab.cell.array[0])
        frame = np.array([first, np.cross(normal, first), normal])
        local = positions @ frame.T
        vectors = slab.cell.array[:2] @ frame[:2].T
        reach = _contact_distances(slab, element)
        surface = cls(
            frame, vectors, local[:, :2], local[:, 2], reach, np.arange(len(slab), dtype=int)
        )
        scaled = surface.plane @ np.linalg.inv(vectors)
        # only atoms near the outside can be touched: none deeper than the largest contact
        near = np.flatnonzero(surface.heights > surface.heights.max() - EXPOSED_DEPTH_ANGSTROM)
        open_sky = [
            i
            for i in near
            if surface.contact_height(scaled[i]) < surface.heights[i] + reach[i] + EXPOSED_ANGSTROM
        ]
        return cls(
            frame, vectors, surface.plane, surface.heights, reach, np.array(open_sky, dtype=int)
        )

    def contact_height(self, foot: FloatArray) -> float:
        """Height in A at which an adatom lowered on a foot point (2,) touches the first atom."""
        spans = _spans(self.vectors, float(self.reach.max()))
        separation = self.plane @ np.linalg.inv(self.vectors) - foot
        separation -= np.round(separation)
        lateral = (separation[:, None] + spans) @ self.vectors
        squared = np.einsum("nij,nij->ni", lateral, lateral).min(axis=1)
        over = squared < self.reach**2
        rise = np.sqrt(np.maximum(self.reach**2 - squared, 0.0))
        if not over.any():
            return float(self.heights.max())
        return float((self.heights + rise)[over].max())

    def position(self, foot: FloatArray, height: float) -> FloatArray:
        """Cartesian position (3,) in A above a foot point (2,)."""
        plane = foot @ self.vectors
        where: FloatArray = plane @ self.frame[:2] + height * self.frame[2]
        return where


def _contact_distances(slab: Atoms, element: str) -> FloatArray:
    """Distance (n,) in A at which the adatom touches each atom.

    Sum of Shannon's ionic radii for ions of opposite formal charge, else of covalent radii.
    """
    number = atomic_numbers[element]
    distances: FloatArray = covalent_radii[slab.numbers] + covalent_radii[number]
    charges = formal_charges_of(slab)
    own = OXIDATION_STATES.get(element, (0,))[0]
    if charges is None or own == 0 or number not in IONIC_RADII:
        return distances
    ionic = np.array([IONIC_RADII.get(int(z), np.nan) for z in slab.numbers])
    opposite = (charges * own < 0) & np.isfinite(ionic)
    return np.where(opposite, ionic + IONIC_RADII[number], distances)


def _spans(vectors: FloatArray, reach: float) -> IntArray:
    """In-plane lattice translations (k, 2) that bring a point within `reach` of the home cell."""
    heights = 1 / np.linalg.norm(np.linalg.inv(vectors), axis=0)
    ranges = [np.arange(-k, k + 1) for k in np.ceil(reach / heights).astype(int)]
    spans: IntArray = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 2)
    return spans


_Point = tuple[FloatArray, SiteKind, tuple[int, ...]]
"""Foot (2,) of a site, its kind, and which exposed atoms it belongs to."""


def _critical_points(surface: _Surface) -> list[_Point]:
    """All sites of the cell; one on its boundary may appear more than once."""
    to_scaled = np.linalg.inv(surface.vectors)
    home = wrap(surface.plane[surface.exposed] @ to_scaled) @ surface.vectors
    margin = float(np.linalg.norm(surface.vectors, axis=1).sum())
    spans = _spans(surface.vectors, margin)
    points = (home[None] + (spans @ surface.vectors)[:, None]).reshape(-1, 2)
    owner = np.tile(np.arange(len(home)), len(spans))
    tree = cKDTree(points)
    found: list[_Point] = [(foot @ to_scaled, "on-top", (k,)) for k, foot in enumerate(home)]
    mesh = Delaunay(points)
    edges = np.unique(np.sort(mesh.simplices[:, [[0, 1], [1, 2], [0, 2]]].reshape(-1, 2)), axis=0)
    middles = points[edges].mean(axis=1)
    halves = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1) / 2
    inside = _in_home_cell(middles @ to_scaled)
    for edge, middle, half in zip(edges[inside], middles[inside], halves[inside], strict=True):
        if len(tree.query_ball_point(middle, half + RESOLUTION_ANGSTROM)) == 2:
            found.append((middle @ to_scaled, "bridge", tuple(int(k) for k in owner[edge])))
    for centre in _circumcentres(points[mesh.simplices]):
        if not _in_home_cell((centre @ to_scaled)[None])[0]:
            continue
        radius = tree.query(centre)[0]
        around = tree.query_ball_point(centre, radius + RESOLUTION_ANGSTROM)
        spokes = points[around] - centre
        angles = np.sort(np.arctan2(spokes[:, 1], spokes[:, 0]))
        gaps = np.diff(angles, append=angles[0] + 2 * np.pi)
        if len(around) >= 3 and gaps.max() < np.pi - 1e-5:
            found.append((centre @ to_scaled, "hollow", tuple(int(k) for k in owner[around])))
    return found


def _in_home_cell(scaled: FloatArray) -> NDArray[np.bool_]:
    """Points (m, 2) in the home cell or, so that rounding loses none, just outside it."""
    inside: NDArray[np.bool_] = np.all((scaled > -0.01) & (scaled < 1.01), axis=1)
    return inside


def _circumcentres(triangles: FloatArray) -> FloatArray:
    """Centres (m, 2) of the circles through triangles (k, 3, 2), slivers left out."""
    origin = triangles[:, 0]
    sides = triangles[:, 1:] - origin[:, None]
    areas = np.abs(np.linalg.det(sides))
    good = areas > 1e-3 * np.einsum("kij,kij->k", sides, sides)
    half_squares = np.einsum("kij,kij->ki", sides[good], sides[good]) / 2
    centres: FloatArray = (
        origin[good] + np.linalg.solve(sides[good], half_squares[..., None])[..., 0]
    )
    return centres


def _merged(
    points: list[_Point], surface: _Surface, merge_angstrom: float
) -> tuple[FloatArray, list[SiteKind], list[tuple[int, ...]]]:
    """Feet (m, 2), kinds and atoms of the sites, those closer than `merge_angstrom` made one."""
    feet = np.array([foot for foot, _, _ in points])
    feet -= np.floor(feet + 1e-9)
    separations = feet[:, None] - feet[None]
    separations -= np.round(separations)
    apart = np.linalg.norm(separations @ surface.vectors, axis=-1)
    names = np.array([kind for _, kind, _ in points])
    same = (apart < 10 * RESOLUTION_ANGSTROM) & (names[:, None] == names)
    copies = np.flatnonzero(same.argmax(axis=1) == np.arange(len(feet)))
    _, cluster = connected_components(apart[np.ix_(copies, copies)] < merge_angstrom)
    rank = {"hollow": 0, "on-top": 1, "bridge": 2}
    kept: list[int] = []
    around: list[tuple[int, ...]] = []
    for label in range(cluster.max() + 1):
        members = copies[cluster == label]
        kept.append(int(min(members, key=lambda k: rank[points[k][1]])))
        atoms = points[kept[-1]][2]
        for k in members:
            atoms += tuple(x for x in points[k][2] if x not in atoms)
        around.append(atoms)
    return feet[kept], [points[k][1] for k in kept], around


def _surface_orbits(
    slab: Atoms, surface: _Surface, feet: FloatArray, symprec_angstrom: float
) -> IntArray:
    """Index (m,) of the first site equivalent to each under operations that keep this face."""
    operations = site_symmetry(slab, symprec_angstrom).operations
    rotations, translations = operations.rotations, operations.translations
    upright = np.all(rotations[:, 2] == [0, 0, 1], axis=1)
    upright &= np.abs(translations[:, 2] - np.round(translations[:, 2])) < 1e-2
    cell = slab.cell.complete().array
    level = float(surface.heights.max())
    scaled = np.array([surface.position(foot, level) for foot in feet]) @ np.linalg.inv(cell)
    images = np.einsum("oij,nj->oni", rotations[upright], scaled) + translations[upright][:, None]
    planes = images @ cell @ surface.frame[:2].T @ np.linalg.inv(surface.vectors)
    tree = cKDTree(feet % 1.0 % 1.0, boxsize=1.0)
    _, nearest_site = tree.query(planes.reshape(-1, 2) % 1.0 % 1.0)
    orbits: IntArray = nearest_site.reshape(len(images), len(feet)).min(axis=0)
    return orbits


def _label(kind: SiteKind, elements: tuple[str, ...]) -> str:
    counts = "".join(
        f"{x}{elements.count(x) if elements.count(x) > 1 else ''}" for x in sorted(set(elements))
    )
    return f"{kind} {counts}"


def _pair(values: FloatArray) -> tuple[float, float]:
    return float(values[0]), float(values[1])

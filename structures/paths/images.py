"""Images of a path: end points matched atom by atom, interpolated and checked.

End points come from anywhere: relaxed apart, wrapped by a code, sorted by another. They are matched
by the assignment of like atoms with the shortest total way (Hungarian algorithm, minimum image);
a single atom that hops keeps its place in the list, for by the triangle inequality no chain of
other atoms is a shorter way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, get_args

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from ase.geometry import find_mic
from scipy.optimize import linear_sum_assignment

from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.atoms import Structure, atoms_of, fixed_indices
from natriface.structures.base.bounds import require_few
from natriface.structures.base.errors import StructureError
from natriface.structures.base.heights import VACUUM_ANGSTROM, surface_normal, whole_positions
from natriface.structures.base.reprs import short_repr
from natriface.structures.base.symmetry import nearest_distances
from natriface.structures.chemistry.polyanions import formula
from natriface.structures.paths.idpp import relax_idpp

Interpolation = Literal["idpp", "linear"]

SPACING_ANGSTROM = 0.8
"""Default length of path from image to image."""

CELL_TOLERANCE_ANGSTROM = 1e-3
"""Cells of the images of one path differ by less in every component."""

FROZEN_TOLERANCE_ANGSTROM = 0.01
"""A frozen atom that stands farther apart in the two end points is not frozen."""

KEEP_ANGSTROM = 0.05
"""Atoms are relabelled only where the way shortens by more than this for each of them."""

SAME_ANGSTROM = 0.05
"""Images less than this apart are one and the same."""

TIE_ANGSTROM = 1e-6
"""Ways whose lengths differ by less are equally short."""

CLASH = 0.65
"""Atoms closer than this times the sum of their covalent radii clash."""


@dataclass(frozen=True, eq=False)
class Matching:
    """Which atom of one structure stands for which of another.

    Attributes
    ----------
    order : (n,) index of the atom of the other structure for each atom of the reference
    displacements : (n, 3) A, from the reference to the other, minimum image
    """

    order: IntArray
    displacements: FloatArray = field(repr=False)

    @property
    def permuted(self) -> tuple[int, ...]:
        """Atoms of the reference whose partner has another index."""
        return tuple(int(i) for i in np.flatnonzero(self.order != np.arange(len(self.order))))

    @property
    def length_angstrom(self) -> float:
        """Distance of the two structures, the norm over all atoms."""
        return float(np.linalg.norm(self.displacements))


@dataclass(frozen=True, eq=False)
class Images:
    """A path ready for a nudged elastic band.

    Attributes
    ----------
    images : end points included; atoms in one order, positions continuous from image to image
    spacings_angstrom : (n - 1,) distances of consecutive images
    method : how the images between were made
    notes : what was repaired on the way, in words
    """

    images: tuple[Atoms, ...] = field(repr=False)
    spacings_angstrom: tuple[float, ...]
    method: Interpolation
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return short_repr(
            self,
            formula(self.images[0].numbers),
            f"{len(self.images)} images",
            f"{self.length_angstrom:.2f} A",
            self.method,
        )

    @property
    def length_angstrom(self) -> float:
        """Length of the path over all atoms."""
        return float(sum(self.spacings_angstrom))


def displacements(reference: Atoms, other: Atoms) -> FloatArray:
    """Minimum-image vectors (n, 3) in A from each atom to the one of the same index.

    Of two ways equally short (half a cell) the one that the positions as given take is chosen.
    """
    given = other.positions - reference.positions
    vectors, lengths = find_mic(given, reference.cell.complete(), reference.pbc)
    as_short = np.linalg.norm(given, axis=1) < lengths + TIE_ANGSTROM
    shortest: FloatArray = np.where(as_short[:, None], given, vectors)
    return shortest


def match_atoms(reference: Structure, other: Structure) -> Matching:
    """Match like atoms so that the sum of their minimum-image distances is least.

    Raises
    ------
    StructureError
        If composition, cell or periodicity differ.
    """
    reference, other = atoms_of(reference), atoms_of(other)
    _require_comparable(reference, other)
    if np.array_equal(reference.numbers, other.numbers):
        straight = displacements(reference, other)
        if 2 * np.linalg.norm(straight, axis=1).max(initial=0.0) < _closest_alike(reference):
            # every other partner is farther away
            return Matching(np.arange(len(reference)), straight)
    order = np.empty(len(reference), dtype=int)
    cell = reference.cell.complete()
    for number in np.unique(reference.numbers):
        mine = np.flatnonzero(reference.numbers == number)
        theirs = np.flatnonzero(other.numbers == number)
        vectors = other.positions[theirs][None] - reference.positions[mine][:, None]
        _, lengths = find_mic(vectors.reshape(-1, 3), cell, reference.pbc)
        cost = lengths.reshape(len(mine), len(theirs))
        cost = cost - KEEP_ANGSTROM * (mine[:, None] == theirs[None])
        order[mine] = theirs[linear_sum_assignment(cost)[1]]
    return Matching(order, displacements(reference, other[order]))


def align(reference: Structure, other: Structure) -> tuple[Atoms, Matching]:
    """The other structure with its atoms in the order of the reference and next to them.

    Cell, tags and frozen atoms are the reference's; positions are continuous: no atom jumps by a
    lattice vector.

    Raises
    ------
    StructureError
        If composition, cell or periodicity differ.
    """
    reference = atoms_of(reference)
    matching = match_atoms(reference, other)
    aligned = reference.copy()
    aligned.calc = None
    aligned.set_positions(reference.positions + matching.displacements, apply_constraint=False)
    return aligned, matching


MAX_IMAGES = 200
"""Images of one path, at most."""


def make_images(
    initial: Structure,
    final: Structure,
    n_images: int | None = None,
    method: Interpolation = "idpp",
) -> Images:
    """A path between two end points, ready for a nudged elastic band.

    Parameters
    ----------
    initial, final
        The end points; their atoms may be wrapped and ordered differently. Atoms frozen in the
        first are frozen in all images.
    n_images
        Number of images between the end points; by default one every 0.8 A, at least 3 and odd, so
        that the middle of a symmetric path is an image.
    method
        ``idpp`` (image-dependent pair potential, `natriface.structures.paths.idpp`) or ``linear``.

    Raises
    ------
    StructureError
        If the end points do not belong together (composition, cell, a frozen atom that moved, the
        same structure twice), an atom hops across the vacuum of a slab, or images clash or collide.

    Examples
    --------
    >>> from natriface.structures import hop_endpoints, load_phase
    >>> from natriface.structures import make_images, vacancy_hops
    >>> host = load_phase("NaF")
    >>> ends = hop_endpoints(host, vacancy_hops(host, "Na")[0])
    >>> make_images(ends.initial, ends.final, 3)
    Images(Na107F108, 5 images, 3.63 A, idpp)
    """
    if method not in get_args(Interpolation):
        raise StructureError(f"interpolation {method!r}: 'idpp' or 'linear'")
    initial = atoms_of(initial)
    _, matching = align(initial, final)
    _require_path(initial, matching)
    if n_images is None:
        n_images = images_for(float(np.linalg.norm(matching.displacements, axis=1).max()))
    if not n_images >= 1 or n_images != n_images // 1:
        raise StructureError(f"{n_images} images: a path needs at least one between its ends")
    require_few(n_images, MAX_IMAGES, "images", "a path needs one every 0.8 A or so")
    free = np.ones(len(initial), dtype=bool)
    free[fixed_indices(initial)] = False
    moves = matching.displacements * free[:, None]
    chain = initial.positions + np.linspace(0, 1, n_images + 2)[:, None, None] * moves
    if method == "idpp":
        chain = relax_idpp(initial, chain, free)
    images = [initial.copy() for _ in chain]
    for image, positions in zip(images, chain, strict=True):
        image.calc = None
        placed = np.where(free[:, None], positions, initial.positions)
        image.set_positions(placed, apply_constraint=False)
    problems = image_problems(images)
    if problems:
        raise StructureError(
            "these images do not make a path: " + "; ".join(problems) + "; give other end points "
            "or an intermediate image"
        )
    notes = []
    if matching.permuted:
        notes.append(permutation_note(matching, "the final end point"))
    return Images(
        tuple(images), tuple(float(x) for x in path_spacings(images)), method, tuple(notes)
    )


def permutation_note(matching: Matching, name: str) -> str:
    """What was done about atoms in another order, in words."""
    n = len(matching.permuted)
    return f"{n} atoms of {name} were listed in another order; they were matched by position"


def images_for(length_angstrom: float, spacing_angstrom: float = SPACING_ANGSTROM) -> int:
    """Number of images between the end points of a hop: odd and at least 3."""
    n = max(3, int(np.ceil(length_angstrom / spacing_angstrom)) - 1)
    return n if n % 2 else n + 1


def path_spacings(images: Sequence[Atoms]) -> FloatArray:
    """Minimum-image distances (n - 1,) in A of consecutive images, the norm over all atoms."""
    return np.array([np.linalg.norm(displacements(a, b)) for a, b in pairwise(images)])


def image_problems(images: Sequence[Atoms]) -> list[str]:
    """Why images do not make a path: clashing atoms, images that coincide, collide or turn back.

    Returns
    -------
    list of str
        Empty for a sound path. Images are numbered from 0, the initial end point.
    """
    problems = []
    for k, image in enumerate(images):
        if not np.isfinite(image.positions).all():
            problems.append(f"image {k} has positions that are no numbers")
    if problems:
        return problems
    for k, image in enumerate(images):
        problem = clash(image)
        if problem is not None:
            problems.append(f"image {k}: {problem}")
    steps = [displacements(a, b) for a, b in pairwise(images)]
    spacings = np.array([np.linalg.norm(step) for step in steps])
    mean = spacings.mean()
    for k, spacing in enumerate(spacings):
        if spacing < SAME_ANGSTROM:
            problems.append(f"images {k} and {k + 1} coincide ({spacing:.3f} A apart)")
        elif spacing < 0.2 * mean:
            problems.append(
                f"images {k} and {k + 1} have collided ({spacing:.2f} A apart, {mean:.2f} A on "
                "average)"
            )
    for k, (one, two) in enumerate(pairwise(steps), start=1):
        if spacings[k - 1] >= SAME_ANGSTROM <= spacings[k] and np.sum(one * two) < 0:
            problems.append(f"the path turns back at image {k}")
    return problems


def crosses_vacuum(initial: Atoms, moves: FloatArray) -> tuple[int, ...]:
    """Atoms of a slab that moves (n, 3) in A would carry from one face to the other, outside."""
    if not initial.pbc[2]:
        return ()
    whole, vacuum = whole_positions(initial)
    if vacuum < VACUUM_ANGSTROM:
        return ()
    moved = initial.copy()
    moved.set_positions(initial.positions + moves, apply_constraint=False)
    normal = surface_normal(initial)
    period = float(initial.cell.array[2] @ normal)
    # a move through the vacuum differs by a period from the same move through the slab
    excess = (whole_positions(moved)[0] - whole - moves) @ normal
    excess -= np.median(excess)
    return tuple(int(i) for i in np.flatnonzero(np.abs(excess) > period / 2))


def _require_comparable(reference: Atoms, other: Atoms) -> None:
    one, two = formula(reference.numbers), formula(other.numbers)
    if one != two:
        raise StructureError(
            f"the images of a path need the same atoms, but one is {one} and the other {two}"
        )
    if not np.array_equal(reference.pbc, other.pbc):
        raise StructureError("the images of a path need the same periodicity")
    apart = np.abs(reference.cell.array - other.cell.array).max()
    if apart > CELL_TOLERANCE_ANGSTROM:
        raise StructureError(
            f"the images of a path need one cell, but two cells differ by {apart:.3f} A; relax the "
            "end points in the same fixed cell"
        )


def _require_path(initial: Atoms, matching: Matching) -> None:
    if matching.length_angstrom < SAME_ANGSTROM:
        raise StructureError("the two end points are the same structure: there is no path")
    frozen = fixed_indices(initial)
    moved = [
        i for i in frozen if np.linalg.norm(matching.displacements[i]) > FROZEN_TOLERANCE_ANGSTROM
    ]
    if moved:
        raise StructureError(
            f"frozen atoms {', '.join(map(str, moved[:5]))} stand in other places in the final end "
            "point; relax both end points with the same frozen atoms"
        )
    crossing = crosses_vacuum(initial, matching.displacements)
    if crossing:
        raise StructureError(
            f"the shortest way of atom {crossing[0]} ({initial.symbols[crossing[0]]}) leads across "
            "the vacuum to the other face; enlarge the vacuum, or choose end points on one face"
        )


def _closest_alike(atoms: Atoms) -> float:
    """Shortest distance in A between two atoms of one element."""
    scaled = np.linalg.solve(atoms.cell.complete().array.T, atoms.positions.T).T
    shortest = np.inf
    for number in np.unique(atoms.numbers):
        alike = scaled[atoms.numbers == number]
        distances = nearest_distances(
            atoms.cell.complete().array, alike, np.arange(len(alike)), atoms.pbc
        )
        shortest = min(shortest, float(distances.min()))
    return shortest


def clash(image: Atoms) -> str | None:
    """The two atoms closest to each other for their size, in words, if they clash."""
    cell = image.cell.complete().array
    scaled = np.linalg.solve(cell.T, image.positions.T).T
    distances = nearest_distances(cell, scaled, np.arange(len(image)), image.pbc)
    radii = covalent_radii[image.numbers]
    share = distances / (radii[:, None] + radii[None])
    i, j = np.unravel_index(int(np.argmin(share)), share.shape)
    if share[i, j] >= CLASH:
        return None
    return (
        f"atoms {i} ({image.symbols[i]}) and {j} ({image.symbols[j]}) clash, "
        f"{distances[i, j]:.2f} A apart"
    )

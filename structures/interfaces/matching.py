"""Lattice matches between two surfaces, bounded by principal strain.

A match is an integer pair (M_s, M_f): the supercell ``M_f @ film_cell`` is mapped onto
``M_s @ substrate_cell`` by a linear map F whose singular values (the principal stretches) lie
within ``1 +- max_strain``; det F > 0, so that no film is ever mirrored. Each surface has one
sorted catalogue of all its supercells (Hermite normal forms) in reduced bases. Any F within the
bound changes the two shortest lengths of a lattice by no more than the bound, so partners are found
by bisection on the shortest length; the few bases that F may take a reduced basis to are tried.

Every match is listed once; see `match_search`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from natriface.structures.base.arrays import FloatArray, IntArray
from natriface.structures.base.atoms import content_hash
from natriface.structures.base.errors import StructureError
from natriface.structures.base.reprs import html_facts, short_repr
from natriface.structures.interfaces.match_search import MatchTable, Surface, match_table, rotations
from natriface.structures.surfaces.slabs import Slab
from natriface.structures.surfaces.surface_cell import gauss_reduce

Share = Literal["film", "substrate"] | float
Matrix2 = tuple[tuple[int, int], tuple[int, int]]

WIDER, LARGEST_STRAIN = 4, 0.2
"""How many times the area, and up to which strain, a match is looked for to name one in a hint."""


@dataclass(frozen=True)
class Match:
    """A common supercell of two surfaces.

    Attributes
    ----------
    substrate_matrix, film_matrix
        Integer supercells, rows: ``M @ surface_cell``.
    substrate_cell, film_cell
        The surface cells matched, rows, A.
    cell
        Common in-plane cell, rows, A: reduced, right-handed, first vector along x.
    share
        Fraction of the logarithmic strain borne by the substrate: 0 strains the film only.
    stretches
        Principal stretches of the map film -> substrate, smallest first.
    """

    substrate_matrix: Matrix2
    film_matrix: Matrix2
    substrate_cell: tuple[tuple[float, float], tuple[float, float]]
    film_cell: tuple[tuple[float, float], tuple[float, float]]
    cell: tuple[tuple[float, float], tuple[float, float]]
    share: float
    stretches: tuple[float, float]

    def __repr__(self) -> str:
        return short_repr(
            self,
            f"{self.substrate_cells} substrate x {self.film_cells} film cells",
            f"{self.area_angstrom2:.1f} A2",
            f"strain {100 * self.max_strain:.2f} %",
            f"rotation {self.rotation_degrees:.1f} deg",
        )

    def _repr_html_(self) -> str:
        return html_facts(
            "Match",
            {
                "substrate cells": str(self.substrate_cells),
                "film cells": str(self.film_cells),
                "area": f"{self.area_angstrom2:.1f} Å²",
                "strains of the film": ", ".join(f"{100 * e:.2f} %" for e in self.film_strains),
                "strains of the substrate": ", ".join(
                    f"{100 * e:.2f} %" for e in self.substrate_strains
                ),
                "rotation": f"{self.rotation_degrees:.1f}°",
            },
        )

    @property
    def principal_strains(self) -> tuple[float, float]:
        """Principal strains of the unstrained film mapped onto the unstrained substrate."""
        return self.stretches[0] - 1.0, self.stretches[1] - 1.0

    @property
    def film_strains(self) -> tuple[float, float]:
        """Principal strains of the film in the common cell."""
        a, b = (s ** (1.0 - self.share) - 1.0 for s in self.stretches)
        return a, b

    @property
    def substrate_strains(self) -> tuple[float, float]:
        """Principal strains of the substrate in the common cell."""
        a, b = (s**-self.share - 1.0 for s in self.stretches)
        return a, b

    @property
    def max_strain(self) -> float:
        """Largest absolute principal strain of the map film -> substrate."""
        return max(abs(e) for e in self.principal_strains)

    @property
    def von_mises_strain(self) -> float:
        """sqrt(e1^2 + e2^2 - e1 e2) of the principal strains (plane state)."""
        a, b = self.principal_strains
        return math.sqrt(a * a + b * b - a * b)

    @property
    def mean_strain(self) -> float:
        """Mean absolute principal strain."""
        a, b = self.principal_strains
        return (abs(a) + abs(b)) / 2

    @property
    def area_angstrom2(self) -> float:
        """Area of the common cell, A^2."""
        return _det(self.cell)

    @property
    def substrate_cells(self) -> int:
        """Number of substrate surface cells in the common cell."""
        return round(_det(self.substrate_matrix))

    @property
    def film_cells(self) -> int:
        """Number of film surface cells in the common cell."""
        return round(_det(self.film_matrix))

    def matrix(self, side: Literal["substrate", "film"]) -> Matrix2:
        """Integer supercell of a side."""
        return self.substrate_matrix if side == "substrate" else self.film_matrix

    @property
    def rotation_degrees(self) -> float:
        """Rotation of the film's surface cell against the substrate's, counter-clockwise."""
        turn = rotations(
            np.array([self.substrate_matrix]) @ np.array(self.substrate_cell),
            np.array([self.film_matrix]) @ np.array(self.film_cell),
        )
        return math.degrees(float(turn[0]))

    @property
    def id(self) -> str:
        """Content hash of the two cells, the two matrices and the share."""
        return content_hash(
            [self.substrate_matrix, self.film_matrix, self.substrate_cell, self.film_cell,
             self.share]
        )  # fmt: skip

    def describe(self) -> dict[str, Any]:
        """A JSON-able summary."""
        return {
            "id": self.id,
            "substrate_matrix": [list(row) for row in self.substrate_matrix],
            "film_matrix": [list(row) for row in self.film_matrix],
            "substrate_cells": self.substrate_cells,
            "film_cells": self.film_cells,
            "area_angstrom2": self.area_angstrom2,
            "principal_strains": list(self.principal_strains),
            "max_strain": self.max_strain,
            "von_mises_strain": self.von_mises_strain,
            "mean_strain": self.mean_strain,
            "share": self.share,
            "film_strains": list(self.film_strains),
            "substrate_strains": list(self.substrate_strains),
            "rotation_degrees": self.rotation_degrees,
        }


def find_matches(
    substrate: Surface | ArrayLike,
    film: Surface | ArrayLike,
    *,
    max_area_angstrom2: float = 400.0,
    max_strain: float = 0.03,
    share: Share = "film",
    limit: int | None = None,
) -> list[Match]:
    """All distinct matches of two surfaces within an area and a strain, smallest first.

    Parameters
    ----------
    substrate, film
        A `Slab` or `Termination`, or a bare 2-D cell (2, 2) in A, which is taken to have the full
        symmetry of its lattice.
    max_area_angstrom2
        Largest area of the common cell, A^2.
    max_strain
        Largest absolute principal strain of the map film -> substrate.
    share
        Who is strained: "film", "substrate", or the fraction of the (logarithmic) strain borne by
        the substrate, as from `share_by_stiffness`.
    limit
        Return no more than this many.

    Returns
    -------
    list of Match
        Ranked by number of substrate cells (area), then by largest principal strain.

    Raises
    ------
    StructureError
        If nothing matches (the message says which limit would give a match), or the limits are so
        wide that there are too many supercells to compare.

    Examples
    --------
    >>> from natriface.structures import build_slab, find_matches, find_terminations, load_phase
    >>> sides = [build_slab(find_terminations(load_phase(name), (1, 0, 0))[0], layers=2)
    ...          for name in ("NaF", "NaCl")]
    >>> match = find_matches(*sides, max_area_angstrom2=200, max_strain=0.04)[0]
    >>> match.max_strain <= 0.04
    True
    """
    matches = search_matches(
        substrate, film, max_area_angstrom2=max_area_angstrom2, max_strain=max_strain, share=share
    )
    if not matches:
        raise StructureError(_no_match(substrate, film, max_area_angstrom2, max_strain))
    return matches[:limit]


def search_matches(
    substrate: Surface | ArrayLike,
    film: Surface | ArrayLike,
    *,
    max_area_angstrom2: float = 400.0,
    max_strain: float = 0.03,
    share: Share = "film",
) -> list[Match]:
    """As `find_matches`, but an empty list where nothing matches."""
    table = match_table(substrate, film, max_area_angstrom2, max_strain, substrate_share(share))
    return [match_at(table, row) for row in range(len(table))]


def match_at(table: MatchTable, row: int) -> Match:
    """The match in one row of a table."""
    return make_match(
        table.substrate_cell,
        table.film_cell,
        table.substrate_matrix[row],
        table.film_matrix[row],
        table.share,
    )


def make_match(
    substrate_cell: FloatArray,
    film_cell: FloatArray,
    substrate_matrix: IntArray,
    film_matrix: IntArray,
    share: float,
) -> Match:
    """The match of two supercells, in a reduced basis of their common cell."""
    common, stretches = common_cell(
        substrate_matrix @ substrate_cell, film_matrix @ film_cell, share
    )
    reduced, unimodular = gauss_reduce(common)
    length = float(np.hypot(*reduced[0]))
    along = float(reduced[0] @ reduced[1]) / length
    across = float(np.linalg.det(reduced)) / length
    return Match(
        substrate_matrix=_matrix(unimodular @ substrate_matrix),
        film_matrix=_matrix(unimodular @ film_matrix),
        substrate_cell=_cell(substrate_cell),
        film_cell=_cell(film_cell),
        cell=((length, 0.0), (along, across)),
        share=share,
        stretches=stretches,
    )


def common_cell(
    substrate: FloatArray, film: FloatArray, share: float
) -> tuple[FloatArray, tuple[float, float]]:
    """The cell that two in-plane cells share, and the principal stretches film -> substrate.

    Parameters
    ----------
    substrate, film
        Rows that belong together, A, (2, 2).
    share
        Fraction of the logarithmic strain borne by the substrate.

    Returns
    -------
    (2, 2) array, (float, float)
        Rows in A, turned against the substrate's only as its strain turns them; stretches,
        smallest first.
    """
    gradient = np.linalg.solve(film, substrate)
    _, stretches, right = np.linalg.svd(gradient)
    common: FloatArray = substrate @ (right.T * stretches**-share) @ right
    return common, (float(stretches[1]), float(stretches[0]))


def substrate_share(share: Share) -> float:
    """Fraction of the strain borne by the substrate."""
    if isinstance(share, str):
        if share not in ("film", "substrate"):
            raise StructureError(f"share {share!r} is unknown: use film, substrate or a fraction")
        return 0.0 if share == "film" else 1.0
    if not 0.0 <= share <= 1.0:
        raise StructureError(f"share must lie between 0 (film) and 1 (substrate), got {share}")
    return float(share)


def share_by_stiffness(
    substrate_modulus_gpa: float,
    substrate_thickness_angstrom: float,
    film_modulus_gpa: float,
    film_thickness_angstrom: float,
) -> float:
    """Substrate's share that minimises the elastic energy of two layers in parallel.

    Each layer stores t Y e^2 / 2 per area (biaxial modulus Y, thickness t); with
    e_f - e_s = e fixed the minimum is at |e_s| / e = t_f Y_f / (t_f Y_f + t_s Y_s).
    """
    values = (
        substrate_modulus_gpa, substrate_thickness_angstrom,
        film_modulus_gpa, film_thickness_angstrom,
    )  # fmt: skip
    if min(values) <= 0:
        raise StructureError("moduli and thicknesses must be positive")
    substrate = substrate_modulus_gpa * substrate_thickness_angstrom
    film = film_modulus_gpa * film_thickness_angstrom
    return film / (film + substrate)


def nearest_match(
    substrate: Surface | ArrayLike, film: Surface | ArrayLike, max_area: float, max_strain: float
) -> Match | None:
    """The least strained match of two surfaces a little beyond an area (A^2) and a strain."""
    doubled = min(2 * max_strain, LARGEST_STRAIN)
    bounds = (
        (max_area, doubled), (2 * max_area, max_strain),
        (max_area, LARGEST_STRAIN), (WIDER * max_area, doubled),
    )  # fmt: skip
    found = (_least_strained(substrate, film, area, strain) for area, strain in bounds)
    return next((match for match in found if match is not None), None)


def _no_match(
    substrate: Surface | ArrayLike, film: Surface | ArrayLike, max_area: float, max_strain: float
) -> str:
    asked = f"no match within {max_area:g} A2 and {100 * max_strain:g} % strain"
    strain_key = "max_strain (in a study max_strain_percent)"
    ways = [
        f"one of {_size(match, substrate, film)}: raise {key}"
        for key, match in (
            ("max_area_angstrom2", _smallest(substrate, film, WIDER * max_area, max_strain)),
            (strain_key, _least_strained(substrate, film, max_area, LARGEST_STRAIN)),
        )
        if match is not None
    ]
    if not ways:
        best = nearest_match(substrate, film, max_area, max_strain)
        if best is None:
            return f"{asked}; raise max_area_angstrom2 or choose another pair of planes"
        both = f"raise max_area_angstrom2 and {strain_key}"
        ways = [f"one of {_size(best, substrate, film)}: {both}"]
    return (
        f"{asked}; there is {'; or '.join(ways)}; looked for up to {WIDER * max_area:g} A2 and "
        f"{100 * LARGEST_STRAIN:g} %"
    )


def _size(match: Match, substrate: Surface | ArrayLike, film: Surface | ArrayLike) -> str:
    """Area, strain and, of slabs, atoms of a match."""
    text = f"{match.area_angstrom2:.1f} A2 with {100 * match.max_strain:.2f} % strain"
    if not (isinstance(substrate, Slab) and isinstance(film, Slab)):
        return text
    n_atoms = match.substrate_cells * len(substrate.atoms) + match.film_cells * len(film.atoms)
    return f"{text} ({n_atoms} atoms)"


def _smallest(
    substrate: Surface | ArrayLike, film: Surface | ArrayLike, area: float, strain: float
) -> Match | None:
    table = _few_matches(substrate, film, area, strain)
    return match_at(table, 0) if table else None


def _least_strained(
    substrate: Surface | ArrayLike, film: Surface | ArrayLike, area: float, strain: float
) -> Match | None:
    table = _few_matches(substrate, film, area, strain)
    return match_at(table, int(np.argmin(table.max_strain))) if table else None


def _few_matches(
    substrate: Surface | ArrayLike, film: Surface | ArrayLike, area: float, strain: float
) -> MatchTable | None:
    """The matches; None where there are too many supercells to look through for a hint."""
    try:
        return match_table(substrate, film, area, strain, share=0.0)
    except StructureError:
        return None


def _det(matrix: ArrayLike) -> float:
    (a, b), (c, d) = np.asarray(matrix, dtype=float).tolist()
    return float(a * d - b * c)


def _matrix(matrix: IntArray) -> Matrix2:
    (a, b), (c, d) = matrix.tolist()
    return (int(a), int(b)), (int(c), int(d))


def _cell(
    cell: Sequence[Sequence[float]] | FloatArray,
) -> tuple[tuple[float, float], tuple[float, float]]:
    (a, b), (c, d) = np.asarray(cell, dtype=float).tolist()
    return (a, b), (c, d)

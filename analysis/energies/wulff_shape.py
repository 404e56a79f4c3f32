"""The equilibrium shape of a crystal by Wulff's construction.

The families of equivalent planes are given, and not found from the lattice, whose symmetry can be
higher than the crystal's: (101) and (011) are one in a hexagonal lattice and two in a crystal of
class -3m.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial import ConvexHull, QhullError

from natriface.analysis.results.formulas import Formula
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import AnalysisError
from natriface.structures.base.reprs import short_repr

WULFF_FORMULA = Formula(
    "Wulff shape",
    "{r: n_hkl · r ≤ γ_hkl for all (hkl)}",
    "",
    source="Wulff, Z. Kristallogr. 34, 449 (1901)",
)
WEIGHTED_FORMULA = Formula(
    "weighted surface energy",
    "Σ f_hkl γ_hkl",
    "J/m2",
    symbol="γ_w",
    source="Tran et al., Sci. Data 3, 160080 (2016)",
    where="f_hkl the fraction of the Wulff shape's area",
)
ANISOTROPY_FORMULA = Formula(
    "anisotropy",
    "(Σ f_hkl (γ_hkl - γ_w)^2)^½ / γ_w",
    "",
    symbol="α",
    source="Tran et al., Sci. Data 3, 160080 (2016)",
)
SAME_PLACE = 1e-7
"""Corners as near to a plane as this, in the largest surface energy, lie on it."""


@dataclass(frozen=True)
class WulffFace:
    """One polygon of a Wulff shape.

    Attributes
    ----------
    facet : label of its family
    normal : unit vector, (3,)
    corners : in turn around the normal, (n, 3), J/m2
    """

    facet: str
    normal: FloatArray = field(repr=False)
    corners: FloatArray = field(repr=False)

    @property
    def area(self) -> float:
        """Of the polygon, (J/m2)^2."""
        turned = np.roll(self.corners, -1, axis=0)
        return float(np.cross(self.corners, turned).sum(axis=0) @ self.normal / 2)


@dataclass(frozen=True)
class WulffShape:
    """A crystal's equilibrium shape; its lengths are surface energies.

    Attributes
    ----------
    energies_j_per_m2
        Of every facet given, by label.
    faces
        The polygons.
    """

    energies_j_per_m2: Mapping[str, float]
    faces: tuple[WulffFace, ...] = field(repr=False)

    def __repr__(self) -> str:
        shares = (f"{label} {100 * f:.0f} %" for label, f in self.area_fractions.items() if f)
        return short_repr(self, ", ".join(shares))

    @property
    def area_fractions(self) -> dict[str, float]:
        """Of every facet given, the largest first."""
        areas = dict.fromkeys(self.energies_j_per_m2, 0.0)
        for face in self.faces:
            areas[face.facet] += face.area
        total = sum(areas.values())
        return {k: areas[k] / total for k in sorted(areas, key=lambda k: -areas[k])}

    @property
    def weighted_energy_j_per_m2(self) -> float:
        """By `WEIGHTED_FORMULA`."""
        return sum(f * self.energies_j_per_m2[k] for k, f in self.area_fractions.items())

    @property
    def anisotropy(self) -> float:
        """By `ANISOTROPY_FORMULA`: 0 for a sphere."""
        mean = self.weighted_energy_j_per_m2
        spread = sum(
            f * (self.energies_j_per_m2[k] - mean) ** 2 for k, f in self.area_fractions.items()
        )
        return float(spread**0.5 / mean)


def wulff_shape(
    normals: Mapping[str, ArrayLike], energies_j_per_m2: Mapping[str, float]
) -> WulffShape:
    """The shape of least surface energy at a given volume, by `WULFF_FORMULA`.

    Parameters
    ----------
    normals
        Label of a facet -> normals of all its equivalent planes, of any length, (n, 3).
    energies_j_per_m2
        By the same labels.

    Raises
    ------
    AnalysisError
        If a surface energy is not positive, or the planes enclose no body.

    Examples
    --------
    >>> from natriface.analysis import wulff_shape
    >>> normals = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0], [0, -1, 0], [0, 0, -1]]
    >>> wulff_shape({"(100)": normals}, {"(100)": 0.3})
    WulffShape((100) 100 %)
    """
    for label, energy in energies_j_per_m2.items():
        if not energy > 0:
            raise AnalysisError(
                f"{label}: a surface energy of {energy:.3f} J/m2 makes no Wulff shape; the crystal "
                "would fall apart into such surfaces"
            )
    planes = {}
    for label, given in normals.items():
        rows = np.atleast_2d(np.asarray(given, dtype=float))
        planes[label] = rows / np.linalg.norm(rows, axis=1)[:, None]
    dual = np.vstack([rows / energies_j_per_m2[label] for label, rows in planes.items()])
    try:
        equations = ConvexHull(dual).equations
    except QhullError:
        equations = np.zeros((1, 4))
    if not (equations[:, 3] < -SAME_PLACE * np.abs(dual).max()).all():
        raise AnalysisError(
            f"the planes {', '.join(planes)} enclose no body: compute further facets"
        )
    scale = max(energies_j_per_m2.values())
    corners = _distinct(-equations[:, :3] / equations[:, 3:], SAME_PLACE * scale)
    faces = []
    for label, rows in planes.items():
        for normal in rows:
            on = np.abs(corners @ normal - energies_j_per_m2[label]) < 10 * SAME_PLACE * scale
            if on.sum() >= 3:
                faces.append(WulffFace(label, normal, _in_turn(corners[on], normal)))
    return WulffShape(dict(energies_j_per_m2), tuple(faces))


def _distinct(points: FloatArray, tolerance: float) -> FloatArray:
    """Points, each once."""
    kept: list[FloatArray] = []
    for point in points:
        if all(np.abs(point - other).max() > tolerance for other in kept):
            kept.append(point)
    return np.array(kept)


def _in_turn(corners: FloatArray, normal: FloatArray) -> FloatArray:
    """A convex polygon's corners, right-handed around its normal."""
    out = corners - corners.mean(axis=0)
    first = out[0] / np.linalg.norm(out[0])
    angles = np.arctan2(out @ np.cross(normal, first), out @ first)
    ordered: FloatArray = corners[np.argsort(angles)]
    return ordered

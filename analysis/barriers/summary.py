"""Barriers of a band: what it says, how sure it is, and why it says nothing where it does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from natriface.analysis.barriers.hermite import HermiteFit
from natriface.analysis.results.band import Band
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import AnalysisError
from natriface.structures.base.reprs import short_repr
from natriface.structures.paths.images import SAME_ANGSTROM

SCHEMA_VERSION = 1

FORCE_TOLERANCE_EV_PER_ANGSTROM = 0.05
"""A band is converged if no atom of any image has a larger force across the path."""

LARGE_GAP_EV = 0.03
"""A fit farther from the highest image than this calls for more images, or for climbing."""

PROMINENCE_EV = 0.005
"""Extrema of the fit that stand out by less are ripples."""

NO_MAXIMUM = "the energy has no maximum between the end points"
"""How the warning of a path that only falls, or only rises, begins."""

BandStatus = Literal["converged", "unconverged", "failed"]

PATH_KEYS = ("carrier", "path_type", "facet", "charge_e", "compensation")
"""What must agree between barriers that are compared as like ones: attributes of `HopPath`."""


class HopPath(BaseModel):
    """Which path a band is of, as far as it is known."""

    model_config = ConfigDict(frozen=True)

    carrier: str | None = None
    path_type: str | None = None
    facet: list[int] | None = None
    charge_e: float | None = None
    compensation: str | None = None
    host: str | None = None


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ImageRecord(_Document):
    """One image; energies in eV above the first, path lengths in A, forces in eV/A.

    Attributes
    ----------
    tangential_force_ev_per_angstrom
        Positive towards the last image.
    perpendicular_force_ev_per_angstrom
        Largest force on an atom left across the path; the whole force at the end points.
    """

    path_angstrom: float
    energy_ev: float | None
    tangential_force_ev_per_angstrom: float | None
    perpendicular_force_ev_per_angstrom: float | None
    status: str
    reason: str | None = None


class Extremum(_Document):
    """A maximum or minimum of the fit between the end points."""

    kind: Literal["maximum", "minimum"]
    path_angstrom: float
    energy_ev: float


class BarrierValues(_Document):
    """Barriers in eV.

    Attributes
    ----------
    forward_ev, reverse_ev
        Of the highest point of the Hermite fit (of the highest image, where there are no forces).
    reaction_energy_ev
        Last end point less the first.
    highest_image
        Its number, 0 being the first end point.
    highest_image_forward_ev, highest_image_reverse_ev
        Barriers without any fit.
    gap_ev
        Fit less highest image: 0 where an image sits on the saddle point; None without forces.
    saddle_path_angstrom
        Where along the path the highest point lies.
    """

    forward_ev: float
    reverse_ev: float
    reaction_energy_ev: float
    highest_image: int
    highest_image_forward_ev: float
    highest_image_reverse_ev: float
    gap_ev: float | None
    saddle_path_angstrom: float


class BandSummary(_Document):
    """What a band says.

    Attributes
    ----------
    status, reasons
        ``converged``; ``unconverged``: some image, end point or perpendicular force is not;
        ``failed``: an energy is missing or the images make no path.
    barrier
        Only of a converged band.
    estimate
        What an unconverged band would give: for judging how far it is, not a result.
    extrema
        Of the fit, between the end points.
    length_angstrom
        Minimum-image path length over all atoms.
    max_perpendicular_force_ev_per_angstrom, force_tolerance_ev_per_angstrom
        Left on the images between the end points, and allowed; across the improved tangent or
        across the line between the neighbours, whichever is less.
    path
        Carrier, path type, facet, charge, compensation, ... of the hop, where known.
    """

    schema_version: int = SCHEMA_VERSION
    source: str
    status: BandStatus
    reasons: list[str] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    engine: str | None = None
    barrier: BarrierValues | None = None
    estimate: BarrierValues | None = None
    extrema: list[Extremum] = Field(default_factory=list)
    length_angstrom: float
    max_perpendicular_force_ev_per_angstrom: float | None = None
    force_tolerance_ev_per_angstrom: float
    path: dict[str, Any] = Field(default_factory=dict)
    images: list[ImageRecord]

    def __repr__(self) -> str:
        found = self.barrier or self.estimate
        height = "" if found is None else f"forward {found.forward_ev:.3f} eV"
        return short_repr(self, self.source, self.status, f"{len(self.images)} images", height)

    __str__ = __repr__

    @property
    def hop_path(self) -> HopPath:
        """What `path` says of the kind of path.

        Raises
        ------
        AnalysisError
            If it says it in other types than `HopPath` has.
        """
        try:
            return HopPath.model_validate(self.path)
        except ValidationError as error:
            first = error.errors()[0]
            raise AnalysisError(
                f"{self.source}: path: {'.'.join(map(str, first['loc']))}: {first['msg']}"
            ) from None

    def converged_barrier(self) -> BarrierValues:
        """The barriers, if the band is sound.

        Raises
        ------
        AnalysisError
            If it is not converged: it then has no barrier.
        """
        if self.barrier is None:
            raise AnalysisError(
                f"{self.source or 'band'}: no barrier, the band is {self.status} "
                f"({'; '.join(self.reasons)})"
            )
        return self.barrier

    def fit(self) -> HermiteFit | None:
        """The fit through the images; None where energies or forces are missing."""
        energies = [image.energy_ev for image in self.images]
        forces = [image.tangential_force_ev_per_angstrom for image in self.images]
        if any(value is None for value in (*energies, *forces[1:-1])):
            return None
        # an end point without forces is taken for the minimum it is meant to be
        slopes = [-(force or 0.0) for force in forces]
        return HermiteFit(
            np.array([image.path_angstrom for image in self.images]),
            np.array(energies, dtype=float),
            np.array(slopes),
        )


def summarise(
    band: Band, force_tolerance_ev_per_angstrom: float = FORCE_TOLERANCE_EV_PER_ANGSTROM
) -> BandSummary:
    """Barriers, extrema and soundness of a band.

    The energy between two images is the cubic Hermite polynomial through their energies and the
    forces along their improved tangents (Henkelman and Jonsson, J. Chem. Phys. 113, 9978 (2000),
    appendix), over the minimum-image path length; the barrier is its highest point.

    Raises
    ------
    AnalysisError
        If the tolerance is not a positive number.

    Examples
    --------
    >>> from ase import Atoms
    >>> from natriface.analysis import Band, summarise
    >>> images = [Atoms("Na", [[x, 0, 0]], cell=[9, 9, 9], pbc=True) for x in (0.0, 1.0, 2.0)]
    >>> forces = [[[0.0, 0.0, 0.0]]] * 3  # eV/Å
    >>> band = Band.of(images, [0.0, 0.3, 0.1], forces)
    >>> f"{summarise(band).barrier.forward_ev:.2f} eV"
    '0.30 eV'
    """
    if not 0 < force_tolerance_ev_per_angstrom < np.inf:
        raise AnalysisError(
            f"force tolerance {force_tolerance_ev_per_angstrom:g} eV/A: give a positive number"
        )
    energies, forces = band.energies_ev, band.tangential_forces_ev_per_angstrom
    across = band.perpendicular_forces_ev_per_angstrom
    known = np.isfinite(energies)
    zero = energies[0] if known[0] else np.nan
    projected = []
    if known.all() and band.forces_look_projected:
        projected.append(
            "the forces have no part along the path where the energy is steep: they seem to be "
            "those of the band, not of the atoms, and are not used"
        )
        forces = np.full_like(forces, np.nan)
    fatal = _fatal(band)
    reasons = [] if fatal else _unconverged(band, force_tolerance_ev_per_angstrom)
    judged = np.minimum(across, band.bisected_forces_ev_per_angstrom)
    inner = judged[1:-1]
    summary = BandSummary(
        source=band.source,
        status="failed" if fatal else ("unconverged" if reasons else "converged"),
        reasons=fatal or reasons,
        warnings=[*band.warnings, *projected],
        notes=list(band.notes),
        engine=band.engine,
        length_angstrom=float(band.lengths_angstrom[-1]),
        max_perpendicular_force_ev_per_angstrom=float(inner.max())
        if np.isfinite(inner).all()
        else None,
        force_tolerance_ev_per_angstrom=force_tolerance_ev_per_angstrom,
        path=dict(band.metadata),
        images=_records(band, energies - zero, forces),
    )
    if fatal:
        return summary
    fit = summary.fit()
    values = _values(energies - zero, band.lengths_angstrom, fit)
    if fit is not None:
        summary.extrema = [
            Extremum(kind=kind, path_angstrom=s, energy_ev=e)
            for kind, s, e in fit.extrema(PROMINENCE_EV)
        ]
    summary.warnings += _warnings(summary, values, fit)
    summary.warnings += _bends(band, force_tolerance_ev_per_angstrom)
    if reasons:
        summary.estimate = values
    else:
        summary.barrier = values
    return summary


def _records(band: Band, relative_ev: FloatArray, forces: FloatArray) -> list[ImageRecord]:
    return [
        ImageRecord(
            path_angstrom=float(band.lengths_angstrom[k]),
            energy_ev=_number(relative_ev[k]),
            tangential_force_ev_per_angstrom=_number(forces[k]),
            perpendicular_force_ev_per_angstrom=_number(across),
            status=band.statuses[k],
            reason=band.reasons[k],
        )
        for k, across in enumerate(band.perpendicular_forces_ev_per_angstrom)
    ]


def are_unlike(paths: Sequence[HopPath]) -> bool:
    """Whether paths differ in what must agree for their barriers to be ranked."""
    return any(len({str(getattr(path, key)) for path in paths}) > 1 for key in PATH_KEYS)


def rank_barriers(
    summaries: Sequence[BandSummary], *, unlike_paths: bool = False
) -> list[tuple[BandSummary, BarrierValues]]:
    """Converged barriers, lowest forward barrier first.

    Parameters
    ----------
    unlike_paths
        Rank barriers of different carriers, path types, facets or charges all the same; whoever
        shows them must then say so.

    Raises
    ------
    AnalysisError
        If a band is not converged, the paths are unlike or unknown and that was not allowed.
    """
    if not unlike_paths:
        paths = [summary.hop_path for summary in summaries]
        for key in PATH_KEYS:
            values = [getattr(p, key) if key in p.model_fields_set else "unknown" for p in paths]
            for summary, value in zip(summaries, values, strict=True):
                if value != values[0] or (value == "unknown" and len(values) > 1):
                    raise AnalysisError(
                        f"{summaries[0].source} and {summary.source} are barriers of unlike or "
                        f"unknown paths ({key}: {values[0]} and {value}); compare them only with "
                        "unlike_paths=True and say so beside the numbers"
                    )
    ranked = [(summary, summary.converged_barrier()) for summary in summaries]
    return sorted(ranked, key=lambda item: item[1].forward_ev)


def _fatal(band: Band) -> list[str]:
    """Why the band gives no energies to speak of."""
    reasons = []
    for k, energy in enumerate(band.energies_ev):
        if not np.isfinite(energy):
            why = band.reasons[k] or "no energy"
            reasons.append(f"{_name(band, k)}: {band.statuses[k]} ({why})")
    same = int(np.sum(np.diff(band.lengths_angstrom) < SAME_ANGSTROM))
    if same:
        reasons.append(
            f"{same} of {len(band.images) - 1} images are the same structure as the one before: "
            "the band has collapsed"
        )
    return reasons


def _unconverged(band: Band, tolerance: float) -> list[str]:
    reasons = []
    for k, status in enumerate(band.statuses):
        if status != "converged":
            why = f" ({band.reasons[k]})" if band.reasons[k] else ""
            reasons.append(f"{_name(band, k)} is {status}{why}")
    across = band.perpendicular_forces_ev_per_angstrom
    for k, force in enumerate(np.minimum(across, band.bisected_forces_ev_per_angstrom)):
        inner = 0 < k < len(band.images) - 1
        if inner and not np.isfinite(force):
            reasons.append(f"{_name(band, k)} has no forces: convergence cannot be judged")
        elif force > tolerance:
            what = "across the path" if inner else "left, it is not relaxed"
            reasons.append(
                f"{_name(band, k)}: {force:.3f} eV/A {what} (allowed {tolerance:g} eV/A)"
            )
    return reasons


def _bends(band: Band, tolerance: float) -> list[str]:
    """Images that are converged across the line between their neighbours only."""
    found = []
    improved, bisected = (
        band.perpendicular_forces_ev_per_angstrom,
        band.bisected_forces_ev_per_angstrom,
    )
    for k in range(1, len(improved) - 1):
        if bisected[k] <= tolerance < improved[k]:
            found.append(
                f"{_name(band, k)}: {bisected[k]:.3f} eV/A is left across the line between its "
                f"neighbours, as VASP without VTST converges, but {improved[k]:.3f} eV/A across "
                "the improved tangent: the path bends here; add images"
            )
    return found


def _values(relative: Any, lengths: Any, fit: HermiteFit | None) -> BarrierValues:
    top = int(np.argmax(relative))
    height, where = float(relative[top]), float(lengths[top])
    gap = None
    if fit is not None:
        where, highest = fit.highest()
        gap, height = highest - height, highest
    reaction = float(relative[-1])
    return BarrierValues(
        forward_ev=height,
        reverse_ev=height - reaction,
        reaction_energy_ev=reaction,
        highest_image=top,
        highest_image_forward_ev=float(relative[top]),
        highest_image_reverse_ev=float(relative[top]) - reaction,
        gap_ev=gap,
        saddle_path_angstrom=where,
    )


def _warnings(summary: BandSummary, values: BarrierValues, fit: HermiteFit | None) -> list[str]:
    warnings = []
    if fit is None:
        warnings.append("no forces: the barrier is that of the highest image, a lower bound")
    ends = [summary.images[k].tangential_force_ev_per_angstrom for k in (0, -1)]
    if fit is not None and None in ends:
        warnings.append("an end point has no forces: it is taken for a minimum")
    if values.gap_ev is not None and values.gap_ev > LARGE_GAP_EV:
        warnings.append(
            f"the fit lies {values.gap_ev:.3f} eV above the highest image: no image is near the "
            "saddle point; add images, or climb"
        )
    maxima = [extremum for extremum in summary.extrema if extremum.kind == "maximum"]
    if len(maxima) > 1:
        wells = [e for e in summary.extrema if e.kind == "minimum"]
        places = ", ".join(f"{e.energy_ev:.3f} eV at {e.path_angstrom:.2f} A" for e in wells)
        warnings.append(
            f"the path has {len(maxima)} maxima with a minimum between ({places}): it is more than "
            "one hop; the barrier given is that of the highest"
        )
    if values.highest_image in (0, len(summary.images) - 1) and not maxima:
        uphill = values.highest_image > 0
        warnings.append(
            f"{NO_MAXIMUM}: the path is "
            + ("uphill, the final end point is its highest; " if uphill else "downhill; ")
            + f"there is no barrier to hop over on the way {'back' if uphill else 'there'}"
        )
    return warnings


def _name(band: Band, k: int) -> str:
    if k == 0:
        return "image 0 (initial end point)"
    if k == len(band.images) - 1:
        return f"image {k} (final end point)"
    return f"image {k}"


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None

"""Energy profiles along paths: the images, the fit with forces, and what is not converged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from natriface.analysis.barriers.summary import BandSummary, are_unlike
from natriface.analysis.figures.canvas import Canvas
from natriface.analysis.figures.style import (
    INK,
    MARKERS,
    MUTED,
    PAPER,
    QUALITATIVE,
    in_style,
)
from natriface.structures.base.errors import AnalysisError, require_list_of

_MARKED_EV = 0.002
"""The highest point of a fit is marked where no image sits on it."""


@in_style
def energy_profile(
    summaries: Sequence[BandSummary],
    labels: Sequence[str] | None = None,
    *,
    ax: Axes | None = None,
) -> Figure:
    """Energy above the first end point, in eV, against the path length, in A.

    The curve is the Hermite fit with forces; symbols are images, a short line is the highest point
    of the fit where no image sits on it. A band that is not converged is dashed with open symbols
    and named so; no line joins the images of one that failed, without all energies or with images
    on top of each other. Unlike paths (carrier, type, facet, charge) are named below the axis.

    Parameters
    ----------
    summaries
        A band each, as `summarise` gives it.
    labels
        One a band; by default carrier and path type, or the source.
    ax
        Of a figure of your own, to draw into; its size stays.

    Raises
    ------
    AnalysisError
        If no band has energies to draw, or there is not one label for each.

    Examples
    --------
    >>> from ase import Atoms
    >>> from natriface.analysis import Band, energy_profile, summarise
    >>> images = [Atoms("Na", [[x, 0, 0]], cell=[9, 9, 9], pbc=True) for x in (0.0, 1.0, 2.0)]
    >>> figure = energy_profile([summarise(Band.of(images, [0.0, 0.3, 0.0]))], ["Na vacancy"])
    >>> figure.axes[0].get_ylabel()
    'energy above the first end point (eV)'
    """
    require_list_of(summaries, BandSummary, "summarise")
    if labels is not None and len(labels) != len(summaries):
        raise AnalysisError(f"{len(labels)} labels for {len(summaries)} bands: give one for each")
    names = list(labels) if labels is not None else [_label(s) for s in summaries]
    drawn = [
        (summary, name)
        for summary, name in zip(summaries, names, strict=True)
        if any(image.energy_ev is not None for image in summary.images)
    ]
    if not drawn:
        raise AnalysisError("no band has energies to draw")
    canvas = Canvas.of_one(ax, 2.3)
    (ax,) = canvas.axes
    handles = []
    for k, (summary, name) in enumerate(drawn):
        color, marker = QUALITATIVE[k % len(QUALITATIVE)], MARKERS[k % len(MARKERS)]
        converged = summary.status == "converged"
        dashes = "-" if converged else "--"
        failed = summary.status == "failed"
        fit = None if failed else summary.fit()
        if fit is not None:
            places = np.linspace(0.0, summary.length_angstrom, 400)
            ax.plot(places, fit(places), color=color, ls=dashes)
        known = [(i.path_angstrom, i.energy_ev) for i in summary.images if i.energy_ev is not None]
        values = summary.barrier
        (images,) = ax.plot(
            *zip(*known, strict=True),
            color=color,
            marker=marker,
            ls=":" if fit is None and not failed else "none",
            markerfacecolor=color if converged else PAPER,
            label=f"{name}: {values.forward_ev:.3f} eV" if values else f"{name}: {summary.status}",
        )
        handles.append(images)
        if values is not None and abs(values.gap_ev or 0.0) > _MARKED_EV:
            top = (values.saddle_path_angstrom, values.forward_ev)
            ax.plot(*top, marker="_", color=INK, markersize=9, zorder=4)
    ax.axhline(0.0, color=MUTED, lw=0.6, zorder=0)
    ax.set_xlabel("path length over all atoms (Å)")
    ax.set_ylabel("energy above the first end point (eV)")
    canvas.legend(handles, [str(handle.get_label()) for handle in handles])
    if are_unlike([s.hop_path for s in summaries]):
        canvas.note("These are paths of different kinds: their barriers do not rank materials.")
    return canvas.figure


def _label(summary: BandSummary) -> str:
    path = summary.hop_path
    if path.carrier is None:
        return summary.source.rstrip("/").rsplit("/", 1)[-1] or "band"
    where = f" ({''.join(map(str, path.facet))})" if path.facet else ""
    host = f", {path.host}{where}" if path.host else where
    return f"{path.carrier} {path.path_type or ''}".strip() + host

"""Energy profiles along paths: the images, the fit with forces, and what is not converged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from natriface.analysis.barriers.summary import BandSummary, are_unlike
from natriface.analysis.figures.energy_bars import INK, MUTED, OURS
from natriface.structures.base.errors import AnalysisError

_COLORS = (OURS, "#e08a12", "#8e4bbd", "#2f8f5b", "#c23b3b", "#5b6470")

_MARKED_EV = 0.002
"""The highest point of a fit is marked where no image sits on it."""


def energy_profile(summaries: Sequence[BandSummary], labels: Sequence[str] | None = None) -> Figure:
    """Energy above the first end point, in eV, against the path length, in A.

    The curve is the Hermite fit with forces; dots are images. A band that is not converged is
    dashed with open dots and named so; unlike paths (carrier, type, facet, charge) are named as
    such below the axis.

    Parameters
    ----------
    labels
        One a band; by default carrier and path type, or the source.

    Raises
    ------
    AnalysisError
        If no band has energies to draw.
    """
    drawn = [s for s in summaries if any(i.energy_ev is not None for i in s.images)]
    if not drawn:
        raise AnalysisError("no band has energies to draw")
    names = list(labels) if labels is not None else [_label(s) for s in summaries]
    figure = Figure(figsize=(5.6, 3.9), layout="constrained")
    ax = figure.add_subplot()
    for k, (summary, name) in enumerate(zip(summaries, names, strict=True)):
        if summary not in drawn:
            continue
        color = _COLORS[k % len(_COLORS)]
        converged = summary.status == "converged"
        fit = summary.fit()
        if fit is not None:
            places = np.linspace(0.0, summary.length_angstrom, 400)
            ax.plot(places, fit(places), color=color, lw=1.6, ls="-" if converged else "--")
        known = [(i.path_angstrom, i.energy_ev) for i in summary.images if i.energy_ev is not None]
        values = summary.barrier
        text = f"{name}: {values.forward_ev:.3f} eV" if values else f"{name}: {summary.status}"
        ax.plot(
            *zip(*known, strict=True),
            "o" if fit is not None else "o:",
            color=color,
            markerfacecolor=color if converged else "white",
            markersize=5,
            label=text,
        )
        if values is not None and abs(values.gap_ev or 0.0) > _MARKED_EV:
            ax.plot(
                [values.saddle_path_angstrom],
                [values.forward_ev],
                marker="_",
                color=INK,
                markersize=12,
                lw=0,
                zorder=4,
            )
    ax.axhline(0.0, color=MUTED, lw=0.7, zorder=0)
    ax.set_xlabel("path length over all atoms (Å)", fontsize=9.5, color=INK)
    ax.set_ylabel("energy above the first end point (eV)", fontsize=9.5, color=INK)
    ax.tick_params(colors=INK, labelsize=8.5)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(MUTED)
    figure.legend(loc="outside upper left", frameon=False, fontsize=8.5, labelcolor=INK)
    if are_unlike([s.hop_path for s in summaries]):
        figure.supxlabel(
            "These are paths of different kinds: their barriers do not rank materials.",
            fontsize=8,
            color=MUTED,
            style="italic",
        )
    return figure


def _label(summary: BandSummary) -> str:
    path = summary.hop_path
    if path.carrier is None:
        return summary.source.rstrip("/").rsplit("/", 1)[-1] or "band"
    where = f" ({''.join(map(str, path.facet))})" if path.facet else ""
    host = f", {path.host}{where}" if path.host else where
    return f"{path.carrier} {path.path_type or ''}".strip() + host

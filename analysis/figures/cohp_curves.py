"""COHP figures: -COHP to the right, energy upwards (Li et al. 2025, Fig. 6e,f)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from natriface.analysis.figures.canvas import OwnAxes, PanelLayout
from natriface.analysis.figures.style import (
    DASHES,
    FONT_SIZE,
    INK,
    LINE_HEIGHT,
    MUTED,
    QUALITATIVE,
    SMALL,
    in_style,
    most_beside,
    wrapped,
    zero_line,
)
from natriface.analysis.results.bond_populations import Bond, BondPopulations
from natriface.analysis.results.wording import number
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import AnalysisError, require_list_of

_AXIS_INCHES, _PANEL_INCHES = 0.5, 1.7
SHOWN_EV = (-25.0, 6.0)
"""Range of energies by default: O 2s and F 2s are within it."""

LIKE_LENGTH_ANGSTROM = 0.01
LIKE_ICOHP_EV = 0.05
"""Bonds of the same two elements that differ by less are drawn as one curve, their mean."""

MOST_CURVES = 6


@dataclass(frozen=True)
class CohpCurve:
    """One curve: a bond, or the mean of some.

    Attributes
    ----------
    label : e.g. ``P-O``
    energies_ev : (n,) relative to the Fermi level
    cohp_per_ev : (n_spins, n), one bond's, negative = bonding
    icohp_ev, length_angstrom : of one bond, means of several; ICOHP summed over spins
    n_bonds : how many
    """

    label: str
    energies_ev: FloatArray
    cohp_per_ev: FloatArray
    icohp_ev: float
    length_angstrom: float
    n_bonds: int = 1

    @property
    def legend(self) -> str:
        """Label, number of bonds, length and ICOHP up to the Fermi level."""
        icohp = number(self.icohp_ev, 3 if abs(self.icohp_ev) < 1 else 2)
        count = f" ({self.n_bonds} bonds)" if self.n_bonds > 1 else ""
        mean = "mean " if self.n_bonds > 1 else ""
        return (
            f"{self.label}{count}, {mean}{self.length_angstrom:.3f} Å\n"
            f"ICOHP(E$_\\mathrm{{F}}$) = {icohp} eV"
        )


@dataclass(frozen=True)
class CohpPanel:
    """One panel of a figure: a group of bonds."""

    title: str
    curves: Sequence[CohpCurve]


def mean_curve(populations: BondPopulations, bonds: Sequence[Bond], label: str) -> CohpCurve:
    """The mean curve of some bonds, with the means of their lengths and ICOHPs.

    Raises
    ------
    AnalysisError
        If there are no bonds, or one of them has no curve.
    """
    if populations.curves is None:
        raise AnalysisError(f"{populations.source}: there are no COHP curves to draw")
    if not bonds:
        raise AnalysisError(f"{label}: there is no such bond to draw")
    curves = populations.curves.select(list(dict.fromkeys(bond.label for bond in bonds)))
    return CohpCurve(
        label,
        curves.energies_ev,
        curves.cohp_per_ev.mean(axis=1),
        float(np.mean([bond.icohp_ev for bond in bonds])),
        float(np.mean([bond.length_angstrom for bond in bonds])),
        len(bonds),
    )


def like_curves(
    populations: BondPopulations, bonds: Sequence[Bond], most: int = MOST_CURVES
) -> list[CohpCurve]:
    """A curve for each kind of bond: same elements, same length, same ICOHP; strongest first.

    Kinds that are too many for a panel are drawn as one a pair of elements.

    Examples
    --------
    >>> import numpy as np
    >>> from natriface.analysis import Bond, BondPopulations, like_curves
    >>> from natriface.analysis.results.bond_populations import Curves
    >>> bond = Bond("1", (0, 1), ("P", "O"), (0, 0, 0), 1.54, -9.0, (-9.0,))
    >>> energies = np.linspace(-10, 5, 151)
    >>> cohp = -np.exp(-((energies + 6) ** 2)).reshape(1, 1, -1)
    >>> bonds = BondPopulations((bond,), Curves(energies, ("1",), cohp, cohp.cumsum(-1)))
    >>> [curve.label for curve in like_curves(bonds, bonds.select("P", "O"))]
    ['P–O']
    """
    kinds = _kinds(bonds, LIKE_LENGTH_ANGSTROM, LIKE_ICOHP_EV)
    if len(kinds) > most:
        kinds = _kinds(bonds, np.inf, np.inf)
    curves = [mean_curve(populations, kind, "–".join(kind[0].symbols)) for kind in kinds]
    return sorted(curves, key=lambda curve: curve.icohp_ev)[:most]


def _kinds(bonds: Sequence[Bond], length: float, icohp: float) -> list[list[Bond]]:
    def elements(bond: Bond) -> tuple[str, ...]:
        return tuple(sorted(bond.symbols))

    found: list[list[Bond]] = []
    ordered = sorted(bonds, key=lambda b: (elements(b), b.length_angstrom, b.icohp_ev))
    for _, group in groupby(ordered, elements):
        kinds: list[list[Bond]] = []
        for bond in group:
            for kind in kinds:
                near = abs(kind[0].length_angstrom - bond.length_angstrom) < length
                if near and abs(kind[0].icohp_ev - bond.icohp_ev) < icohp:
                    kind.append(bond)
                    break
            else:
                kinds.append([bond])
        found += kinds
    return found


@in_style
def cohp_panels(
    panels: Sequence[CohpPanel],
    range_ev: tuple[float, float] = SHOWN_EV,
    note: str = "",
    *,
    axes: OwnAxes | None = None,
) -> Figure:
    """Panels side by side, bonding (-COHP > 0) to the right, energies relative to E_F upwards.

    Spins are added. All panels share both axes, so that strengths can be compared by eye.

    Parameters
    ----------
    panels
        A title and its curves each, such as `like_curves` gives them.
    range_ev
        Lowest and highest energy drawn, eV from the Fermi level.
    note
        A line below the figure: source, spilling.
    axes
        Of a figure of your own, one a panel, to draw into; its size stays.

    Raises
    ------
    AnalysisError
        If there is nothing to draw.

    Examples
    --------
    >>> import numpy as np
    >>> from natriface.analysis import Bond, BondPopulations, CohpPanel, cohp_panels, like_curves
    >>> from natriface.analysis.results.bond_populations import Curves
    >>> bond = Bond("1", (0, 1), ("P", "O"), (0, 0, 0), 1.54, -9.0, (-9.0,))
    >>> energies = np.linspace(-10, 5, 151)
    >>> cohp = -np.exp(-((energies + 6) ** 2)).reshape(1, 1, -1)
    >>> bonds = BondPopulations((bond,), Curves(energies, ("1",), cohp, cohp.cumsum(-1)))
    >>> figure = cohp_panels([CohpPanel("PO4", like_curves(bonds, bonds.bonds))])
    >>> figure.axes[0].get_xlabel()
    '−COHP per bond (eV/eV)'
    """
    require_list_of(panels, CohpPanel, "CohpPanel(title, like_curves(populations, bonds))")
    if not panels or not any(panel.curves for panel in panels):
        raise AnalysisError("there is no COHP curve to draw")
    low = max(range_ev[0], min(c.energies_ev[0] for p in panels for c in p.curves))
    high = min(range_ev[1], max(c.energies_ev[-1] for p in panels for c in p.curves))
    if not low < high:
        raise AnalysisError(f"no COHP lies between {range_ev[0]:g} and {range_ev[1]:g} eV")
    most = most_beside(_PANEL_INCHES, _AXIS_INCHES)
    layout = PanelLayout.of(len(panels), most, _PANEL_INCHES, _AXIS_INCHES)
    canvas = layout.canvas(3.4 * layout.rows, given=axes, sharex=True, sharey=True)
    for ax, panel in zip(canvas.axes, panels, strict=True):
        _draw(ax, panel, low, high, canvas.room)
    lefts, rights = zip(*(ax.get_xlim() for ax in canvas.axes), strict=True)
    left, right = min(lefts), max(rights)
    reach = 0.25 * max(abs(left), abs(right))  # so that something of both sides is seen
    for ax in canvas.axes:
        ax.set_xlim(min(left, -reach), max(right, reach))
    canvas.title_y("E − E$_\\mathrm{F}$ (eV)")
    canvas.note(note)
    return canvas.figure


def _draw(ax: Axes, panel: CohpPanel, low: float, high: float, room: float) -> None:
    for k, curve in enumerate(panel.curves):
        color = QUALITATIVE[k % len(QUALITATIVE)]
        shown = (curve.energies_ev >= low) & (curve.energies_ev <= high)
        energies, values = curve.energies_ev[shown], -curve.cohp_per_ev[:, shown].sum(axis=0)
        ax.plot(
            values, energies, color=color, ls=DASHES[k % len(DASHES)], label=curve.legend, zorder=3
        )
        if len(panel.curves) <= 2:
            filled = energies <= 0
            ax.fill_betweenx(
                energies[filled], 0, values[filled], color=color, alpha=0.15, lw=0, zorder=2
            )
    ax.axvline(0.0, color=INK, lw=0.7)
    zero_line(ax)
    ax.set_xlabel("−COHP per bond (eV/eV)")
    ax.set_ylim(low, high)
    title = wrapped(panel.title, 0.95 * room)
    ax.set_title(title, pad=1.8 * FONT_SIZE)
    for x, word, side in ((0.0, "antibonding", "left"), (1.0, "bonding", "right")):
        ax.annotate(
            word, (x, 1.0), xycoords="axes fraction", xytext=(0, 2), textcoords="offset points",
            ha=side, va="bottom", fontsize=SMALL, style="italic", color=MUTED,
        )  # fmt: skip
    ax.legend(
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        borderaxespad=2.2 + LINE_HEIGHT * (title.count("\n") + 1),
        fontsize=SMALL,
    )

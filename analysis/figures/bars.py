"""Bars of values beside published ones: what is not computed and what is unlike is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from natriface.analysis.energies.interface_energy import InterfaceEnergy
from natriface.analysis.figures.bar_chart import Group, Printed, bar_chart
from natriface.analysis.figures.style import in_style
from natriface.analysis.results.published import Published
from natriface.structures.base.errors import AnalysisError


@dataclass(frozen=True)
class Bar:
    """One energy per area in J/m2, and what is published for it.

    Attributes
    ----------
    label
        E.g. the pair.
    value_j_per_m2
        None where it was not computed; `reason` then says why.
    published_j_per_m2
        The published value as printed.
    other_reading_j_per_m2
        What the published value would be if a contradiction in its source were resolved the
        other way.
    uncertainty_j_per_m2
        Of the value, drawn as a whisker.
    others_j_per_m2
        The same quantity by others, by their names; bars beside it.
    """

    label: str
    value_j_per_m2: float | None
    reason: str | None = None
    published_j_per_m2: float | None = None
    other_reading_j_per_m2: float | None = None
    uncertainty_j_per_m2: float | None = None
    others_j_per_m2: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class PublishedBar:
    """A published value: the number, and what it is where that is not quite what ours is."""

    value_ev: float
    unlike: bool = False


@dataclass(frozen=True)
class ValueBar:
    """One value in eV.

    Attributes
    ----------
    label
        Under the bar.
    kind
        What it is a value of; bars of one kind have one colour.
    value_ev
        None where it was not computed; `reason` then says why.
    published
        Values in print; an `unlike` one (of another kind, or of a kind the source does not state)
        is hatched.
    words
        What the source says instead of a number; it stands below the label, with the source's
        name up to a comma.
    """

    label: str
    kind: str
    value_ev: float | None
    reason: str | None = None
    published: Sequence[PublishedBar] = field(default_factory=tuple)
    words: str | None = None


@dataclass(frozen=True)
class ModulusBar:
    """One elastic modulus in GPa; `kind` is which, and has a colour of its own."""

    label: str
    kind: str
    value_gpa: float | None
    reason: str | None = None
    uncertainty_gpa: float | None = None
    published_gpa: float | None = None


@in_style
def energy_bars(
    bars: Sequence[Bar],
    quantity: str,
    *,
    ours: str = "computed here",
    published: str = "published",
    ax: Axes | None = None,
) -> Figure:
    """Bars of energies per area, ours beside the published ones.

    What was not computed is written out with its reason, never drawn as zero. Where a published
    value has another reading, both are drawn, and the label carries a dagger.

    Parameters
    ----------
    quantity
        Title of the axis, without unit.
    ours, published
        Names of the two kinds of bars in the legend.
    ax
        Of a figure of your own, to draw into; its size stays.

    Raises
    ------
    AnalysisError
        If there are no bars.
    """
    if not bars:
        raise AnalysisError(f"{quantity}: there is no interface to draw")
    groups = []
    for bar in bars:
        printed, other = bar.published_j_per_m2, bar.other_reading_j_per_m2
        both = [] if printed is None else [Printed(printed, other=other)]
        dagger = " †" if both and other is not None else ""
        value, off = bar.value_j_per_m2, bar.uncertainty_j_per_m2
        label, others = bar.label + dagger, bar.others_j_per_m2
        groups.append(Group(label, ours, value, bar.reason, both, off, others))
    return bar_chart(groups, f"{quantity} (J/m²)", published, "not computed", given=ax)


@in_style
def value_bars(
    bars: Sequence[ValueBar],
    quantity: str,
    *,
    published: str = "published",
    note: str = "",
    ax: Axes | None = None,
) -> Figure:
    """Bars in eV, ours in the colour of their kind, published ones in grey.

    Parameters
    ----------
    quantity
        Title of the axis, without unit.
    published
        Name of the source in the legend.
    note
        A line below the axis: what must not be compared here.
    ax
        Of a figure of your own, to draw into; its size stays.

    Raises
    ------
    AnalysisError
        If there are no bars.
    """
    if not bars:
        raise AnalysisError(f"{quantity}: there is nothing to draw")
    author = published.partition(",")[0]
    groups = [
        Group(
            bar.label + (f"\n{author}: “{bar.words}”" if bar.words else ""),
            bar.kind,
            bar.value_ev,
            bar.reason,
            [Printed(printed.value_ev, printed.unlike) for printed in bar.published],
        )
        for bar in bars
    ]
    return bar_chart(groups, f"{quantity} (eV)", published, "no value", note, given=ax)


@in_style
def modulus_bars(bars: Sequence[ModulusBar], *, published: str = "published") -> Figure:
    """Bars of elastic moduli, ours in the colour of their kind, published ones in grey.

    Raises
    ------
    AnalysisError
        If there are no bars.
    """
    if not bars:
        raise AnalysisError("modulus: there is nothing to draw")
    groups = []
    for bar in bars:
        printed = [] if bar.published_gpa is None else [Printed(bar.published_gpa)]
        value, off = bar.value_gpa, bar.uncertainty_gpa
        groups.append(Group(bar.label, bar.kind, value, bar.reason, printed, off))
    return bar_chart(groups, "modulus (GPa)", published, "no value")


def interface_energy_bars(
    energies: Mapping[str, InterfaceEnergy],
    published: Published | Mapping[str, float] | None = None,
    *,
    ax: Axes | None = None,
) -> Figure:
    """Energies of interfaces per area, with published ones beside them.

    Parameters
    ----------
    energies
        Label, such as ``NaF|NZSP`` -> energy; all of one quantity.
    published
        Published values in J/m2 by label, or a source (`natriface.analysis.results.published`),
        of which the interfacial formation energies are taken; labels that are not ours are
        left out.
    ax
        Of a figure of your own, to draw into; its size stays.

    Raises
    ------
    AnalysisError
        If there are no energies, or they are of different quantities, or not of that
        the source prints.

    Examples
    --------
    >>> from natriface.analysis import InterfaceEnergy, interface_energy_bars
    >>> energy = InterfaceEnergy("work of adhesion", "W", 1.0, 0.06, 1.0, 16.0, 1, {})
    >>> interface_energy_bars({"NaF|NZSP": energy}).axes[0].get_ylabel()
    'work of adhesion (J/m²)'
    """
    if not energies:
        raise AnalysisError("there is no interface energy to draw")
    quantity, *others = dict.fromkeys(energy.quantity for energy in energies.values())
    if others:
        raise AnalysisError(f"{quantity} and {others[0]} do not belong on one axis: draw two")
    source = published if isinstance(published, Published) else None
    if source is not None and quantity != "interfacial formation energy":
        raise AnalysisError(
            f"{source.short_name} prints interfacial formation energies, which are not to be laid "
            f"beside a {quantity}"
        )
    if isinstance(published, Published):
        published = published.interfacial_formation_energy_j_per_m2
    bars = [
        Bar(
            label,
            energy.value_j_per_m2,
            published_j_per_m2=(published or {}).get(label),
            other_reading_j_per_m2=None if source is None else source.other_reading(label),
        )
        for label, energy in energies.items()
    ]
    name = source.short_name if source else "published"
    return energy_bars(bars, quantity, published=name, ax=ax)

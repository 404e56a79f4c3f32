"""Figures drawn into a user's own axes, and into their own without them."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from matplotlib.figure import Figure

from natriface.analysis.energies.interface_energy import InterfaceEnergy
from natriface.analysis.figures.bars import interface_energy_bars
from natriface.structures.base.errors import AnalysisError
from tests.analysis.figures import drawings

ONE = (
    "energy_bars", "value_bars", "energy_profile", "band_center_diagram", "bond_profiles",
    "potential_profile",
)  # fmt: skip
SEVERAL = (
    "cohp_panels", "pdos_stack", "elf_maps", "map_figure", "potential_lines",
    "relaxation_courses",
)  # fmt: skip


def drawn_into(name: str, monkeypatch: pytest.MonkeyPatch, **axes: Any) -> Figure:
    """The example of a function, drawn into axes of ours."""
    monkeypatch.setattr(drawings, name, partial(getattr(drawings, name), **axes))
    return drawings.DRAWINGS[name]()


@pytest.mark.parametrize("name", ONE)
def test_one_panel_is_drawn_into_axes_of_ones_own(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure = Figure(figsize=(9, 4))
    left, right = figure.subplots(1, 2)
    assert drawn_into(name, monkeypatch, ax=right) is figure
    assert right.has_data()
    assert not left.has_data()
    assert right.get_ylabel()
    assert right.get_legend() is not None or name == "band_center_diagram"
    assert not figure.legends
    assert tuple(figure.get_size_inches()) == (9, 4)
    figure.canvas.draw()


@pytest.mark.parametrize("name", SEVERAL)
def test_panels_are_drawn_into_axes_of_ones_own(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    n = sum(ax.get_label() != "<colorbar>" for ax in drawings.DRAWINGS[name]().axes)
    figure = Figure(figsize=(9, 4))
    axes = figure.subplots(2, n)
    assert drawn_into(name, monkeypatch, axes=axes[1]) is figure
    assert all(ax.has_data() for ax in axes[1])
    assert not any(ax.has_data() for ax in axes[0])
    assert not figure.legends
    assert tuple(figure.get_size_inches()) == (9, 4)
    figure.canvas.draw()


def test_panels_and_axes_are_as_many(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AnalysisError, match="as many axes as there are panels"):
        drawn_into("pdos_stack", monkeypatch, axes=Figure().subplots(1, 7))


def test_what_is_no_axes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AnalysisError, match="not a Axes but a Figure"):
        drawn_into("energy_profile", monkeypatch, ax=Figure())


def test_interface_energies_are_drawn_into_axes_of_ones_own() -> None:
    energy = InterfaceEnergy("work of adhesion", "W", 1.0, 0.06, 1.0, 16.0, 1, {"interface": -13.0})
    ax = Figure().subplots()
    assert interface_energy_bars({"Na|NaF": energy}, ax=ax) is ax.figure
    assert ax.patches


def test_a_note_stands_below_axes_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    ax = Figure().subplots()
    drawn_into("value_bars", monkeypatch, ax=ax)
    assert "not a ranking" in ax.get_xlabel().replace("\n", " ")


def test_without_axes_a_figure_is_as_wide_as_a_column_and_has_its_legend_above() -> None:
    figure = drawings.profiles()
    assert figure.get_figwidth() == pytest.approx(85 / 25.4)
    assert len(figure.axes) == 1
    assert len(figure.legends) == 1
    assert figure.axes[0].get_legend() is None

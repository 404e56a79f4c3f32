"""What the legends of clouds and trade-offs say of what is drawn."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from natriface.analysis.figures.scatter import sample_clouds, trade_off


def legend(figure: Figure) -> list[str]:
    (own,) = figure.legends
    return [text.get_text() for text in own.get_texts()]


def test_quartiles_are_in_the_legend_where_they_are_drawn() -> None:
    few, many = [0.1, 0.2], [0.1 * k for k in range(6)]
    assert legend(sample_clouds({"a": few}, "energy", "eV"))[1] == "median"
    assert legend(sample_clouds({"a": many}, "energy", "eV"))[1] == "median, quartiles"
    both = legend(sample_clouds({"a": few, "b": many}, "energy", "eV"))
    assert both[1] == "median, quartiles of 5 and more"


def test_names_of_groups_are_broken_between_words_alone() -> None:
    two = sample_clouds({"villiaumite|NZSP": [0.1], "NaF|NZSP": [0.2]}, "energy", "eV")
    (axes,) = two.axes
    assert axes.get_xticklabels()[0].get_text() == "villiaumite|\nNZSP"
    groups = {f"villiaumite-{k}|NZSP": [0.1] for k in range(20)}
    (axes,) = sample_clouds(groups, "energy", "eV").axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == list(groups)


def test_the_groups_that_reach_lowest_are_coloured_and_the_others_named() -> None:
    points = {str(k): [(1.0, -float(k)), (2.0, 0.5)] for k in range(9)}
    shown = legend(trade_off(points, "strain (%)", "energy (eV)"))
    assert shown == ["8", "7", "6", "5", "4", "3", "3 more, that do not reach as low"]
    assert legend(trade_off({"a": [(1.0, 2.0)]}, "strain (%)", "energy (eV)")) == ["a"]


@pytest.mark.parametrize("n", [2, 5, 15])
def test_the_axis_is_named_in_full_beneath_long_names(n: int) -> None:
    samples = {f"Na3OCl_Pm3m_recalled_{k}|NZSP_C2c": [-0.1 * k, -0.3, -0.5] for k in range(n)}
    figure = sample_clouds(samples, "interfacial formation energy", "J/m²")
    figure.draw_without_rendering()
    label = figure.axes[0].yaxis.label.get_window_extent()
    assert figure.bbox.y0 <= label.y0
    assert label.y1 <= figure.bbox.y1

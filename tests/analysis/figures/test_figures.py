"""Figures show the numbers they are given; pictures show the atoms where they are."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from ase import Atoms
from ase.data import chemical_symbols
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation

from natriface.analysis.energies.interface_energy import InterfaceEnergy, QuantityName
from natriface.analysis.figures.bars import (
    Bar,
    energy_bars,
    interface_energy_bars,
)
from natriface.analysis.figures.contact_courses import BondPanel, bond_lines
from natriface.analysis.figures.convergence_lines import relaxation_courses
from natriface.analysis.figures.pictures.panels import INCHES_PER_ANGSTROM
from natriface.analysis.figures.pictures.structure_pictures import (
    before_after_figure,
    contact_heights_angstrom,
    draw_structure,
    structure_figure,
    structure_picture,
)
from natriface.analysis.figures.style import element_color
from natriface.analysis.results.published import load_published
from natriface.structures.base.errors import AnalysisError
from tests.analysis.figures.drawings import CELL, D, interface


def texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for ax in figure.axes for text in ax.texts)


def bars_of(figure: Figure) -> list[float]:
    return [p.get_height() for p in figure.axes[0].patches if isinstance(p, Rectangle)]


def test_bars_have_the_heights_of_the_values_and_the_axis_its_unit() -> None:
    figure = energy_bars(
        [Bar("Na|A", -0.8, None, -2.4, -1.36), Bar("NaF|A", -1.5, None, -3.31)], "energy"
    )
    assert sorted(bars_of(figure)) == pytest.approx([-3.31, -2.4, -1.5, -1.36, -0.8])
    assert figure.axes[0].get_ylabel() == "energy (J/m²)"
    labels = [t.get_text() for t in figure.axes[0].get_xticklabels()]
    assert labels == ["Na|A †", "NaF|A"]


def test_an_uncertainty_is_a_whisker_and_the_number_stands_beyond_it() -> None:
    bars = [Bar("Na|A", -0.8, uncertainty_j_per_m2=0.3), Bar("NaF|A", -0.5)]
    (ax,) = energy_bars(bars, "energy").axes
    (whisker,) = (c for c in ax.collections if isinstance(c, LineCollection))
    assert sorted(whisker.get_segments()[0][:, 1]) == pytest.approx([-1.1, -0.5])
    ends = {text.get_text(): text.xy[1] for text in ax.texts if isinstance(text, Annotation)}
    assert ends == pytest.approx({"−0.80": -1.1, "−0.50": -0.5})
    assert ax.get_ylim()[0] < -1.1


def test_what_is_not_computed_is_no_bar_but_its_reason() -> None:
    figure = energy_bars([Bar("Na|A", None, "forces still 0.2 eV/A"), Bar("B|A", 0.5)], "energy")
    assert bars_of(figure) == pytest.approx([0.5])
    assert "not computed\nforces still 0.2 eV/A" in texts(figure)


def test_an_exact_zero_is_a_number() -> None:
    figure = energy_bars([Bar("Na|A", 0.0)], "energy")
    assert bars_of(figure) == pytest.approx([0.0])
    assert "not computed" not in texts(figure)


def test_no_bars_no_figure() -> None:
    with pytest.raises(AnalysisError, match="no interface"):
        energy_bars([], "energy")


def test_relaxation_courses_are_relative_to_the_last_step() -> None:
    figure = relaxation_courses(
        {"Na|A": {"interface": [-3.0, -3.09, -3.1], "film": [-1.0]}, "B|A": {"film": []}}
    )
    assert [ax.get_title() for ax in figure.axes] == ["Na|A"]
    (line,) = figure.axes[0].lines
    assert line.get_ydata() == pytest.approx([100.0, 10.0])
    with pytest.raises(AnalysisError):
        relaxation_courses({"Na|A": {"film": [-1.0]}})


def test_one_contact_with_vacuum_two_in_a_sandwich_none_in_a_slab() -> None:
    atoms = interface()
    (height,) = contact_heights_angstrom(atoms)
    assert 12 + D < height < 16
    doped = interface(doped=True)
    assert contact_heights_angstrom(doped) == pytest.approx([height])
    atoms.cell[2, 2] = 9.0
    low, high = contact_heights_angstrom(atoms)
    assert low == pytest.approx(height)
    assert high > 16
    assert contact_heights_angstrom(atoms[:5]) == []


@settings(max_examples=8, deadline=None)
@given(
    shifts=st.lists(st.tuples(st.integers(-2, 2), st.integers(-2, 2)), min_size=7, max_size=7),
    view=st.sampled_from(["side", "top"]),
)
def test_images_of_atoms_make_the_same_picture(shifts: list[tuple[int, int]], view: str) -> None:
    atoms = interface()
    moved = atoms.copy()
    moved.positions += np.array([(i, j, 0) for i, j in shifts]) @ CELL
    extents = [draw_structure(Figure().add_subplot(), a, view) for a in (atoms, moved)]
    assert extents[0] == pytest.approx(extents[1], abs=1e-6)


def test_a_tetrahedron_at_the_edge_of_the_cell_is_drawn_whole() -> None:
    ax = Figure().add_subplot()
    left, right, bottom, top = draw_structure(ax, interface())
    # Along the shorter vector the cell is 16 A wide; the PO4 reaches out of it to the left.
    assert left < -D < 0
    assert 16 < right < 19
    assert 12 - D > bottom > 12 - D - 2
    assert top > 16.5


def test_both_panels_have_one_scale_and_frame() -> None:
    before = interface()
    after = before.copy()
    after.positions[5:, 2] += 3.0
    figure = before_after_figure(before, after, "Na|A")
    width, height = figure.get_size_inches()
    frames = []
    for ax in figure.axes:
        box = ax.get_position()
        (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
        assert box.width * width / (right - left) == pytest.approx(INCHES_PER_ANGSTROM)
        assert box.height * height / (top - bottom) == pytest.approx(INCHES_PER_ANGSTROM)
        frames.append((left, right, bottom, top))
    assert frames[0] == frames[1]
    assert frames[0][3] > 19.5


def test_a_common_shift_or_a_sliding_film_does_not_leave_the_frame() -> None:
    before = interface()
    frame = before_after_figure(before, before, "Na|A").axes[1].get_xlim()
    shifted = before.copy()
    shifted.positions += (2.0, 7.0, 0.0)
    moved = before_after_figure(before, shifted, "Na|A").axes[1].get_xlim()
    assert moved == pytest.approx(frame)
    slid = before.copy()
    slid.positions[5:, 1] += 6.0
    wider = np.ptp(before_after_figure(before, slid, "Na|A").axes[1].get_xlim()) - np.ptp(frame)
    assert 0 <= wider < 1.5


def test_broken_bonds_are_dotted_only_after() -> None:
    before, after = interface(), interface()
    after.positions[1, 2] += 1.5
    figure = before_after_figure(before, after, "Na|A", broken=[(0, 1)])
    dotted = [[line for line in ax.lines if line.get_linestyle() == ":"] for ax in figure.axes]
    assert [len(lines) for lines in dotted] == [0, 1]


def test_a_broken_bond_is_dotted_to_the_nearest_image() -> None:
    """Across the edge of the cell, and not back through all of it."""
    atoms = Atoms("PO", [(0.5, 1.0, 5.0), (13.0, 1.0, 6.0)], cell=[14.0, 3.0, 20.0], pbc=True)
    ax = Figure().add_subplot()
    draw_structure(ax, atoms, broken=[(0, 1)])
    (line,) = (line for line in ax.lines if line.get_linestyle() == ":")
    apart = np.abs(np.diff(np.asarray(line.get_xydata()), axis=0)[0])
    assert apart == pytest.approx([1.5, 1.0])


def test_pictures_need_the_same_atoms() -> None:
    with pytest.raises(AnalysisError, match="same atoms"):
        before_after_figure(interface(), interface(doped=True), "Na|A")


def test_pictures_are_files_and_leave_matplotlib_as_it_was(tmp_path: Path) -> None:
    settings_before = dict(mpl.rcParams)
    png = structure_picture(interface(), tmp_path / "a.png", "Na|A")
    svg = structure_picture(interface(doped=True), tmp_path / "b.svg", "F")
    assert png.read_bytes().startswith(b"\x89PNG\r\n")
    assert ElementTree.parse(svg).getroot().tag.endswith("svg")
    assert dict(mpl.rcParams) == settings_before


def test_every_element_has_a_colour() -> None:
    colors = {element_color(symbol) for symbol in chemical_symbols[1:100]}
    assert all(color.startswith("#") and len(color) == 7 for color in colors)
    assert len({element_color(s) for s in ("Na", "Zr", "Si", "P", "O", "F", "Sn")}) == 7


def energy(
    j_per_m2: float, quantity: QuantityName = "interfacial formation energy"
) -> InterfaceEnergy:
    return InterfaceEnergy(quantity, "", j_per_m2, j_per_m2 / 16.02, j_per_m2, 16.02, 1, {})


def test_interface_energies_beside_published_ones() -> None:
    ours = {"NaF|NZSP": energy(-2.5), "Na|mine": energy(0.25)}
    assert bars_of(interface_energy_bars(ours)) == [-2.5, 0.25]
    figure = interface_energy_bars(ours, {"NaF|NZSP": -3.31, "not ours": 9.0})
    assert sorted(bars_of(figure)) == [-3.31, -2.5, 0.25]
    assert figure.axes[0].get_ylabel() == "interfacial formation energy (J/m²)"


def test_a_source_brings_its_name_and_its_other_readings() -> None:
    source = load_published("li2025")
    pair, other = next(
        (pair, value) for c in source.contradictions for pair, value in c.swapped.items()
    )
    figure = interface_energy_bars({pair: energy(-1.0)}, source)
    printed = source.interfacial_formation_energy_j_per_m2[pair]
    assert sorted(bars_of(figure)) == sorted([-1.0, printed, other])
    assert source.short_name in [text.get_text() for text in figure.legends[0].get_texts()]


def test_unlike_interface_energies_are_not_drawn_together() -> None:
    adhesion = energy(1.0, "work of adhesion")
    with pytest.raises(AnalysisError, match="do not belong on one axis"):
        interface_energy_bars({"a": energy(1.0), "b": adhesion})
    with pytest.raises(AnalysisError, match="not to be laid beside a work of adhesion"):
        interface_energy_bars({"NaF|NZSP": adhesion}, load_published("li2025"))
    with pytest.raises(AnalysisError, match="no interface energy"):
        interface_energy_bars({})


@pytest.mark.parametrize("counts", [(2, 9), (9, 2), (0, 0)])
def test_no_run_leaves_the_panel_of_its_bonds(counts: tuple[int, int]) -> None:
    figure = bond_lines(
        [
            BondPanel(str(n), {"P-O": [([0.0, 1.0], [0, n])]}, 0.5)
            for n in counts
        ]
    )  # fmt: skip
    for ax in figure.axes:
        low, high = ax.get_ylim()
        assert low == 0
        assert high >= max(1, *counts)


def test_pictures_of_atoms_go_into_axes_of_ones_own() -> None:
    figure = Figure(figsize=(9, 3))
    first, *axes = figure.subplots(1, 3)
    line = first.plot([0, 1], [1, 2])
    assert structure_figure(interface(), "Na on NZSP", axes=axes) is figure
    assert list(figure.get_size_inches()) == [9, 3]
    assert list(first.lines) == line
    assert [ax.get_title() for ax in axes] == ["Na on NZSP\nside view", "top view"]
    assert all(ax.get_aspect() == 1 for ax in axes)
    assert axes[1].get_legend() is not None
    alone = Figure()
    structure_figure(interface(), views=["top"], axes=alone.subplots())
    assert len(alone.axes) == 1
    with pytest.raises(AnalysisError, match="as many axes as there are panels, 2, not 1"):
        structure_figure(interface(), axes=axes[0])

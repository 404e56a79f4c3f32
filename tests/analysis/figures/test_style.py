"""Every figure has one style: nothing collides, colours are told apart, text stays text."""

from __future__ import annotations

import re
from functools import cache
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PatchCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from natriface.analysis.figures import style
from natriface.analysis.figures.bars import Bar, PublishedBar, ValueBar, energy_bars, value_bars
from natriface.analysis.figures.convergence_lines import relaxation_courses
from natriface.analysis.figures.pictures.structure_pictures import structure_figure
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import AnalysisError
from tests.analysis.figures.drawings import DRAWINGS, interface

SIGHTS = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}
"""Of linear RGB: Machado et al., IEEE Trans. Vis. Comput. Graph. 15, 1291 (2009)."""
LEAST_DISTANCE = 15.0
"""In CIELAB: far more than the 2.3 that are just seen."""
NZSP = ("Na", "Zr", "Si", "P", "O", "F", "Sn")


def lab(rgb: FloatArray) -> FloatArray:
    """CIELAB (D65) of linear RGB."""
    to_xyz = np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
    )
    share = to_xyz @ np.clip(rgb, 0, 1) / [0.95047, 1.0, 1.08883]
    x, y, z = np.where(share > 216 / 24389, np.cbrt(share), (24389 / 27 * share + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def distance(one: str, other: str) -> float:
    """Least of all sights."""
    rgb = np.array([to_rgb(one), to_rgb(other)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return min(float(np.linalg.norm(lab(m @ linear[0]) - lab(m @ linear[1]))) for m in
               SIGHTS.values())  # fmt: skip


@cache
def figure_of(name: str, width: style.FigureWidth | None = None) -> Figure:
    with style.as_wide_as(width):
        return DRAWINGS[name]()


def drawn(figure: Figure, monkeypatch: pytest.MonkeyPatch) -> dict[Text, Bbox]:
    """Every text that is drawn, and where."""
    found: dict[Text, Bbox] = {}
    draw = Text.draw

    def recorded(text: Text, renderer: object, *args: object, **more: object) -> None:
        if text.get_text().strip() and text.get_visible():
            found[text] = Text.get_window_extent(text, renderer)
        draw(text, renderer, *args, **more)

    with monkeypatch.context() as patched:
        patched.setattr(Text, "draw", recorded)
        FigureCanvasAgg(figure).draw()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("width", [None, "one-column", "two-columns"])
@pytest.mark.parametrize("name", DRAWINGS)
def test_no_text_lies_on_another_or_leaves_the_figure(
    name: str, width: style.FigureWidth | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure = figure_of(name, width)
    before = dict(mpl.rcParams)
    boxes = drawn(figure, monkeypatch)
    assert dict(mpl.rcParams) == before
    assert len(boxes) > 3
    require_room(figure, boxes)


def require_room(figure: Figure, boxes: dict[Text, Bbox]) -> None:
    page = figure.bbox
    for text, box in boxes.items():
        within = page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 <= box.y1 <= page.y1
        assert within, f"{text.get_text()!r} leaves the figure"
    for (one, a), (other, b) in combinations(boxes.items(), 2):
        common = Bbox.intersection(a, b)
        touch = common is not None and min(common.width, common.height) > 1.0
        assert not touch, f"{one.get_text()!r} lies on {other.get_text()!r}"
    legends = [*figure.legends, *(ax.get_legend() for ax in figure.axes if ax.get_legend())]
    for legend in legends:
        own = set(legend.get_texts())
        frame = legend.get_window_extent()
        for text, box in boxes.items():
            common = None if text in own else Bbox.intersection(frame, box)
            assert common is None or min(common.width, common.height) < 1.0, text.get_text()


NAMES = ("Na", "NZSP-NSF", "NaF(100)-1", "adatom on a surface", "vacancy in the bulk, hop 12")


@settings(max_examples=6, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map(" ".join),
            st.sampled_from([None, -1.99, -0.013, 0.0, 0.324, 12.75]),
            st.sampled_from([(), (0.3,), (-1.2, 0.4)]),
        ),
        min_size=1,
        max_size=24,
    ),
    st.sampled_from([None, "one-column", "two-columns"]),
)
def test_bars_have_room_whatever_their_number_and_names(
    rows: list[tuple[str, float | None, tuple[float, ...]]], width: style.FigureWidth | None
) -> None:
    bars = [
        ValueBar(label, f"kind {k % 3}", value, "no minimum", [PublishedBar(p) for p in printed])
        for k, (label, value, printed) in enumerate(rows)
    ]
    with style.as_wide_as(width):
        figure = value_bars(bars, "migration barrier", published="Li et al., Nat. Commun. (2025)")
    with pytest.MonkeyPatch.context() as patched:
        require_room(figure, drawn(figure, patched))


def test_words_of_a_source_are_attributed_to_it() -> None:
    bars = [ValueBar("NaF", "vacancy", 0.7, words="very low values")]
    figure = value_bars(bars, "migration barrier", published="Li et al., Nat. Commun. (2025)")
    labels = [text.get_text() for axes in figure.axes for text in axes.get_xticklabels()]
    labels += [text.get_text() for axes in figure.axes for text in axes.get_yticklabels()]
    assert any("Li et al.: “very low values”" in " ".join(text.split()) for text in labels)


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_figure_fits_a_journal(name: str) -> None:
    width = figure_of(name).get_figwidth()
    if name in ("structure_figure", "before_after_figure"):  # as wide as its atoms, at one scale
        assert style.ONE_COLUMN <= width <= style.TWO_COLUMNS
    else:
        assert width in (style.ONE_COLUMN, style.TWO_COLUMNS)


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_figure_is_as_wide_as_asked_for(name: str) -> None:
    one = figure_of(name, "one-column")
    assert one.get_figwidth() == pytest.approx(style.ONE_COLUMN)
    assert figure_of(name, "two-columns").get_figwidth() == pytest.approx(style.TWO_COLUMNS)
    assert style.least_width() == style.ONE_COLUMN
    assert style.most_width() == style.TWO_COLUMNS
    sizes = [text.get_fontsize() for text in one.findobj(Text) if text.get_text().strip()]
    assert min(sizes) > 5.5  # points, of which 5 are the least that journals take


@pytest.mark.parametrize(
    "name", ["relaxation_courses", "energy_profile", "pdos_stack", "cohp_panels", "bond_profiles"]
)
def test_lines_drawn_together_are_told_apart_by_the_colour_blind(name: str) -> None:
    n_most = 0
    for ax in figure_of(name).axes:
        curves = [line for line in ax.lines if len(np.asarray(line.get_xdata())) > 2]
        colors = {to_hex(line.get_color()) for line in curves}
        assert all(distance(*pair) > LEAST_DISTANCE for pair in combinations(colors, 2))
        # the dashes, or the symbols where dashes say something else
        looks = {f"{line._unscaled_dash_pattern} {line.get_marker()}" for line in curves}  # type: ignore[attr-defined]
        assert len(looks) >= len(colors)
        n_most = max(n_most, len(colors))
    assert n_most > 1


def test_palettes_are_told_apart_and_seen_on_white() -> None:
    for palette in (style.QUALITATIVE, [style.element_color(symbol) for symbol in NZSP]):
        assert min(distance(*pair) for pair in combinations(palette, 2)) > LEAST_DISTANCE
        assert min(style.contrast(color) for color in palette) > 2.2
    assert style.contrast("white") == pytest.approx(1.0)
    assert style.contrast("black") == pytest.approx(21.0)


def test_an_element_has_one_colour_in_structures_and_densities_of_states() -> None:
    (legend,) = figure_of("pdos_stack").legends
    of_dos = {
        text.get_text().split("-")[0]: to_hex(handle.get_color())
        for text, handle in zip(legend.get_texts(), legend.legend_handles, strict=True)
        if text.get_text() in ("P-p", "O-p", "F-p")
    }
    assert len(of_dos) == 3
    picture = structure_figure(interface(doped=True), "")
    (legend,) = picture.legends
    of_legend = {
        text.get_text(): to_hex(handle.get_markerfacecolor())
        for text, handle in zip(legend.get_texts(), legend.legend_handles, strict=True)
    }
    for element, color in of_dos.items():
        assert color == of_legend[element] == style.element_color(element)
    collection = next(c for c in picture.axes[1].collections if isinstance(c, PatchCollection))
    assert of_legend["Na"] in {to_hex(color) for color in collection.get_facecolor()}


def test_colours_are_jmols_but_for_their_lightness() -> None:
    from ase.data import atomic_numbers
    from ase.data.colors import jmol_colors

    for symbol in (*NZSP, "S", "Cl", "H", "Au"):
        color, jmol = np.array(to_rgb(style.element_color(symbol))), jmol_colors[
            atomic_numbers[symbol]
        ]  # fmt: skip
        assert color / color.max() == pytest.approx(jmol / jmol.max(), abs=0.02)


def test_only_the_style_has_colours_sizes_and_settings() -> None:
    own = re.compile(r"#[0-9a-fA-F]{6}|font.?size=\d|rcParams|[\"'](?:white|black|red|grey)[\"']")
    folder = Path(style.__file__).parent
    modules = [path for path in folder.glob("*.py") if path.name != "style.py"]
    assert len(modules) > 8
    for path in modules:
        assert not (found := own.findall(path.read_text())), f"{path.name}: {found}"


def test_a_legend_names_only_what_is_drawn() -> None:
    missing = energy_bars([Bar("Na|A", None, "no time", -1.0)], "energy", published="Li et al.")
    assert [text.get_text() for text in missing.legends[0].get_texts()] == ["Li et al."]
    assert not energy_bars([Bar("Na|A", None, "no time")], "energy").legends
    climbing = relaxation_courses({"Na|A": {"interface": [-3.0, -3.1], "film": [-2.0, -1.0]}})
    assert [text.get_text() for text in climbing.legends[0].get_texts()] == ["interface"]


@pytest.mark.parametrize("name", ["energy_bars", "cohp_panels", "before_after_figure"])
def test_files_for_print_keep_their_text(name: str, tmp_path: Path) -> None:
    svg = style.save_figure(DRAWINGS[name](), tmp_path / "a.svg")
    text = " ".join(ElementTree.parse(svg).getroot().itertext())
    word = {"energy_bars": "interfacial formation energy", "cohp_panels": "antibonding"}
    assert word.get(name, "unconverged, 500 steps") in text
    again = tmp_path / "b.svg"
    DRAWINGS[name]().savefig(again, metadata={"Date": None})
    assert again.read_bytes() == svg.read_bytes()
    pdf = style.save_figure(DRAWINGS[name](), tmp_path / "a.pdf").read_bytes()
    assert b"/CIDFontType2" in pdf
    assert b"/Type3" not in pdf


def test_a_figure_is_png_svg_or_pdf(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match=r"end the figure's name in \.png, \.svg or \.pdf"):
        style.save_figure(Figure(), tmp_path / "figure.jpeg")


WORDS = st.lists(st.text("aWi–1", min_size=1, max_size=9), min_size=1, max_size=8)


@settings(max_examples=30, deadline=None)
@given(words=WORDS, width=st.floats(0.7, 2.0))
def test_wrapped_text_keeps_its_letters_and_its_width(words: list[str], width: float) -> None:
    text = " ".join(words)
    found = style.wrapped(text, width)
    assert found.replace("\n", "").replace(" ", "") == "".join(words)
    assert style.text_width(found) <= width
    if style.text_width(text) <= width:
        assert found == text


@given(n=st.integers(1, 60), most=st.integers(1, 8))
def test_rows_hold_all_panels_as_evenly_as_they_can(n: int, most: int) -> None:
    rows, columns = style.rows_and_columns(n, most)
    assert columns <= most
    assert (rows - 1) * columns < n <= rows * columns

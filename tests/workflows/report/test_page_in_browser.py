"""The report's page in a headless Chromium: nothing fails, structures turn, links lead on."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np
import pytest
from ase import Atoms
from ase.io import read
from matplotlib.figure import Figure

from natriface.analysis.figures.pictures.structure_view import view_structures
from natriface.analysis.figures.pictures.turnable import Turnable
from natriface.analysis.results.result import Result
from natriface.workflows.parts import PARTS
from natriface.workflows.report.page import ProtocolRecord, write_report
from natriface.workflows.report.section import Gallery, Section, SectionContext
from natriface.workflows.report.steps import ExpectedStep
from natriface.workflows.report.table import Column, Table

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

WIDTHS_PX = (390, 800, 1400)
CELL_ANGSTROM = (6.0, 6.0, 20.0)
SHUFFLED = [float(x) for x in np.random.default_rng(1).permutation(np.arange(-20, 20)) / 2]


def unit(stretch_angstrom: float = 0.0, na_z_angstrom: float = 12.0) -> Atoms:
    """A PO4 whose first ligand may be pulled off, and a Na above it."""
    d = 0.89
    positions = [(3, 3, 5), (3 + d, 3 + d, 5 + d + stretch_angstrom), (3 - d, 3 - d, 5 + d)]
    positions += [(3 - d, 3 + d, 5 - d), (3 + d, 3 - d, 5 - d), (3, 3, na_z_angstrom)]
    return Atoms("PO4Na", positions, cell=CELL_ANGSTROM, pbc=True)


def blank() -> Figure:
    figure = Figure(figsize=(3.3, 2))
    figure.add_subplot().plot([0, 1])
    return figure


def turned(results: Sequence[Result], context: SectionContext) -> Section:
    """Two structures beside each other, a course, and a table too wide for any telephone."""
    pair = Turnable((unit(), unit(1.5)), ("as built", "relaxed"))
    course = Turnable.thinned(
        [unit(na_z_angstrom=12 - 0.1 * k) for k in range(200)],
        [f"<{k}>" for k in range(200)],
        marked=5,
    )
    figures = [
        context.draw(blank(), stem, caption="PO4 < Na", alt="a unit", turnable=turnable)
        for stem, turnable in (("pair", pair), ("course", course))
    ]
    columns = [Column("Step"), Column("in any order", "eV", 3)]
    columns += [Column(f"a quantity {k}", "eV", 3) for k in range(11)]
    rows: list[list[Any]] = [
        [f"a step with a long name, of {k}", value, *[0.1 * k] * 11]
        for k, value in enumerate([None, *SHUFFLED])
    ]
    return Section(
        key="turned",
        title="Turned",
        findings=["One unit."],
        blocks=[
            Gallery("Structures", figures),
            Table("Wide", columns, rows, below={3: "said of it"}),
        ],
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a page with turnable structures."""
    module = ModuleType("turned.section")
    module.section = turned  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "turned", ModuleType("turned"))
        patch.setitem(sys.modules, "turned.section", module)
        patch.setitem(PARTS, "turned", "turned")
        return write_report(
            [],
            tmp_path_factory.mktemp("report"),
            study_name="turned",
            title="Turned",
            expected=[ExpectedStep("a", "a", "static", 6, {"section": "turned", "role": "unit"})],
            protocol=ProtocolRecord(name="fast"),
        )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; without it, or without Playwright, the tests are skipped."""
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no Chromium: tests/browser/install.sh says how to have one")
    arguments = ["--no-sandbox"] if os.getuid() == 0 else []
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser, path: Path) -> Iterator[Page]:
    """The page, watched: whatever it logs, or asks of any network, fails the test."""
    opened = browser.new_page(viewport={"width": 1400, "height": 900})
    said: list[str] = []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("request", lambda request: said.append(request.url))
    opened.goto(path.as_uri())
    yield opened
    own = [text for text in said if text != path.as_uri() and not text.startswith("data:")]
    opened.close()
    assert not own


def opened(page: Page, k: int) -> Locator:
    figure = page.locator("figure.turnable").nth(k)
    figure.get_by_role("button", name="Turn in 3D").click()
    return figure


def drawing(figure: Locator) -> str:
    found: str = figure.locator("canvas").evaluate("canvas => canvas.toDataURL()")
    return found


def test_every_structure_turns_and_gives_the_picture_back(page: Page) -> None:
    figures = page.locator("figure.turnable")
    assert figures.count() == 2
    for k in range(figures.count()):
        figure = opened(page, k)
        assert not figure.locator("img").is_visible()
        before = drawing(figure)
        page.keyboard.press("ArrowRight")
        after = drawing(figure)
        assert after != before
        page.keyboard.press("ArrowLeft")
        assert drawing(figure) == before
        figure.get_by_role("button", name="close").click()
        assert figure.locator("img").is_visible()
        assert not figure.locator("canvas").is_visible()


def test_atoms_stand_where_they_were_computed(page: Page) -> None:
    """Two atoms chosen on the screen are as far apart as in the structures, periodically."""
    figure = opened(page, 0)
    canvas = figure.locator("canvas")
    for atom in (0, 5):
        x, y = figure.evaluate(
            "(figure, atom) => { const ball = figure.turnable.drawn.find(b => b.atom === atom);"
            " return [ball.x, ball.y]; }",
            atom,
        )
        canvas.click(position={"x": x, "y": y})
    said = figure.locator("output").inner_text()
    assert said == "P 1 to Na 6: 7.00 Å (as built), 7.00 Å (relaxed)."
    ligands = figure.evaluate(
        "figure => figure.turnable.drawn.filter(b => figure.turnable.of[b.atom] === 1).length"
    )
    assert ligands == 8


def test_a_course_is_thinned_and_shown_frame_by_frame(page: Page) -> None:
    figure = opened(page, 1)
    assert "60 of 200 frames" in figure.inner_text()
    slider = figure.get_by_role("slider")
    first = drawing(figure)
    slider.press("End")
    assert slider.input_value() == "59"
    assert drawing(figure) != first
    label, height = figure.evaluate(
        "figure => { const last = figure.turnable.frames[figure.turnable.frame];"
        " return [last.label, last.at[5][2]]; }"
    )
    assert label == "<199>"
    shown = height - unit().positions[5, 2]
    assert shown == pytest.approx(-19.9, abs=1e-3), "it goes on, not back across the cell"


def test_links_lead_somewhere(page: Page, path: Path) -> None:
    targets = page.locator("a[href]").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    files = [unquote(target) for target in targets if not target.startswith(("#", "http"))]
    assert sum(name.startswith("structures/") for name in files) == 12
    assert all((path.parent / name).exists() for name in files)
    for target in (target for target in targets if target.startswith("#")):
        assert page.locator(f"[id='{target[1:]}']").count() == 1


def test_what_is_taken_away_is_what_was_computed(path: Path) -> None:
    for name, expected in (("first", unit()), ("last", unit(1.5))):
        for suffix, form in (("POSCAR", "vasp"), ("cif", "cif"), ("extxyz", "extxyz")):
            atoms = read(path.parent / "structures" / f"pair-{name}.{suffix}", format=form)
            assert atoms.get_chemical_symbols() == expected.get_chemical_symbols()
            assert np.allclose(atoms.cell.cellpar(), expected.cell.cellpar(), atol=1e-5)
            apart = atoms.get_scaled_positions() - expected.get_scaled_positions()
            assert np.allclose(apart - np.rint(apart), 0, atol=1e-5)


@pytest.mark.parametrize("width_px", WIDTHS_PX)
def test_nothing_runs_over_the_edge(page: Page, width_px: int) -> None:
    page.set_viewport_size({"width": width_px, "height": 800})
    for k in range(2):
        opened(page, k)
    assert page.evaluate("document.documentElement.scrollWidth") <= width_px
    wide = page.locator(".wide").evaluate_all(
        "all => all.map(one => { const box = one.getBoundingClientRect();"
        " return [box.left, box.right, one.scrollWidth - one.clientWidth]; })"
    )
    for left, right, hidden in wide:
        assert left >= 0
        assert right <= width_px
        if width_px != 800:  # between a telephone and a screen one has to scroll
            assert hidden <= 0, "no column is out of sight"


def column(page: Page, name: str) -> list[str]:
    """Texts of a column of the wide table, of the rows that are shown, from top to bottom."""
    cells = page.locator("section#turned tbody tr:not(.because):visible td").all()
    return [cell.inner_text() for cell in cells if cell.get_attribute("data-of") == name]


@pytest.mark.slow
def test_tables_sort_by_any_heading(page: Page) -> None:
    """Both ways, numbers as numbers; what is missing stays last, what is said of a row below it."""
    heading = page.locator("th", has_text="in any order")
    for way in ("ascending", "descending"):
        heading.click()
        assert heading.get_attribute("aria-sort") == way
        order = column(page, "in any order, eV")
        known = [float(text.replace("\u2212", "-")) for text in order[:-1]]
        assert known == sorted(SHUFFLED, reverse=way == "descending")
        assert order[-1] == "\u2013"
    said = page.locator("section#turned tr.because")
    row = said.evaluate("row => row.previousElementSibling.cells[0].textContent")
    assert row == "a step with a long name, of 3"
    page.locator("th", has_text="Step").first.press("Enter")
    names = column(page, "Step")
    assert names == [f"a step with a long name, of {k}" for k in range(len(SHUFFLED) + 1)]


@pytest.mark.slow
def test_a_filter_leaves_the_rows_that_hold_its_text(page: Page) -> None:
    page.get_by_role("searchbox").fill("OF 3")
    kept = [k for k in range(len(SHUFFLED) + 1) if str(k).startswith("3")]
    assert column(page, "Step") == [f"a step with a long name, of {k}" for k in kept]
    page.get_by_role("searchbox").fill("")
    assert len(column(page, "Step")) == len(SHUFFLED) + 1


def test_print_has_the_pictures(page: Page) -> None:
    figure = opened(page, 0)
    page.emulate_media(media="print")
    assert figure.locator("img").is_visible()
    assert not figure.locator("canvas").is_visible()
    assert not figure.locator(".turn").is_visible()


def test_colours_follow_the_scheme(page: Page) -> None:
    figure = opened(page, 0)
    light = drawing(figure)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "light => document.querySelector('figure.turned canvas').toDataURL() !== light", arg=light
    )


def test_a_notebook_s_view_turns_within_its_cell(browser: Browser) -> None:
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.set_content(view_structures(unit(), unit(1.5))._repr_html_())
    figure = page.frame_locator("iframe").locator("figure.turnable")
    figure.locator("canvas").wait_for()
    front = drawing(figure)
    figure.get_by_role("button", name="seen from the top").click()
    assert drawing(figure) != front
    page.close()
    assert not said

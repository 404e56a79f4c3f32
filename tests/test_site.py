"""Pages of the documentation's site that follow from the code, and what each page must have.

``python -m tests.test_site`` writes those that follow from the code anew.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from natriface.analysis.results.formulas import Formula

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
ROOMS = {
    "structures": (
        "Crystal in, crystal out: what [structures in Python](../structures.md) uses. Lengths are\n"
        "in A; a crystal is an `ase.Atoms`, a phase, a slab or a pymatgen `Structure`.",
        {
            "crystals": "Crystals, orderings and dopants",
            "surfaces": "Surfaces, slabs and adatoms",
            "interfaces": "Interfaces",
            "paths": "Hops and paths",
            "chemistry": "Chemistry",
            "base": "Crystals in memory, and errors",
        },
    ),
    "analysis": (
        "Result in, number or figure out: what [results](../results.md),\n"
        "[bonding](../bonding.md), [levels](../electrons.md) and [claims](../claims.md) use.",
        {
            "results": "Results, published values and claims",
            "readers": "Readers of anyone's calculations",
            "energies": "Energies",
            "bonding": "Bonding",
            "electrons": "Electrons and levels",
            "barriers": "Barriers and rates",
            "transport": "Conductivities, currents and interphases",
            "verdicts": "Verdicts",
            "scoring": "Scorecards",
            "figures": "Figures",
        },
    ),
    "workflows": (
        "Studies from Python: what the command line does with a [study](../studies.md).",
        {"": "Studies, plans and runs"},
    ),
}
"""For each room what it is for, and the headings of its folders in the reference."""
SUBJECTS = {
    "energies": "Interfaces, surfaces and reactions",
    "electrons": "Electrons and levels",
    "bonding": "Bonds",
    "barriers": "Barriers and rates",
    "transport": "Conductivities, currents and interphases",
    "mechanics": "Elasticity",
    "scoring": "Scorecards",
}
"""Headings of the formulas, by the folder of `analysis/` that computes by them."""


def shown(room: str) -> dict[str, list[str]]:
    """The names that a room exports, by the folder they come from (none in `workflows`)."""
    tree = ast.parse((ROOT / room / "__init__.py").read_text())
    found: dict[str, list[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"natriface.{room}"):
            folder = str(node.module).split(".")[2] if room != "workflows" else ""
            names = [alias.name for alias in node.names if alias.asname == alias.name]
            found.setdefault(folder, []).extend(names)
    return found


def reference(room: str) -> str:
    intro, headings = ROOMS[room]
    names = shown(room)
    assert set(names) == set(headings), "a folder without a heading, or a heading without names"
    blocks = [f"# natriface.{room}", f"{intro} Each name is imported from `natriface.{room}`."]
    for folder, heading in headings.items():
        ordered = sorted(names[folder], key=lambda name: (name[0].isupper(), name.lower()))
        blocks += [f"## {heading}", *(f"::: natriface.{room}.{name}" for name in ordered)]
    return "\n\n".join(blocks) + "\n"


def formulas(folder: str) -> Iterator[Formula]:
    """Those that stand in the modules of a folder of `analysis/`."""
    for path in sorted((ROOT / "analysis" / folder).rglob("*.py")):
        names = re.findall(r"^(\w+_FORMULA) = Formula\(", path.read_text(), re.M)
        if names:
            dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            module = importlib.import_module(f"natriface.{dotted}")
            yield from (getattr(module, name) for name in names)


def definitions() -> str:
    blocks = [
        "# Definitions",
        "What natriface's numbers are computed by, as the reports say it: each line is the\n"
        "formula that stands beside the function that computes by it. E are energies in eV, A an\n"
        "area, N the number of contacts in the cell, k Boltzmann's constant. Energies are\n"
        "subtracted only between like calculations. What was\n"
        "computed for an interface is told apart under "
        "[quantities](studies.md#what-is-computed-for-an-interface).",
    ]
    for folder, heading in SUBJECTS.items():
        blocks += [f"## {heading}", "\n".join(f"- {formula.html}" for formula in formulas(folder))]
    return "\n\n".join(blocks) + "\n"


def pages() -> dict[str, str]:
    """Path below `docs/` and text of every page that follows from the code."""
    made = {f"reference/{room}.md": reference(room) for room in ROOMS}
    return {**made, "definitions.md": definitions()}


@pytest.mark.parametrize("page", [*(f"reference/{room}.md" for room in ROOMS), "definitions.md"])
def test_a_page_says_what_the_code_does(page: str) -> None:
    assert (DOCS / page).read_text() == pages()[page], "python -m tests.test_site writes it anew"


def test_every_folder_with_formulas_has_its_heading() -> None:
    with_formulas = {
        path.relative_to(ROOT / "analysis").parts[0]
        for path in (ROOT / "analysis").rglob("*.py")
        if re.search(r"^\w+_FORMULA = Formula\(", path.read_text(), re.M)
    }
    assert with_formulas == set(SUBJECTS)


def test_every_page_is_in_the_navigation_and_every_picture_on_a_page() -> None:
    text = (ROOT / "mkdocs.yml").read_text()
    for path in (*DOCS.rglob("*.md"), *DOCS.rglob("*.ipynb")):
        assert f": {path.relative_to(DOCS)}\n" in text, path
    said = "".join(path.read_text() for path in (ROOT / "README.md", *DOCS.rglob("*.md")))
    for picture in (DOCS / "images").rglob("*.*"):
        assert f"images/{picture.relative_to(DOCS / 'images')}" in said, picture


def test_the_site_asks_nobody_for_fonts_or_scripts() -> None:
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    assert settings["theme"]["font"] is False
    assert "extra_javascript" not in settings
    assert not re.search(r"https?://", "".join(p.read_text() for p in DOCS.glob("*.css")))


if __name__ == "__main__":
    for path, content in pages().items():
        (DOCS / path).write_text(content)

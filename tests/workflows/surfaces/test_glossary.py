"""What the names of slabs and surfaces stand for."""

from __future__ import annotations

import pytest

from natriface.structures.crystals.phases import load_phase
from natriface.structures.surfaces.slabs import build_slab
from natriface.structures.surfaces.terminations import find_terminations
from natriface.workflows.surfaces.glossary import doped_words, ordinal, surface_glossary
from natriface.workflows.surfaces.labels import SlabLabels


def labels(phase: str, miller: tuple[int, int, int], number: int) -> SlabLabels:
    """Of a slab as a study builds it."""
    atoms = load_phase(phase).atoms
    slab = build_slab(find_terminations(atoms, miller)[number - 1], layers=1)
    return SlabLabels(name=phase, phase=phase, grade="", source="", **slab.describe())


def glossary(*slabs: SlabLabels) -> dict[str, str]:
    return surface_glossary((slab.label, slab.phase, slab.cut_words) for slab in slabs)


def test_a_surface_is_told_by_its_cut_and_by_what_lies_on_it() -> None:
    first, third = (labels("Na15Sn4", (1, 0, 0), number) for number in (1, 3))
    other = labels("NaF", (1, 0, 0), 1)
    told = glossary(third, first, other, first)
    assert list(told) == ["(100)-1", "(100)-3"]
    ours, theirs = told["(100)-1"].split("; ")  # one name, another cut of each crystal
    assert ours.startswith("Na15Sn4 cut along (100) in its widest gap (")
    assert theirs.startswith("NaF cut along (100) in its widest gap (2.3")  # half of 4.6 to 4.7 A
    assert theirs.endswith("with F Na on both faces of a surface cell")
    assert "in its 3rd widest gap (0.36 Å), with Na2 on one face and Na5 on" in told["(100)-3"]


def test_of_a_surface_of_which_nothing_is_known_nothing_is_said() -> None:
    plain = SlabLabels(name="a", phase="a", grade="", source="", label="(001)-1")
    none = SlabLabels(name="a", phase="a", grade="", source="")
    assert glossary(plain, none) == {}


@pytest.mark.parametrize(
    ("number", "words"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (13, "13th"),
     (21, "21st"), (22, "22nd"), (23, "23rd"), (101, "101st"), (111, "111th")],
)  # fmt: skip
def test_ordinals(number: int, words: str) -> None:
    assert ordinal(number) == words


def test_a_doped_slab_is_explained_by_its_unit() -> None:
    doping = (
        "1 F on O (site 32 of orbit O32 (x4; P 1.554, Zr 2.245)); uncompensated; "
        "net formal charge +1 e"
    )
    assert doped_words("NZSP", doping, ["PO3F", "PO4", "SiO4"]) == (
        "F-doped NZSP: one O of a PO4 replaced by F in each surface cell, uncompensated"
    )
    assert "one O next to P replaced by F" in doped_words("NZSP", doping, [])
    assert doped_words("X", "as given", []) == "X, as given in each surface cell, not stated"

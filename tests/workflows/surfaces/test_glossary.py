"""What the names of slabs and surfaces stand for."""

from __future__ import annotations

from natriface.structures.crystals.phases import load_phase
from natriface.structures.surfaces.slabs import build_slab
from natriface.structures.surfaces.terminations import find_terminations
from natriface.workflows.surfaces.glossary import (
    SURFACE,
    doped_words,
    surface_cuts,
    surface_glossary,
    surface_methods,
)
from natriface.workflows.surfaces.labels import SlabLabels


def labels(phase: str, miller: tuple[int, int, int], number: int) -> SlabLabels:
    """Of a slab as a study builds it."""
    atoms = load_phase(phase).atoms
    slab = build_slab(find_terminations(atoms, miller)[number - 1], layers=1)
    return SlabLabels(name=phase, phase=phase, grade="", source="", **slab.describe())


def cuts(*slabs: SlabLabels) -> list[str]:
    return surface_cuts((slab.label, slab.phase, slab.cut_words) for slab in slabs)


def test_a_surface_is_told_by_its_cut_and_by_what_lies_on_it() -> None:
    first, third = (labels("Na15Sn4", (1, 0, 0), number) for number in (1, 3))
    other = labels("NaF", (1, 0, 0), 1)
    period = load_phase("NaF").atoms.cell.lengths()[0]
    told = cuts(third, first, other, first)
    assert told == [  # one name, another cut of each crystal
        "Na15Sn4 (100)-1: 0.71 Å, Na2 Sn2 on one side and Na2 on the other",
        "Na15Sn4 (100)-3: 0.36 Å, Na2 on one side and Na5 on the other",
        f"NaF (100)-1: {period / 2:.2f} Å, F Na on both sides",
    ]
    (words,) = surface_methods(told)
    assert all(text in words for text in told)


def test_the_glossary_that_begins_a_report_is_short() -> None:
    told = surface_glossary(cuts(labels("NaF", (1, 0, 0), 1)))
    assert list(told) == [SURFACE]
    assert len(told[SURFACE]) <= 80
    assert "Å" not in told[SURFACE]


def test_of_atoms_no_outermost_are_told_of_a_relaxed_crystal_either() -> None:
    sodium = labels("Na", (1, 0, 0), 1)
    (told,) = cuts(sodium.of_height(0.98))
    height = load_phase("Na").atoms.cell.lengths()[0] / 2
    assert told == f"Na (100)-1: {0.98 * height:.2f} Å, Na on both sides"


def test_of_a_surface_of_which_nothing_is_known_nothing_is_said() -> None:
    plain = SlabLabels(name="a", phase="a", grade="", source="", label="(001)-1")
    none = SlabLabels(name="a", phase="a", grade="", source="")
    assert cuts(plain, none) == []
    assert surface_glossary([]) == {}
    assert surface_methods([]) == []


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

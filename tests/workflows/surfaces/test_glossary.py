"""What the names of slabs and surfaces stand for."""

from __future__ import annotations

from natriface.structures.crystals.phases import load_phase
from natriface.structures.surfaces.slabs import build_slab
from natriface.structures.surfaces.terminations import find_terminations
from natriface.workflows.surfaces.glossary import SURFACE, doped_words, surface_glossary
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
    assert list(told) == [SURFACE, "(100)-1", "(100)-3"]
    ours, theirs = told["(100)-1"].split("; ")  # one name, another cut of each crystal
    assert ours == "Na15Sn4 0.71 Å, Na2 Sn2 on one side and Na2 on the other"
    period = load_phase("NaF").atoms.cell.lengths()[0]
    assert theirs == f"NaF {period / 2:.2f} Å, F Na on both sides"
    assert told["(100)-3"] == "Na15Sn4 0.36 Å, Na2 on one side and Na5 on the other"


def test_of_a_surface_of_which_nothing_is_known_nothing_is_said() -> None:
    plain = SlabLabels(name="a", phase="a", grade="", source="", label="(001)-1")
    none = SlabLabels(name="a", phase="a", grade="", source="")
    assert glossary(plain, none) == {}


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

"""What the names of slabs and of their surfaces stand for, in words for people."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from natriface.structures.crystals.doping import DopingWords

NUMERALS = {"1": "one", "2": "two", "3": "three"}
SURFACE = "(hkl)-n"
SURFACE_WORDS = "surface cut along (hkl) in the n-th widest gap between layers (of each: Methods)"
CUTS = (
    "Surfaces, each with the width of the gap it is cut in, between the centres of units, the "
    "units of a surface cell on its two sides, and, where units reach out of their layers, the "
    "outermost atoms: "
)
_NAME = re.compile(r"\(.+?\)-\d+")


def surface_glossary(cuts: Collection[str]) -> dict[str, str]:
    """What the name of a surface means, where there are some of which the cut is known."""
    return {SURFACE: SURFACE_WORDS} if cuts else {}


def surface_methods(cuts: Sequence[str]) -> list[str]:
    """A paragraph on how all surfaces are cut, where that is known."""
    return [f"{CUTS}{'; '.join(cuts)}."] if cuts else []


def surface_cuts(surfaces: Iterable[tuple[str | None, str | None, str | None]]) -> list[str]:
    """How each surface of each crystal is cut: ``NaF (100)-1: 2.35 Å, F Na on both sides``.

    Parameters
    ----------
    surfaces
        Name, phase, and how that is cut (`natriface.workflows.surfaces.labels.SlabLabels`).
    """
    found: dict[tuple[str, str], dict[str, None]] = {}
    for surface, phase, cut in surfaces:
        name = _NAME.match(surface or "")
        if name is not None and phase and cut:
            found.setdefault((phase, name[0]), {})[cut] = None
    return [
        f"{phase} {name}: {cut}" for (phase, name), cuts in sorted(found.items()) for cut in cuts
    ]


def doped_words(phase: str, doping: str, units: Iterable[str]) -> str:
    """``F-doped NZSP-C2c-ordered: one O of a PO4 replaced by F in each surface cell, ...``."""
    said = DopingWords.of(doping)
    read = re.fullmatch(r"(?P<n>\d+) (?P<dopant>\w+) on (?P<host>\w+)", said.dopant)
    if read is None:
        return f"{phase}, {said.dopant} in each surface cell, {said.balance}"
    host, centre = read["host"], re.search(r"\(x\d+; (\w+) ", doping)
    whole = [u for u in units if centre and re.fullmatch(f"{centre[1]}{host}\\d*", u)]
    place = f" of a {whole[0]}" if whole else f" next to {centre[1]}" if centre else ""
    return (
        f"{read['dopant']}-doped {phase}: {NUMERALS.get(read['n'], read['n'])} {host}{place} "
        f"replaced by {read['dopant']} in each surface cell, {said.balance}"
    )

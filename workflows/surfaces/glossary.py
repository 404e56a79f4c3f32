"""What the names of slabs and of their surfaces stand for, in words for people."""

from __future__ import annotations

import re
from collections.abc import Iterable

from natriface.structures.crystals.doping import DopingWords

NUMERALS = {"1": "one", "2": "two", "3": "three"}
SURFACE = "(hkl)-n"
SURFACE_WORDS = (
    "surface cut along (hkl) in the n-th widest gap between layers; by its name stand the crystal, "
    "the width of the gap between the centres of units, the units of a surface cell on its two "
    "sides, and, where units reach out of their layers, the outermost atoms"
)
_NAME = re.compile(r"\(.+?\)-\d+")


def surface_glossary(
    surfaces: Iterable[tuple[str | None, str | None, str | None]],
) -> dict[str, str]:
    """Each surface by its name, ``(100)-2``: one name is another cut of each crystal.

    Parameters
    ----------
    surfaces
        Name, phase, and how that is cut (`natriface.workflows.surfaces.labels.SlabLabels`).
    """
    found: dict[str, dict[str, None]] = {}
    for surface, phase, cut in surfaces:
        name = _NAME.match(surface or "")
        if name is not None and phase and cut:
            found.setdefault(name[0], {})[f"{phase} {cut}"] = None
    told = {name: "; ".join(words) for name, words in sorted(found.items())}
    return {SURFACE: SURFACE_WORDS, **told} if told else {}


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

"""The ionic steps of a vasprun.xml found and cut into the pieces their numbers stand in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from natriface.analysis.readers.text.compression import Text
from natriface.analysis.readers.vasprun.structure import (
    Crystal,
    Place,
    find_crystal,
    find_varray,
)

_UNNAMED = re.compile(rb"<structure\s*>")
_PREFIX = 1 << 17  # bytes of a step read at first; its results stand before its large arrays


@dataclass(frozen=True)
class Span:
    """Where an ionic step stands in the file, and whether its closing tag is there."""

    start: int
    stop: int
    closed: bool


class Frame(NamedTuple):
    """The raw pieces of one ionic step; None or empty where absent.

    Attributes
    ----------
    scf
        The electronic steps.
    crystal, positions, forces, stress
        Rows of numbers.
    energy
        The content of the element that closes the step's results.
    """

    scf: bytes = b""
    crystal: Crystal = Crystal()
    positions: bytes | None = None
    forces: bytes | None = None
    stress: bytes | None = None
    energy: bytes = b""


def find_steps(text: Text, start: int) -> tuple[list[Span], int]:
    """Spans of the ionic steps of the last run in the file, and where that run begins.

    Several runs may have been written one after another into a file; between the steps of one run
    nothing but white space stands.
    """
    opened, closed = [], []
    befores = {}
    for at, before in text.find_all_after(b"calculation>", start, 82, rare=b"u"):
        if before.endswith(b"</"):
            closed.append(at)
        elif before.endswith(b"<"):
            opened.append(at + len(b"calculation>"))
            befores[opened[-1]] = before[:-1].rstrip()
    edges = [*opened[1:], text.size] if opened else []
    spans: list[Span] = []
    run = start
    j = 0
    for begin, following in zip(opened, edges, strict=True):
        if spans and not befores[begin].endswith(b"</calculation>"):
            other = text.rfind(b"<modeling>", spans[-1].start, begin)
            if other >= 0:
                spans, run = [], other
        while j < len(closed) and closed[j] < begin:
            j += 1
        whole = j < len(closed) and closed[j] < following
        spans.append(Span(begin, closed[j] - 2 if whole else following, whole))
    return spans, run


class FrameReader:
    """Cuts ionic steps into pieces.

    VASP prints all steps of a run alike: the pieces found in one step are looked for at the same
    places of the next, where the text between them must be the same, and searched only if it is
    not.
    """

    def __init__(self, text: Text, n_atoms: int) -> None:
        self._text, self._n_atoms = text, n_atoms
        self._pieces: dict[str, Place] = {}
        self._between: list[tuple[int, bytes]] = []
        self._length = 0

    def frames(self, span: Span, several: bool) -> Iterator[Frame]:
        """The frame of an ionic step, none if it has no results; or `several` (force fields)."""
        size = span.stop - span.start if several else _PREFIX
        while True:
            data = self._text.read(span.start, min(span.stop, span.start + size))
            found = self._frame(data, 0)
            if found or len(data) < size or b"<eigenvalues>" in data:
                break
            size *= 4
        while found:
            frame, at = found
            yield frame
            found = self._frame(data, at) if several else None

    def _frame(self, data: bytes, at: int) -> tuple[Frame, int] | None:
        """The next frame from `at` on, and where it ends."""
        structure = _structure(data, at)
        if structure < 0:
            return None
        if not self._is_alike(data, structure) and not self._search(data, structure):
            return None
        end = structure + self._length
        scf = data[at:structure]
        torn = scf.count(b"<scstep>") != scf.count(b"</scstep>")
        if torn or not self._pieces:
            return Frame(), end  # pieces of two steps: damaged between them
        found = {
            name: data[structure + begin : structure + stop]
            for name, (begin, stop) in self._pieces.items()
        }
        piece = found.get
        frame = Frame(
            scf,
            Crystal(piece("basis"), piece("rec_basis"), piece("volume", b"")),
            piece("positions"),
            piece("forces"),
            piece("stress"),
            piece("energy", b""),
        )
        return frame, end

    def _is_alike(self, data: bytes, structure: int) -> bool:
        for at, text in self._between:
            if not data.startswith(text, structure + at):
                return False
        return bool(self._between)

    def _search(self, data: bytes, structure: int) -> bool:
        """Find the pieces of the frame whose structure begins there; False if it is not whole."""
        after = data.find(b"</structure>", structure)
        energy = data.find(b"<energy>", after) if after >= 0 else -1
        end = data.find(b"</energy>", energy) if energy >= 0 else -1
        if end < 0:
            return False
        self._length = end + len(b"</energy>") - structure
        self._pieces, self._between = {}, []
        if b"<structure" in data[after:energy]:
            return True
        places = find_crystal(data, structure, after) | {"energy": (energy, end)}
        for name, start, stop, n_rows in (
            ("positions", structure, after, self._n_atoms),
            ("forces", after, energy, self._n_atoms),
            ("stress", after, energy, 3),
        ):
            place = find_varray(data, name.encode(), start, stop, n_rows)
            if place is not None:
                places[name] = place
        self._pieces = {n: (a - structure, b - structure) for n, (a, b) in places.items()}
        at = structure
        for begin, stop in sorted(places.values()):
            self._between.append((at - structure, data[at:begin]))
            at = stop
        self._between.append((at - structure, data[at : end + len(b"</energy>")]))
        return True


def _structure(data: bytes, at: int) -> int:
    """Position of the next unnamed ``<structure>``."""
    found = data.find(b"<structure>", at)
    if found < 0 and (match := _UNNAMED.search(data, at)):
        return match.start()
    return found

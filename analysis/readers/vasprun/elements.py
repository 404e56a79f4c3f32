"""Where the large elements of a vasprun.xml's last ionic step stand."""

from __future__ import annotations

import re
from dataclasses import dataclass

from natriface.analysis.readers.text.compression import Text
from natriface.analysis.readers.vasprun.frames import Span
from natriface.analysis.readers.vasprun.header import Header

OPTIONAL = "_kpoints_opt"
"""Ending of the names of elements that hold the bands of KPOINTS_OPT."""
_COMMENT = b'comment="kpoints_opt"'
_OPENING = re.compile(rb"<([A-Za-z_0-9]+)([^<>]*)>")


@dataclass(frozen=True)
class Sizes:
    """How many there are of what the arrays run over, as the settings say.

    Attributes
    ----------
    n_spins, n_components
        Sets of eigenvalues (1 or 2); and of densities: 4 if non-collinear, else as many.
    is_corrected
        Whether Bloechl's corrections may take occupations far out of [0, 1].
    """

    n_atoms: int
    n_spins: int
    n_components: int
    n_kpoints: int
    n_bands: int
    n_energies: int
    is_corrected: bool = False

    @classmethod
    def of(cls, header: Header) -> Sizes:
        """The sizes of a run."""
        spinors = bool(header.setting("LNONCOLLINEAR") or header.setting("LSORBIT"))
        n_spins = 1 if spinors else int(header.setting("ISPIN", 1))
        return cls(
            n_atoms=len(header.symbols),
            n_spins=n_spins,
            n_components=4 if spinors else n_spins,
            n_kpoints=0 if header.kpoints is None else len(header.kpoints),
            n_bands=int(header.setting("NBANDS", 0)),
            n_energies=int(header.setting("NEDOS", 301)),
            is_corrected=header.setting("ISMEAR") == -5,
        )


def find_elements(text: Text, span: Span, sizes: Sizes) -> dict[str, int]:
    """Where the large elements of an ionic step begin, by name.

    Those of KPOINTS_OPT have names of their own, ending in ``_kpoints_opt``.
    """
    found: dict[str, int] = {}
    if not span.closed:
        return found
    at = _after_results(text, span, sizes)
    while at < span.stop:
        data = text.read(at, at + 200)
        match = _OPENING.search(data)
        if match is None or at + match.start() >= span.stop:
            break
        name = match.group(1)
        begin = at + match.start()
        key = name.decode("latin-1")
        if _COMMENT in match.group(2) and not key.endswith(OPTIONAL):
            key += OPTIONAL
        found[key] = begin  # molecular dynamics prints an averaged DOS before its last one
        if key == "projected":  # the last
            break
        end = end_of(text, name, begin, span.stop, sizes)
        at = end + len(name) + 3 if end >= 0 else begin + len(match.group(0))
    return found


def end_of(text: Text, name: bytes, begin: int, stop: int, sizes: Sizes) -> int:
    """Position of the closing tag; the rows of a large array are jumped over, not searched."""
    closing = b"</" + name + b">"
    at, sets = begin, 0
    if name == b"eigenvalues":
        sets = sizes.n_spins * sizes.n_kpoints
        at = _jump(text, begin, sets * sizes.n_bands)
    elif name == b"dos":
        n = sizes.n_energies
        at = _jump(text, begin, n * sizes.n_spins)
        total = text.find(b"</total>", at, stop)
        if total >= 0 and b"<partial>" in text.read(total, total + 400):
            sets = sizes.n_atoms * sizes.n_spins
            at = _jump(text, total, n * sets)
    near = text.find(closing, at, min(stop, at + 16384 + 160 * sets)) if at > begin else -1
    return near if near >= 0 else text.find(closing, begin, stop)


def _jump(text: Text, at: int, n_rows: int) -> int:
    """A position that the end of the next `n_rows` rows cannot precede."""
    head = text.read(at, at + 8192)
    row = head.find(b"<r>")
    length = head.find(b"</r>", row) + 5 - head.rfind(b"\n", 0, row) - 1
    return at + row + (n_rows - 1) * length if row >= 0 and length > 0 else at


def _after_results(text: Text, span: Span, sizes: Sizes) -> int:
    """Just after the ionic step's energy, before its large arrays."""
    at = max(text.find(b"<structure>", span.start, span.stop), span.start)
    end = text.find(b"</energy>", at, min(span.stop, at + (1 << 16) + 500 * sizes.n_atoms))
    return end + len(b"</energy>") if end >= 0 else at

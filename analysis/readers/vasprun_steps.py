"""The ionic steps of a vasprun.xml: energies, structures, forces, stress, electronic steps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from natriface.analysis.readers.blocks import BlockError, Floats, decode_blocks, number
from natriface.analysis.readers.compression import Text
from natriface.analysis.readers.redundancy import check_energies, damaged_forces, is_smeared
from natriface.analysis.readers.vasprun_header import lattices, varray

_ENERGY = re.compile(rb'<i name="(e_fr_energy|e_wo_entrp|e_0_energy)">([^<]*)</i>')
_TRIO = re.compile(
    rb'<i name="e_fr_energy">([^<]*)</i>\s*<i name="e_wo_entrp">([^<]*)</i>\s*'
    rb'<i name="e_0_energy">([^<]*)</i>'
)
_FREE = re.compile(rb'<i name="e_fr_energy">([^<]*)</i>')
_UNNAMED = re.compile(rb"<structure\s*>")
_PREFIX = 1 << 17  # bytes of a step read at first; its results stand before its large arrays
_ROUNDING = 1e-8  # of energies in eV and forces in eV/A


@dataclass(frozen=True)
class Span:
    """Where an ionic step stands in the file, and whether its closing tag is there."""

    start: int
    stop: int
    closed: bool


@dataclass
class Steps:
    """All ionic steps; NaN where a number is absent, overflowed or damaged.

    Attributes
    ----------
    free_energies_ev, energies_ev
        (n,) total energies with the smearing's -TS, and extrapolated to zero smearing.
    energies_without_entropy_ev
        (n,) total energies without -TS.
    cells, positions
        (n, 3, 3) in A and (n, n_atoms, 3) fractional.
    forces
        (n, n_atoms, 3) in eV/A.
    stresses_kb
        (n, 3, 3) as VASP prints it, in kB.
    electronic_counts, electronic_changes_ev
        (n,) number of electronic steps, -1 where the step has none of its own; and the last
        change of the free energy between two of them.
    unfinished
        Electronic steps of a last ionic step that was cut off; None where none was.
    """

    free_energies_ev: Floats
    energies_ev: Floats
    energies_without_entropy_ev: Floats
    cells: Floats
    positions: Floats
    forces: Floats
    stresses_kb: Floats
    electronic_counts: NDArray[np.int64]
    electronic_changes_ev: Floats
    unfinished: int | None = None
    problems: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.free_energies_ev)


@dataclass
class _Frame:
    """The raw pieces of one ionic step."""

    scf: bytes
    structure: bytes
    forces: bytes | None
    stress: bytes | None
    energy: bytes


def find_steps(text: Text, start: int) -> tuple[list[Span], int]:
    """Spans of the ionic steps of the last run in the file, and where that run begins.

    Several runs may have been written one after another into a file; between the steps of one run
    nothing but white space stands.
    """
    opened, closed = [], []
    befores = {}
    for at, before in text.find_all_after(b"calculation>", start, 82):
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


def read_steps(text: Text, spans: list[Span], n_atoms: int, several_frames: bool) -> Steps:
    """Read the ionic steps; `several_frames` where one span may hold many (machine-learned MD)."""
    frames: list[_Frame] = []
    unfinished: int | None = None
    if several_frames:  # the force field's own steps follow a step's closing tag
        edges = [*(span.start for span in spans[1:]), text.size]
        spans = [Span(s.start, e, s.closed) for s, e in zip(spans, edges, strict=True)]
    for i, span in enumerate(spans):
        found = list(_frames(text, span, n_atoms, several_frames))
        frames += found
        if not found and i == len(spans) - 1 and not span.closed:
            unfinished = text.read(span.start, span.stop).count(b"</scstep>")
        elif not found:
            frames.append(_Frame(_scf_only(text, span), b"", None, None, b""))
    return _assemble(frames, n_atoms, unfinished, several_frames)


def read_loose_frames(text: Text, start: int, n_atoms: int) -> Steps:
    """Frames of a run that a force field drives alone: they stand outside any ionic step."""
    span = Span(start, text.size, True)
    return _assemble(list(_frames(text, span, n_atoms, True)), n_atoms, None, True)


def _scf_only(text: Text, span: Span) -> bytes:
    data = text.read(span.start, min(span.stop, span.start + (4 << 20)))
    return data[: data.rfind(b"</scstep>") + 9] if b"</scstep>" in data else b""


def _frames(text: Text, span: Span, n_atoms: int, several: bool) -> Iterator[_Frame]:
    size = span.stop - span.start if several else _PREFIX
    while True:
        data = text.read(span.start, min(span.stop, span.start + size))
        bounds = _bounds(data, 0)
        if bounds or len(data) < size or b"<eigenvalues>" in data:
            break
        size *= 4
    at = 0
    while bounds:
        yield _frame(data, at, bounds, n_atoms)
        at = bounds[3]
        bounds = _bounds(data, at) if several else None


def _structure(data: bytes, at: int) -> int:
    """Position of the next unnamed ``<structure>``."""
    found = data.find(b"<structure>", at)
    if found < 0 and (match := _UNNAMED.search(data, at)):
        return match.start()
    return found


def _bounds(data: bytes, at: int) -> tuple[int, int, int, int] | None:
    """Where a step's structure begins and ends, and the energy that closes its results."""
    structure = _structure(data, at)
    after = data.find(b"</structure>", structure) if structure >= 0 else -1
    energy = data.find(b"<energy>", after) if after >= 0 else -1
    end = data.find(b"</energy>", energy) if energy >= 0 else -1
    return (structure, after, energy, end + len(b"</energy>")) if end >= 0 else None


def _frame(data: bytes, at: int, bounds: tuple[int, int, int, int], n_atoms: int) -> _Frame:
    structure, after, energy, end = bounds
    scf, rest = data[at:structure], data[after:energy]
    if b"<structure" in rest or scf.count(b"<scstep>") != scf.count(b"</scstep>"):
        return _Frame(b"", b"", None, None, b"")  # pieces of two steps: damaged between them
    return _Frame(
        scf,
        data[structure:after],
        varray(rest, b"forces", 0, n_atoms),
        varray(rest, b"stress", 0, 3),
        data[energy:end],
    )


def _assemble(frames: list[_Frame], n_atoms: int, unfinished: int | None, several: bool) -> Steps:
    n = len(frames)
    problems: list[str] = []
    energies = np.full((n, 3), np.nan)
    counts = np.full(n, -1)
    changes = np.full(n, np.nan)
    for i, frame in enumerate(frames):
        try:
            energies[i] = _energies(frame)
        except BlockError as error:
            problems.append(f"ionic step {i + 1}: {error}")
        counts[i], changes[i] = _electronic(frame.scf)
    cells, crooked = lattices([f.structure for f in frames])
    problems += [f"ionic step {i + 1}: its lattice is absent or damaged" for i in crooked]
    arrays = {}
    for name, blocks, rows in (
        ("positions", [varray(f.structure, b"positions", 0, n_atoms) for f in frames], n_atoms),
        ("forces", [f.forces for f in frames], n_atoms),
        ("stress", [f.stress for f in frames], 3),
    ):
        values, bad = decode_blocks(blocks, b"v", rows, 3)
        arrays[name] = values
        absent = all(blocks[i] is None for i in bad) and len(bad) == n
        overflowed = ~np.isfinite(values).all(axis=(1, 2))
        if overflowed.any() and not absent:
            steps = ", ".join(str(i + 1) for i in np.flatnonzero(overflowed)[:5])
            problems.append(f"{name} of ionic step {steps} cut off, overflowed or damaged")
    wrong = damaged_forces(arrays["forces"], _ROUNDING)
    if wrong.any() and not several:
        arrays["forces"][wrong] = np.nan
        problems.append("the forces do not add up to zero by one digit: damaged")
    stresses = arrays["stress"]
    if n:
        skew = np.abs(stresses - stresses.transpose(0, 2, 1)).max(axis=(1, 2))
        skewed = skew > 1e-3 * (1 + np.abs(stresses).max(axis=(1, 2)))
        stresses[skewed] = np.nan
        if skewed.any():
            problems.append("a stress tensor is not symmetric: damaged")
    return Steps(
        energies[:, 0],
        energies[:, 1],
        energies[:, 2],
        cells,
        arrays["positions"],
        arrays["forces"],
        stresses,
        counts,
        changes,
        unfinished,
        problems,
    )


def _trio(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Free energy, energy without entropy and E0 as printed; empty where absent."""
    match = _TRIO.search(data)
    if match is not None:
        return match.group(1).strip(), match.group(2).strip(), match.group(3).strip()
    found = {match.group(1): match.group(2).strip() for match in _ENERGY.finditer(data)}
    names = (b"e_fr_energy", b"e_wo_entrp", b"e_0_energy")
    free, flat, zero = (found.get(name, b"") for name in names)
    return free, flat, zero


def _energies(frame: _Frame) -> tuple[float, float, float]:
    """Free energy, energy extrapolated to zero smearing, energy without entropy, in eV.

    VASP 5 prints wrong outer values: "e_wo_entrp" holds the extrapolated energy and "e_0_energy"
    holds -TS or 0. The last electronic step has the three right; the outer free energy may add
    what is not self-consistent (dispersion). Extrapolated: outer free + (inner E0 - inner free).
    The same differences are printed twice, which shows damaged digits.
    """
    texts = _trio(frame.energy)
    free_text = texts[0]
    free, flat, zero = map(number, texts)
    if free != free:
        if b"*" in free_text:
            raise BlockError("its energy overflowed")
        raise BlockError("its energy is absent or damaged" if frame.energy else "no energy")
    # response calculations append steps without energies
    last = frame.scf.rfind(b"<scstep>", 0, max(frame.scf.rfind(b'name="e_0_energy"'), 0))
    inner = _TRIO.search(frame.scf, last) if last >= 0 else None
    if inner is None:
        # no electronic step of its own: a force field, VASP >= 6, prints the outer values right
        if not is_smeared((free, flat, zero), _ROUNDING):
            raise BlockError("its energies contradict each other")
        return free, zero, flat
    inner_free, inner_flat, inner_zero = map(number, inner.groups())
    check_energies(
        (free, flat, zero),
        (inner_free, inner_flat, inner_zero),
        (free_text, inner.group(1).strip()),
        _ROUNDING,
    )
    # rounded as printed, so that differences of decimal numbers leave no noise
    return (
        free,
        round(free + inner_zero - inner_free, 8),
        round(free + inner_flat - inner_free, 8),
    )


def _electronic(scf: bytes) -> tuple[int, float]:
    """Number of electronic steps, and the last change of the free energy between two of them."""
    count = min(scf.count(b"<scstep>"), scf.count(b'"e_0_energy"') or len(scf))
    free = [number(value) for value in _FREE.findall(scf[_last(scf, 2) :])]
    return (count or -1), (free[-1] - free[-2] if len(free) > 1 else float("nan"))


def _last(data: bytes, n: int) -> int:
    at = len(data)
    for _ in range(n):
        at = max(data.rfind(b"<scstep>", 0, at), 0)
    return at

"""The ionic steps of a vasprun.xml: energies, structures, forces, stress, electronic steps."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from natriface.analysis.readers.text.compression import Text
from natriface.analysis.readers.vasprun.frames import Frame, FrameReader, Span
from natriface.analysis.readers.vasprun.redundancy import (
    Trio,
    check_energies,
    damaged_forces,
    is_smeared,
)
from natriface.analysis.readers.vasprun.rows import BlockError, decode_blocks, number, numbers
from natriface.analysis.readers.vasprun.structure import lattices
from natriface.structures.base.arrays import FloatArray

_ENERGY = re.compile(rb'<i name="(e_fr_energy|e_wo_entrp|e_0_energy)">([^<]*)</i>')
_TRIO = re.compile(
    rb'<i name="e_fr_energy">([^<]*)</i>\s*<i name="e_wo_entrp">([^<]*)</i>\s*'
    rb'<i name="e_0_energy">([^<]*)</i>'
)
_FREE = re.compile(rb'<i name="e_fr_energy">([^<]*)</i>')
_SKEW = 0.01  # VASP's own stress may be asymmetric by half a percent
_ROUNDING = 1e-8  # of energies in eV and forces in eV/A


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
    stress_rounding_kb
        To which stresses are printed, where coarser than VASP's five decimals.
    """

    free_energies_ev: FloatArray
    energies_ev: FloatArray
    energies_without_entropy_ev: FloatArray
    cells: FloatArray
    positions: FloatArray
    forces: FloatArray
    stresses_kb: FloatArray
    electronic_counts: NDArray[np.int64]
    electronic_changes_ev: FloatArray
    unfinished: int | None = None
    problems: list[str] = field(default_factory=list)
    stress_rounding_kb: float = 0.0

    def __len__(self) -> int:
        return len(self.free_energies_ev)


def read_steps(
    text: Text, spans: list[Span], n_atoms: int, several_frames: bool, drifting: bool = False
) -> Steps:
    """Read the ionic steps; `several_frames` where one span may hold many (machine-learned MD).

    The sum of the forces proves nothing where they are `drifting`: VASP alone removes it.
    """
    frames: list[Frame] = []
    unfinished: int | None = None
    if several_frames:  # the force field's own steps follow a step's closing tag
        edges = [*(span.start for span in spans[1:]), text.size]
        spans = [Span(s.start, e, s.closed) for s, e in zip(spans, edges, strict=True)]
    reader = FrameReader(text, n_atoms)
    for i, span in enumerate(spans):
        found = list(reader.frames(span, several_frames))
        frames += found
        if not found and i == len(spans) - 1 and not span.closed:
            unfinished = text.read(span.start, span.stop).count(b"</scstep>")
        elif not found:
            frames.append(Frame(_scf_only(text, span)))
    return _assemble(frames, n_atoms, unfinished, several_frames or drifting)


def read_loose_frames(text: Text, start: int, n_atoms: int) -> Steps:
    """Frames of a run that a force field drives alone: they stand outside any ionic step."""
    span = Span(start, text.size, True)
    return _assemble(list(FrameReader(text, n_atoms).frames(span, True)), n_atoms, None, True)


def _scf_only(text: Text, span: Span) -> bytes:
    data = text.read(span.start, min(span.stop, span.start + (4 << 20)))
    return data[: data.rfind(b"</scstep>") + 9] if b"</scstep>" in data else b""


def _assemble(frames: list[Frame], n_atoms: int, unfinished: int | None, drifting: bool) -> Steps:
    n = len(frames)
    energies, problems = _energies(frames)
    electronic = [_electronic(frame.scf) for frame in frames]
    counts = np.array([count for count, _ in electronic], dtype=int)
    changes = np.array([change for _, change in electronic], dtype=float)
    cells, crooked = lattices([frame.crystal for frame in frames])
    problems += [f"ionic step {i + 1}: its lattice is absent or damaged" for i in crooked]
    arrays = {}
    for name, blocks, rows in (
        ("positions", [f.positions for f in frames], n_atoms),
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
    if wrong.any() and not drifting:
        arrays["forces"][wrong] = np.nan
        problems.append("the forces do not add up to zero by one digit: damaged")
    stresses = arrays["stress"]
    if n:
        skew = np.abs(stresses - stresses.transpose(0, 2, 1)).max(axis=(1, 2))
        skewed = skew > _SKEW * (1 + np.abs(stresses).max(axis=(1, 2)))
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


_Printed = tuple[bytes, bytes, bytes]


def _trio(data: bytes) -> _Printed:
    """Free energy, energy without entropy and E0 as printed; empty where absent."""
    match = _TRIO.search(data)
    if match is not None:
        return match.group(1), match.group(2), match.group(3)
    found = {match.group(1): match.group(2) for match in _ENERGY.finditer(data)}
    names = (b"e_fr_energy", b"e_wo_entrp", b"e_0_energy")
    free, flat, zero = (found.get(name, b"") for name in names)
    return free, flat, zero


def _inner_trio(scf: bytes) -> _Printed | None:
    """The same of the last electronic step; None where the step has none of its own."""
    # response calculations append steps without energies
    last = scf.rfind(b"<scstep>", 0, max(scf.rfind(b'name="e_0_energy"'), 0))
    match = _TRIO.search(scf, last) if last >= 0 else None
    return (match.group(1), match.group(2), match.group(3)) if match is not None else None


def _energies(frames: list[Frame]) -> tuple[FloatArray, list[str]]:
    """(n, 3) energies as `_judged` gives them, and what is wrong with some of them."""
    energies = np.full((len(frames), 3), np.nan)
    problems: list[str] = []
    outer = [_trio(frame.energy) for frame in frames]
    inner = [_inner_trio(frame.scf) for frame in frames]
    texts = [text for trio in (*outer, *filter(None, inner)) for text in trio]
    values = [(a, b, c) for a, b, c in numbers(texts).reshape(-1, 3).tolist()]
    inside = iter(values[len(frames) :])
    for i, (printed, last) in enumerate(zip(outer, inner, strict=True)):
        try:
            if last is None:
                energies[i] = _judged(values[i], None, (printed[0], b""))
            else:
                energies[i] = _judged(
                    values[i], next(inside), (printed[0].strip(), last[0].strip())
                )
        except BlockError as error:
            reason = error if frames[i].energy else "no energy"
            problems.append(f"ionic step {i + 1}: {reason}")
    return energies, problems


def _judged(outer: Trio, inner: Trio | None, texts: tuple[bytes, bytes]) -> Trio:
    """Free energy, energy extrapolated to zero smearing, energy without entropy, in eV.

    VASP 5 prints wrong outer values: "e_wo_entrp" holds the extrapolated energy and "e_0_energy"
    holds -TS or 0. The last electronic step has the three right; the outer free energy may add
    what is not self-consistent (dispersion). Extrapolated: outer free + (inner E0 - inner free).
    The same differences are printed twice, which shows damaged digits.
    """
    free, flat, zero = outer
    if free != free:
        overflowed = b"*" in texts[0]
        raise BlockError(f"its energy {'overflowed' if overflowed else 'is absent or damaged'}")
    if inner is None:
        # no electronic step of its own: a force field, VASP >= 6, prints the outer values right
        if not is_smeared(outer, _ROUNDING):
            raise BlockError("its energies contradict each other")
        return free, zero, flat
    check_energies(outer, inner, texts, _ROUNDING)
    # rounded as printed, so that differences of decimal numbers leave no noise
    return free, round(free + inner[2] - inner[0], 8), round(free + inner[1] - inner[0], 8)


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

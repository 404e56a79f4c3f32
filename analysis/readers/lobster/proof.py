"""Proofs of LOBSTER's curves by themselves: energies, running integrals, the average over bonds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from natriface.analysis.readers.lobster.header import Header
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import ReaderError

SAME_ENERGY_EV = 2e-5
"""Energies are printed to five decimals."""

_SAMPLE = 16
_CHECKED = 1 << 15
"""Numbers compared at a time, so that they stay in the processor's cache."""


def check_energies(path: Path, header: Header, energies: FloatArray) -> None:
    """Refuse energies that do not ascend evenly over the range that the header gives."""
    steps = np.diff(energies)
    if len(steps) and not (steps > 0).all():
        raise ReaderError(f"{path}: its energies do not ascend: rows are damaged or interchanged")
    ends = np.array([energies[0], energies[-1]])
    if not np.abs(ends - header.range_ev).max() <= header.range_slack_ev:
        raise ReaderError(
            f"{path}: its energies run from {ends[0]:.3f} to {ends[1]:.3f} eV where its header "
            f"promises {header.range_ev[0]:.3f} to {header.range_ev[1]:.3f} eV"
        )
    off = np.abs(energies - np.linspace(float(ends[0]), float(ends[1]), len(energies)))
    if header.by_lobster and not off.max() <= SAME_ENERGY_EV:
        raise ReaderError(
            f"{path}: its energies are not evenly spaced, near {energies[off.argmax()]:.5f} eV: "
            "the row is damaged or a row is missing"
        )


def check_average(
    path: Path, table: FloatArray, n_spins: int, groups: Sequence[list[int]], digit: float
) -> None:
    """Refuse bonds whose mean is not the average printed at some energies, where it is at most.

    Parameters
    ----------
    table
        (n_energies, 1 + 2 * n_spins * (1 + n)), energies, then the average and n interactions,
        each a value and its integral.
    groups
        Interactions that the average may be over: the bonds, or their pairs of orbitals too.
    digit
        The last one printed.
    """
    n = table.shape[1] // (2 * n_spins)
    numbers = table[:, 1:].reshape(len(table), n_spins, n, 2)
    for members in groups:
        few = _off_average(numbers[:: 1 + len(table) // _SAMPLE], members)
        if len(groups) > 1 and (few > 1.1 * digit).mean() > 0.5:
            continue
        wrong = _off_average(numbers, members) > 1.1 * digit
        right = ~wrong & (np.abs(numbers[:, :, 0]) > 8 * digit)
        if wrong.any() and right.sum() > 2 * wrong.sum():
            row = int(wrong.any(axis=(1, 2)).argmax())
            raise ReaderError(
                f"{path}: damaged near {table[row, 0]:.3f} eV: the average is not that of the "
                "bonds there, as it is elsewhere"
            )
        return


def _off_average(numbers: FloatArray, members: list[int]) -> FloatArray:
    among = numbers[:, :, 1:]
    if len(members) < among.shape[2]:
        among = among[:, :, members]
    # over values and integrals apart: numpy is ten times as fast without an inner axis of two
    means = np.stack([among[..., k].mean(axis=2) for k in range(2)], axis=-1)
    off: FloatArray = np.abs(means - numbers[:, :, 0])
    return off


def check_integrals(path: Path, energies: FloatArray, table: FloatArray, digit: float) -> None:
    """Refuse numbers that are not each other's running integral where most are.

    Parameters
    ----------
    table
        (n_energies, 1 + 2 * n), energies, then a value and its integral in turn.
    digit
        The last one printed.
    """
    if len(energies) < 2 or table.shape[1] < 3:
        return
    step = float(energies[-1] - energies[0]) / (len(energies) - 1)
    slack = digit * (1.2 + 0.6 * step)
    relative = 2 * digit / (len(energies) - 1)  # of the step, known to two digits over all energies
    rows = max(1, _CHECKED // table.shape[1])
    first, n_wrong = 0, 0
    for start in range(0, len(table) - 1, rows):
        off = np.diff(table[start : start + 1 + rows, 2::2], axis=0)
        grown = table[start + 1 : start + 1 + rows, 1::2] * step
        off -= grown
        allowed = slack + relative * max(grown.max(), -grown.min()) / step
        if off.max() > allowed or off.min() < -allowed:
            wrong = np.abs(off) > allowed
            first = first or start + 1 + int(wrong.any(1).argmax())
            n_wrong += int(wrong.sum())
    if not n_wrong:
        return
    n_grown = int((np.abs(table[1:, 1::2]) * step > 8 * slack).sum())
    if n_grown > 2 * n_wrong:
        raise ReaderError(
            f"{path}: damaged near {energies[first]:.3f} eV: a bond's integral does not grow by "
            "its curve there, as it does elsewhere"
        )

"""The numbers of ionic and electronic steps that an OUTCAR counts in its titles."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from natriface.analysis.readers.text.compression import Text

_TITLE = re.compile(rb" Iteration\s*(\d+)\(\s*(\d+)\)")


class Iterations:
    """The titles ``Iteration i(j)`` from a place in the file on.

    Parameters
    ----------
    text, start
        The file, and where its run begins.
    """

    def __init__(self, text: Text, start: int) -> None:
        self._places = text.find_all(b" Iteration ", start)
        titles = [_TITLE.match(text.read(at, at + 40)) for at in self._places]
        self._numbers = [(int(m.group(1)), int(m.group(2))) if m else None for m in titles]

    def __len__(self) -> int:
        return len(self._places)

    def between(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Ionic and electronic number of each title in ``[start, stop)`` that can be read."""
        first, last = bisect_left(self._places, start), bisect_left(self._places, stop)
        return [pair for pair in self._numbers[first:last] if pair is not None]

    def ionic(self, start: int, stop: int) -> int | None:
        """The ionic number that most titles in ``[start, stop)`` have; None without titles."""
        counted = Counter(ionic for ionic, _ in self.between(start, stop))
        return counted.most_common(1)[0][0] if counted else None


def missing_steps(numbers: Sequence[int | None], n_planned: int) -> tuple[list[int], list[str]]:
    """How many ionic steps are missing before each of those found, and what is wrong in words.

    Parameters
    ----------
    numbers
        The number that each ionic step's titles have.
    n_planned
        As many steps may there be at most.
    """
    missing, problems = [0] * len(numbers), []
    expected = 1
    for i, found in enumerate(numbers):
        if found is None:  # made by a force field, which counts nothing
            return [0] * len(numbers), []
        if expected < found <= max(n_planned, len(numbers)):
            missing[i] = found - expected
            problems.append(
                f"ionic step {', '.join(str(n) for n in range(expected, found)[:5])}: missing, a "
                "piece of the file is lost or damaged"
            )
            expected = found
        elif found != expected:
            problems.append(
                f"ionic step {expected}: its titles say that it is step {found}: a piece of the "
                "file is repeated or damaged"
            )
        expected += 1
    return missing, problems


def is_gapless(titles: Sequence[tuple[int, int]]) -> bool:
    """Whether the electronic steps of an ionic step are numbered one after another."""
    numbers = [electronic for _, electronic in titles]
    return all(after == before + 1 for before, after in pairwise(numbers))

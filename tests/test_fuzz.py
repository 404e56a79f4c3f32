"""Every kind of file that is fuzzed: sound inputs are read, damaged ones neither crash nor hang."""

from __future__ import annotations

import pytest

from benchmarks.fuzz import FAULTS, Reading, Seed, Target, fuzz, targets
from natriface.structures.base.errors import ReaderError

TARGETS = targets()


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_damaged_files_neither_crash_nor_hang(target: Target) -> None:
    account = fuzz(target, mutants=40)
    assert account.mutants == 40
    assert not account.outcomes["traceback"] + account.outcomes["hang"], account.faults


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_damaged_files_at_length(target: Target) -> None:
    account = fuzz(target, seconds=4, seed=1)
    assert not account.outcomes["traceback"] + account.outcomes["hang"], account.faults


def reader_that(breaks: type[Exception] | None = None, says: bool = False) -> Target:
    """A reader of one number that misbehaves as told where the number is not 1."""

    def read(folder) -> Reading:  # type: ignore[no-untyped-def]
        text = (folder / "n").read_bytes()
        if text != b"1" and breaks:
            raise breaks("no number")
        return Reading({"n": text.decode("latin-1")}, ["damaged"] if says and text != b"1" else [])

    return Target("n", lambda: [Seed("one", {"n": b"1"})], read)


@pytest.mark.parametrize(
    ("target", "outcome"),
    [
        (reader_that(ReaderError), "refused"),
        (reader_that(ValueError), "traceback"),
        (reader_that(says=True), "said"),
        (reader_that(), "silent"),
    ],
)
def test_each_outcome_is_counted_as_what_it_is(target: Target, outcome: str) -> None:
    account = fuzz(target, mutants=60)
    assert account.outcomes[outcome] > 30
    assert set(account.outcomes) <= {outcome, "same"}
    assert len(account.faults) == (account.outcomes[outcome] if outcome in FAULTS else 0)
    assert fuzz(target, mutants=60) == account

"""Damaged files: what natriface's readers make of them, beside the usual tools.

Sound inputs of every kind (`benchmarks.fuzzing`) are damaged at random and read again. A mutant is
*refused* (a sentence), *same* (the sound values, or fewer), *said* (other values with a warning),
*silent* (other values without a word), a *traceback* or a *hang*. Silent changes are listed one by
one: those that are left are of numbers that stand in a file once.

``python -m benchmarks.fuzz [NAME ...] [--seconds S | --mutants N] [--seed N] [--json]``
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import random
import signal
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import fuzzing
from benchmarks.fuzzing.mutations import MUTATIONS
from benchmarks.fuzzing.target import Read, Reading, Seed, Target
from natriface.structures.base.errors import NatrifaceError

HANG_S = 20.0
"""A reader that takes longer for one small input hangs."""

FAULTS = ("silent", "traceback", "hang")


class Hang(BaseException):
    """The reader's time is up; no `except Exception` of a reader may catch it."""


@dataclass
class Account:
    """What came of the mutants of one target, and each fault in words."""

    name: str
    mutants: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    silent_of_shared: int = 0
    peer: str = ""
    peer_outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    @property
    def ratio(self) -> float | None:
        """Wrong numbers without a word: the peer's over natriface's, each plus one.

        Of the values that both read.
        """
        if not self.peer:
            return None
        return (self.peer_outcomes["silent"] + 1) / (self.silent_of_shared + 1)

    def document(self) -> dict[str, Any]:
        """The row of the JSON output."""
        return {
            "name": self.name,
            "ratio": self.ratio,
            "mutants": self.mutants,
            "outcomes": dict(self.outcomes),
            "silent_of_shared_values": self.silent_of_shared,
            "peer": self.peer,
            "peer_outcomes": dict(self.peer_outcomes),
            "faults": self.faults,
        }


def targets(names: Sequence[str] = ()) -> list[Target]:
    """All targets of `benchmarks.fuzzing`, or those whose module or name is among `names`."""
    found = []
    for info in pkgutil.iter_modules(fuzzing.__path__):
        module = importlib.import_module(f"{fuzzing.__name__}.{info.name}")
        for target in getattr(module, "TARGETS", ()):
            if not names or {info.name, target.name} & set(names):
                found.append(target)
    return found


def fuzz(
    target: Target, mutants: int | None = None, seconds: float | None = None, seed: int = 0
) -> Account:
    """Damage the sound inputs of a target `mutants` times, or for `seconds`.

    Mutant *n* depends on `seed` and *n* alone.
    """
    account = Account(target.name, peer=target.peer_name if target.peer else "")
    seeds = list(target.seeds())
    with tempfile.TemporaryDirectory() as folder:
        sound = [_sound(target, s, Path(folder) / f"sound{i}") for i, s in enumerate(seeds)]
        until = time.monotonic() + seconds if seconds is not None else float("inf")
        while account.mutants < (mutants or float("inf")) and time.monotonic() < until:
            rng = random.Random(f"{seed} {account.mutants}")
            which = rng.randrange(len(seeds))
            name, kind, data = _mutant(seeds[which], rng)
            place = Path(folder) / "mutant"
            _write(place, {**seeds[which].files, name: data})
            label = f"{seeds[which].name}: {name}, {kind}, mutant {account.mutants}"
            ours, theirs = sound[which]
            outcome, faults = _judge(target.read, place, ours, target.tolerance)
            account.outcomes[outcome] += 1
            if outcome in FAULTS:
                words = "; ".join(list(faults.values())[:3])
                account.faults.append(f"{outcome}: {label}: {words}")
            if target.peer and theirs is not None:
                account.silent_of_shared += outcome == "silent" and bool(
                    faults.keys() & theirs.values.keys()
                )
                other, _ = _judge(target.peer, place, theirs, target.tolerance, peer=True)
                account.peer_outcomes[other] += 1
            account.mutants += 1
            _empty(place)
    return account


def _mutant(seed: Seed, rng: random.Random) -> tuple[str, str, bytes]:
    name = rng.choice(seed.targets)
    kind = rng.choice(list(MUTATIONS))
    return name, kind, MUTATIONS[kind](seed.files[name], rng)


def _sound(target: Target, seed: Seed, place: Path) -> tuple[Reading, Reading | None]:
    """What natriface and the peer make of the sound input; the first must read it."""
    _write(place, seed.files)
    theirs = None
    if target.peer:
        with _quiet():
            try:
                theirs = target.peer(place)
            except Exception:  # noqa: BLE001 - a peer that cannot read a sound input has no row
                theirs = None
    with _quiet():
        return target.read(place), theirs


def _judge(
    read: Read, place: Path, sound: Reading, tolerance: float, peer: bool = False
) -> tuple[str, dict[str, str]]:
    """The outcome, and of a fault what is wrong: of silent changes by the value's name."""
    signal.signal(signal.SIGALRM, _time_is_up)
    signal.setitimer(signal.ITIMER_REAL, HANG_S)
    try:
        with _quiet() as caught:
            reading = read(place)
    except Hang:
        return "hang", {"": f"more than {HANG_S:g} s"}
    except NatrifaceError:
        return "refused", {}
    except Exception as error:  # noqa: BLE001 - what is counted
        if peer:
            return "refused", {}
        last = traceback.extract_tb(error.__traceback__)[-1]
        return "traceback", {"": f"{error!r} at {Path(last.filename).name}:{last.lineno}"}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    changed = _changes(sound, reading, tolerance)
    if not changed:
        return "same", {}
    said = set(reading.said) - set(sound.said) or caught
    return ("said" if said else "silent"), changed


def _changes(sound: Reading, reading: Reading, tolerance: float) -> dict[str, str]:
    return {
        name: f"{name} {_shown(sound.values.get(name))} -> {_shown(value)}"
        for name, value in reading.values.items()
        if value is not None and not _equal(sound.values.get(name), value, tolerance)
    }


def _equal(mine: Any, theirs: Any, tolerance: float) -> bool:
    if mine is None or theirs is None:
        return mine is theirs
    if isinstance(mine, str) or isinstance(theirs, str):
        return bool(mine == theirs)
    if isinstance(mine, dict) and isinstance(theirs, dict):
        return mine.keys() == theirs.keys() and all(
            _equal(mine[x], theirs[x], tolerance) for x in mine
        )
    a, b = np.asarray(mine), np.asarray(theirs)
    if a.shape != b.shape:
        return False
    if a.dtype.kind in "OUSb" or b.dtype.kind in "OUSb":
        return bool((a == b).all())
    return bool(np.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True))


def _shown(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) < 60 else f"{text[:57]}..."


def _write(folder: Path, files: Any) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _empty(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


@contextmanager
def _quiet() -> Iterator[list[warnings.WarningMessage]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", ResourceWarning)  # says nothing of the damage
        yield caught


def _time_is_up(*_: object) -> None:
    raise Hang


def show(accounts: Sequence[Account]) -> None:
    """Print the table, and the faults one a line."""
    from rich.console import Console
    from rich.table import Table

    kinds = ("refused", "same", "said", *FAULTS)
    table = Table("input", "mutants", *kinds, "peer: silent", "ratio")
    for account in accounts:
        peer = f"{account.peer_outcomes['silent']} ({account.peer})" if account.peer else ""
        ratio = "" if account.ratio is None else f"{account.ratio:.3g}"
        counts = (str(account.outcomes[kind]) for kind in kinds)
        table.add_row(account.name, str(account.mutants), *counts, peer, ratio)
    console = Console(width=140)
    console.print(table)
    for account in accounts:
        for fault in account.faults:
            console.print(f"{account.name}: {fault}", markup=False, highlight=False)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="modules of benchmarks.fuzzing, or targets")
    parser.add_argument("--seconds", type=float, help="time for each target")
    parser.add_argument("--mutants", type=int, help="mutants of each target (default 300)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one JSON object, no table")
    asked = parser.parse_args()
    mutants = asked.mutants if asked.mutants or asked.seconds else 300
    accounts = [fuzz(target, mutants, asked.seconds, asked.seed) for target in targets(asked.names)]
    if asked.json:
        print(json.dumps({"rows": [account.document() for account in accounts]}))
    else:
        show(accounts)


if __name__ == "__main__":
    main()

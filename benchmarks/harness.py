"""Side-by-side measurement of natriface and a peer: CPU time, best of several, and peak memory."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import re
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Comparison:
    """One measured task; ratios are peer / natriface, so more than 1 is in natriface's favour."""

    name: str
    natriface_cpu_s: float
    peer_cpu_s: float
    peer: str = "pymatgen"
    natriface_peak_mib: float | None = None
    peer_peak_mib: float | None = None
    remark: str = ""

    @property
    def ratio(self) -> float:
        """Peer CPU time over natriface CPU time."""
        return self.peer_cpu_s / self.natriface_cpu_s

    @property
    def memory_ratio(self) -> float | None:
        """Peer peak memory over natriface peak memory, where both were measured."""
        if self.natriface_peak_mib is None or self.peer_peak_mib is None:
            return None
        return self.peer_peak_mib / self.natriface_peak_mib

    def document(self) -> dict[str, Any]:
        """The row of the JSON output."""
        return asdict(self) | {"ratio": self.ratio, "memory_ratio": self.memory_ratio}


def cpu_seconds(task: Callable[[], object], repeat: int = 3) -> float:
    """CPU time (user + system, all threads) of one call in s, the best of `repeat` calls.

    A call faster than 20 ms is repeated in a batch, so that the clock's grain does not show.
    """
    best, calls = float("inf"), 1
    for _ in range(repeat):
        while True:
            start = time.process_time()
            for _ in range(calls):
                task()
            spent = time.process_time() - start
            if spent >= 0.02 or calls >= 10_000:
                break
            calls *= 4
        best = min(best, spent / calls)
    return best


def peak_mib(task: Callable[[], object]) -> float:
    """Peak resident memory in MiB of a fresh process that imports what it needs and calls `task`.

    `task` must be picklable (a module-level function or a `functools.partial` of one). The process
    is spawned, not forked: nothing of the parent counts.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_report_peak, args=(task, sender))
    process.start()
    sender.close()
    try:
        peak: float = receiver.recv()
    except EOFError:
        process.join()
        raise RuntimeError(
            f"the measured process ended with exit code {process.exitcode}"
        ) from None
    process.join()
    return peak


def compare(
    name: str,
    ours: Callable[[], object],
    peer: Callable[[], object],
    *,
    repeat: int = 3,
    peer_repeat: int | None = None,
    peer_name: str = "pymatgen",
    memory: bool = False,
    remark: str = "",
) -> Comparison:
    """Measure the same task done by natriface and by a peer.

    The caller checks first that both give equal results. `memory` additionally runs each in its
    own process (see `peak_mib` for what that asks of the callables).
    """
    row = Comparison(
        name=name,
        natriface_cpu_s=cpu_seconds(ours, repeat),
        peer_cpu_s=cpu_seconds(peer, repeat if peer_repeat is None else peer_repeat),
        peer=peer_name,
        remark=remark,
    )
    if memory:
        row = replace(row, natriface_peak_mib=peak_mib(ours), peer_peak_mib=peak_mib(peer))
    return row


def wants_json(description: str | None = None) -> bool:
    """Whether the command line asks for `--json`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="print one JSON object, no table")
    return bool(parser.parse_args().json)


def main(rows: Sequence[Comparison], json: bool = False, **facts: Any) -> None:
    """Print the rows as a table, or as one JSON object together with `facts`."""
    if json:
        print(_json(rows, facts))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("task", "natriface", "peer", "ratio", "peak memory", "remark")
    for row in rows:
        table.add_row(
            row.name,
            _duration(row.natriface_cpu_s),
            f"{_duration(row.peer_cpu_s)} ({row.peer})",
            f"{row.ratio:.3g}",
            ""
            if row.memory_ratio is None
            else f"{row.natriface_peak_mib:.0f} / {row.peer_peak_mib:.0f} MiB",
            row.remark,
        )
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(table)
    for key, value in facts.items():
        console.print(f"{key}: {value}")


def _json(rows: Sequence[Comparison], facts: dict[str, Any]) -> str:
    return json.dumps({"rows": [row.document() for row in rows], **facts}, default=str)


def _duration(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1e3:.3g} ms"


def _report_peak(task: Callable[[], object], sender: Any) -> None:
    task()
    sender.send(_own_peak_mib())
    sender.close()


def _own_peak_mib() -> float:
    """Peak resident memory of this process in MiB."""
    status = Path("/proc/self/status")
    if status.is_file():
        # not ru_maxrss: on Linux a spawned process starts with its parent's
        found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text())
        if found:
            return int(found.group(1)) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**2 if sys.platform == "darwin" else 1024)  # bytes on macOS, else KiB

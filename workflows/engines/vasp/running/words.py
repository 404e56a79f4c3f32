"""What VASP said: the text in its frames, its errors in running text, and those of its launcher."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from natriface.workflows.engines.vasp.running.handlers import ERRORS, OUTPUT

_LONGEST = 400
_SHARE = 1 << 18
"""Bytes read from the beginning and from the end of a file."""

_DISK = re.compile(r"No space left on device|quota exceeded", re.I)
_MEMORY = re.compile(
    r"oom[-_ ]?kill|out[- ]of[- ]memory|cannot allocate memory|insufficient virtual memory"
    r"|exceed\w* .{0,24}memory|bad_alloc",
    re.I,
)
_FATAL = re.compile(
    r"VERY BAD NEWS|internal error|fatal error|very serious problem|\bfails for\b|TOO FEW BANDS"
    r"|\bnot sufficient\b|\bM_divide\b|^\s*LAPACK: Routine|^\s*error\b|\bERROR\b|VASP aborting",
    re.I,
)
_OUTCAR_FATAL = re.compile(r"VERY BAD NEWS|internal error|^ *ERROR\b", re.I)
_CRASH = re.compile(
    r"forrtl: (?:severe|error)|segmentation (?:fault|violation)|bus error|illegal instruction"
    r"|floating[- ]point exception|double free|core dumped|At line \d+ of file|terminate called",
    re.I,
)
_KILLED = re.compile(r"\bkilled\b|CANCELLED AT|DUE TO TIME LIMIT", re.I)
_HARMLESS = re.compile(r"WARNING|warning:|floating-point exceptions are signalling|^\s*ADVICE")
_LAUNCHER = re.compile(
    r"MPI_ABORT|Open ?MPI|errorcode|\b(?:mpirun|mpiexec|prterun|prted|orted|PMI\w*)\b"
    r"|exit(?:ed)? (?:code|string|with)|BAD TERMINATION|CLEANING UP|CLEANUP MESSAGES|RUNNING AT"
    r"|^\W*(?:srun|slurmstepd|hydra|Application \d|aprun)|job (?:step )?aborted|non-zero exit"
    r"|Process name|Primary job|may or may not see output|application called"
    r"|This typically refers|FAQ page|^\s*\[[^\]]*:\d+\]|Backtrace|^\s*#\d+ |Unknown {5}"
    r"|Image\s+PC\s+Routine|Stack trace|floating-point exceptions are signalling"
    r"|^\s*(?:ERROR )?STOP\b|^\s*0x[0-9a-f]+$",
    re.I,
)
_IGNORED = re.compile(r"^[^|\n]*\bINCAR tag (\w+)\b.*\bignor", re.I | re.M)
_STEP = re.compile(r"\s*(?:[A-Z]{2,4}: +\d+ +[-+.\d]|\d+ F=|\d+ T= )")
_RULE = re.compile(r"\s*[-=*_+~#]{3,}\s*")
_LETTERS = re.compile(r"([A-Z#!])\1*")
_REFUSAL = re.compile(r"REFUSE TO CONTINUE", re.I)
_ORNAMENT = re.compile(r"REFUSE TO CONTINUE|I HOPE YOU KNOW|HEAR YOUR MASTER'?S VOICE", re.I)

Kind = Literal["error", "warning", "advice", "note"]


@dataclass(frozen=True)
class Box:
    """A message that VASP has framed.

    Attributes
    ----------
    kind
        By its banner in large letters; ``note`` where it has none.
    text
        What stands in the frame, in one line.
    """

    kind: Kind
    text: str


def boxes(text: str) -> list[Box]:
    """The framed messages of an output, in their order; the last may be cut off."""
    found: list[Box] = []
    rows: list[str] = []
    for line in [*text.splitlines(), ""]:
        stripped = line.strip()
        if stripped.startswith("|"):
            rows.append(stripped.strip("|").strip())
        elif rows:
            found.append(_box(rows))
            rows = []
    return [box for box in found if box.text]


def warnings(folder: Path, most: int = 5) -> list[str]:
    """What VASP has warned of in the frames of its output, each text once."""
    text = _read(folder / OUTPUT)
    said = dict.fromkeys(_short(box.text) for box in boxes(text) if box.kind == "warning")
    return list(said)[:most]


def ignored_tags(folder: Path) -> list[str]:
    """INCAR tags that a program in VASP's place has said it takes no notice of, in its order."""
    return list(dict.fromkeys(_IGNORED.findall(_read(folder / OUTPUT))))


def last_words(folder: Path) -> str:
    """Why VASP has ended, in its own words or its launcher's; empty where nothing was said.

    A full disk and a lack of memory come before VASP's own errors, these before a crash, and what
    the launcher says of a process that has ended comes last. Of VASP's errors the last one counts,
    a framed one first; OUTCAR is asked where the output holds none.
    """
    errors, output = _read(folder / ERRORS), _read(folder / OUTPUT)
    both = f"{errors}\n{output}"
    for sought in (_DISK, _MEMORY):
        line = next((line for line in both.splitlines() if sought.search(line)), None)
        if line is not None:
            return _short(line)
    said = _error(both, _FATAL) or _outcar_error(folder)
    if said:
        return _short(said)
    for sought in (_CRASH, _KILLED):
        line = next((line for line in both.splitlines() if sought.search(line)), None)
        if line is not None:
            return _short(line)
    return _short(_end_of(errors) or _end_of(output) or _first_line(both))


def _box(rows: Sequence[str]) -> Box:
    banner = [row for row in rows if _is_banner(row)]
    words = [row for row in rows if not _is_banner(row)]
    letters = {letter for row in banner for letter in row}
    text = " ".join(row for row in words if row and not _ORNAMENT.search(row))
    kind: Kind = "note"
    if any(_REFUSAL.search(row) for row in words) or {"B", "U"} <= letters:
        kind = "error"
    elif "W" in letters:
        kind = "warning"
    elif {"E", "R", "O"} <= letters:
        kind = "error"
    elif {"D", "V"} <= letters or any(row.startswith("ADVICE") for row in words):
        kind = "advice"
    elif not banner and _FATAL.search(text) and not _HARMLESS.search(text):
        kind = "error"
    return Box(kind, " ".join(text.split()))


def _is_banner(row: str) -> bool:
    """Whether a row is one of the large letters, each drawn by itself: ``EEEEE  RRRRRR``."""
    words = row.split()
    return bool(words) and all(_LETTERS.fullmatch(word) for word in words)


def _error(text: str, fatal: re.Pattern[str]) -> str:
    """The last framed error, or the last in running text with the lines that belong to it.

    In running text VASP also complains of what does not stop it: then further steps follow.
    """
    framed = [box.text for box in boxes(text) if box.kind == "error"]
    if framed:
        return framed[-1]
    lines = [
        line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("|")
    ]
    first = max((i for i, line in enumerate(lines) if _STEP.match(line)), default=0)
    places = [i for i in range(first, len(lines)) if _is_fatal(lines[i], fatal)]
    if not places:
        return ""
    at = places[-1]
    if at - 1 in places and lines[at - 1].rstrip().endswith(":"):
        at -= 1
    return " ".join([lines[at].strip(), *_belonging(lines, at)])


def _is_fatal(line: str, fatal: re.Pattern[str]) -> bool:
    return bool(
        fatal.search(line)
        and not _HARMLESS.search(line)
        and not _LAUNCHER.search(line)
        and not _CRASH.search(line)
    )


def _belonging(lines: Sequence[str], at: int) -> Iterator[str]:
    """The lines that go on with the message that begins at a line: three at most."""
    for before, line in zip(lines[at : at + 3], lines[at + 1 : at + 4], strict=False):
        goes_on = before.rstrip().endswith((":", ",")) or line.startswith("   ")
        if not goes_on or line == lines[at] or _LAUNCHER.search(line) or _RULE.fullmatch(line):
            return
        yield line.strip()


def _outcar_error(folder: Path) -> str:
    places = (folder, *(folder / f"{number:02d}" for number in range(1, 10)))
    return next((said for p in places if (said := _error(_read(p / "OUTCAR"), _OUTCAR_FATAL))), "")


def _end_of(text: str) -> str:
    """The last line that is neither the launcher's nor a rule; a frame's whole text."""
    for line in reversed(text.splitlines()):
        if line.lstrip().startswith("|"):
            framed = boxes(text)
            return framed[-1].text if framed else ""
        if line.strip() and not _RULE.fullmatch(line) and not _LAUNCHER.search(line):
            return line
    return ""


def _first_line(text: str) -> str:
    told = (line for line in text.splitlines() if line.strip() and not _RULE.fullmatch(line))
    return next(told, "")


def _short(text: str) -> str:
    printable = "".join(c if c.isprintable() else " " for c in text)
    return textwrap.shorten(re.sub(r"[-=*_]{5,}|\|", " ", printable), _LONGEST, placeholder=" ...")


def _read(path: Path) -> str:
    """The beginning and the end of a file as text; empty where there is none."""
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            data = file.read(_SHARE)
            if size > 2 * _SHARE:
                file.seek(size - _SHARE)
                data += b"\n"
            data += file.read()
    except OSError:
        return ""
    return data.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")

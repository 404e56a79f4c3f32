"""What natriface says to VASP and hears from it: INCARs, protocols, VASP's words, a run's notes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.fuzzing.target import Reading, Seed, Target
from natriface.analysis.readers.vasp.incar import is_true, read_incar
from natriface.workflows.engines.vasp.incar.settings import parse_settings
from natriface.workflows.engines.vasp.inputs import load_inputs
from natriface.workflows.engines.vasp.running.custodian import corrections
from natriface.workflows.engines.vasp.running.run import attempt_notes, how_it_ended
from natriface.workflows.engines.vasp.running.words import boxes, last_words, warnings
from natriface.workflows.protocols import load_protocol

INCAR = b"""SYSTEM = slab   # a comment
ENCUT = 480.0 ; EDIFF = 1E-06 ! two on a line
MAGMOM = 2*0.5 \\
  3*0.0
WANNIER90_WIN = "
begin projections
end projections
"
LDAU = .TRUE.
LDAUU = 0.0 3.1
LCLIMB = .TRUE. ; IMAGES = 3
"""

PROTOCOL = b"""name: fuzzed
description: a protocol of one's own
parent: li2025
engines:
  vasp:
    all:
      ENCUT: {value: 520, source: "tests"}
      EDIFF: {value: 1.0e-6, source: "tests"}
      LDAU: {value: true, source: "tests"}
      LDAUL: {value: {V: 2}, source: "tests"}
      LDAUU: {value: {V: 3.1, Ti: 2.5}, source: "tests"}
      METAGGA: {value: R2SCAN, source: "tests"}
      kpoint_spacing_per_angstrom: {value: 0.3, source: "tests"}
      potcars: {value: {Na: Na_pv}, source: "tests"}
    relax:
      MAGMOM: {value: [1.0, -1.0], source: "tests"}
      LATTICE_CONSTRAINTS: {value: [true, true, false], source: "tests"}
"""

_RULE = " " + "-" * 77
WORDS = "\n".join(
    [
        " running on    4 total cores",
        _RULE,
        *(
            f"|     {row:<72}|"
            for row in ("", "W    W    AA    RRRRR   N    N", "The cell is long.", "")
        ),
        _RULE,
        "DAV:   1     0.104E+04    0.104E+04   -0.404E+03   100   0.1E+03",
        _RULE,
        *(
            f"|     {row:<72}|"
            for row in (
                *("", "EEEEEEE  RRRRRR   RRRRRR   OOOOOOO  RRRRRR", ""),
                *("The POTCAR file holds fewer entries", "than there are kinds of ions.", ""),
                *("  ---->  I REFUSE TO CONTINUE WITH THIS SICK JOB ... BYE!!! <----", ""),
            )
        ),
        _RULE,
        "MPI_ABORT was invoked on rank 0 in communicator MPI_COMM_WORLD",
        "with errorcode 1.",
        "",
    ]
).encode()
ERRORS = b"""forrtl: severe (174): SIGSEGV, segmentation fault occurred
Image              PC                Routine            Line        Source
vasp_std           0000000001A2B3C4  Unknown               Unknown  Unknown
"""

NOTES = {
    "vasp_inputs.json": {
        **{"order": [1, 0], "tags": {"ENCUT": 480, "EDIFFG": -0.02}, "mesh": [4, 4, 1]},
        **{"potcars": {"F": {"label": "F"}}, "basis": {}},
        **{"notes": [], "band_notes": [], "warnings": ["odd"]},
    },
    "vasp_end.json": {"status": "failed", "reason": "VASP ended with exit code 1"},
    "attempts.json": ["attempt-1 did not finish; gone on from its CONTCAR"],
    "custodian.json": [
        {
            "corrections": [
                {
                    "errors": ["zbrent"],
                    "actions": [{"dict": "INCAR", "action": {"_set": {"IBRION": 1}}}],
                }
            ]
        }
    ],
}


def _incars() -> Sequence[Seed]:
    return [Seed("INCAR", {"INCAR": INCAR}), Seed("CRLF", {"INCAR": INCAR.replace(b"\n", b"\r\n")})]


def _read_incar(folder: Path) -> Reading:
    found = read_incar((folder / "INCAR").read_bytes())
    return _counted(found.get("IMAGES"), is_true(found.get("LCLIMB")))


def _pymatgen_incar(folder: Path) -> Reading:
    from pymatgen.io.vasp.inputs import Incar

    found = Incar.from_file(str(folder / "INCAR"))
    return _counted(found.get("IMAGES"), found.get("LCLIMB"))


def _counted(images: Any, climbs: Any) -> Reading:
    """What is asked of a band's INCAR."""
    number = re.match(r"\d{1,4}\b", str(images))
    return Reading({"IMAGES": int(number[0]) if number else None, "LCLIMB": climbs or None})


def _protocols() -> Sequence[Seed]:
    return [Seed("protocol", {"own.yaml": PROTOCOL})]


def _read_protocol(folder: Path) -> Reading:
    protocol = load_protocol("own.yaml", folder)
    parsed = parse_settings(protocol.settings("vasp", "relax"), protocol.name)
    return Reading({**parsed.tags, **parsed.keys.model_dump()})


def _words() -> Sequence[Seed]:
    return [Seed("words", {"vasp.out": WORDS, "std_err.txt": ERRORS})]


def _read_words(folder: Path) -> Reading:
    """Whether a line came, and none of the frame; which words depends on every letter."""
    said = last_words(folder)
    text = (folder / "vasp.out").read_text(errors="replace")
    inside = [box.text for box in boxes(text)] + warnings(folder)
    one_line = all(line.isprintable() for line in (said, *inside))
    return Reading({"said": bool(said), "printable": one_line, "framed": "-----" in said})


def _notes() -> Sequence[Seed]:
    return [Seed("notes", {name: json.dumps(v).encode() for name, v in NOTES.items()})]


def _read_notes(folder: Path) -> Reading:
    inputs = load_inputs(folder)
    found: dict[str, Any] = {
        "order": [int(i) for i in inputs["order"]],
        "tags": dict(inputs["tags"]),
        "ended": (how_it_ended(folder) or {}).get("status"),
        "attempts": len(attempt_notes(folder)),
        "corrections": len(corrections(folder)),
    }
    return Reading({name: value or None for name, value in found.items()}, inputs["warnings"])


TARGETS = [
    Target("INCAR", _incars, _read_incar, _pymatgen_incar, "pymatgen"),
    Target("protocol", _protocols, _read_protocol),
    Target("VASP's words", _words, _read_words),
    Target("a run's notes", _notes, _read_notes),
]

"""What VASP said last: a frame's text, not the frame; the cause, not the launcher's tail."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natriface.structures.base.errors import EngineError
from natriface.workflows.engines.vasp.engine import ENGINE
from natriface.workflows.engines.vasp.running.words import (
    boxes,
    ignored_tags,
    last_words,
    warnings,
)
from tests.workflows.engines.vasp.vasp_tools import small_step, use_standins, written

BANNERS = {
    "error": (
        "EEEEEEE  RRRRRR   RRRRRR   OOOOOOO  RRRRRR      ###     ###     ###",
        "E        R     R  R     R  O     O  R     R     ###     ###     ###",
        "EEEEE    RRRRRR   RRRRRR   O     O  RRRRRR       #       #       #",
    ),
    "warning": (
        "W    W    AA    RRRRR   N    N  II  N    N   GGGG   !!!",
        "WW  WW  A    A  R   R   N   NN  II  N   NN  G    G",
    ),
    "bug": ("BBBBB   U     U   GGGGG", "B    B  U     U  G     G", "BBBBB    UUUUU    GGGGG"),
}
REFUSAL = "  ---->  I REFUSE TO CONTINUE WITH THIS SICK JOB ... BYE!!! <----"
MPI_TAIL = """
--------------------------------------------------------------------------
MPI_ABORT was invoked on rank 0 in communicator MPI_COMM_WORLD
with errorcode 1.

NOTE: invoking MPI_ABORT causes Open MPI to kill all MPI processes.
You may or may not see output from other processes, depending on
exactly when Open MPI kills them.
--------------------------------------------------------------------------
"""
SLURM_TAIL = """srun: error: n012: tasks 0-31: Exited with exit code 1
srun: Terminating job step 4711.0
slurmstepd: error: *** STEP 4711.0 ON n012 CANCELLED AT 2026-01-02T03:04:05 ***
srun: Job step aborted: Waiting up to 32 seconds for job step to finish.
"""
INTEL_TRACE = """forrtl: severe (174): SIGSEGV, segmentation fault occurred
Image              PC                Routine            Line        Source
vasp_std           0000000001A2B3C4  Unknown               Unknown  Unknown
libc-2.31.so       00007F0011223344  Unknown               Unknown  Unknown
"""
HYDRA_TAIL = """
===================================================================================
=   BAD TERMINATION OF ONE OF YOUR APPLICATION PROCESSES
=   PID 4242 RUNNING AT n012
=   EXIT CODE: 9
=   CLEANING UP REMAINING PROCESSES
=   YOU CAN IGNORE THE BELOW CLEANUP MESSAGES
===================================================================================
YOUR APPLICATION TERMINATED WITH THE EXIT STRING: Killed (signal 9)
This typically refers to a problem with your application.
Please see the FAQ page for debugging suggestions
"""


def framed(kind: str, *rows: str, end: str = "") -> str:
    """A message as VASP frames it."""
    content = ["", *BANNERS.get(kind, ()), "", *rows, "", *([end, ""] if end else [])]
    rule = " " + "-" * 77
    return "\n".join([rule, *(f"|     {row:<72}|" for row in content), rule, ""])


def said(folder: Path, output: str = "", errors: str = "", outcar: str = "") -> str:
    (folder / "vasp.out").write_text(output)
    (folder / "std_err.txt").write_text(errors)
    if outcar:
        (folder / "OUTCAR").write_text(outcar)
    return last_words(folder)


def test_a_frames_text_is_joined_to_a_sentence(tmp_path: Path) -> None:
    box = framed("error", "The lattice and the mesh do not", "belong together.", end=REFUSAL)
    wanted = "The lattice and the mesh do not belong together."
    for tail in ("", MPI_TAIL, SLURM_TAIL, HYDRA_TAIL):
        assert said(tmp_path, " running on 4 cores\n" + box + tail) == wanted
        assert said(tmp_path, box, tail + INTEL_TRACE) == wanted
        assert said(tmp_path, " running on 4 cores\n", box + tail) == wanted
    assert said(tmp_path, (box + MPI_TAIL).replace("\n", "\r\n")) == wanted
    assert said(tmp_path, box[: box.index("together.") + 9]) == wanted
    assert said(tmp_path, " running\n", "", "a header\n" + box) == wanted


def test_the_last_error_counts_and_neither_advice_nor_warnings_do(tmp_path: Path) -> None:
    first = framed("error", "The first complaint.", end=REFUSAL)
    second = framed("bug", "internal error in: mesh.F  at line: 42", "Please report this.")
    warning = framed("warning", "The cell is very long,", "AMIN should be smaller.")
    advice = framed("", "ADVICE TO THIS USER RUNNING 'VASP/VAMP'", "Set NCORE to 4.")
    assert said(tmp_path, first + warning + advice) == "The first complaint."
    assert said(tmp_path, first + second + advice).startswith("internal error in: mesh.F at line")
    assert [box.kind for box in boxes(first + warning + advice + second)] == [
        *("error", "warning", "advice", "error")
    ]
    said(tmp_path, warning + first + warning)
    assert warnings(tmp_path) == ["The cell is very long, AMIN should be smaller."]
    assert said(tmp_path, warning + " the end\n") == "the end"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            " VERY BAD NEWS! internal error in subroutine SGRCON:\n An element is no integer   3\n"
            * 4,
            "VERY BAD NEWS! internal error in subroutine SGRCON: An element is no integer 3",
        ),
        (
            " VERY BAD NEWS! internal error in subroutine IBZKPT:\n Fatal error: no match 0\n" * 2,
            "VERY BAD NEWS! internal error in subroutine IBZKPT: Fatal error: no match 0",
        ),
        (
            "Error EDDDAV: Call to ZHEGV failed. Returncode =   7 1   8\n",
            "Error EDDDAV: Call to ZHEGV failed. Returncode = 7 1 8",
        ),
        (
            " ZBRENT: fatal error in bracketing\n     rerun with smaller EDIFF,\n     or go on\n",
            "ZBRENT: fatal error in bracketing rerun with smaller EDIFF, or go on",
        ),
        (" ERROR: the charge could not be read\n", "ERROR: the charge could not be read"),
        ("Tetrahedron method fails for NKPT<4\n", "Tetrahedron method fails for NKPT<4"),
        ("BRMIX: very serious problems\n", "BRMIX: very serious problems"),
        (" LAPACK: Routine ZPOTRF failed! 1\n", "LAPACK: Routine ZPOTRF failed! 1"),
    ],
)  # fmt: skip
def test_errors_in_running_text(tmp_path: Path, text: str, wanted: str) -> None:
    for tail in ("", MPI_TAIL, SLURM_TAIL, HYDRA_TAIL, INTEL_TRACE):
        assert said(tmp_path, "DAV:   1   0.1E+02   0.1E+02\n" + text + tail) == wanted
        assert said(tmp_path, text, tail) == wanted
    went_on = text + "DAV:   2   0.1E+02   0.1E+02  -0.3E+01   100   0.1E+01\n"
    assert said(tmp_path, went_on, INTEL_TRACE).startswith("forrtl: severe (174)")


def test_memory_crashes_and_tails(tmp_path: Path) -> None:
    scf = "DAV:   1     0.10E+04    0.10E+04   -0.4E+03   100   0.1E+03\n"
    killed = "slurmstepd: error: Detected 1 oom_kill event in StepId=4711.0.\n"
    assert said(tmp_path, scf, SLURM_TAIL + killed) == killed.strip()
    assert "Out Of Memory" in said(tmp_path, scf, "srun: error: n1: task 3: Out Of Memory\n")
    assert "virtual memory" in said(
        tmp_path, scf, "forrtl: severe (41): insufficient virtual memory\n" + SLURM_TAIL
    )
    assert said(tmp_path, scf + MPI_TAIL, INTEL_TRACE).endswith("segmentation fault occurred")
    assert said(tmp_path, scf, "Segmentation fault (core dumped)\n").startswith("Segmentation")
    assert "Killed" in said(tmp_path, scf + HYDRA_TAIL)
    assert said(tmp_path, scf + MPI_TAIL).startswith("DAV: 1")
    assert said(tmp_path, MPI_TAIL).startswith("MPI_ABORT was invoked")
    assert said(tmp_path, scf, "write: No space left on device\n" + INTEL_TRACE) == (
        "write: No space left on device"
    )
    assert last_words(tmp_path / "nowhere") == ""


@given(st.binary(max_size=400))
def test_any_output_gives_one_printable_line(content: bytes) -> None:
    text = content.decode(errors="replace")
    assert all("\n" not in box.text for box in boxes(text))


@pytest.mark.slow
def test_a_run_and_its_known_errors_tell_the_frames_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in (
        ("unknown", "This is a reason of its own."),
        ("known", "Error reading item SIGMA from file INCAR."),
    ):
        box = tmp_path / f"{name}.box"
        box.write_text(framed("error", *text.split(" from ", 1), end=REFUSAL))
        vasp = f"{sys.executable} -c 'print(open(\"{box}\").read()); raise SystemExit(1)'"
        use_standins(monkeypatch, tmp_path, vasp_command=vasp)
        folder = written(tmp_path / name, small_step())
        with pytest.raises(EngineError) as refused:
            ENGINE.run(folder)
        words = text.replace(" from ", " ")
        assert str(refused.value).endswith(f"it said last: {words}")
        assert "---" not in str(refused.value)
        result = ENGINE.read(folder)
        assert words in str(result.reason)


def test_tags_that_a_program_in_vasps_place_ignores(tmp_path: Path) -> None:
    (tmp_path / "vasp.out").write_text(
        "Note: KPOINTS detected but not used in MLP calculations.\n"
        "Warning: INCAR tag ENCUT affects only CHGCAR grid output; ignoring it.\n"
        "INCAR tag EDIFF is not supported and will be ignored\n"
        "INCAR tag EDIFF is not supported and will be ignored\n"
        " | INCAR tag NCORE is set, but KPAR is ignored |\n"
    )
    assert ignored_tags(tmp_path) == ["ENCUT", "EDIFF"]
    assert ignored_tags(tmp_path / "nowhere") == []

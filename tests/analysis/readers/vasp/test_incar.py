"""An INCAR says the same with any ends of lines, comments and ways to break a line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natriface.analysis.readers.vasp.incar import is_true, read_incar

INCAR = """SYSTEM = slab of NaF   # with a = sign; in the comment
 encut= 480.0 eV ; EDIFF =1E-06 ! IMAGES = 9
# NSW = 5
MAGMOM = 2*0.5 \\
   3*0.0 \\
   1
WANNIER90_WIN = "
begin # no comment
end
"
LCLIMB = .true.
IMAGES = 3
IMAGES = 4
PLUGINS {
  STRUCTURE = T
}
some words that are no statement
NELM=60;"""
TAGS = {
    "SYSTEM": "slab of NaF",
    "ENCUT": "480.0 eV",
    "EDIFF": "1E-06",
    "WANNIER90_WIN": "begin # no comment\nend",
    "LCLIMB": ".true.",
    "IMAGES": "3",
    "PLUGINS/STRUCTURE": "T",
    "NELM": "60",
}


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_any_ends_of_lines(ends: str) -> None:
    found = read_incar(INCAR.replace("\n", ends).encode())
    assert found.pop("MAGMOM").split() == ["2*0.5", "3*0.0", "1"]
    assert found == TAGS


def test_logical_values() -> None:
    assert all(is_true(text) for text in (".TRUE.", "T", ".t.", "true"))
    assert not any(is_true(text) for text in (".FALSE.", "F", "", None, "1"))


@given(st.binary(max_size=200))
def test_any_bytes_are_read(content: bytes) -> None:
    assert all(name == name.upper() for name in read_incar(content))

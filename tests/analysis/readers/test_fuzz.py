"""Cut and corrupt files at random, real and like them: no crash, no hang, no wrong number.

The corruptions are such that no digit or sign becomes another one: of what VASP prints only once
(densities of states, projections) nobody could tell. That such a change shows where VASP prints
something twice (energies, structures, eigenvalues, forces) is tested in test_vasprun.py.
"""

from __future__ import annotations

import gzip
import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from natriface.analysis.readers.vasp.folder import read_vasp_folder
from natriface.analysis.readers.vasprun.document import Vasprun
from natriface.analysis.results.result import Result
from natriface.structures.base.errors import ReaderError

FILES = (
    "broken/aiida_exit_codes/converged/out/vasprun.xml",
    "broken/custodian_errors_a/max_force/vasprun.xml",
    "vasp/pmg_scan_relax/relaxation/vasprun.xml.gz",
    "grid/atomate_Si_locpot/vasprun.xml.gz",
    "vasp/aiida_basic/vasprun.xml",
    "broken/aiida_exit_codes/ionic-unconverged/out/OUTCAR",
    "vasp/pmg_scan_relax/scan_relaxation/OUTCAR",
)
ARRAYS = ("forces_ev_per_angstrom", "stress_ev_per_angstrom3")


@cache
def pristine(path: Path) -> tuple[bytes, Result]:
    content = path.read_bytes()
    return (gzip.decompress(content) if path.suffix == ".gz" else content), read_vasp_folder(path)


class Corruption(NamedTuple):
    """One thing done to a file that cannot be mistaken for another number."""

    name: str
    place: float
    length: int
    kind: str
    noise: bytes

    def content(self, path: Path) -> bytes:
        data, _ = pristine(path)
        at = int(self.place * (len(data) - 1))
        head, piece, tail = data[:at], data[at : at + self.length], data[at + self.length :]
        if self.kind == "cut":
            return head
        middle = {"delete": b"", "repeat": piece + piece}
        return head + middle.get(self.kind, self.noise * len(piece)) + tail


CORRUPTIONS = st.builds(
    Corruption,
    st.sampled_from(FILES),
    st.floats(0, 1),
    st.sampled_from((1, 2, 7, 40, 300, 5000)),
    st.sampled_from(("cut", "delete", "repeat", "noise", "noise")),
    st.sampled_from((b"\0", b"*", b"\xff", b"x", b"<", b">", b'"', b"\n", b" ", b".")),
)


def no_wrong_number(data: Path, corruption: Corruption) -> None:
    sound = data / corruption.name
    with tempfile.TemporaryDirectory() as folder:
        name = "OUTCAR" if "OUTCAR" in corruption.name else "vasprun.xml"
        path = Path(folder) / name
        path.write_bytes(corruption.content(sound))
        try:
            result = read_vasp_folder(path)
        except ReaderError:
            return
        compare(result, sound, path)


def compare(result: Result, source: Path, path: Path) -> None:
    _, sound = pristine(source)
    if result.status != "converged":
        assert result.energy_ev is None
        assert result.reason
        return
    assert sound.status == "converged"
    assert result.energy_ev == sound.energy_ev
    assert result.free_energy_ev == sound.free_energy_ev
    for attribute in ARRAYS:
        mine, theirs = getattr(result, attribute), getattr(sound, attribute)
        assert mine is None or np.abs(np.subtract(mine, theirs)).max() < 1e-6
    assert result.final_atoms().numbers.tolist() == sound.final_atoms().numbers.tolist()
    np.testing.assert_allclose(
        result.final_atoms().positions, sound.final_atoms().positions, atol=1e-5
    )
    if path.name == "vasprun.xml":
        large_arrays_are_right(Vasprun(path), Vasprun(source))


def large_arrays_are_right(mine: Vasprun, theirs: Vasprun) -> None:
    pairs = [(mine.eigenvalues, theirs.eigenvalues), (mine.occupations, theirs.occupations)]
    if mine.total_dos is not None and theirs.total_dos is not None:
        pairs.append((mine.total_dos.densities, theirs.total_dos.densities))
    if mine.projected_dos is not None and theirs.projected_dos is not None:
        pairs.append((mine.projected_dos.densities, theirs.projected_dos.densities))
    if mine.projections is not None and theirs.projections is not None:
        pairs.append((mine.projections.weights, theirs.projections.weights))
    for values, right in pairs:
        if values is not None:
            assert right is not None
            assert values.shape == right.shape
            assert (np.isnan(values) | (values == right)).all()


EXAMPLES = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@EXAMPLES
@given(CORRUPTIONS)
def test_no_wrong_number(data: Path, corruption: Corruption) -> None:
    no_wrong_number(data, corruption)


@pytest.mark.slow
@settings(EXAMPLES, max_examples=2000)
@given(CORRUPTIONS)
def test_no_wrong_number_at_length(data: Path, corruption: Corruption) -> None:
    no_wrong_number(data, corruption)


@EXAMPLES
@given(name=st.sampled_from(FILES), draws=st.data())
def test_a_damaged_archive_is_refused_or_cut(data: Path, name: str, draws: st.DataObject) -> None:
    content, sound = pristine(data / name)
    packed = bytearray(gzip.compress(content, mtime=0))
    at = draws.draw(st.integers(20, len(packed) - 1))
    if draws.draw(st.booleans()):
        packed = packed[:at]
    else:
        packed[at] ^= draws.draw(st.integers(1, 255))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("OUTCAR.gz" if "OUTCAR" in name else "vasprun.xml.gz")
        path.write_bytes(packed)
        try:
            result = read_vasp_folder(path)
        except ReaderError:
            return
    assert result.status in ("truncated", "converged", "unconverged")
    assert result.energies_ev == sound.energies_ev[: len(result.energies_ev)]

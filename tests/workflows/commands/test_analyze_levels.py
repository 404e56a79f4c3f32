"""`natriface analyze levels` on a user's folders."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from natriface.structures.base.errors import AnalysisError, ReaderError
from natriface.workflows.commands.analyze import app
from tests.workflows.commands.test_analyze_transport import run
from tests.written.electrons import Band, Electrons, of_nacl
from tests.written.grids import potential
from tests.written.vasp_tree import printed

HEIGHT = 24.0
SLAB = Atoms(
    "Na2Cl2", scaled_positions=[[0, 0, 8 / 24], [0.5, 0.5, 11 / 24], [0.5, 0.5, 8 / 24],
    [0, 0, 11 / 24]], cell=[4, 4, HEIGHT], pbc=True,
)  # fmt: skip
METAL = Electrons(SLAB, (Band("Na", "3s", -1.0, 2.0), Band("Cl", "3p", -3.0, 6.0)), -1.2, None,
                  14 / 3)  # fmt: skip
"""A metal with the same atoms; seven of its 24 states lie below the Fermi level."""


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def written_slab(
    place: Path, electrons: Electrons, top: float, bottom: float | None = None
) -> Path:
    """A run of `SLAB`: -10 eV within 1.5 A of it, the two vacuums, a step 18 A high."""
    z = np.arange(240) / 10
    outside = np.where((z > 9.5) & (z < 18), top, top if bottom is None else bottom)
    return written_run(place, electrons, np.where((z > 6.5) & (z < 12.5), -10.0, outside))


def written_run(place: Path, electrons: Electrons, values_ev: np.ndarray) -> Path:
    """A vasprun.xml, and a LOCPOT of these values along c."""
    place.mkdir()
    values = np.broadcast_to(values_ev, (2, 2, len(values_ev)))
    (place / "LOCPOT.gz").write_bytes(gzip.compress(potential(electrons.atoms, values).encode()))
    (place / "vasprun.xml").write_bytes(printed(electrons))
    return place


def test_levels_of_a_slab(tmp_path: Path) -> None:
    """Valence band at -0.5, conduction band at 4.5 eV; the vacuum 7 eV above, 8 eV below."""
    place = written_slab(tmp_path / "nacl", of_nacl(SLAB), 7.0, 8.0)
    found = json.loads(run("levels", place, "--json"))
    assert found["axis"] == "c"
    assert found["vacuum_angstrom"] == pytest.approx(21.0)
    assert found["dipole_step_ev"] == pytest.approx(-1.0)
    assert found["band_gap_ev"] == pytest.approx(5.0)
    for side, level in (("top", 7.0), ("bottom", 8.0)):
        values = found["sides"][side]
        assert values["vacuum_level"]["level_ev"] == pytest.approx(level)
        assert values["ionization_potential_ev"] == pytest.approx(level + 0.5)
        assert values["electron_affinity_ev"] == pytest.approx(level - 4.5)
        assert values["work_function_ev"] == pytest.approx(level - 2.0)
    printed_level = json.loads(run("levels", place / "LOCPOT.gz", "--fermi", "printed", "--json"))
    assert printed_level["sides"]["top"]["work_function_ev"] == pytest.approx(7.1)
    picture = tmp_path / "levels.png"
    said = run("levels", place / "vasprun.xml", "--plot", picture)
    assert "middle of the gap" in said
    assert "dipole step -1.000 eV" in said
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_electrons_of_a_metal_meet_a_barrier(tmp_path: Path) -> None:
    """By its slab and by its work function alike; a phase against itself has no offset."""
    phase = written_slab(tmp_path / "nacl", of_nacl(SLAB), 7.0)
    metal = written_slab(tmp_path / "metal", METAL, 3.0)
    by_slab = json.loads(run("levels", phase, "--against", metal, "--json"))
    assert by_slab["against"]["sides"]["top"]["work_function_ev"] == pytest.approx(4.2)
    assert by_slab["against"]["sides"]["top"]["electron_affinity_ev"] is None
    by_number = json.loads(run("levels", phase, "--metal", 4.2, "--json"))
    turned = json.loads(run("levels", metal, "--against", phase, "--json"))
    for found in (by_slab, by_number, turned):
        for junction in found["junctions"]:
            assert junction["electron_barrier_ev"] == pytest.approx(4.2 - 2.5)
            assert junction["gap_ev"] == pytest.approx(5.0)
    same = json.loads(run("levels", phase, "--against", phase, "--json"))["junctions"]
    assert len(same) == 4
    assert all(j["valence_offset_ev"] == pytest.approx(0.0) for j in same)
    said = run("levels", phase, "--metal", 4.2, "--against", phase)
    assert "Schottky limit" in said
    assert "straddling" in said
    with pytest.raises(AnalysisError, match="two metals"):
        run("levels", metal, "--against", metal)


def test_what_gives_no_levels(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match="does not exist"):
        run("levels", tmp_path / "nowhere")
    bare = written_slab(tmp_path / "bare", of_nacl(SLAB), 7.0)
    (bare / "LOCPOT.gz").unlink()
    with pytest.raises(ReaderError, match=r"no LOCPOT here \(VASP writes it with LVHAR"):
        run("levels", bare)
    lonely = written_slab(tmp_path / "lonely", of_nacl(SLAB), 7.0)
    (lonely / "vasprun.xml").unlink()
    with pytest.raises(ReaderError, match=r"no vasprun\.xml, .* here"):
        run("levels", lonely)
    with pytest.raises(AnalysisError, match="whether it is a metal is not known"):
        run("levels", lonely / "LOCPOT.gz")
    with pytest.raises(AnalysisError, match="tells no Fermi level"):
        run("levels", lonely / "LOCPOT.gz", "--fermi", "printed")
    cut = written_slab(tmp_path / "cut", of_nacl(SLAB), 7.0)
    content = (cut / "vasprun.xml").read_bytes()
    (cut / "vasprun.xml").write_bytes(content[: len(content) // 2])
    with pytest.raises(AnalysisError, match="no levels are read, the run is truncated"):
        run("levels", cut)
    moved = SLAB.copy()
    moved.positions[0, 2] += 0.3
    foreign = written_slab(tmp_path / "foreign", of_nacl(moved), 7.0)
    (foreign / "LOCPOT.gz").write_bytes((cut / "LOCPOT.gz").read_bytes())
    with pytest.raises(ReaderError, match=r"another crystal than the run beside it \(atoms lie up"):
        run("levels", foreign)


def test_a_bulk_crystal_has_none(data: Path) -> None:
    """The real one, and the one written in its place, whose run is of another crystal."""
    with pytest.raises((AnalysisError, ReaderError), match=r"too thin|another crystal"):
        run("levels", data / "grid/atomate_Si_locpot")


def test_the_command_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    app(["--help"], standalone_mode=False)
    assert "levels" in capsys.readouterr().out

"""LOBSTER after VASP: input by the POTCARs' valence, bands enough, spilling judged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ase import Atoms
from ase.build import bulk
from pymatgen.io.lobster import Icohplist, Lobsterin

from natriface.analysis.readers.lobster.log import read_log
from natriface.structures.base.errors import EngineError
from natriface.workflows.engines.vasp.engine import ENGINE
from natriface.workflows.engines.vasp.lobster import has_finished
from natriface.workflows.engines.vasp.running.restart import n_bands
from tests.workflows.engines.vasp.vasp_tools import n_starts, small_step, use_standins, written

pytestmark = pytest.mark.slow


def crystal() -> Atoms:
    return bulk("NaF", "rocksalt", a=4.62, cubic=True)


def lobster_folder(place: Path, **overrides: object) -> Path:
    return written(place, small_step("lobster", crystal(), NSW=0, **overrides))


def test_from_vasp_to_bonds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_standins(monkeypatch, tmp_path)
    folder = lobster_folder(tmp_path / "step")
    ENGINE.run(folder)
    result = ENGINE.read(folder)
    assert (result.status, result.kind) == ("converged", "lobster")
    lobsterin = Lobsterin.from_file(str(folder / "lobsterin"))
    assert set(lobsterin["basisfunctions"]) == {"Na 2p 3s", "F 2p 2s"}
    bonds = Icohplist(filename=str(folder / "ICOHPLIST.lobster")).icohplist
    nearest = [bond for bond in bonds.values() if bond["length"] < 2.4]
    assert len(nearest) == 24  # six a cation, four cations
    found = json.loads((folder / result.files["lobsterpy"]).read_text())
    assert found["charge_spilling_percent"] == [0.87]
    sites = found["analysis"]["sites"].values()
    assert [(site["ion"], site["env"]) for site in sites] == [("Na", "O:6")]
    assert any("octahedral" in words and "6 Na-F" in words for words in result.bonding)
    assert not (folder / "WAVECAR").exists()
    ENGINE.run(folder)
    assert n_starts(folder) == 1


def test_too_few_bands_are_seen_and_vasp_is_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stand-in halves NBANDS at its first start, as a rounding by cores may do."""
    use_standins(monkeypatch, tmp_path, "nbands")
    folder = lobster_folder(tmp_path / "step")
    ENGINE.run(folder)
    assert ENGINE.read(folder).status == "converged"
    assert n_starts(folder) == 2
    assert (n_bands(folder) or 0) >= 32 > (n_bands(folder / "attempt-1") or 99)


def test_always_too_few_bands_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_standins(monkeypatch, tmp_path, "nbands@always")
    folder = lobster_folder(tmp_path / "step")
    with pytest.raises(EngineError, match="fewer bands than LOBSTER has basis functions"):
        ENGINE.run(folder)
    assert n_starts(folder) == 2


def test_a_bad_projection_is_not_converged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_standins(monkeypatch, tmp_path, "spilling")
    folder = lobster_folder(tmp_path / "step")
    ENGINE.run(folder)
    result = ENGINE.read(folder)
    assert result.status == "unconverged"
    assert "7.28 % of the charge (allowed: 5 %)" in str(result.reason)
    use_standins(monkeypatch, tmp_path, "spilling")
    folder = lobster_folder(tmp_path / "lenient", max_charge_spilling_percent=10.0)
    ENGINE.run(folder)
    assert ENGINE.read(folder).status == "converged"


def test_a_crash_is_reported_and_vasp_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_standins(monkeypatch, tmp_path, "lobster_crash")
    folder = lobster_folder(tmp_path / "step")
    with pytest.raises(EngineError, match=r"LOBSTER did not finish .exit code 139.*projecting"):
        ENGINE.run(folder)
    assert ENGINE.read(folder).status == "truncated"
    monkeypatch.setenv("NATRIFACE_STANDIN_FAULT", "")
    ENGINE.run(folder)
    assert ENGINE.read(folder).status == "converged"
    assert n_starts(folder) == 1


def test_real_lobsterouts_are_judged(data: Path) -> None:
    """Finished, crashed, unfinished: as a person reads them."""
    broken = data / "broken" / "custodian_lobsterouts" / "lobsterouts"
    for name, finished in (("crash", False), ("notfinishedlobsterout", False), (".", True)):
        assert has_finished(broken / name) is finished
    large = read_log(broken / "lobsterout.largespilling").spilling
    assert large is not None
    assert large.charge_percent == (7.28, 7.28)

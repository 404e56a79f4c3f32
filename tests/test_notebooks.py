"""The notebooks of the documentation run from top to bottom, each in an empty folder."""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib.figure import Figure

NOTEBOOKS = Path(__file__).resolve().parents[1] / "docs" / "notebooks"
STANDIN = Path(__file__).resolve().parent / "standins" / "vasp"
MOST_BYTES = 60_000
J_PER_M2_IN_EV_PER_ANGSTROM2 = 1 / 16.021766
by_chgnet = [
    pytest.mark.slow,
    pytest.mark.potential,
    pytest.mark.skipif(find_spec("chgnet") is None, reason="CHGNet is not installed"),
]


def cells(path: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", path.read_text(), re.M | re.S)


def executed(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a notebook's cells leave, run in a folder that is empty."""
    monkeypatch.chdir(folder)
    assert not any(folder.iterdir())
    names: dict[str, Any] = {"__name__": "__main__"}
    with mpl.rc_context({"backend": "agg"}):
        for text in cells(NOTEBOOKS / f"{name}.md"):
            exec(compile(text, f"docs/notebooks/{name}.md", "exec"), names)
    return names


def shows_itself(figure: Figure) -> bool:
    return bytes(figure._repr_png_()).startswith(b"\x89PNG")


def own_crystals(names: dict[str, Any]) -> None:
    """The table's energy is that of the results; of the cuts only those with a dipole are polar."""
    polarity = {cut.label: cut.polarity for cut in names["cuts"]}
    assert polarity["(100)-1"] == "III"
    assert polarity["(110)-1"] == "I"
    row = names["table"].iloc[0]
    results = names["run"].results()

    def lowest(what: str) -> float:
        starts = [r for name, r in results.items() if what in name and "rigid" not in name]
        return min(float(r.converged_energy_ev()) for r in starts)

    sides = lowest("Na2S slab") + lowest("NaI slab")
    expected = (lowest("interface") - sides) / row["area (A2)"] / J_PER_M2_IN_EV_PER_ANGSTROM2
    assert row[names["energy"]] == pytest.approx(expected, abs=1e-4)
    assert names["relaxed"].energies_ev[-1] < names["relaxed"].energies_ev[0]
    assert Path("relaxed.cif").is_file()
    assert "10 finished" in names["run"]._repr_html_()


def vasp_folders(names: dict[str, Any]) -> None:
    """The reader's energies are those that the program printed, their difference is the work."""
    results = names["results"]
    for name, result in results.items():
        printed = re.findall(r"E0=\s*(\S+)", Path(name, "OSZICAR").read_text())[-1]
        assert result.energy_ev == pytest.approx(float(printed), abs=1e-5)
    parted = results["substrate"].energy_ev + results["film"].energy_ev
    work = (parted - results["interface"].energy_ev) / names["area"]
    assert names["adhesion"].value_ev_per_angstrom2 == pytest.approx(work)
    assert work > 0
    assert names["unfinished"].status == "unconverged"
    assert names["cut_off"].status == "truncated"
    assert shows_itself(names["figure"])


def lobster(names: dict[str, Any]) -> None:
    """A shorter bond is stronger; the bonds hold the whole energy of the band."""
    short, long = sorted(names["runs"]["alternating"].bonds, key=lambda b: b.length_angstrom)
    assert short.icohp_ev < long.icohp_ev < 0
    one, other = names["runs"]["equal"].bonds
    assert one.icohp_ev == pytest.approx(other.icohp_ev)
    assert short.icohp_ev < one.icohp_ev < long.icohp_ev
    for name, projection in names["chains"].items():
        band_ev = 2 * projection.energies_ev[0, :, 0].mean()
        found = 2 * sum(bond.icohp_ev for bond in names["runs"][name].bonds)
        assert found == pytest.approx(band_ev, abs=1e-4)
    assert shows_itself(names["figure"])


def migration_barrier(names: dict[str, Any]) -> None:
    """A hop between equal sites has one barrier, and is more frequent where it is hotter."""
    barrier = names["summary"].barrier
    assert barrier.forward_ev > 0.1
    assert barrier.reverse_ev == pytest.approx(barrier.forward_ev, abs=1e-3)
    assert barrier.reaction_energy_ev == pytest.approx(0, abs=1e-3)
    written = pd.read_csv(names["run"].report.parent / "barriers.csv")
    assert written["forward (eV)"][0] == pytest.approx(barrier.forward_ev)
    frequencies = [rate.rate_hz for rate in names["rates"]]
    assert frequencies == sorted(frequencies)
    mine = names["mine"].barrier
    assert mine.forward_ev == pytest.approx(mine.reverse_ev, abs=5e-3)
    assert 0.2 < mine.forward_ev < 0.6


def screening(names: dict[str, Any]) -> None:
    """What went on of a pair is its lowest as built, and relaxing lowers the interface's energy."""
    ranking = names["ranking"]
    assert set(ranking["pair"]) == {"NaF|Na2S", "NaCl|Na2S", "NaI|Na2S"}
    assert "NaBr|Na2S" in str(names["left_out"].rows)
    for _, of_pair in ranking.groupby("pair"):
        went_on = of_pair["stage 2 (J/m2)"].notna()
        assert went_on.sum() == 1
        lowest = of_pair["stage 1 (J/m2)"].min()
        assert of_pair["stage 1 (J/m2)"][went_on].item() == pytest.approx(lowest)
    assert len(names["relaxed"]) == 3
    for result in names["relaxed"].values():
        assert result.energies_ev[-1] <= result.energies_ev[0]


HOLDS = {
    "own-crystals": own_crystals,
    "vasp-folders": vasp_folders,
    "lobster": lobster,
    "migration-barrier": migration_barrier,
    "screening": screening,
}
"""What is true of each after it has run."""
MARKS = {"vasp-folders": pytest.mark.slow, "lobster": ()}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=MARKS.get(name, by_chgnet)) for name in HOLDS]
)
def test_it_runs_and_is_true(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASE_VASP_COMMAND", f"{sys.executable} {STANDIN}")
    HOLDS[name](executed(name, tmp_path, monkeypatch))


def test_all_are_tried_in_the_menu_and_small() -> None:
    files = {path.stem: path for path in NOTEBOOKS.iterdir()}
    assert files.keys() == HOLDS.keys()
    menu = (NOTEBOOKS.parents[1] / "mkdocs.yml").read_text()
    for name, path in files.items():
        assert path.suffix == ".md"
        assert f"notebooks/{name}.md" in menu
        assert path.stat().st_size < MOST_BYTES
        assert "\n  kernelspec:" in path.read_text().partition("\n---\n")[0]


def test_they_use_what_the_rooms_show() -> None:
    for path in NOTEBOOKS.iterdir():
        for text in cells(path):
            for module in re.findall(r"^from (natriface\S*) import", text, re.M):
                assert module.count(".") == 1, f"{path.name}: {module}"

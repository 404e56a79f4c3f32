"""What a notebook gives by mistake is refused in a sentence; paths may be text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from natriface.analysis import (
    BondPopulations,
    DosPanel,
    ProjectedDOS,
    Result,
    band_center,
    cohp_panels,
    energy_profile,
    hop_rate,
    interfacial_formation_energy,
    pdos_stack,
    read_band,
    save_figure,
    summarise,
)
from natriface.analysis.figures.cohp_curves import CohpCurve
from natriface.analysis.readers.text.compression import Text
from natriface.analysis.results.pdos import Channel, EnergyZero
from natriface.analysis.results.result import EngineRecord
from natriface.analysis.transport.arrhenius import arrhenius
from natriface.analysis.transport.depletion import limiting_current, sand_time
from natriface.structures import (
    Crystal,
    build_slab,
    dope,
    find_terminations,
    list_terminations,
    load_phase,
    phase_from_atoms,
    pymatgen_of,
    read_phase,
)
from natriface.structures.base.errors import NatrifaceError
from natriface.workflows import (
    Workspace,
    foreseen,
    load_protocol,
    load_study,
    plan_study,
    run_study,
    study_path,
)
from tests.analysis.figures.drawings import band

E = np.linspace(-5.0, 5.0, 11)
FERMI = EnergyZero("fermi", 0.0)
NAN = np.where(E == -2.0, np.nan, 1.0)
DOS = ProjectedDOS(E, (Channel(0, "s", "s"),), np.ones((1, 1, 11)), np.ones((1, 11)), ("Na",))
CURVE = CohpCurve("P–O", E, np.ones((1, 11)), -1.0, 1.5)
NAF3 = {"Na": 3, "F": -1}
FIVE = [300.0, 320.0, 340.0, 360.0, 380.0]
BAND = summarise(band(0.3))
STUDY = study_path("na-surfaces")


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: load_study({"name": "x"}), "not a file but a dict"),
        (lambda: run_study({"name": "x"}), "not a file but a dict"),
        (lambda: load_phase(pymatgen_of(load_phase("NaF"))), "phase_from_atoms makes"),
        (lambda: build_slab(nacl(), layers="3"), "whole number of at least 1, got '3'"),
        (lambda: build_slab(nacl(), thickness_angstrom="9"), "positive and finite, got '9'"),
        (lambda: build_slab(nacl(), layers=3, vacuum_angstrom="9"), "number and not negative"),
        (lambda: build_slab(nacl(), layers=3, symmetric="botom"), "symmetric 'botom': 'top'"),
        (lambda: dope(load_phase("NaCl"), "Na", "K", ranking="bla"), "ranking 'bla'; known: dist"),
        (lambda: find_terminations(load_phase("NaF"), 100), "give three integers, such as"),
        (lambda: find_terminations(load_phase("NaF"), "x"), "'x' is no Miller index"),
        (lambda: list_terminations(load_phase("NaF"), 1, oxidation_states=NAF3), r"F -1, Na \+1"),
        (lambda: Crystal.from_atoms(load_phase("NaF"), [2] * 4 + [-1] * 4), r"to \+1 e a formula"),
        (lambda: phase_from_atoms(load_phase("NaF"), "x", "y", grade="dft"), "did you mean 'DFT'"),
        (lambda: formation(references="rigd"), "did you mean 'rigid'"),
        (lambda: energy_profile(BAND), "not a list but a BandSummary"),
        (lambda: energy_profile([BAND], ["a", "b"]), "2 labels for 1 bands"),
        (lambda: cohp_panels(BondPopulations(())), "not a list but a BondPopulations"),
        (lambda: cohp_panels([CURVE]), r"not a CohpPanel but a CohpCurve .* CohpPanel\(title"),
        (lambda: pdos_stack([DosPanel("PO4", E, {"P-p": np.ones(4)})], "E_F"), "PO4: P-p has"),
        (lambda: pdos_stack([DosPanel("PO4", E, {}, np.ones(4))], "E_F"), "PO4: total has"),
        (lambda: band_center(E, DOS.densities, FERMI), "one density for each energy"),
        (lambda: band_center(E[:5], np.ones(11), FERMI), "one density for each energy"),
        (lambda: band_center(E, np.ones(11), 0.0), "not a EnergyZero but a float"),
        (lambda: band_center(E, {"Na": E}, FERMI), "two arrays of numbers"),
        (lambda: band_center(E, NAN, FERMI), "finite energies and densities"),
        (lambda: DOS.zero("fermi_level"), r"no zero 'fermi_level' \(did you mean 'fermi'"),
        (lambda: DOS.zero("top"), "known: core level, fermi, given, reference, vacuum, vbm"),
        (lambda: sand_time([1, 2], [1e-6] * 3, 1.0, 0.3), r"current \(2,\), diffusivity \(3,\)"),
        (lambda: limiting_current([1e-6] * 3, [1.0] * 2, 0.3, 0.1), "do not fit together"),
        (lambda: sand_time(1.0, 1e-6, 1000.0, 0.3), r"a mol/m3 is 0\.001 mol/L\), got 1000"),
        (lambda: limiting_current(1e-6, 1000.0, 0.3, 0.1), "at most 100 mol/L"),
        (lambda: sand_time(1.0, 1e-6, 1.0, 0.3, form="printed"), "did you mean 'as printed'"),
        (lambda: arrhenius(FIVE, ["a"] * 5), "conductivity must be numbers"),
        (lambda: hop_rate(np.array([0.3, 0.4]), 300), "of several, call it for each"),
        (lambda: hop_rate("0.3", 300), "one finite number"),
        (lambda: hop_rate(300, 300), "barriers are in eV"),
        (lambda: hop_rate(0.3, 300, prefactor_hz=10), "is it in THz"),
        (lambda: read_band([load_phase("NaF").atoms]), "not a list"),
    ],
)
def test_what_is_given_by_mistake_is_refused(call: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(NatrifaceError, match=sentence):
        call()


def formation(references: Any) -> Any:
    failed = Result(
        kind="static", status="failed", reason="", engine=EngineRecord(name="x", version="1")
    )
    return interfacial_formation_energy(failed, failed, failed, references=references)


def nacl() -> Any:
    return find_terminations(load_phase("NaCl"), (1, 0, 0))[0]


def test_paths_may_be_text(tmp_path: Path) -> None:
    study = load_study(str(STUDY))
    assert len(plan_study(study, str(STUDY.parent), to_run=False)) > 10
    assert foreseen(study, str(STUDY.parent)) == []
    assert load_protocol("li2025", str(tmp_path)).name == "li2025"
    workspace = Workspace.create(str(tmp_path / "run"), "na-surfaces")
    assert Workspace.open(str(tmp_path / "run")).root == workspace.root
    load_phase("NaF").atoms.write(tmp_path / "NaF.cif")
    assert read_phase(str(tmp_path / "NaF.cif")).formula == "NaF"
    assert save_figure(Figure(), str(tmp_path / "a.svg")) == tmp_path / "a.svg"
    result = Result(
        kind="static", status="failed", reason="none", engine=EngineRecord(name="x", version="1")
    )
    result.save(str(tmp_path))
    assert Result.load(str(tmp_path)).status == "failed"
    BondPopulations(()).save(str(tmp_path))
    assert BondPopulations.load(str(tmp_path)).bonds == ()


def test_celsius_is_told_of() -> None:
    """Of Na3Zr2Si2PO12 and the like few are measured below 150 K."""
    sigma = np.exp(-0.3 / (8.617e-5 * np.array([298.0, 313.0, 333.0, 353.0])))
    assert arrhenius([298, 313, 333, 353], sigma).warnings == ()
    fit = arrhenius([25, 40, 60, 80], sigma)
    assert "degrees Celsius" in fit.warnings[0]
    assert "see .warnings" in repr(fit)
    assert "degrees Celsius" in fit._repr_html_()


def test_an_inverse_temperature_is_told_of() -> None:
    temperature = np.array([298.0, 313.0, 333.0, 353.0])
    sigma = np.exp(-0.3 / (8.617e-5 * temperature))
    cold, negative = arrhenius(1000 / temperature, sigma).warnings
    assert "if they are 1000/T give T" in cold
    assert "activation energy is negative" in negative
    assert len(arrhenius(temperature[::-1], sigma).warnings) == 1


def test_a_file_that_is_no_outcar_is_said_to_be_there(tmp_path: Path) -> None:
    (tmp_path / "OUTCAR").write_text("a line that no program wrote\n")
    with Text(tmp_path / "OUTCAR") as text:
        assert "nothing in it is what VASP writes into OUTCAR" in text.why_empty("OUTCAR")

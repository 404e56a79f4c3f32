"""Every Python snippet of the documentation runs, in order, on small inputs written here."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, sort
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from natriface.analysis import EnergyMap, InterfaceEnergy, Result, judge
from natriface.analysis.results.result import EngineRecord, StepRecord
from natriface.structures.base.atoms import to_document
from natriface.structures.crystals.phases import load_phase
from natriface.workflows.engines.potential.calculators import make_calculator
from natriface.workflows.engines.potential.families import DEFAULT
from natriface.workflows.parts.interfaces.labels import InterfaceLabels
from natriface.workflows.surfaces.labels import SlabLabels
from tests.analysis.electrons.test_band_alignment import interface
from tests.standins.test_standin_vasp import prepare, run
from tests.workflows.commands.test_analyze_levels import SLAB, written_run, written_slab
from tests.written.electrons import of_nacl, write_vasprun

DOCS = Path(__file__).resolve().parents[1] / "docs"
LOWER = Atoms("NaFNaF", [(0, 0, 5), (2.3, 0, 5), (2.3, 2.3, 5), (0, 2.3, 5)], pbc=True)
UPPER = Atoms("NaFNaF", [(2.3, 0, 7.4), (0, 0, 7.4), (0, 2.3, 7.4), (2.3, 2.3, 7.4)], pbc=True)
for side in (LOWER, UPPER):
    side.set_cell([4.6, 4.6, 24.0])
NEEDS_A_RUN = {"bonding.md": "LOBSTER's outputs, or GPAW's of a real crystal"}
"""Documents whose snippets are not run as a whole: their imports are."""


def snippets(name: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", (DOCS / name).read_text(), re.M | re.S)


def pages() -> list[str]:
    """README, the pages and the guides, by their paths from `docs/`."""
    found = (*DOCS.glob("*.md"), *DOCS.glob("guides/*.md"))
    return ["../README.md", *(str(path.relative_to(DOCS)) for path in found)]


def executed(name: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    for text in snippets(name):
        exec(compile(text, f"docs/{name}", "exec"), names)
    return names


def write_study(folder: Path) -> None:
    """The finished steps of an interface: itself, and two starts of its substrate."""
    slab = {"phase": "NaF", "grade": "experiment", "source": "a paper"}
    metadata = InterfaceLabels(
        pair="NaF|NZSP",
        film=SlabLabels(name="NaF", **slab),
        substrate=SlabLabels(name="NZSP", **slab),
        n_atoms=len(LOWER + UPPER),
        n_contacts=1,
        substrate_strain=[0.0, 0.0],
        film_strain=[0.0, 0.0],
        max_strain=0.0,
        reference_steps={"substrate": "s", "film": "f"},
        second_starts={"substrate": ["t"]},
    ).document()
    for step, name, atoms, energy_ev in (
        ("i", "NaF|NZSP interface", LOWER + UPPER, -13.0),
        ("s", "NZSP slab", LOWER, -4.0),
        ("t", "NZSP slab, second start", LOWER, -5.0),
        ("f", "NaF slab", UPPER, -7.0),
    ):
        (folder / step).mkdir(parents=True)
        Result(
            kind="relax",
            status="converged",
            engine=EngineRecord(name="potential", version="1"),
            step=StepRecord(id=step, name=name, metadata=metadata if step == "i" else {}),
            energy_ev=energy_ev,
            final_structure=to_document(atoms),
        ).save(folder / step)


def write_vasp_runs(folder: Path) -> None:
    """An interface and its two slabs by the stand-in for VASP."""
    for name, atoms in (("interface", LOWER + UPPER), ("substrate", LOWER), ("film", UPPER)):
        run(prepare(folder / name, sort(atoms), mesh="1 1 1"))


def test_structures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = executed("structures.md")
    interface = names["interface"]
    assert len(interface.substrate_atoms) + len(interface.film_atoms) == len(interface.atoms)
    assert interface.max_strain <= 0.04
    assert names["doped"].dopant == "F"
    assert names["ordering"].atoms is not None


def test_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_study(tmp_path / "runs" / "li2025" / "steps")
    write_vasp_runs(tmp_path / "my_runs")
    names = executed("results.md")
    of_study: InterfaceEnergy = names["gamma"]
    assert of_study.difference_ev == pytest.approx(-13.0 + 5.0 + 7.0)
    of_folders: InterfaceEnergy = names["mine"]
    runs = tmp_path / "my_runs"
    energies = {
        name: float(re.findall(r"E0=\s*(\S+)", (runs / name / "OSZICAR").read_text())[-1])
        for name in ("interface", "substrate", "film")
    }
    assert of_folders.energies_ev == pytest.approx(energies)
    expected = energies["interface"] - energies["substrate"] - energies["film"]
    assert of_folders.value_ev_per_angstrom2 == pytest.approx(expected / 4.6**2)
    assert (tmp_path / "formation.png").stat().st_size > 5000


def test_electrons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two bulk phases of the same bands: their offset is the potential's step in the contact."""
    monkeypatch.chdir(tmp_path)
    for place in ("coating", "bulk_a", "bulk_b"):
        written_slab(tmp_path / place, of_nacl(SLAB), 7.0)
    contact = interface(0.7)
    written_run(tmp_path / "interface", of_nacl(contact.atoms), contact.values_ev)
    names = executed("electrons.md")
    assert names["barrier"].electron_ev == pytest.approx(2.75 - 2.5)
    assert names["barrier"].gap_ev == pytest.approx(5.0)
    assert names["offset"].valence_ev == pytest.approx(0.7, abs=2e-3)
    assert names["offset"].conduction_ev == pytest.approx(names["offset"].valence_ev)


@pytest.mark.parametrize(
    ("name", "proof"),
    [
        ("migration.md", lambda names: names["ends"].description.startswith("vacancy Na")),
        ("adsorption.md", lambda names: names["EnergyMap"] is EnergyMap),
        (
            "claims.md",
            lambda names: (
                f"# {judge(names['samples'], 'rising').why}\n" in snippets("claims.md")[0]
            ),
        ),
        (
            "guides/python.md",
            lambda names: (
                f"{names['slab']!r}" in snippets("guides/python.md")[0]
                and len(names["plan"].steps) > 10
            ),
        ),
        ("scorecard.md", lambda names: names["ranking"].scores.tolist() == [1.0, 0.0]),
    ],
)
def test_others(name: str, proof: Callable[[dict[str, Any]], bool]) -> None:
    assert proof(executed(name))


def test_the_guide_to_python_draws_densities_of_states(tmp_path: Path) -> None:
    write_vasprun(tmp_path / "vasprun.xml", of_nacl(bulk("NaCl", "rocksalt", 5.64)))
    names = executed("guides/python.md")
    center, figure = names["p_states"](tmp_path, "Cl")
    assert center.label == "Cl-p"
    assert center.center_ev < 0
    assert figure.axes[0].has_data()


@pytest.mark.slow
@pytest.mark.potential
def test_fine_tuning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of CHGNet's own forces, with other elemental energies, only these are to be learned."""
    pytest.importorskip("chgnet")
    of_elements_ev = {"Na": 1.5, "F": -2.0}
    frames = []
    for k, (contact, phase) in enumerate([("A", "NaF"), ("A", "Na"), ("A", "NaF"), ("B", "NaF")]):
        atoms = load_phase(phase).atoms.copy()
        atoms.rattle(0.05, seed=k)
        atoms.calc = make_calculator(DEFAULT, {})
        energy_ev = atoms.get_potential_energy() + sum(of_elements_ev[s] for s in atoms.symbols)
        atoms.calc = SinglePointCalculator(atoms, energy=energy_ev, forces=atoms.get_forces())
        atoms.info |= {"step_name": f"{contact}|{phase} interface, PBE", "level": "gpaw"}
        frames.append(atoms)
    monkeypatch.chdir(tmp_path)
    write("frames.extxyz", frames)
    held_out = "B|NaF"
    monkeypatch.setattr(sys, "argv", ["fine_tune.py", "frames.extxyz", "1", held_out])
    names = executed("fine-tuning.md")
    for energies_ev, forces in names["before"]:
        assert np.abs(energies_ev).max() < 1e-4  # an atom: the shifts are found, which is all
        assert forces.max() < 1e-4
    for energies_ev, forces in names["after"]:
        assert np.abs(energies_ev).max() < 0.05
        assert forces.max() < 0.01
    assert len(names["tested"]) == 1
    options = {"weights": str(tmp_path / "fine_tuned.pth.tar")}
    last = frames[-1].copy()
    last.calc = make_calculator(DEFAULT, options)
    known = frames[-1].get_potential_energy() + len(last) * names["after"][1][0][0]
    assert last.get_potential_energy() == pytest.approx(known, abs=1e-3)


@pytest.mark.parametrize("name", NEEDS_A_RUN)
def test_names_of_snippets_that_need_a_run(name: str) -> None:
    lines = [
        line
        for text in snippets(name)
        for line in text.splitlines()
        if line.startswith("from natriface.")
    ]
    assert len(lines) > 4
    exec("\n".join(lines), {})


def test_no_snippet_is_left_out() -> None:
    having = {name for name in pages() if snippets(name)}
    assert having == {"structures.md", "results.md", "migration.md", "adsorption.md"} | {
        "claims.md",
        "guides/python.md",
        "electrons.md",
        "fine-tuning.md",
        "scorecard.md",
        *NEEDS_A_RUN,
    }


def test_no_other_way_of_writing_a_snippet() -> None:
    for name in pages():
        text = (DOCS / name).read_text()
        found = re.findall(r"^\s*(?:```|~~~)\s*(?:python|py|pycon)\b", text, re.M)
        assert len(found) == len(snippets(name)), name

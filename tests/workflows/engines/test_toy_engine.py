"""An engine in a folder of its own, outside natriface, runs a whole study to its report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from ase.build import bulk
from ase.io import write

from tests.paths import child_path

ENGINE = '''
"""Effective medium theory by ASE, from a fixed number of steps of FIRE."""

import json

from ase.calculators.emt import EMT
from ase.optimize import FIRE

from natriface.analysis.results.result import EngineRecord, Result, StepRecord
from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import EngineError
from natriface.workflows.engines.base import Capabilities, Estimate, load_folder


class ToyEngine:
    name = "toy"
    capabilities = Capabilities(
        kinds=("relax", "static"),
        theory="effective medium theory",
        path_settings=frozenset({"fmax"}),
        environment=("TOY_FOLDER",),
    )

    def check(self, step):
        self.capabilities.require_kind(step)
        unknown = step.settings.keys() - {"asap_cutoff", "fmax"}
        if unknown:
            raise EngineError(f"{step.name}: engine toy has no setting {min(unknown)!r}")

    def estimate(self, step):
        return Estimate(0.01 * step.n_atoms, 10.0, "a guess")

    def write(self, folder):
        (folder / "toy.in").write_text(json.dumps(load_folder(folder)[0].settings))

    def run(self, folder):
        step, atoms = load_folder(folder)
        atoms.calc = EMT(asap_cutoff=step.settings["asap_cutoff"])
        converged = True
        if step.kind == "relax":
            converged = bool(FIRE(atoms, logfile=None).run(fmax=step.settings["fmax"], steps=300))
        energy = float(atoms.get_potential_energy())
        forces = atoms.get_forces(apply_constraint=False).tolist()
        document = {"energy": energy, "forces": forces, "atoms": to_document(atoms)}
        (folder / "toy.out").write_text(json.dumps({**document, "converged": converged}))

    def read(self, folder):
        step, atoms = load_folder(folder)
        found = json.loads((folder / "toy.out").read_text())
        return Result(
            kind=step.kind,
            status="converged" if found["converged"] else "unconverged",
            engine=EngineRecord(name=self.name, version="1.0"),
            protocol=step.protocol,
            settings=step.settings,
            step=StepRecord(id=step.id, name=step.name, metadata=step.metadata),
            energy_ev=found["energy"],
            free_energy_ev=found["energy"],
            forces_ev_per_angstrom=found["forces"],
            initial_structure=to_document(atoms),
            final_structure=found["atoms"],
        )


ENGINE = ToyEngine()
'''

SOURCE = "ours: a test"
PROTOCOL = {
    "name": "toys",
    "description": "what the toy needs",
    "engines": {
        "toy": {
            "all": {"asap_cutoff": {"value": True, "source": SOURCE}},
            "relax": {"fmax": {"value": 0.05, "source": SOURCE}},
        }
    },
}
STUDY = {
    "name": "toys",
    "title": "Ag on Au by a toy",
    "engine": "toy",
    "protocol": "toys.yaml",
    "substrates": {"Au": {"phase": "Au.cif", "miller": [1, 0, 0], "layers": 2}},
    "films": {"Ag": {"phase": "Ag.cif", "miller": [1, 0, 0], "layers": 2}},
    "interfaces": {"max_area_angstrom2": 40, "max_strain_percent": 5},
}


@dataclass
class Place:
    """A study's folder, and the environment in which the toy's package is installed."""

    folder: Path
    environment: dict[str, str]

    def natriface(self, *words: str) -> subprocess.CompletedProcess[str]:
        code = "from natriface.workflows.cli import main; main()"
        return subprocess.run(
            [sys.executable, "-c", code, *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """As pip leaves it: the package, and its metadata with the entry point."""
    site = tmp_path / "site"
    (site / "toyengine").mkdir(parents=True)
    (site / "toyengine" / "__init__.py").write_text(ENGINE)
    installed = site / "toyengine-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: toyengine\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[natriface.engines]\ntoy = toyengine:ENGINE\n")
    for element in ("Au", "Ag"):
        write(tmp_path / f"{element}.cif", bulk(element, cubic=True))
    (tmp_path / "toys.yaml").write_text(yaml.safe_dump(PROTOCOL))
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(STUDY))
    path = os.pathsep.join([child_path(), str(site)])
    return Place(tmp_path, {**os.environ, "PYTHONPATH": path})


@pytest.mark.slow
def test_a_study_runs_to_its_report(place: Place) -> None:
    done = place.natriface("run", "study.yaml", "-w", "w", "-n", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((place.folder / "w" / "report" / "results.json").read_text())
    assert "effective medium theory" in (place.folder / "w" / "report" / "report.html").read_text()
    (values,) = report["sections"]["interfaces"]["values"].values()
    assert values["level"] == "effective medium theory"
    adhesion = values["work_of_adhesion"]  # of a relaxation less single points
    whole, *sides = adhesion["energies_ev"].values()
    assert adhesion["difference_ev"] == pytest.approx(sum(sides) - whole)
    assert adhesion["value_j_per_m2"] > 0
    results = [json.loads(path.read_text()) for path in place.folder.glob("w/steps/*/result.json")]
    assert {result["kind"] for result in results} == {"relax", "static"}
    assert all(result["path_settings"] == ["fmax"] for result in results)


def test_what_it_cannot_do_is_refused_in_one_sentence(place: Place) -> None:
    crystals = {"crystals": {"Au": {"phase": "Au.cif"}}, "engine": "toy", "relax_with": "toy"}
    study = {**STUDY, "electronic_structure": {**crystals, "quantities": ["pdos"]}}
    (place.folder / "study.yaml").write_text(yaml.safe_dump(study))
    done = place.natriface("run", "study.yaml", "-w", "w")
    assert done.returncode == 1
    assert "engine toy cannot do 'dos', only relax and static; choose engine gpaw or vasp" in (
        " ".join(done.stderr.split())
    )
    assert "Traceback" not in done.stderr


def test_its_settings_and_its_name_are_checked_like_any(place: Place) -> None:
    study = {**STUDY, "settings": {"toy.relax": {"fmaxx": 0.1}}}
    (place.folder / "study.yaml").write_text(yaml.safe_dump(study))
    assert "has no setting 'fmaxx'" in place.natriface("run", "study.yaml", "-w", "w").stderr
    (place.folder / "study.yaml").write_text(yaml.safe_dump({**STUDY, "engine": "tóy"}))
    assert "did you mean 'toy'" in place.natriface("plan", "study.yaml").stderr

"""What the reference slabs do to an interfacial formation energy: relaxed, rigid, or as built.

``python -m benchmarks.references li2025 runs/li2025`` takes a finished study on the potential,
computes its reference slabs once more as they were cut, unrelaxed, and prints a row an interface.
All energies are by the potential that relaxes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from natriface.analysis.energies.interface_energy import area_and_contacts
from natriface.analysis.results.published import load_published
from natriface.structures.base.conversions import EV_PER_ANGSTROM2_IN_J_PER_M2
from natriface.workflows.engines.base import load_folder
from natriface.workflows.engines.potential.calculators import make_calculator
from natriface.workflows.parts.interfaces.evaluation.gathering import gather
from natriface.workflows.parts.interfaces.labels import SIDES
from natriface.workflows.planning import plan_study
from natriface.workflows.report.steps import ExpectedStep
from natriface.workflows.study import load_study, study_path
from natriface.workflows.workspace import Workspace, is_finished


def main(name: str, folder: Path) -> None:
    """Print the table, in J/m2."""
    path = study_path(name)
    study = load_study(path)
    plan = plan_study(study, path.resolve().parent, to_run=False)
    workspace = Workspace.open(folder)
    finished = {i for i, place in workspace.folders().items() if is_finished(place)}
    results = [workspace.result(step.id) for step in plan.walk() if step.id in finished]
    printed = load_published(study.compare_with or name).interfacial_formation_energy_j_per_m2
    print("| interface | relaxed | lower bound | rigid | as built | printed |")
    print("|---|---|---|---|---|---|")
    expected = [
        ExpectedStep(step.id, step.name, step.kind, step.n_atoms, step.metadata)
        for step in plan.walk()
    ]
    first = {
        step.metadata["pair"]: step.metadata
        for step in plan.walk()
        if step.metadata.get("role") == "interface"
    }
    for item in gather(results, expected):
        record, whole = item.record, item.results["interface"]
        references = first[record.pair]["reference_steps"]
        area, contacts = area_and_contacts(whole)
        slabs_ev = sum(_as_cut_ev(workspace.folders()[references[side]]) for side in SIDES)
        difference = whole.converged_energy_ev() - slabs_ev
        own = record.levels[-1] if record.levels else record  # by what has relaxed them
        adhesion = own.work_of_adhesion and own.work_of_adhesion.value_j_per_m2
        formation = own.interfacial_formation_energy
        row = [
            formation and formation.value_j_per_m2,
            own.bound and own.bound.value_j_per_m2,
            None if adhesion is None else -adhesion,
            difference / (contacts * area) * EV_PER_ANGSTROM2_IN_J_PER_M2,
            printed.get(record.pair),
        ]
        cells = ["" if value is None else f"{value:.2f}" for value in row]
        print("| " + " | ".join([record.pair.replace("|", " on "), *cells]) + " |", flush=True)


def _as_cut_ev(folder: Path) -> float:
    step, atoms = load_folder(folder)
    atoms.calc = make_calculator(step.settings["model"], step.settings.get("model_options", {}))
    return float(atoms.get_potential_energy())


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

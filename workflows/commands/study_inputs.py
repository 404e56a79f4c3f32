"""The input files of a whole study, written to look at, with sizes and costs; nothing is run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from natriface.analysis.results.published import is_file_of_values, load_published
from natriface.analysis.results.wording import without_ending
from natriface.structures.base.errors import EngineError, StudyError, nearest
from natriface.structures.base.writing import write_atomically
from natriface.workflows.engines.base import (
    InputFiles,
    InputWriter,
    engine,
    engine_names,
    prepare_folder,
    save_input,
)
from natriface.workflows.errors import WorkspaceError
from natriface.workflows.parts.interfaces.request import InterfacesAsked
from natriface.workflows.plan import Plan, Step
from natriface.workflows.planning import plan_study
from natriface.workflows.steps.starts import start_geometries, with_starts
from natriface.workflows.study import Study

SUMMARY_FILE = "summary.json"
UNRELAXED = (
    "from the geometry as built; in a run it comes from the relaxation before it, and with it "
    "whether there is a dipole correction"
)


@dataclass(frozen=True)
class WrittenInputs:
    """The input files of one step.

    Attributes
    ----------
    unrelaxed
        Whether the step's structure will come from another step, so that the geometry here is
        only the one that step starts from.
    warnings
        What is doubtful about its settings and those of the study.
    """

    step: Step
    folder: Path
    files: InputFiles
    unrelaxed: bool
    warnings: tuple[str, ...] = ()


def write_study_inputs(
    study: Study, root: Path, output: Path, engine_name: str = "vasp"
) -> list[WrittenInputs]:
    """Write a folder of an engine's inputs for each step of a study, and ``summary.json``.

    A study written for another engine is taken with its protocol's settings for this one;
    overrides that it makes for its own engine are left out.

    Parameters
    ----------
    root
        Folder that the paths of users' crystals are relative to.
    output
        Folder to write into; must be empty or not there, or hold an earlier summary.

    Raises
    ------
    NatrifaceError
        If the engine has no input files, a structure cannot be built, a setting is wrong, or the
        folder is not ours to fill.
    """
    writer = _writer(engine_name)
    if study.engine != engine_name:
        study = study.model_copy(update={"engine": engine_name, "settings": {}})
    if output.is_dir() and any(output.iterdir()) and not (output / SUMMARY_FILE).is_file():
        raise WorkspaceError(f"{output} is not empty; name another folder")
    plan = plan_study(study, root, to_run=False)
    steps = [step for step in with_starts(plan) if step.engine == engine_name]
    if not steps:
        able = ", ".join(sorted({step.engine for step in plan.walk()}))
        raise StudyError(
            f"{study.name}: no step is computed by {engine_name}, all are by {able}; name it as "
            "engine of the study's parts"
        )
    writer.doubts(steps)  # nothing is written of a study with a wrong setting
    of_all = writer.doubts_of_all(steps)
    output.mkdir(parents=True, exist_ok=True)
    written = []
    for step, atoms, others in start_geometries(plan):
        if step.engine != engine_name:
            continue
        folder = output / step.folder_name
        prepare_folder(folder, step, atoms)
        for name, structure in others.items():
            save_input(folder, name, structure)
        unrelaxed = bool(step.parents)
        files = writer.write(folder, step, [UNRELAXED] if unrelaxed else [])
        warnings = (*files.warnings, *of_all)
        written.append(WrittenInputs(step, folder, files, unrelaxed, warnings))
    write_atomically(output / SUMMARY_FILE, json.dumps(summary(study, written), indent=1))
    return written


def _writer(engine_name: str) -> InputWriter:
    writer = engine(engine_name).capabilities.inputs
    if writer is None:
        able = [name for name in engine_names() if engine(name).capabilities.inputs is not None]
        raise EngineError(
            f"engine {engine_name!r} has no input files to look at; only {', '.join(able)} has"
        )
    return writer


def setting_warnings(plan: Plan) -> list[str]:
    """What is doubtful about the settings of a plan's steps, each text once.

    Raises
    ------
    EngineError
        If a setting is wrong, or contradicts another or a step's structure.
    """
    started = list(with_starts(plan))
    found = []
    for name in sorted({step.engine for step in started}):
        able = engine(name).capabilities
        doubts = able.inputs.doubts if able.inputs is not None else able.doubts
        if doubts is not None:
            found += doubts([step for step in started if step.engine == name])
    return found


def value_warnings(study: Study) -> list[str]:
    """Interfaces with published values that the study does not compute.

    Of a source that comes with natriface only where it computes none of them, of one's own values
    each.
    """
    name = study.compare_with
    if name is None or not isinstance(study, InterfacesAsked):
        return []
    known = [f"{film}|{substrate}" for film, substrate in study.pairs]
    if not known:  # a screening finds its own
        return []
    given = load_published(name).interfacial_formation_energy_j_per_m2
    if given and not set(given) & set(known):
        return [
            f"compare_with: {Path(name).name}: none of its interfaces ({', '.join(given)}) is in "
            f"this study ({', '.join(known)}): call films and substrates as it does, or leave "
            "compare_with out"
        ]
    if not is_file_of_values(name):
        return []
    return [
        f"{Path(name).name}: {pair} is no interface of this study; {nearest(pair, known)}"
        for pair in given
        if pair not in known
    ]


def candidate_warnings(study: Study, plan: Plan) -> list[str]:
    """Candidates of the scorecard that no step of the plan is of: nothing will be known of them."""
    if study.scorecard is None:
        return []
    known = {name for step in plan.walk() for name in _names_in(step.metadata)}
    called = {without_ending(name) for name in known}
    found = []
    for candidate in study.scorecard.candidates:
        if without_ending(candidate) not in called:
            hint = nearest(candidate, known)
            hint = f"; {hint}" if hint.startswith("did") else ""
            found.append(
                f"scorecard: candidate {candidate!r} is in no step of this study: it will have no "
                f"value{hint}"
            )
    return found


def _names_in(labels: object) -> Iterator[str]:
    """What labels call phases, crystals and pairs, and the two sides of these."""
    if isinstance(labels, Mapping):
        for key, value in labels.items():
            if key in ("pair", "label", "phase", "name") and isinstance(value, str):
                yield value
                yield from value.split("|")
            else:
                yield from _names_in(value)


def summary(study: Study, written: Sequence[WrittenInputs]) -> dict[str, Any]:
    """Sizes and costs of every step, and their sum, with what the estimate rests on."""
    estimates = [item.files.estimate for item in written]
    return {
        "study": study.name,
        "protocol": study.protocol,
        "basis_of_estimates": estimates[0].basis if estimates else "",
        "core_hours": sum(estimate.core_seconds / 3600 for estimate in estimates),
        "largest_memory_mb": max((estimate.memory_mb for estimate in estimates), default=0.0),
        "steps": [
            {
                "id": item.step.id,
                "name": item.step.name,
                "kind": item.step.kind,
                "folder": item.folder.name,
                "unrelaxed": item.unrelaxed,
                **item.files.size,
                "notes": [*item.files.notes, *item.warnings],
            }
            for item in written
        ],
    }

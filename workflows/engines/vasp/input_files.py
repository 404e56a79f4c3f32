"""The VASP inputs of a study's steps, to look at without VASP, and what is doubtful in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from natriface.analysis.results.deciding import PATH_SETTINGS, as_read
from natriface.structures.base.errors import EngineError
from natriface.workflows.engines.base import InputFiles, load_folder
from natriface.workflows.engines.cautions import gathered
from natriface.workflows.engines.machine import load_machine
from natriface.workflows.engines.vasp.estimate import Size, estimate_of
from natriface.workflows.engines.vasp.incar.settings import parse_settings
from natriface.workflows.engines.vasp.incar.species import unused_elements
from natriface.workflows.engines.vasp.inputs import vasp_inputs, write_inputs
from natriface.workflows.engines.vasp.lobster import write_lobsterin
from natriface.workflows.plan import Step


class VaspInputWriter:
    """See `natriface.workflows.engines.base.InputWriter`."""

    def doubts(self, steps: Sequence[Step]) -> list[str]:
        """Each text with the first step it holds for, and how many more."""
        machine = load_machine()
        found: dict[str, list[str]] = {}
        for step in steps:
            parse_settings(step.settings, step.name)
            if step.structure is not None:
                for text in vasp_inputs(step, step.atoms(), machine).warnings:
                    found.setdefault(text, []).append(step.name)
        of_all = self.doubts_of_all(steps)
        return gathered({k: v for k, v in found.items() if k not in of_all}) + of_all

    def doubts_of_all(self, steps: Sequence[Step]) -> list[str]:
        """What is doubtful about the settings of a study's steps taken together."""
        doubts = []
        known = [step for step in steps if step.structure is not None]
        if len(known) == len(steps):
            elements = sorted({symbol for step in known for symbol in step.atoms().symbols})
            named: dict[str, str] = {}
            for step in steps:
                named |= unused_elements(parse_settings(step.settings, step.name).tags, elements)
            doubts += [
                f"{tag} names {element}, which no step holds" for element, tag in named.items()
            ]
        of_kind = {step.kind: step.settings for step in reversed(steps)}
        if {"relax", "static"} <= of_kind.keys():
            relax, static = of_kind["relax"], of_kind["static"]
            keys = sorted((relax.keys() | static.keys()) - PATH_SETTINGS["vasp"])
            differing = [key for key in keys if as_read(key, relax) != as_read(key, static)]
            if differing:
                doubts.append(
                    f"the settings of relax and static differ in {', '.join(differing)}: their "
                    "energies cannot be subtracted from each other"
                )
        return doubts

    def write(self, folder: Path, step: Step, notes: Sequence[str]) -> InputFiles:
        """Write INCAR, KPOINTS, POSCAR, the POTCARs' names, POTCAR where there are any, and of a
        projection ``lobsterin``."""
        machine = load_machine()
        inputs = vasp_inputs(step, load_folder(folder)[1], machine, folder)
        inputs = replace(inputs, notes=[*inputs.notes, *notes])
        try:
            warnings = write_inputs(folder, inputs, machine)
        except EngineError as error:  # a POTCAR is missing or wrong: the rest is still worth a look
            warnings = [*inputs.warnings, str(error)]
        if step.kind == "lobster":
            write_lobsterin(folder, inputs)
        size = inputs.size
        return InputFiles(
            estimate_of(size), asdict(size), _columns(size), tuple(inputs.notes), tuple(warnings)
        )


def _columns(size: Size) -> dict[str, str]:
    return {
        "atoms": str(size.n_atoms),
        "electrons": f"{size.n_electrons:g}",
        "NBANDS": str(size.n_bands),
        "k-points": f"{size.n_kpoints} ({'x'.join(str(n) for n in size.mesh)})",
        "plane waves": str(size.n_plane_waves),
        "GB": f"{size.memory_mb / 1e3:.1f}",
        "core-h": f"{size.core_hours:,.1f}",
    }

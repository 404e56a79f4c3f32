"""A step as VASP's input files: INCAR with a comment on each tag, KPOINTS, POSCAR, POTCAR."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import EngineError
from natriface.structures.base.writing import write_atomically
from natriface.workflows.engines.cautions import cautions
from natriface.workflows.engines.kpoints import dipole_center, kpoint_mesh, n_irreducible
from natriface.workflows.engines.machine import Machine
from natriface.workflows.engines.relaxation import rattle
from natriface.workflows.engines.vasp.band import (
    band_images,
    check_cores,
    climbing,
    place_end_outputs,
)
from natriface.workflows.engines.vasp.estimate import (
    Size,
    default_n_bands,
    estimate_size,
    rounded_n_bands,
    starting_moment,
)
from natriface.workflows.engines.vasp.incar.contradictions import Case, contradictions
from natriface.workflows.engines.vasp.incar.following import Decisions, electrons_of, follow_keys
from natriface.workflows.engines.vasp.incar.settings import VaspKeys, parse_settings
from natriface.workflows.engines.vasp.incar.species import for_structure
from natriface.workflows.engines.vasp.incar.spreading import AUTO, spread
from natriface.workflows.engines.vasp.input_texts import incar_text, kpoints_text, poscar_text
from natriface.workflows.engines.vasp.lobster_basis import lobster_basis, n_basis_functions
from natriface.workflows.engines.vasp.potcars import (
    Potcar,
    assemble,
    check_environment_directory,
    choose_potcars,
)
from natriface.workflows.plan import Step

INPUTS_FILE = "vasp_inputs.json"
MOST_REMEMBERED = 1000
PULAY_STRESS = (
    "Pulay stress: the cell relaxes in the plane waves of its start and comes out too small; relax "
    "again from CONTCAR until the volume stays, or set a higher ENCUT in every step (settings: "
    "{all: {ENCUT: 520}}; VASP's manual: 1.3 times the largest ENMAX)"
)
"""Of a relaxation with its cell; docs/vasp.md."""
_MACHINE = "the machine's file"
_decided: dict[tuple[str, str, str], VaspInputs] = {}


@dataclass(frozen=True)
class VaspInputs:
    """Everything that goes into the input files of a step.

    Attributes
    ----------
    atoms
        Atoms of one species together, as POSCAR wants them; displaced where a rattle is asked for.
    order
        Index in the step's structure of each atom of `atoms`.
    tags, sources
        INCAR tag -> value, and -> where the value comes from.
    basis
        LOBSTER's, element -> orbitals; empty for other kinds.
    images
        Structures of a band, ends included, ordered like `atoms`.
    notes
        What was decided for this structure, in words.
    band_notes
        Those of them that a band's result repeats.
    warnings
        What is doubtful about the settings, in words.
    """

    name: str
    kind: str
    atoms: Atoms
    order: list[int]
    tags: dict[str, Any]
    sources: dict[str, str]
    keys: VaspKeys
    mesh: tuple[int, int, int]
    potcars: list[Potcar]
    basis: dict[str, tuple[str, ...]]
    images: list[Atoms]
    notes: list[str]
    band_notes: list[str]
    warnings: list[str]

    @property
    def n_electrons(self) -> float:
        """Of the neutral cell, unless NELECT says otherwise."""
        if "NELECT" in self.tags:
            return float(self.tags["NELECT"])
        valence = {potcar.element: potcar.valence for potcar in self.potcars}
        return sum(valence[symbol] for symbol in self.atoms.get_chemical_symbols())

    @property
    def size(self) -> Size:
        """How large the calculation is."""
        moving = max(1, len(self.images) - 2)
        return estimate_size(self.atoms, self.tags, self.mesh, self.n_electrons, moving)


def vasp_inputs(
    step: Step, atoms: Atoms, machine: Machine, folder: Path | None = None
) -> VaspInputs:
    """Decide what a step's input files say, once for its check, its estimate and its files.

    Parameters
    ----------
    folder
        The step's, where it is written already: a band's other structures lie there.

    Raises
    ------
    EngineError
        If a setting is wrong, or the structure is nothing VASP can compute.
    """
    if step.kind == "neb":
        return _decide(step, atoms, machine, folder)
    key = (
        step.model_dump_json(include={"name", "kind", "protocol", "settings", "sources"}),
        json.dumps(to_document(atoms)),
        machine.model_dump_json(),
    )
    if key not in _decided:
        if len(_decided) >= MOST_REMEMBERED:
            _decided.clear()
        _decided[key] = _decide(step, atoms, machine, None)
    return _decided[key]


def _decide(step: Step, atoms: Atoms, machine: Machine, folder: Path | None) -> VaspInputs:
    settings = parse_settings(step.settings, step.name)
    keys = settings.keys
    if "ENCUT" not in settings.tags:
        raise EngineError(f"{step.name}: engine vasp needs ENCUT; give it in the protocol or study")
    sources = _sources(step)
    _check_cell(atoms, step.name)
    order = _species_order(atoms)
    decisions = Decisions(for_structure(dict(settings.tags), atoms, order, step.name), sources, [])
    tags = decisions.tags
    ordered = _start(decisions, step, atoms, keys)[order]
    elements = list(dict.fromkeys(ordered.get_chemical_symbols()))
    potcars = choose_potcars(elements, keys, step.name)
    mesh = kpoint_mesh(ordered, keys.kpoint_spacing_per_angstrom)
    follow_keys(decisions, ordered, keys, step.name)
    images: list[Atoms] = []
    band_notes: list[str] = []
    if step.kind == "neb":
        found, band_notes = band_images(step, atoms, keys, folder)
        images = [image[order] for image in found]
        _check_images(images, ordered, step.name)
        band_notes.append(_follow_band(decisions, len(images), keys, machine, step.name))
    _follow_structure(decisions, [ordered, *images], keys, potcars)
    n_kpoints = n_irreducible(ordered, mesh, int(tags.get("ISYM", 2)))
    _follow_machine(decisions, machine, n_kpoints, n_images=len(images) - 2 if images else 1)
    basis = lobster_basis(potcars, keys.lobster_basis, step.name) if step.kind == "lobster" else {}
    notes = [*decisions.notes, *band_notes]
    inputs = VaspInputs(
        *(step.name, step.kind, ordered, order, tags, sources, keys, mesh, potcars, basis),
        *(images, notes, band_notes, []),
    )
    if basis:
        needed = n_basis_functions(ordered.get_chemical_symbols(), basis)
        moment = starting_moment(tags, len(ordered))
        own = default_n_bands(inputs.n_electrons, len(ordered), moment)
        bands = max(needed, own, int(tags.get("NBANDS", 0)))
        bands = rounded_n_bands(bands, machine.cores, tags)
        decisions.set("NBANDS", bands, f"LOBSTER: at least its {needed} basis functions")
    case = Case(
        step.name, step.kind, ordered, elements, tags, mesh, inputs.n_electrons, machine.cores
    )
    inputs.warnings.extend(contradictions(case))
    inputs.warnings.extend(cautions(ordered, electrons_of(tags, keys, elements)))
    inputs.warnings.extend(f"{tag} is written unchecked" for tag in keys.unchecked_tags)
    return inputs


def _start(decisions: Decisions, step: Step, atoms: Atoms, keys: VaspKeys) -> Atoms:
    """The geometry of POSCAR, and what follows where a relaxation begins or moves its cell."""
    start = atoms.copy()
    if step.kind != "relax":
        return start
    if int(decisions.tags.get("ISIF", 2)) >= 3:
        decisions.notes.append(PULAY_STRESS)
    if keys.rattle_angstrom:
        rattle(start, keys)
        decisions.notes.append(
            f"POSCAR: free atoms displaced at random by {keys.rattle_angstrom:g} A (seed "
            f"{keys.rattle_seed}), or symmetry of the start would be kept, also on a saddle"
        )
        if "ISYM" not in decisions.tags:
            decisions.set("ISYM", 0, f"rattle_angstrom: {keys.rattle_angstrom:g}")
    return start


def _follow_band(
    decisions: Decisions, n_images: int, keys: VaspKeys, machine: Machine, where: str
) -> str:
    """Number of images and whether the highest climbs; why (not), in words."""
    climbs = climbing(keys, machine.vasp_command, decisions.tags, where)
    for tag, value in climbs.tags.items():
        decisions.set(tag, value, "VTST: climbing image")
    if n_images:
        check_cores(n_images - 2, machine.cores, where)
        decisions.set("IMAGES", n_images - 2, "images between the two ends")
    return climbs.reason


def _follow_structure(
    decisions: Decisions, geometries: Sequence[Atoms], keys: VaspKeys, potcars: list[Potcar]
) -> None:
    """Moments, dipole correction and number of electrons, where the settings leave them open.

    Parameters
    ----------
    geometries
        The start, and the images of a band: where the faces differ in one, all are corrected.
    """
    tags, ordered = decisions.tags, geometries[0]
    if (
        "MAGMOM" not in tags
        and tags.get("ISPIN") == 2
        and ordered.get_initial_magnetic_moments().any()
    ):
        moments = [float(m) for m in ordered.get_initial_magnetic_moments()]
        decisions.set("MAGMOM", moments, "moments of the structure")
    if keys.dipole == "auto" and not {"IDIPOL", "LDIPOL"} & tags.keys():
        centers = [dipole_center(geometry) for geometry in geometries]
        center = next((center for center in centers if center is not None), None)
        if center is None:
            decisions.notes.append(
                "no dipole correction: no slab, or its faces are alike by symmetry"
            )
        else:
            why = "the two faces of this slab differ"
            decisions.set("IDIPOL", 3, why)
            decisions.set("LDIPOL", True, why)
            decisions.set("DIPOL", [0.5, 0.5, round(center, 4)], "middle of the slab")
            decisions.notes.append("dipole correction along c: the two faces of the slab differ")
    if keys.charge_e and "NELECT" not in tags:
        valence = {potcar.element: potcar.valence for potcar in potcars}
        neutral = sum(valence[symbol] for symbol in ordered.get_chemical_symbols())
        decisions.set("NELECT", neutral - keys.charge_e, f"a cell of charge {keys.charge_e:+g} e")


def _follow_machine(decisions: Decisions, machine: Machine, n_kpoints: int, n_images: int) -> None:
    """How the work is spread over cores, as far as the kind of calculation bears it."""
    cores = max(1, machine.cores // n_images)
    for tag, value in spread(machine.incar, cores, n_kpoints).items():
        chosen = f": auto for {cores} cores and {n_kpoints} k-points"
        decisions.set(tag, value, _MACHINE + (chosen if machine.incar[tag] == AUTO else ""))
    if decisions.tags.get("LELF"):
        decisions.tags.pop("NCORE", None)
        decisions.set("NPAR", 1, "VASP manual: LELF needs NPAR = 1")
        decisions.set("KPAR", 1, "VASP: no ELF with groups of k-points")


def write_inputs(folder: Path, inputs: VaspInputs, machine: Machine) -> list[str]:
    """Write the input files into a folder; POTCAR only where the user has the parts of it.

    Returns
    -------
    list of str
        Warnings about the settings and the POTCARs.

    Raises
    ------
    EngineError
        If a POTCAR is missing or wrong; the other files are written, with that as a warning.
    """
    write_atomically(folder / "INCAR", incar_text(inputs))
    write_atomically(folder / "KPOINTS", kpoints_text(inputs))
    if inputs.images:
        for number, image in enumerate(inputs.images):
            place = folder / f"{number:02d}"
            place.mkdir(exist_ok=True)
            write_atomically(place / "POSCAR", poscar_text(image, f"{inputs.name}, image {number}"))
        place_end_outputs(folder, len(inputs.images))
    write_atomically(folder / "POSCAR", poscar_text(inputs.atoms, inputs.name))
    labels = [potcar.label for potcar in inputs.potcars]
    write_atomically(folder / "POTCAR.spec", "\n".join(labels) + "\n")
    directory = check_environment_directory(machine.potcar_directory)
    warnings = list(inputs.warnings)
    hashes: dict[str, str] = {}
    if directory is not None and machine.potcars_required:
        functional, encut = inputs.keys.potcar_functional, float(inputs.tags["ENCUT"])
        try:
            potcar = assemble(inputs.potcars, functional, directory, encut)
        except EngineError as error:
            _note_inputs(folder, inputs, [*warnings, str(error)], hashes)
            raise
        warnings, hashes = [*warnings, *potcar.warnings], potcar.sha256
        write_atomically(folder / "POTCAR", potcar.text)
    _note_inputs(folder, inputs, warnings, hashes)
    return warnings


def _note_inputs(
    folder: Path, inputs: VaspInputs, warnings: list[str], hashes: dict[str, str]
) -> None:
    document = {
        "order": inputs.order,
        "tags": inputs.tags,
        "mesh": inputs.mesh,
        "potcars": {
            p.element: {"label": p.label, "title": p.title, "sha256": hashes.get(p.element)}
            for p in inputs.potcars
        },
        "basis": {element: list(orbitals) for element, orbitals in inputs.basis.items()},
        "notes": inputs.notes,
        "band_notes": inputs.band_notes,
        "warnings": warnings,
    }
    write_atomically(folder / INPUTS_FILE, json.dumps(document, indent=1))


def load_inputs(folder: Path) -> dict[str, Any]:
    """What `write_inputs` noted of a folder.

    Raises
    ------
    EngineError
        If it has not written there.
    """
    path = folder / INPUTS_FILE
    try:
        document: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        raise EngineError(f"{folder}: {INPUTS_FILE} is missing; write the step again") from None
    except ValueError as error:
        raise EngineError(f"{path} cannot be read ({error})") from None
    order = document.get("order") if isinstance(document, dict) else None
    whole = (
        isinstance(order, list)
        and all(isinstance(i, int) for i in order)
        and sorted(order) == list(range(len(order)))
        and isinstance(document.get("tags"), dict)
        and isinstance(document.get("warnings"), list)
    )
    if not whole:
        raise EngineError(f"{path} is damaged; write the step again")
    return document


def _sources(step: Step) -> dict[str, str]:
    """Where each value comes from; steps planned before they said so name their protocol."""
    return dict(step.sources) or dict.fromkeys(
        step.settings, f"protocol {step.protocol} or the study"
    )


def _species_order(atoms: Atoms) -> list[int]:
    symbols = atoms.get_chemical_symbols()
    rank = {symbol: place for place, symbol in enumerate(dict.fromkeys(symbols))}
    return sorted(range(len(symbols)), key=lambda i: rank[symbols[i]])


def _check_cell(atoms: Atoms, where: str) -> None:
    volume = float(np.linalg.det(np.asarray(atoms.cell)))
    if abs(volume) < 1e-3:
        raise EngineError(f"{where}: VASP needs a cell with three vectors")
    if volume < 0:
        raise EngineError(f"{where}: the cell is left-handed, which VASP refuses; swap two vectors")


def _check_images(images: list[Atoms], atoms: Atoms, where: str) -> None:
    if 0 < len(images) < 3:
        raise EngineError(f"{where}: a band needs `images`, at least three, both ends included")
    for number, image in enumerate(images):
        if image.get_chemical_symbols() != atoms.get_chemical_symbols():
            raise EngineError(f"{where}: image {number} has other atoms than the step's structure")

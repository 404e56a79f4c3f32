"""Steps of a study's surface energies: crystals, and slabs that are cut from them as relaxed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal

import numpy as np

from natriface.analysis.energies.surface_energy import crystal_cells
from natriface.analysis.results.wording import counted
from natriface.structures.base.errors import StructureError, each_made
from natriface.structures.chemistry.unit_charges import given_charges
from natriface.structures.crystals.phases import Phase, load_phase
from natriface.structures.interfaces.recut import Recut
from natriface.structures.surfaces.planes import suggestion
from natriface.structures.surfaces.slabs import Slab, build_slab, layers_for
from natriface.structures.surfaces.surface_cell import Crystal, Miller, miller_label
from natriface.structures.surfaces.terminations import (
    Termination,
    find_terminations,
    termination_named,
)
from natriface.workflows.parts.surface_energies.labels import (
    CrystalLabels,
    CrystalPlan,
    FreeSlabLabels,
    SlabLevelsLabels,
    UnrelaxedSlabLabels,
)
from natriface.workflows.parts.surface_energies.request import (
    ChemicalPotentials,
    SurfaceEnergiesRequest,
    SurfacePhase,
)
from natriface.workflows.plan import FILM_CRYSTAL, Input, Step, StructureFrom
from natriface.workflows.step_maker import StepMaker
from natriface.workflows.surfaces.crystal_steps import crystal_energy, relaxed_crystal
from natriface.workflows.surfaces.labels import SlabLabels

Symmetric = Literal["top", "bottom"]


@dataclass(frozen=True)
class _Crystal:
    """A phase's crystal as planned."""

    label: str
    phase: Phase
    crystal: Crystal
    relaxed: Step
    plan: CrystalPlan


def steps(request: SurfaceEnergiesRequest, make: StepMaker, root: Path) -> list[Step]:
    """The steps of all surfaces asked for, of their crystals, and of what bounds their energies.

    Raises
    ------
    StructureError
        If a crystal, facet or termination is not to be had, or none of a phase can be computed;
        says for which label.
    StudyError
        If the engine cannot relax a cell.
    """
    planned: list[Step] = []
    potentials = request.chemical_potentials
    reservoirs: dict[str, str] = {}
    if potentials is not None:
        for phase in _reservoirs(potentials, root):
            crystal = Crystal.from_atoms(phase.atoms)
            both = _crystal_steps(phase, crystal, make)
            planned += both
            reservoirs[phase.name] = both[1].id

    def of_phase(label: str, asked: SurfacePhase) -> list[Step]:
        try:
            return _phase_steps(label, asked, request, make, root, reservoirs)
        except StructureError as error:
            raise StructureError(f"surfaces of {label}: {error}") from None

    return [*planned, *chain.from_iterable(each_made(request.phases, of_phase).values())]


def _reservoirs(potentials: ChemicalPotentials, root: Path) -> list[Phase]:
    phases = [load_phase(name, root) for name in dict.fromkeys(potentials.phases)]
    if not any(set(p.atoms.get_chemical_symbols()) == {potentials.element} for p in phases):
        raise StructureError(
            f"chemical_potentials: none of {', '.join(p.name for p in phases)} is a crystal of "
            f"{potentials.element} alone, which its chemical potential is counted from"
        )
    return phases


def _crystal_steps(phase: Phase, crystal: Crystal, make: StepMaker) -> tuple[Step, Step]:
    """A crystal relaxed, and its single point."""

    def labels(role: Literal["bulk", "bulk_energy"]) -> CrystalLabels:
        return CrystalLabels(role=role, label=phase.name, grade=phase.grade, source=phase.source)

    relaxed = relaxed_crystal(phase.name, crystal.atoms, make, labels("bulk"))
    return relaxed, crystal_energy(relaxed, make, labels("bulk_energy"))


def _phase_steps(
    label: str,
    asked: SurfacePhase,
    request: SurfaceEnergiesRequest,
    make: StepMaker,
    root: Path,
    reservoirs: dict[str, str],
) -> list[Step]:
    phase = load_phase(asked.phase, root)
    charges = None if asked.charges is None else given_charges(phase, asked.charges)
    crystal = Crystal.from_atoms(phase.atoms, charges)
    left_out: dict[str, str] = {}
    chosen: list[tuple[Termination, Symmetric | None]] = []
    for termination in _terminations(asked, crystal):
        chosen += _ways(termination, request, left_out)
    if not chosen:
        reasons = "; ".join(f"{what}: {why}" for what, why in left_out.items())
        others = suggestion(
            crystal,
            lambda t: t.intact and t.nonpolar and (t.symmetric or not request.symmetric_only),
        )
        raise StructureError(f"none can be computed ({reasons}); take other facets ({others})")
    relaxed, energy = _crystal_steps(phase, crystal, make)
    potentials = request.chemical_potentials
    whole = _Crystal(
        label,
        phase,
        crystal,
        relaxed,
        CrystalPlan(
            phase=phase.name,
            formula=phase.formula,
            bulk_energy=energy.id,
            left_out=left_out,
            element=None if potentials is None else potentials.element,
            reservoirs=reservoirs,
        ),
    )
    slabs = [
        step
        for termination, symmetric in chosen
        for step in _termination_steps(termination, symmetric, whole, request, make)
    ]
    return [relaxed, energy, *slabs]


def _facets(asked: SurfacePhase, crystal: Crystal) -> list[Miller]:
    """Those asked for; two that symmetry makes one are refused."""
    if asked.facets is None:
        return crystal.distinct_facets(asked.max_index or 1)
    families: dict[tuple[Miller, ...], Miller] = {}
    for facet in asked.facets:
        other = families.setdefault(tuple(_family(crystal, facet)), facet)
        if other != facet:
            raise StructureError(
                f"facets {miller_label(other)} and {miller_label(facet)} are one by symmetry; "
                "name one of them"
            )
    return list(families.values())


def _family(crystal: Crystal, facet: Miller) -> list[Miller]:
    """Planes equivalent to a facet, each with its reverse, in the primitive cell."""
    images = np.array(crystal.primitive_miller(facet)) @ crystal.rotations
    found = {tuple(int(v) for v in row) for row in np.concatenate([images, -images])}
    return sorted((h, k, l) for h, k, l in found)  # noqa: E741


def _terminations(asked: SurfacePhase, crystal: Crystal) -> list[Termination]:
    """Those of all facets that are asked for."""
    found = [t for facet in _facets(asked, crystal) for t in find_terminations(crystal, facet)]
    if asked.terminations == "all":
        return found
    return [termination_named(found, label) for label in asked.terminations]


def _ways(
    termination: Termination, request: SurfaceEnergiesRequest, left_out: dict[str, str]
) -> list[tuple[Termination, Symmetric | None]]:
    """How slabs of a termination are made: as cut, and with either face on both sides."""
    label = termination.label
    if not termination.intact:
        left_out[label] = f"cuts {termination.broken_bonds} covalent bonds in a surface cell"
        return []
    ways: list[tuple[Termination, Symmetric | None]] = []
    if not termination.nonpolar:
        unknown = termination.polarity == "unknown"
        left_out[label] = (
            "its formal charges are unknown, so that it may have a dipole; give charges"
            if unknown
            else "polar: a dipole grows with its thickness"
        )
    elif request.symmetric_only and not termination.symmetric:
        left_out[label] = "its two faces differ"
    else:
        ways.append((termination, None))
    potentials = request.chemical_potentials
    if potentials is None or termination.symmetric:
        return ways
    if all(sign > 0 for sign, _ in termination.facet.phase_operations):
        if label in left_out:
            left_out[label] += ", and no operation of the crystal makes its two faces alike"
        return ways
    sides: tuple[Symmetric, ...] = ("top", "bottom")
    obstacles = {side: _obstacle(termination, side, potentials.element) for side in sides}
    found = [side for side, why in obstacles.items() if why is None]
    left_out.update({f"{label} symmetric {side}": why for side, why in obstacles.items() if why})
    if found:
        left_out.pop(label, None)
    return [*ways, *((termination, side) for side in found)]


def _obstacle(termination: Termination, side: Symmetric, element: str) -> str | None:
    """Why a slab with this face on both sides is not its crystal but for one element."""
    slab = build_slab(termination, layers=2, symmetric=side)
    have, want = Counter(slab.atoms.symbols), Counter(termination.facet.crystal.atoms.symbols)
    if element not in want:
        return f"its crystal has no {element}"
    if crystal_cells(have, want, element) is None:
        return f"other elements than {element} are in excess or wanting too"
    return None


def _slabs(
    termination: Termination, symmetric: Symmetric | None, request: SurfaceEnergiesRequest
) -> list[Slab]:
    """The slabs of a termination, each thicker than the one before."""
    slabs: list[Slab] = []
    for number in request.layers or [
        layers_for(termination, t) for t in request.thickness_angstrom or ()
    ]:
        # two thicknesses may be of one number of layers, or lie as near to one symmetric slab
        for count in (number, number + 1, number + 2):
            slab = build_slab(
                termination,
                layers=count,
                vacuum_angstrom=request.vacuum_angstrom,
                symmetric=symmetric,
            )
            if not slabs or slab.layers > slabs[-1].layers + 0.1:
                slabs.append(slab)
                break
    return slabs


def _termination_steps(
    termination: Termination,
    symmetric: Symmetric | None,
    whole: _Crystal,
    request: SurfaceEnergiesRequest,
    make: StepMaker,
) -> list[Step]:
    """The slabs of a termination, and the levels of the thickest."""
    slabs = _slabs(termination, symmetric, request)
    planned = [step for slab in slabs for step in _slab_steps(slab, whole, request, make)]
    if request.levels is not None:
        relaxed = planned[-1]
        planned.append(
            make.step(
                f"{relaxed.name}, levels",
                "levels",
                relaxed.n_atoms,
                engine=request.levels,
                structure_from=StructureFrom(step=relaxed.id),
                labels=SlabLevelsLabels(label=whole.label, termination=slabs[-1].label),
            )
        )
    return planned


def _slab_steps(
    slab: Slab, whole: _Crystal, request: SurfaceEnergiesRequest, make: StepMaker
) -> list[Step]:
    label, phase = whole.label, whole.phase
    alike = slab.termination.symmetric or slab.variant.startswith("symmetric")
    name, size = f"{label} {slab.label}, {counted(round(slab.layers, 2), 'layer')}", len(slab.atoms)
    cut = StructureFrom(step=whole.relaxed.id, cut=Recut.of_slab(slab).document())
    inputs = {FILM_CRYSTAL: Input(step=whole.relaxed.id)}
    unrelaxed = []
    if request.unrelaxed:
        unlabelled = UnrelaxedSlabLabels(label=label)
        unrelaxed.append(
            make.step(
                f"{name}, as cut", "static", size, structure_from=cut, inputs=inputs,
                labels=unlabelled,
            )
        )  # fmt: skip
    labels = FreeSlabLabels(
        label=label,
        slab=SlabLabels.model_validate(
            {
                **slab.describe(),
                "name": f"{label} {slab.label}",
                "phase": phase.name,
                "grade": phase.grade,
                "source": phase.source,
            }
        ),
        facet=miller_label(slab.miller),
        family=_family(whole.crystal, slab.miller),
        faces="alike" if alike else "mean of two",
        layers=slab.layers,
        unrelaxed=unrelaxed[0].id if unrelaxed else None,
        crystal=whole.plan,
    )
    relaxed = make.step(name, "relax", size, structure_from=cut, inputs=inputs, labels=labels)
    return [*unrelaxed, relaxed]

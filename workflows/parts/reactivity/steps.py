"""Steps of a study's reactions: every phase of the chemical systems relaxed, and its energy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from ase import Atoms

from natriface.structures.base.errors import StructureError, each_made, nearest
from natriface.structures.chemistry.formal_charges import ionic_charge, is_metal
from natriface.structures.chemistry.polyanions import formula_unit
from natriface.structures.crystals.phases import Phase, load_phase, phase_names, reduced_formula
from natriface.workflows.names import named_files
from natriface.workflows.parts.reactivity.labels import PhaseLabels, PlannedPhase, ReactivityPlan
from natriface.workflows.parts.reactivity.request import ReactivityRequest
from natriface.workflows.plan import Step
from natriface.workflows.step_maker import StepMaker
from natriface.workflows.surfaces.crystal_build import crystal_as_asked, primitive
from natriface.workflows.surfaces.crystal_request import AskedCrystal
from natriface.workflows.surfaces.crystal_steps import crystal_energy, relaxed_crystal


@dataclass(frozen=True)
class _Crystal:
    """A phase as it is computed."""

    phase: Phase
    atoms: Atoms
    doping: str | None = None
    ordering: int | None = None

    @property
    def formula(self) -> str:
        """Of its atoms, which may be doped."""
        if self.doping is None:
            return self.phase.formula
        return formula_unit(self.atoms.numbers)


def steps(request: ReactivityRequest, make: StepMaker, root: Path) -> list[Step]:
    """The steps of all phases that hold no other elements than a pair does.

    Raises
    ------
    StructureError
        If a phase of a pair is not to be had, or is not one crystal.
    StudyError
        If the engine cannot relax a cell.
    """
    crystals = each_made(request.crystals, lambda label, asked: _as_asked(label, asked, root))
    left_out: dict[str, str] = {}
    pairs = _pairs(request, crystals, root, left_out)
    reactants = {label for pair in pairs for label in pair}
    systems = [frozenset(_elements(crystals[a]) | _elements(crystals[b])) for a, b in pairs]
    for name in _candidates(request, left_out):
        phase = load_phase(name, root)
        if phase.name in crystals or not any(set(phase.composition) <= s for s in systems):
            continue
        reason = _reason_against(phase, list(crystals.values()))
        if reason is None:
            crystals[phase.name] = _Crystal(phase, primitive(phase.atoms))
        else:
            left_out[phase.name] = reason
    relaxed = {
        label: relaxed_crystal(label, crystal.atoms, make, PhaseLabels(role="bulk", label=label))
        for label, crystal in crystals.items()
    }
    energies = {
        label: crystal_energy(step, make, PhaseLabels(role="bulk_energy", label=label))
        for label, step in relaxed.items()
    }
    plan = ReactivityPlan(
        pairs=pairs,
        element=request.element or _reference([_elements(crystals[x]) for p in pairs for x in p]),
        phases={
            label: PlannedPhase(
                energy=energies[label].id,
                formula=crystal.formula,
                grade=crystal.phase.grade,
                source=crystal.phase.source,
                doping=crystal.doping,
                ordering=crystal.ordering,
                phase=None if crystal.phase.name == label else crystal.phase.name,
            )
            for label, crystal in crystals.items()
        },
        left_out=left_out,
        known_compounds=request.known_compounds,
    )
    for label in reactants:
        labels = PhaseLabels(role="bulk_energy", label=label, plan=plan)
        energies[label] = energies[label].model_copy(update={"metadata": labels.document()})
    return [*relaxed.values(), *energies.values()]


def _as_asked(label: str, asked: AskedCrystal, root: Path) -> _Crystal:
    phase, atoms, doping = crystal_as_asked(label, asked, root)
    ordering = None if load_phase(asked.phase, root).is_ordered else asked.ordering
    return _Crystal(phase, atoms, doping, ordering)


def _pairs(
    request: ReactivityRequest, crystals: dict[str, _Crystal], root: Path, left_out: dict[str, str]
) -> list[tuple[str, str]]:
    """The pairs by their labels, each once; files of a pattern that make no reactant left out."""

    def labels(name: str) -> list[str]:
        if name in crystals:
            return [name]
        found = []
        for each in named_files(name, root, "reactivity, pairs"):
            try:
                found.append(_reactant(each, crystals, root))
            except StructureError as error:
                if each == name:
                    raise
                left_out[Path(each).name] = str(error).removeprefix("reactivity, pairs: ")
        return found

    sides = [(labels(first), labels(second)) for first, second in request.pairs]
    found = dict.fromkeys(pair for two in sides for pair in product(*two) if pair[0] != pair[1])
    if not found:
        raise StructureError("reactivity, pairs: none is left; " + "; ".join(left_out.values()))
    return list(found)


def _reactant(name: str, crystals: dict[str, _Crystal], root: Path) -> str:
    """The label of a phase of a pair, which is taken up among the crystals."""
    if name in crystals:
        return name
    try:
        phase = load_phase(name, root)
    except StructureError as error:
        hint = f"; crystals of this study: {nearest(name, crystals)}" if crystals else ""
        raise StructureError(f"reactivity, pairs: {error}{hint}") from None
    if not phase.is_ordered:
        raise StructureError(
            f"reactivity, pairs: {phase.name} is disordered; ask for one of its orderings in "
            "crystals"
        )
    crystals.setdefault(phase.name, _Crystal(phase, primitive(phase.atoms)))
    return phase.name


def _reference(reactants: Sequence[set[str]]) -> str | None:
    """The element whose potential windows are counted from, where a study names none."""
    if any("Na" in elements for elements in reactants):
        return "Na"
    alone = [
        x for elements in reactants if len(elements) == 1 and is_metal(elements) for x in elements
    ]
    return next((x for x in alone if ionic_charge(x) is not None), None)


def _candidates(request: ReactivityRequest, left_out: dict[str, str]) -> list[str]:
    """The library and the study's own phases, without those it leaves out."""
    names = phase_names()
    for name in request.leave_out:
        if name not in names:
            raise StructureError(
                f"reactivity, leave_out: no phase {name!r}: {nearest(name, names)}"
            )
        left_out[name] = "the study leaves it out"
    return [*(name for name in names if name not in left_out), *request.phases]


def _elements(crystal: _Crystal) -> set[str]:
    return set(crystal.atoms.get_chemical_symbols())


def _reason_against(phase: Phase, known: Sequence[_Crystal]) -> str | None:
    """Why a phase is not computed: it is no crystal, or relaxes to one that is."""
    if not phase.is_ordered:
        return "disordered: ask for one of its orderings in crystals"
    from pymatgen.analysis.structure_matcher import StructureMatcher
    from pymatgen.io.ase import AseAtomsAdaptor

    alike = [
        other
        for other in known
        if other.doping is None
        and other.phase.space_group_number == phase.space_group_number
        and reduced_formula(other.phase.composition) == reduced_formula(phase.composition)
    ]
    structure = AseAtomsAdaptor.get_structure
    for other in alike:
        if StructureMatcher().fit(structure(phase.atoms), structure(other.phase.atoms)):
            return f"the crystal of {other.phase.name} with another lattice constant"
    return None

"""From Results alone to what is known of each interface, and why the rest is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ase import Atoms
from ase.data import atomic_numbers

from natriface.analysis.bonding.integrity import Integrity, bond_limits, compare_units
from natriface.analysis.energies.interface_energy import (
    area_and_contacts,
)
from natriface.analysis.results.result import Result
from natriface.structures.base.compositions import parse_formula
from natriface.structures.base.errors import AnalysisError
from natriface.structures.chemistry.formal_charges import anion_rank
from natriface.workflows.parts.interfaces.evaluation.layer_reactions import layer_reaction
from natriface.workflows.parts.interfaces.evaluation.level import (
    PARTS,
    Terms,
    level_caveats,
    level_record,
    require,
    starts_of,
    terms_of,
    with_spread_of,
)
from natriface.workflows.parts.interfaces.evaluation.records import (
    BondMean,
    IntegrityRecord,
    InterfaceRecord,
    LevelRecord,
    SlabRecord,
)
from natriface.workflows.parts.interfaces.evaluation.reference_slabs import (
    Start,
    lowest_start,
    reference_slab,
    start_caveats,
    start_records,
)
from natriface.workflows.parts.interfaces.evaluation.scanned_registries import (
    apart_starts,
    registries_record,
)
from natriface.workflows.parts.interfaces.evaluation.strain_energies import strain_energies
from natriface.workflows.parts.interfaces.evaluation.strains import strains
from natriface.workflows.parts.interfaces.labels import SIDES, InterfaceLabels
from natriface.workflows.parts.labels import read_labels, step_labels
from natriface.workflows.parts.reactivity.records import Records
from natriface.workflows.report.steps import ExpectedStep, Steps, known_steps
from natriface.workflows.surfaces.labels import SlabLabels

REFERENCE_ROLES = (*SIDES, "rigid_substrate", "rigid_film")


@dataclass(frozen=True)
class Gathered:
    """One interface's record with the results it was made from, by role.

    Of several starts the result is that of the lowest; of a slab, of those in the interface's cell.
    """

    record: InterfaceRecord
    results: dict[str, Result]
    integrity: Integrity | None


def gather(
    results: Sequence[Result],
    expected: Sequence[ExpectedStep] | None = None,
    missing: Mapping[str, str] | None = None,
    reactions: Records | None = None,
) -> list[Gathered]:
    """Interfaces with their energies and integrity, in the order of `expected`, else by name.

    Parameters
    ----------
    results
        Any, in any order; only those whose steps are labelled as interfaces and the ones these
        refer to matter.
    expected
        The planned steps; interfaces without a result yet appear with the reason.
    missing
        Step name or id -> why it has no sound result.
    reactions
        What the study says of reactions between phases, where it asks for them.
    """
    steps = Steps.of([result for result in results if result.step], expected, missing)
    by_name = sorted(results, key=lambda result: result.label)
    return [
        _gathered(step.id, read_labels(InterfaceLabels, step.metadata, step.name), steps, reactions)
        for step in known_steps(by_name, expected or ())
        if step_labels(step).role == "interface"
    ]


def _gathered(
    identifier: str, labels: InterfaceLabels, steps: Steps, reactions: Records | None
) -> Gathered:
    """One function because every field of the record is of the same results, looked up once."""
    planned = labels.reference_steps
    seconds: dict[str, list[str]] = {
        side: [*labels.second_starts.get(side, ()), *labels.other_supercells.get(side, ())]
        for side in SIDES
    }
    asked: Sequence[str] | None = labels.quantities
    if asked is None:
        asked = [q for q, roles in PARTS.items() if set(roles) <= planned.keys()] + ["integrity"]
        asked += ["unreacted_bound"] if labels.bulk_energies else []
    found = {
        role: steps.results[step]
        for role, step in {"interface": identifier, **planned}.items()
        if step in steps.results
    }
    as_built = found.get("substrate")
    sizes = {"substrate": labels.n_substrate_atoms, "film": labels.n_film_atoms}
    starts: dict[str, list[Start]] = {
        side: starts_of(steps, [planned[side], *seconds[side]], sizes[side])
        for side in SIDES
        if side in planned
    }
    wholes = apart_starts(labels, steps, starts_of(steps, [identifier, *labels.restarts]))
    rigid = {role: step for role, step in planned.items() if role not in SIDES}
    terms = Terms({"interface": wholes, **starts}, rigid, labels.bulk_energies)
    chosen = terms.taken().get("interface")
    k = 0 if chosen is None else wholes.index(chosen)
    if chosen is not None and chosen.result is not None:
        found["interface"] = chosen.result
    interface = found.get("interface")
    area, n_contacts = _area(interface, labels)
    contact_area = area * n_contacts if area and n_contacts else None
    caveats: list[str] = []
    for side, slab in starts.items():
        own = lowest_start(interface, [start for start in slab if start.share == 1])
        if own is not None and own.result is not None:
            found[side] = own.result
        from_interface = slab[k + 1] if len(slab) > k + 1 else None
        caveats += start_caveats(
            interface, slab, found.get(f"rigid_{side}"), contact_area, from_interface
        )
    points = [terms_of(level, terms, labels, steps) for level in labels.energies_by]
    caveats += [text for each in points for text in level_caveats(each, steps, contact_area)]
    levels = _levels(labels, terms, points, steps, asked, contact_area)
    head = levels[0]
    integrity, integrity_record = None, None
    if "integrity" in asked:
        integrity, integrity_record = _integrity(
            wholes[k].id, found, as_built, steps, film_metal(labels.film.formula)
        )
    by_id = {start.id: start for start in wholes}
    scanned = {x: by_id[x] for x in (identifier, *labels.scanned_starts) if x in by_id}
    registries = registries_record(labels, steps, scanned)
    strained = strains(labels, interface, steps.results)
    caveats[:0] = [f"{slab.name}: {slab.caution}." for slab in labels.slabs if slab.caution]
    caveats[:0] = strained.caveats
    record = InterfaceRecord(
        pair=labels.pair,
        references=labels.references,
        label=labels.label,
        film=_slab(labels.film.of_height(strained.heights["film"]), strained.of["film"]),
        substrate=_slab(
            labels.substrate.of_height(strained.heights["substrate"]), strained.of["substrate"]
        ),
        formula=labels.formula,
        n_atoms=labels.n_atoms,
        area_angstrom2=area,
        n_contacts=n_contacts,
        max_strain=strained.largest,
        max_strain_percent=labels.max_strain_percent,
        gap_angstrom=registries.best_gap_angstrom if registries else labels.gap_angstrom,
        vacuum_angstrom=labels.vacuum_angstrom,
        rotation_degrees=labels.match.rotation_degrees if labels.match else None,
        engine=head.engine,
        protocol=head.protocol,
        level=head.level,
        interfacial_formation_energy=head.interfacial_formation_energy,
        work_of_adhesion=head.work_of_adhesion,
        bound=head.bound,
        strain_energies=strain_energies(labels, area, steps),
        layer_reaction=None if reactions is None else layer_reaction(labels, reactions),
        levels=levels if len(levels) > 1 else [],
        registries=registries,
        integrity=integrity_record,
        reference_slabs=[
            reference_slab(side, interface, slab, area, n_contacts)
            for side, slab in starts.items()
            if len(slab) > 1
        ],
        starts=start_records(None, wholes) if len(wholes) > 1 else [],
        caveats=caveats,
        steps=[
            *(steps.row(one.id, "interface") for one in [wholes[k], *wholes[:k], *wholes[k + 1 :]]),
            *(
                steps.row(step)
                for step in dict.fromkeys(
                    [
                        *([labels.registry_scan] if labels.registry_scan else []),
                        *labels.crystal_steps.values(),
                        *labels.bulk_energies.values(),
                        *(x for ids in labels.strained_crystals.values() for x in ids),
                    ]
                )
            ),
            *(
                steps.row(step, role)
                for role in REFERENCE_ROLES
                for step, role in _steps_of(role, planned, seconds)
            ),
            *(
                steps.row(step)
                for level in labels.energies_by
                for ids in [*level.steps.values(), [*level.bulk_energies.values()]]
                for step in ids
            ),
        ],
    )
    return Gathered(record, found, integrity)


def _levels(
    labels: InterfaceLabels,
    relaxed: Terms,
    points: Sequence[Terms],
    steps: Steps,
    asked: Sequence[str],
    contact_area_angstrom2: float | None,
) -> list[LevelRecord]:
    """The energies by every level of theory, the relaxing one last."""
    name = labels.relaxed_by or "the relaxing engine"
    own = level_record(name, relaxed, labels, steps, asked, contact_area_angstrom2)
    levels = []
    for level, each in zip(labels.energies_by, points, strict=True):
        found = level_record(level.name, each, labels, steps, asked, contact_area_angstrom2)
        formation = found.interfacial_formation_energy
        if not level.all_starts and not level.relaxes:
            formation = with_spread_of(formation, own.interfacial_formation_energy)
        told: dict[str, Any] = {
            "interfacial_formation_energy": formation,
            "settings": level.settings,
            "geometries": "all" if level.all_starts else "lowest",
            "relaxed_on": level.relaxes,
        }
        levels.append(found.model_copy(update=told))
    return [*levels, own]


def _steps_of(
    role: str, references: Mapping[str, str], seconds: Mapping[str, Sequence[str]]
) -> list[tuple[str, str]]:
    """Ids and roles of the steps of one role: a slab's second starts behind its first."""
    first = [(references[role], role)] if role in references else []
    return first + [(step, f"{role}_second_start") for step in seconds.get(role, ())]


def _integrity(
    identifier: str,
    found: Mapping[str, Result],
    as_built: Result | None,
    steps: Steps,
    metal: str,
) -> tuple[Integrity | None, IntegrityRecord]:
    try:
        interface = require(steps, identifier, "interface")
        if interface.status != "converged":
            raise AnalysisError(
                f"{interface.label}: the relaxation is {interface.status}"
                + (f" ({interface.reason})" if interface.reason else "")
            )
        before, after = interface.initial_atoms(), interface.final_atoms()
        integrity = compare_units(before, after, metal)
    except AnalysisError as error:
        return None, IntegrityRecord(reason=str(error))
    symbols = before.get_chemical_symbols()
    free = found.get("substrate")
    free_slab: Integrity | None = None
    free_symbols: list[str] = []
    if free is not None and free.status == "converged" and free.initial_structure:
        # a second start begins with the tetrahedra that the contact has left
        built = as_built if as_built is not None and as_built.initial_structure else free
        free_slab = compare_units(built.initial_atoms(), free.final_atoms(), metal)
        free_symbols = free.final_atoms().get_chemical_symbols()
    kinds = sorted(
        {
            (unit.formula, symbols[unit.centre], symbols[bond.ligand])
            for unit in integrity.before.values()
            for bond in unit.bonds
        }
    )
    return integrity, IntegrityRecord(
        summary=integrity.summary(),
        units=integrity.intact_by_formula,
        n_broken=len(integrity.broken),
        n_formed=len(integrity.formed),
        bonds=[
            BondMean(
                unit=unit,
                bond=f"{centre}-{ligand}",
                before_angstrom=_mean(integrity, unit, ligand, "before", symbols),
                free_slab_angstrom=_mean(free_slab, unit, ligand, "after", free_symbols),
                after_angstrom=_mean(integrity, unit, ligand, "after", symbols),
            )
            for unit, centre, ligand in kinds
        ],
        limits_angstrom=_limits(before, integrity, symbols),
        metal=metal,
        metal_contacts_before=integrity.metal_contacts[0],
        metal_contacts_after=integrity.metal_contacts[1],
        free_slab_summary=free_slab.summary() if free_slab else None,
    )


def film_metal(formula: str | None) -> str:
    """The most electropositive element of a film; Na if the film is not known."""
    elements = sorted(parse_formula(formula or "Na"))
    return min(elements, key=lambda symbol: anion_rank(atomic_numbers[symbol]))


def _limits(before: Atoms, integrity: Integrity, symbols: Sequence[str]) -> dict[str, float]:
    """Of the kinds of bonds that the units have or come to have."""
    known = bond_limits(before)
    units = [*integrity.before.values(), *integrity.after.values()]
    bonds = [bond for unit in units for bond in unit.bonds]
    kinds = dict.fromkeys((symbols[bond.centre], symbols[bond.ligand]) for bond in bonds)
    return {"-".join(kind): known[kind] for kind in kinds}


def _mean(
    integrity: Integrity | None, unit: str, ligand: str, when: str, symbols: list[str]
) -> float | None:
    if integrity is None:
        return None
    try:
        return integrity.mean_bond_angstrom(unit, ligand, when, symbols)
    except AnalysisError:  # all bonds of this kind are broken
        return None


def _area(interface: Result | None, labels: InterfaceLabels) -> tuple[float | None, int | None]:
    if interface is not None and interface.final_structure is not None:
        try:
            return area_and_contacts(interface)
        except AnalysisError:
            pass  # the energies carry the reason
    return labels.area_angstrom2, labels.n_contacts


def _slab(slab: SlabLabels, strains: Sequence[float]) -> SlabRecord:
    return SlabRecord(
        name=slab.name,
        phase=slab.phase,
        grade=slab.grade,
        source=slab.source,
        doping=slab.doping,
        cut=slab.cut,
        surface=slab.label,
        cut_words=slab.cut_words,
        formula=slab.formula,
        thickness_angstrom=slab.thickness_angstrom,
        polar=slab.polar,
        stoichiometric=slab.stoichiometric,
        principal_strains=list(strains),
    )

"""From Results alone to what is known of each interface, and why the rest is not known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from natriface.analysis.bonding.integrity import Integrity, compare_units
from natriface.analysis.energies.interface_energy import (
    InterfaceEnergy,
    area_and_contacts,
    interfacial_formation_energy,
    work_of_adhesion,
)
from natriface.analysis.energies.starts import in_quadrature, n_atoms
from natriface.analysis.results.result import Result
from natriface.structures.base.errors import AnalysisError
from natriface.workflows.parts.interfaces.evaluation.records import (
    BondMean,
    IntegrityRecord,
    InterfaceRecord,
    Quantity,
    SlabRecord,
)
from natriface.workflows.parts.interfaces.evaluation.reference_slabs import (
    Start,
    lowest_start,
    per_contact,
    reference_slab,
    start_caveats,
    start_records,
    uncertainty_ev,
)
from natriface.workflows.parts.interfaces.evaluation.scanned_registries import (
    apart_starts,
    registries_record,
)
from natriface.workflows.parts.interfaces.evaluation.strains import strains
from natriface.workflows.parts.interfaces.evaluation.unreacted import unreacted_bound
from natriface.workflows.parts.interfaces.labels import SIDES, InterfaceLabels, StartLabels
from natriface.workflows.parts.labels import read_labels, step_labels
from natriface.workflows.report.steps import ExpectedStep, Steps, known_steps
from natriface.workflows.surfaces.labels import SlabLabels

REFERENCE_ROLES = (*SIDES, "rigid_substrate", "rigid_film")
PARTS = {
    "interfacial_formation_energy": ("substrate", "film"),
    "work_of_adhesion": ("rigid_substrate", "rigid_film"),
}
"""Which reference steps a quantity needs beside the interface."""


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
    """
    steps = Steps.of([result for result in results if result.step], expected, missing)
    by_name = sorted(results, key=lambda result: result.label)
    return [
        _gathered(step.id, read_labels(InterfaceLabels, step.metadata, step.name), steps)
        for step in known_steps(by_name, expected or ())
        if step_labels(step).role == "interface"
    ]


def _require(steps: Steps, identifier: str | None, role: str) -> Result:
    if identifier is None:
        raise AnalysisError(f"no {role.replace('_', ' ')} step was planned")
    if identifier not in steps.results:
        raise AnalysisError(f"{steps.name(identifier)}: {_reason(steps, identifier)}")
    return steps.results[identifier]


def _reason(steps: Steps, identifier: str) -> str:
    return steps.why_missing(identifier) or "not finished yet"


def _starts(
    steps: Steps, identifiers: Sequence[str], n_in_interface: int | None = None
) -> list[Start]:
    """Relaxations of one thing; of a slab, in whatever supercell."""
    starts: list[Start] = []
    for step in identifiers:
        found = steps.results.get(step)
        n = n_atoms(found) if found else 0
        share = n_in_interface / n if n and n_in_interface else 1.0
        own = not starts or _independent(steps, step)
        starts.append(Start(step, steps.name(step), found, _reason(steps, step), share, own))
    return starts


def _independent(steps: Steps, identifier: str) -> bool:
    """Whether a relaxation knew nothing of where others had ended, as far as is on record."""
    found = steps.results.get(identifier)
    step = steps.planned.get(identifier) or (found.step if found else None)
    return step is not None and read_labels(StartLabels, step.metadata, step.name).independent


def _gathered(identifier: str, labels: InterfaceLabels, steps: Steps) -> Gathered:
    """One function because every field of the record is of the same results, looked up once."""
    planned = labels.reference_steps
    seconds: dict[str, list[str]] = {
        side: [*labels.second_starts.get(side, ()), *labels.other_supercells.get(side, ())]
        for side in SIDES
    }
    asked: Sequence[str] | None = labels.quantities
    if asked is None:
        asked = [q for q, roles in PARTS.items() if set(roles) <= planned.keys()] + ["integrity"]
    found = {
        role: steps.results[step]
        for role, step in {"interface": identifier, **planned}.items()
        if step in steps.results
    }
    wholes = apart_starts(labels, steps, _starts(steps, [identifier, *labels.restarts]))
    chosen = lowest_start(None, wholes)
    k = 0 if chosen is None else wholes.index(chosen)
    if chosen is not None and chosen.result is not None:
        found["interface"] = chosen.result
    interface = found.get("interface")
    as_built = found.get("substrate")
    area, n_contacts = _area(interface, labels)
    contact_area = area * n_contacts if area and n_contacts else None
    sizes = {"substrate": labels.n_substrate_atoms, "film": labels.n_film_atoms}
    starts = {
        side: _starts(steps, [planned[side], *seconds[side]], sizes[side])
        for side in SIDES
        if side in planned
    }
    references = {"interface": wholes[k].id, **planned}
    lowest: dict[str, Result] = {}
    caveats: list[str] = []
    for side, slab in starts.items():
        taken = lowest_start(interface, slab)
        own = lowest_start(interface, [start for start in slab if start.share == 1])
        if taken is not None and taken.result is not None:
            references[side], lowest[side] = taken.id, taken.result
        if own is not None and own.result is not None:
            found[side] = own.result
        from_interface = slab[k + 1] if len(slab) > k + 1 else None
        caveats += start_caveats(
            interface, slab, found.get(f"rigid_{side}"), contact_area, from_interface
        )
    formation, adhesion = (
        _quantity(compute, name, references, steps) if name in asked else None
        for name, compute in (
            ("interfacial_formation_energy", _formation_energy),
            ("work_of_adhesion", work_of_adhesion),
        )
    )
    if formation is not None and formation.value_j_per_m2 is not None:
        terms = {"the interface": wholes, **{f"the {side}": starts[side] for side in SIDES}}
        formation = _with_uncertainty(formation, interface, terms, contact_area)
    integrity, integrity_record = None, None
    if "integrity" in asked:
        integrity, integrity_record = _integrity(references["interface"], found, as_built, steps)
    by_id = {start.id: start for start in wholes}
    scanned = {x: by_id[x] for x in (identifier, *labels.scanned_starts) if x in by_id}
    registries = registries_record(labels, steps, scanned)
    some = interface or next(iter(found.values()), None)
    strained = strains(labels, interface, steps.results)
    if strained.caveat:
        caveats.insert(0, strained.caveat)
    record = InterfaceRecord(
        pair=labels.pair,
        label=labels.label,
        film=_slab(labels.film, strained.of["film"]),
        substrate=_slab(labels.substrate, strained.of["substrate"]),
        formula=labels.formula,
        n_atoms=labels.n_atoms,
        area_angstrom2=area,
        n_contacts=n_contacts,
        max_strain=strained.largest,
        gap_angstrom=registries.best_gap_angstrom if registries else labels.gap_angstrom,
        vacuum_angstrom=labels.vacuum_angstrom,
        rotation_degrees=labels.match.rotation_degrees if labels.match else None,
        engine=some.engine if some else None,
        protocol=some.protocol if some else None,
        level=some.engine.level if some else None,
        interfacial_formation_energy=formation,
        work_of_adhesion=adhesion,
        bound=unreacted_bound(labels, lowest, steps),
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
                    ]
                )
            ),
            *(
                steps.row(step, role)
                for role in REFERENCE_ROLES
                for step, role in _steps_of(role, planned, seconds)
            ),
        ],
    )
    return Gathered(record, found, integrity)


def _formation_energy(interface: Result, substrate: Result, film: Result) -> InterfaceEnergy:
    return interfacial_formation_energy(interface, substrate, film, supercells=True)


def _with_uncertainty(
    quantity: Quantity,
    interface: Result | None,
    terms: Mapping[str, Sequence[Start]],
    contact_area_angstrom2: float | None,
) -> Quantity:
    """The quantity with how far searches agree on all its terms, or with why that is not known."""
    within = {name: uncertainty_ev(interface, starts) for name, starts in terms.items()}
    single = [name for name, each in within.items() if each is None]
    if single:
        reason = f"one independent start only of {' and '.join(single)}"
        return quantity.model_copy(update={"no_uncertainty": reason})
    found = per_contact(in_quadrature(*within.values()), contact_area_angstrom2, 1)
    return quantity.model_copy(update={"uncertainty_j_per_m2": found})


def _quantity(
    compute: Callable[[Result, Result, Result], InterfaceEnergy],
    name: str,
    references: Mapping[str, str],
    steps: Steps,
) -> Quantity:
    try:
        interface = _require(steps, references["interface"], "interface")
        parts = [_require(steps, references.get(role), role) for role in PARTS[name]]
        energy = compute(interface, *parts)
    except AnalysisError as error:
        return Quantity(reason=str(error))
    return Quantity(
        value_j_per_m2=energy.value_j_per_m2,
        value_ev_per_angstrom2=energy.value_ev_per_angstrom2,
        difference_ev=energy.difference_ev,
        formula=energy.formula,
        energies_ev=energy.energies_ev,
    )


def _steps_of(
    role: str, references: Mapping[str, str], seconds: Mapping[str, Sequence[str]]
) -> list[tuple[str, str]]:
    """Ids and roles of the steps of one role: a slab's second starts behind its first."""
    first = [(references[role], role)] if role in references else []
    return first + [(step, f"{role}_second_start") for step in seconds.get(role, ())]


def _integrity(
    identifier: str, found: Mapping[str, Result], as_built: Result | None, steps: Steps
) -> tuple[Integrity | None, IntegrityRecord]:
    try:
        interface = _require(steps, identifier, "interface")
        if interface.status != "converged":
            raise AnalysisError(
                f"{interface.label}: the relaxation is {interface.status}"
                + (f" ({interface.reason})" if interface.reason else "")
            )
        before, after = interface.initial_atoms(), interface.final_atoms()
        integrity = compare_units(before, after)
    except AnalysisError as error:
        return None, IntegrityRecord(reason=str(error))
    symbols = before.get_chemical_symbols()
    free = found.get("substrate")
    free_slab: Integrity | None = None
    free_symbols: list[str] = []
    if free is not None and free.status == "converged" and free.initial_structure:
        # a second start begins with the tetrahedra that the contact has left
        built = as_built if as_built is not None and as_built.initial_structure else free
        free_slab = compare_units(built.initial_atoms(), free.final_atoms())
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
        sodium_contacts_before=integrity.sodium_contacts[0],
        sodium_contacts_after=integrity.sodium_contacts[1],
        free_slab_summary=free_slab.summary() if free_slab else None,
    )


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
        surface=slab.label,
        formula=slab.formula,
        thickness_angstrom=slab.thickness_angstrom,
        polar=slab.polar,
        stoichiometric=slab.stoichiometric,
        principal_strains=list(strains),
    )

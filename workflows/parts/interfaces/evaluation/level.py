"""An interface's energies by one level of theory: that which relaxes it, or one of `energies_by`.

Each is of its own energies throughout: interface, slabs, rigid slabs, crystals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from natriface.analysis.energies.interface_energy import (
    InterfaceEnergy,
    interfacial_formation_energy,
    work_of_adhesion,
)
from natriface.analysis.energies.starts import in_quadrature, is_sample, n_atoms
from natriface.analysis.results.result import Result
from natriface.structures.base.errors import AnalysisError
from natriface.workflows.parts.interfaces.evaluation.records import LevelRecord, Quantity
from natriface.workflows.parts.interfaces.evaluation.reference_slabs import (
    Start,
    lowest_start,
    per_contact,
    start_caveats,
    uncertainty_ev,
)
from natriface.workflows.parts.interfaces.evaluation.unreacted import unreacted_bound
from natriface.workflows.parts.interfaces.labels import (
    RIGID,
    SIDES,
    InterfaceLabels,
    LevelLabels,
    StartLabels,
)
from natriface.workflows.parts.labels import read_labels
from natriface.workflows.report.steps import Steps

PARTS = {
    "interfacial_formation_energy": ("substrate", "film"),
    "work_of_adhesion": ("rigid_substrate", "rigid_film"),
}
"""Which reference steps a quantity needs beside the interface."""


@dataclass(frozen=True)
class Terms:
    """What an interface's energies by one level of theory are made of.

    Attributes
    ----------
    starts
        Of the ``interface`` and, by side, of its slabs on their own.
    rigid
        By role: ids of the steps of its slabs as they lie in it.
    bulk_energies
        By side: ids of the steps that give their crystals' energies.
    """

    starts: Mapping[str, Sequence[Start]]
    rigid: Mapping[str, str]
    bulk_energies: Mapping[str, str]

    def taken(self) -> dict[str, Start]:
        """By role: the lowest start; of what has none that can be taken, nothing."""
        interface = lowest_start(None, self.starts["interface"])
        whole = None if interface is None else interface.result
        found = {"interface": interface}
        for side in SIDES:
            found[side] = lowest_start(whole, self.starts.get(side, ()))
        return {role: start for role, start in found.items() if start is not None}

    def references(self) -> dict[str, str]:
        """By role: id of the step whose energy is taken."""
        first = {role: starts[0].id for role, starts in self.starts.items()}
        return {**first, **{role: start.id for role, start in self.taken().items()}, **self.rigid}


def starts_of(
    steps: Steps, identifiers: Sequence[str], n_in_interface: int | None = None
) -> list[Start]:
    """Relaxations of one thing; of a slab, in whatever supercell."""
    starts: list[Start] = []
    for step in identifiers:
        found = steps.results.get(step)
        n = n_atoms(found) if found else 0
        share = n_in_interface / n if n and n_in_interface else 1.0
        sample = not starts or found is None or is_sample(found)
        own = not starts or _independent(steps, step)
        why = _reason(steps, step)
        starts.append(Start(step, steps.name(step), found, why, share, sample, own))
    return starts


def _independent(steps: Steps, identifier: str) -> bool:
    """Whether a relaxation knew nothing of where others had ended, as far as is on record."""
    found = steps.results.get(identifier)
    step = steps.planned.get(identifier) or (found.step if found else None)
    return step is not None and read_labels(StartLabels, step.metadata, step.name).independent


def terms_of(level: LevelLabels, relaxed: Terms, labels: InterfaceLabels, steps: Steps) -> Terms:
    """What the energies by a level of `energies_by` are made of.

    Parameters
    ----------
    relaxed
        What was relaxed: it tells which of all starts are samples, and independent.
    """
    sizes = {"substrate": labels.n_substrate_atoms, "film": labels.n_film_atoms}
    starts = {
        role: starts_of(steps, level.steps[role], sizes.get(role))
        for role in ("interface", *SIDES)
        if role in level.steps
    }
    if level.all_starts:
        starts = {
            role: [
                replace(
                    point,
                    sample=start.sample and (point.sample or not level.relaxes),
                    independent=start.independent,
                )
                for point, start in zip(points, relaxed.starts[role], strict=True)
            ]
            for role, points in starts.items()
        }
    rigid: dict[str, str] = {
        role: level.steps[role][0] for role in RIGID.values() if role in level.steps
    }
    return Terms(starts, rigid, level.bulk_energies)


def level_record(
    name: str,
    terms: Terms,
    labels: InterfaceLabels,
    steps: Steps,
    asked: Sequence[str],
    contact_area_angstrom2: float | None,
) -> LevelRecord:
    """Formation energy, rigid work of adhesion and bound by one level of theory.

    Parameters
    ----------
    contact_area_angstrom2
        N A of the formation energy, A^2.
    """
    taken, references = terms.taken(), terms.references()
    interface = taken["interface"].result if "interface" in taken else None
    formation, adhesion = (
        _quantity(compute, quantity, references, steps) if quantity in asked else None
        for quantity, compute in (
            (
                "interfacial_formation_energy",
                partial(
                    interfacial_formation_energy, supercells=True, references=labels.references
                ),
            ),
            ("work_of_adhesion", work_of_adhesion),
        )
    )
    if formation is not None and formation.value_j_per_m2 is not None:
        formation = _with_uncertainty(formation, interface, terms.starts, contact_area_angstrom2)
    known = (steps.results.get(x) for x in references.values())
    some = interface or next((result for result in known if result is not None), None)
    lowest = {role: start.result for role, start in taken.items() if start.result is not None}
    return LevelRecord(
        name=name,
        engine=some.engine if some else None,
        protocol=some.protocol if some else None,
        level=some.engine.level if some else None,
        interfacial_formation_energy=formation,
        work_of_adhesion=adhesion,
        bound=unreacted_bound(labels, terms.bulk_energies, lowest, steps)
        if "unreacted_bound" in asked
        else None,
    )


def with_spread_of(quantity: Quantity | None, relaxed: Quantity | None) -> Quantity | None:
    """A formation energy of the lowest starts alone, with the uncertainty of the relaxed."""
    if quantity is None or quantity.value_j_per_m2 is None or relaxed is None:
        return quantity
    return quantity.model_copy(
        update={
            "uncertainty_j_per_m2": relaxed.uncertainty_j_per_m2,
            "no_uncertainty": relaxed.no_uncertainty or relaxed.reason,
        }
    )


def level_caveats(terms: Terms, steps: Steps, contact_area_angstrom2: float | None) -> list[str]:
    """What is wrong with the slabs' energies by such a level, though they converged."""
    taken = terms.taken()
    interface = taken["interface"].result if "interface" in taken else None
    return [
        caveat
        for side in SIDES
        if side in terms.starts
        for caveat in start_caveats(
            interface,
            terms.starts[side],
            steps.results.get(terms.rigid.get(RIGID[side], "")),
            contact_area_angstrom2,
            None,
        )
    ]


def require(steps: Steps, identifier: str | None, role: str) -> Result:
    """The result of a step.

    Raises
    ------
    AnalysisError
        Why there is none.
    """
    if identifier is None:
        raise AnalysisError(f"no {role.replace('_', ' ')} step was planned")
    if identifier not in steps.results:
        raise AnalysisError(f"{steps.name(identifier)}: {_reason(steps, identifier)}")
    return steps.results[identifier]


def _reason(steps: Steps, identifier: str) -> str:
    return steps.why_missing(identifier) or "not finished yet"


def _with_uncertainty(
    quantity: Quantity,
    interface: Result | None,
    terms: Mapping[str, Sequence[Start]],
    contact_area_angstrom2: float | None,
) -> Quantity:
    """The quantity with how far searches agree on all its terms, or with why that is not known."""
    within = {role: uncertainty_ev(interface, starts) for role, starts in terms.items()}
    single = [f"the {role}" for role, each in within.items() if each is None]
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
        interface = require(steps, references["interface"], "interface")
        parts = [require(steps, references.get(role), role) for role in PARTS[name]]
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

"""The reaction energy of a layer, where a study asks for reactions beside its interfaces."""

from __future__ import annotations

from natriface.analysis.energies.layer_reaction import LAYER_FORMULA, full_reaction
from natriface.structures.base.compositions import parse_formula
from natriface.structures.base.errors import AnalysisError
from natriface.workflows.parts.interfaces.evaluation.records import LayerReactionRecord
from natriface.workflows.parts.interfaces.labels import InterfaceLabels
from natriface.workflows.parts.reactivity.records import PairRecord, Records
from natriface.workflows.surfaces.labels import SlabLabels


def layer_reaction(labels: InterfaceLabels, reactions: Records) -> LayerReactionRecord:
    """What one layer of an interface's substrate gains by reacting with its film."""
    try:
        return _layer_reaction(labels, reactions)
    except AnalysisError as error:
        return LayerReactionRecord(reason=str(error))


def _layer_reaction(labels: InterfaceLabels, reactions: Records) -> LayerReactionRecord:
    film, substrate = labels.film, labels.substrate
    for slab in (film, substrate):
        if slab.doping is not None:
            raise AnalysisError(
                f"{slab.name}: no crystal with its composition is among the phases of the reactions"
            )
        if not slab.stoichiometric:
            raise AnalysisError(f"{slab.name}: its slab has not the composition of its crystal")
    pair = _pair(film, substrate, reactions)
    consumed = next(
        x for x in (pair.first, pair.second) if _crystal(x, reactions) == substrate.phase
    )
    planned = reactions.plan.phases[consumed]
    n_atoms = round(sum(parse_formula(planned.formula).values()))
    layers, area, n_slab = (_number(substrate, x) for x in ("layers", "area_angstrom2", "n_atoms"))
    units = n_slab / n_atoms / layers / area
    volume = next(x.volume_angstrom3 for x in reactions.phases if x.label == consumed)
    told = LayerReactionRecord(
        layer_angstrom=None if volume is None else volume * units,
        unknown=pair.unknown,
        not_computed=pair.not_computed,
        engine=reactions.engine,
        formula=str(LAYER_FORMULA),
    )
    found = full_reaction(pair.reactions, n_atoms, consumes_first=pair.first == consumed)
    if found is None:
        return told.model_copy(update={"value_j_per_m2": 0.0, "equation": "no reaction"})
    film_share = (1 - found.consumed_share) / found.consumed_share
    return told.model_copy(
        update={
            "value_j_per_m2": found.j_per_m2(units),
            "energy_ev": found.energy_ev,
            "equation": found.reaction.equation,
            "film_atoms_per_angstrom2": film_share * n_atoms * units,
        }
    )


def _pair(film: SlabLabels, substrate: SlabLabels, reactions: Records) -> PairRecord:
    asked = {film.phase, substrate.phase}
    for pair in reactions.pairs:
        own = {_crystal(label, reactions) for label in (pair.first, pair.second)}
        if own == asked and len(asked) == 2:
            if pair.reason is not None:
                raise AnalysisError(pair.reason)
            return pair
    raise AnalysisError(
        f"reactivity has no pair [{film.phase}, {substrate.phase}]; add it to its pairs"
    )


def _crystal(label: str, reactions: Records) -> str | None:
    """Name of the undoped crystal of a label; None of a doped one."""
    planned = reactions.plan.phases[label]
    return None if planned.doping else planned.phase or label


def _number(slab: SlabLabels, name: str) -> float:
    value = (slab.model_extra or {}).get(name)
    if not value:
        raise AnalysisError(f"{slab.name}: its {name} is not on record")
    return float(value)

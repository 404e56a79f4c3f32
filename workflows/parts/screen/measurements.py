"""What claims on interfaces are held against: the lowest registry of what relaxed alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from natriface.analysis.energies.starts import in_quadrature, spread
from natriface.analysis.results.claim import Choice, Measurement, Quantity
from natriface.structures.crystals.doping import DopingWords
from natriface.workflows.parts.screen.labels import CandidateLabels, LeftOut
from natriface.workflows.parts.screen.records import CandidateRecord, StageEnergy
from natriface.workflows.surfaces.labels import SlabLabels

TAKEN = (
    "Claims are held against relaxed candidates, and by another potential against energies at "
    "their geometries; never against unrelaxed ones. Of candidates that differ only in registry "
    "and gap, where a relaxation begins, the lowest is taken: {groups} of {energies} energies. "
    "Its uncertainty is how far these end apart, with the most that starts of their slabs differ "
    "by; one that was relaxed from a single registry has none. Doped and undoped are compared "
    "where faces, layers, match and potential are alike."
)
"""Said in the report, with the two numbers."""


@dataclass(frozen=True)
class RelaxedEnergy:
    """An energy of a candidate at a geometry that relaxed.

    Attributes
    ----------
    off
        By how much the starts of its slabs differ, J/m2, in the relaxation that gave the geometry.
    """

    stage: int
    system: str
    value: float
    off: float | None
    choices: Mapping[Choice, str]
    grade: str | None = None
    by_dft: bool = False


def relaxed_energies(
    records: Sequence[CandidateRecord], labelled: Mapping[str, CandidateLabels]
) -> list[RelaxedEnergy]:
    """Of every candidate and potential, from the first stage that relaxes on; of several stages by
    one potential the last that any candidate has an energy in.

    Sides of one phase with one dopant are one system, by the name of the first of them; how the
    dopant's charge is balanced is a choice.

    Parameters
    ----------
    labelled
        By step id.
    """
    names: dict[tuple[str, str | None], str] = {}
    systems = {
        one.candidate: f"{_system(one.film, names)}|{_system(one.substrate, names)}"
        for one in labelled.values()
    }
    grades = {one.candidate: f"{one.film.grade}|{one.substrate.grade}" for one in labelled.values()}
    found: list[RelaxedEnergy] = []
    for record in records:
        chosen = like_choices(record)
        for stage, off in from_relaxation_on(record.stages):
            if stage.energy_j_per_m2 is None or stage.potential is None:
                continue
            choices: dict[Choice, str] = {**chosen, "potential": stage.potential}
            system, grade = systems[record.candidate], grades[record.candidate]
            energy = stage.energy_j_per_m2
            relaxed = (stage.stage, system, energy, off, choices, grade, stage.by_dft)
            found.append(RelaxedEnergy(*relaxed))
    last: dict[str, int] = {}
    for one in found:
        potential = one.choices["potential"]
        last[potential] = max(one.stage, last.get(potential, 0))
    return [one for one in found if one.stage == last[one.choices["potential"]]]


def measurements(energies: Sequence[RelaxedEnergy]) -> list[Measurement]:
    """The lowest of each system with like choices, uncertain by the others and by their slabs.

    A relaxation begins in a registry and at a gap, and an interface takes the lowest: these are
    starts, no choices. All have the same slabs, each relaxed as built and as it lies in its
    interface: of what these differ by the most is taken. A slab that begins in a minimum there is
    no second start of it.
    """
    alike: dict[tuple[str, frozenset[tuple[Choice, str]]], list[RelaxedEnergy]] = {}
    for one in energies:
        alike.setdefault((one.system, frozenset(one.choices.items())), []).append(one)
    found = []
    for members in alike.values():
        lowest = min(members, key=lambda one: one.value)
        off = off_by([one.value for one in members], [one.off for one in members])
        found.append(
            Measurement(
                "interfacial formation energy",
                lowest.system,
                lowest.value,
                off,
                lowest.choices,
                lowest.grade,
                lowest.by_dft,
            )
        )
    return found


def unmeasured(
    records: Sequence[CandidateRecord], left_out: Sequence[LeftOut], substrates: Iterable[str]
) -> dict[tuple[Quantity, str], str]:
    """Of each pair of which no energy is a measurement, why.

    Parameters
    ----------
    records
        The best of a pair first.
    substrates
        What the study calls their phases.
    """
    found: dict[str, str] = {}
    for record in records:
        why = record.stages[-1].reason or "no candidate of this pair was relaxed"
        found.setdefault(record.pair, why)
    for one in left_out:
        if len(one.phases) == 2:
            system = "|".join(one.phases)
            found.setdefault(system, f"{one.reason}: {one.what.removeprefix(f'{system}: ')}")
    alone = [one for one in left_out if len(one.phases) == 1 and one.counted in ("phases", "files")]
    for one, substrate in product(alone, substrates):
        found.setdefault(f"{one.phases[0]}|{substrate}", one.what)
    return {("interfacial formation energy", system): why for system, why in found.items()}


def off_by(values: Sequence[float], of_slabs: Sequence[float | None]) -> float | None:
    """How far off the lowest of like relaxations may be: how far these end apart, and the most that
    starts of their slabs differ by; None where either is not known."""
    slabs = max((off for off in of_slabs if off is not None), default=None)
    return in_quadrature(spread(values), slabs)


def _system(slab: SlabLabels, names: dict[tuple[str, str | None], str]) -> str:
    dopant = DopingWords.of(slab.doping).dopant if slab.doping else None
    return names.setdefault((slab.phase, dopant), slab.name)


def from_relaxation_on(
    stages: Sequence[StageEnergy],
) -> Iterator[tuple[StageEnergy, float | None]]:
    """The stages at relaxed geometries, each with what starts of the slabs differed by there."""
    relaxed, off = False, None
    for stage in stages:
        if stage.compute == "relax":
            relaxed, off = True, stage.slabs_differ_j_per_m2
        if relaxed:
            yield stage, off


def like_choices(record: CandidateRecord) -> dict[Choice, str]:
    """All that was chosen but where the relaxation began."""
    chosen = record.choices
    facet, _, layers = chosen.substrate.partition(", ")
    film_facet, _, film_layers = chosen.film.partition(", ")
    found: dict[Choice, str] = {
        "facet": facet,
        "facet of the film": film_facet,
        "layers": f"{film_layers} on {layers}",
        "match": (
            f"{chosen.area_angstrom2:.1f} A2, {100 * chosen.max_strain:.2f} %, "
            f"{chosen.strained} strained"
        ),
    }
    doped = [each for each in (chosen.film_dopant, chosen.substrate_dopant) if each]
    if doped:
        found["site"] = " and ".join(map(_site, doped))
        found["compensation"] = " and ".join(DopingWords.of(each).balance for each in doped)
    return found


def _site(description: str) -> str:
    """The site, and which of its arrangements: these may differ in what compensates alone."""
    _, mark, arrangement = description.rpartition(", arrangement ")
    sites = DopingWords.of(description).sites
    return f"{sites}, arrangement {arrangement}" if mark else sites

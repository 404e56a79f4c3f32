"""What claims on interfaces are held against: energies, bounds, bonds, and units that break."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Literal

from natriface.analysis.bonding.integrity import Integrity, compare_units
from natriface.analysis.energies.starts import in_quadrature, spread
from natriface.analysis.results.claim import Choice, Measurement
from natriface.analysis.results.result import Result
from natriface.structures.crystals.doping import DopingWords
from natriface.workflows.parts.interfaces.evaluation.gathering import Gathered
from natriface.workflows.parts.interfaces.evaluation.records import (
    BoundRecord,
    InterfaceRecord,
    Quantity,
)
from natriface.workflows.parts.interfaces.evaluation.reference_slabs import per_contact

FORMATION: Literal["interfacial formation energy"] = "interfacial formation energy"
FACES = 2
"""Of a slab, over which the uncertainty of its energy is shared out."""


def measurements(gathered: Sequence[Gathered], results: Sequence[Result]) -> list[Measurement]:
    """Every value of the interfaces that a claim may be about, with what was chosen for it.

    Substrates of one phase with one dopant are one system, by the name of the first of them; how
    the dopant's charge is balanced is a choice.

    Parameters
    ----------
    results
        Of all starts.
    """
    by_id = {result.step.id: result for result in results if result.step}
    names: dict[tuple[str | None, str | None], str] = {}
    found: list[Measurement] = []
    for item in gathered:
        substrate = item.record.substrate
        dopant = DopingWords.of(substrate.doping).dopant if substrate.doping else None
        name = names.setdefault((substrate.phase, dopant), substrate.name)
        pair = f"{item.record.film.name}|{name}"
        found += [*energies(item.record, pair), *_units(item, by_id, pair, name)]
    return found


def slab_choices(
    substrate: str | None, film: str | None, doping: str | None, potential: str | None
) -> dict[Choice, str]:
    """What was chosen for an interface.

    Parameters
    ----------
    substrate, film
        Their surfaces, ``(100)-1``.
    doping
        Of the substrate.
    potential
        What it is relaxed by.
    """
    planes: dict[Choice, str | None] = {"facet": substrate, "facet of the film": film}
    found: dict[Choice, str] = {k: v.split(" ")[0] for k, v in planes.items() if v}
    if potential is not None:
        found["potential"] = potential
    if doping:
        said = DopingWords.of(doping)
        found |= {"site": said.sites, "compensation": said.balance}
    return found


def _choices(record: InterfaceRecord, potential: str | None) -> dict[Choice, str]:
    substrate = record.substrate
    return slab_choices(substrate.surface, record.film.surface, substrate.doping, potential)


def _relaxed_by(record: InterfaceRecord) -> str | None:
    engine = record.engine
    return record.relaxed_by or (None if engine is None else engine.called)


def energies(record: InterfaceRecord, pair: str) -> Iterator[Measurement]:
    """By every level of theory; a bound is as uncertain as the slabs that were relaxed."""
    within = [slab.uncertainty_ev for slab in record.reference_slabs]
    off = per_contact(in_quadrature(*within), record.area_angstrom2, FACES) if within else None
    levels: list[tuple[str | None, bool, Quantity | None, BoundRecord | None]]
    levels = [
        (x.name, x.level == "DFT", x.interfacial_formation_energy, x.bound) for x in record.levels
    ]
    grades = [side.grade for side in (record.film, record.substrate) if side.grade is not None]
    grade = "|".join(grades) or None
    formation, bound = record.interfacial_formation_energy, record.bound
    own = (_relaxed_by(record), record.level == "DFT", formation, bound)
    for potential, by_dft, formation, bound in levels or [own]:
        choices = _choices(record, potential)
        if formation is not None and formation.value_j_per_m2 is not None:
            yield Measurement(
                FORMATION,
                pair,
                formation.value_j_per_m2,
                formation.uncertainty_j_per_m2,
                choices,
                grade,
                by_dft,
            )
        if bound is not None and bound.value_j_per_m2 is not None:
            value = bound.value_j_per_m2
            yield Measurement("unreacted bound", pair, value, off, choices, grade, by_dft)


def _units(
    item: Gathered, by_id: Mapping[str, Result], pair: str, substrate: str
) -> Iterator[Measurement]:
    """Units that broke in each start; lengths of bonds in the lowest, uncertain by the others."""
    record, taken = item.record, item.results.get("interface")
    if item.integrity is None or taken is None:
        return
    told = [s for s in record.starts if s.sample and s.independent and s.energy_ev is not None]
    starts = {start.name: by_id[start.id] for start in told if start.id in by_id}
    starts = starts or {taken.label: taken}
    choices = _choices(record, _relaxed_by(record))
    lengths: dict[tuple[str, str], list[float]] = {}
    for name, result in starts.items():
        integrity = _compared(result)
        for unit, (intact, total) in integrity.intact_by_formula.items():
            chosen: dict[Choice, str] = {**choices, "start": name}
            yield Measurement("broken units", f"{unit} at {pair}", total - intact, None, chosen)
        for kind, length in _lengths(integrity, result).items():
            lengths.setdefault(kind, []).append(length)
    surroundings: dict[Choice, str] = {"surroundings": f"in contact with {record.film.name}"}
    for (unit, bond), length in _lengths(item.integrity, taken).items():
        off = spread(lengths.get((unit, bond), []))
        system = f"{bond} in {unit} of {substrate}"
        yield Measurement("bond length", system, length, off, choices | surroundings)


def _compared(result: Result) -> Integrity:
    return compare_units(result.initial_atoms(), result.final_atoms())


def _lengths(integrity: Integrity, result: Result) -> dict[tuple[str, str], float]:
    """Mean length by unit and bond, A, of the bonds that are left."""
    symbols = result.final_atoms().get_chemical_symbols()
    kept: dict[tuple[str, str], list[float]] = {}
    for centre, unit in integrity.before.items():
        for bond in integrity.after[centre].bonds:
            kind = unit.formula, f"{symbols[centre]}-{symbols[bond.ligand]}"
            kept.setdefault(kind, []).append(bond.length_angstrom)
    return {kind: fmean(lengths) for kind, lengths in kept.items()}

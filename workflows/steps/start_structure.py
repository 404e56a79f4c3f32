"""The structure a step starts from, once the steps it comes from have ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

import numpy as np
from ase import Atoms

from natriface.analysis.energies.starts import SAME_MINIMUM_EV, energy_per_atom, lowest
from natriface.analysis.results.result import Result
from natriface.structures.base.atom_tags import FILM_TAG, SUBSTRATE_TAG, sides
from natriface.structures.base.atoms import from_document, select
from natriface.structures.base.errors import EngineError, StructureError
from natriface.structures.base.heights import isolated
from natriface.structures.crystals.straining import deformed
from natriface.structures.interfaces.fitted_crystal import FittedCrystal
from natriface.structures.interfaces.ligand_transfer import (
    LigandKind,
    move_back,
    move_into_film,
    moved_ligand,
)
from natriface.structures.interfaces.recut import Recut
from natriface.structures.interfaces.restacking import restack, slide_film
from natriface.structures.paths.exchange import Exchange
from natriface.structures.surfaces.carrying import carry
from natriface.workflows.plan import (
    FILM_CRYSTAL,
    OTHER_CRYSTAL,
    LowestArrangement,
    Restacked,
    Selection,
    Side,
    SlabAgain,
    Step,
    StructureFrom,
)


def structure_for(
    step: Step,
    results: Mapping[str, Result],
    inputs: Mapping[str, Atoms | Path] = MappingProxyType({}),
) -> Atoms:
    """The structure a step starts from: its own, or what other steps have made of theirs.

    Parameters
    ----------
    results
        Of the steps its structure comes from, by id.
    inputs
        What the step needs beside its structure: the film's crystal, of a slab or interface that is
        cut from relaxed crystals, or the other side's, of a crystal that is strained as in one.

    Raises
    ------
    EngineError
        If a result is not there, or a structure has no such side.
    AnalysisError
        If a result holds no final structure.
    StructureError
        If sides cannot be put together anew, or a crystal it is cut from is no longer the same.
    """
    source = step.structure_from
    if source is None:
        return step.atoms()
    if not set(source.parents) <= set(results):
        raise EngineError(f"{step.name} needs the result of another step")
    if isinstance(source, LowestArrangement):
        return isolated(_lowest_arrangement(source, results), source.vacuum_angstrom)
    if isinstance(source, Restacked):
        return _restacked(source, results)
    if isinstance(source, SlabAgain):
        return _slab_again(source, results, step.name)
    return _from_step(source, results, inputs, step.name)


def _from_step(
    source: StructureFrom,
    results: Mapping[str, Result],
    inputs: Mapping[str, Atoms | Path],
    name: str,
) -> Atoms:
    taken = _lowest([results[x] for x in (source.step, *(source.others or ()))])
    if source.cut is not None:
        film = inputs.get(FILM_CRYSTAL)
        if not isinstance(film, Atoms):
            raise EngineError(f"{name} needs the film's crystal, which is not among its inputs")
        return Recut.of_document(source.cut).apply(taken.final_atoms(), film)
    if source.fitted is not None:
        other = inputs.get(OTHER_CRYSTAL)
        return FittedCrystal.of_document(source.fitted).apply(
            taken.final_atoms(), other if isinstance(other, Atoms) else None
        )
    whole = taken.final_atoms() if source.scanned is None else _scanned(taken, source.scanned, name)
    atoms = _side(whole, source.select, name)
    if source.vacuum_angstrom is not None:
        atoms = isolated(atoms, source.vacuum_angstrom)
    if source.deformation is not None:
        atoms = deformed(atoms, source.deformation)
    if source.into_film is not None:
        move = source.into_film
        atoms = move_into_film(atoms, LigandKind.of(move.ligand), move.rank, move.site)
    if source.back_to is not None:
        before = results[source.back_to].final_atoms()
        atoms = move_back(before, moved_ligand(before, taken.initial_atoms()), atoms)
    return atoms if source.exchange is None else Exchange.of_document(source.exchange).apply(atoms)


def _scanned(result: Result, rank: int, name: str) -> Atoms:
    ranked = result.scan.ranked() if result.scan else []
    if rank >= len(ranked):
        raise EngineError(
            f"{name}: {result.label} has energies of {len(ranked)} registries only; ask for fewer "
            "registries"
        )
    return slide_film(result.initial_atoms(), ranked[rank].shift, ranked[rank].lift_angstrom)


def _lowest_arrangement(source: LowestArrangement, results: Mapping[str, Result]) -> Atoms:
    wanted = source.relaxed[0].supercell
    own = _lowest([results[x.step] for x in source.relaxed if x.supercell == wanted])
    target = own.final_atoms()
    tried = _lowest([own, *(results[step] for step in source.tried)])
    elsewhere = [x for x in source.relaxed if x.supercell != wanted and x.step not in source.tried]
    for each in sorted(elsewhere, key=lambda x: energy_per_atom(results[x.step])):
        found = results[each.step]
        if lowest([tried, found], by=SAME_MINIMUM_EV):
            with suppress(StructureError):  # what cannot be cut to fit is left
                cell = from_document(source.surface_cell)
                return carry(cell, found.final_atoms(), each.supercell, target, wanted)
    return target


def _restacked(source: Restacked, results: Mapping[str, Result]) -> Atoms:
    base = source.relaxed[lowest([results[one.interface] for one in source.relaxed])]
    atoms = results[base.interface].final_atoms()
    better: dict[Side, Atoms] = {}
    for side, slabs in source.slabs.items():
        old = [results[x] for x in slabs if x in source.tried]
        new = [results[x] for x in slabs if x not in source.tried]
        offers = [_lowest([results[base.side(side)], *old]), *new]
        k = lowest(offers, by=SAME_MINIMUM_EV)
        if k:
            better[side] = offers[k].final_atoms()
    return restack(atoms, **better) if better else atoms


def _slab_again(source: SlabAgain, results: Mapping[str, Result], name: str) -> Atoms:
    interfaces = [results[one.interface] for one in source.before]
    earlier = lowest(interfaces)
    if lowest([interfaces[earlier], results[source.interface]], by=SAME_MINIMUM_EV):
        atoms = _side(results[source.interface].final_atoms(), source.side, name)
    else:
        atoms = results[source.before[earlier].side(source.side)].final_atoms()
    return isolated(atoms, source.vacuum_angstrom)


def _lowest(results: Sequence[Result]) -> Result:
    return results[lowest(results)]


def _side(atoms: Atoms, side: Selection, name: str) -> Atoms:
    if side == "all":
        return atoms
    wanted = {"film": FILM_TAG, "substrate": SUBSTRATE_TAG}[side]
    indices = np.flatnonzero(sides(atoms) == wanted).tolist()
    if not indices or len(indices) == len(atoms):
        raise EngineError(f"{name}: the structure it is taken from is no interface: no {side} tags")
    return select(atoms, indices)

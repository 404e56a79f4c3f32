"""A study's slabs and interfaces, and the plan of what is to be computed on them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from natriface.structures.atoms import to_document
from natriface.structures.charges import OXIDATION_STATES, balanced_states, formal_charges
from natriface.structures.doping import dope
from natriface.structures.errors import StructureError, StudyError
from natriface.structures.interfaces import Interface, build_interface
from natriface.structures.matching import find_matches
from natriface.structures.phases import Phase, load_phase
from natriface.structures.slabs import Slab, build_slab
from natriface.structures.terminations import Termination, find_terminations
from natriface.workflows.engines.base import engine
from natriface.workflows.plan import Kind, Plan, Step, StructureFrom
from natriface.workflows.protocols import Protocol, load_protocol
from natriface.workflows.study import Dopant, SlabRequest, Study

STRAIN_SHARE = {"film": 0.0, "substrate": 1.0, "both": 0.5}
"""Fraction of the strain the substrate bears."""


@dataclass(frozen=True)
class BuiltSlab:
    """A slab as asked for: the clean one that is matched, and the doped one that is used."""

    label: str
    phase: Phase
    clean: Slab
    slab: Slab
    doping: str | None

    def describe(self) -> dict[str, Any]:
        """JSON-able: the study's name for it, what it is, and where its crystal comes from."""
        return {
            "name": self.label,
            "phase": self.phase.name,
            "grade": self.phase.grade,
            "source": self.phase.source,
            "doping": self.doping,
            **self.slab.describe(),
        }


@dataclass(frozen=True)
class BuiltInterface:
    """An interface of a study."""

    film: BuiltSlab
    substrate: BuiltSlab
    interface: Interface

    @property
    def label(self) -> str:
        """``Na|NZSP``: film on substrate, by the study's labels."""
        return f"{self.film.label}|{self.substrate.label}"

    def describe(self) -> dict[str, Any]:
        """JSON-able: all that the report needs to judge a number."""
        return {
            **self.interface.metadata(),
            "pair": self.label,
            "film": self.film.describe(),
            "substrate": self.substrate.describe(),
        }


def build_study(study: Study, root: Path) -> list[BuiltInterface]:
    """All interfaces of a study.

    Parameters
    ----------
    root
        Folder that the paths of users' crystals are relative to.

    Raises
    ------
    StructureError
        If a phase, termination, match or interface is not to be had; says for which.
    """
    substrates = {label: _built(label, asked, root) for label, asked in study.substrates.items()}
    films = {label: _built(label, asked, root) for label, asked in study.films.items()}
    return [_joined(study, films[film], substrates[substrate]) for film, substrate in study.pairs]


def plan_study(study: Study, root: Path, *, to_run: bool = True) -> Plan:
    """The steps of a study, checked by their engine.

    Parameters
    ----------
    to_run
        False where the plan is only looked at: then the engine need not be able to run here.

    Raises
    ------
    NatrifaceError
        If a structure cannot be built or the engine cannot do a step; nothing has run by then.
    """
    protocol = load_protocol(study.protocol, root)
    _check_overrides(study)
    interfaces = build_study(study, root)
    steps = [step for built in interfaces for step in _steps(study, protocol, built)]
    chosen = engine(study.engine)
    for step in steps if to_run else []:
        chosen.check(step)
    return Plan.of(study.name, steps)


def _check_overrides(study: Study) -> None:
    kinds = Kind.__args__  # type: ignore[attr-defined]
    for kind in study.settings:
        if kind not in kinds:
            raise StudyError(
                f"settings: no kind of calculation {kind!r}; known: {', '.join(kinds)}"
            )


def _built(label: str, asked: SlabRequest, root: Path) -> BuiltSlab:
    try:
        phase = load_phase(asked.phase, root)
        termination = _termination(phase, asked)
        clean = build_slab(
            termination,
            thickness_angstrom=asked.thickness_angstrom,
            layers=asked.layers,
            symmetric=asked.symmetric,
            reconstruct=asked.reconstruct,
            flip=asked.flip,
            frozen_angstrom=asked.frozen_angstrom,
        )
        slab, doping = (clean, None) if asked.dopant is None else _doped(clean, asked.dopant)
    except StructureError as error:
        raise StructureError(f"slab {label}: {error}") from None
    return BuiltSlab(label, phase, clean, slab, doping)


def _termination(phase: Phase, asked: SlabRequest) -> Termination:
    found = find_terminations(phase.atoms, asked.miller)
    if asked.termination is not None:
        if asked.termination > len(found):
            raise StructureError(
                f"{phase.name} {asked.miller} has {len(found)} terminations that keep its "
                f"polyanions whole; termination {asked.termination} is asked for"
            )
        return found[asked.termination - 1]
    usable = [t for t in found if not t.polar or asked.symmetric or asked.reconstruct]
    if not usable:
        raise StructureError(
            f"all terminations of {phase.name} {asked.miller} are polar; choose another plane, "
            "or set reconstruct or symmetric, or name a termination"
        )
    return usable[0]


def _doped(slab: Slab, dopant: Dopant) -> tuple[Slab, str]:
    arrangement = dope(
        slab.atoms,
        dopant.replaces,
        dopant.element,
        dopant.number_per_surface_cell,
        dopant.coordinated_to,
        dopant.compensation,
        best=1,
        near="surface" if dopant.near_contact else None,
        side="top" if dopant.near_contact else None,
    )[0]
    doped = slab.with_atoms(
        arrangement.atoms,
        f"{dopant.element}-doped",
        _charges(slab.atoms, arrangement.atoms, dopant.element),
    )
    return doped, arrangement.description


def _charges(host: Atoms, doped: Atoms, dopant: str) -> NDArray[np.float64] | None:
    """Formal charges of a doped crystal: the host's, and the dopant's usual one."""
    counts = Counter(host.get_chemical_symbols())
    states = balanced_states({symbol: float(n) for symbol, n in counts.items()})
    if states is None or dopant not in OXIDATION_STATES:
        return None
    return formal_charges(doped.numbers, {dopant: OXIDATION_STATES[dopant][0], **states})


def _joined(study: Study, film: BuiltSlab, substrate: BuiltSlab) -> BuiltInterface:
    asked = study.interfaces
    try:
        matches = find_matches(
            substrate.clean,
            film.clean,
            max_area_angstrom2=asked.max_area_angstrom2,
            max_strain=asked.max_strain_percent / 100,
            share=STRAIN_SHARE[asked.strained],
        )
        interface = build_interface(
            substrate.slab,
            film.slab,
            matches[0],
            gap_angstrom=asked.gap_angstrom,
            registry=asked.registry,
            vacuum_angstrom=asked.vacuum_angstrom,
            contacts=asked.contacts,
            max_atoms=asked.max_atoms,
        )
    except StructureError as error:
        raise StructureError(f"interface {film.label}|{substrate.label}: {error}") from None
    return BuiltInterface(film, substrate, interface)


def _steps(study: Study, protocol: Protocol, built: BuiltInterface) -> list[Step]:
    def step(name: str, kind: Kind, n_atoms: int, **source: Any) -> Step:
        return Step(
            name=name,
            kind=kind,
            engine=study.engine,
            protocol=protocol.name,
            settings=protocol.settings(study.engine, kind, study.settings.get(kind)),
            n_atoms=n_atoms,
            **source,
        )

    def alone(atoms: Atoms) -> Atoms:
        return _isolated(atoms, study.interfaces.vacuum_angstrom)

    def relax(role: str, atoms: Atoms, name: str) -> Step:
        metadata = {"role": role, "pair": built.label}
        return step(name, "relax", len(atoms), structure=to_document(atoms), metadata=metadata)

    interface = built.interface
    pair, film, substrate = built.label, built.film.label, built.substrate.label
    whole = relax("interface", interface.atoms, f"{pair} interface")
    steps: dict[str, Step] = {}
    if "interfacial_formation_energy" in study.quantities:
        steps["substrate"] = relax(
            "substrate", alone(interface.substrate_atoms), f"{pair} {substrate} slab"
        )
        steps["film"] = relax("film", alone(interface.film_atoms), f"{pair} {film} slab")
    if "work_of_adhesion" in study.quantities:
        for side, label, atoms in (
            ("substrate", substrate, interface.substrate_atoms),
            ("film", film, interface.film_atoms),
        ):
            steps[f"rigid_{side}"] = step(
                f"{pair} {label} rigid",
                "static",
                len(atoms),
                structure_from=StructureFrom(step=whole.id, select=side),  # type: ignore[arg-type]
                metadata={"role": f"rigid_{side}", "pair": pair},
            )
    references = {role: reference.id for role, reference in steps.items()}
    described = {
        "role": "interface",
        "reference_steps": references,
        "quantities": list(study.quantities),
        **built.describe(),
    }
    return [whole.model_copy(update={"metadata": described}), *steps.values()]


def _isolated(atoms: Atoms, vacuum_angstrom: float) -> Atoms:
    """A reference slab in the interface's in-plane cell with a vacuum of its own.

    Its height does not depend on the other side, so that one reference serves all interfaces
    that share it, and a periodic sandwich, which has no vacuum, has references too.
    """
    slab = atoms.copy()
    slab.center(vacuum=vacuum_angstrom / 2, axis=2)
    return slab

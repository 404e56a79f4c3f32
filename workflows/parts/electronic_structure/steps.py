"""Steps of a study's electronic structure: relaxed crystals, their ground states, what these say.

For each crystal: ``relax`` (fast engine) -> ``static`` (DFT) -> bonds, densities of states and ELF
from that one ground state. To tell what a change of length alone does to a bond, the same bond is
computed longer and shorter: where the crystal has another one like it in another unit, one of them
is stretched and the other compressed in a single calculation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ase import Atoms

from natriface.analysis.bonding.tetrahedra import Tetrahedron, UnitBond, stretched, tetrahedra
from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import StructureError, each_made
from natriface.structures.crystals.phases import Phase
from natriface.workflows.engines.base import engine
from natriface.workflows.parts.electronic_structure.labels import (
    CrystalLabels,
    RelaxedLabels,
    StretchedLabels,
    StretchMove,
)
from natriface.workflows.parts.electronic_structure.request import (
    CrystalRequest,
    ElectronicStructureRequest,
    Quantity,
    StretchRequest,
)
from natriface.workflows.parts.labels import Labels
from natriface.workflows.plan import Input, Kind, Step, StructureFrom
from natriface.workflows.step_maker import StepMaker
from natriface.workflows.surfaces.crystal_build import crystal_as_asked

ALIKE_ANGSTROM = 1e-3
"""Bonds in two units are alike if their lengths agree to this."""


@dataclass(frozen=True)
class BuiltCrystal:
    """A crystal of the request, as built."""

    label: str
    phase: Phase
    atoms: Atoms
    doping: str | None
    request: CrystalRequest

    def describe(self) -> dict[str, Any]:
        """JSON-able: what it is and where it comes from."""
        return {
            "phase": self.phase.name,
            "formula": str(self.atoms.symbols),
            "grade": self.phase.grade,
            "source": self.phase.source,
            "doping": self.doping,
            "scale": self.request.scale,
            "against": self.request.against,
        }


def steps(request: ElectronicStructureRequest, make: StepMaker, root: Path) -> list[Step]:
    """The steps of all crystals, and of the stretched bond.

    Raises
    ------
    StructureError
        If a crystal or a bond is not to be had; says for which label.
    """
    crystals = each_made(request.crystals, lambda label, asked: build_crystal(label, asked, root))
    planned = [s for crystal in crystals.values() for s in _crystal_steps(crystal, request, make)]
    if request.stretch is not None:
        crystal = crystals[request.stretch.crystal]
        planned += _stretch_steps(crystal, request.stretch, request, make)
    return planned


def build_crystal(label: str, asked: CrystalRequest, root: Path) -> BuiltCrystal:
    """A crystal as asked for.

    Raises
    ------
    StructureError
        Naming the crystal.
    """
    phase, atoms, doping = crystal_as_asked(label, asked, root, asked.scale)
    return BuiltCrystal(label, phase, atoms, doping, asked)


def _crystal_steps(
    crystal: BuiltCrystal, request: ElectronicStructureRequest, make: StepMaker
) -> list[Step]:
    planned = []
    source: dict[str, Any] = {"structure": to_document(crystal.atoms)}
    if request.relax_with != "none":
        relaxed = make.step(
            f"{crystal.label} relaxed",
            "relax",
            len(crystal.atoms),
            engine=request.relax_with,
            labels=RelaxedLabels(label=crystal.label),
            **source,
        )
        planned.append(relaxed)
        source = {"structure_from": StructureFrom(step=relaxed.id)}
    return planned + _electronic_steps(
        crystal, crystal.label, source, request, make, request.quantities
    )


def _electronic_steps(
    crystal: BuiltCrystal,
    name: str,
    source: dict[str, Any],
    request: ElectronicStructureRequest,
    make: StepMaker,
    quantities: Sequence[Quantity],
    stretch: StretchRequest | None = None,
    moves: Sequence[StretchMove] = (),
) -> list[Step]:
    """The ground state of one structure, and what is read off it; of the crystal or stretched."""

    def labels(role: Literal["state"] | Quantity) -> Labels:
        known: dict[str, Any] = {
            "label": crystal.label,
            **crystal.describe(),
            "orbitals": request.orbitals,
            "align_by": request.align_by,
            "quantities": quantities,
        }
        if stretch is None:
            return CrystalLabels(role=role, **known)
        known |= {"role": f"stretched {role}", "stretch": moves, "bond": stretch.bond}
        return StretchedLabels.model_validate(known)

    capabilities = engine(request.engine).capabilities
    kinds: dict[str, Kind] = {"bonding": capabilities.bonding, "pdos": "dos", "elf": "elf"}
    n_atoms = len(crystal.atoms)
    ground: list[Step] = []
    inputs: dict[str, Input] = {}
    if capabilities.shares_state:
        state = make.step(
            f"{name} ground state",
            "static",
            n_atoms,
            engine=request.engine,
            labels=labels("state"),
            **source,
        )
        ground.append(state)
        inputs = {"state": Input(step=state.id, file="state")}
    return ground + [
        make.step(
            f"{name} {quantity}",
            kinds[quantity],
            n_atoms,
            engine=request.engine,
            inputs=inputs,
            labels=labels(quantity),
            **source,
        )
        for quantity in quantities
    ]


def _stretch_steps(
    crystal: BuiltCrystal,
    asked: StretchRequest,
    request: ElectronicStructureRequest,
    make: StepMaker,
) -> list[Step]:
    bonds = _bonds_to_stretch(crystal, asked.bond)
    moves: list[tuple[tuple[UnitBond, float], ...]]
    if len(bonds) == 2:
        moves = [((bonds[0], asked.by_angstrom), (bonds[1], -asked.by_angstrom))]
    else:
        moves = [((bonds[0], by),) for by in (asked.by_angstrom, -asked.by_angstrom)]
    planned: list[Step] = []
    for number, move in enumerate(moves, start=1):
        atoms = crystal.atoms
        for bond, by in move:
            atoms = stretched(atoms, bond, by)
        name = f"{crystal.label} {asked.bond} stretched" + (f" {number}" if len(moves) > 1 else "")
        planned += _electronic_steps(
            crystal,
            name,
            {"structure": to_document(atoms)},
            request,
            make,
            ["bonding"],
            asked,
            [
                StretchMove(centre=bond.centre, ligand=bond.ligand, by_angstrom=by)
                for bond, by in move
            ],
        )
    return planned


def _bonds_to_stretch(crystal: BuiltCrystal, bond: str) -> list[UnitBond]:
    """The shortest bond of this kind and one like it in another unit; alone where none is."""
    units: list[Tetrahedron] = tetrahedra(crystal.atoms)
    bonds = [b for unit in units for b in unit.bonds if b.bond == bond]
    if not bonds:
        present = sorted({b.bond for unit in units for b in unit.bonds})
        raise StructureError(
            f"stretch: no tetrahedron of {crystal.label} has a bond {bond}; "
            f"there are: {', '.join(present) or 'no tetrahedra'}"
        )
    first = min(bonds, key=lambda b: b.length_angstrom)
    # a ligand that both centres share would be moved twice
    taken = {b.ligand for unit in units if unit.centre == first.centre for b in unit.bonds}
    for other in bonds:
        alike = abs(other.length_angstrom - first.length_angstrom) < ALIKE_ANGSTROM
        if alike and other.centre != first.centre and other.ligand not in taken:
            return [first, other]
    return [first]

"""A slab cut from a phase as a study asks for it."""

from __future__ import annotations

from math import prod

from natriface.structures.errors import StructureError
from natriface.structures.phases import Phase
from natriface.structures.slabs import Slab, build_slab
from natriface.structures.terminations import Termination, find_terminations
from natriface.workflows.surfaces.slab_request import SlabCut

MOST_ATOMS = 10_000
"""Cells with more are not built: no engine here computes them."""


def require_atoms(n_atoms: int, repeats: tuple[int, ...]) -> None:
    """Refuse a supercell that nothing computes, before it takes the memory.

    Raises
    ------
    StructureError
        Naming the multiples.
    """
    total = n_atoms * prod(repeats)
    if total > MOST_ATOMS:
        raise StructureError(
            f"repeats {list(repeats)} of {n_atoms} atoms are {total:,} atoms, more than "
            f"{MOST_ATOMS:,}; ask for fewer"
        )


def cut_slab(
    phase: Phase, asked: SlabCut, *, vacuum_angstrom: float = 20.0, frozen_angstrom: float = 0.0
) -> Slab:
    """The slab asked for, of the termination asked for or of the first that is not polar.

    Raises
    ------
    StructureError
        If the phase has no such termination, or the slab cannot be built.
    """
    return build_slab(
        _termination(phase, asked),
        thickness_angstrom=asked.thickness_angstrom,
        layers=asked.layers,
        symmetric=asked.symmetric,
        reconstruct=asked.reconstruct,
        flip=asked.flip,
        vacuum_angstrom=vacuum_angstrom,
        frozen_angstrom=frozen_angstrom,
    )


def _termination(phase: Phase, asked: SlabCut) -> Termination:
    """The one asked for, or the first that is not polar."""
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

"""A slab cut from a phase as a study asks for it."""

from __future__ import annotations

from natriface.structures.base.errors import StructureError
from natriface.structures.chemistry.unit_charges import given_charges
from natriface.structures.crystals.phases import Phase
from natriface.structures.surfaces.freezing import FrozenRegion
from natriface.structures.surfaces.planes import suggestion
from natriface.structures.surfaces.slabs import Slab, build_slab
from natriface.structures.surfaces.surface_cell import Crystal
from natriface.structures.surfaces.terminations import Termination, find_terminations
from natriface.workflows.surfaces.slab_request import SlabCut


def cut_slab(
    phase: Phase,
    asked: SlabCut,
    *,
    vacuum_angstrom: float = 20.0,
    frozen_angstrom: float = 0.0,
    frozen_region: FrozenRegion = "bottom",
    through_polyanions: bool = False,
) -> Slab:
    """The slab asked for, of the termination asked for or of the first that is not polar.

    Parameters
    ----------
    through_polyanions
        Take one that cuts them.

    Raises
    ------
    StructureError
        If the phase has no such termination, or the slab cannot be built.
    """
    return build_slab(
        _termination(phase, asked, through_polyanions),
        thickness_angstrom=asked.thickness_angstrom,
        layers=asked.layers,
        symmetric=asked.symmetric,
        reconstruct=asked.reconstruct,
        flip=asked.flip,
        vacuum_angstrom=vacuum_angstrom,
        frozen_angstrom=frozen_angstrom,
        frozen_region=frozen_region,
    )


def _termination(phase: Phase, asked: SlabCut, through_polyanions: bool) -> Termination:
    """The one asked for, or the first that is not polar."""
    charges = None if asked.charges is None else given_charges(phase, asked.charges)
    crystal = Crystal.from_atoms(phase, charges)
    found = find_terminations(crystal, asked.miller, through_polyanions=through_polyanions)
    if through_polyanions:
        found = [t for t in found if not t.intact]
        if not found:
            others = suggestion(crystal, lambda t: not t.intact, through_polyanions=True)
            raise StructureError(
                f"cut: polyanions: no plane {asked.miller} of {phase.name} cuts through "
                f"polyanions; leave cut out, or take another plane ({others})"
            )
    if asked.termination is not None:
        for termination in found:
            if termination.number == asked.termination:
                return termination
        kind = "cut through its polyanions" if through_polyanions else "keep its polyanions whole"
        raise StructureError(
            f"{phase.name} {asked.miller} has {len(found)} terminations that {kind} (numbers "
            f"{', '.join(str(t.number) for t in found)}); termination {asked.termination} is asked "
            "for"
        )
    usable = [t for t in found if t.nonpolar or asked.symmetric or asked.reconstruct]
    if usable:
        return usable[0]
    others = suggestion(crystal, lambda t: t.nonpolar)
    if crystal.charges_unknown:
        raise StructureError(
            f"no formal charges are known that balance {phase.name}, and no termination of "
            f"{asked.miller} is free of a dipole by symmetry: give charges (element: e), choose "
            f"another plane ({others}), or set symmetric, or name a termination"
        )
    raise StructureError(
        f"all terminations of {phase.name} {asked.miller} are polar; choose another plane "
        f"({others}), or set reconstruct or symmetric, or name a termination"
    )

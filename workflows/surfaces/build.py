"""Surfaces as the parts of a study need them: a surface cell, its supercell, its held layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ase import Atoms

from natriface.analysis.results.wording import counted
from natriface.structures.base.atoms import fixed_indices, hold, to_document
from natriface.structures.base.bounds import require_supercell
from natriface.structures.base.errors import StructureError, nearest
from natriface.structures.crystals.phases import Phase, load_phase
from natriface.structures.surfaces.adsorption import AdatomSite, adatom_sites, place_adatom
from natriface.structures.surfaces.slabs import Slab, freeze
from natriface.structures.surfaces.surface_cell import miller_label
from natriface.workflows.surfaces.labels import SurfaceLabels
from natriface.workflows.surfaces.request import SurfaceRequest
from natriface.workflows.surfaces.slab_cut import cut_slab

EDGE_ANGSTROM = 0.1
"""Planes this much below the lowest free layer are still held."""


@dataclass(frozen=True)
class Surface:
    """A surface as asked for.

    Attributes
    ----------
    label : the study's name for it
    cell : its surface cell, the lowest layers held
    atoms : the supercell
    """

    label: str
    request: SurfaceRequest
    phase: Phase
    slab: Slab
    cell: Atoms
    atoms: Atoms

    @property
    def repeats(self) -> tuple[int, int, int]:
        """Surface cells in the supercell."""
        return (*self.request.repeats, 1)

    @property
    def facet(self) -> str:
        """Such as ``(100)``."""
        return miller_label(self.request.miller)

    def labels(self) -> SurfaceLabels:
        """All that a number got on it must be judged by."""
        n1, n2 = self.request.repeats
        described = {
            **self.slab.describe(),
            "surface_cell": to_document(self.cell),
            "name": self.label,
            "phase": self.phase.name,
            "grade": self.phase.grade,
            "source": self.phase.source,
            "repeats": (n1, n2),
            "frozen_layers": self.request.frozen_layers,
            "n_frozen": len(fixed_indices(self.atoms)),
            "supercell_area_angstrom2": self.slab.area_angstrom2 * n1 * n2,
        }
        return SurfaceLabels.model_validate(described)


def build_surface(label: str, asked: SurfaceRequest, root: Path) -> Surface:
    """The surface a study asks for.

    Raises
    ------
    StructureError
        If it is not to be had, or all its layers would be held; says which.
    """
    try:
        if min(asked.repeats) < 1:
            raise StructureError(f"repeats {asked.repeats}: two whole numbers of at least 1")
        phase = load_phase(asked.phase, root)
        slab = cut_slab(phase, asked, vacuum_angstrom=asked.vacuum_angstrom)
        if asked.frozen_layers >= slab.layers:
            raise StructureError(
                f"{asked.frozen_layers} of {counted(slab.layers, 'layer')} held: "
                "none is left to relax"
            )
        require_supercell(len(slab.atoms), asked.repeats)
        depth = asked.frozen_layers * slab.termination.layer_angstrom - EDGE_ANGSTROM
        cell = freeze(slab, depth) if asked.frozen_layers else slab.atoms
        return Surface(label, asked, phase, slab, cell, cell.repeat((*asked.repeats, 1)))
    except StructureError as error:
        raise StructureError(f"surface {label}: {error}") from None


def sites_named(surface: Surface, wanted: Sequence[str]) -> list[AdatomSite]:
    """The distinct sites of a surface of these kinds or labels, in the order asked for.

    Raises
    ------
    StructureError
        If the surface has no such site; says which it has.
    """
    found = adatom_sites(surface.cell, surface.request.element)
    chosen: list[AdatomSite] = []
    for name in wanted:
        fitting = [site for site in found if name in (site.kind, site.label)]
        if not fitting:
            known = list(dict.fromkeys(site.label for site in found))
            raise StructureError(
                f"surface {surface.label} has no site {name!r} ({nearest(name, known)}); "
                f"it has {', '.join(known)}"
            )
        chosen += [site for site in fitting if site not in chosen]
    return chosen


def with_adatom(surface: Surface, scaled: tuple[float, float], *, held: bool) -> Atoms:
    """The supercell with an adatom over a point given in fractions of the surface cell.

    Parameters
    ----------
    held
        Whether the adatom may move along the normal only.
    """
    n1, n2 = surface.request.repeats
    atoms = place_adatom(surface.atoms, surface.request.element, (scaled[0] / n1, scaled[1] / n2))
    if held:
        hold(atoms, fixed_indices(atoms), [len(atoms) - 1])
    return atoms

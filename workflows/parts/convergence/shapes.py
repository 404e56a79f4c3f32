"""The interface or slab that converges, with other vacuum or layers than its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from ase import Atoms

from natriface.analysis.energies.surface_energy import crystal_cells
from natriface.structures.base.errors import StructureError
from natriface.structures.base.heights import isolated
from natriface.structures.crystals.phases import load_phase
from natriface.workflows.parts.convergence.labels import Role
from natriface.workflows.parts.convergence.parameters import parameters_of
from natriface.workflows.parts.convergence.request import ConvergenceRequest, StudyKeys
from natriface.workflows.parts.interfaces.builder import BuiltInterface, build_interfaces
from natriface.workflows.surfaces.crystal_build import primitive
from natriface.workflows.surfaces.slab_cut import cut_slab
from natriface.workflows.surfaces.slab_request import SlabCut

VACUUM_ANGSTROM = 20.0
"""Of a slab."""

Cut = TypeVar("Cut", bound=SlabCut)


@dataclass(frozen=True)
class Shape:
    """What is computed at one point: the whole, and what is subtracted from it.

    Attributes
    ----------
    parts
        Role -> atoms.
    own
        Vacuum and layers, by parameter.
    """

    role: Literal["interface", "slab"]
    label: str
    whole: Atoms
    parts: dict[Role, Atoms]
    own: dict[str, float]
    n_contacts: int | None = None


@dataclass(frozen=True)
class Builder:
    """Builds the interface or slab with other vacuum or layers than the study's.

    Attributes
    ----------
    parameters
        What can be varied of it.
    """

    request: StudyKeys
    slab: SlabCut | None
    root: Path
    parameters: tuple[str, ...]
    pair: tuple[str, str] = ("", "")
    relax: bool = False

    @classmethod
    def of(cls, request: StudyKeys, asked: ConvergenceRequest, root: Path) -> Builder:
        """For what the study asks of."""
        if asked.slab is not None:
            return cls(request, asked.slab, root, parameters_of("both", "slab"))
        pair = asked.interface
        if pair is None:
            built = build_interfaces(_as_built(request), root)
            fewest = min(range(len(built)), key=lambda k: len(built[k].interface.atoms))
            pair = request.pairs[fewest]
        return cls(request, None, root, parameters_of("both", "interface"), pair, asked.relax)

    def shape(self, changed: dict[str, float]) -> Shape:
        """With the study's own values but for those that are changed."""
        return self._interface(changed) if self.slab is None else self._slab(self.slab, changed)

    def _interface(self, changed: dict[str, float]) -> Shape:
        film, substrate = self.pair
        request = _as_built(self.request)
        vacuum = changed.get("vacuum_angstrom", request.interfaces.vacuum_angstrom)
        joining = request.interfaces.model_copy(
            update={"pairs": [self.pair], "vacuum_angstrom": vacuum}
        )
        one = request.model_copy(
            update={
                "films": {film: _with_layers(request.films[film], changed.get("film_layers"))},
                "substrates": {
                    substrate: _with_layers(
                        request.substrates[substrate], changed.get("substrate_layers")
                    )
                },
                "interfaces": joining,
            }
        )
        (built,) = build_interfaces(one, self.root)
        return _shape_of(built, vacuum, self.relax)

    def _slab(self, asked: SlabCut, changed: dict[str, float]) -> Shape:
        vacuum = changed.get("vacuum_angstrom", VACUUM_ANGSTROM)
        phase = load_phase(asked.phase, self.root)
        slab = cut_slab(phase, _with_layers(asked, changed.get("layers")), vacuum_angstrom=vacuum)
        crystal = primitive(phase.atoms)
        have, want = (Counter(each.get_chemical_symbols()) for each in (slab.atoms, crystal))
        if crystal_cells(have, want) is None:
            raise StructureError(
                f"convergence: {slab.atoms.get_chemical_formula()} is no multiple of "
                f"{phase.name}, so that its surface energy depends on chemical potentials; take a "
                "stoichiometric slab"
            )
        own = {"vacuum_angstrom": vacuum, "layers": float(round(slab.layers))}
        label = f"{phase.name} {slab.label}"
        return Shape("slab", label, slab.atoms, {"crystal": crystal}, own)


def _as_built(request: StudyKeys) -> StudyKeys:
    """The study's interfaces without what is computed to find them."""
    plain = {"registry": (0.0, 0.0)} if request.interfaces.registry == "best" else {}
    joining = request.interfaces.model_copy(
        update={**plain, "bulk": "library", "references": "relaxed"}
    )
    return request.model_copy(update={"interfaces": joining})


def _with_layers(asked: Cut, layers: float | None) -> Cut:
    """A slab with another number of layers, where one is given."""
    if layers is None:
        return asked
    return asked.model_copy(update={"layers": round(layers), "thickness_angstrom": None})


def _shape_of(built: BuiltInterface, vacuum_angstrom: float, relax: bool) -> Shape:
    interface = built.interface
    parts: dict[Role, Atoms] = {
        "substrate": interface.side("substrate"),
        "film": interface.side("film"),
    }
    if relax:
        parts = {role: isolated(atoms, vacuum_angstrom) for role, atoms in parts.items()}
    own = {
        "substrate_layers": float(round(interface.substrate.layers)),
        "film_layers": float(round(interface.film.layers)),
    }
    if interface.n_contacts == 1:
        own["vacuum_angstrom"] = vacuum_angstrom
    return Shape("interface", built.label, interface.atoms, parts, own, interface.n_contacts)

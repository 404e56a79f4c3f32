"""A band of images with energies and forces: one atom order, lengths, tangents, projections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from ase import Atoms
from ase.constraints import FixAtoms
from numpy.typing import ArrayLike

from natriface.analysis.results.result import Status
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import AnalysisError, StructureError
from natriface.structures.base.reprs import short_repr
from natriface.structures.chemistry.polyanions import formula
from natriface.structures.paths.images import (
    align,
    crosses_vacuum,
    displacements,
    image_problems,
    permutation_note,
)

STEEP_EV_PER_ANGSTROM = 0.1
"""On a rise or fall steeper than this an image must feel a force along the path."""


@dataclass(frozen=True, eq=False)
class Band:
    """Images of one path, end points included.

    Attributes
    ----------
    images : atoms in one order, positions continuous from image to image
    energies_ev : (n,), not a number where absent
    forces_ev_per_angstrom : (n, n_atoms, 3) of the engine, without springs; zero on frozen atoms,
        not a number where absent
    statuses, reasons : of each image's calculation, as in `natriface.analysis.Result`
    source : where the band was read
    notes : what was repaired, in words
    warnings : what is wrong with the images, in words
    metadata : carrier, path type, facet, charge, ... (`HopEndpoints.metadata`), where known
    engine : name and version of the engine, where known
    """

    images: tuple[Atoms, ...] = field(repr=False)
    energies_ev: FloatArray
    forces_ev_per_angstrom: FloatArray = field(repr=False)
    statuses: tuple[Status, ...]
    reasons: tuple[str | None, ...]
    source: str = ""
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    engine: str | None = None

    def __repr__(self) -> str:
        crystal, size = formula(self.images[0].numbers), f"{len(self.images)} images"
        return short_repr(self, crystal, size, self.source, self.engine or "")

    @classmethod
    def of(
        cls,
        images: Sequence[Atoms],
        energies_ev: ArrayLike | None = None,
        forces_ev_per_angstrom: Sequence[ArrayLike | None] | None = None,
        *,
        statuses: Sequence[Status] | None = None,
        reasons: Sequence[str | None] | None = None,
        source: str = "",
        metadata: Mapping[str, Any] | None = None,
        engine: str | None = None,
    ) -> Band:
        """A band from images in any order of atoms; energies and forces where not attached to them.

        Parameters
        ----------
        images
            At least three; without `energies_ev` and `forces_ev_per_angstrom` each carries a
            calculator with its results.
        statuses, reasons
            By default ``converged``: the band is then judged by its forces alone.

        Raises
        ------
        AnalysisError
            If there are fewer than three images, a position is no number, or they are not of the
            same atoms in one cell.
        """
        if len(images) < 3:
            raise AnalysisError(
                f"{source or 'band'}: {len(images)} images; a band has two end points and at least "
                "one image between them"
            )
        energies = (
            np.array([_energy(image) for image in images])
            if energies_ev is None
            else np.asarray(energies_ev, dtype=float)
        )
        given: Sequence[Any] = (
            [_forces(image) for image in images]
            if forces_ev_per_angstrom is None
            else forces_ev_per_angstrom
        )
        if not len(images) == len(energies) == len(given):
            raise AnalysisError(
                f"{source or 'band'}: {len(images)} images, {len(energies)} energies and "
                f"{len(given)} sets of forces"
            )
        for k, image in enumerate(images):
            _require_sound(image, f"{source or 'band'}: image {k}")
        chain, forces, notes = _in_one_order(images, given, source or "band")
        frozen = [c.index for c in images[0].constraints if isinstance(c, FixAtoms)]
        if frozen:
            forces[:, np.concatenate(frozen)] = 0.0
        warnings = image_problems(chain)
        crossing = crosses_vacuum(chain[0], chain[-1].positions - chain[0].positions)
        if crossing:
            atom = f"atom {crossing[0]} ({chain[0].symbols[crossing[0]]})"
            warnings.append(f"{atom} goes across the vacuum to the other face of the slab")
        for kind in sorted({type(c).__name__ for c in images[0].constraints} - {"FixAtoms"}):
            notes.append(f"constraint {kind} is left aside: all its atoms count as free")
        return cls(
            images=tuple(chain),
            energies_ev=energies,
            forces_ev_per_angstrom=forces,
            statuses=tuple(statuses or ["converged"] * len(chain)),
            reasons=tuple(reasons) if reasons is not None else (None,) * len(chain),
            source=source,
            notes=tuple(notes),
            warnings=tuple(warnings),
            metadata=dict(metadata or {}),
            engine=engine,
        )

    @cached_property
    def steps(self) -> FloatArray:
        """(n - 1, n_atoms, 3) A, from each image to the next."""
        return np.array([displacements(a, b) for a, b in pairwise(self.images)])

    @cached_property
    def lengths_angstrom(self) -> FloatArray:
        """(n,) path length from the first image, the norm over all atoms."""
        steps = np.linalg.norm(self.steps.reshape(len(self.steps), -1), axis=1)
        return np.concatenate([[0.0], np.cumsum(steps)])

    @cached_property
    def hop_length_angstrom(self) -> float:
        """Straight minimum-image distance of the atom that moves farthest from end to end."""
        moves = displacements(self.images[0], self.images[-1])
        return float(np.linalg.norm(moves, axis=1).max())

    @cached_property
    def tangents(self) -> FloatArray:
        """(n, n_atoms, 3) unit tangents, improved where energies are known.

        G. Henkelman, H. Jonsson, J. Chem. Phys. 113, 9978 (2000), eqs. 8-11: towards the higher
        neighbour, weighted by energy at extrema; towards the only neighbour at the ends.
        """
        n, energies = len(self.images), self.energies_ev
        tangents = np.empty((n, *self.steps.shape[1:]))
        tangents[0], tangents[-1] = self.steps[0], self.steps[-1]
        for k in range(1, n - 1):
            back, ahead = self.steps[k - 1], self.steps[k]
            before, here, after = energies[k - 1 : k + 2]
            if not np.isfinite([before, here, after]).all():
                tangents[k] = _unit(back) + _unit(ahead)
            elif before < here < after:
                tangents[k] = ahead
            elif before > here > after:
                tangents[k] = back
            else:
                high = max(abs(after - here), abs(before - here))
                low = min(abs(after - here), abs(before - here))
                if high == 0:
                    tangents[k] = _unit(back) + _unit(ahead)
                elif after > before:
                    tangents[k] = ahead * high + back * low
                else:
                    tangents[k] = ahead * low + back * high
        return np.array([_unit(tangent) for tangent in tangents])

    @cached_property
    def tangential_forces_ev_per_angstrom(self) -> FloatArray:
        """(n,) force along the path, positive towards the last image; not a number if absent."""
        along: FloatArray = np.sum(self.forces_ev_per_angstrom * self.tangents, axis=(1, 2))
        return along

    @cached_property
    def perpendicular_forces_ev_per_angstrom(self) -> FloatArray:
        """(n,) largest force on an atom that is left perpendicular to the path.

        Of the end points the whole force counts: they are to be minima.
        """
        along = self.tangential_forces_ev_per_angstrom[:, None, None] * self.tangents
        along[[0, -1]] = 0.0
        across = self.forces_ev_per_angstrom - along
        largest: FloatArray = np.linalg.norm(across, axis=2).max(axis=1)
        return largest

    @cached_property
    def bisected_forces_ev_per_angstrom(self) -> FloatArray:
        """(n,) the same across tangents from one neighbour to the other.

        VASP without VTST nudges its images across those (H. Jonsson, G. Mills, K. W. Jacobsen, in
        Classical and Quantum Dynamics in Condensed Phase Simulations, World Scientific 1998, p.
        385): where the path bends, its bands converge by this measure alone.
        """
        largest = self.perpendicular_forces_ev_per_angstrom.copy()
        for k in range(1, len(self.images) - 1):
            tangent = _unit(self.steps[k - 1] + self.steps[k])
            force = self.forces_ev_per_angstrom[k]
            across = force - np.sum(force * tangent) * tangent
            largest[k] = np.linalg.norm(across, axis=1).max()
        return largest

    @cached_property
    def forces_look_projected(self) -> bool:
        """Whether steep images have no force along the path: a code printed the band's forces.

        Such forces (or those of springs) are no slopes of the energy, and no fit can use them.
        """
        lengths, energies = self.lengths_angstrom, self.energies_ev
        if np.any(np.diff(lengths) <= 0):
            return False
        slope = (energies[2:] - energies[:-2]) / (lengths[2:] - lengths[:-2])
        rise = np.diff(energies)
        steep = (rise[1:] * rise[:-1] > 0) & (np.abs(slope) > STEEP_EV_PER_ANGSTROM)
        weak = np.abs(self.tangential_forces_ev_per_angstrom[1:-1]) < 0.05 * np.abs(slope)
        return bool(steep.sum() >= 2 and weak[steep].all())

    def reversed(self) -> Band:
        """The same band from its other end."""
        return Band(
            images=self.images[::-1],
            energies_ev=self.energies_ev[::-1],
            forces_ev_per_angstrom=self.forces_ev_per_angstrom[::-1],
            statuses=self.statuses[::-1],
            reasons=self.reasons[::-1],
            source=self.source,
            notes=self.notes,
            warnings=self.warnings,
            metadata=self.metadata,
            engine=self.engine,
        )


def _in_one_order(
    images: Sequence[Atoms], given: Sequence[Any], source: str
) -> tuple[list[Atoms], FloatArray, list[str]]:
    """Images and their forces in the first one's order of atoms, and where that was not theirs."""
    chain: list[Atoms] = [images[0].copy()]
    chain[0].calc = None
    forces = [_as_forces(given[0], len(images[0]))]
    notes = []
    order = np.arange(len(images[0]))
    for k, image in enumerate(images[1:], start=1):
        try:
            aligned, matching = align(chain[-1], image)
        except StructureError as error:
            raise AnalysisError(f"{source}: images 0 and {k}: {error}") from None
        # images in the first one's order, or in that of the image before, need no word
        if matching.permuted and not np.array_equal(matching.order, order):
            notes.append(permutation_note(matching, f"image {k}"))
        order = matching.order
        chain.append(aligned)
        forces.append(_as_forces(given[k], len(image))[matching.order])
    return chain, np.array(forces), notes


def _unit(vectors: FloatArray) -> FloatArray:
    length = np.linalg.norm(vectors)
    return vectors / length if length > 0 else vectors


def _require_sound(image: Atoms, name: str) -> None:
    """Refuse an image without atoms, or whose positions or cell are no numbers."""
    if not len(image):
        raise AnalysisError(f"{name} has no atoms")
    if not np.isfinite(image.positions).all():
        atom = int(np.flatnonzero(~np.isfinite(image.positions).all(axis=1))[0])
        raise AnalysisError(
            f"{name} has a position that is no number: atom {atom} ({image.symbols[atom]})"
        )
    finite = np.isfinite(image.cell.array).all()
    if not finite or not abs(np.linalg.det(image.cell.complete().array)) > 1e-6:
        raise AnalysisError(f"{name} has lattice vectors that span no volume or are no numbers")


def _energy(image: Atoms) -> float:
    results = getattr(image.calc, "results", {})
    energy = results.get("energy")
    return float("nan") if energy is None else float(energy)


def _forces(image: Atoms) -> Any:
    return getattr(image.calc, "results", {}).get("forces")


def _as_forces(forces: Any, n_atoms: int) -> FloatArray:
    if forces is None:
        return np.full((n_atoms, 3), np.nan)
    table = np.array(forces, dtype=float)
    if table.shape != (n_atoms, 3):
        raise AnalysisError(f"forces of shape {table.shape} for {n_atoms} atoms")
    return table

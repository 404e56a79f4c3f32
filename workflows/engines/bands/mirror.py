"""The second half of a symmetric band as the mirror image of the first, for half the force calls.

Only a mirror plane across the hop is used. It leaves every image free to bow aside; a two-fold axis
or an inversion centre would hold the middle image on it, and with it a path that would bow.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from natriface.structures.base.arrays import FloatArray
from natriface.structures.paths.exchange import Exchange, exchange
from natriface.workflows.engines.bands.dynamics import Surface, largest

SYMMETRIC_ANGSTROM = 0.1
"""A path whose images lie farther from the mirror images of each other goes its own way."""


class BandMirror:
    """The operation that maps a band on itself, end to end, on the coordinates of the free atoms.

    Places and gradients are (d,), the free atoms' coordinates in A and eV/A.
    """

    def __init__(self, operation: Exchange, template: Atoms, free: Sequence[int]) -> None:
        self._operation = operation
        self._cell = template.cell.complete().array
        self._positions = template.positions.copy()
        self._free = np.asarray(free, dtype=int)

    @classmethod
    def of(cls, images: Sequence[Atoms], free: Sequence[int]) -> BandMirror | None:
        """Of a path, end points included; ``None`` where it has no such symmetry.

        Nor where it has no middle image: the two highest would both climb to one saddle point.

        Parameters
        ----------
        free
            Indices of the atoms that move.
        """
        operation = exchange(images[0], images[-1]) if len(images) % 2 else None
        if operation is None or operation.kind != "mirror plane":
            return None
        mirror = cls(operation, images[0], free)
        chain = np.array([image.positions[mirror._free].ravel() for image in images])
        whole = np.array([mirror.place(place) for place in chain[::-1]])
        return mirror if largest(whole - chain).max() < SYMMETRIC_ANGSTROM else None

    def place(self, place: FloatArray) -> FloatArray:
        """The mirror image of an image's place."""
        positions = self._positions.copy()
        positions[self._free] = place.reshape(-1, 3)
        image: FloatArray = self._operation.positions(positions, self._cell)[self._free].ravel()
        return image

    def forces(self, forces: FloatArray) -> FloatArray:
        """The forces (n, 3) of the mirror image of a structure with these."""
        return self._operation.vectors(forces, self._cell)

    def gradient(self, gradient: FloatArray) -> FloatArray:
        """The gradient at the mirror image of a place with this one."""
        whole = np.zeros_like(self._positions)
        whole[self._free] = gradient.reshape(-1, 3)
        image: FloatArray = self.forces(whole)[self._free].ravel()
        return image

    def chain(self, chain: FloatArray, middle_too: bool = True) -> FloatArray:
        """The chain (n, d) whose second half is the mirror image of its first.

        Parameters
        ----------
        middle_too
            Whether the middle image is put on the mirror plane.
        """
        whole = chain.copy()
        middle = len(chain) // 2
        for k in range(1, middle):
            whole[-1 - k] = self.place(chain[k])
        if middle_too:
            whole[middle] = (chain[middle] + self.place(chain[middle])) / 2
        return whole

    def surface(self, surface: Surface) -> Surface:
        """The surface on symmetric chains, asked for the first half only."""

        def half(chain: FloatArray) -> tuple[FloatArray, FloatArray]:
            middle = len(chain) // 2
            energies, gradients = surface(chain[: middle + 1])
            gradients = gradients.copy()
            gradients[middle] = (gradients[middle] + self.gradient(gradients[middle])) / 2
            others = [self.gradient(gradient) for gradient in gradients[:middle][::-1]]
            return (
                np.concatenate([energies, energies[:middle][::-1]]),
                np.concatenate([gradients, others]),
            )

        return half

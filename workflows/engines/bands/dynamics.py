"""Nudged-elastic-band forces on a chain of configurations, and its relaxation on any surface."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from natriface.structures.base.arrays import BoolArray, FloatArray

Surface = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""Energies (m,) in eV and gradients (m, d) in eV/A at configurations (m, d) in A."""

FIRST_STEP, LONGEST_STEP = 0.1, 1.0
MAX_MOVE_ANGSTROM = 0.1
"""Longest move of an atom in one step."""


def tangents(chain: FloatArray, energies: FloatArray) -> FloatArray:
    """Unit tangents (n, d) of a chain (n, d), towards the higher neighbour.

    G. Henkelman, H. Jonsson, J. Chem. Phys. 113, 9978 (2000), eqs. 8-11: weighted by energy at
    extrema. Those of the ends are zero.
    """
    result = np.zeros_like(chain)
    steps = np.diff(chain, axis=0)
    for k in range(1, len(chain) - 1):
        back, ahead = steps[k - 1], steps[k]
        before, here, after = energies[k - 1 : k + 2]
        if before < here < after:
            tangent = ahead
        elif before > here > after:
            tangent = back
        else:
            high = max(abs(after - here), abs(before - here))
            low = min(abs(after - here), abs(before - here))
            if high == 0:
                high = low = 1.0
            tangent = ahead * high + back * low if after > before else ahead * low + back * high
        length = np.linalg.norm(tangent)
        result[k] = tangent / length if length > 0 else 0.0
    return result


def climber(energies: FloatArray) -> int | None:
    """The image that climbs: the highest, unless that is an end point."""
    top = int(np.argmax(energies))
    return top if 0 < top < len(energies) - 1 else None


def forces_left(
    chain: FloatArray, energies: FloatArray, gradients: FloatArray, climbing: int | None
) -> FloatArray:
    """What must vanish, (n, d) in eV/A: the force across the path; the whole one of the climber."""
    along = tangents(chain, energies)
    left: FloatArray = -gradients + np.sum(gradients * along, axis=1)[:, None] * along
    if climbing is not None:
        left[climbing] = -gradients[climbing]
    left[[0, -1]] = 0.0
    return left


def largest(forces: FloatArray) -> FloatArray:
    """Largest force on an atom, (n,) of (n, 3 m)."""
    result: FloatArray = np.linalg.norm(forces.reshape(len(forces), -1, 3), axis=2).max(axis=1)
    return result


def band_forces(
    chain: FloatArray,
    energies: FloatArray,
    gradients: FloatArray,
    spring: float,
    climbing: int | None,
) -> FloatArray:
    """Forces (n, d) that move the band: across the path the true ones, along it the springs'.

    The climbing image (G. Henkelman, B. P. Uberuaga, H. Jonsson, J. Chem. Phys. 113, 9901 (2000))
    feels no springs and goes up along the path.
    """
    along = tangents(chain, energies)
    forces: FloatArray = -gradients + np.sum(gradients * along, axis=1)[:, None] * along
    lengths = np.linalg.norm(np.diff(chain, axis=0), axis=1)
    forces[1:-1] += spring * np.diff(lengths)[:, None] * along[1:-1]
    if climbing is not None:
        gradient = gradients[climbing]
        forces[climbing] = -gradient + 2 * (gradient @ along[climbing]) * along[climbing]
    forces[[0, -1]] = 0.0
    return forces


def relax_chain(
    chain: FloatArray,
    surface: Surface,
    *,
    fmax: float,
    spring: float,
    climb: bool,
    max_steps: int,
    held: BoolArray | None = None,
    go_on: Callable[[FloatArray], bool] = lambda chain: True,
    converged: Callable[[], bool] | None = None,
) -> FloatArray:
    """A chain relaxed by FIRE (E. Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006)).

    Parameters
    ----------
    surface
        What it moves on.
    fmax
        Ends when no atom of an image feels more, eV/A.
    climb
        Whether the highest image climbs.
    held
        (n,) images that stay; the ends always do.
    go_on
        Asked before each move; where it says no of the moved chain, the one before is returned.
    converged
        Asked after each evaluation of the surface; by default the limit on the band's forces,
        those of the springs included.
    """
    chain = chain.copy()
    velocity = np.zeros_like(chain)
    step, mixing, downhill = FIRST_STEP, 0.1, 0
    fixed = np.zeros(len(chain), dtype=bool) if held is None else held
    for _ in range(max_steps):
        energies, gradients = surface(chain)
        top = climber(energies) if climb else None
        forces = band_forces(chain, energies, gradients, spring, top)
        forces[fixed] = 0.0
        if (largest(forces).max() < fmax) if converged is None else converged():
            break
        power = float(np.sum(forces * velocity))
        if power > 0:
            size = np.linalg.norm(velocity) / np.linalg.norm(forces)
            velocity = (1 - mixing) * velocity + mixing * size * forces
            downhill += 1
            if downhill > 5:
                step, mixing = min(step * 1.1, LONGEST_STEP), mixing * 0.99
        else:
            velocity[:] = 0.0
            step, mixing, downhill = step * 0.5, 0.1, 0
        velocity += step * forces
        move = step * velocity
        longest = largest(move).max()
        if longest > MAX_MOVE_ANGSTROM:
            move *= MAX_MOVE_ANGSTROM / longest
        if not go_on(chain + move):
            break
        chain += move
    return chain

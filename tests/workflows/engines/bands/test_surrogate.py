"""The surface a band moves on between force calls: exact where it was computed, smooth between."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st

from natriface.structures.base.arrays import FloatArray
from natriface.workflows.engines.bands.dynamics import (
    climber,
    forces_left,
    largest,
    relax_chain,
    tangents,
)
from natriface.workflows.engines.bands.pair_fit import PairFit
from natriface.workflows.engines.bands.surrogate import Surrogate


def smooth(places: FloatArray) -> tuple[FloatArray, FloatArray]:
    """A bowl with a ripple, in any number of dimensions."""
    stiff = np.linspace(0.5, 2.0, places.shape[1])
    energies = 0.5 * np.sum(stiff * places**2, axis=1) + np.sin(places[:, 0])
    gradients = stiff * places
    gradients[:, 0] += np.cos(places[:, 0])
    return energies, gradients


def mueller_brown(places: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The usual test surface, a thousandth of it, in eV and A; its third coordinate is a spring."""
    x, y = places[:, 0, None], places[:, 1, None]
    height = np.array([-200.0, -100.0, -170.0, 15.0]) / 1000
    a = np.array([-1.0, -1.0, -6.5, 0.7])
    b = np.array([0.0, 0.0, 11.0, 0.6])
    c = np.array([-10.0, -10.0, -6.5, 0.7])
    dx, dy = x - np.array([1.0, 0.0, -0.5, -1.0]), y - np.array([0.0, 0.5, 1.5, 1.0])
    terms = height * np.exp(a * dx**2 + b * dx * dy + c * dy**2)
    gradient = np.stack(
        [
            np.sum(terms * (2 * a * dx + b * dy), axis=1),
            np.sum(terms * (b * dx + 2 * c * dy), axis=1),
            places[:, 2],
        ],
        axis=1,
    )
    return terms.sum(axis=1) + 0.5 * places[:, 2] ** 2, gradient


@given(st.integers(2, 7), st.integers(3, 30), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_surrogate_passes_through_what_it_was_told(n: int, d: int, seed: int) -> None:
    """Also where there are more coordinates than observations, the dense part being small."""
    places = np.random.default_rng(seed).normal(size=(n, d)) * 0.6
    energies, gradients = smooth(places)
    told = Surrogate.of(places, energies, gradients)(places)
    assert told[0] == pytest.approx(energies, abs=2e-3)
    assert told[1] == pytest.approx(gradients, abs=2e-2)


def test_surrogates_gradient_is_that_of_its_energy() -> None:
    rng = np.random.default_rng(1)
    places = rng.normal(size=(6, 9)) * 0.5
    surrogate = Surrogate.of(places, *smooth(places))
    here = rng.normal(size=(1, 9)) * 0.5
    steps = 1e-5 * np.eye(9)
    slopes = (surrogate(here + steps)[0] - surrogate(here - steps)[0]) / 2e-5
    assert surrogate(here)[1][0] == pytest.approx(slopes, abs=1e-6)


def test_surrogate_ignores_translation_and_rotation_of_all_coordinates() -> None:
    rng = np.random.default_rng(2)
    places, here = rng.normal(size=(5, 6)) * 0.5, rng.normal(size=(2, 6)) * 0.5
    energies, gradients = smooth(places)
    turn, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    shift = rng.normal(size=6)
    plain = Surrogate.of(places, energies, gradients)(here)
    turned = Surrogate.of(places @ turn + shift, energies, gradients @ turn)(here @ turn + shift)
    assert turned[0] == pytest.approx(plain[0], abs=1e-6)
    assert turned[1] == pytest.approx(plain[1] @ turn, abs=1e-5)


def test_pair_fit_finds_a_pair_potential_and_its_gradient() -> None:
    """Forces of a Morse crystal, of which it has seen three geometries, at a fourth."""
    atoms = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
    rng = np.random.default_rng(3)
    free = np.arange(1, len(atoms))

    def morse(places: FloatArray) -> tuple[FloatArray, FloatArray]:
        from tests.standins.standin_potential import PairPotential

        energies, gradients = [], []
        for place in places:
            copy = atoms.copy()
            copy.positions[free] = place.reshape(-1, 3)
            copy.calc = PairPotential()
            energies.append(copy.get_potential_energy())
            gradients.append(-copy.get_forces()[free].ravel())
        return np.array(energies), np.array(gradients)

    start = atoms.positions[free].ravel()
    places = start + rng.normal(size=(4, len(start))) * 0.15
    whole = np.repeat(atoms.positions[None], 4, axis=0)
    whole[:, free] = places.reshape(4, -1, 3)
    fit = PairFit(atoms, whole, free)
    energies, gradients = morse(places)
    fit.fit(places[:3], energies[:3], gradients[:3])
    guessed = fit(places[3:])
    error = np.abs(guessed[1] - gradients[3:]).max()
    assert error < 0.15 * np.abs(gradients[3:]).max()
    rise = guessed[0][0] - fit(places[:1])[0][0]
    assert rise == pytest.approx(energies[3] - energies[0], abs=0.1)


def test_chain_finds_the_saddle_of_a_known_surface() -> None:
    """The lowest way over Mueller and Brown's surface: its highest saddle lies at -40.66."""
    ends = np.array([[-0.558, 1.442, 0.0], [0.623, 0.028, 0.0]])
    share = np.linspace(0, 1, 11)[:, None]
    chain = (1 - share) * ends[0] + share * ends[1]
    plain = relax_chain(chain, mueller_brown, fmax=0.02, spring=0.5, climb=False, max_steps=2000)
    found = relax_chain(plain, mueller_brown, fmax=1e-4, spring=0.5, climb=True, max_steps=4000)
    energies, gradients = mueller_brown(found)
    top = climber(energies)
    assert top is not None
    assert energies[top] == pytest.approx(-0.04066, abs=1e-4)
    assert found[top, :2] == pytest.approx([-0.822, 0.624], abs=5e-3)
    assert largest(forces_left(found, energies, gradients, top)).max() < 1e-4


def test_held_images_stay() -> None:
    chain = np.linspace([-0.6, 1.4, 0.0], [0.6, 0.0, 0.0], 7)
    held = np.zeros(7, dtype=bool)
    held[3] = True
    moved = relax_chain(
        chain, mueller_brown, fmax=1e-3, spring=0.5, climb=False, max_steps=50, held=held
    )
    assert (moved[[0, 3, 6]] == chain[[0, 3, 6]]).all()
    assert not (moved[1] == chain[1]).all()


def test_tangents_point_uphill_and_are_weighted_at_extrema() -> None:
    chain = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [2, 1, 0]])
    along = tangents(chain, np.array([0.0, 1.0, 2.0, 3.0]))
    assert along[1] == pytest.approx([0, 1, 0])  # rising: towards the next
    assert along[2] == pytest.approx([1, 0, 0])
    top = tangents(chain, np.array([0.0, 1.0, 3.0, 2.5]))
    # eqs. 10 and 11: the higher neighbour is the last one; differences are 2 and 0.5
    assert top[2] == pytest.approx(np.array([2.0, 0.5, 0]) / np.hypot(2, 0.5))
    assert climber(np.array([1.0, 0.5, 0.2])) is None

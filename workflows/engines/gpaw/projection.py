"""GPAW's plane-wave PAW states projected on the free-atom orbitals its data sets hold.

Every PAW data set is made from a free atom, whose scalar-relativistic PBE orbitals it holds to
their true tails, normalised and not confined: they are the minimal set, nothing is fitted. The
overlap of an orbital with a state is LOBSTER's (after Maintz et al., J. Comput. Chem. 34 (2013)
2557, 10.1002/jcc.23424; docs/bonding.md has what tells): the state has its all-electron form in the
orbital's own sphere and its smooth one elsewhere,

    <phi_mu | psi> = <phi_mu | psi~> + sum_i <phi_mu | phi_i - phi~_i> <p_i | psi~>,

i over the partial waves of the orbital's atom; the overlap of two orbitals is that of the two
functions as they are. In plane waves an orbital is its smooth form and a cusp, ``phi - phi~``, both
by radial Fourier transforms; what two cusps of one atom have in common is integrated radially.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from ase import Atoms
from ase.units import Bohr, Hartree
from numpy.typing import NDArray
from scipy.integrate import simpson
from scipy.interpolate import CubicSpline
from scipy.special import spherical_jn

from natriface.analysis.bonding.harmonics import real_harmonics
from natriface.analysis.bonding.projected_cohp import AtomicOrbital, Projection
from natriface.analysis.bonding.unfolding import Operation, unfold
from natriface.structures.base.arrays import ComplexArray, FloatArray
from natriface.structures.base.errors import EngineError

Transform = Callable[[FloatArray], FloatArray]

WAVE_CHUNK = 4096
"""Plane waves handled at once: bounds memory, whatever the cell."""

LONGEST_TAIL_BOHR = 30.0
RADIAL_STEP_BOHR = 0.01
MOMENTUM_STEP = 0.02


@dataclass(frozen=True)
class Shell:
    """A subshell of a data set: its place there, its quantum numbers, and the atom's occupation."""

    index: int
    n: int
    l: int  # noqa: E741
    electrons: float


def minimal_shells(setup: Any) -> tuple[Shell, ...]:
    """The subshells that hold electrons in the free atom, semicore ones of the data set included.

    Empty bound ones (Na 3p, Zr 5p) are left out, as LOBSTER's minimal bases do.
    """
    data = setup.data
    found = zip(data.n_j, data.l_j, data.f_j, strict=True)
    return tuple(
        Shell(index, int(n), int(angular), float(electrons))
        for index, (n, angular, electrons) in enumerate(found)
        if n > 0 and electrons > 0
    )


def project(calculator: Any) -> Projection:
    """Overlaps of all bands of a converged plane-wave calculation with a minimal basis.

    Parameters
    ----------
    calculator
        GPAW of the new interface, in plane-wave mode, with its wave functions. k points that the
        crystal's symmetry left are brought back to the whole mesh.

    Raises
    ------
    EngineError
        If the calculation has no plane-wave states, has spin-orbit coupling, or is spread over
        several processes.
    """
    waves = _waves(calculator)
    atoms = calculator.atoms
    states = list(waves)
    setups = states[0].setups
    shells = [minimal_shells(setup) for setup in setups]
    orbitals = tuple(
        AtomicOrbital(a, shell.n, shell.l, m)
        for a, of_atom in enumerate(shells)
        for shell in of_atom
        for m in range(-shell.l, shell.l + 1)
    )
    highest = max(_wave_vectors(state)[1].max() for state in states)
    table = _Table(setups, shells, atoms, highest)
    n_spins = waves.nspins
    points = len(states) // n_spins
    n_bands = states[0].nbands
    if n_bands < len(orbitals):
        raise EngineError(
            f"{n_bands} bands were computed, but the projection on {len(orbitals)} atomic orbitals "
            f"needs as many bands at least: compute {bands_wanted(len(orbitals))}"
        )
    overlaps = np.empty((n_spins, points, len(orbitals), n_bands), complex)
    orbital_overlap = np.empty((points, len(orbitals), len(orbitals)), complex)
    energies = np.empty((n_spins, points, n_bands))
    occupations = np.empty_like(energies)
    kpoints = np.empty((points, 3))
    weights = np.empty(points)
    for state in states:
        spin, k = state.spin, state.k
        overlaps[spin, k], orbital_overlap[k] = table.overlaps(state)
        energies[spin, k] = state.eig_n * Hartree
        occupations[spin, k] = state.occ_n
        kpoints[k], weights[k] = state.kpt_c, state.weight
    projection = Projection(
        overlaps=overlaps,
        orbital_overlap=orbital_overlap,
        energies_ev=energies,
        occupations=occupations,
        kpoints=kpoints,
        weights=weights / weights.sum(),
        orbitals=orbitals,
        structure=Atoms(atoms.symbols, atoms.positions, cell=atoms.cell, pbc=atoms.pbc),
        valence_electrons=tuple(float(setup.Nv) for setup in setups),
        fermi_level_ev=float(waves.fermi_level * Hartree),
        source=f"natriface projection, GPAW {version('gpaw')}",
    )
    return unfold(projection, _operations(waves), _mesh(waves))


def bands_wanted(n_orbitals: int) -> int:
    """Bands to compute for a projection on so many orbitals: a tenth and four more than those.

    The empty bands that the orbitals represent best are not always the lowest.
    """
    return n_orbitals + n_orbitals // 10 + 4


def count_orbitals(setups: Any) -> int:
    """Orbitals of the minimal basis of a cell, from its setups."""
    return sum(2 * shell.l + 1 for setup in setups for shell in minimal_shells(setup))


def _waves(calculator: Any) -> Any:
    dft = getattr(calculator, "dft", None)
    waves = getattr(dft, "ibzwfs", None)
    if waves is None:
        raise EngineError("bond energies need a converged calculation of GPAW's new interface")
    if waves.comm.size > 1:
        raise EngineError("states are projected by one process; open the .gpw file in one")
    if waves.ncomponents == 4:
        raise EngineError("states with spin-orbit coupling cannot be projected")
    if waves.mode != "pw":
        raise EngineError(f"states are projected in plane waves, not in GPAW's mode {waves.mode!r}")
    if not waves.has_wave_functions():
        raise EngineError("the file holds no wave functions; write it with mode='all'")
    waves.make_sure_wfs_are_read_from_gpw_file()
    return waves


def _operations(waves: Any) -> list[Operation]:
    symmetries = waves.ibz.symmetries
    # GPAW's are for row vectors: x -> x @ rotation + translation.
    return [
        Operation(np.array(rotation).T.round().astype(int), np.array(translation, float))
        for rotation, translation in zip(
            symmetries.rotation_scc, symmetries.translation_sc, strict=True
        )
    ]


def _mesh(waves: Any) -> FloatArray:
    return np.array(waves.ibz.bz.kpt_Kc, float)


def _wave_vectors(state: Any) -> tuple[FloatArray, FloatArray]:
    """k + G in 1/Bohr and their lengths."""
    vectors = np.array(state.psit_nX.desc.reciprocal_vectors(), float)
    return vectors, np.linalg.norm(vectors, axis=1)


class _Table:
    """Radial transforms of the orbitals, and the overlaps they make."""

    def __init__(
        self, setups: Any, shells: list[tuple[Shell, ...]], atoms: Atoms, highest: float
    ) -> None:
        self.setups = setups
        self.shells = shells
        self.positions = atoms.positions / Bohr
        self.places = atoms.get_scaled_positions(wrap=False)
        self.volume = atoms.cell.volume / Bohr**3
        self.smooth: dict[int, list[tuple[int, Transform]]] = {}
        self.cusp: dict[int, list[tuple[int, Transform]]] = {}
        self.with_waves: dict[int, FloatArray] = {}
        self.between_cusps: dict[int, FloatArray] = {}
        for setup, of_atom in zip(setups, shells, strict=True):
            if id(setup) in self.smooth:
                continue
            data = setup.data
            radii, steps = np.array(data.rgd.r_g), np.array(data.rgd.dr_g)
            whole, smooth = np.array(data.phi_jg), np.array(data.phit_jg)
            cusps = whole - smooth
            places = [shell.index for shell in of_atom]
            for table, functions in ((self.smooth, smooth), (self.cusp, cusps)):
                table[id(setup)] = [
                    (s.l, _transform(radii, functions[s.index], s.l, highest)) for s in of_atom
                ]
            angular = np.array(data.l_j, int)
            weighted = whole[places] * radii**2 * steps
            self.with_waves[id(setup)] = _by_harmonic(weighted @ cusps.T, angular[places], angular)
            weighted = cusps[places] * radii**2 * steps
            self.between_cusps[id(setup)] = _by_harmonic(
                weighted @ cusps[places].T, angular[places], angular[places]
            )

    def overlaps(self, state: Any) -> tuple[ComplexArray, ComplexArray]:
        """``<phi | psi>`` (n_orbitals, n_bands) and ``<phi | phi>``, in one pass.

        States at Gamma may be real functions; GPAW then keeps one of each G and -G, whose parts
        are complex conjugates.
        """
        vectors, lengths = _wave_vectors(state)
        coefficients = state.psit_nX.data
        is_half = np.issubdtype(state.psit_nX.desc.dtype, np.floating)
        counts = np.where(is_half & (lengths > 1e-10), 2.0, 1.0)
        n_orbitals = sum(2 * s.l + 1 for of_atom in self.shells for s in of_atom)
        with_states = np.zeros((n_orbitals, state.nbands), complex)
        half_own = np.zeros((n_orbitals, n_orbitals), complex)
        for start in range(0, len(vectors), WAVE_CHUNK):
            part = slice(start, start + WAVE_CHUNK)
            waves = _Waves(vectors[part])
            smooth = self._on(waves, self.smooth)
            cusps = self._on(waves, self.cusp)
            with_states += ((smooth + cusps).conj() * counts[part]) @ coefficients[:, part].T
            half_own += (smooth.conj() * counts[part]) @ (smooth / 2.0 + cusps).T / self.volume
        own = half_own + half_own.conj().T
        if is_half:
            with_states, own = with_states.real, own.real
        start = 0
        for a, setup in enumerate(self.setups):
            held = self.with_waves[id(setup)]
            rows = slice(start, start + len(held))
            start += len(held)
            # GPAW folds atoms into the cell; its <p | psi~> then belong to the image there.
            folded = np.round(state.relpos_ac[a] - self.places[a])
            phase = 1.0 if is_half else np.exp(-2j * np.pi * (state.kpt_c @ folded))
            with_states[rows] += held @ (phase * np.array(state.P_ani[a]).T)
            own[rows, rows] += self.between_cusps[id(setup)]
        return with_states, own

    def _on(self, waves: _Waves, functions: dict[int, list[tuple[int, Transform]]]) -> ComplexArray:
        """Functions of every atom in plane waves: (n_orbitals, n_waves)."""
        return np.concatenate(
            [
                block
                for a, setup in enumerate(self.setups)
                for block in waves.of(functions[id(setup)], self.positions[a])
            ]
        )


def _by_harmonic(radial: FloatArray, left: NDArray[Any], right: NDArray[Any]) -> FloatArray:
    """Radial integrals of two sets of shells, with l as given, spread over their harmonics."""
    rows = [(i, l, m) for i, l in enumerate(left) for m in range(-l, l + 1)]  # noqa: E741
    columns = [(j, l, m) for j, l in enumerate(right) for m in range(-l, l + 1)]  # noqa: E741
    return np.array(
        [[radial[i, j] if (k, m) == (l, n) else 0.0 for j, l, n in columns] for i, k, m in rows]  # noqa: E741
    )


class _Waves:
    """Plane waves k + G, with the harmonics of their directions kept."""

    def __init__(self, vectors: FloatArray) -> None:
        self.vectors = vectors
        self.lengths = np.linalg.norm(vectors, axis=1)
        self.harmonics: dict[int, FloatArray] = {}
        self.radial: dict[int, FloatArray] = {}

    def of(
        self, functions: list[tuple[int, Transform]], position: FloatArray
    ) -> Iterator[ComplexArray]:
        """Each radial function at `position` in plane waves: (2l + 1, n) for each."""
        phase = np.exp(-1j * (self.vectors @ position))
        for angular, transform in functions:
            if angular not in self.harmonics:
                self.harmonics[angular] = real_harmonics(angular, self.vectors).T
            if id(transform) not in self.radial:
                self.radial[id(transform)] = transform(self.lengths)
            yield (-1j) ** angular * self.harmonics[angular] * (self.radial[id(transform)] * phase)


def _transform(radii: FloatArray, values: FloatArray, l: int, highest: float) -> Transform:  # noqa: E741
    """``4 pi int r^2 j_l(qr) f(r) dr`` for f on a data set's radial grid, as a function of q."""
    inside = radii <= LONGEST_TAIL_BOHR
    last = min(int(np.flatnonzero(values)[-1]) + 2, int(inside.sum()), len(radii))
    radii, values = radii[:last], values[:last]
    fine = np.arange(0.0, radii[-1], RADIAL_STEP_BOHR)
    weighted = fine**2 * CubicSpline(radii, values)(fine)
    momenta = np.arange(0.0, highest + 3 * MOMENTUM_STEP, MOMENTUM_STEP)
    integrals = [simpson(weighted * spherical_jn(l, q * fine), x=fine) for q in momenta]
    transform: Transform = CubicSpline(momenta, 4.0 * np.pi * np.array(integrals))
    return transform

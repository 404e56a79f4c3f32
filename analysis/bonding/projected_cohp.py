"""Bond energies of Bloch states projected on atomic orbitals: COHP without LOBSTER.

The recipe, after Dronskowski and Bloechl, J. Phys. Chem. 97 (1993) 8617 (10.1021/j100135a014), and
Maintz et al., J. Comput. Chem. 37 (2016) 1030 (10.1002/jcc.24300): a minimal set of free-atom
orbitals, the Kohn-Sham states projected on it, both Loewdin-orthonormalised, and the Hamiltonian
written in it as H = C eps C^+. The energy of a bond then is a part of the band energy that no shift
of the energy zero changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np
from ase import Atoms
from scipy.linalg import qr

from natriface.analysis.bonding.bond_pairs import Pair
from natriface.analysis.bonding.broadening import Broadening, spread
from natriface.analysis.results.bond_populations import AtomCharges, Bond, BondPopulations, Curves
from natriface.analysis.results.mesh_images import near_image, too_coarse, unseen_translations
from natriface.analysis.results.spilling import Spilling, judge_spilling
from natriface.structures.base.arrays import ComplexArray, FloatArray, IntArray
from natriface.structures.base.errors import AnalysisError
from natriface.structures.base.reprs import short_repr
from natriface.structures.chemistry.polyanions import formula

OCCUPIED = 1e-4
"""Least occupation with which a band counts among those that must be kept."""

POORLY_REPRESENTED = 0.2
"""Least singular value of the projected bands that goes without a warning."""

DEPENDENT = 1e-6
"""Smallest eigenvalue of the orbitals' overlap that still lets them be orthonormalised."""

ORBITAL_NAMES = {
    0: ("s",),
    1: ("p_y", "p_z", "p_x"),
    2: ("d_xy", "d_yz", "d_z^2", "d_xz", "d_x^2-y^2"),
    3: ("f_y(3x^2-y^2)", "f_xyz", "f_yz^2", "f_z^3", "f_xz^2", "f_z(x^2-y^2)", "f_x(x^2-3y^2)"),
}
"""Real harmonics by l, in the order m = -l .. l, named as LOBSTER names them."""


@dataclass(frozen=True)
class AtomicOrbital:
    """One orbital of the minimal set: its atom (index from 0) and its quantum numbers."""

    atom: int
    n: int
    l: int  # noqa: E741
    m: int

    @property
    def label(self) -> str:
        """``"3p_x"``."""
        return f"{self.n}{ORBITAL_NAMES[self.l][self.m + self.l]}"


@dataclass(frozen=True, eq=False)
class Projection:
    r"""Bloch states and their overlaps with atomic orbitals.

    The Bloch sum of an orbital is ``sum_T exp(2 pi i k.T) phi(r - R - T)``, T over lattice vectors:
    its phase holds the cell, not the place of the atom in it.

    Attributes
    ----------
    overlaps : (n_spins, n_k, n_orbitals, n_bands) ``<phi_mu k \| psi_n k>``, states normalised
    orbital_overlap : (n_k, n_orbitals, n_orbitals) ``<phi_mu k \| phi_nu k>``
    energies_ev : (n_spins, n_k, n_bands), ascending
    occupations : same shape, of one spin, 0 to 1
    kpoints : (n_k, 3) in reciprocal lattice vectors: a uniform mesh, whole or without one of each
        k and -k
    weights : (n_k,), sum 1
    orbitals : of the columns
    structure : the crystal
    valence_electrons : of each atom, what its charge is counted from
    fermi_level_ev : on the scale of the energies
    source : who computed the states, for people
    """

    overlaps: ComplexArray
    orbital_overlap: ComplexArray
    energies_ev: FloatArray
    occupations: FloatArray
    kpoints: FloatArray
    weights: FloatArray
    orbitals: tuple[AtomicOrbital, ...]
    structure: Atoms = field(repr=False)
    valence_electrons: tuple[float, ...]
    fermi_level_ev: float
    source: str

    def __repr__(self) -> str:
        n_spins, n_k, n_orbitals, n_bands = self.overlaps.shape
        size = f"{n_spins} spins, {n_k} k-points, {n_orbitals} orbitals, {n_bands} bands"
        return short_repr(self, formula(self.structure.numbers), size)

    def __post_init__(self) -> None:
        n_spins, n_k, n_orbitals, n_bands = self.overlaps.shape
        expected = {
            "orbital_overlap": (n_k, n_orbitals, n_orbitals),
            "energies_ev": (n_spins, n_k, n_bands),
            "occupations": (n_spins, n_k, n_bands),
            "kpoints": (n_k, 3),
            "weights": (n_k,),
        }
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise AnalysisError(
                    f"projection: {name} has shape {getattr(self, name).shape}, not {shape}"
                )
        if len(self.orbitals) != n_orbitals:
            raise AnalysisError(f"projection: {len(self.orbitals)} orbitals for {n_orbitals} rows")
        if n_spins not in (1, 2):
            raise AnalysisError(f"projection: {n_spins} spins; only collinear states will do")
        if n_bands < n_orbitals:
            raise AnalysisError(
                f"projection: {n_bands} bands for {n_orbitals} orbitals; the Hamiltonian in the "
                f"basis of orbitals needs at least as many: compute {n_orbitals} bands or more"
            )


@dataclass(frozen=True, eq=False)
class LoewdinStates:
    """Projected bands, orthonormal, in the orthonormalised basis of atomic orbitals.

    Attributes
    ----------
    coefficients : (n_spins, n_k, n_orbitals, n_orbitals), unitary; columns are bands
    energies_ev, occupations : (n_spins, n_k, n_orbitals) of the bands kept
    root_overlap : (n_k, n_orbitals, n_orbitals), S^(-1/2) of the orbitals
    spilling : of the bands kept
    smallest : least singular value of the projected bands before they were orthonormalised
    """

    coefficients: ComplexArray
    energies_ev: FloatArray
    occupations: FloatArray
    root_overlap: ComplexArray
    spilling: Spilling
    smallest: float


def loewdin_states(projection: Projection) -> LoewdinStates:
    """Keep as many bands as there are orbitals and Loewdin-orthonormalise both.

    With S the orbitals' overlap and A the overlaps of the states with them, the states in the
    Loewdin basis are Y = S^(-1/2) A, and their orthonormal form nearest to it is the polar factor
    U V^+ of Y = U s V^+ (Loewdin, J. Chem. Phys. 18 (1950) 365, 10.1063/1.1747632).

    Which bands: all that are occupied, and of the empty ones those that the orbitals represent
    best, by a pivoted QR factorisation of what the occupied ones leave. LOBSTER takes the lowest,
    which is the same where those are the ones (diamond, silicon); where another band lies between
    (NaCl, away from Gamma) the lowest have next to no part in the orbitals and cannot be
    orthonormalised, and the result depends on the choice of cell.

    Raises
    ------
    AnalysisError
        If more bands are occupied than there are orbitals, or the orbitals are linearly dependent.
    """
    n_spins, n_k, n_orbitals, _ = projection.overlaps.shape
    coefficients = np.empty((n_spins, n_k, n_orbitals, n_orbitals), complex)
    energies = np.empty((n_spins, n_k, n_orbitals))
    occupations = np.empty_like(energies)
    norms = np.empty_like(energies)
    root = np.empty((n_k, n_orbitals, n_orbitals), complex)
    smallest = 1.0
    for k in range(n_k):
        root[k] = _inverse_root(projection.orbital_overlap[k])
        for spin in range(n_spins):
            projected = root[k] @ projection.overlaps[spin, k]
            kept = _kept_bands(projected, projection.occupations[spin, k])
            projected = projected[:, kept]
            norms[spin, k] = np.sum(np.abs(projected) ** 2, axis=0)
            left, singular, right = np.linalg.svd(projected)
            smallest = min(smallest, float(singular[-1]))
            coefficients[spin, k] = left @ right
            energies[spin, k] = projection.energies_ev[spin, k, kept]
            occupations[spin, k] = projection.occupations[spin, k, kept]
    lost = 100.0 * np.abs(1.0 - norms)
    weights = projection.weights[None, :, None]
    charge = np.sum(weights * occupations * lost, axis=(1, 2)) / np.maximum(
        np.sum(weights * occupations, axis=(1, 2)), 1e-12
    )
    total = np.sum(weights * lost, axis=(1, 2)) / n_orbitals
    spilling = Spilling(tuple(charge.tolist()), tuple(total.tolist()))
    return LoewdinStates(coefficients, energies, occupations, root, spilling, smallest)


def _inverse_root(overlap: ComplexArray) -> ComplexArray:
    values, vectors = np.linalg.eigh(overlap)
    if values[0] < DEPENDENT:
        raise AnalysisError(
            f"the atomic orbitals are linearly dependent (smallest eigenvalue of their overlap "
            f"{values[0]:.1e}); take fewer of them"
        )
    return np.asarray((vectors / np.sqrt(values)) @ vectors.conj().T)


def _kept_bands(projected: ComplexArray, occupations: FloatArray) -> IntArray:
    """Indices, ascending, of the occupied bands and of the best represented empty ones."""
    n_orbitals, n_bands = projected.shape
    occupied = np.flatnonzero(occupations > OCCUPIED)
    if len(occupied) > n_orbitals:
        raise AnalysisError(
            f"{len(occupied)} bands are occupied but there are only {n_orbitals} atomic orbitals; "
            "the basis lacks shells that hold electrons"
        )
    empty = np.setdiff1d(np.arange(n_bands), occupied)
    basis, _ = np.linalg.qr(projected[:, occupied])
    left = projected[:, empty] - basis @ (basis.conj().T @ projected[:, empty])
    order = qr(left, mode="r", pivoting=True)[1]
    return np.sort(np.concatenate([occupied, empty[order[: n_orbitals - len(occupied)]]]))


def bond_populations(
    projection: Projection,
    pairs: Sequence[Pair],
    broadening: Broadening | None = None,
) -> BondPopulations:
    r"""ICOHP, ICOOP, ICOBI and their curves of the bonds asked for, and the atoms' charges.

    With P and H the density matrix of one spin and the Hamiltonian in the Loewdin basis, brought to
    real space, ``X(T) = Re sum_k w_k exp(-2 pi i k.T) X(k)``, for the bond between atom A and the
    image of B in cell T

    - ``ICOHP = g sum_(m in A, n in B) P_mn(T) H_mn(T)``, negative = bonding, counted once as
      LOBSTER does: the band energy is the on-site part and twice the sum over bonds;
    - ``ICOBI = 2 sum_spins sum_mn P_mn(T)^2`` (Wiberg, Tetrahedron 24 (1968) 1083; Mueller et al.,
      J. Phys. Chem. C 125 (2021) 7959, 10.1021/acs.jpcc.1c00718), 1 for the bond in H2;
    - ``ICOOP = g sum_mn P'_mn(T) S_mn(T)`` with P' in the orbitals themselves, not orthonormalised;

    g being 2 without and 1 with spin polarisation, summed over spins. The curves are the same sums
    state by state; integrated over all energies with the states' occupations they give the
    integrals exactly. Loewdin charges are valence electrons less the diagonal of P.

    Parameters
    ----------
    projection
        States and overlaps.
    pairs
        Bonds wanted, in the order of the result.
    broadening
        Energies and width of the curves; ``None`` for none.

    Raises
    ------
    AnalysisError
        If the k points are no uniform mesh (those that a space group leaves are not), or the
        states cannot be projected (`loewdin_states`).
    """
    check_mesh(projection.kpoints, projection.weights)
    states = loewdin_states(projection)
    model = _RealSpace(projection, states)
    found = [model.bond(str(number), pair) for number, pair in enumerate(pairs, 1)]
    bonds = tuple(bond for bond, _ in found)
    curves = None
    if broadening is not None and bonds:
        curves = _curves(projection, states, broadening, bonds, [parts for _, parts in found])
    return BondPopulations(
        bonds=bonds,
        curves=curves,
        spilling=states.spilling,
        charges=AtomCharges(loewdin_e=tuple(model.charges_e().tolist())),
        fermi_level_ev=projection.fermi_level_ev,
        source=projection.source,
        structure=projection.structure,
        warnings=_warnings(projection, states, pairs),
    )


def _curves(
    projection: Projection,
    states: LoewdinStates,
    broadening: Broadening,
    bonds: tuple[Bond, ...],
    parts: Sequence[FloatArray],
) -> Curves:
    n_spins = len(states.energies_ev)
    energies = states.energies_ev.reshape(n_spins, -1)
    kinds = np.stack(parts, axis=1).reshape(3, len(bonds), n_spins, -1)
    cohp, icohp = spread(energies, kinds[0], broadening)
    (coop, _), (cobi, _) = (spread(energies, kind, broadening) for kind in kinds[1:])
    zeroed = broadening.energies_ev - projection.fermi_level_ev
    return Curves(zeroed, tuple(bond.label for bond in bonds), cohp, icohp, coop, cobi)


class _RealSpace:
    """Density matrix and Hamiltonian between an atom and another's image."""

    def __init__(self, projection: Projection, states: LoewdinStates) -> None:
        self.projection = projection
        self.states = states
        c = states.coefficients
        adjoint = c.conj().swapaxes(-1, -2)
        self.hamiltonian = (c * states.energies_ev[:, :, None, :]) @ adjoint
        self.density = (c * states.occupations[:, :, None, :]) @ adjoint
        self.plain = states.root_overlap @ c
        self.degeneracy = 2.0 / len(c)
        owners = np.array([orbital.atom for orbital in projection.orbitals])
        n_atoms = len(projection.structure)
        self.of_atom = [np.flatnonzero(owners == atom) for atom in range(n_atoms)]

    def bond(self, label: str, pair: Pair) -> tuple[Bond, FloatArray]:
        """The bond, and each state's part in its COHP, COOP and COBI: (3, n_spins, n_k, n_states).

        The parts hold the weights of the k points and the spins' degeneracy, not the occupations.
        """
        a, b = self.of_atom[pair.first], self.of_atom[pair.second]
        rows, columns = np.ix_(a, b)
        phases = self.projection.weights * np.exp(
            -2j * np.pi * (self.projection.kpoints @ np.array(pair.translation))
        )
        h = np.einsum("k,skmn->smn", phases, self.hamiltonian[..., rows, columns]).real
        p = np.einsum("k,skmn->smn", phases, self.density[..., rows, columns]).real
        overlap = self.projection.orbital_overlap[:, rows, columns]
        s = np.einsum("k,kmn->mn", phases, overlap).real

        g = self.degeneracy
        c = self.states.coefficients
        cohp = g * self._by_state(c, a, b, phases, h)
        cobi = 2.0 * g * self._by_state(c, a, b, phases, p)
        coop = g * self._by_state(self.plain, a, b, phases, np.broadcast_to(s, h.shape))
        f = self.states.occupations
        by_orbital = g * np.sum(p * h, axis=0)
        by_spin = g * np.sum(p * h, axis=(1, 2))
        orbitals = self.projection.orbitals
        symbols = self.projection.structure.symbols
        bond = Bond(
            label=label,
            atoms=(pair.first, pair.second),
            symbols=(str(symbols[pair.first]), str(symbols[pair.second])),
            translation=pair.translation,
            length_angstrom=pair.length_angstrom,
            icohp_ev=float(by_spin.sum()),
            icohp_by_spin_ev=tuple(by_spin.tolist()),
            icoop=float(np.sum(f * coop)),
            icobi=float(np.sum(f * cobi)),
            orbitals={
                f"{orbitals[m].label}->{orbitals[n].label}": float(by_orbital[i, j])
                for (i, m), (j, n) in product(enumerate(a), enumerate(b))
            },
        )
        return bond, np.stack([cohp, coop, cobi])

    @staticmethod
    def _by_state(
        c: ComplexArray, a: IntArray, b: IntArray, phases: ComplexArray, weight: FloatArray
    ) -> FloatArray:
        """Re sum_mn conj(C_m) weight_mn C_n of each state, phases applied."""
        right = np.einsum("smn,sknb->skmb", weight, c[:, :, b].conj())
        return np.asarray((phases[None, :, None] * np.sum(c[:, :, a] * right, axis=2)).real)

    def charges_e(self) -> FloatArray:
        """Loewdin charge of each atom, in elementary charges."""
        diagonal = np.einsum("skmm->skm", self.density).real
        population = self.degeneracy * np.einsum("k,skm->m", self.projection.weights, diagonal)
        held = np.array([population[indices].sum() for indices in self.of_atom])
        return np.asarray(np.array(self.projection.valence_electrons) - held, np.float64)


def check_mesh(kpoints: FloatArray, weights: FloatArray) -> None:
    """Refuse k points that are no uniform mesh, whole or without one of each k and -k.

    On a mesh the mean of cos(2 pi k.T) (shifted meshes: of its modulus with the phase of the
    shift) is 1 or 0 for every lattice vector T; points that a space group leaves fail that.

    Raises
    ------
    AnalysisError
        If the points are not a mesh or the weights do not sum to 1.
    """
    if abs(weights.sum() - 1.0) > 1e-6:
        raise AnalysisError(f"the weights of the k points sum to {weights.sum():.6f}, not 1")
    both = np.concatenate([kpoints, -kpoints])
    # One of a pair k, -k or both may be there; a set closed under inversion once both are counted.
    keys: dict[tuple[int, ...], float] = {}
    for point, weight in zip(both, np.concatenate([weights, weights]) / 2.0, strict=True):
        key = tuple((np.round(point * 1e6).astype(np.int64) % 1_000_000).tolist())
        keys[key] = keys.get(key, 0.0) + float(weight)
    values = np.array(list(keys.values()))
    points = np.array(list(keys)) * 1e-6
    cells = np.array(list(product(range(-3, 4), repeat=3)))
    means = np.abs(np.exp(2j * np.pi * cells @ points.T) @ values)
    if np.ptp(values) > 1e-6 or np.any(np.minimum(means, np.abs(means - 1.0)) > 1e-3):
        raise AnalysisError(
            "the k points are not a uniform mesh: states at points that a space group left cannot "
            "be brought to real space; compute them without the crystal's symmetry (time reversal "
            "may stay)"
        )


def _warnings(
    projection: Projection, states: LoewdinStates, pairs: Sequence[Pair]
) -> tuple[str, ...]:
    warnings = []
    verdict = judge_spilling(states.spilling)
    if verdict.status != "sound":
        warnings.append(f"projection {verdict.status}: {verdict.reason}")
    if states.smallest < POORLY_REPRESENTED:
        warnings.append(
            f"the bands hardly reach some combination of the atomic orbitals (singular value "
            f"{states.smallest:.2f}); bond energies may depend on the number of bands: compute more"
        )
    unseen = unseen_translations(projection.kpoints)
    if len(unseen) and pairs:
        positions, cell = projection.structure.positions, np.asarray(projection.structure.cell)
        ends = positions[[pair.second for pair in pairs]]
        ends = ends + np.array([pair.translation for pair in pairs]) @ cell
        vectors = ends - positions[[pair.first for pair in pairs]]
        aliased = np.flatnonzero(near_image(vectors, unseen, cell)).tolist()
        if aliased:
            warnings.append(too_coarse([pairs[k].length_angstrom for k in aliased], len(pairs)))
    return tuple(warnings)

"""Bond energies of small crystals with PySCF: a route of its own, to check the others by.

Gaussian orbitals and GTH pseudopotentials instead of plane waves and PAW; the projection and all
after it are the same (`natriface.analysis.bonding.projected_cohp`).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

import numpy as np
from ase import Atoms
from ase.units import Hartree

from natriface.analysis.bonding.bond_pairs import bond_pairs
from natriface.analysis.bonding.broadening import Broadening
from natriface.analysis.bonding.projected_cohp import AtomicOrbital, Projection, bond_populations
from natriface.analysis.results.bond_populations import BondPopulations
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import EngineError

BASIS = "gth-dzvp-molopt-sr"
ORBITAL_BASIS = "gth-tzv2p"
"""Of the free atoms: the crystal's holds no tails (of Na 3s, half of what lies beyond 6 Bohr)."""

PSEUDOPOTENTIAL = "gth-pbe"


def populations(
    structure: Atoms,
    kpoint_mesh: tuple[int, int, int],
    longest_angstrom: float | Mapping[str, float] | None = None,
    *,
    basis: str = BASIS,
    orbital_basis: str = ORBITAL_BASIS,
    cutoff_hartree: float = 140.0,
    broadening: Broadening | None = None,
) -> BondPopulations:
    """Run PBE without spin polarisation and project on the free atoms' valence orbitals.

    Parameters
    ----------
    structure
        Crystal with an even number of electrons and a gap.
    kpoint_mesh
        Gamma-centred.
    longest_angstrom
        As `bond_pairs` takes it.
    basis
        Gaussian basis for GTH pseudopotentials, of the crystal's states.
    orbital_basis
        The same, of the free atoms' orbitals.
    cutoff_hartree
        Of the plane waves that hold the density.
    broadening
        Curves wanted, energies on PySCF's scale.

    Raises
    ------
    EngineError
        If PySCF is not installed, has no such basis for an element, or the electronic structure
        does not converge.
    """
    projection = project(
        structure,
        kpoint_mesh,
        basis=basis,
        orbital_basis=orbital_basis,
        cutoff_hartree=cutoff_hartree,
    )
    return bond_populations(projection, bond_pairs(structure, longest_angstrom), broadening)


def project(
    structure: Atoms,
    kpoint_mesh: tuple[int, int, int],
    *,
    basis: str = BASIS,
    orbital_basis: str = ORBITAL_BASIS,
    cutoff_hartree: float = 140.0,
) -> Projection:
    """The states of `populations` and their overlaps with the free atoms' orbitals."""
    try:
        import pyscf
        from pyscf.pbc import dft
        from pyscf.pbc.gto.cell import intor_cross
    except ImportError:
        raise EngineError("PySCF is not installed: pip install 'natriface[pyscf]'") from None

    cell, atomic_cell = _cells(structure, (basis, orbital_basis), cutoff_hartree)
    points = cell.make_kpts(list(kpoint_mesh))
    field = dft.KRKS(cell, kpts=points)
    field.xc = "PBE"
    field = field.multigrid_numint()
    field.conv_tol = 1e-7
    field.kernel()
    if not field.converged:
        raise EngineError(f"PySCF: {structure.get_chemical_formula()} did not converge")

    symbols = structure.get_chemical_symbols()
    atomic = {symbol: _free_atom(symbol, orbital_basis) for symbol in sorted(set(symbols))}
    matrix, orbitals = _assembled(symbols, atomic)
    own = np.array(atomic_cell.pbc_intor("int1e_ovlp", hermi=1, kpts=points))
    across = np.array(intor_cross("int1e_ovlp", atomic_cell, cell, kpts=points))
    states = np.array(field.mo_coeff)
    energies = np.array(field.mo_energy) * Hartree
    occupations = np.array(field.mo_occ) / 2.0
    filled = occupations > 0.5
    return Projection(
        overlaps=(matrix.T @ across @ states)[None],
        orbital_overlap=matrix.T @ own @ matrix,
        energies_ev=energies[None],
        occupations=occupations[None],
        kpoints=cell.get_scaled_kpts(points),
        weights=np.full(len(points), 1.0 / len(points)),
        orbitals=orbitals,
        structure=structure,
        valence_electrons=tuple(float(charge) for charge in cell.atom_charges()),
        fermi_level_ev=float((energies[filled].max() + energies[~filled].min()) / 2.0),
        source=f"natriface projection, PySCF {pyscf.__version__} ({basis}, {orbital_basis})",
    )


def _cells(structure: Atoms, bases: tuple[str, str], cutoff_hartree: float) -> tuple[Any, Any]:
    """PySCF's cells of a closed shell, in the basis of the states and in that of the free atoms."""
    from pyscf.gto.basis import load
    from pyscf.lib.exceptions import BasisNotFoundError
    from pyscf.pbc import gto

    for symbol in sorted(set(structure.get_chemical_symbols())):
        try:
            load(bases[1], symbol)
        except BasisNotFoundError:
            raise EngineError(
                f"PySCF has no {bases[1]} for the free atom {symbol}; name another "
                f"orbital_basis, such as {BASIS}, which has shorter tails"
            ) from None
    cells = gto.Cell(), gto.Cell()
    for cell, functions in zip(cells, bases, strict=True):
        cell.build(
            a=np.asarray(structure.cell),
            atom=list(zip(structure.get_chemical_symbols(), structure.positions, strict=True)),
            unit="A",
            basis=functions,
            pseudo=PSEUDOPOTENTIAL,
            ke_cutoff=cutoff_hartree,
            verbose=0,
            dump_input=False,
            parse_arg=False,
        )
    if cells[0].nelectron % 2:
        raise EngineError(
            f"{structure.get_chemical_formula()} has {cells[0].nelectron} electrons, an odd "
            "number; this route is for closed shells"
        )
    return cells


def _assembled(
    symbols: list[str], atomic: Mapping[str, tuple[FloatArray, list[tuple[int, int, int]]]]
) -> tuple[FloatArray, tuple[AtomicOrbital, ...]]:
    """Coefficients of all atoms' orbitals in the crystal's basis, and what each column is."""
    rows = sum(len(atomic[symbol][0]) for symbol in symbols)
    columns = sum(len(atomic[symbol][1]) for symbol in symbols)
    matrix = np.zeros((rows, columns))
    orbitals = []
    row = column = 0
    for atom, symbol in enumerate(symbols):
        block, names = atomic[symbol]
        matrix[row : row + len(block), column : column + len(names)] = block
        orbitals += [AtomicOrbital(atom, n, angular, m) for n, angular, m in names]
        row, column = row + len(block), column + len(names)
    return matrix, tuple(orbitals)


def _free_atom(symbol: str, basis: str) -> tuple[FloatArray, list[tuple[int, int, int]]]:
    """Occupied orbitals of the spherical PBE atom, (n_basis, n_orbitals), with their n, l, m."""
    from pyscf import dft, gto
    from pyscf.data import elements
    from scipy.linalg import eigh

    molecule = gto.Mole()
    number = elements.charge(symbol)
    valence = _valence(symbol)
    molecule.build(
        atom=[[symbol, (0.0, 0.0, 0.0)]],
        basis=basis,
        pseudo=PSEUDOPOTENTIAL,
        spin=sum(valence) % 2,
        verbose=0,
        dump_input=False,
        parse_arg=False,
    )
    kinds = _kinds(molecule)
    field = dft.rks.RKS(molecule)
    field.xc = "PBE"
    angular_of = np.array([angular for angular, _ in kinds])

    def spherical(mo_energy: FloatArray, mo_coeff: FloatArray) -> FloatArray:
        """Each subshell filled evenly over m, whatever the levels' order."""
        shares = np.stack(
            [np.sum(mo_coeff[angular_of == a] ** 2, axis=0) for a in range(angular_of.max() + 1)]
        )
        found = np.argmax(shares, axis=0)
        occupations = np.zeros(len(mo_energy))
        for angular, electrons in enumerate(valence):
            degeneracy, left = 2 * angular + 1, float(electrons)
            levels = [i for i in np.argsort(mo_energy) if found[i] == angular]
            for start in range(0, len(levels), degeneracy):
                share = min(left, 2.0 * degeneracy)
                occupations[levels[start : start + degeneracy]] = share / degeneracy
                left -= share
        return occupations

    field.get_occ = lambda mo_energy, mo_coeff: spherical(mo_energy, mo_coeff)
    field.conv_tol = 1e-9
    field.kernel()
    if not field.converged:
        raise EngineError(f"PySCF: the free atom {symbol} did not converge")
    fock, overlap = field.get_fock(), field.get_ovlp()

    columns, names = [], []
    totals = elements.NRSRHF_CONFIGURATION[number]
    for angular, electrons in enumerate(valence):
        shells = ceil(electrons / (2 * (2 * angular + 1)))
        highest = angular + ceil(totals[angular] / (2 * (2 * angular + 1)))
        for shell in range(shells):
            for m in range(-angular, angular + 1):
                at = np.flatnonzero([kind == (angular, m) for kind in kinds])
                _, vectors = eigh(fock[np.ix_(at, at)], overlap[np.ix_(at, at)])
                vector = vectors[:, shell]
                column = np.zeros(len(kinds))
                column[at] = vector * np.sign(vector[np.argmax(np.abs(vector))])
                columns.append(column)
                names.append((highest - shells + 1 + shell, angular, m))
    return np.stack(columns, axis=1), names


def _valence(symbol: str) -> list[int]:
    """Valence electrons in s, p, d, ... of the pseudopotential."""
    from pyscf.pbc.gto import pseudo

    loaded: Any = pseudo.load(PSEUDOPOTENTIAL, symbol)
    return [int(electrons) for electrons in loaded[0]]


def _kinds(molecule: Any) -> list[tuple[int, int]]:
    """l and m of each basis function; PySCF orders p as x, y, z."""
    kinds = []
    for shell in range(molecule.nbas):
        angular = int(molecule.bas_angular(shell))
        order = [1, -1, 0] if angular == 1 else list(range(-angular, angular + 1))
        kinds += [(angular, m) for _ in range(molecule.bas_nctr(shell)) for m in order]
    return kinds

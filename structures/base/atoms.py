"""The in-memory crystal is `ase.Atoms`; this module gives it a document and a content hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from ase import Atoms
from ase.constraints import FixAtoms, FixCartesian
from ase.data import atomic_numbers
from numpy.typing import ArrayLike

from natriface.structures.base.errors import StructureError

if TYPE_CHECKING:
    from pymatgen.core import Structure as PymatgenStructure

HASH_DECIMALS = 5
"""Positions and cells are compared to 1e-5 A: below any force tolerance, above rounding noise."""


class HoldsAtoms(Protocol):
    """What holds a crystal: a `natriface.structures.Slab`, `Phase` or `Interface`."""

    @property
    def atoms(self) -> Atoms: ...


Structure: TypeAlias = "Atoms | HoldsAtoms | PymatgenStructure"
"""What the builders take: atoms, a slab, phase or interface that holds them, or pymatgen's."""


def atoms_of(structure: Structure) -> Atoms:
    """The atoms of a slab, phase, interface or pymatgen structure, or the atoms given themselves.

    Oxidation states of a pymatgen structure are not used: give them where charges are asked for.

    Raises
    ------
    StructureError
        If it is none of these, a pymatgen structure with partly filled or mixed sites or with
        what is no element, or a position or lattice vector is not a finite number.
    """
    atoms = _held_atoms(structure)
    require_finite(atoms.cell.array, atoms.positions, atoms.get_chemical_formula())
    return atoms


def require_finite(cell: ArrayLike, positions: ArrayLike, name: str) -> None:
    """Refuse a cell or positions with NaN or infinity; spglib ends the whole process on them.

    Parameters
    ----------
    cell : (3, 3), A
    positions : (n, 3), A or fractions of the cell
    name
        The structure, for the message.

    Raises
    ------
    StructureError
        Naming the vector or the atom.
    """
    for values in (cell, positions):
        rows = np.asarray(values, dtype=float)
        wrong = np.flatnonzero(~np.isfinite(rows).all(axis=1))
        if len(wrong):
            where = "a lattice vector" if values is cell else f"atom {wrong[0]}: its position"
            raise StructureError(
                f"{name}: {where} is not a finite number ({rows[wrong[0]].tolist()}); correct it"
            )


def pymatgen_of(structure: Structure) -> PymatgenStructure:
    """The pymatgen structure of atoms, a slab, phase or interface, held atoms as held.

    Examples
    --------
    >>> from natriface.structures import load_phase, pymatgen_of
    >>> pymatgen_of(load_phase("NaF")).composition.reduced_formula
    'NaF'
    """
    from pymatgen.core import Lattice
    from pymatgen.core import Structure as PymatgenStructure

    atoms = atoms_of(structure)
    fixed, in_plane = _held(atoms)
    moves = [[i not in fixed | in_plane] * 2 + [i not in fixed] for i in range(len(atoms))]
    return PymatgenStructure(
        Lattice(atoms.cell.array, pbc=tuple(bool(along) for along in atoms.pbc)),
        atoms.get_chemical_symbols(),
        atoms.positions,
        coords_are_cartesian=True,
        site_properties={"selective_dynamics": moves} if fixed or in_plane else None,
    )


def fixed_indices(atoms: Atoms) -> list[int]:
    """Indices of the atoms held by `ase.constraints.FixAtoms`, sorted."""
    return sorted(_held(atoms)[0])


def in_plane_fixed_indices(atoms: Atoms) -> list[int]:
    """Indices of the atoms that may move along z only, held by `ase.constraints.FixCartesian`."""
    return sorted(_held(atoms)[1])


def hold(atoms: Atoms, fixed: Iterable[int] = (), in_plane: Iterable[int] = ()) -> None:
    """Replace all constraints: atoms held altogether, and atoms that may move along z only."""
    whole = sorted({int(i) for i in fixed})
    plane = sorted({int(i) for i in in_plane} - set(whole))
    constraints: list[Any] = [FixAtoms(indices=whole)] if whole else []
    if plane:
        constraints.append(FixCartesian(plane, mask=(True, True, False)))
    atoms.set_constraint(constraints or None)


def to_document(atoms: Atoms) -> dict[str, Any]:
    """A plain JSON-able document of a crystal.

    Returns
    -------
    dict
        ``numbers`` (n,), ``cell`` (3, 3) in A, ``positions`` (n, 3) in A, ``pbc`` (3,),
        ``tags`` (n,), ``fixed`` (indices of frozen atoms), ``fixed_in_plane`` (of those that may
        move along z only) and ``magnetic_moments`` (n,) in Bohr magnetons where any is set.
    """
    document: dict[str, Any] = {
        "numbers": atoms.numbers.tolist(),
        "cell": np.asarray(atoms.cell).tolist(),
        "positions": atoms.positions.tolist(),
        "pbc": [bool(p) for p in atoms.pbc],
        "tags": atoms.get_tags().tolist(),
        "fixed": fixed_indices(atoms),
    }
    in_plane = in_plane_fixed_indices(atoms)
    if in_plane:
        document["fixed_in_plane"] = in_plane
    moments = atoms.get_initial_magnetic_moments()
    if np.any(moments):
        document["magnetic_moments"] = np.asarray(moments).tolist()
    return document


def from_document(document: dict[str, Any]) -> Atoms:
    """The crystal of a document made by `to_document`."""
    atoms = Atoms(
        numbers=document["numbers"],
        positions=document["positions"],
        cell=document["cell"],
        pbc=document["pbc"],
        tags=document.get("tags"),
    )
    if document.get("magnetic_moments"):
        atoms.set_initial_magnetic_moments(document["magnetic_moments"])
    hold(atoms, document.get("fixed") or (), document.get("fixed_in_plane") or ())
    return atoms


def content_hash(content: Any, length: int = 12) -> str:
    """Hexadecimal SHA-256 of JSON-able content, cut to `length` digits.

    FloatArray are rounded to `HASH_DECIMALS` so that equal content hashes equally on every machine;
    the order of dictionary keys does not matter.
    """
    text = json.dumps(_rounded(content), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def structure_id(structure: Structure, length: int = 12) -> str:
    """Content hash of a crystal: species, cell, positions, periodicity, tags and frozen atoms.

    Examples
    --------
    >>> from natriface.structures import load_phase, structure_id
    >>> phase = load_phase("NaF")
    >>> structure_id(phase) == structure_id(phase.atoms)
    True
    """
    return content_hash(to_document(atoms_of(structure)), length)


def select(atoms: Atoms, indices: Iterable[int]) -> Atoms:
    """The chosen atoms in the same cell, tags and frozen atoms kept."""
    return atoms[np.asarray(sorted(indices), dtype=int)]


def _held_atoms(structure: Structure) -> Atoms:
    if isinstance(structure, Atoms):
        return structure
    if any(base.__module__ == "pymatgen.core.structure" for base in type(structure).__mro__):
        return _from_pymatgen(structure)
    held = getattr(structure, "atoms", None)
    if not isinstance(held, Atoms):
        raise StructureError(
            f"{type(structure).__name__} is no structure: give an ase.Atoms, or a Slab, Phase, "
            "Interface or pymatgen Structure"
        )
    return held


def _from_pymatgen(structure: Any) -> Atoms:
    from pymatgen.core import IStructure
    from pymatgen.io.ase import AseAtomsAdaptor

    if not isinstance(structure, IStructure):
        raise StructureError(
            f"pymatgen's {type(structure).__name__} is no crystal: give a Structure, which has a "
            "lattice"
        )
    if not structure.is_ordered:
        raise StructureError(
            f"pymatgen's structure {structure.formula!r:.80} is disordered: choose an ordering, or "
            "write it as a CIF and load that as a phase"
        )
    strange = [str(site.specie) for site in structure if not atomic_numbers.get(site.specie.symbol)]
    if strange:
        raise StructureError(f"pymatgen's structure holds {strange[0]}, which is no element")
    return AseAtomsAdaptor.get_atoms(structure, msonable=False)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, HASH_DECIMALS) + 0.0  # +0.0 turns -0.0 into 0.0
    if isinstance(value, dict):
        return {str(key): _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    if isinstance(value, np.ndarray):
        return _rounded(value.tolist())
    if isinstance(value, np.generic):
        return _rounded(value.item())
    return value


def _held(atoms: Atoms) -> tuple[set[int], set[int]]:
    """Indices of the atoms held altogether, and of those held in the plane."""
    whole: set[int] = set()
    plane: set[int] = set()
    for constraint in atoms.constraints:
        if isinstance(constraint, FixAtoms):
            whole.update(int(i) for i in constraint.index)
        elif isinstance(constraint, FixCartesian) and constraint.mask.tolist() == [1, 1, 0]:
            plane.update(int(i) for i in constraint.index)
        else:
            raise StructureError(
                f"constraint {type(constraint).__name__} cannot be stored; use FixAtoms, or "
                "FixCartesian with mask (True, True, False) for atoms that move along z only"
            )
    return whole, plane - whole

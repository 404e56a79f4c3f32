"""End points of a hop in a supercell, with the charge of the cell said in words."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from ase import Atom, Atoms

from natriface.structures.base.atom_tags import ADATOM_TAG
from natriface.structures.base.atoms import Structure, atoms_of, fixed_indices
from natriface.structures.base.bounds import MAX_SUPERCELL_ATOMS, require_few
from natriface.structures.base.errors import StructureError
from natriface.structures.base.heights import VACUUM_ANGSTROM, whole_positions
from natriface.structures.base.reprs import short_repr
from natriface.structures.base.symmetry import nearest_distances
from natriface.structures.chemistry.formal_charges import OXIDATION_STATES, is_metal
from natriface.structures.chemistry.unit_charges import formal_charges_of
from natriface.structures.paths.hops import Hop

HopCompensation = Literal["background", "electrons", "none"]

MIN_SIZE_ANGSTROM = 10.0
"""Default least distance of the carrier from its own periodic images."""


@dataclass(frozen=True, eq=False)
class HopEndpoints:
    """The two end points of one hop, unrelaxed, atoms in one order and positions continuous.

    Attributes
    ----------
    initial, final : the same atoms; only `mover` stands elsewhere
    hop : the hop in the host's cell
    repeats : multiples of the host's cell
    mover : index of the atom that moves
    carrier_charge_e : formal charge of that atom as an ion; 0 in metals
    charge_e : charge of the cell the engine has to compute
    compensation : what balances the carrier: ``background`` (the ion migrates, a uniform
        background neutralises the charged cell), ``electrons`` (the cell is neutral: an electron or
        a hole stays with the carrier), ``none`` (a metal)
    image_distance_angstrom : distance of the mover from its own periodic images
    host_formula : of the supercell without the defect
    """

    initial: Atoms = field(repr=False)
    final: Atoms = field(repr=False)
    hop: Hop
    repeats: tuple[int, int, int]
    mover: int
    carrier_charge_e: float
    charge_e: float
    compensation: HopCompensation
    image_distance_angstrom: float
    host_formula: str

    def __repr__(self) -> str:
        size = " x ".join(map(str, self.repeats))
        return short_repr(
            self, self.hop.label, f"{size} {self.host_formula}", f"charge {self.charge_e:+g} e"
        )

    @property
    def description(self) -> str:
        """One sentence: hop, supercell, charge and compensation."""
        balance = {
            "background": f"cell charge {self.charge_e:+g} e against a uniform background",
            "electrons": "neutral cell, the carrier's charge left to electrons or holes",
            "none": "neutral cell of a metal",
        }[self.compensation]
        size = " x ".join(map(str, self.repeats))
        facet = ""
        if self.hop.facet is not None:
            facet = f" on ({''.join(map(str, self.hop.facet))})"
        return f"{self.hop.label}{facet} in {size} {self.host_formula}; {balance}"

    def metadata(self) -> dict[str, Any]:
        """What every barrier of this hop must be judged by, JSON-able."""
        hop = self.hop
        return {
            "description": self.description,
            "carrier": hop.element,
            "path_type": hop.path_type,
            "facet": None if hop.facet is None else list(hop.facet),
            "side": hop.side,
            "start": hop.start_label,
            "end": hop.end_label,
            "start_scaled": list(hop.start),
            "end_scaled": list(hop.end),
            "length_angstrom": hop.length_angstrom,
            "multiplicity": hop.multiplicity,
            "coordination": hop.coordination,
            "equivalent_ends": hop.equivalent_ends,
            "symmetric": hop.symmetric,
            "host": self.host_formula,
            "repeats": list(self.repeats),
            "mover": self.mover,
            "carrier_charge_e": self.carrier_charge_e,
            "charge_e": self.charge_e,
            "compensation": self.compensation,
            "image_distance_angstrom": self.image_distance_angstrom,
        }


def hop_endpoints(
    host: Structure,
    hop: Hop,
    repeats: tuple[int, int, int] | None = None,
    *,
    compensation: HopCompensation | None = None,
    carrier_charge_e: float | None = None,
    min_size_angstrom: float = MIN_SIZE_ANGSTROM,
) -> HopEndpoints:
    """Build the end points of a hop in a supercell of its host.

    Parameters
    ----------
    host
        The cell the hop was found in; frozen atoms stay frozen.
    repeats
        Multiples of its lattice vectors; by default the fewest whose heights are at least
        `min_size_angstrom` (along a and b only, for a slab).
    compensation
        See `HopEndpoints`. By default ``background`` for vacancies and interstitials of ions,
        ``electrons`` for adatoms, ``none`` in metals.
    carrier_charge_e
        Formal charge of the moving ion; by default the usual one that balances the host.

    Raises
    ------
    StructureError
        If the supercell is so small that the hop is its own image, the moving atom is frozen, or
        the compensation does not fit.

    Examples
    --------
    >>> from natriface.structures import hop_endpoints, load_phase, vacancy_hops
    >>> host = load_phase("NaF")
    >>> hop_endpoints(host, vacancy_hops(host, "Na")[0])
    HopEndpoints(vacancy Na0 -> Na1, 3.321 A, 3 x 3 x 3 Na108F108, charge -1 e)
    """
    host = atoms_of(host)
    counts = _repeats(host, min_size_angstrom) if repeats is None else _checked(host, repeats)
    charge = _carrier_charge(host, hop) if carrier_charge_e is None else float(carrier_charge_e)
    chosen = _compensation(hop, charge, compensation)
    atoms = math.prod(map(float, counts)) * len(host)
    require_few(atoms, MAX_SUPERCELL_ATOMS, "atoms in the supercell", "take fewer repeats")
    supercell = host.repeat(counts)
    way = (np.array(hop.end) - np.array(hop.start)) @ host.cell.complete().array
    if hop.atoms is not None:
        initial, mover = _with_vacancy(host, supercell, hop, counts)
    else:
        tag = ADATOM_TAG if hop.path_type == "adatom" else 0
        place = np.array(hop.start) @ host.cell.complete().array
        initial = supercell.copy()
        initial.append(Atom(hop.element, position=place, tag=tag))
        mover = len(initial) - 1
    final = initial.copy()
    moved = initial.positions.copy()
    moved[mover] += way
    final.set_positions(moved, apply_constraint=False)
    separation = _image_distance(initial, mover)
    if separation < 2 * hop.length_angstrom - 1e-3:
        raise StructureError(
            f"{hop.label}: in a {counts[0]} x {counts[1]} x {counts[2]} supercell the carrier is "
            f"{separation:.2f} A from its own image, less than twice the hop's "
            f"{hop.length_angstrom:.2f} A, so that another way may be as short; take a larger one"
        )
    sign = -1 if hop.path_type == "vacancy" else 1
    return HopEndpoints(
        initial=initial,
        final=final,
        hop=hop,
        repeats=counts,
        mover=mover,
        carrier_charge_e=charge,
        charge_e=sign * charge if chosen == "background" else 0.0,
        compensation=chosen,
        image_distance_angstrom=separation,
        host_formula=supercell.get_chemical_formula(mode="metal"),
    )


def _with_vacancy(
    host: Atoms, supercell: Atoms, hop: Hop, counts: tuple[int, int, int]
) -> tuple[Atoms, int]:
    """The supercell without the atom at the end of the hop, and the index of the mover."""
    assert hop.atoms is not None
    first, second = hop.atoms
    x, y, z = (t % n for t, n in zip(hop.shift, counts, strict=True))
    copy = (x * counts[1] + y) * counts[2] + z  # the order of Atoms.repeat
    empty = copy * len(host) + second
    if empty == first:
        raise StructureError(
            f"{hop.label}: in a {counts[0]} x {counts[1]} x {counts[2]} supercell the two sites "
            "are one; take a larger one"
        )
    for atom in (first, empty):
        if atom in fixed_indices(supercell):
            raise StructureError(
                f"{hop.label}: atom {atom} is frozen and cannot hop; choose a hop of free atoms"
            )
    initial = supercell.copy()
    del initial[empty]
    return initial, first - (first > empty)


def _repeats(host: Atoms, min_size: float) -> tuple[int, int, int]:
    heights = 1 / np.linalg.norm(np.linalg.inv(host.cell.complete().array), axis=0)
    if not 0 < min_size < np.inf:
        raise StructureError(f"min_size_angstrom must be positive and finite, got {min_size}")
    counts = np.maximum(np.ceil((min_size - 1e-6) / heights), 1)
    counts[~np.asarray(host.pbc)] = 1
    if _is_slab(host):
        counts[2] = 1
    return int(counts[0]), int(counts[1]), int(counts[2])


def _checked(host: Atoms, repeats: tuple[int, int, int]) -> tuple[int, int, int]:
    if len(repeats) != 3 or any(int(n) != n or n < 1 for n in repeats):
        raise StructureError(f"repeats {repeats}: three whole numbers of at least 1")
    if repeats[2] != 1 and _is_slab(host):
        raise StructureError(
            "a slab is repeated along a and b only; give repeats such as (3, 3, 1)"
        )
    return int(repeats[0]), int(repeats[1]), int(repeats[2])


def _is_slab(host: Atoms) -> bool:
    return not host.pbc[2] or whole_positions(host)[1] >= VACUUM_ANGSTROM


def _carrier_charge(host: Atoms, hop: Hop) -> float:
    """Formal charge of the carrier in e: as in the host, else its most usual; 0 in a metal."""
    charges = formal_charges_of(host)
    usual = OXIDATION_STATES.get(hop.element, ())
    if charges is None and is_metal(host.get_chemical_symbols()):
        return 0.0
    if charges is None and len(usual) != 1:
        raise StructureError(
            f"{hop.label}: no formal charges are known that balance "
            f"{host.get_chemical_formula(mode='metal')}, so that of {hop.element} is unknown; give "
            "carrier_charge_e"
        )
    alike = [] if charges is None else charges[host.symbols == hop.element].tolist()
    if alike:
        return float(np.mean(alike))
    return float(usual[0]) if usual else 0.0


def _compensation(hop: Hop, charge: float, compensation: HopCompensation | None) -> HopCompensation:
    if compensation is None:
        if charge == 0:
            return "none"
        return "electrons" if hop.path_type == "adatom" else "background"
    if compensation not in get_args(HopCompensation):
        raise StructureError(
            f"compensation {compensation!r}: {', '.join(get_args(HopCompensation))}"
        )
    if (compensation == "none") != (charge == 0):
        known = f"its formal charge is {charge:+g} e"
        raise StructureError(
            f"{hop.label}: compensation {compensation!r} does not fit the carrier ({known}); give "
            "carrier_charge_e, or " + ("'none'" if charge == 0 else "'background' or 'electrons'")
        )
    return compensation


def _image_distance(atoms: Atoms, index: int) -> float:
    cell = atoms.cell.complete().array
    scaled = np.linalg.solve(cell.T, atoms.positions.T).T
    return float(nearest_distances(cell, scaled, [index], atoms.pbc)[0, index])

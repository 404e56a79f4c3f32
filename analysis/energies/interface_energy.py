"""Energies of an interface: three quantities that are never mixed.

Each states its formula, area and number of contacts, and takes energies of like calculations
only. In all, A is the in-plane area of the cell and N the number of A|B contacts in it: 1 where
the cell has vacuum, 2 in a periodic sandwich.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from ase.data import chemical_symbols

from natriface.analysis.results.comparability import require_like
from natriface.analysis.results.formulas import Formula
from natriface.analysis.results.result import Result, StepRecord
from natriface.structures.base.conversions import EV_PER_ANGSTROM2_IN_J_PER_M2
from natriface.structures.base.errors import AnalysisError, nearest
from natriface.structures.base.heights import CONTACT_ANGSTROM, whole_positions
from natriface.structures.base.reprs import short_repr

FORMATION_FORMULA = Formula(
    "interfacial formation energy",
    "(E_AB - E_A - E_B) / (N A)",
    "J/m2",
    source="Nat. Commun. (2025), which prints the difference undivided",
    symbol="γ",
    where="slabs A and B relaxed on their own, each in the in-plane cell of the interface",
)
ADHESION_FORMULA = Formula(
    "rigid work of adhesion",
    "(E_A + E_B - E_AB) / (N A)",
    "J/m2",
    source="Finnis, J. Phys.: Condens. Matter 8, 5811 (1996)",
    symbol="W",
    where="slabs A and B frozen as they lie in the relaxed interface",
)

References = Literal["relaxed", "unrelaxed", "rigid"]
REFERENCE_SLABS: dict[References, str] = {
    "relaxed": "slabs relaxed",
    "unrelaxed": "slabs as they are cut, not relaxed",
    "rigid": "slabs rigid as in the interface",
}
"""What is subtracted: the slabs of the paper's definition, or others on purpose."""

SAME_AREA = 1e-3
"""Atoms by which a slab's area may be off that of the same slab in an interface."""

QuantityName = Literal[
    "interfacial formation energy", "work of adhesion", "interface energy against bulk phases"
]


@dataclass(frozen=True)
class InterfaceEnergy:
    """A number per area with what is needed to judge it.

    Attributes
    ----------
    quantity, formula
        Which of the three quantities, and the formula it was computed by.
    value_j_per_m2, value_ev_per_angstrom2
        The number in both units.
    difference_ev
        The energy difference before division by N A.
    area_angstrom2, n_contacts
        A and N of the formula.
    energies_ev
        What was subtracted, by label.
    """

    quantity: QuantityName
    formula: str
    value_j_per_m2: float
    value_ev_per_angstrom2: float
    difference_ev: float
    area_angstrom2: float
    n_contacts: int
    energies_ev: dict[str, float]

    def __repr__(self) -> str:
        value = f"{self.quantity} {self.value_j_per_m2:.4f} J/m2"
        return short_repr(self, value, f"{self.n_contacts} x {self.area_angstrom2:.1f} A2")


def formation_formula(references: References = "relaxed") -> Formula:
    """The formula of the interfacial formation energy, with which slabs are subtracted."""
    if references == "relaxed":
        return FORMATION_FORMULA
    return replace(
        FORMATION_FORMULA,
        name=f"{FORMATION_FORMULA.name} ({references} references)",
        where=f"{REFERENCE_SLABS[references]}, and not those of the source, relaxed on their own",
    )


def interfacial_formation_energy(
    interface: Result,
    substrate: Result,
    film: Result,
    *,
    contacts: int | None = None,
    supercells: bool = False,
    references: References = "relaxed",
) -> InterfaceEnergy:
    """Interfacial formation energy of Li et al., Nat. Commun. (2025), per area.

    By `FORMATION_FORMULA`; negative where contact lowers the energy. The paper gives the energy
    difference without area and N; the division is ours.

    It is of the three results given, whichever they are. A study relaxes each slab from several
    starts (``..., second start``, ``..., round 1``), and its report's ``results.csv`` and
    ``results.json`` take the lowest of them, so that slabs as first built may give a higher energy
    of theirs and another number.

    Parameters
    ----------
    contacts
        N, where the interface is no step of a study and so does not say: 1 where its cell has
        vacuum, 2 in a periodic sandwich.
    supercells
        Whether the slabs may have been computed in other supercells of the surface cell that they
        have in the interface; their energies are then taken by area.
    references
        What the slabs are, for the formula that is said beside the number.

    Raises
    ------
    AnalysisError
        If a result is not converged, the three are not computed alike, atoms do not add up,
        a cell differs from the interface's, `contacts` is wanting or contradicts the cell, or there
        are no such `references`.

    Examples
    --------
    >>> runs = [read_vasp_folder(name) for name in ("contact", "slab", "film")]  # doctest: +SKIP
    >>> interfacial_formation_energy(*runs, contacts=1).value_j_per_m2  # doctest: +SKIP
    -0.92
    """
    if references not in REFERENCE_SLABS:
        raise AnalysisError(f"references {references!r}; {nearest(references, REFERENCE_SLABS)}")
    return _per_area(
        "interfacial formation energy",
        f"{FORMATION_FORMULA}, {REFERENCE_SLABS[references]}",
        _named(interface, substrate, film),
        contacts,
        sign=1.0,
        supercells=supercells,
    )


def work_of_adhesion(
    interface: Result, substrate: Result, film: Result, *, contacts: int | None = None
) -> InterfaceEnergy:
    """Rigid work of adhesion, by `ADHESION_FORMULA`; positive where the interface holds together.

    Parameters
    ----------
    contacts
        As of `interfacial_formation_energy`.

    Raises
    ------
    AnalysisError
        As `interfacial_formation_energy`, and if a slab was moved.
    """
    interface, substrate, film = _named(interface, substrate, film)
    whole = interface.final_atoms()
    placed = {(z, *np.round(p, 4)) for z, p in zip(whole.numbers, whole.positions, strict=True)}
    for part in (substrate, film):
        atoms = part.final_atoms()
        own = {(z, *np.round(p, 4)) for z, p in zip(atoms.numbers, atoms.positions, strict=True)}
        if not own <= placed:
            raise AnalysisError(
                f"{part.label}: the atoms do not lie as in {interface.label}; the rigid work of "
                "adhesion needs single points of the two sides as they are in the interface"
            )
    return _per_area(
        "work of adhesion",
        f"{ADHESION_FORMULA}, slabs rigid as in the interface",
        [interface, substrate, film],
        contacts,
        sign=-1.0,
    )


def energy_per_contact(
    whole_ev: float, sides_ev: Sequence[float], area_angstrom2: float, n_contacts: int
) -> float:
    """(E_AB - E_A - E_B) / (N A), eV/A2: of relaxed slabs `FORMATION_FORMULA`, of rigid ones minus
    `ADHESION_FORMULA`."""
    return (whole_ev - sum(sides_ev)) / (n_contacts * area_angstrom2)


def _named(*results: Result) -> list[Result]:
    """Interface, substrate and film, those that are no step of a study called so."""
    return [
        result
        if result.step is not None
        else result.model_copy(update={"step": StepRecord(id="", name=role)})
        for result, role in zip(results, ("interface", "substrate", "film"), strict=True)
    ]


def _per_area(
    quantity: QuantityName,
    formula: str,
    results: Sequence[Result],
    contacts: int | None,
    sign: float,
    supercells: bool = False,
) -> InterfaceEnergy:
    interface, *parts = results
    whole, *pieces = (result.converged_energy_ev() for result in results)
    require_like(results)
    area, n_contacts = area_and_contacts(interface, contacts)
    shares = [area / in_plane_area(part) if supercells else 1.0 for part in parts]
    _require_same_atoms(interface, parts, shares)
    if not supercells:
        _require_same_cell(interface, parts)
    pieces = [piece * share for piece, share in zip(pieces, shares, strict=True)]
    per_area = sign * energy_per_contact(whole, pieces, area, n_contacts)
    difference = per_area * n_contacts * area
    return InterfaceEnergy(
        quantity=quantity,
        formula=formula,
        value_j_per_m2=per_area * EV_PER_ANGSTROM2_IN_J_PER_M2,
        value_ev_per_angstrom2=per_area,
        difference_ev=difference,
        area_angstrom2=area,
        n_contacts=n_contacts,
        energies_ev=dict(zip((result.label for result in results), (whole, *pieces), strict=True)),
    )


def area_and_contacts(interface: Result, contacts: int | None = None) -> tuple[float, int]:
    """In-plane area (A^2) of an interface's cell, and its number of contacts.

    Parameters
    ----------
    contacts
        Their number, where the result does not say.

    Raises
    ------
    AnalysisError
        If neither says how many contacts the cell has, both do and differ, or the number given
        contradicts the cell: 1 without vacuum, 2 with.
    """
    atoms = interface.final_atoms()
    area = in_plane_area(interface)
    stated = interface.step.metadata.get("n_contacts") if interface.step else None
    n_contacts = stated if contacts is None else contacts
    if n_contacts not in (1, 2):
        raise AnalysisError(
            f"{interface.label}: the number of contacts in the cell is {n_contacts!r}; "
            "it must be stated: contacts=1 with vacuum, contacts=2 in a periodic sandwich"
        )
    if contacts is not None:
        if stated not in (None, contacts):
            raise AnalysisError(
                f"{interface.label}: contacts={contacts}, but the result itself says {stated}; "
                "leave contacts out"
            )
        gap = whole_positions(atoms)[1]
        if (contacts == 1) != (gap >= CONTACT_ANGSTROM):
            raise AnalysisError(
                f"{interface.label}: contacts={contacts} does not fit the cell, whose widest empty "
                f"gap along c is {gap:.2f} A: 1 is for a cell with vacuum, 2 for a sandwich"
            )
    return area, int(n_contacts)


def in_plane_area(result: Result) -> float:
    """Area of a x b of its cell, A^2."""
    cell = result.final_atoms().cell.array
    return float(np.linalg.norm(np.cross(cell[0], cell[1])))


def _require_same_atoms(
    interface: Result, parts: Sequence[Result], shares: Sequence[float]
) -> None:
    whole = Counter(interface.final_atoms().numbers.tolist())
    pieces: Counter[int] = Counter()
    for part, share in zip(parts, shares, strict=True):
        for z, n in Counter(part.final_atoms().numbers.tolist()).items():
            if abs(n * share - round(n * share)) > SAME_AREA:
                raise AnalysisError(
                    f"{part.label}: its area is not that of a supercell of the slab in "
                    f"{interface.label}, which would hold {n * share:.3f} {chemical_symbols[z]}"
                )
            pieces[z] += round(n * share)
    if whole != pieces:
        surplus = {
            chemical_symbols[z]: whole[z] - pieces[z]
            for z in sorted(whole | pieces)
            if whole[z] != pieces[z]
        }
        raise AnalysisError(
            f"{interface.label}: the interface and its slabs do not have the same atoms "
            f"(interface minus slabs: {surplus})"
        )


def _require_same_cell(interface: Result, parts: Sequence[Result]) -> None:
    cell = interface.final_atoms().cell.array
    for part in parts:
        other = part.final_atoms().cell.array
        if not np.allclose(cell[:2], other[:2], atol=1e-4):
            raise AnalysisError(
                f"{part.label}: its in-plane cell differs from that of {interface.label} by "
                f"{np.abs(cell[:2] - other[:2]).max():.4f} A; the slabs must be computed in the "
                "interface's own strained cell"
            )

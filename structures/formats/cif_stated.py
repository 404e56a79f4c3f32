"""What a CIF states beside its sites, and whether the sites agree: formula, volume, density."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from ase.data import atomic_masses, atomic_numbers

from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.compositions import parse_formula
from natriface.structures.base.conversions import AMU_PER_ANGSTROM3_IN_G_PER_CM3
from natriface.structures.base.errors import StructureError
from natriface.structures.formats.cif_species import ISOTOPES, species_of
from natriface.structures.formats.cif_syntax import Block

VOLUME_TOLERANCE = 0.005
DENSITY_TOLERANCE = 0.02
"""Largest relative deviations from what is stated, beside the rounding of its last digit."""

_NUMBER = re.compile(r"([-+]?)(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?(?:\((\d*)\)?)?")


def number(text: str, what: str) -> tuple[float, float]:
    """A CIF number or fraction, and half its last digit plus its standard uncertainty.

    Raises
    ------
    StructureError
        If the text is no finite number.
    """
    ratio = re.fullmatch(r"([-+]?\d+)/(\d+)", text)
    if ratio and int(ratio[2]):
        return int(ratio[1]) / int(ratio[2]), 0.0
    match = _NUMBER.fullmatch(text)
    value = float("".join(match.group(1, 2)) + (match[3] or "")) if match else np.nan
    if match is None or not np.isfinite(value):
        raise StructureError(f"{what} is {text[:40]!r}, not a number")
    digits = len(match[2].partition(".")[2])
    exponent = max(min(int((match[3] or "e0")[1:]), 300), -300) - digits
    return value, min(10.0**exponent * (0.5 + int(match[4] or 0)), abs(value))


def single(block: Block, tag: str) -> str | None:
    values = block.values(tag)
    if len(set(values)) > 1:
        raise StructureError(f"{tag} has {len(values)} values; keep one")
    return values[0] if values else None


def refuse_other_value(tag: str, stated: str, found: float, tolerance: float) -> None:
    value, rounding = number(stated, tag)
    if value > 0 and abs(found - value) > tolerance * value + rounding:
        raise StructureError(
            f"{tag} is {stated}, but cell and sites give {found:.4g}; correct what is wrong"
        )


def stated_elements(block: Block) -> frozenset[str]:
    """Elements of the formula, or else of the list of atom types; none where neither is given."""
    formula = single(block, "_chemical_formula_sum")
    if formula is not None:
        return frozenset(_formula(formula))
    found = set()
    for symbol in block.values("_atom_type_symbol"):
        with contextlib.suppress(StructureError):  # types of dummies
            found.add(element_of(species_of(symbol, None, ())))
    return frozenset(found)


def element_of(species: str) -> str:
    return "H" if species in ISOTOPES else species


def _formula(text: str) -> dict[str, float]:
    """Element -> amount of ``_chemical_formula_sum``; D and T are hydrogen."""
    return parse_formula(re.sub("[DT](?![a-z])", "H", text))


def has_stated_density(
    block: Block, cell: FloatArray, occupancies: Sequence[Mapping[str, float]]
) -> bool:
    """Whether the density is stated; refused where it is another."""
    tag = "_exptl_crystal_density_diffrn"
    stated = single(block, tag)
    if stated is None:
        return False
    mass = sum(
        share * (ISOTOPES.get(x) or float(atomic_masses[atomic_numbers[x]]))
        for occupancy in occupancies
        for x, share in occupancy.items()
    )
    density = mass / abs(np.linalg.det(cell)) * AMU_PER_ANGSTROM3_IN_G_PER_CM3
    refuse_other_value(tag, stated, density, DENSITY_TOLERANCE)
    return True


def has_stated_formula(block: Block, occupancies: Sequence[Mapping[str, float]]) -> bool:
    """Whether formula and number of formula units are stated; refused where they are others."""
    stated = single(block, "_chemical_formula_sum")
    amounts: Counter[str] = Counter()
    for occupancy in occupancies:
        amounts.update(occupancy)
    if stated is None:
        most, z = max(amounts.values()), _units(block)
        if z is not None and most < 0.98 * z:
            raise StructureError(
                f"the sites hold {most:g} atoms of an element at most, where _cell_formula_units_Z "
                f"is {z:g}; correct the symmetry, the sites, or the number"
            )
        return False
    wanted, where = _formula(stated), f"_chemical_formula_sum {stated!r}"
    ratios = Counter(round(amounts[x] / n, 3) for x, n in wanted.items() if amounts[x] > 0)
    extra = sorted(set(amounts) - set(wanted))
    if extra or not ratios:
        held = ", ".join(f"{amounts[x]:g} {x}" for x in extra)
        raise StructureError(f"the sites hold {held}, which is not in {where}; correct one of them")
    units = ratios.most_common(1)[0][0]
    missing = sorted(set(wanted) - set(amounts))
    if missing:
        asked = ", ".join(f"{units * wanted[x]:g} {x}" for x in missing)
        raise StructureError(
            f"no {' and no '.join(missing)} in the sites, where {where} asks for {asked} in the "
            "cell; add the missing sites, or correct the formula"
        )
    whole = all(len(x) == 1 and abs(sum(x.values()) - 1) < 1e-6 for x in occupancies)
    slack = {x: 0.01 if whole else 0.02 * max(n, 1.0) for x, n in wanted.items()}
    if any(abs(amounts[x] - units * n) > units * slack[x] for x, n in wanted.items()):
        held = " ".join(f"{x}{amounts[x]:.6g}" for x in sorted(amounts))
        raise StructureError(
            f"the sites hold {held} in the cell, in another ratio than {where}; correct the sites, "
            "their occupancies, or the formula"
        )
    return _has_stated_units(block, units, wanted)


def _has_stated_units(block: Block, units: float, formula: Mapping[str, float]) -> bool:
    """Whether the number of formula units in the cell is that stated, or there is none but one.

    A formula of the whole cell is common beside the number of reduced formula units, which then
    divides it.
    """
    whole = abs(units - 1) < 0.02
    z = _units(block)
    if z is None:
        return whole
    divides = all(abs(n / z - round(n / z)) < 1e-3 for n in formula.values())
    if not (whole and divides) and abs(units - z) > 0.02 * z:
        raise StructureError(
            f"the sites hold {units:g} units of _chemical_formula_sum in the cell, where "
            f"_cell_formula_units_Z is {z:g}; correct the symmetry, the sites, or the number"
        )
    return True


def _units(block: Block) -> float | None:
    stated = single(block, "_cell_formula_units_z")
    if stated is None:
        return None
    z = number(stated, "_cell_formula_units_Z")[0]
    if z <= 0:
        raise StructureError(f"_cell_formula_units_Z is {stated}, not above 0")
    return z

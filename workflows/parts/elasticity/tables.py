"""Tables of elasticity: moduli, and the tensors that they come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from natriface.analysis.mechanics.elastic_tensor import RESIDUAL_FORMULA, TENSOR_FORMULA
from natriface.analysis.mechanics.moduli import (
    ANISOTROPY_FORMULA,
    BULK_FORMULA,
    POISSON_FORMULA,
    PUGH_FORMULA,
    SHEAR_FORMULA,
    STABILITY_FORMULA,
    YOUNG_FORMULA,
    Moduli,
)
from natriface.analysis.results.published import Published, PublishedModulus
from natriface.workflows.parts.elasticity.records import CrystalRecord
from natriface.workflows.report.table import Cell, Column, Table

MODULI: dict[str, Callable[[Moduli], float]] = {
    "bulk": lambda moduli: moduli.bulk_gpa,
    "shear": lambda moduli: moduli.shear_gpa,
    "Young's": lambda moduli: moduli.young_gpa,
}
"""As sources print them."""
_RATIOS: dict[str, Callable[[Moduli], float]] = {
    "Poisson's ratio": lambda moduli: moduli.poisson,
    "Pugh's ratio": lambda moduli: moduli.pugh,
    "anisotropy": lambda moduli: moduli.anisotropy,
}
_BOUNDS: dict[str, Callable[[Moduli], float]] = {
    "bulk modulus, Voigt": lambda moduli: moduli.bulk_voigt_gpa,
    "bulk modulus, Reuss": lambda moduli: moduli.bulk_reuss_gpa,
    "shear modulus, Voigt": lambda moduli: moduli.shear_voigt_gpa,
    "shear modulus, Reuss": lambda moduli: moduli.shear_reuss_gpa,
}
_PAIRS = [(i, j) for i in range(6) for j in range(i, 6)]
_ORTHORHOMBIC = {(i, j) for i, j in _PAIRS if i == j or j < 3}
_ZERO_GPA = 0.05


def modulus_table(
    records: Sequence[CrystalRecord],
    printed: Mapping[tuple[str, str], PublishedModulus],
    published: Published | None,
) -> Table:
    """A row a crystal."""
    named = [name for name in MODULI if any(which == name for _, which in printed)]
    source = published.short_name if published else "published"
    columns = [
        Column("Crystal"),
        Column("space group"),
        *(
            column
            for name in MODULI
            for column in (
                Column(f"{name} modulus", "GPa", 1),
                Column(f"{name} modulus, difference of strains", "GPa", 1, shown_as="±"),
            )
        ),
        *(
            Column(f"{name} modulus, {source}", "GPa", 1, shown_as=f"{name}, {source}")
            for name in named
        ),
        *(Column(name, "", 2) for name in _RATIOS),
        *(Column(name, "GPa", 1, on_page=False, in_terminal=False) for name in _BOUNDS),
        Column("grade"),
        Column("source", on_page=False, in_terminal=False),
        Column("doping", on_page=False, in_terminal=False),
        Column("status"),
    ]
    rows: list[list[Cell]] = [
        [
            record.label,
            record.space_group,
            *(x for of in MODULI.values() for x in (record.value(of), record.uncertainty(of))),
            *(
                found.value_gpa if (found := printed.get((record.label, name))) else None
                for name in named
            ),
            *(record.value(of) for of in _RATIOS.values()),
            *(record.value(of) for of in _BOUNDS.values()),
            record.crystal.grade,
            record.crystal.source,
            record.crystal.doping,
            record.first.reason or "computed",
        ]
        for record in records
    ]
    return Table(
        "Elastic moduli",
        columns,
        rows,
        _notes(printed, published),
        stem="elasticity",
        formulas=[
            *(BULK_FORMULA, SHEAR_FORMULA, YOUNG_FORMULA),
            *(POISSON_FORMULA, PUGH_FORMULA, ANISOTROPY_FORMULA),
        ],
    )


def _notes(
    printed: Mapping[tuple[str, str], PublishedModulus], published: Published | None
) -> list[str]:
    notes = [
        "Values are by the smaller strain; ± is what the larger one differs by. The error of the "
        "engine is not in it."
    ]
    if printed and published is not None:
        places = dict.fromkeys(f"{x.phase}: {x.words}, {x.place}" for x in printed.values())
        notes.append(f"{published.citation}: {published.method}. {'; '.join(places)}.")
    return notes


def tensor_table(records: Sequence[CrystalRecord]) -> Table:
    """A row a crystal and size of strain; on the page what is not zero by symmetry in all."""
    fits = [one.fit for record in records for one in record.sizes if one.fit is not None]

    def shown(i: int, j: int) -> bool:
        large = any(abs(fit.tensor_gpa[i, j]) > _ZERO_GPA for fit in fits)
        return (i, j) in _ORTHORHOMBIC or large

    columns = [
        Column("Crystal"),
        Column("strain", digits=3),
        Column("strains", digits=0, shown_as="number of strains"),
        *(
            Column(f"C{i + 1}{j + 1}", "GPa", 1, on_page=shown(i, j), in_terminal=shown(i, j))
            for i, j in _PAIRS
        ),
        Column("lowest eigenvalue", "GPa", 1),
        Column("residual of the fit", digits=3),
        Column("largest stress left", "GPa", 3),
    ]
    rows: list[list[Cell]] = []
    for record in records:
        for one in record.sizes:
            fit = one.fit
            tensor: list[Cell] = [None] * len(_PAIRS)
            if fit is not None:
                tensor = [float(fit.tensor_gpa[i, j]) for i, j in _PAIRS]
            rows.append(
                [
                    *(record.label, one.size, one.n_strains, *tensor, one.least_eigenvalue_gpa),
                    *((fit.residual, fit.rest_gpa) if fit is not None else (None, None)),
                ]
            )
    return Table(
        "Elastic tensors",
        columns,
        rows,
        [
            "Components in Voigt's order xx, yy, zz, yz, xz, xy; strains of both senses where they "
            "differ."
        ],
        stem="elastic-tensors",
        formulas=[TENSOR_FORMULA, RESIDUAL_FORMULA, STABILITY_FORMULA],
    )

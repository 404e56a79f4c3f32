"""Energies are subtracted only between like calculations; this module says what is like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from natriface.analysis.results import Result
from natriface.structures.errors import AnalysisError

PATH_SETTINGS = frozenset(
    {
        "optimizer",
        "fmax_ev_per_angstrom",
        "max_steps",
        "max_displacement_angstrom",
        "relax_cell",
        "rattle_angstrom",
        "NSW",
        "IBRION",
        "EDIFFG",
        "POTIM",
        "ISIF",
        "NELMIN",
        "NELM",
        "ALGO",
        "LWAVE",
        "LCHARG",
        "LAECHG",
        "LVHAR",
        "LELF",
        "LORBIT",
        "NEDOS",
        "handlers",
        "keep",
        "symmetry",
        "bands",
        "converged_bands",
        "max_scf_iterations",
        "eigensolver",
        "mixer",
        "mixing",
        "dos_spacing_ev",
        "dos_smearing_ev",
    }
)
"""Settings that steer a relaxation or what is written, but not the energy of a geometry; they may
differ between a relaxation and a single point, not between two relaxations."""

CELL_DEPENDENT = frozenset({"n_irreducible"})
"""What follows from the cell and not from a choice.

A setting that is a mapping (element -> POTCAR, say) is compared where both results have the key: a
slab lacks the elements of the other side.
"""


def require_like(results: Sequence[Result]) -> None:
    """Refuse results whose energies do not belong in one formula.

    Raises
    ------
    AnalysisError
        Naming the two results and the first thing in which they differ: engine, version, model,
        protocol or a setting.
    """
    first, *others = results
    for other in others:
        difference = _difference(first, other)
        if difference:
            raise AnalysisError(
                f"{first.label} and {other.label} were not computed alike ({difference}); their "
                "energies cannot be subtracted; run both with the same engine and protocol"
            )


def _difference(a: Result, b: Result) -> str | None:
    for what, mine, theirs in (
        ("engine", a.engine.name, b.engine.name),
        ("engine version", a.engine.version, b.engine.version),
        ("model", a.engine.model, b.engine.model),
        ("protocol", a.protocol, b.protocol),
    ):
        if mine != theirs:
            return f"{what}: {mine} against {theirs}"
    ignored: frozenset[str] = frozenset() if a.kind == b.kind else PATH_SETTINGS
    for key in sorted((a.settings.keys() | b.settings.keys()) - ignored):
        mine, theirs = _value(a, key), _value(b, key)
        if isinstance(mine, dict) and isinstance(theirs, dict):
            for part in sorted((mine.keys() & theirs.keys()) - CELL_DEPENDENT):
                if mine[part] != theirs[part]:
                    return f"setting {key}, {part}: {mine[part]} against {theirs[part]}"
        elif mine != theirs:
            return f"setting {key}: {mine} against {theirs}"
    return None


def _value(result: Result, key: str) -> Any:
    return result.settings.get(key, "not set")

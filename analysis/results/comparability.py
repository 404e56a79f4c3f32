"""Energies are subtracted only between like calculations; this module says what is like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ase.data import chemical_symbols

from natriface.analysis.results.deciding import (
    HUBBARD_TAGS,
    MACHINE_OPTIONS,
    MODEL_ALIASES,
    MODEL_OPTIONS,
    START_SETTINGS,
    as_read,
    path_settings,
)
from natriface.analysis.results.result import Result
from natriface.structures.base.errors import AnalysisError

CELL_DEPENDENT = frozenset({"n_irreducible", "species"})
"""What follows from the cell and not from a choice.

A setting that is a mapping (element -> POTCAR, say) is compared where both results have the key: a
slab lacks the elements of the other side. The options of a potential are compared as a whole.
"""

HUBBARD = ("LDAU", *HUBBARD_TAGS)
"""VASP's settings of the Hubbard correction, judged together: by element, see `hubbard_terms`."""

OF_SPECIES = (
    *("QUAD_EFG", "ROPT", "LANGEVIN_GAMMA", "RWIGS", "POMASS", "ZVAL", "NGYROMAG", "ML_EATOM_REF"),
    *("VDW_C6", "VDW_R0", "VDW_ALPHA", "VDW_C6AU", "VDW_R0AU"),
    *("LIBMBD_ALPHA", "LIBMBD_C6AU", "LIBMBD_R0AU"),
)
"""VASP's other settings with a value for each species; lists of them are compared by element."""


def require_like(results: Sequence[Result]) -> None:
    """Refuse results whose energies do not belong in one formula.

    Raises
    ------
    AnalysisError
        Naming the two results and the first thing in which they differ: engine, version, model,
        weights, protocol or a setting.
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
        ("model", *(MODEL_ALIASES.get(r.engine.model or "", r.engine.model) for r in (a, b))),
        ("protocol", a.protocol, b.protocol),
    ):
        if mine != theirs:
            return f"{what}: {mine} against {theirs}"
    difference = _models_differ(a, b)
    if difference:
        return difference
    ignored = START_SETTINGS | {MODEL_OPTIONS}
    if a.kind != b.kind:
        ignored = ignored.union(
            *(path_settings(each.engine.name, each.path_settings) for each in (a, b))
        )
    mine_u, theirs_u = hubbard_terms(a), hubbard_terms(b)
    if mine_u is not None and theirs_u is not None:
        ignored |= {*HUBBARD, "functional"}
        difference = _functionals_differ(a, b) or _terms_differ(a, b, mine_u, theirs_u)
        if difference:
            return difference
    elif _species(a) != _species(b):
        return (
            f"setting LDAUU: {_value(a, 'LDAUU')} against {_value(b, 'LDAUU')}, of which elements"
        )
    for key in sorted((a.settings.keys() | b.settings.keys()) - ignored - CELL_DEPENDENT):
        mine, theirs = _value(a, key), _value(b, key)
        if isinstance(mine, dict) and isinstance(theirs, dict):
            for part in sorted((mine.keys() & theirs.keys()) - CELL_DEPENDENT):
                if mine[part] != theirs[part]:
                    return f"setting {key}, {part}: {mine[part]} against {theirs[part]}"
        elif mine != theirs:
            return f"setting {key}: {mine} against {theirs}"
    return None


def _models_differ(a: Result, b: Result) -> str | None:
    """How the weights or options of a potential differ; older results recorded no weights."""
    mine, theirs = (result.engine.weights_sha256 for result in (a, b))
    if mine and theirs and mine != theirs:
        return f"weights of the model, sha256: {mine:.12}... against {theirs:.12}..."
    of_a, of_b = (result.settings.get(MODEL_OPTIONS) or {} for result in (a, b))
    for key in sorted((of_a.keys() | of_b.keys()) - MACHINE_OPTIONS):
        one, other = of_a.get(key, "not set"), of_b.get(key, "not set")
        if one != other:
            return f"setting {MODEL_OPTIONS}, {key}: {one} against {other}"
    return None


def hubbard_terms(result: Result) -> dict[str, dict[str, float]] | None:
    """Element -> shell, U and J in eV and type of its Hubbard correction; only elements with one.

    ``None`` where the settings give values for each species and do not tell which these are.
    """
    settings = result.settings
    if str(settings.get("functional", "")).endswith("+U") and "LDAUU" not in settings:
        return None
    if not settings.get("LDAU", "LDAUU" in settings or "LDAUJ" in settings):
        return {}
    elements = _entries(result)
    lists = {}
    for name, default in (("LDAUL", 2), ("LDAUU", 0.0), ("LDAUJ", 0.0)):
        value = settings.get(name, {})
        if not isinstance(value, dict):
            value = _by_element(value, elements)
        if value is None:
            return None
        absent = -1 if name == "LDAUL" and value else default
        lists[name] = {element: value.get(element, absent) for element in {*elements, *value}}
    return {
        element: {
            "LDAUTYPE": settings.get("LDAUTYPE", 2),
            "LDAUL": shell,
            "LDAUU": lists["LDAUU"].get(element, 0.0),
            "LDAUJ": lists["LDAUJ"].get(element, 0.0),
        }
        for element, shell in lists["LDAUL"].items()
        if shell != -1 and (lists["LDAUU"].get(element) or lists["LDAUJ"].get(element))
    }


def _terms_differ(
    a: Result, b: Result, mine: dict[str, dict[str, float]], theirs: dict[str, dict[str, float]]
) -> str | None:
    """How the Hubbard correction of an element that both have differs: a slab lacks the others."""
    of_a, of_b = _species(a), _species(b)
    common = set(of_a) & set(of_b) if of_a and of_b else {*mine, *theirs}
    for element in sorted(common):
        one, other = mine.get(element, {}), theirs.get(element, {})
        for name in HUBBARD[1:]:
            if one.get(name) != other.get(name):
                return (
                    f"setting {name}, {element}: {one.get(name, 'none')} against "
                    f"{other.get(name, 'none')}"
                )
    return None


def _functionals_differ(a: Result, b: Result) -> str | None:
    mine, theirs = (str(_value(r, "functional")) for r in (a, b))
    if mine.removesuffix("+U") == theirs.removesuffix("+U"):
        return None
    return f"setting functional: {mine} against {theirs}"


def _species(result: Result) -> list[str]:
    """Elements in POSCAR's order: that of their first atoms."""
    document = result.initial_structure or result.final_structure or {}
    found = [chemical_symbols[n] for n in dict.fromkeys(document.get("numbers", ()))]
    return found or list(result.settings.get("POTCAR", {}))


def _entries(result: Result) -> list[str]:
    """The element of each species, where one element may be several."""
    return list(result.settings.get("species") or _species(result))


def _by_element(value: Any, elements: Sequence[str]) -> dict[str, Any] | None:
    """``None`` where there are more or fewer values than species, or an element has several."""
    values = value if isinstance(value, list) else [value]
    if len(values) != len(elements):
        return None
    found = dict(zip(elements, values, strict=True))
    same = all(found[element] == own for element, own in zip(elements, values, strict=True))
    return found if same else None


def _value(result: Result, key: str) -> Any:
    value = as_read(key, result.settings, "not set")
    if key in OF_SPECIES and isinstance(value, list):
        return _by_element(value, _entries(result)) or value
    return value

"""What decides a VASP energy, gathered from the settings in effect for like-with-like checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from natriface.analysis.results.deciding import DECIDING_TAGS, HUBBARD_TAGS, HYBRID_TAGS
from natriface.structures.base.arrays import FloatArray

_GGA = {
    "PE": "PBE",
    "PS": "PBEsol",
    "RP": "RPBE",
    "RE": "revPBE",
    "91": "PW91",
    "AM": "AM05",
    "OR": "optPBE",
    "BO": "optB88",
    "MK": "optB86b",
    "ML": "rPW86",
    "CA": "LDA",
    "B3": "B3LYP",
    "B5": "B3LYP (VWN5)",
    "BF": "BEEF",
}
_OFF = (None, False, 0, 0.0, -1.0)


def functional(
    incar: Mapping[str, Any], parameters: Mapping[str, Any], titles: Sequence[str]
) -> str:
    """Name of the exchange-correlation functional, e.g. ``PBE``, ``R2SCAN``, ``HSE06``, ``PBE+U``.

    An explicit METAGGA or GGA counts; without them it is the POTCARs' own.
    """

    def setting(name: str) -> Any:
        given = parameters.get(name)
        return incar.get(name) if given in (None, "", "--") else given

    meta = str(incar.get("METAGGA") or setting("METAGGA") or "--").strip().upper()
    gga = str(setting("GGA") or "--").strip().upper()[:2]
    if meta not in ("--", "NONE", "F", ""):
        name = meta
    elif gga in ("--", "", "NO"):
        name = "PBE" if any("PBE" in title for title in titles) else _from_titles(titles)
    else:
        name = _GGA.get(gga, gga)
    if setting("LHFCALC"):
        name = _hybrid(name, setting("AEXX"), setting("HFSCREEN"))
    if setting("LUSE_VDW"):
        name += "+vdW-DF"
    if setting("LDAU"):
        name += "+U"
    return name


def _from_titles(titles: Sequence[str]) -> str:
    if any("GGA" in title for title in titles):
        return "PW91"
    return "LDA" if titles else "unknown"


def _hybrid(base: str, exact: float | None, screening: float | None) -> str:
    exact = 0.25 if exact is None else exact
    if base == "B3LYP":
        return base
    if base == "PBE" and exact == 0.25 and not screening:
        return "PBE0"
    if base == "PBE" and exact == 0.25 and screening is not None and abs(screening - 0.2) < 0.011:
        return "HSE06"
    if exact == 1.0:
        return "HF"
    return f"{base}, {exact:g} exact exchange, screening {screening or 0:g} /A"


def decisive_settings(
    incar: Mapping[str, Any],
    parameters: Mapping[str, Any],
    symbols: Sequence[str],
    titles: Sequence[str],
    counts: Sequence[int],
    kpoint_weights: FloatArray | None,
    generation: Mapping[str, Any],
) -> dict[str, Any]:
    """Everything that decides the energy, JSON-able.

    Returns
    -------
    dict
        ``functional``; ``ENCUT`` in eV; the tags of VASP that change energies, in effect; where
        used, the Hubbard and hybrid tags, with ``species``, an element for each of their values,
        where one element is several species; ``POTCAR``, a title for each element; ``kpoints`` with
        scheme, divisions and number.
    """

    def setting(name: str) -> Any:
        value = parameters.get(name)
        return incar.get(name) if value is None else value

    settings: dict[str, Any] = {"functional": functional(incar, parameters, titles)}
    cutoff = setting("ENMAX") if setting("ENMAX") is not None else setting("ENCUT")
    if cutoff is not None:
        settings["ENCUT"] = cutoff
    for name in DECIDING_TAGS:
        value = setting(name)
        if value not in _OFF or (value is not None and name in ("ISPIN", "ISMEAR", "LREAL")):
            settings[name] = value
    if setting("LDAU"):
        for name in HUBBARD_TAGS:  # the parameters in effect list the first species alone
            value = incar.get(name, parameters.get(name))
            if value is not None:  # a vasprun.xml lists even a single number
                settings[name] = value[0] if isinstance(value, list) and len(value) == 1 else value
        entries = _entries(symbols, counts)
        if len(set(entries)) < len(entries):  # else the order of the atoms tells
            settings["species"] = entries
    if setting("LHFCALC"):
        settings |= {name: setting(name) for name in HYBRID_TAGS if setting(name) not in (None, "")}
    if titles:
        settings["POTCAR"] = _titles_by_element(symbols, titles, counts)
    if kpoint_weights is not None:
        settings["kpoints"] = {**generation, "n_irreducible": len(kpoint_weights)}
    return {key: _plain(value) for key, value in settings.items()}


def _entries(symbols: Sequence[str], counts: Sequence[int]) -> list[str]:
    """The element of each species, in POSCAR's order."""
    firsts = [sum(counts[:i]) for i in range(len(counts))]
    return [symbols[first] for first in firsts if first < len(symbols)]


def _titles_by_element(
    symbols: Sequence[str], titles: Sequence[str], counts: Sequence[int]
) -> dict[str, str]:
    found: dict[str, str] = {}
    first = 0
    for title, count in zip(titles, counts, strict=False):
        if first < len(symbols):
            element = symbols[first]
            known = found.get(element)
            found[element] = title if known in (None, title) else f"{known} / {title}"
        first += count
    return found or {str(i): title for i, title in enumerate(titles)}


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value

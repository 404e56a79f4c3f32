"""INCAR tags that natriface's own keys stand for, each by what the cell holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ase import Atoms

from natriface.structures.base.errors import EngineError
from natriface.workflows.engines.cautions import Electrons
from natriface.workflows.engines.magnetism import hubbard_of, initial_moments, why_spin
from natriface.workflows.engines.vasp.incar.settings import VaspKeys

IVDW = {"d3": 11, "d3bj": 12, "d4": 13}


@dataclass(frozen=True)
class Decisions:
    """INCAR tags with their sources, and what was decided in words."""

    tags: dict[str, Any]
    sources: dict[str, str]
    notes: list[str]

    def set(self, tag: str, value: Any, source: str) -> None:
        """Decide on a tag."""
        self.tags[tag], self.sources[tag] = value, source


STANDS_FOR = {
    "dispersion": ("IVDW",),
    "magnetism": ("ISPIN", "MAGMOM", "NUPDOWN"),
    "hubbard_u_ev": ("LDAU", "LDAUL", "LDAUU", "LDAUJ", "LDAUTYPE"),
    "energy_convergence_ev_per_atom": ("EDIFF",),
}
"""Key -> the tags it decides: a protocol's give way to it, those of a study contradict it."""


def follow_keys(decisions: Decisions, ordered: Atoms, keys: VaspKeys, where: str) -> None:
    """Set the tags of the keys that are given.

    Parameters
    ----------
    ordered
        Atoms in POSCAR's order.

    Raises
    ------
    EngineError
        If the study sets such a tag too.
    """
    for key, tags in STANDS_FOR.items():
        if getattr(keys, key) == VaspKeys.model_fields[key].get_default(call_default_factory=True):
            continue
        both = [tag for tag in tags if tag in decisions.tags and tag not in decisions.sources]
        if both:
            raise EngineError(f"{where}: {key} and {both[0]} are both set; leave one of them out")
    if keys.dispersion != "none":
        decisions.set("IVDW", IVDW[keys.dispersion], f"dispersion: {keys.dispersion}")
    each = keys.energy_convergence_ev_per_atom
    if each is not None:
        ediff = float(f"{each * len(ordered):.3g}")
        decisions.set("EDIFF", ediff, f"{each:g} eV for each of {len(ordered)} atoms")
    if keys.magnetism == "auto":
        why = why_spin(ordered, keys.charge_e)
        decisions.set("ISPIN", 1 if why is None else 2, f"magnetism: auto, {why or 'no reason'}")
        if why is not None:
            source = "magnetism: auto; the structure's moments, or those of pymatgen's MPRelaxSet"
            decisions.set("MAGMOM", initial_moments(ordered), source)
            decisions.notes.append(f"spin-polarised: {why}")
    elif "ISPIN" in decisions.sources and not electrons_of(decisions.tags, keys, ()).spin:
        why = why_spin(ordered, keys.charge_e)
        if why is not None:
            decisions.sources["ISPIN"] += f"; not so here: {why}"
    _correct_shells(decisions, ordered, keys)


def _correct_shells(decisions: Decisions, ordered: Atoms, keys: VaspKeys) -> None:
    hubbard = hubbard_of(keys.hubbard_u_ev, ordered)
    if not hubbard:
        return
    species = dict.fromkeys(ordered.get_chemical_symbols())
    shells = [hubbard.get(element, (-1, 0.0)) for element in species]
    for tag, value in (
        ("LDAU", True),
        ("LDAUTYPE", 2),
        ("LDAUL", [shell for shell, _ in shells]),
        ("LDAUU", [u for _, u in shells]),
        ("LDAUJ", [0.0 for _ in shells]),
    ):
        decisions.set(tag, value, "hubbard_u_ev, by Dudarev's U - J")
    if "LMAXMIX" not in decisions.tags:
        most = 2 * max(shell for shell, _ in shells)
        decisions.set("LMAXMIX", most, "VASP manual: 4 with d, 6 with f shells corrected")


def electrons_of(tags: Mapping[str, Any], keys: VaspKeys, elements: Sequence[str]) -> Electrons:
    """How a step's tags treat its electrons."""
    return Electrons(
        charge_e=keys.charge_e,
        spin=any((tags.get("ISPIN", 1) == 2, tags.get("LNONCOLLINEAR"), tags.get("LSORBIT"))),
        hubbard={*keys.hubbard_u_ev, *(elements if tags.get("LDAU") else ())},
        dispersion=bool(tags.get("IVDW") or tags.get("LUSE_VDW")),
        kpoint_spacing_per_angstrom=keys.kpoint_spacing_per_angstrom,
        smearing_ev=float(tags.get("SIGMA", 0.2)) if tags.get("ISMEAR", 1) >= -1 else None,
    )

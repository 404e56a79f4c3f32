"""What decides an energy and what only steers the way to it: one list for each engine.

`natriface.analysis.results.comparability` judges by it, the engines declare it as their own
(`Capabilities.path_settings`), and natriface's VASP knows by it which corrections keep an energy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

MACHINE_TAGS = ("NCORE", "NPAR", "KPAR", "NSIM", "LPLANE", "LSCALU", "LSCALAPACK")
"""INCAR tags that say how the work is spread over cores and do not decide a result."""

_STEERING = frozenset(
    {"ALGO", "NELM", "NELMIN", "POTIM", "IBRION", "NSW", "LWAVE", "LCHARG", "LORBIT", "NEDOS"}
)
_OF_KINDS = frozenset({"EDIFFG", "ISIF", "LAECHG", "LVHAR", "LELF"})
"""What one kind of calculation has and another has not, and no correction changes."""

HARMLESS_TAGS = _STEERING.union(
    *(MACHINE_TAGS, ("IALGO", "ISEARCH", "TIME", "NELMDL", "AMIX", "BMIX", "AMIN", "AMIX_MAG")),
    *(("BMIX_MAG", "MAXMIX", "WC", "IMIX", "ISTART", "ICHARG", "ISYM", "SYMPREC", "SMASS"),),
    ("EMIN", "EMAX"),
)
"""INCAR tags that steer the way to the ground state, not where it lies."""

DECIDING_TAGS = (
    *("PREC", "LREAL", "ISPIN", "LNONCOLLINEAR", "LSORBIT", "ISMEAR", "SIGMA", "EDIFF", "LASPH"),
    *("ADDGRID", "GGA_COMPAT", "LDIPOL", "IDIPOL", "IVDW", "LUSE_VDW", "NUPDOWN", "EFIELD"),
    *("PSTRESS", "LSOL"),
)
"""INCAR tags that change energies beside the cut-off, functional, POTCARs, k-points, and those
below."""

HYBRID_TAGS = ("AEXX", "HFSCREEN", "PRECFOCK", "AGGAX", "ALDAC")
HUBBARD_TAGS = ("LDAUTYPE", "LDAUL", "LDAUU", "LDAUJ")
"""INCAR tags of the Hubbard correction, where LDAU switches it on."""

START_SETTINGS = frozenset({"rattle_angstrom", "rattle_seed", "anneal"})
"""Settings that move a relaxation's start: from which start a minimum was found decides nothing."""

_RELAXATION = frozenset(
    {
        *("optimizer", "fmax_ev_per_angstrom", "max_steps", "max_displacement_angstrom"),
        *("relax_cell", "rattle_angstrom", "rattle_seed", "stress"),
    }
)

_UNHEEDED = frozenset(
    {
        *("SYSTEM", "NWRITE", "LVTOT", "LH5", "LWAVEH5", "LCHARGH5", "LDAUPRINT", "LMAXMIX"),
        *("IOPT", "MAXMOVE", "TIMESTEP", "NFREE", "NBLOCK", "KBLOCK"),
    }
)
"""Titles, what is printed, what of the charge is mixed, and further ways to move the atoms."""

MODEL_OPTIONS = "model_options"
"""The setting that holds the options of a potential: its checkpoint, modality, precision, ..."""

MODEL_ALIASES = {"chgnet": "chgnet-0.3.0"}
"""Other names of potentials, which compute the same."""

MACHINE_OPTIONS = frozenset({"device"})
"""Options of a potential that say where it is computed and do not decide a result."""

PATH_SETTINGS: dict[str, frozenset[str]] = {
    "potential": _RELAXATION | {"anneal", "scan"},
    "gpaw": _RELAXATION
    | {
        *("symmetry", "bands", "converged_bands", "max_scf_iterations", "eigensolver", "mixer"),
        *("mixing", "dos_spacing_ev", "dos_smearing_ev"),
    },
    "vasp": (HARMLESS_TAGS - {"ICHARG"})
    | _UNHEEDED
    | _OF_KINDS
    | {"handlers", "keep", "rattle_angstrom", "rattle_seed"},
}
"""Engine -> settings that steer a relaxation or what is written, but not the energy of a geometry;
they may differ between a relaxation and a single point, not between two relaxations."""


def as_read(key: str, settings: Mapping[str, Any], absent: Any = None) -> Any:
    """A setting's value: a model by one name, words of an INCAR in capitals, as VASP reads them."""
    value = settings.get(key, absent)
    if key == "model":
        return MODEL_ALIASES.get(value, value)
    word = key in settings and key.isupper() and isinstance(value, str)
    return value.upper() if word else value


def path_settings(engine: str, declared: Iterable[str] | None = None) -> frozenset[str]:
    """Settings of an engine that do not decide the energy of a geometry.

    Parameters
    ----------
    declared
        What a result says its engine has declared; ``None`` for the engines natriface knows, and
        for results from elsewhere, of which all engines' hold.
    """
    if declared is not None:
        return frozenset(declared)
    return PATH_SETTINGS.get(engine, frozenset().union(*PATH_SETTINGS.values()))

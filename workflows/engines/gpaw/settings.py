"""The settings of engine gpaw: what decides a result, and how it is reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from natriface.structures.base.errors import EngineError, nearest
from natriface.structures.base.numbers import Real, Whole
from natriface.workflows.engines.bands.search import BandSettings
from natriface.workflows.engines.dispersion import Dispersion
from natriface.workflows.engines.magnetism import Magnetism
from natriface.workflows.engines.relaxation import RATTLE_SEED
from natriface.workflows.plan import Step

PARALLEL_KEYS = (
    *("kpt", "domain", "band", "order", "stridebands", "augment_grids", "buffer_size", "gpu"),
    *("sl_auto", "sl_default", "sl_diagonalize", "sl_inverse_cholesky", "sl_lcao", "sl_lrtddft"),
    *("use_elpa", "elpasolver"),
)
"""Of GPAW's ``parallel``: they spread the work and decide no result (``gpaw.dft``)."""


class ElectronicSettings(BaseModel):
    """Plane-wave PAW calculations with GPAW.

    Attributes
    ----------
    functional
        Exchange and correlation; these are the ones GPAW has without LibXC.
    cutoff_ev
        Plane-wave cut-off.
    paw_setups
        Element -> name of its PAW dataset beside the default one, such as ``{Na: "1"}``.
    kpoint_spacing_per_angstrom
        Widest spacing of the Gamma-centred mesh in 1/A, 2 pi included; one point along a direction
        with vacuum; as with engine vasp.
    symmetry
        ``on``: of the crystal; ``time_reversal``: only k and -k; ``off``: none.
    smearing, smearing_ev
        Form of the occupation numbers and its width; ``gaussian`` as VASP's ISMEAR = 0.
    spin_polarized
        Starting from the structure's magnetic moments; where it has none from one Bohr magneton on
        each atom, an isolated atom from Hund's rule.
    dispersion
        Added to the functional: ``d3`` (zero damping), ``d3bj``, ``d4``; as with engine vasp.
    magnetism
        ``auto``: spin where d or f shells are open or electrons odd in no metal, and the moments of
        `natriface.workflows.engines.magnetism`; ``as_set``: as `spin_polarized` says.
    hubbard_u_ev
        Element -> U of its d or f shell, eV.
    energy_convergence_ev_per_atom
        In place of `energy_convergence_ev`, times the atoms of the cell.
    charge_e
        Charge of the cell, against a uniform background.
    dipole
        ``auto`` adds the dipole correction to slabs whose two faces differ.
    bands
        Number of bands; by default as GPAW chooses, a fifth more than are occupied and some.
    converged_bands
        ``occupied``, ``all``, or ``CBM+2.0`` for those up to 2 eV above the band gap.
    energy_convergence_ev
        Of the cell, between three electronic steps.
    density_convergence
        Change of the density, electrons per valence electron.
    eigenstates_convergence_ev2
        Squared residual of the wave functions, eV^2 per valence electron.
    max_scf_iterations
        A cycle that needs more is unconverged.
    eigensolver
        Minimiser of the bands.
    mixer, mixing
        Density mixing and its step. Of the two, MSR1 needs fewer iterations for insulators, metals
        and slabs with vacuum alike (Na, NaF, Na on NaF: 9 to 16 against 11 to 17).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    functional: Literal["PBE", "LDA", "RPBE", "revPBE"] = "PBE"
    cutoff_ev: Real = Field(default=480, ge=100, le=2000)
    paw_setups: dict[str, str] = Field(default_factory=dict)
    kpoint_spacing_per_angstrom: Real = Field(default=0.25, gt=0.01, le=3)
    symmetry: Literal["on", "time_reversal", "off"] = "on"
    smearing: Literal["gaussian", "fermi-dirac", "marzari-vanderbilt"] = "gaussian"
    smearing_ev: Real = Field(default=0.05, gt=0, le=1)
    spin_polarized: bool = False
    dispersion: Dispersion = "none"
    magnetism: Magnetism = "as_set"
    hubbard_u_ev: dict[str, Real] = Field(default_factory=dict)
    energy_convergence_ev_per_atom: Real | None = Field(default=None, gt=0)
    charge_e: Real = 0.0
    dipole: Literal["auto", "off"] = "auto"
    bands: Whole | None = Field(default=None, gt=0)
    converged_bands: str = Field(default="occupied", pattern=r"^(occupied|all|CBM\+\d+(\.\d*)?)$")
    energy_convergence_ev: Real = Field(default=1e-5, gt=0)
    density_convergence: Real = Field(default=1e-4, gt=0)
    eigenstates_convergence_ev2: Real = Field(default=4e-8, gt=0)
    max_scf_iterations: Whole = Field(default=150, gt=0)
    eigensolver: Literal["davidson", "ppcg", "rmm-diis"] = "davidson"
    mixer: Literal["msr1", "pulay"] = "msr1"
    mixing: Real | None = Field(default=None, gt=0, le=1)


class GpawSettings(ElectronicSettings):
    """What `ElectronicSettings` say, and how a structure is relaxed and its states are shown.

    Attributes
    ----------
    optimizer, fmax_ev_per_angstrom, max_steps, max_displacement_angstrom, relax_cell, stress, \
rattle_angstrom, rattle_seed
        As of engine potential.
    dos_spacing_ev, dos_smearing_ev
        Grid and Gaussian width of densities of states.
    """

    optimizer: Literal["LBFGS", "BFGS", "FIRE", "RFO"] = "LBFGS"
    fmax_ev_per_angstrom: Real = Field(default=0.02, gt=0)
    max_steps: Whole = Field(default=200, gt=0)
    max_displacement_angstrom: Real = Field(default=0.2, gt=0, le=1)
    relax_cell: bool = False
    stress: bool = False
    rattle_angstrom: Real = Field(default=0.0, ge=0, le=0.2)
    rattle_seed: Whole = Field(default=RATTLE_SEED, ge=0, lt=2**32)
    dos_spacing_ev: Real = Field(default=0.02, gt=0, le=1)
    dos_smearing_ev: Real = Field(default=0.1, gt=0, le=1)


class GpawBandSettings(BandSettings, ElectronicSettings):
    """What decides a band of this engine; see `ElectronicSettings` and `BandSettings`."""


Settings = TypeVar("Settings", GpawSettings, GpawBandSettings)


def parse_settings(settings: dict[str, Any], where: str) -> GpawSettings:
    """Validated settings of any step but a band.

    Raises
    ------
    EngineError
        Naming the wrong key or value and the nearest valid one.
    """
    return _validated(GpawSettings, settings, where)


def parse_band_settings(settings: dict[str, Any], where: str) -> GpawBandSettings:
    """Validated settings of a band.

    Raises
    ------
    EngineError
        Naming the wrong key or value and the nearest valid one.
    """
    return _validated(GpawBandSettings, settings, where)


def settings_of(step: Step) -> GpawSettings | GpawBandSettings:
    """Validated settings of a step of whatever kind.

    Raises
    ------
    EngineError
        Naming the wrong key or value and the nearest valid one.
    """
    parse = parse_band_settings if step.kind == "neb" else parse_settings
    return parse(step.settings, step.name)


def check_parallel(parallel: Mapping[str, Any]) -> None:
    """Refuse what GPAW's ``parallel`` does not have.

    Raises
    ------
    EngineError
        Naming the key and the nearest valid one.
    """
    unknown = next((key for key in parallel if key not in PARALLEL_KEYS), None)
    if unknown is not None:
        raise EngineError(
            f"GPAW spreads no work by {unknown!r} ({nearest(unknown, PARALLEL_KEYS)})"
        )


def _validated(model: type[Settings], settings: dict[str, Any], where: str) -> Settings:
    try:
        return model.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        unknown = first["type"] == "extra_forbidden"
        hint = nearest(key, model.model_fields) if unknown else f"got {first['input']!r:.60}"
        raise EngineError(
            f"{where}: setting {key!r} of engine gpaw: {first['msg']} ({hint})"
        ) from None

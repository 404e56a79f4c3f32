"""The settings of engine vasp: INCAR tags, checked against the known ones, and a few of our own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from natriface.analysis.results.deciding import MACHINE_TAGS
from natriface.structures.base.errors import EngineError, nearest
from natriface.structures.base.numbers import Real, Whole
from natriface.workflows.engines.dispersion import Dispersion
from natriface.workflows.engines.magnetism import Magnetism
from natriface.workflows.engines.relaxation import RATTLE_SEED
from natriface.workflows.engines.vasp.incar.species import BY_ELEMENT
from natriface.workflows.engines.vasp.incar.spreading import AUTO, CHOSEN
from natriface.workflows.engines.vasp.incar.tags import (
    check_elements,
    check_plain,
    check_tag,
    known_tags,
)

RESERVED = {
    "KSPACING": "give kpoint_spacing_per_angstrom: the mesh is then the same with every engine",
    "KGAMMA": "the mesh always contains Gamma",
    "IMAGES": "the number of images follows from the images of the step",
    "NELECT": "give charge_e: the number of electrons follows from the atoms of each step",
    "NCORE": "it belongs to the machine: put it under `incar` in the machine's file",
    "NPAR": "it belongs to the machine: put it under `incar` in the machine's file",
    "KPAR": "it belongs to the machine: put it under `incar` in the machine's file",
}
"""Tags that a protocol or study may not set, and what to do instead."""

OUTPUTS = (
    *("WAVECAR", "CHG", "CHGCAR", "LOCPOT", "AECCAR0", "AECCAR1", "AECCAR2", "PCDAT", "ELFCAR"),
    *("CONTCAR", "DOSCAR", "DYNMAT", "EIGENVAL", "IBZKPT", "OSZICAR", "OUTCAR", "PARCHG", "PROCAR"),
    *("PROOUT", "REPORT", "STOPCAR", "TMPCAR", "WAVEDER", "XDATCAR", "vasprun.xml", "vaspout.h5"),
    *("vaspwave.h5", "BSEFATBAND", "HILLSPOT", "ML_ABN", "ML_FFN", "ML_LOGFILE", "ML_REG"),
)
"""Files that `keep` may name; most are kept anyhow."""

DESCRIPTIONS = {
    "SYSTEM": "title",
    "ENCUT": "plane-wave cut-off, eV",
    "PREC": "density of the FFT grids",
    "EDIFF": "electronic convergence, eV per cell",
    "EDIFFG": "ionic convergence: forces, eV/A, where negative",
    "IBRION": "how ions move: -1 not, 0 molecular dynamics, 1 quasi-Newton, 2 conjugate gradient",
    "NSW": "most ionic steps",
    "ISIF": "what is relaxed: 2 positions, 3 positions and cell",
    "POTIM": "ionic step: scale of a relaxation, fs of a trajectory",
    "ISMEAR": "smearing: -5 tetrahedra, 0 Gaussian, 1 and 2 Methfessel-Paxton",
    "SIGMA": "width of the smearing, eV",
    "ISPIN": "1 not spin-polarised, 2 spin-polarised",
    "MAGMOM": "initial moments, Bohr magnetons, in the order of POSCAR",
    "ALGO": "electronic minimiser",
    "NELM": "most electronic steps",
    "NELMIN": "least electronic steps",
    "AMIN": "least mixing of long waves of charge",
    "LREAL": "projectors in real space (Auto) or reciprocal space (.FALSE.)",
    "LASPH": "non-spherical contributions inside the PAW spheres",
    "LMAXMIX": "highest l of the PAW occupancies that are mixed",
    "ISYM": "use of symmetry; 0 only k and -k, -1 none",
    "LWAVE": "write WAVECAR",
    "LCHARG": "write CHGCAR",
    "LAECHG": "write the all-electron charge",
    "LVHAR": "write the electrostatic potential to LOCPOT",
    "LELF": "write the electron localisation function to ELFCAR",
    "LORBIT": "projected densities of states",
    "NEDOS": "points of the density of states",
    "EMIN": "lower end of the density of states, eV",
    "EMAX": "upper end of the density of states, eV",
    "NBANDS": "number of bands",
    "IDIPOL": "direction of the dipole correction; 3 is along c",
    "LDIPOL": "dipole correction of potential and forces",
    "DIPOL": "centre of the cell for the dipole, in fractions",
    "IVDW": "dispersion correction",
    "GGA": "exchange-correlation functional",
    "METAGGA": "meta-GGA functional",
    "LDAU": "Hubbard correction",
    "NCORE": "cores that share a band",
    "NPAR": "groups of cores that share out the bands",
    "KPAR": "groups of cores that share out the k-points",
    "ISTART": "start from WAVECAR where there is one",
    "ICHARG": "where the charge starts from",
    "IMAGES": "moving images of the band",
    "SPRING": "springs between images, eV/A2; negative is nudged",
    "LCLIMB": "the highest image climbs (VTST)",
    "ICHAIN": "method of the chain (VTST)",
    "IOPT": "optimiser of the chain (VTST)",
    "MDALGO": "thermostat: 2 is Nose-Hoover",
    "RANDOM_SEED": "of the velocities at the start",
    "SMASS": "mass of the thermostat; 0 follows the vibrations",
    "TEBEG": "temperature at the start, K",
    "TEEND": "temperature at the end, K",
    "NBLOCK": "ionic steps between two pair-correlation samples",
    "NWRITE": "how much is written",
}
"""What a tag is, in the words the INCAR's comments use."""


class VaspKeys(BaseModel):
    """Settings of natriface's own, beside the INCAR tags.

    Attributes
    ----------
    kpoint_spacing_per_angstrom
        Widest spacing of the mesh in 1/A, 2 pi included, as in VASP's KSPACING; one point along a
        direction with vacuum.
    potcar_functional
        Set of POTCARs as pymatgen names it.
    potcars
        Element -> label of its POTCAR; others as the Materials Project chooses.
    dipole
        ``auto`` adds the dipole correction to slabs whose two faces differ.
    handlers
        ``consistent``: errors are corrected only where the energy stays comparable; ``robust``:
        by all means custodian has.
    keep
        Large files kept beyond what the kind of calculation keeps (``WAVECAR``, ``CHGCAR``, ...).
    lobster_basis
        Element -> basis functions, such as ``"2p 3s"``; others as pymatgen proposes.
    max_charge_spilling_percent
        A LOBSTER projection that loses more is reported as not converged.
    unchecked_tags
        INCAR tags, or values of tags, that natriface does not know, written as they are given.
    dispersion
        Added to the functional: ``d3`` (zero damping), ``d3bj``, ``d4``; sets IVDW.
    magnetism
        ``auto``: ISPIN and MAGMOM where d or f shells are open or electrons odd in no metal;
        ``as_set``: as ISPIN says.
    hubbard_u_ev
        Element -> U of its d or f shell, eV: sets the tags of LDAU, and LMAXMIX.
    energy_convergence_ev_per_atom
        EDIFF, times the atoms of the cell.
    charge_e
        Charge of the cell, against a uniform background: NELECT follows from the POTCARs.
    rattle_angstrom, rattle_seed
        As of engine potential: a relaxation starts with its free atoms displaced at random, and
        with ISYM = 0.
    equilibration_picoseconds
        Of molecular dynamics, before what counts as its production.
    n_images, interpolation
        Of a band, see `natriface.workflows.engines.bands.search.BandSettings`.
    vtst
        Whether VASP has the VTST extension, so that the highest image of a band climbs: ``auto``
        looks into the program.
    images
        Of a band whose images are given: at least three structure documents, both ends included.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kpoint_spacing_per_angstrom: Real = Field(default=0.25, gt=0.01, le=3)
    potcar_functional: str = "PBE_54"
    potcars: dict[str, str] = Field(default_factory=dict)
    dipole: Literal["auto", "off"] = "auto"
    handlers: Literal["consistent", "robust"] = "consistent"
    keep: list[str] = Field(default_factory=list)
    lobster_basis: dict[str, str] = Field(default_factory=dict)
    max_charge_spilling_percent: Real = Field(default=5.0, gt=0, le=100)
    unchecked_tags: dict[str, Any] = Field(default_factory=dict)
    dispersion: Dispersion = "none"
    magnetism: Magnetism = "as_set"
    hubbard_u_ev: dict[str, Real] = Field(default_factory=dict)
    energy_convergence_ev_per_atom: Real | None = Field(default=None, gt=0)
    charge_e: Real = 0.0
    rattle_angstrom: Real = Field(default=0.0, ge=0, le=0.2)
    rattle_seed: Whole = Field(default=RATTLE_SEED, ge=0, lt=2**32)
    equilibration_picoseconds: Real = Field(default=0.5, ge=0, le=1000)
    n_images: Whole | None = Field(default=None, ge=1, le=99)
    interpolation: Literal["idpp", "linear"] = "idpp"
    vtst: bool | Literal["auto"] = "auto"
    images: list[dict[str, Any]] = Field(default_factory=list)


@dataclass(frozen=True)
class VaspSettings:
    """A step's settings, checked: INCAR tags as given, unchecked ones too, and our own keys."""

    tags: dict[str, Any]
    keys: VaspKeys


def parse_settings(settings: dict[str, Any], where: str) -> VaspSettings:
    """Settings as tags and keys.

    Raises
    ------
    EngineError
        Naming the wrong key or value, and the nearest valid one.
    """
    tags = {name: value for name, value in settings.items() if name == name.upper()}
    for name, value in tags.items():
        _check_tag(name, value, where)
    own = {name: value for name, value in settings.items() if name not in tags}
    unknown = next((name for name in own if name not in VaspKeys.model_fields), None)
    if unknown is not None:
        raise EngineError(
            f"{where}: setting {unknown!r} of engine vasp is not known ({_hint(unknown)})"
        )
    try:
        keys = VaspKeys.model_validate(own)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise EngineError(
            f"{where}: setting {key!r} of engine vasp: {first['msg']}, got {first['input']!r:.60}"
        ) from None
    for name, mapping in (
        ("potcars", keys.potcars),
        ("lobster_basis", keys.lobster_basis),
        ("hubbard_u_ev", keys.hubbard_u_ev),
    ):
        check_elements(f"setting {name}", mapping, where)
    odd = next((name for name in keys.keep if name not in OUTPUTS), None)
    if odd is not None:
        raise EngineError(
            f"{where}: setting keep: VASP writes no {odd!r} ({nearest(odd, OUTPUTS)})"
        )
    for name, value in keys.unchecked_tags.items():
        if name in RESERVED:
            raise EngineError(f"{where}: INCAR tag {name} is not set here; {RESERVED[name]}")
        if name in known_tags():  # its type is held to, for natriface reads some of them
            check_tag(name, value, where, by_element=name in BY_ELEMENT, any_value=True)
        else:
            check_plain(name, value, where)
    return VaspSettings({**tags, **keys.unchecked_tags}, keys)


def check_spreading(tags: Mapping[str, Any]) -> None:
    """Refuse, among a machine's tags, what does more than spread the work over its cores.

    Raises
    ------
    EngineError
        Naming the tag.
    """
    for tag, value in tags.items():
        if tag not in MACHINE_TAGS:
            raise EngineError(
                f"{tag} may decide results and belongs into a protocol or study "
                f"({nearest(tag, MACHINE_TAGS)})"
            )
        if tag in CHOSEN and isinstance(value, str):
            if value != AUTO:
                raise EngineError(f"{tag} takes a number or {AUTO}, not {value!r}")
            continue
        check_tag(tag, value, "incar")


def _check_tag(name: str, value: Any, where: str) -> None:
    if name in RESERVED:
        raise EngineError(f"{where}: INCAR tag {name} is not set here; {RESERVED[name]}")
    if name not in known_tags():
        raise EngineError(f"{where}: no INCAR tag {name!r} ({_hint(name)})")
    check_tag(name, value, where, by_element=name in BY_ELEMENT)


def _hint(name: str) -> str:
    own = nearest(name, VaspKeys.model_fields)
    if name != name.upper() and own.startswith("did"):
        return own
    hint = nearest(name, [*known_tags(), *VaspKeys.model_fields])
    if hint.startswith("known"):
        hint = "neither an INCAR tag nor a key of natriface's"
    insist = f"; to insist: unchecked_tags: {{{name}: ...}}" if name == name.upper() else ""
    return hint + insist

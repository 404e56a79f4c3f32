"""The INCAR tags that are known: pymatgen's table, VTST's, and those of VASP 6 that it lacks.

The names and types of the last, and the functionals, are those of the VASP wiki.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ase.data import chemical_symbols

from natriface.structures.base.errors import EngineError, nearest

VTST_TAGS: dict[str, dict[str, Any]] = {
    "LCLIMB": {"type": "bool"},
    "ICHAIN": {"type": "int"},
    "IOPT": {"type": "int"},
    "MAXMOVE": {"type": "float"},
    "TIMESTEP": {"type": "float"},
}
"""Tags of the VTST extension, which pymatgen's table leaves out."""

_NEWER = {
    "bool": """
        ELPH_IGNORE_IMAG_PHONONS ELPH_POT_GENERATE ELPH_PREPARE ELPH_RUN ELPH_SELFEN_DW
        ELPH_SELFEN_FAN ELPH_SELFEN_GAPS ELPH_SELFEN_G_SKIP ELPH_SELFEN_IMAG_SKIP ELPH_SELFEN_STATIC
        ELPH_TRANSPORT ELPH_USEBLAS ELPH_USERECIP ELPH_WF_CACHE_PREFILL ELPH_WF_REDISTRIBUTE
        ELPH_WRITE_HDF5VEL ELPH_WRITE_TEXTVEL FMP_ACTIVE LALL_IN_ONE LCHARGH5 LDISENTANGLED LDMATRIX
        LFINITE_TEMPERATURE LFOCKACE LFOCKSTD LH5 LKPOINTS_OPT LKPOINTS_WAN LMP2LT LNMRCAR LNMRLEG
        LNMRSHIELD LNOAUGXC LPARDH5 LPHON_DISPERSION LPHON_POLAR LPHON_READ_FORCE_CONSTANTS LPOSNICS
        LSCALER0 LSCDM LSCK LSCRPA LSFBXC LSMP2LT LSOSHIFT LSPIN_VDW LSYNCH5 LTAU LTBOUNDLIBXC
        LTEMPER LTSSURF LTWO_CENTRE LUSENCCL LVACPOTAV LVDWSCS LVDW_ONECELL LVGVAPPL LVGVCALC
        LWAVEH5 LWEIGHTED LWRITE_SPN LWRT_AUGMENTED_DENSITY LZORA ML_LAFILT2 ML_LBASIS_DISCARD
        ML_LCOUPLE ML_LEATOM ML_LEMPPOT ML_LERR ML_LFAST ML_LHEAT ML_LIB ML_LMLFF ML_LSPARSDES
        ML_LUSE_NAMES VELOCITY
    """,
    "int": """
        ISEARCH
        EFERMI_NEDOS ELPH_FERMI_NEDOS ELPH_ISMEAR ELPH_LR ELPH_NBANDS ELPH_SELFEN_BAND_START
        ELPH_SELFEN_BAND_STOP ELPH_SELFEN_NW ELPH_TRANSPORT_DRIVER ELPH_TRANSPORT_NEDOS_PLOT
        ELPH_WF_COMM_OPT FMP_DIRECTION FMP_PERIOD FMP_SNUMBER FMP_SWAPNUM FOCKCORR IBSE IFC_ASR
        IFC_LR INMRPRINT IRC_DIRECTION IRC_STOP IVDW_NL KPOINTS_OPT_MODE KPOINTS_OPT_NKBATCH
        LIBMBD_N_OMEGA_GRID ML_CALGO ML_DESC_TYPE ML_ESTBLOCK ML_IAFILT2 ML_IALGO_LINREG
        ML_ICRITERIA ML_IREG ML_ISCALE_TOTEN ML_ISTART ML_IWEIGHT ML_LMAX2 ML_MB ML_MB_MIN ML_MCONF
        ML_MCONF_NEW ML_MHIS ML_MOPOT_NM ML_MRB1 ML_MRB2 ML_NATOM_COUPLED ML_NCSHMEM ML_NHYP
        ML_NMDINT ML_NRANK_SPARSDES ML_OUTBLOCK ML_OUTPUT_MODE ML_SRPOT_N0 NATURALO NBANDSEXACT
        NBANDS_WAVE NBLOCK_FOCK NBSEBLOCKO NBSEBLOCKV NCSHMEM NELMGW NHC_NCHAINS NHC_NRESPA NHC_NS
        NOMEGA_DUMP NRMM NSTORB NTEMPER NUM_WANN PHON_DOS PHON_NEDOS PHON_NWRITE TRANSPORT_NEDOS
        WRT_NMRCUR
    """,
    "float": """
        ALDAX ALPHA_VDW AMGGAC AMGGAX BEXX BPARAM CH_AMPLIFICATION CMBJE CPARAM DEG_THRESHOLD
        ELPH_SELFEN_BROAD_TOL ELPH_TRANSPORT_DFERMI_TOL ELPH_TRANSPORT_EMAX ELPH_TRANSPORT_EMAX_PLOT
        ELPH_TRANSPORT_EMIN ELPH_TRANSPORT_EMIN_PLOT ELPH_WF_CACHE_MB ENCUTLR ESTOP EWALD_CUTOFF
        GAMMA_VDW IRC_DELTA0 IRC_MAXSTEP IRC_MINSTEP IRC_VNORM0 LANCZOSTHR LIBMBD_K_GRID_SHIFT
        LIBMBD_MBD_A LIBMBD_MBD_BETA LIBMBD_TS_D LIBMBD_TS_SR MAXDIS ML_AFILT2 ML_CDOUB ML_CSIG
        ML_CSLOPE ML_CTIFOR ML_CX ML_EMPPOT_RCUT ML_EPS_LOW ML_EPS_REG ML_MOPOT_DM ML_MOPOT_RKM
        ML_MOPOT_RM ML_RCOUPLE ML_RCUT1 ML_RCUT2 ML_RDES_SPARSDES ML_SCLC_CTIFOR ML_SIGV0 ML_SIGW0
        ML_SION1 ML_SION2 ML_SRPOT_B0 ML_SRPOT_S0 ML_W1 ML_WTIFOR ML_WTOTEN ML_WTSIF MSDGW_F
        PHON_G_CUTOFF PHON_SIGMA RSMBJ SCALEE SCISSOR SHAKETOLSOFT SMBJ TILAMBDA
        TRANSPORT_RELAXATION_TIME VACPOTFLAT VCAIMAGES VDW_BETA VDW_S9 VDW_SR8 WPLASMAI
    """,
    "list": """
        BEXT BSEELECTRON BSEHOLE CUTOFF_MU CUTOFF_SIGMA EFOR ELPH_NBANDS_SUM ELPH_POT_FFT_MESH
        ELPH_POT_LATTICE ELPH_SELFEN_CARRIER_DEN ELPH_SELFEN_CARRIER_DEN_RANGE
        ELPH_SELFEN_CARRIER_PER_CELL ELPH_SELFEN_DELTA ELPH_SELFEN_ENERGY_WINDOW ELPH_SELFEN_IKPT
        ELPH_SELFEN_KPTS ELPH_SELFEN_MU ELPH_SELFEN_MU_RANGE ELPH_SELFEN_TEMPS
        ELPH_SELFEN_TEMPS_RANGE ELPH_SELFEN_WRANGE FBIAS_A FBIAS_D FBIAS_R0 K_MULTIPLY LIBMBD_ALPHA
        LIBMBD_C6AU LIBMBD_K_GRID LIBMBD_R0AU ML_EATOM_REF ML_ICOUPLE ML_MOPOT_IJM PHON_BORN_CHARGES
        PHON_DIELECTRIC SPRING_K SPRING_R0 SPRING_V0 VCA VDW_ALPHA VDW_C6AU VDW_R0AU XC_C
    """,
    "str": """
        BANDGAP BSEPREC CHECKPOINT_FD CUTOFF_TYPE DFTD4_MODEL DFTD4_XC ELPH_DECOMPOSE ELPH_DRIVER
        ELPH_MODE ELPH_SCATTERING_APPROX LIBMBD_METHOD LIBMBD_PARALLEL_MODE LIBMBD_VDW_PARAMS_KIND
        LIBMBD_XC ML_GRACE_MODEL ML_TYPE RANDOM_GENERATOR SDFTD3_DAMPING SDFTD3_XC STOP_ON
        WANNIER90_WIN WRT_DENSITY WRT_POTENTIAL XC
    """,
    "float | str": """
        EFERMI
    """,
    "int | str": """
        LIBXC1 LIBXC2
    """,
}
"""Type -> tags of VASP 6 that pymatgen's table lacks."""

_OTHER_TYPES = {
    "NUPDOWN": "float",
    **dict.fromkeys(("POMASS", "ZVAL"), "list"),
    "LATTICE_CONSTRAINTS": "bools",
    "CMBJ": "float | list",
    "NGYROMAG": "list",
}
"""Tags that the table has with one value where VASP takes several, or logical ones as numbers."""

_MORE_VALUES: dict[str, tuple[Any, ...]] = {
    "METAGGA": (
        *("RSCAN", "R2SCAN", "LIBXC", "SREGTM1", "SREGTM2", "SREGTM3", "SREGTM2L", "TASK_X"),
        *("LAK", "LAK_X", "LAK_C", "MSPBEL", "MSRPBEL", "MSB86BL", "RMSPBEL", "RMSRPBEL"),
        *("RMSB86BL", "SCANL", "RSCANL", "R2SCANL", "OFR2", "LMBJ"),
        *(f"{name}_{part}" for part in "XC" for name in ("TPSS", "RTPSS", "M06L", "MS0", "MS1")),
        *(f"{name}_{part}" for part in "XC" for name in ("MS2", "SCAN", "RSCAN", "R2SCAN")),
    ),
    "GGA": ("PW92", "PW92_C"),
    "IVDW": (3, 13, 14, 15, 263),
    "IBRION": (11, 12, 40),
    "MDALGO": (4, 5),
    "IALGO": (119,),
    "ALGO": ("Dav", "CRPA", "CRPAR", "EVGW0R", "EVGWR"),
    "PREC": ("SingleN", "A", "N", "L", "M", "H"),
    "PRECFOCK": ("Single",),
}

_SINCE = {
    **dict.fromkeys(("RSCAN", "R2SCAN"), "6.2 (5.4.4 with a patch)"),
    **dict.fromkeys(("SCANL", "RSCANL", "R2SCANL", "OFR2"), "6.4.0"),
    **dict.fromkeys(("SREGTM1", "SREGTM2", "SREGTM3", "SREGTM2L"), "6.4.3"),
    **dict.fromkeys(("TASK_X", "LAK", "MSPBEL", "MSRPBEL", "MSB86BL"), "6.5.0"),
    **dict.fromkeys(("RMSPBEL", "RMSRPBEL", "RMSB86BL"), "6.5.0"),
    "LIBXC": "6.3.0, compiled with Libxc",
}
"""Meta-GGA -> the VASP that has it."""

_POSITIVE = frozenset(
    (
        *("ENAUG", "EDIFF", "NELM", "NEDOS", "NBANDS", "NELECT", "SYMPREC", "ENCUTFOCK"),
        *("NCORE", "NPAR", "KPAR", "NSIM", "NBLOCK", "KBLOCK", "NFREE", "LMAXMIX", "POMASS"),
        *("RWIGS", "ENCUTGW", "NOMEGA", "NGX", "NGY", "NGZ", "NGXF", "NGYF", "NGZF"),
    )
)

_NOT_NEGATIVE = frozenset(
    ("NELMIN", "TEBEG", "TEEND", "POTIM", "SIGMA", "AEXX", "HFSCREEN", "LDAUPRINT")
)
_LEAST_ENCUT_EV = 50.0
_LARGEST_INTEGER = 2**31 - 1
_SMEARINGS = (-15, -14, -5, -4, -3, -2, -1)
_UNSAFE = re.compile(r"[;#!\"\\\x00-\x1f\x7f]")
_QUOTED = ("WANNIER90_WIN",)
"""Tags whose value is a text of several lines."""


@cache
def known_tags() -> dict[str, dict[str, Any]]:
    """INCAR tag -> ``type`` and, where they are few, ``values``."""
    known: dict[str, dict[str, Any]] = json.loads(
        pymatgen_data("incar_parameters.json").read_text()
    )
    known = {**known, **VTST_TAGS}
    for kind, names in _NEWER.items():
        known |= {name: {"type": kind} for name in names.split() if name not in known}
    for name, kind in _OTHER_TYPES.items():
        known[name] = {"type": kind}
    for name, more in _MORE_VALUES.items():
        if known.get(name, {}).get("values"):
            known[name] = {**known[name], "values": [*known[name]["values"], *more]}
    return known


def pymatgen_data(name: str) -> Path:
    """A data file of `pymatgen.io.vasp`, found without the seconds that importing it takes.

    Raises
    ------
    EngineError
        If this pymatgen has no such file.
    """
    package = find_spec("pymatgen.io")
    for folder in (package and package.submodule_search_locations) or ():
        path = Path(folder) / "vasp" / name
        if path.is_file():
            return path
    raise EngineError(f"pymatgen has no {name}; update it: pip install -U pymatgen")


def needs_version(metagga: str) -> str | None:
    """The VASP that has a meta-GGA, where not every one has it."""
    return _SINCE.get(metagga.upper())


def check_tag(
    name: str, value: Any, where: str, *, by_element: bool = False, any_value: bool = False
) -> None:
    """Refuse a value that the tag does not take.

    Parameters
    ----------
    by_element
        Whether the tag has a value for each species or atom and may be given as a mapping.
    any_value
        Whether words and numbers that the table does not list are taken too.

    Raises
    ------
    EngineError
        Saying what it takes.
    """
    if by_element and isinstance(value, dict):
        check_elements(f"INCAR tag {name}", value, where)
        for element, own in value.items():
            _check_number_of(name, element, own, where)
            _check_numbers(f"{name} of {element}", own if isinstance(own, list) else [own], where)
        return
    entry = known_tags()[name]
    expected = str(entry.get("type"))
    if not any(_is_a(kind.strip(), value) for kind in expected.split("|")):
        wanted = "a list, or numbers by element" if by_element else expected
        advice = _as_truth(value) if "bool" in expected else _as_number(value)
        raise EngineError(f"{where}: INCAR tag {name} takes {wanted}, got {value!r:.60}{advice}")
    allowed = entry.get("values")
    if (
        allowed
        and not any_value
        and str(value).lower() not in {str(item).lower() for item in allowed}
    ):
        hint = nearest(str(value), [str(item) for item in allowed])
        advice = _as_truth(value) if any(item is True for item in allowed) else ""
        raise EngineError(
            f"{where}: INCAR tag {name} has no value {value!r:.60}{advice} ({hint}; to insist: "
            f"unchecked_tags: {{{name}: {value}}})"
        )
    if isinstance(value, str):
        _check_text(name, value, where)
    _check_numbers(name, value if isinstance(value, list) else [value], where)


def check_elements(what: str, value: Mapping[Any, Any], where: str) -> None:
    """Refuse a mapping whose keys are not all chemical elements.

    Raises
    ------
    EngineError
    """
    known = chemical_symbols[1:]
    odd = next((element for element in value if element not in known), None)
    if odd is not None:
        hint = nearest(str(odd), known)
        hint = f" ({hint})" if hint.startswith("did") else ""
        raise EngineError(f"{where}: {what}: {odd!r:.60} is no chemical element{hint}")


def check_plain(name: str, value: Any, where: str) -> None:
    """Refuse what cannot stand in an INCAR at all, whatever the tag.

    Raises
    ------
    EngineError
    """
    values = value if isinstance(value, list) else [value]
    if not re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
        raise EngineError(f"{where}: {name!r:.60} is no name of an INCAR tag; write it in capitals")
    if not values or not all(isinstance(item, bool | int | float | str) for item in values):
        raise EngineError(
            f"{where}: INCAR tag {name} takes a number, a word, true or false, or a list of them, "
            f"got {value!r:.60}"
        )
    for item in values:
        if isinstance(item, str):
            _check_text(name, item, where)
    _check_numbers(name, values, where)


def _check_number_of(name: str, element: str, value: Any, where: str) -> None:
    vector = name == "MAGMOM" and _is_a("list", value) and len(value) == 3
    if not vector and not _is_a("float", value):
        raise EngineError(
            f"{where}: INCAR tag {name} takes a number for {element}, got {value!r:.60}"
            f"{_as_number(value)}"
        )


def _check_text(name: str, value: str, where: str) -> None:
    if name in _QUOTED and '"' not in value and value.strip():
        return
    if not value.strip() or _UNSAFE.search(value) or value != value.strip():
        raise EngineError(
            f"{where}: INCAR tag {name} cannot have the value {value!r:.60}: an INCAR takes one "
            'line without ; # ! " or a backslash'
        )


def _check_numbers(name: str, values: list[Any], where: str) -> None:
    tag = name.partition(" ")[0]
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        wrong = ""
        if not math.isfinite(value):
            wrong = "a finite number"
        elif isinstance(value, int) and abs(value) > _LARGEST_INTEGER:
            wrong = "a number that VASP can hold"
        elif tag in _POSITIVE and value <= 0:
            wrong = "a positive number"
        elif tag in _NOT_NEGATIVE and value < 0:
            wrong = "no negative number"
        elif tag == "ENCUT" and value < _LEAST_ENCUT_EV:
            wrong = f"a cut-off in eV, {_LEAST_ENCUT_EV:g} at least"
        elif tag == "LDAUL" and value not in (-1, 0, 1, 2, 3):
            wrong = "-1 (none), 0, 1, 2 or 3"
        elif tag == "ISMEAR" and value < 0 and value not in _SMEARINGS:
            wrong = f"{', '.join(str(n) for n in _SMEARINGS)} or 0 and above"
        if wrong:
            raise EngineError(f"{where}: INCAR tag {name} takes {wrong}, got {value!r:.60}")


def _is_a(kind: str, value: Any) -> bool:
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "float":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind in ("list", "bools"):
        item_kind = "bool" if kind == "bools" else "float"
        return (
            isinstance(value, list)
            and bool(value)
            and all(_is_a(item_kind, item) for item in value)
        )
    return isinstance(value, str) if kind == "str" else True


def _as_truth(value: Any) -> str:
    """Advice on a truth value as Fortran writes it, which YAML reads as text or as a number."""
    read = re.fullmatch(r"\.?(t|f)[a-z]*\.?|([01])", str(value).lower())
    if read is None or isinstance(value, bool):
        return ""
    return f"; write {'true' if 't' in read.groups() or '1' in read.groups() else 'false'}"


def _as_number(value: Any) -> str:
    """Advice on a number that YAML has read as text: it wants a point and a sign."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return ""
    text = re.sub("[dD]", "e", value) if isinstance(value, str) else ""  # Fortran's 1.0d-5
    try:
        number = float(text)
    except ValueError:
        return ""
    if not math.isfinite(number):
        return ""
    mantissa, e, exponent = text.strip().lower().partition("e")
    if not e:
        return "; write it without quotes"
    mantissa = mantissa if "." in mantissa else f"{mantissa}.0"
    exponent = exponent if exponent[:1] in "+-" else f"+{exponent}"
    return f"; YAML reads {value} as text, write {mantissa}e{exponent}"

"""Settings that contradict each other or the structure: refused or warned of before anything runs.

Refused is what VASP stops on, or what makes the step's job meaningless; the doubtful is told.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ase import Atoms

from natriface.structures.base.errors import EngineError
from natriface.workflows.engines.kpoints import n_irreducible, vacuum_axes
from natriface.workflows.engines.vasp.incar.tags import needs_version

TETRAHEDRA = (-15, -14, -5, -4)
"""ISMEAR of the tetrahedron methods."""
_LEAST_TETRAHEDRA_POINTS = 4
_SINGLE_POINTS = ("static", "dos", "elf", "levels", "lobster")
_MOVES = (0, 1, 2, 3, 40, 44)
"""IBRION of what moves the atoms."""
_NO_RELAXATION = (0, 5, 6, 7, 8)
_MOMENTS = "give MAGMOM by element, or leave ISPIN to magnetism: auto, by what each cell holds"
_HUBBARD = ("LDAUL", "LDAUU", "LDAUJ", "LDAUTYPE")


@dataclass(frozen=True)
class Case:
    """What a step's INCAR and KPOINTS will say, and of what structure.

    Attributes
    ----------
    tags
        As written, lists in POSCAR's order.
    elements
        In POSCAR's order.
    cores
        That the machine gives a run; 1 where it does not say.
    """

    name: str
    kind: str
    atoms: Atoms
    elements: list[str]
    tags: Mapping[str, Any]
    mesh: tuple[int, int, int]
    n_electrons: float
    cores: int


@dataclass(frozen=True)
class _Objection:
    text: str
    fatal: bool = False


def contradictions(case: Case) -> list[str]:
    """What is doubtful about a step's settings, in words.

    Raises
    ------
    EngineError
        Of the first setting with which VASP would stop, or compute what was not asked for.
    """
    found = [
        objection
        for rules in (_kpoints, _electrons, _ions, _spin, _hubbard, _functional, _surface, _job)
        for objection in rules(case)
    ]
    fatal = next((objection.text for objection in found if objection.fatal), None)
    if fatal is not None:
        raise EngineError(f"{case.name}: {fatal}")
    return [objection.text for objection in found]


def _kpoints(case: Case) -> Iterator[_Objection]:
    tags = case.tags
    ismear = tags.get("ISMEAR", 1)
    if ismear in TETRAHEDRA:
        isym = int(tags.get("ISYM", 2))
        mesh = "x".join(str(n) for n in case.mesh)
        at_most = n_irreducible(case.atoms, case.mesh, min(isym, 0))
        expected = n_irreducible(case.atoms, case.mesh, isym)
        few = (
            f"ISMEAR = {ismear} needs {_LEAST_TETRAHEDRA_POINTS} k-points at least, and the mesh "
            f"{mesh} has"
        )
        remedy = (
            "set ISMEAR: 0 in all steps whose energies are compared, or a smaller "
            "kpoint_spacing_per_angstrom"
        )
        moments = "MAGMOM" in tags
        if at_most < _LEAST_TETRAHEDRA_POINTS:
            yield _Objection(f"{few} {at_most}; {remedy}", fatal=True)
        elif expected < _LEAST_TETRAHEDRA_POINTS:  # moments may leave less symmetry
            yield _Objection(f"{few} {expected} by symmetry; {remedy}", fatal=not moments)
    kpar = int(tags.get("KPAR", 1))
    if kpar > math.prod(case.mesh):
        yield _Objection(
            f"KPAR = {kpar} is more than the {math.prod(case.mesh)} k-points of the mesh: cores "
            "lie idle; lower it in the machine's file"
        )
    if case.cores > 1 and case.cores % kpar:
        yield _Objection(
            f"KPAR = {kpar} does not divide the {case.cores} cores of a run, and VASP stops; "
            "correct `incar` or `cores` in the machine's file",
            fatal=True,
        )
    if "NCORE" in tags and "NPAR" in tags:
        yield _Objection("NCORE and NPAR are both set, and VASP heeds one of them; leave one out")


def _electrons(case: Case) -> Iterator[_Objection]:
    tags = case.tags
    sigma, ismear = tags.get("SIGMA", 0.2), tags.get("ISMEAR", 1)
    if sigma == 0 and ismear >= -1:
        yield _Objection(f"SIGMA = 0 leaves ISMEAR = {ismear} without a width; set 0.05", True)
    noncollinear = tags.get("LNONCOLLINEAR") or tags.get("LSORBIT")
    needed = math.ceil(case.n_electrons if noncollinear else case.n_electrons / 2)
    if case.n_electrons <= 0:
        yield _Objection(f"{case.n_electrons:g} electrons are left; correct charge_e", True)
    if "NBANDS" in tags and tags["NBANDS"] < needed:
        yield _Objection(
            f"NBANDS = {tags['NBANDS']} cannot hold {case.n_electrons:g} electrons, which fill "
            f"{needed} bands; leave it out, or set more",
            fatal=True,
        )
    if "NELMIN" in tags and tags["NELMIN"] > tags.get("NELM", 60):
        yield _Objection(
            f"NELMIN = {tags['NELMIN']} is more than NELM = {tags.get('NELM', 60)}: no step could "
            "ever converge",
            fatal=True,
        )
    if tags.get("ICHARG", 2) in (4, 10, 11, 14):
        yield _Objection(
            f"ICHARG = {tags['ICHARG']} reads a charge or potential, and a step has no such file "
            "to start from; leave it out",
            fatal=True,
        )
    if tags.get("ICHARG") == 12:
        yield _Objection("ICHARG = 12 keeps the atoms' charges: its energy is not converged")
    algo = str(tags.get("ALGO", "Normal")).lower()
    if algo in ("none", "nothing", "eigenval", "subrot"):
        yield _Objection(f"ALGO = {tags['ALGO']} does not minimise the energy")
    if tags.get("EMIN", -math.inf) >= tags.get("EMAX", math.inf):
        yield _Objection(f"EMIN = {tags['EMIN']} is not below EMAX = {tags['EMAX']}", True)
    if "FERWE" in tags and ismear != -2:
        yield _Objection("FERWE is ignored without ISMEAR = -2")


def _ions(case: Case) -> Iterator[_Objection]:
    tags = case.tags
    nsw = int(tags.get("NSW", 0))
    ibrion = int(tags.get("IBRION", 0 if nsw > 0 else -1))
    by_default = "" if "IBRION" in tags else ", VASP's default"
    if case.kind in _SINGLE_POINTS and nsw > 0 and ibrion in _MOVES:
        yield _Objection(
            f"NSW = {nsw} and IBRION = {ibrion}{by_default} move the atoms, and a {case.kind} "
            "calculation is of one geometry; set NSW: 0, IBRION: -1",
            fatal=True,
        )
    if case.kind in ("relax", "neb") and ibrion in _NO_RELAXATION and nsw > 0:
        yield _Objection(
            f"IBRION = {ibrion}{by_default} relaxes nothing; set 1, 2 or 3", fatal=True
        )
    if case.kind in ("relax", "neb") and (nsw <= 0 or ibrion == -1):
        yield _Objection(f"NSW = {nsw} and IBRION = {ibrion} leave the atoms where they are")
    if case.kind == "md" and ibrion != 0:
        yield _Objection(f"IBRION = {ibrion} is no molecular dynamics; set 0", True)
    if ibrion == 0 and nsw > 0 and "POTIM" not in tags:
        yield _Objection("VASP stops where IBRION = 0 has no POTIM, the time step in fs", True)
    ediff, ediffg = tags.get("EDIFF", 1e-4), tags.get("EDIFFG", 10 * tags.get("EDIFF", 1e-4))
    if case.kind in ("relax", "neb") and 0 < ediffg <= ediff:
        yield _Objection(
            f"EDIFFG = {ediffg} is not above EDIFF = {ediff}: the ionic criterion lies in the "
            "noise of the electronic one"
        )
    if tags.get("ISMEAR", 1) in TETRAHEDRA and case.kind in ("relax", "neb", "md"):
        yield _Objection(
            f"ISMEAR = {tags['ISMEAR']} gives wrong forces in metals; only of insulators may it "
            "move the atoms"
        )


def _spin(case: Case) -> Iterator[_Objection]:
    tags = case.tags
    collinear = not (tags.get("LNONCOLLINEAR") or tags.get("LSORBIT"))
    if tags.get("ISPIN", 1) == 1 and collinear:
        for tag in ("MAGMOM", "NUPDOWN"):
            if tag in tags:
                yield _Objection(f"{tag} is ignored without ISPIN = 2")
    elif "NUPDOWN" in tags:
        yield _Objection(
            f"NUPDOWN = {tags['NUPDOWN']} is the moment of the whole cell: it does not suit cells "
            "of other sizes"
        )
    if tags.get("ISPIN") == 2 and collinear:
        yield from _moments(tags)


def _moments(tags: Mapping[str, Any]) -> Iterator[_Objection]:
    """What a cycle with spin starts from."""
    if "MAGMOM" not in tags:
        yield _Objection(
            f"ISPIN = 2 without MAGMOM: VASP starts from 1 Bohr magneton on every atom; {_MOMENTS}"
        )
    elif not any(tags["MAGMOM"]):
        yield _Objection(
            "ISPIN = 2 and MAGMOM is zero on every atom: it costs twice, and ends without moments; "
            f"{_MOMENTS}"
        )


def _hubbard(case: Case) -> Iterator[_Objection]:
    tags = case.tags
    given = [tag for tag in _HUBBARD if tag in tags]
    if given and "LDAU" not in tags:
        yield _Objection(
            f"{given[0]} is set without LDAU, and VASP would leave U out; set LDAU: true, or LDAU: "
            "false to leave it out",
            fatal=True,
        )
    if not tags.get("LDAU"):
        return
    if not {"LDAUU", "LDAUJ"} & tags.keys():
        yield _Objection("LDAU is set, but neither LDAUU nor LDAUJ: U is 0 on every element")
    shells = tags.get("LDAUL", [2] * len(case.elements))
    for tag in ("LDAUU", "LDAUJ"):
        values = tags.get(tag, [0.0] * len(case.elements))
        for element, shell, value in zip(case.elements, shells, values, strict=True):
            if value and shell == -1:
                yield _Objection(
                    f"{tag} of {element} is {value} eV, but LDAUL gives {element} no shell; set "
                    f"LDAUL: {{{element}: 2}} (or 1, 3)",
                    fatal=True,
                )


def _functional(case: Case) -> Iterator[_Objection]:
    tags = case.tags
    meta = str(tags.get("METAGGA", "")).upper()
    if meta:
        if not tags.get("LASPH"):
            yield _Objection(f"METAGGA = {meta} without LASPH: true is inaccurate in the spheres")
        if "GGA" in tags:
            yield _Objection("METAGGA and GGA are both set, and one of them is ignored")
        version = needs_version(meta)
        if version is not None:
            yield _Objection(f"METAGGA = {meta} needs VASP {version} or newer")
        if meta == "LIBXC" and "LIBXC1" not in tags:
            yield _Objection("METAGGA = LIBXC needs LIBXC1, the functional's name", True)
        if meta in ("MBJ", "LMBJ"):
            fatal = case.kind in ("relax", "neb", "md")
            yield _Objection(f"METAGGA = {meta} has no energy of its own, and no forces", fatal)
    if tags.get("LHFCALC") and str(tags.get("ALGO", "Normal")).lower() in ("fast", "veryfast"):
        yield _Objection(
            f"ALGO = {tags['ALGO']} is not supported with LHFCALC; use Normal, All or Damped"
        )
    if tags.get("IVDW") == 13:
        yield _Objection("IVDW = 13 (D4) needs VASP 6.2 or newer, compiled with DFT-D4")
    if tags.get("LUSE_VDW") and tags.get("IVDW"):
        yield _Objection("LUSE_VDW and IVDW both add dispersion: it is counted twice")


def _surface(case: Case) -> Iterator[_Objection]:
    tags = case.tags
    empty = vacuum_axes(case.atoms)
    direction = tags.get("IDIPOL", 0)
    if tags.get("LDIPOL") and not direction:
        yield _Objection(
            "LDIPOL is ignored without IDIPOL, the direction; set IDIPOL: 3, or leave both to "
            "`dipole: auto`",
            fatal=True,
        )
    if direction in (1, 2, 3) and not empty[direction - 1]:
        yield _Objection(
            f"IDIPOL = {direction} corrects for a dipole along a direction without vacuum"
        )
    if case.kind == "relax" and tags.get("ISIF", 2) >= 3 and any(empty):
        yield _Objection(f"ISIF = {tags['ISIF']} relaxes the cell, and with it the vacuum")


def _job(case: Case) -> Iterator[_Objection]:
    """What the kind of calculation is for."""
    tags = case.tags
    if case.kind == "lobster":
        if tags.get("ISYM", 2) not in (-1, 0):
            yield _Objection("LOBSTER needs ISYM = 0 or -1", fatal=True)
        if tags.get("LWAVE") is False:
            yield _Objection("LOBSTER projects the orbitals of WAVECAR; set LWAVE: true", True)
    if case.kind == "elf" and not tags.get("LELF"):
        yield _Objection("an ELF needs LELF: true", fatal=True)
    if case.kind == "levels" and not tags.get("LVHAR"):
        yield _Objection("levels need the electrostatic potential: LVHAR: true", fatal=True)
    if case.kind == "dos" and not tags.get("LORBIT"):
        yield _Objection("projected densities of states need LORBIT: 11", fatal=True)
    if case.kind == "dos" and 0 < tags.get("LORBIT", 0) < 10 and "RWIGS" not in tags:
        yield _Objection(f"LORBIT = {tags['LORBIT']} needs RWIGS, a radius for each element", True)

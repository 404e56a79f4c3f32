"""Do the files of a LOBSTER run agree: bonds, spins, integrals, Fermi levels?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from natriface.analysis.readers.lobster.curves import integrals_at_fermi_level
from natriface.analysis.readers.lobster.files import LobsterFiles
from natriface.analysis.readers.lobster.header import Header, whole_bonds
from natriface.analysis.readers.lobster.lists import ListEntry, LobsterList
from natriface.analysis.readers.lobster.log import LobsterLog
from natriface.analysis.readers.text.compression import SUFFIXES, Text
from natriface.analysis.readers.vasprun.document import Vasprun
from natriface.analysis.results.bond_populations import Bond
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import ReaderError

APART = "keep the files of one run in a folder"

SAME_LENGTH_ANGSTROM = 2e-3
"""Bonds of two files are the same within this: five decimals of either, and Bohr radii of 2006."""

SAME_INTEGRAL = 5e-4
"""Largest difference of a list's value and its curve's integral at the Fermi level, eV or 1.

In real runs of LOBSTER 2 to 5 it is 9e-5 at most.
"""

SAME_FERMI_LEVEL_EV = 0.05
_DOS_ROW = 6


def require_kind(path: Path, found: str, expected: str) -> None:
    """Refuse a file that holds COOPs under the name of COHPs, or the like."""
    if found != expected:
        raise ReaderError(f"{path}: holds {found}s, not {expected}s: it is under another's name")


def require_same_bonds(path: Path, header: Header, listed: LobsterList, kind: str) -> None:
    """Refuse curves of other bonds or spins than the list's.

    Raises
    ------
    ReaderError
        Saying what differs.
    """
    require_kind(path, header.kind, kind)
    if header.n_spins != listed.n_spins:
        raise ReaderError(
            f"{path}: has {header.n_spins} spin(s), ICOHPLIST {listed.n_spins}; {APART}"
        )
    there = [interaction for interaction in header.interactions if whole_bonds(interaction)]
    if len(there) != len(listed.entries):
        raise ReaderError(
            f"{path}: {len(there)} bonds, where ICOHPLIST has {len(listed.entries)}; one is cut "
            f"off, or they are of different runs: {APART}"
        )
    for one, two in zip(there, listed.entries, strict=True):
        length = two.length_angstrom if one.length_angstrom is None else one.length_angstrom
        apart = abs(length - two.length_angstrom)
        if one.sites != two.sites or not apart <= SAME_LENGTH_ANGSTROM:
            raise ReaderError(
                f"{path}: bond {one.label} is {'-'.join(one.sites)}, {length:.4f} A; in ICOHPLIST "
                f"{'-'.join(two.sites)}, {two.length_angstrom:.4f} A; {APART}"
            )


def require_list_of_curves(path: Path, listed: LobsterList, name: str) -> Header:
    """Refuse curves whose integrals at the Fermi level are not the list's values.

    Parameters
    ----------
    path
        Of the COHPCAR, COOPCAR or COBICAR.
    name
        Of the list.

    Returns
    -------
    Header
        Of the curves.

    Raises
    ------
    ReaderError
        If they are of other bonds, or a value differs.
    """
    header, integrals = integrals_at_fermi_level(path)
    require_same_bonds(path, header, listed, listed.kind)
    if integrals is not None and header.by_lobster:
        require_same_integrals(path, integrals, listed.entries, name)
    return header


def require_same_integrals(
    path: Path, integrals: FloatArray, entries: Sequence[ListEntry], name: str
) -> None:
    """Refuse integrals (n_spins, n_bonds) that are not the list's values."""
    values = np.array([entry.values for entry in entries]).T
    apart = np.abs(integrals - values)
    wrong = np.argwhere(~(apart <= SAME_INTEGRAL))
    if len(wrong):
        spin, bond = wrong[0]
        raise ReaderError(
            f"{path}: bond {entries[bond].label} has an integral of {integrals[spin, bond]:.5f} at "
            f"the Fermi level, spin {spin + 1}, in {name} {values[spin, bond]:.5f}: one of the two "
            f"is damaged, or they are of different runs; {APART}"
        )


def check_vasprun(files: LobsterFiles, bonds: Sequence[Bond], n_spins: int) -> Vasprun | None:
    """Refuse a vasprun.xml of other atoms or spins; one that cannot be read proves nothing.

    Returns
    -------
    Vasprun
        Its header is read; None where there is none.
    """
    path = files.paths.get("vasprun.xml")
    if path is None:
        return None
    try:
        run = Vasprun(path)
    except ReaderError:
        return None
    symbols = list(run.header.symbols)
    for bond in bonds if symbols else ():
        for index, symbol in zip(bond.atoms, bond.symbols, strict=True):
            if index >= len(symbols) or symbols[index] != symbol:
                raise ReaderError(f"{path}: of other atoms than ICOHPLIST ({bond.name}); {APART}")
    ispin = run.header.parameters.get("ISPIN")
    if ispin in (1, 2) and ispin != n_spins:
        raise ReaderError(
            f"{path}: computed with ISPIN = {ispin}, ICOHPLIST has {n_spins} spin(s); {APART}"
        )
    return run


def judge_log(
    files: LobsterFiles, log: LobsterLog, listed: LobsterList, confirmed: bool
) -> str | None:
    """Why the log is not of this list's run; None where nothing speaks against it.

    Parameters
    ----------
    confirmed
        Whether another file of the run has the list's bonds and spins.

    Raises
    ------
    ReaderError
        If its spillings are unreadable, or it contradicts a list that nothing else confirms.
    """
    path = files.paths["lobsterout"]
    if log.damage:
        raise ReaderError(f"{path}: damaged: {log.damage}; copy it again, or run LOBSTER again")
    n_spins = None if log.spilling is None else len(log.spilling.charge_percent)
    n_bonds = len(listed.entries)
    if n_spins not in (None, listed.n_spins):
        what = f"of a run with {n_spins} spin(s), ICOHPLIST has {listed.n_spins}"
    elif (
        listed.entries[0].translation is not None  # LOBSTER 2 averages over like bonds
        and log.n_interactions not in (None, n_bonds, 2 * n_bonds)
    ):
        what = f"of a run with {log.n_interactions} interactions, ICOHPLIST has {n_bonds} bonds"
    else:
        return None
    if not confirmed:
        raise ReaderError(
            f"{path}: {what}, and no COHPCAR says which is right: the list is cut off, or they are "
            f"of different runs; {APART}"
        )
    return f"{path.name} is {what}: its spilling does not count"


def may_lack_a_spin(files: LobsterFiles, listed: LobsterList) -> bool:
    """Whether a list of one spin may be the first half of two, for nothing tells the number.

    Raises
    ------
    ReaderError
        If DOSCAR.lobster has another number of spins.
    """
    n_spins = _spins_of_densities(files)
    if n_spins not in (None, listed.n_spins):
        raise ReaderError(
            f"{files.folder}: DOSCAR.lobster has {n_spins} spin(s), ICOHPLIST {listed.n_spins}: "
            f"the list is cut off, or they are of different runs; {APART}"
        )
    return listed.may_go_on and n_spins is None


def _spins_of_densities(files: LobsterFiles) -> int | None:
    """Number of spins of the DOSCAR.lobster in the folder, by its first row."""
    for suffix in SUFFIXES if not files.label else ():
        path = files.folder / f"DOSCAR.lobster{suffix}"
        if path.is_file():
            try:
                with Text(path) as text:
                    lines = text.read(0, 4096).splitlines()
            except ReaderError:
                return None
            n_columns = len(lines[_DOS_ROW].split()) if len(lines) > _DOS_ROW + 1 else 0
            return {3: 1, 5: 2}.get(n_columns)
    return None


def fermi_levels_differ(header: Header, run: Vasprun | None) -> str | None:
    """In which way LOBSTER's and VASP's Fermi levels differ, in words."""
    theirs = None if run is None else run.fermi_level_ev
    if theirs is None or abs(theirs - header.fermi_level_ev) <= SAME_FERMI_LEVEL_EV:
        return None
    return (
        f"LOBSTER counts from a Fermi level at {header.fermi_level_ev:.3f} eV, the vasprun.xml "
        f"from {theirs:.3f} eV"
    )

"""VASP's files as other programs write them: what they lack, and what is to be said of it."""

from __future__ import annotations

from contextlib import suppress
from itertools import groupby

from natriface.analysis.readers.outcar.header import COUNTS_ABSENT, element_of
from natriface.analysis.readers.vasp.contcar import read_poscar
from natriface.analysis.readers.vasp.files import Files
from natriface.analysis.readers.vasprun.header import Header
from natriface.structures.base.errors import ReaderError

OF_ELECTRONS = ("dos", "elf", "levels", "lobster")
"""Kinds of calculation that are made of electronic states."""


def add_species(header: Header, files: Files) -> str | None:
    """Give a foreign OUTCAR's header the species and numbers of atoms of the POSCAR beside it.

    Only where it does not tell them, and counts as many atoms and names the same species in the
    same order.

    Returns
    -------
    str or None
        In words, what was taken from the POSCAR.
    """
    if header.symbols or not header.is_foreign or COUNTS_ABSENT not in header.problems:
        return None
    titled = [element_of(title) for title in header.potcar_titles]
    symbols: list[str] = []
    if "POSCAR" in files.paths:
        with suppress(ReaderError):
            symbols = read_poscar(files.paths["POSCAR"]).get_chemical_symbols()
    species = [(element, len(list(atoms))) for element, atoms in groupby(symbols)]
    if [element for element, _ in species] != titled or len(symbols) != header.setting("NIONS"):
        return None
    header.symbols, header.counts = symbols, [count for _, count in species]
    header.problems.remove(COUNTS_ABSENT)
    return f"{COUNTS_ABSENT} in {header.program}'s OUTCAR; they are those of the POSCAR beside it"


def provenance(name: str, program: str, has_electrons: bool) -> str:
    """What is to be said of a result that is read from the output `name` of another program."""
    said = f"{name} is written by {program}, not by VASP"
    if has_electrons:
        return said
    return (
        f"{said}, and holds no electronic states: its energy is that of a model which it does not "
        "name, and no functional, cut-off or k-points of the inputs decide it"
    )


def lacking(program: str, kind: str) -> str:
    """Why a calculation of electronic states has no result."""
    return (
        f"{program} writes no electronic states (eigenvalues, densities, wavefunctions), of which "
        f"a calculation of kind {kind} is made; compute it with VASP or another engine"
    )

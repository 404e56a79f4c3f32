"""Do the files of a folder belong to one calculation?"""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.geometry import find_mic

from natriface.analysis.readers.vasp.contcar import read_poscar
from natriface.analysis.readers.vasp.files import Files
from natriface.structures.base.errors import ReaderError

SAME_CELL_ANGSTROM = 1e-3
SAME_PLACE_ANGSTROM = 0.01


def require_one_crystal(files: Files, atoms: Atoms, read: str) -> None:
    """Refuse a folder whose POSCAR or CONTCAR is of another crystal than the output read.

    Of a POSCAR, which a relaxation leaves, the elements must agree; of a CONTCAR, which is the
    structure at the end, cell and positions too. Files that cannot be read are passed over, for
    nothing rests on them.

    Parameters
    ----------
    atoms
        Final structure of the output.
    read
        Name of the output.

    Raises
    ------
    ReaderError
        Saying what differs.
    """
    for name in ("POSCAR", "CONTCAR"):
        path = files.paths.get(name)
        if path is None:
            continue
        try:
            other = read_poscar(path)
        except ReaderError:
            continue
        difference = crystals_differ(atoms, other, only_elements=name == "POSCAR")
        if difference:
            raise ReaderError(
                f"{files.folder}: {read} and {path.name} are of different crystals ({difference}); "
                "keep the files of one run in a folder, or give the one file that counts"
            )


def crystals_differ(one: Atoms, other: Atoms, only_elements: bool = False) -> str | None:
    """In which way two crystals with the atoms in the same order differ; None where they agree."""
    if one.get_chemical_symbols() != other.get_chemical_symbols():
        if sorted(one.symbols) == sorted(other.symbols):
            return "their atoms stand in different orders"
        return f"{one.symbols} and {other.symbols}"
    if only_elements:
        return None
    apart = float(np.abs(np.asarray(one.cell) - np.asarray(other.cell)).max())
    if apart > SAME_CELL_ANGSTROM:
        return f"lattice vectors differ by {apart:.3g} A"
    moved = find_mic(one.positions - other.positions, one.cell)[1]
    if float(moved.max()) > SAME_PLACE_ANGSTROM:
        return f"atoms lie up to {float(moved.max()):.3g} A apart"
    return None

"""What the columns of a COHPCAR, COOPCAR or COBICAR belong to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from natriface.structures.base.errors import ReaderError

Kind = Literal["COHP", "COOP", "COBI"]

_INTERACTION = re.compile(r"No\.(\d+):(.+?)(?:\((\d+\.?\d*)\))?\s*")
_USUAL = re.compile(
    r"No\.(\d+):([A-Z][a-z]?\d+)(?:\[([^\s\[\]]+)\])?->([A-Z][a-z]?\d+)(?(3)\[([^\s\[\]]+)\]|())"
    r"\((\d+\.\d+)\)"
)
_SITE = re.compile(r"([^\[\]]+)((?:\[[^\[\]]+\])*)")
_CELL = re.compile(r"\s*-?\d+\s+-?\d+\s+-?\d+\s*")
_ATOM = re.compile(r"([A-Z][a-z]?)(\d+)")


@dataclass(frozen=True)
class Interaction:
    """What one pair of columns belongs to.

    Attributes
    ----------
    label : of the bond, as in ICOHPLIST
    sites : names of the atoms (or fragments): ("Ga1", "As2"); more than two for multi-center COBIs
    orbitals : one a site, or empty for the whole bond
    cells : lattice vectors of each site's cell, where printed
    length_angstrom : distance, where printed
    """

    label: str
    sites: tuple[str, ...]
    orbitals: tuple[str, ...] = ()
    cells: tuple[tuple[int, int, int], ...] = ()
    length_angstrom: float | None = None


@dataclass(frozen=True, eq=False)
class Header:
    """Everything above the numbers.

    Attributes
    ----------
    kind : COHP, COOP or COBI
    interactions : in the order of the columns
    n_spins, n_energies : sizes
    fermi_level_ev : on VASP's scale
    range_ev : first and last energy, relative to the Fermi level
    has_average : whether the first pair of columns is the average over all bonds
    by_lobster : whether LOBSTER says that it wrote the file
    range_slack_ev : to which the digits printed tell `range_ev`
    """

    kind: Kind
    interactions: tuple[Interaction, ...]
    n_spins: int
    n_energies: int
    fermi_level_ev: float
    range_ev: tuple[float, float]
    has_average: bool
    by_lobster: bool
    range_slack_ev: float

    @property
    def n_columns(self) -> int:
        """Numbers in a row."""
        return 1 + 2 * self.n_spins * (len(self.interactions) + self.has_average)


def whole_bonds(interaction: Interaction) -> bool:
    """Whether it is a bond of two atoms, not one of its pairs of orbitals."""
    return not interaction.orbitals and len(interaction.sites) == 2


def atom_of(site: str) -> tuple[str, int] | None:
    """Element and index from 0 of an atom's name, ``"Na12"``; None for a fragment's."""
    match = _ATOM.fullmatch(site)
    return (match[1], int(match[2]) - 1) if match and int(match[2]) > 0 else None


def read_interactions(path: Path, lines: list[bytes]) -> tuple[Interaction, ...]:
    """The header's bonds, labelled as in ICOHPLIST.

    Until LOBSTER 2.2 pairs of orbitals were counted together with the bonds, later they carry the
    number of their bond: bonds are counted here, and files of orbitals alone keep their numbers.
    """
    found: list[Interaction] = []
    bond, in_bonds = 0, True
    for line in b"\n".join(lines).decode("ascii", "replace").split("\n"):
        orbitals: tuple[str, ...] = ()
        cells: tuple[tuple[int, int, int], ...] = ()
        usual = _USUAL.fullmatch(line)
        if usual is not None:
            number, one, first, two, second, _, distance = usual.groups()
            sites: tuple[str, ...] = one, two
            if first:
                orbitals = first, second
        else:
            number, sites, orbitals, cells, distance = _unusual(path, line)
        if orbitals and not found:
            in_bonds = False
        bond += not orbitals
        label = str(bond) if in_bonds else number
        length = float(distance) if distance else None
        found.append(Interaction(label, sites, orbitals, cells, length))
    return tuple(found)


def _unusual(
    path: Path, line: str
) -> tuple[str, tuple[str, ...], tuple[str, ...], tuple[tuple[int, int, int], ...], str | None]:
    """Number, sites, orbitals, cells and distance of bonds of fragments or of several atoms."""
    error = ReaderError(f"{path}: not a bond: {line[:60]!r}")
    match = _INTERACTION.fullmatch(line)
    if match is None:
        raise error
    sites, orbitals, cells = [], [], []
    for part in match[2].split("->"):
        site = _SITE.fullmatch(part)
        if site is None:
            raise error
        sites.append(site[1])
        for inner in re.findall(r"\[([^\[\]]+)\]", site[2]):
            if _CELL.fullmatch(inner):
                a, b, c = (int(x) for x in inner.split())
                cells.append((a, b, c))
            else:
                orbitals.append(inner)
    if len(sites) < 2 or len(orbitals) not in (0, len(sites)):
        raise error
    return match[1], tuple(sites), tuple(orbitals), tuple(cells), match[3]

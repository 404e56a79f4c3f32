"""A folder of LOBSTER's output as `BondPopulations`; refused if its files are of several runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from ase import Atoms

from natriface.analysis.readers.lobster.agreement import (
    APART,
    SAME_LENGTH_ANGSTROM,
    check_vasprun,
    fermi_levels_differ,
    judge_log,
    may_lack_a_spin,
    require_kind,
    require_list_of_curves,
    require_same_bonds,
)
from natriface.analysis.readers.lobster.charges import read_charges
from natriface.analysis.readers.lobster.curves import read_curves, read_header
from natriface.analysis.readers.lobster.files import LobsterFiles, find_lobster_files
from natriface.analysis.readers.lobster.header import Header, Interaction, atom_of, whole_bonds
from natriface.analysis.readers.lobster.lists import ListEntry, LobsterList, read_list
from natriface.analysis.readers.lobster.log import LobsterLog, read_log
from natriface.analysis.readers.lobster.mesh import coarse_mesh
from natriface.analysis.readers.vasp.contcar import read_poscar
from natriface.analysis.readers.vasprun.document import Vasprun
from natriface.analysis.results.bond_populations import AtomCharges, Bond, BondPopulations, Curves
from natriface.analysis.results.pdos import COARSE_MESH_EV
from natriface.analysis.results.spilling import Spilling, judge_spilling
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import ReaderError


def read_lobster_folder(
    path: Path | str,
    *,
    curves: bool | Callable[[Bond], bool] = True,
    overlap_curves: bool = False,
    n_spins: int | None = None,
) -> BondPopulations:
    """Bonds of a LOBSTER run: lengths, ICOHP, ICOOP and ICOBI, spilling, charges, curves.

    ICOHPs are ICOHPLIST's. Files are read plain or packed (gz, xz, bz2), of LOBSTER 2 to 5; of
    several runs in a folder (``ICOHPLIST.lobster.A``, ``ICOHPLIST.lobster.B``) the ICOHPLIST given
    names the one meant.

    Parameters
    ----------
    path
        The folder, or its ICOHPLIST.lobster.
    curves
        Whether to read COHPCAR.lobster, or which bonds of it.
    overlap_curves
        Whether to read COOPCAR and COBICAR for the same bonds, where they are there.
    n_spins
        Spins of the run, for a folder that does not tell.

    Raises
    ------
    ReaderError
        If LOBSTER has not finished or made no COHPs, a file is damaged or cut off, an ICOHPLIST of
        one spin stands alone, so that it may be half of one of two, or files are of
        different runs: bonds of ICOHPLIST that are not COHPCAR's (or ICOOPLIST's, ICOBILIST's),
        another number of spins, a crystal or charges of other atoms, bonds of other lengths.

    Examples
    --------
    >>> bonds = read_lobster_folder("lobster")  # doctest: +SKIP
    >>> bonds.select("P", "O", shorter_than_angstrom=2.0)[0].icohp_ev  # doctest: +SKIP
    -9.27
    """
    files = find_lobster_files(Path(path))
    log = _log(files)
    listed = _list(files, log)
    if n_spins not in (None, listed.n_spins):
        raise ReaderError(
            f"{files.paths['ICOHPLIST']}: has {listed.n_spins} spin(s), not {n_spins}: it is cut "
            "off, or of another run"
        )
    warnings = [] if log is None else list(log.warnings)
    if log is None:
        warnings.append("no lobsterout: version and spilling are not known")
    bonds = _bonds(files.paths["ICOHPLIST"], listed.entries)
    structure, bonds = _placed(files, bonds)
    if structure is None:
        warnings.append("no POSCAR or CONTCAR: the crystal is not known")
    run = check_vasprun(files, bonds, listed.n_spins)
    bonds = _with_overlaps(files, listed, bonds)
    header, read = _curves(files, listed, bonds, curves, overlap_curves)
    confirmed = header is not None or _confirmed_by(run)
    spilling = _spilling(files, log, listed, confirmed, warnings)
    version = log.version if log is not None and spilling is not None else None
    if header is None:
        warnings.append("no COHPCAR.lobster: there are no curves")
        told = confirmed or spilling is not None or n_spins is not None
        if not told and may_lack_a_spin(files, listed):
            raise ReaderError(
                f"{files.paths['ICOHPLIST']}: is of one spin and nothing beside it tells that the "
                "run was; had it two, the list would be cut off and each ICOHP half of what it "
                "should be: copy lobsterout, COHPCAR.lobster or vasprun.xml here, or say that it "
                "has one spin (n_spins=1, --spins 1)"
            )
    warnings += _doubts_of_curves(header, read, run)
    if said := coarse_mesh(files, bonds, structure, None if run is None else run.kpoints):
        warnings.append(said)
    if run is not None:
        run.text.close()
    return BondPopulations(
        bonds=tuple(bonds),
        curves=read,
        spilling=spilling,
        charges=_charges(files, bonds, structure),
        fermi_level_ev=None if header is None else header.fermi_level_ev,
        source=f"LOBSTER {version}" if version else "LOBSTER",
        structure=structure,
        warnings=tuple(warnings),
    )


def _list(files: LobsterFiles, log: LobsterLog | None) -> LobsterList:
    """The ICOHPLIST, of atoms."""
    path = files.paths.get("ICOHPLIST")
    if path is None:
        raise ReaderError(f"{files.folder}: {_why_no_list(files, log)}")
    listed = read_list(path)
    require_kind(path, listed.kind, "COHP")
    if listed.of_fragments:
        raise ReaderError(
            f"{path}: of fragments (LCFO), not of atoms; give the folder's ICOHPLIST.lobster"
        )
    return listed


def _doubts_of_curves(header: Header | None, read: Curves | None, run: Vasprun | None) -> list[str]:
    """Another Fermi level than VASP's, energies too far apart."""
    differ = None if header is None else fermi_levels_differ(header, run)
    found = [differ] if differ else []
    step = 0.0 if read is None else float(np.diff(read.energies_ev).max(initial=0))
    if step > COARSE_MESH_EV:
        found.append(
            f"the energies of the curves lie {step:.2g} eV apart and show no bands (lobsterin: "
            "raise cohpSteps); ICOHPs do not depend on it"
        )
    return found


def _confirmed_by(run: Vasprun | None) -> bool:
    return run is not None and run.header.parameters.get("ISPIN") in (1, 2)


def _log(files: LobsterFiles) -> LobsterLog | None:
    path = files.paths.get("lobsterout")
    if path is None:
        return None
    log = read_log(path)
    if not log.finished:
        said = "; ".join(log.errors) or log.last_words
        raise ReaderError(
            f"{path}: LOBSTER has not finished (it said last: {said[:160]!r}); run it again"
        )
    return log


def _why_no_list(files: LobsterFiles, log: LobsterLog | None) -> str:
    reasons = [text for text in (log.warnings if log else ()) if "disabled" in text]
    if reasons:
        return f"LOBSTER wrote no ICOHPLIST.lobster: {' '.join(reasons)}"
    there = ", ".join(sorted(path.name for path in files.paths.values())[:4])
    return (
        f"there is no ICOHPLIST.lobster beside {there}; ICOHPs are not integrated from curves: "
        "copy it here"
    )


def _bonds(path: Path, entries: Sequence[ListEntry]) -> list[Bond]:
    bonds = []
    for entry in entries:
        one, two = (atom_of(site) for site in entry.sites)
        if one is None or two is None:
            raise ReaderError(f"{path}: {'-'.join(entry.sites)} is no bond of two atoms")
        bonds.append(
            Bond(
                entry.label,
                (one[1], two[1]),
                (one[0], two[0]),
                entry.translation,
                entry.length_angstrom,
                _summed(entry.values),
                entry.values,
                orbitals={pair: _summed(values) for pair, values in entry.orbitals.items()},
                count=entry.count,
            )
        )
    return bonds


def _placed(files: LobsterFiles, bonds: list[Bond]) -> tuple[Atoms | None, list[Bond]]:
    """The crystal, and the bonds with translations as `Bond` has them.

    Some versions before 4.1 print the cell of the first atom relative to the second.
    """
    problems: list[str] = []
    fitting: tuple[Atoms, list[Bond]] | None = None
    for path in files.structures:
        atoms = read_poscar(path)
        problem = _other_atoms(atoms, bonds)
        if problem:  # a relaxation may move the atoms of a POSCAR, nothing exchanges them
            raise ReaderError(f"{path}: not the crystal of ICOHPLIST ({problem}); {APART}")
        if fitting is not None:
            continue
        for turned in (bonds, [_turned(bond) for bond in bonds]):
            worst = _misfit(atoms, turned)
            if worst is None:
                fitting = atoms, turned
                break
            problems.append(f"{path.name}: {worst}")
    if fitting is not None:
        return fitting
    if problems:
        raise ReaderError(
            f"{files.folder}: ICOHPLIST is of another crystal than {problems[0]}; {APART}"
        )
    return None, bonds


def _turned(bond: Bond) -> Bond:
    return replace(bond, translation=bond.reversed().translation)


def _other_atoms(atoms: Atoms, bonds: Sequence[Bond]) -> str | None:
    for bond in bonds:
        for index, symbol in zip(bond.atoms, bond.symbols, strict=True):
            if index >= len(atoms):
                return f"it has {len(atoms)} atoms, the bond {bond.name} needs {index + 1}"
            if atoms[index].symbol != symbol:
                return f"atom {index + 1} is {atoms[index].symbol}, in ICOHPLIST it is {symbol}"
    return None


def _misfit(atoms: Atoms, bonds: Sequence[Bond]) -> str | None:
    """The first bond whose length is not the distance in the crystal."""
    cell = np.asarray(atoms.cell)
    near = np.array(list(np.ndindex(5, 5, 5))) - 2
    for bond in bonds:
        i, j = bond.atoms
        cells = near if bond.translation is None else np.array([bond.translation])
        vectors = atoms.positions[j] - atoms.positions[i] + cells @ cell
        off = np.abs(np.linalg.norm(vectors, axis=1) - bond.length_angstrom)
        if not off.min() <= SAME_LENGTH_ANGSTROM:
            found = bond.length_angstrom + off.min()
            return (
                f"bond {bond.label}, {bond.name}, is {bond.length_angstrom:.4f} A long in "
                f"ICOHPLIST, {found:.4f} A there"
            )
    return None


def _with_overlaps(files: LobsterFiles, listed: LobsterList, bonds: list[Bond]) -> list[Bond]:
    """Bonds with ICOOP and ICOBI, where their lists are there."""
    for name, key in (("ICOOPLIST", "icoop"), ("ICOBILIST", "icobi")):
        path = files.paths.get(name)
        if path is None:
            continue
        other = read_list(path)
        require_kind(path, other.kind, "COOP" if key == "icoop" else "COBI")
        if other.n_spins != listed.n_spins:
            raise ReaderError(
                f"{path}: has {other.n_spins} spin(s), ICOHPLIST {listed.n_spins}; {APART}"
            )
        if [_identity(entry) for entry in other.entries] != [_identity(e) for e in listed.entries]:
            raise ReaderError(f"{path}: its bonds are not those of ICOHPLIST; {APART}")
        curves = files.paths.get("COOPCAR" if key == "icoop" else "COBICAR")
        if curves is not None:
            require_list_of_curves(curves, other, path.name)
        sums = [_summed(entry.values) for entry in other.entries]
        if key == "icoop":
            bonds = [replace(b, icoop=v) for b, v in zip(bonds, sums, strict=True)]
        else:
            bonds = [replace(b, icobi=v) for b, v in zip(bonds, sums, strict=True)]
    return bonds


def _summed(values: Sequence[float]) -> float:
    """Sum over spins, without the noise of adding decimals in binary."""
    return round(sum(values), 10)


def _identity(entry: ListEntry) -> tuple[object, ...]:
    return entry.label, entry.sites, entry.translation, round(entry.length_angstrom, 4)


def _curves(
    files: LobsterFiles,
    listed: LobsterList,
    bonds: Sequence[Bond],
    wanted: bool | Callable[[Bond], bool],
    overlap_curves: bool,
) -> tuple[Header | None, Curves | None]:
    path = files.paths.get("COHPCAR")
    if path is None:
        return None, None
    header = require_list_of_curves(path, listed, files.paths["ICOHPLIST"].name)
    if not wanted:
        return header, None
    chosen = [bond for bond in bonds if wanted is True or wanted(bond)]
    labels = {bond.label for bond in chosen}

    def is_chosen(interaction: Interaction) -> bool:
        return whole_bonds(interaction) and interaction.label in labels

    found = read_curves(path, is_chosen)
    others: dict[str, FloatArray | None] = {}
    for name, kind, key in (
        ("COOPCAR", "COOP", "coop_per_ev"),
        ("COBICAR", "COBI", "cobi_per_ev"),
    ):
        other = files.paths.get(name) if overlap_curves else None
        if other is None:
            continue
        require_same_bonds(other, read_header(other), listed, kind)
        curves = read_curves(other, is_chosen)
        if not np.array_equal(curves.energies_ev, found.energies_ev):
            raise ReaderError(f"{other}: its energies are not those of COHPCAR; {APART}")
        others[key] = curves.values
    return header, Curves(
        found.energies_ev,
        tuple(interaction.label for interaction in found.interactions),
        found.values,
        found.integrals,
        **others,
    )


def _spilling(
    files: LobsterFiles,
    log: LobsterLog | None,
    listed: LobsterList,
    confirmed: bool,
    warnings: list[str],
) -> Spilling | None:
    """The spilling, unless it is another run's; what is wrong with it goes to the warnings."""
    if log is None:
        return None
    path = files.paths["lobsterout"]
    unlike = judge_log(files, log, listed, confirmed)
    if unlike is None and log.spilling is None:
        unlike = f"{path.name} gives no charge spilling"
    if unlike is not None or log.spilling is None:
        warnings.append(unlike or "")
        return None
    verdict = judge_spilling(log.spilling)
    if verdict.status == "invalid":
        raise ReaderError(f"{path}: {verdict.reason}")
    if verdict.reason:
        warnings.append(verdict.reason)
    return log.spilling


def _charges(
    files: LobsterFiles, bonds: Sequence[Bond], structure: Atoms | None
) -> AtomCharges | None:
    path = files.paths.get("CHARGE")
    if path is None:
        return None
    found = read_charges(path)
    symbols = found.symbols
    if structure is not None:
        same = symbols == tuple(structure.get_chemical_symbols())
    else:
        same = all(
            index < len(symbols) and symbols[index] == symbol
            for bond in bonds
            for index, symbol in zip(bond.atoms, bond.symbols, strict=True)
        )
    if not same:
        raise ReaderError(f"{path}: of other atoms than the bonds; {APART}")
    return found.charges

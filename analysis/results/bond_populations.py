"""Bond energies and populations of one calculation, from LOBSTER or natriface's own projection."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4
from zipfile import BadZipFile

import numpy as np
from ase import Atoms

from natriface.analysis.results.spilling import Spilling
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.atoms import from_document, to_document
from natriface.structures.base.errors import AnalysisError, ReaderError, StructureError
from natriface.structures.base.reprs import html_table, short_repr
from natriface.structures.base.writing import write_atomically

SCHEMA_VERSION = 1
BONDS_FILE = "bonding.json"
SHOWN_BONDS = 10
"""Of the strongest, in a notebook."""


@dataclass(frozen=True)
class Bond:
    """One bond: a pair of atoms, the second in the cell that `translation` names.

    Attributes
    ----------
    label
        Unique among the bonds of a calculation; LOBSTER's running number as text ("1", "2", ...).
    atoms
        Indices from 0 of the two atoms.
    symbols
        Their elements.
    translation
        Cell of the second atom relative to that of the first, in lattice vectors; the bond's vector
        is ``positions[j] + translation @ cell - positions[i]``. ``None`` where the source does not
        say (LOBSTER 2).
    length_angstrom
        Distance of the atoms.
    icohp_ev
        Integrated crystal orbital Hamilton population up to the Fermi level, summed over spins;
        negative = bonding. As the source states it, never an integral over a tabulated curve.
    icohp_by_spin_ev
        The same for each spin; one value, equal to the sum, where spins are not resolved.
    icoop, icobi
        Integrated crystal orbital overlap population (electrons) and bond index, summed over
        spins; positive = bonding. ``None`` where absent.
    orbitals
        ICOHP in eV, summed over spins, of each pair of orbitals, labelled ``"2s->3p_x"``: an
        orbital of the first atom, one of the second. May be empty.
    count
        Number of equal bonds that the values are an average of; 1 but for LOBSTER 2.
    """

    label: str
    atoms: tuple[int, int]
    symbols: tuple[str, str]
    translation: tuple[int, int, int] | None
    length_angstrom: float
    icohp_ev: float
    icohp_by_spin_ev: tuple[float, ...]
    icoop: float | None = None
    icobi: float | None = None
    orbitals: Mapping[str, float] = field(default_factory=dict)
    count: int = 1

    @property
    def name(self) -> str:
        """The two atoms, counted from 1 as LOBSTER does: ``"P3-O17"``."""
        (i, j), (first, second) = self.atoms, self.symbols
        return f"{first}{i + 1}-{second}{j + 1}"

    def reversed(self) -> Bond:
        """The same bond seen from its second atom."""
        i, j = self.atoms
        back = None if self.translation is None else _negated(self.translation)
        return replace(
            self,
            atoms=(j, i),
            symbols=(self.symbols[1], self.symbols[0]),
            translation=back,
            orbitals={"->".join(k.split("->")[::-1]): v for k, v in self.orbitals.items()},
        )


@dataclass(frozen=True, eq=False)
class Curves:
    """COHP against energy for some or all bonds.

    Attributes
    ----------
    energies_ev : (n_energies,) relative to the Fermi level, ascending
    labels : of the bonds, `Bond.label`, in the order of the arrays' second axis
    cohp_per_ev : (n_spins, n_bonds, n_energies), eV per eV of energy; negative = bonding
    icohp_ev : same shape, its running integral as the source gives it; what lies below the first
        energy may be missing from it, so that a bond's ICOHP is `Bond.icohp_ev` and not a value
        read here
    coop_per_ev, cobi_per_ev : same shape, 1/eV, positive = bonding; ``None`` where absent
    """

    energies_ev: FloatArray
    labels: tuple[str, ...]
    cohp_per_ev: FloatArray
    icohp_ev: FloatArray
    coop_per_ev: FloatArray | None = None
    cobi_per_ev: FloatArray | None = None

    def __repr__(self) -> str:
        return short_repr(self, f"{len(self.labels)} bonds", f"{len(self.energies_ev)} energies")

    def __post_init__(self) -> None:
        shape = (self.cohp_per_ev.shape[0], len(self.labels), len(self.energies_ev))
        for name, values in self.arrays().items():
            if name != "energies_ev" and values.shape != shape:
                raise AnalysisError(f"curves: {name} has shape {values.shape}, not {shape}")
        if len(set(self.labels)) != len(self.labels):
            raise AnalysisError("curves: a bond stands twice")

    def arrays(self) -> dict[str, FloatArray]:
        """All arrays that are there, by name."""
        names = ("energies_ev", "cohp_per_ev", "icohp_ev", "coop_per_ev", "cobi_per_ev")
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    def select(self, labels: Sequence[str]) -> Curves:
        """The curves of these bonds, in this order.

        Raises
        ------
        AnalysisError
            If one of them has no curve.
        """
        at = {label: k for k, label in enumerate(self.labels)}
        missing = [label for label in labels if label not in at]
        if missing:
            raise AnalysisError(f"no curve of bond {', '.join(missing[:5])}")
        rows = [at[label] for label in labels]
        arrays = {
            name: values if name == "energies_ev" else values[:, rows]
            for name, values in self.arrays().items()
        }
        return Curves(labels=tuple(labels), **arrays)


@dataclass(frozen=True)
class AtomCharges:
    """Net charges in elementary charges, positive where electrons are missing; () where absent."""

    mulliken_e: tuple[float, ...] = ()
    loewdin_e: tuple[float, ...] = ()

    def __repr__(self) -> str:
        return short_repr(self, f"{len(self.mulliken_e or self.loewdin_e)} atoms")


@dataclass(frozen=True, eq=False)
class BondPopulations:
    """What a projection on atomic orbitals says about the bonds of one structure.

    Attributes
    ----------
    bonds : each pair once, in the order of the source
    curves : COHP against energy, where kept
    spilling : what the basis loses, where known
    charges : of each atom, where known
    fermi_level_ev : on the engine's own energy scale
    source : who computed it: ``"LOBSTER 5.1.1"``, ``"natriface projection, GPAW 26.7"``
    structure : the crystal the bonds belong to, where known
    warnings : what to mind, in words
    """

    bonds: tuple[Bond, ...]
    curves: Curves | None = None
    spilling: Spilling | None = None
    charges: AtomCharges | None = None
    fermi_level_ev: float | None = None
    source: str = ""
    structure: Atoms | None = field(default=None, repr=False)
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        bonds = f"{len(self.bonds)} bonds"
        curves = "" if self.curves is None else f"{len(self.curves.labels)} curves"
        return short_repr(self, self.source, bonds, curves)

    def _repr_html_(self) -> str:
        shown = sorted(self.bonds, key=lambda bond: bond.icohp_ev)[:SHOWN_BONDS]
        rows = [
            {
                "bond": bond.name,
                "length (Å)": f"{bond.length_angstrom:.3f}",
                "ICOHP (eV)": f"{bond.icohp_ev:.3f}",
            }
            for bond in shown
        ]
        which = "bonds" if len(shown) == len(self.bonds) else f"bonds, the {len(shown)} strongest"
        return html_table(f"{self.source}: {len(self.bonds)} {which}".lstrip(": "), rows)

    def __post_init__(self) -> None:
        if len({bond.label for bond in self.bonds}) != len(self.bonds):
            raise AnalysisError(f"{self.source or 'bonds'}: a bond's label stands twice")

    @property
    def n_spins(self) -> int:
        """1 or 2."""
        return max((len(bond.icohp_by_spin_ev) for bond in self.bonds), default=1)

    def bond(self, label: str) -> Bond:
        """The bond of this label.

        Raises
        ------
        AnalysisError
            If there is none.
        """
        for bond in self.bonds:
            if bond.label == label:
                return bond
        raise AnalysisError(f"there is no bond {label!r} among {len(self.bonds)}")

    def select(
        self,
        *elements: str,
        shorter_than_angstrom: float | None = None,
        stronger_than_ev: float | None = None,
    ) -> tuple[Bond, ...]:
        """The bonds between two elements, or of one with anything, in the order of the source.

        Parameters
        ----------
        elements
            Two: bonds between them (``"P", "O"``; the first atom of each bond returned is of the
            first). One: bonds in which it takes part. None: all.
        shorter_than_angstrom
            Longest bond that counts, itself excluded.
        stronger_than_ev
            Least \\|ICOHP\\| that counts, itself excluded.
        """
        if len(elements) > 2:
            raise AnalysisError(f"a bond has two elements, not {len(elements)}")
        found = []
        for bond in self.bonds:
            if len(elements) == 2 and sorted(bond.symbols) != sorted(elements):
                continue
            if len(elements) == 1 and elements[0] not in bond.symbols:
                continue
            if shorter_than_angstrom is not None and bond.length_angstrom >= shorter_than_angstrom:
                continue
            if stronger_than_ev is not None and abs(bond.icohp_ev) <= stronger_than_ev:
                continue
            found.append(bond.reversed() if elements and bond.symbols[0] != elements[0] else bond)
        return tuple(found)

    def of_centre(
        self,
        centre: int,
        ligands: Collection[str] | None = None,
        shorter_than_angstrom: float | None = None,
    ) -> tuple[Bond, ...]:
        """The bonds of one atom, each seen from it, from the shortest on.

        A bond to the atom's own periodic image stands twice, once each way, as there are two,
        whether the source lists it once or, as LOBSTER, each way.

        Parameters
        ----------
        centre
            Index of the atom, from 0.
        ligands
            Elements of the other atom; all by default.
        shorter_than_angstrom
            Longest bond that counts, itself excluded.
        """
        found: dict[tuple[object, ...], Bond] = {}
        for bond in self.select(shorter_than_angstrom=shorter_than_angstrom):
            for seen in (bond, bond.reversed()):
                if seen.atoms[0] == centre and (ligands is None or seen.symbols[1] in ligands):
                    where = seen.translation or (bond.label, seen is bond)
                    found.setdefault((seen.atoms[1], *where), seen)
        return tuple(sorted(found.values(), key=lambda bond: bond.length_angstrom))

    def records(self) -> list[dict[str, Any]]:
        """Every bond as a row of a table, e.g. for ``pandas.DataFrame``."""
        return [
            {
                "bond": bond.label,
                "name": bond.name,
                "elements": "-".join(bond.symbols),
                "length_angstrom": bond.length_angstrom,
                "icohp_ev": bond.icohp_ev,
                "icoop": bond.icoop,
                "icobi": bond.icobi,
                "count": bond.count,
            }
            for bond in self.bonds
        ]

    def save(self, folder: Path | str, name: str = BONDS_FILE) -> Path:
        """Write ``bonding.json``, and its curves as ``bonding.npz``, and return the JSON's path."""
        folder = Path(folder)
        path = folder / name
        arrays_name = None
        if self.curves is not None:
            arrays_name = path.with_suffix(".npz").name
            arrays: dict[str, Any] = dict(self.curves.arrays())
            temporary = folder / f".{uuid4().hex[:12]}.npz"
            try:
                np.savez_compressed(temporary, labels=np.array(self.curves.labels, str), **arrays)
                temporary.replace(folder / arrays_name)
            finally:
                temporary.unlink(missing_ok=True)
        document = {
            "schema_version": SCHEMA_VERSION,
            "source": self.source,
            "fermi_level_ev": self.fermi_level_ev,
            "spilling": None if self.spilling is None else asdict(self.spilling),
            "charges": None if self.charges is None else asdict(self.charges),
            "structure": None if self.structure is None else to_document(self.structure),
            "warnings": list(self.warnings),
            "curves_file": arrays_name,
            "bonds": [_bond_document(bond) for bond in self.bonds],
        }
        write_atomically(path, json.dumps(document))
        return path

    @classmethod
    def load(cls, path: Path | str) -> BondPopulations:
        """Read what `save` wrote, from the JSON file or its folder.

        Raises
        ------
        ReaderError
            If it is absent, damaged, or written by a newer natriface.
        """
        path = Path(path)
        if path.is_dir():
            path = path / BONDS_FILE
        try:
            content = json.loads(path.read_text())
        except OSError as error:
            raise ReaderError(f"{path}: no bonds here ({error.strerror})") from None
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ReaderError(f"{path}: not a file of bonds ({error})") from None
        version = content.get("schema_version") if isinstance(content, dict) else None
        if not isinstance(version, int):
            raise ReaderError(f"{path}: not a file of bonds (no schema_version)")
        if version > SCHEMA_VERSION:
            raise ReaderError(
                f"{path}: written by a newer natriface (schema {version} > {SCHEMA_VERSION}); "
                "update natriface to read it"
            )
        try:
            return _populations(content, path)
        except (KeyError, TypeError, ValueError, AnalysisError, StructureError) as error:
            raise ReaderError(f"{path}: not a file of bonds ({error!r})") from None


def _bond_document(bond: Bond) -> dict[str, Any]:
    document = {**asdict(replace(bond, orbitals={})), "orbitals": dict(bond.orbitals)}
    defaults: dict[str, Any] = {"icoop": None, "icobi": None, "orbitals": {}, "count": 1}
    return {k: v for k, v in document.items() if k not in defaults or v != defaults[k]}


def _populations(content: dict[str, Any], path: Path) -> BondPopulations:
    bonds = []
    for entry in content["bonds"]:
        entry = dict(entry)
        for name in ("atoms", "symbols", "translation", "icohp_by_spin_ev"):
            entry[name] = None if entry[name] is None else tuple(entry[name])
        bonds.append(Bond(**entry))
    spilling, charges, structure = (content[k] for k in ("spilling", "charges", "structure"))
    arrays_name = content["curves_file"]
    return BondPopulations(
        bonds=tuple(bonds),
        curves=None if arrays_name is None else _curves(path.with_name(arrays_name)),
        spilling=None if spilling is None else Spilling(**_tuples(spilling)),
        charges=None if charges is None else AtomCharges(**_tuples(charges)),
        fermi_level_ev=content["fermi_level_ev"],
        source=content["source"],
        structure=None if structure is None else from_document(structure),
        warnings=tuple(content["warnings"]),
    )


def _curves(path: Path) -> Curves:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        labels = tuple(str(label) for label in arrays.pop("labels"))
        return Curves(labels=labels, **arrays)
    except (OSError, BadZipFile, EOFError, ValueError, KeyError, TypeError) as error:
        raise ReaderError(f"{path}: the curves of the bonds cannot be read ({error})") from None


def _tuples(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(values) for name, values in document.items()}


def _negated(translation: tuple[int, int, int]) -> tuple[int, int, int]:
    a, b, c = translation
    return (-a, -b, -c)

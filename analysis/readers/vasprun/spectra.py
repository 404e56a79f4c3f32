"""The electronic structure a vasprun.xml ends with: bands, densities of states, projections."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

import numpy as np

from natriface.analysis.readers.text.compression import Text
from natriface.analysis.readers.vasprun.electrons import (
    OptionalBands,
    ProjectedDos,
    Projections,
    TotalDos,
)
from natriface.analysis.readers.vasprun.elements import OPTIONAL, Sizes, end_of
from natriface.analysis.readers.vasprun.rows import (
    BlockError,
    decode_rows,
    finite,
    number,
    read_sets,
)
from natriface.analysis.readers.vasprun.structure import varray
from natriface.structures.base.arrays import FloatArray

_FIELD = re.compile(rb"<field[^>]*>([^<]*)</field>")
_WIDEST_FILLING = 1.0  # occupations lie within 0.5 +- this; some smearings leave [0, 1]
_WIDEST_CORRECTED = 4.0  # the same with Bloechl's corrections (ISMEAR = -5)


class Electrons:
    """The electronic structure at one list of k-points, decoded when asked for.

    Parameters
    ----------
    text, elements
        The file and where its large elements begin, by name.
    sizes
        How many spins, k-points, bands, ... there must be.
    ending
        Of the elements' names: empty for the mesh, ``_kpoints_opt`` for KPOINTS_OPT.

    Attributes
    ----------
    problems
        What could not be read so far, in words.
    """

    def __init__(
        self, text: Text, elements: Mapping[str, int], sizes: Sizes, ending: str = ""
    ) -> None:
        self._text, self._sizes = text, sizes
        self._elements = {
            name: elements[name + ending]
            for name in ("eigenvalues", "projected", "dos")
            if name + ending in elements
        }
        self._of = " of KPOINTS_OPT" if ending else ""
        self.problems: list[str] = []

    def _array(self, at: int | None, n_sets: int, n_rows: int) -> tuple[FloatArray, list[str], int]:
        """An ``<array>``: its values (n_sets, n_rows, n_fields), its fields and its end."""
        if at is None:
            raise BlockError("absent")
        head = self._text.read(at, at + 8192)
        begin = head.find(b"<set>")
        if begin < 0:
            raise BlockError("cut off")
        fields = [field.decode("latin-1").strip() for field in _FIELD.findall(head[:begin])]
        if not fields or n_sets < 1 or n_rows < 1:
            raise BlockError("its size is unknown")
        values, end = read_sets(self._text, at + begin, n_sets, n_rows, len(fields))
        return values, fields, end

    def _report(self, what: str, error: BlockError) -> None:
        if str(error) != "absent":
            self.problems.append(f"{what}{self._of}: {error}")

    def _warn_of_gaps(self, what: str, values: FloatArray) -> None:
        gaps = int(np.isnan(values).sum())
        if gaps:
            self.problems.append(f"{what}{self._of}: {gaps} numbers overflowed or are damaged")

    @cached_property
    def _bands(self) -> FloatArray | None:
        """Eigenvalues and occupations.

        Where VASP projects, it prints them twice. The second copy is taken, whose occupations go
        with the projections (they may differ by 0.01); the first shows whether both are sound.
        """
        sizes, copies = self._sizes, []
        for element in ("eigenvalues", "projected"):
            try:
                values = self._levels(element)
            except BlockError as error:
                self._report("eigenvalues", error)
            else:
                copies.append(values)
        if not copies:
            return None
        values = copies[-1]
        if len(copies) == 2 and copies[0].shape[:2] == copies[1].shape[:2]:
            differ = copies[0][..., 0] != copies[1][..., 0]
            values[differ] = np.nan
        if values.shape[-1] > 1:
            filling = values[..., 1]
            widest = _WIDEST_CORRECTED if sizes.is_corrected else _WIDEST_FILLING
            filling[np.abs(filling - 0.5) > widest] = np.nan
        self._warn_of_gaps("eigenvalues", values[..., :2])
        return values.reshape(sizes.n_spins, sizes.n_kpoints, *values.shape[1:])

    def _levels(self, element: str) -> FloatArray:
        """(n_sets, n_bands, n_fields); VASP 4 may have more bands than its NBANDS says."""
        at, sizes = self._elements.get(element), self._sizes
        n_sets = sizes.n_spins * sizes.n_kpoints
        try:
            return self._array(at, n_sets, sizes.n_bands)[0]
        except BlockError:
            first = self._text.read(at or 0, (at or 0) + 4096 + 100 * sizes.n_bands)
            n_bands = first[: first.find(b"</set>")].count(b"<r>")
            if at is None or n_sets < 2 or n_bands <= sizes.n_bands:
                raise
        values = self._array(at, n_sets, n_bands)[0]
        self._sizes = replace(sizes, n_bands=n_bands)
        return values

    @property
    def eigenvalues(self) -> FloatArray | None:
        """(n_spins, n_kpoints, n_bands) in eV."""
        return None if self._bands is None else self._bands[..., 0]

    @property
    def occupations(self) -> FloatArray | None:
        """(n_spins, n_kpoints, n_bands), 1 for a full state of one spin (or spin pair)."""
        if self._bands is None or self._bands.shape[-1] < 2:
            return None
        return self._bands[..., 1]

    @cached_property
    def fermi_level_ev(self) -> float | None:
        """Fermi level on VASP's scale, as printed with the density of states."""
        at = self._elements.get("dos")
        if at is None:
            return None
        match = re.search(rb'name="efermi">([^<]*)</i>', self._text.read(at, at + 300))
        value = number(match.group(1)) if match else float("nan")
        return value if np.isfinite(value) else None

    @cached_property
    def _total(self) -> tuple[TotalDos, int] | None:
        at = self._elements.get("dos")
        if at is None:
            return None
        begin = self._text.find(b"<total>", at, at + 1024)
        try:
            if begin < 0:
                raise BlockError("cut off")
            values, _, end = self._components(begin, 1)
            total = TotalDos(values[0, :, 0], values[:, :, 1], values[:, :, 2])
            if not total.is_even:
                raise BlockError("its energies do not ascend evenly")
        except BlockError as error:
            self._report("density of states", error)
            return None
        self._warn_of_gaps("density of states", values)
        return total, end

    def _components(self, at: int, n_sets: int) -> tuple[FloatArray, list[str], int]:
        """Densities of an uncertain number of components: older VASP leave out mx, my, mz."""
        sizes = self._sizes
        choices = sorted({sizes.n_components, sizes.n_spins}, reverse=True)
        for n in choices[:-1]:
            try:
                return self._array(at, n_sets * n, sizes.n_energies)
            except BlockError:
                continue
        return self._array(at, n_sets * choices[-1], sizes.n_energies)

    @property
    def total_dos(self) -> TotalDos | None:
        """Total density of states."""
        return self._total[0] if self._total else None

    @cached_property
    def projected_dos(self) -> ProjectedDos | None:
        """Density of states on atoms and orbitals; None where VASP did not project (LORBIT)."""
        if self._total is None:
            return None
        total, end = self._total
        at = self._text.find(b"<partial>", end, end + 400)
        if at < 0:
            return None
        try:
            values, fields, _ = self._components(at, self._sizes.n_atoms)
        except BlockError as error:
            self._report("projected density of states", error)
            return None
        values[values[:, :, 0] != total.energies_ev] = np.nan  # the energies are printed each time
        self._warn_of_gaps("projected density of states", values)
        values = values.reshape(self._sizes.n_atoms, -1, *values.shape[1:])
        return ProjectedDos(
            total.energies_ev, tuple(fields[1:]), values[..., 1:].transpose(0, 1, 3, 2)
        )

    @cached_property
    def projections(self) -> Projections | None:
        """Weights of the states on atoms and orbitals; None where VASP did not project."""
        at = self._elements.get("projected")
        if at is None:
            return None
        sizes = self._sizes
        shape = (sizes.n_components, sizes.n_kpoints, sizes.n_bands)
        try:
            values, fields, _ = self._array(
                self._after_eigenvalues(at), int(np.prod(shape)), sizes.n_atoms
            )
        except BlockError as error:
            self._report("projections", error)
            return None
        self._warn_of_gaps("projections", values)
        return Projections(tuple(fields), values.reshape(*shape, *values.shape[1:]))

    def _after_eigenvalues(self, at: int) -> int:
        """Where the array of weights begins; the eigenvalues repeated before it are passed over."""
        if b"<eigenvalues>" not in self._text.read(at, at + 64):
            return at
        return max(end_of(self._text, b"eigenvalues", at, self._text.size, self._sizes), at)


def read_optional(
    text: Text, elements: Mapping[str, int], sizes: Sizes
) -> tuple[OptionalBands | None, list[str]]:
    """Bands at the k-points of KPOINTS_OPT, if there are any, and what could not be read of them.

    They never stand in for the mesh's: they have a list of k-points of their own, their weights
    mean nothing and VASP does not use them for energies.
    """
    at = elements.get("eigenvalues" + OPTIONAL)
    if at is None:
        return None, []
    nested = text.find(b"<eigenvalues>", at)
    head = text.read(at, nested)
    rows, weights = varray(head, b"kpointlist"), varray(head, b"weights")
    try:
        if rows is None or weights is None:
            raise BlockError("absent or cut off")
        n = rows.count(b"<v")
        kpoints = finite(decode_rows(rows, b"v", n, 3))
        weight = finite(decode_rows(weights, b"v", n, 1))[:, 0]
    except BlockError as error:
        return None, [f"the k-points of KPOINTS_OPT: {error}"]
    places = {**elements, "eigenvalues" + OPTIONAL: nested}
    electrons = Electrons(text, places, replace(sizes, n_kpoints=n), OPTIONAL)
    levels = electrons.eigenvalues
    if levels is None:
        return None, electrons.problems
    bands = OptionalBands(kpoints, weight, levels, electrons.occupations, electrons.projections)
    return bands, electrons.problems

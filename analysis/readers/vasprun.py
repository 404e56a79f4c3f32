"""`Vasprun`: a vasprun.xml read lazily; what is asked for is decoded, nothing else is touched."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from natriface.analysis.readers.blocks import BlockError, Floats, number, read_sets
from natriface.analysis.readers.compression import Text
from natriface.analysis.readers.vasprun_frames import Span, find_steps
from natriface.analysis.readers.vasprun_header import (
    Header,
    Value,
    read_header,
)
from natriface.analysis.readers.vasprun_steps import Steps, read_loose_frames, read_steps
from natriface.analysis.readers.vasprun_structure import crystal, lattices, positions
from natriface.structures.errors import ReaderError

if TYPE_CHECKING:
    from ase import Atoms

_FIELD = re.compile(rb"<field[^>]*>([^<]*)</field>")
_OPENING = re.compile(rb"<([A-Za-z_0-9]+)([^<>]*)>")
_KPOINTS_OPT = b"kpoints_opt"
_WIDEST_FILLING = 1.0  # occupations lie within 0.5 +- this; some smearings leave [0, 1]
_UNMOVED = (-1, 1, 2, 3)  # IBRION of runs that print the last structure once more as the final one


@dataclass(frozen=True)
class TotalDos:
    """Density of states; one component, two spins, or (charge, mx, my, mz) if non-collinear.

    Attributes
    ----------
    energies_ev
        (n_energies,), on VASP's own scale.
    densities, integrated
        (n_components, n_energies), states/eV and states per cell.
    """

    energies_ev: Floats
    densities: Floats
    integrated: Floats


@dataclass(frozen=True)
class ProjectedDos:
    """Density of states projected on atoms and orbitals.

    Attributes
    ----------
    orbitals
        Names as VASP prints them (``s``, ``py``, ..., ``x2-y2``).
    densities
        (n_atoms, n_components, n_orbitals, n_energies), states/eV.
    """

    energies_ev: Floats
    orbitals: tuple[str, ...]
    densities: Floats


@dataclass(frozen=True)
class Projections:
    """Weights of the Kohn-Sham states on atoms and orbitals.

    Attributes
    ----------
    weights
        (n_components, n_kpoints, n_bands, n_atoms, n_orbitals); NaN where VASP printed none.
    """

    orbitals: tuple[str, ...]
    weights: Floats


class Vasprun:
    """A vasprun.xml, plain or compressed, of any VASP from 4.6 to 6.

    Opening it reads the settings and finds the ionic steps; everything else is decoded when first
    asked for. What is absent, cut off, overflowed or damaged is None (or NaN inside an array) and
    `problems` says why.

    Parameters
    ----------
    path
        The file.

    Attributes
    ----------
    complete
        Whether VASP wrote the file to its end: the final structure and the closing tag are there.
    header
        Settings, k-points and atoms; the commonest are also attributes of this object.
    problems
        What could not be read so far, in words.

    Raises
    ------
    ReaderError
        If the file cannot be read or is no vasprun.xml at all.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.text = Text(self.path)
        self._spans, start = find_steps(self.text, 0)
        if not self._spans:
            start = max(self.text.rfind(b"<modeling>"), 0)
        stop = self._spans[0].start if self._spans else self.text.size
        self.header: Header = read_header(self.text, start, stop)
        if not self._spans and not self.header.incar and not self.header.parameters:
            content = "empty" if self.text.size == 0 else "no vasprun.xml"
            raise ReaderError(f"{self.path}: {content}; VASP has not written anything here to read")
        self.complete = self._is_complete()
        self.problems: list[str] = [self.text.problem] if self.text.problem else []
        self.problems += self.header.problems
        if start > 0 and b"<modeling>" in self.text.read(0, 4096):
            self.problems.append("the file holds several runs; the last one is read")

    def _is_complete(self) -> bool:
        end = self.text.rfind(b"</modeling>", self.text.size - (1 << 20))
        rest = self.text.read(end + len(b"</modeling>"), self.text.size).strip(b"\0 \r\n\t")
        whole = all(span.closed for span in self._spans)
        ended = end >= 0 and not rest and whole and self.text.problem is None
        near = end - (1 << 16) - 200 * len(self.header.symbols)
        return ended and self.text.rfind(b'<structure name="finalpos"', near) >= 0

    # settings

    @property
    def version(self) -> str | None:
        """VASP's version, e.g. ``6.4.1``."""
        return self.header.version

    @property
    def incar(self) -> dict[str, Value]:
        """Settings as given in the INCAR."""
        return self.header.incar

    @property
    def parameters(self) -> dict[str, Value]:
        """All settings in effect."""
        return self.header.parameters

    @property
    def symbols(self) -> list[str]:
        """(n_atoms,) chemical symbols."""
        return self.header.symbols

    @property
    def kpoints(self) -> Floats | None:
        """(n_kpoints, 3) in units of the reciprocal lattice vectors."""
        return self.header.kpoints

    @property
    def kpoint_weights(self) -> Floats | None:
        """(n_kpoints,), adding up to 1."""
        return self.header.kpoint_weights

    @property
    def n_spins(self) -> int:
        """Number of sets of eigenvalues: 2 if spin-polarised, else 1."""
        return 1 if self.is_noncollinear else int(self.header.setting("ISPIN", 1))

    @property
    def is_noncollinear(self) -> bool:
        """Whether the states are two-component spinors."""
        return bool(self.header.setting("LNONCOLLINEAR") or self.header.setting("LSORBIT"))

    @property
    def _is_machine_learned(self) -> bool:
        return bool(self.header.setting("ML_LMLFF") or self.header.setting("ML_FF_LMLFF"))

    @property
    def _n_components(self) -> int:
        return 4 if self.is_noncollinear else self.n_spins

    # ionic steps

    @cached_property
    def steps(self) -> Steps:
        """Energies, structures, forces and stress of all ionic steps."""
        n_atoms = len(self.symbols)
        if self._spans:
            steps = read_steps(self.text, self._spans, n_atoms, self._is_machine_learned)
        else:
            at = self.text.find(b"</structure>", self.text.find(b'name="initialpos"'))
            steps = read_loose_frames(self.text, max(at, 0), n_atoms)
        if self.complete and self.header.setting("IBRION", -1) in _UNMOVED and len(steps):
            self._compare_structures(steps)
        self.problems += steps.problems
        return steps

    def _compare_structures(self, steps: Steps) -> None:
        """The first and the last structure are printed twice; a difference is damage."""
        at = self.text.rfind(b'<structure name="finalpos"')
        content = self.text.read(at, self.text.find(b"</structure>", at))
        try:
            final = positions(content, self._n_atoms)
        except BlockError as error:
            steps.problems.append(f"final structure: {error}")
            return
        cell = lattices([crystal(content)])[0][0]
        for step, places, lattice, name in (
            (-1, final, cell, "final"),
            (0, self.header.positions, self.header.cell, "initial"),
        ):
            if places is None or lattice is None:
                continue
            if not (
                np.array_equal(places, steps.positions[step])
                and np.array_equal(lattice, steps.cells[step])
            ):
                steps.positions[step] = np.nan
                steps.problems.append(f"the {name} structure is printed twice and differs: damaged")

    @property
    def energies_ev(self) -> Floats:
        """(n_steps,) total energies extrapolated to zero smearing, in eV."""
        return self.steps.energies_ev

    @property
    def free_energies_ev(self) -> Floats:
        """(n_steps,) total energies including the smearing's -TS, consistent with the forces."""
        return self.steps.free_energies_ev

    @property
    def forces(self) -> Floats:
        """(n_steps, n_atoms, 3) in eV/A."""
        return self.steps.forces

    @cached_property
    def initial_structure(self) -> Atoms | None:
        """The structure of the POSCAR, frozen atoms constrained."""
        return self._atoms(self.header.cell, self.header.positions)

    @cached_property
    def structures(self) -> list[Atoms | None]:
        """The structure of each ionic step, None where it is damaged."""
        return [self.structure(i) for i in range(len(self.steps))]

    @property
    def final_structure(self) -> Atoms | None:
        """The structure the last energy belongs to."""
        return self.structure(-1) if len(self.steps) else None

    def structure(self, step: int) -> Atoms | None:
        """The structure of one ionic step."""
        return self._atoms(self.steps.cells[step], self.steps.positions[step])

    def _atoms(self, cell: Floats | None, positions: Floats | None) -> Atoms | None:
        if cell is None or positions is None:
            return None
        if not (np.isfinite(cell).all() and np.isfinite(positions).all()):
            return None
        from natriface.analysis.readers import crystal as crystals

        return crystals.crystal(self.symbols, cell, positions, self.header.selective)

    # electronic structure

    @cached_property
    def _elements(self) -> dict[str, int]:
        """Where the large elements of the last ionic step begin, the regular k-points' only."""
        found: dict[str, int] = {}
        if not self._spans or not self._spans[-1].closed:
            return found
        span = self._spans[-1]
        at = self._after_results(span)
        while at < span.stop:
            data = self.text.read(at, at + 200)
            match = _OPENING.search(data)
            if match is None or at + match.start() >= span.stop:
                break
            name = match.group(1)
            begin = at + match.start()
            if _KPOINTS_OPT not in match.group(0):
                found.setdefault(name.decode("latin-1"), begin)
            if name == b"projected" and _KPOINTS_OPT not in match.group(0):
                break
            end = self._end_of(name, begin, span.stop)
            at = end + len(name) + 3 if end >= 0 else begin + len(match.group(0))
        if "dos" not in found and self.header.setting("IBRION") == 0:
            at = self.text.rfind(b"<dos>", self._spans[0].start)
            if at >= 0:  # molecular dynamics prints one now and then, averaged over steps
                found["dos"] = at
        return found

    def _end_of(self, name: bytes, begin: int, stop: int) -> int:
        """Position of the closing tag; the rows of a large array are jumped over, not searched."""
        closing = b"</" + name + b">"
        at, sets = begin, 0
        if name == b"eigenvalues":
            sets = self.n_spins * self._n_kpoints
            at = self._jump(begin, sets * self._n_bands)
        elif name == b"dos":
            n = int(self.header.setting("NEDOS", 0))
            at = self._jump(begin, n * self.n_spins)
            total = self.text.find(b"</total>", at, stop)
            if total >= 0 and b"<partial>" in self.text.read(total, total + 400):
                sets = self._n_atoms * self.n_spins
                at = self._jump(total, n * sets)
        near = self.text.find(closing, at, min(stop, at + 16384 + 160 * sets)) if at > begin else -1
        return near if near >= 0 else self.text.find(closing, begin, stop)

    def _jump(self, at: int, n_rows: int) -> int:
        """A position that the end of the next `n_rows` rows cannot precede."""
        head = self.text.read(at, at + 8192)
        row = head.find(b"<r>")
        length = head.find(b"</r>", row) + 5 - head.rfind(b"\n", 0, row) - 1
        return at + row + (n_rows - 1) * length if row >= 0 and length > 0 else at

    def _after_results(self, span: Span) -> int:
        """Just after the ionic step's energy, before its large arrays."""
        at = max(self.text.find(b"<structure>", span.start, span.stop), span.start)
        end = self.text.find(b"</energy>", at, min(span.stop, at + (1 << 16) + 500 * self._n_atoms))
        return end + len(b"</energy>") if end >= 0 else at

    @property
    def _n_atoms(self) -> int:
        return len(self.symbols)

    def _array(self, element: str, n_sets: int, n_rows: int) -> tuple[Floats, tuple[str, ...], int]:
        """An ``<array>`` of the last step: values (n_sets, n_rows, n_fields), fields, its end."""
        at = self._elements.get(element)
        if at is None:
            raise BlockError("absent")
        return self._array_at(at, n_sets, n_rows)

    def _array_at(self, at: int, n_sets: int, n_rows: int) -> tuple[Floats, tuple[str, ...], int]:
        head = self.text.read(at, at + 8192)
        begin = head.find(b"<set>")
        if begin < 0:
            raise BlockError("cut off")
        fields = tuple(field.decode("latin-1").strip() for field in _FIELD.findall(head[:begin]))
        if not fields or n_sets < 1 or n_rows < 1:
            raise BlockError("its size is unknown")
        values, end = read_sets(self.text, at + begin, n_sets, n_rows, len(fields))
        return values, fields, end

    def _report(self, what: str, error: BlockError) -> None:
        if str(error) != "absent":
            self.problems.append(f"{what}: {error}")

    def _warn_of_gaps(self, what: str, values: Floats) -> None:
        gaps = int(np.isnan(values).sum())
        if gaps:
            self.problems.append(f"{what}: {gaps} numbers overflowed or are damaged")

    @cached_property
    def _bands(self) -> Floats | None:
        """Eigenvalues and occupations.

        Where VASP projects, it prints them twice. The second copy is taken, whose occupations go
        with the projections (they may differ by 0.01); the first shows whether both are sound.
        """
        copies = []
        for element in ("eigenvalues", "projected"):
            try:
                values, _, _ = self._array(element, self.n_spins * self._n_kpoints, self._n_bands)
            except BlockError as error:
                self._report("eigenvalues", error)
            else:
                copies.append(values)
        if not copies:
            return None
        values = copies[-1]
        if len(copies) == 2:
            differ = copies[0][..., 0] != copies[1][..., 0]
            values[differ] = np.nan
        if values.shape[-1] > 1:
            filling = values[..., 1]
            filling[np.abs(filling - 0.5) > _WIDEST_FILLING] = np.nan
        self._warn_of_gaps("eigenvalues", values[..., :2])
        return values.reshape(self.n_spins, self._n_kpoints, *values.shape[1:])

    @property
    def _n_kpoints(self) -> int:
        return 0 if self.kpoints is None else len(self.kpoints)

    @property
    def _n_bands(self) -> int:
        return int(self.header.setting("NBANDS", 0))

    @property
    def eigenvalues(self) -> Floats | None:
        """(n_spins, n_kpoints, n_bands) in eV."""
        return None if self._bands is None else self._bands[..., 0]

    @property
    def occupations(self) -> Floats | None:
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
        match = re.search(rb'name="efermi">([^<]*)</i>', self.text.read(at, at + 300))
        value = number(match.group(1)) if match else float("nan")
        return value if np.isfinite(value) else None

    @cached_property
    def _total(self) -> tuple[TotalDos, int] | None:
        at = self._elements.get("dos")
        if at is None:
            return None
        n = int(self.header.setting("NEDOS", 301))
        begin = self.text.find(b"<total>", at, at + 1024)
        try:
            if begin < 0:
                raise BlockError("cut off")
            values, end = self._first_fitting(begin, 1, n)
        except BlockError as error:
            self._report("density of states", error)
            return None
        self._warn_of_gaps("density of states", values)
        energies = values[0, :, 0]
        return TotalDos(energies, values[:, :, 1], values[:, :, 2]), end

    def _first_fitting(self, at: int, n_sets: int, n_rows: int) -> tuple[Floats, int]:
        """Read an array of uncertain number of components: older VASP leave out mx, my, mz."""
        choices = sorted({self._n_components, self.n_spins}, reverse=True)
        for n in choices:
            try:
                values, _, end = self._array_at(at, n_sets * n, n_rows)
            except BlockError:
                if n == choices[-1]:
                    raise
            else:
                return values, end
        raise BlockError("absent")

    @property
    def total_dos(self) -> TotalDos | None:
        """Total density of states of the last ionic step."""
        return self._total[0] if self._total else None

    @cached_property
    def projected_dos(self) -> ProjectedDos | None:
        """Density of states on atoms and orbitals; None where VASP did not project (LORBIT)."""
        if self._total is None:
            return None
        total, end = self._total
        at = self.text.find(b"<partial>", end, end + 400)
        if at < 0:
            return None
        n = len(total.energies_ev)
        head = self.text.read(at, at + 8192)
        fields = [f.decode("latin-1").strip() for f in _FIELD.findall(head.partition(b"<set>")[0])]
        try:
            values, _ = self._first_fitting(at, self._n_atoms, n)
        except BlockError as error:
            self._report("projected density of states", error)
            return None
        values[values[:, :, 0] != total.energies_ev] = np.nan  # the energies are printed each time
        self._warn_of_gaps("projected density of states", values)
        values = values.reshape(self._n_atoms, -1, n, len(fields))
        return ProjectedDos(
            total.energies_ev, tuple(fields[1:]), values[..., 1:].transpose(0, 1, 3, 2)
        )

    @cached_property
    def projections(self) -> Projections | None:
        """Weights of the states on atoms and orbitals; None where VASP did not project."""
        at = self._elements.get("projected")
        if at is None:
            return None
        at = self._after_projected_eigenvalues(at)
        try:
            n = self._n_components
            sets = n * self._n_kpoints * self._n_bands
            values, fields, _ = self._array_at(at, sets, self._n_atoms)
        except BlockError as error:
            self._report("projections", error)
            return None
        self._warn_of_gaps("projections", values)
        return Projections(
            fields,
            values.reshape(n, self._n_kpoints, self._n_bands, self._n_atoms, len(fields)),
        )

    def _after_projected_eigenvalues(self, at: int) -> int:
        """Where the array of weights begins; the eigenvalues repeated before it are passed over."""
        head = self.text.read(at, at + 64)
        if b"<eigenvalues>" not in head:
            return at
        return max(self._end_of(b"eigenvalues", at, self.text.size), at)

    @property
    def frozen(self) -> NDArray[np.bool_] | None:
        """(n_atoms, 3) True where selective dynamics holds a coordinate; None without it."""
        return None if self.header.selective is None else ~self.header.selective

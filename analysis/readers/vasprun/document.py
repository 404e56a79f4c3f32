"""`Vasprun`: a vasprun.xml read lazily; what is asked for is decoded, nothing else is touched."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from natriface.analysis.readers.text.compression import Text
from natriface.analysis.readers.vasprun.electrons import (
    OptionalBands,
    ProjectedDos,
    Projections,
    TotalDos,
)
from natriface.analysis.readers.vasprun.elements import Sizes, find_elements
from natriface.analysis.readers.vasprun.frames import find_steps
from natriface.analysis.readers.vasprun.header import Header, Value, read_header, responds
from natriface.analysis.readers.vasprun.ionic_steps import Steps, read_loose_frames, read_steps
from natriface.analysis.readers.vasprun.rows import BlockError
from natriface.analysis.readers.vasprun.spectra import Electrons, read_optional
from natriface.analysis.readers.vasprun.structure import crystal, lattices, positions
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.errors import ReaderError

if TYPE_CHECKING:
    from ase import Atoms

_REWRITTEN = 2e-8  # fractions of a cell, to two of their last digit
_UNMOVED = (-1, 1, 2, 3)  # IBRION of runs that print the last structure once more as the final one


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
            raise ReaderError(self.text.why_empty("vasprun.xml"))
        self.complete = self._is_complete()
        self.problems: list[str] = [self.text.problem] if self.text.problem else []
        self.problems += self.header.problems
        first = self.text.read(0, 4096).find(b"<modeling>")
        if 0 <= first < start - len(b"<modeling>"):
            self.problems.append("the file holds several runs; the last one is read")

    def _is_complete(self) -> bool:
        end = self.text.rfind(b"</modeling>", self.text.size - (1 << 20))
        rest = self.text.read(end + len(b"</modeling>"), self.text.size).strip(b"\0 \r\n\t")
        whole = all(span.closed for span in self._spans)
        ended = end >= 0 and not rest and whole and self.text.problem is None
        near = end - (1 << 16) - 200 * len(self.header.symbols)
        if ended and not self._spans and responds(self.header):
            return True  # such runs print no final structure
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
    def kpoints(self) -> FloatArray | None:
        """(n_kpoints, 3) in units of the reciprocal lattice vectors."""
        return self.header.kpoints

    @property
    def kpoint_weights(self) -> FloatArray | None:
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

    # ionic steps

    @cached_property
    def steps(self) -> Steps:
        """Energies, structures, forces and stress of all ionic steps."""
        n_atoms = len(self.symbols)
        if self._spans:
            several, drifting = self._is_machine_learned, self.header.is_foreign
            steps = read_steps(self.text, self._spans, n_atoms, several, drifting)
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
            final = positions(content, len(self.symbols))
        except BlockError as error:
            steps.problems.append(f"final structure: {error}")
            return
        cell = lattices([crystal(content)])[0][0]
        for step, places, lattice, name in (
            (-1, final, cell, "final"),
            (0, self.header.positions, self.header.cell, "initial"),
        ):
            printed = np.isfinite(steps.positions[step]).all() and np.isfinite(steps.cells[step])
            if places is None or lattice is None or not np.all(printed):
                continue
            apart = np.abs(places - steps.positions[step])
            if self.header.is_foreign:  # which may bring an atom back into the cell in between
                apart = np.abs(apart - np.round(apart))
            slack = _REWRITTEN if self.header.is_foreign else 0.0
            if (apart > slack).any() or not np.array_equal(lattice, steps.cells[step]):
                steps.positions[step] = np.nan
                steps.problems.append(f"the {name} structure is printed twice and differs: damaged")

    @property
    def energies_ev(self) -> FloatArray:
        """(n_steps,) total energies extrapolated to zero smearing, in eV."""
        return self.steps.energies_ev

    @property
    def free_energies_ev(self) -> FloatArray:
        """(n_steps,) total energies including the smearing's -TS, consistent with the forces."""
        return self.steps.free_energies_ev

    @property
    def forces(self) -> FloatArray:
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

    def _atoms(self, cell: FloatArray | None, positions: FloatArray | None) -> Atoms | None:
        if cell is None or positions is None:
            return None
        if not (np.isfinite(cell).all() and np.isfinite(positions).all()):
            return None
        from natriface.analysis.readers.vasprun import crystal as crystals

        return crystals.crystal(self.symbols, cell, positions, self.header.selective)

    # electronic structure

    @cached_property
    def _sizes(self) -> Sizes:
        return Sizes.of(self.header)

    @cached_property
    def _elements(self) -> dict[str, int]:
        """Where the large elements of the last ionic step begin."""
        if not self._spans:
            return {}
        found = find_elements(self.text, self._spans[-1], self._sizes)
        if self._spans[-1].closed and "dos" not in found and self.header.setting("IBRION") == 0:
            at = self.text.rfind(b"<dos>", self._spans[0].start)
            if at >= 0:  # molecular dynamics prints one now and then, averaged over steps
                found["dos"] = at
        return found

    @cached_property
    def electrons(self) -> Electrons:
        """The electronic structure on the mesh of k-points, of the last ionic step.

        Its commonest parts are also attributes of this object.
        """
        electrons = Electrons(self.text, self._elements, self._sizes)
        electrons.problems = self.problems
        return electrons

    @property
    def eigenvalues(self) -> FloatArray | None:
        """(n_spins, n_kpoints, n_bands) in eV."""
        return self.electrons.eigenvalues

    @property
    def occupations(self) -> FloatArray | None:
        """(n_spins, n_kpoints, n_bands), 1 for a full state of one spin (or spin pair)."""
        return self.electrons.occupations

    @property
    def fermi_level_ev(self) -> float | None:
        """Fermi level on VASP's scale, as printed with the density of states."""
        return self.electrons.fermi_level_ev

    @property
    def total_dos(self) -> TotalDos | None:
        """Total density of states."""
        return self.electrons.total_dos

    @property
    def projected_dos(self) -> ProjectedDos | None:
        """Density of states on atoms and orbitals; None where VASP did not project (LORBIT)."""
        return self.electrons.projected_dos

    @property
    def projections(self) -> Projections | None:
        """Weights of the states on atoms and orbitals; None where VASP did not project."""
        return self.electrons.projections

    @cached_property
    def kpoints_opt(self) -> OptionalBands | None:
        """Bands at the k-points of KPOINTS_OPT; None where there are none."""
        bands, problems = read_optional(self.text, self._elements, self._sizes)
        self.problems += problems
        return bands

    @property
    def frozen(self) -> NDArray[np.bool_] | None:
        """(n_atoms, 3) True where selective dynamics holds a coordinate; None without it."""
        return None if self.header.selective is None else ~self.header.selective

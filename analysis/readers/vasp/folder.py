"""A folder of VASP output, anyone's and in any state, becomes a `Result`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import numpy as np

from natriface.analysis.readers.outcar.document import Outcar
from natriface.analysis.readers.vasp.agreement import (
    oszicar_apart,
    settings_apart,
    steps_apart,
    structures_apart,
)
from natriface.analysis.readers.vasp.contcar import selective_flags
from natriface.analysis.readers.vasp.decisive_settings import decisive_settings
from natriface.analysis.readers.vasp.electrons import electronic_structure
from natriface.analysis.readers.vasp.files import Files, find_files, image_folders
from natriface.analysis.readers.vasp.foreign import (
    OF_ELECTRONS,
    add_species,
    lacking,
    provenance,
)
from natriface.analysis.readers.vasp.large_arrays import Source, write_arrays
from natriface.analysis.readers.vasp.oszicar import Oszicar, read_oszicar
from natriface.analysis.readers.vasprun.convergence import Said, Verdict, judge
from natriface.analysis.readers.vasprun.crystal import crystal, partly_frozen
from natriface.analysis.readers.vasprun.document import Vasprun
from natriface.analysis.readers.vasprun.header import Header, responds
from natriface.analysis.readers.vasprun.ionic_steps import Steps
from natriface.analysis.readers.vasprun.vaspout import Vaspout
from natriface.analysis.results.result import (
    Convergence,
    EngineRecord,
    Result,
    Status,
    Timing,
)
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.atoms import to_document
from natriface.structures.base.conversions import EV_PER_ANGSTROM3_IN_GPA
from natriface.structures.base.errors import ReaderError

_T = TypeVar("_T")
_KB_IN_GPA = 0.1
_VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
_DISPLACING = (5, 6)  # IBRION of vibrations by finite differences
_CRITERIA = ("NELM", "EDIFF", "EDIFFG")


def read_vasp_folder(
    path: Path | str,
    *,
    kind: str | None = None,
    with_arrays: bool = False,
    arrays_folder: Path | str | None = None,
) -> Result:
    """Read a VASP run: vasprun.xml first, vaspout.h5 or OUTCAR where that is cut or absent.

    The OUTCAR, where it belongs to the same run, adds VASP's own words on convergence, the timing
    and the moment, and its energy must agree. An energy is given only where the run is complete
    and converged; whatever else is sound is given always, with the reason for the rest.

    Parameters
    ----------
    path
        The folder, or one of the run's output files.
    kind
        Kind of calculation; found from the settings where not given.
    with_arrays
        Whether to write eigenvalues, densities of states, projections and the course of the
        relaxation into ``arrays.npz``.
    arrays_folder
        Where to; the folder read where not given.

    Returns
    -------
    Result
        Stress and forces follow `natriface.analysis.Result`: VASP prints stress in kB,
        positive where the cell is compressed; here it is in eV/A^3, positive under tension.

    Raises
    ------
    ReaderError
        If there is no output of VASP at all.

    Examples
    --------
    >>> result = read_vasp_folder("relax")  # doctest: +SKIP
    >>> result.converged_energy_ev(), result.final_atoms()  # doctest: +SKIP
    """
    files = find_files(Path(path))
    reading = _Reading(files)
    result = reading.result(kind)
    if with_arrays and reading.source is not None:
        folder = Path(arrays_folder or files.folder)
        result.arrays_file = write_arrays(reading.source, folder).name
    return result


def read_ionic_steps(path: Path | str) -> Steps | None:
    """The ionic steps of a VASP run, however it ended, of its best output; None without one.

    Raises
    ------
    ReaderError
        If there is no output of VASP at all.
    """
    source = _Reading(find_files(Path(path))).source
    return source.steps if source else None


def read_neb_folder(path: Path | str) -> list[Result]:
    """The images of a nudged-elastic-band run, ``00``, ``01``, ..., in order.

    An image without output (commonly the two end points) is a failed result that says so.

    Raises
    ------
    ReaderError
        If the folder has no image folders.
    """
    folders = image_folders(Path(path))
    if not folders:
        raise ReaderError(f"{path}: no image folders 00, 01, ... here")
    results = []
    for folder in folders:
        try:
            results.append(read_vasp_folder(folder, kind="neb"))
        except ReaderError as error:
            results.append(_failed("neb", str(error)))
    return results


def _failed(kind: str, reason: str) -> Result:
    engine = EngineRecord(name="vasp", version="unknown")
    return Result(kind=kind, status="failed", reason=reason, engine=engine)


class _Reading:
    """One run being read: the files opened, the best chosen, the reasons why."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.notes: list[str] = []
        if files.others:
            self.notes.append(
                f"the folder holds other runs too ({', '.join(files.others)}); read is "
                + (files.label or "the one without ending")
            )
        self.vasprun: Vasprun | None = self._open("vasprun.xml", Vasprun)
        self.outcar: Outcar | None = self._open("OUTCAR", Outcar)
        self.oszicar: Oszicar | None = self._open("OSZICAR", read_oszicar)
        taken = None if self.outcar is None else add_species(self.outcar.header, files)
        self.notes += [taken] if taken else []
        if self.oszicar is not None:
            self.notes += self.oszicar.problems
        self.vaspout: Vaspout | None = None
        self.name, self.source = self._best()
        if self.source is None and self.oszicar is None:
            raise ReaderError("; ".join(self.notes) or f"{files.folder}: nothing to read")

    def _open(self, name: str, reader: Callable[[Path], _T]) -> _T | None:
        path = self.files.paths.get(name)
        if path is None:
            return None
        try:
            return reader(path)
        except ReaderError as error:
            self.notes.append(str(error))
            return None

    def _best(self) -> tuple[str, Source | None]:
        """The first complete source with a final energy, else the one with most steps."""
        candidates: list[tuple[str, Source]] = []
        for name, source in (("vasprun.xml", self.vasprun), ("OUTCAR", self.outcar)):
            if source is None:
                continue
            if _is_sound(source):
                self._explain(candidates, name)
                return name, source
            candidates.append((name, source))
        self.vaspout = self._open("vaspout.h5", Vaspout)
        if self.vaspout is not None:
            if _is_sound(self.vaspout):
                self._explain(candidates, "vaspout.h5")
                return "vaspout.h5", self.vaspout
            candidates.append(("vaspout.h5", self.vaspout))
        if not candidates:
            return "OSZICAR", None
        return max(candidates, key=lambda item: len(item[1].steps))

    def _explain(self, rejected: Sequence[tuple[str, Source]], chosen: str) -> None:
        for name, source in rejected:
            why = "is damaged" if source.complete else "is cut off"
            self.notes.append(f"{name} {why}; {chosen} is read instead")

    def result(self, kind: str | None) -> Result:
        """The run as a result."""
        if self.source is None:
            return self._from_oszicar(kind or "static")
        source, header, steps = self.source, self.source.header, self.source.steps
        has_electrons = not header.is_foreign or source.eigenvalues is not None
        if header.is_foreign:
            self.notes.append(provenance(self.name, header.program, has_electrons))
        self._add_selective_dynamics(header)
        same = self._outcar_of_same_run()
        self._add_electronic_counts(steps, same)
        said = same.said if same is not None else Said()
        if isinstance(source, Vaspout) and said.electronic is None:
            said = replace(said, electronic=source.said.electronic)
        verdict = judge(header, steps, said, has_electrons)
        status, reason = self._status(verdict, same)
        if status == "converged" and not has_electrons and kind in OF_ELECTRONS:
            status, reason = "failed", lacking(header.program, kind)
        if status == "truncated" and verdict.ionic is not None:
            verdict.ionic = False
        electronic, contradictions = electronic_structure(self.name, source, same, self.oszicar)
        self.notes += contradictions
        n = len(steps)
        has_energy = status == "converged"
        final = _document(header, steps, -1) if n else None
        forces = steps.forces[-1] if n else np.empty((0, 3))
        return Result(
            kind=kind or _kind(header),
            status=status,
            reason=reason,
            engine=EngineRecord(name="vasp", version=header.version or "unknown"),
            settings=decisive_settings(
                header.incar,
                header.parameters,
                header.symbols,
                header.potcar_titles if has_electrons else (),
                header.counts,
                header.kpoint_weights if has_electrons else None,
                header.generation,
            ),
            energy_ev=float(steps.energies_ev[-1]) if has_energy else None,
            free_energy_ev=float(steps.free_energies_ev[-1]) if has_energy else None,
            forces_ev_per_angstrom=forces.tolist()
            if forces.size and np.isfinite(forces).all()
            else None,
            stress_ev_per_angstrom3=_stress(steps.stresses_kb[-1]) if n else None,
            initial_structure=_initial(header, steps),
            final_structure=final,
            energies_ev=[float(e) for e in steps.energies_ev if np.isfinite(e)],
            convergence=Convergence(
                electronic=verdict.electronic,
                ionic=verdict.ionic,
                n_ionic_steps=n,
                max_force_ev_per_angstrom=verdict.max_force_ev_per_angstrom,
            ),
            electronic=electronic if has_electrons else None,
            timing=_timing(same),
            warnings=self._warnings(source),
            files={name: str(file.name) for name, file in sorted(self.files.paths.items())},
        )

    def _warnings(self, source: Source) -> list[str]:
        header, steps = source.header, source.steps
        warnings = list(dict.fromkeys([*self.notes, *source.problems, *steps.problems]))
        partly = partly_frozen(header.selective)
        if partly:
            warnings.append(f"{partly} atoms are frozen along some directions only; listed as free")
        if header.setting("IBRION") in _DISPLACING and len(steps) > 1:
            warnings.append(
                "finite differences: the energy is that of the last displaced structure"
            )
        if len(steps) and steps.energies_ev[-1] > 0:
            warnings.append("the total energy is positive")
        return warnings

    def _status(self, verdict: Verdict, outcar: Outcar | None) -> tuple[Status, str | None]:
        assert self.source is not None
        source, steps = self.source, self.source.steps
        n = len(steps)
        if not source.complete:
            if isinstance(source, Vaspout) and source.aborted:
                return "truncated", f"VASP aborted the run, after {n} ionic steps with a structure"
            made = f"after {n} finished ionic step{'s' if n != 1 else ''}"
            unfinished = steps.unfinished
            if unfinished:
                made += f" and {unfinished} electronic steps of the next"
            return "truncated", f"{self.name} ends {made}, before VASP finished"
        if responds(source.header) and not np.isfinite(steps.energies_ev).any():
            named = source.header.setting("ALGO")
            return "failed", f"ALGO = {named}: VASP computes no total energy in such a run"
        if n == 0:
            return "failed", f"{self.name} holds no ionic step"
        if not np.isfinite(steps.energies_ev[-1]):
            why = next(iter(reversed(steps.problems)), "its energy is absent")
            return "failed", f"{self.name}: {why}"
        for name, other in (("OUTCAR", outcar), ("vaspout.h5", self._vaspout_of_same_run())):
            contradiction = self._compare(name, other) if other is not None else None
            if contradiction:
                return "failed", contradiction
        self._compare_oszicar()
        self.notes += [
            f"{self.name} and {what}"
            for what in structures_apart(source.header, steps, self.files.paths)
        ]
        if source.header.problems or _document(source.header, steps, -1) is None:
            why = next(iter([*source.header.problems, *steps.problems]), "no final structure")
            return "failed", f"{self.name} is damaged: {why}"
        last = [p for p in steps.problems if p.startswith(f"ionic step {n}:") or "final" in p]
        no_forces = not np.isfinite(steps.forces[-1]).all()
        if last or (no_forces and _moves_atoms(source.header)):
            why = next(iter([*last, *steps.problems]), "no forces of the last step")
            return "failed", f"{self.name} is damaged: {why}"
        if verdict.reasons:
            return "unconverged", "; ".join(verdict.reasons)
        if self.name == "vaspout.h5" and verdict.electronic is None:
            return "unconverged", (
                "this vaspout.h5 does not tell whether the electronic steps converged (VASP 6.5 "
                "does); keep the vasprun.xml, OUTCAR or OSZICAR beside it"
            )
        return "converged", None

    def _outcar_of_same_run(self) -> Outcar | None:
        """The OUTCAR, unless it is incomplete or plainly belongs to another run."""
        outcar, source = self.outcar, self.source
        if outcar is None or source is None or outcar is source:
            return outcar
        if not self._belongs("OUTCAR", outcar):
            return None
        header = source.header
        if any(header.setting(name) is None for name in _CRITERIA):  # another program's
            self._complete_settings(outcar.header)
            given, mine = outcar.header.incar, header.incar
            mine.update({key: value for key, value in given.items() if key not in mine})
        if outcar.header.problems:
            self.notes.append(
                f"the OUTCAR is damaged or not VASP's ({'; '.join(outcar.header.problems)}) and "
                "is left aside"
            )
            return None
        return outcar

    def _vaspout_of_same_run(self) -> Vaspout | None:
        """A vaspout.h5 beside what is read, to compare with."""
        if self.vaspout is None and self.name != "vaspout.h5" and _has_h5py():
            self.vaspout = self._open("vaspout.h5", Vaspout)
        if self.vaspout is None or self.vaspout is self.source:
            return None
        return self.vaspout if self._belongs("vaspout.h5", self.vaspout) else None

    def _belongs(self, name: str, other: Source) -> bool:
        """Whether another output is whole and can be of the same run as what is read."""
        assert self.source is not None
        mine, theirs = self.source.header.symbols, other.header.symbols
        if theirs and mine and theirs != mine:
            self.notes.append(f"the {name} is of other atoms and is left aside")
        elif not other.complete:
            self.notes.append(f"the {name} is cut off and is left aside")
        elif self.source.complete and len(other.steps) != len(self.source.steps):
            self.notes.append(
                f"the {name} has another number of ionic steps ({len(other.steps)} instead of "
                f"{len(self.source.steps)}) and is left aside"
            )
        else:
            return True
        return False

    def _compare(self, name: str, other: Source) -> str | None:
        """Note what another output tells otherwise; why nothing counts, where it is decisive."""
        assert self.source is not None
        if other is self.source or not other.complete:
            return None
        last, earlier = steps_apart(self.source.steps, other.steps)
        pair = f"{self.name} and {name} disagree on"
        apart = earlier
        if not self.source.header.is_foreign:  # of another's, one repeats what it was asked
            apart = [*earlier, *settings_apart(self.source.header, other.header)]
        self.notes += [f"{pair} {what}: one of them is damaged" for what in apart]
        if not last:
            return None
        gap = abs(float(other.steps.energies_ev[-1] - self.source.steps.energies_ev[-1]))
        by = f" by {gap:.3g} eV" if last[0] == "energy" else ""
        return f"{pair} the final {last[0]}{by}: one of them is damaged or belongs to another run"

    def _compare_oszicar(self) -> None:
        assert self.source is not None
        if self.oszicar is None or not self.source.complete:
            return
        pair = f"{self.name} and OSZICAR disagree on"
        self.notes += [f"{pair} {what}" for what in oszicar_apart(self.source.steps, self.oszicar)]

    def _add_selective_dynamics(self, header: Header) -> None:
        """An OUTCAR does not say which atoms are frozen; POSCAR and CONTCAR do."""
        told = self.name == "vasprun.xml" and not header.is_foreign
        if header.selective is not None or told:
            return
        for name in ("POSCAR", "CONTCAR"):
            path = self.files.paths.get(name)
            flags = selective_flags(path, len(header.symbols)) if path is not None else None
            if flags is not None:
                header.selective = flags
                return

    def _add_electronic_counts(self, steps: Steps, outcar: Outcar | None) -> None:
        """A vaspout.h5 before VASP 6.5 counts no electronic steps; OUTCAR and OSZICAR do."""
        if self.name != "vaspout.h5" or len(steps) == 0:
            return
        if outcar is not None:
            self._complete_settings(outcar.header)
        if (steps.electronic_counts > 0).any():
            return
        if outcar is not None and len(outcar.steps) == len(steps):
            steps.electronic_counts = outcar.steps.electronic_counts
            steps.electronic_changes_ev = outcar.steps.electronic_changes_ev
        elif self.oszicar is not None and len(self.oszicar.steps) == len(steps):
            steps.electronic_counts = np.array([s.n_electronic for s in self.oszicar.steps])
            changes = [s.last_change_ev for s in self.oszicar.steps]
            steps.electronic_changes_ev = np.array(changes)

    def _complete_settings(self, other: Header) -> None:
        assert self.source is not None
        mine = self.source.header.parameters
        mine.update({key: value for key, value in other.parameters.items() if key not in mine})

    def _from_oszicar(self, kind: str) -> Result:
        assert self.oszicar is not None
        steps = self.oszicar.steps
        result = _failed(kind, "")
        result.status = "truncated"
        result.reason = (
            f"only an OSZICAR could be read: {len(steps)} ionic steps, energies to 8 digits and no "
            "word on how the run ended"
        )
        result.energies_ev = [s.energy_ev for s in steps if np.isfinite(s.energy_ev)]
        result.convergence.n_ionic_steps = len(steps)
        result.warnings = self.notes
        result.files = {name: str(file.name) for name, file in sorted(self.files.paths.items())}
        return result


def _has_h5py() -> bool:
    return find_spec("h5py") is not None


def _is_sound(source: Source) -> bool:
    """Whether a source tells the final energy, structure and forces of a finished run."""
    steps = source.steps
    if not source.complete or source.header.problems or len(steps) == 0:
        return False
    last = (steps.energies_ev[-1], steps.positions[-1], steps.forces[-1])
    return all(bool(np.isfinite(values).all()) for values in last)


def _moves_atoms(header: Header) -> bool:
    """Whether the run's end depends on its forces."""
    return bool(header.setting("NSW", 0) > 1 and header.setting("IBRION", 0) != -1)


def _kind(header: Header) -> str:
    if header.incar.get("IMAGES"):
        return "neb"
    planned, algorithm = header.setting("NSW", 0), header.setting("IBRION", -1)
    if planned and planned > 1 and algorithm == 0:
        return "md"
    if planned and planned > 1 and algorithm in (1, 2, 3):
        return "relax"
    if header.setting("LELF"):
        return "elf"
    return "dos" if (header.setting("ICHARG") or 0) >= 10 else "static"


def _document(header: Header, steps: Steps, i: int) -> dict[str, object] | None:
    cell, positions = steps.cells[i], steps.positions[i]
    if not (np.isfinite(cell).all() and np.isfinite(positions).all()) or not header.symbols:
        return None
    atoms = crystal(header.symbols, cell, positions, header.selective)
    return None if atoms is None else to_document(atoms)


def _initial(header: Header, steps: Steps) -> dict[str, object] | None:
    if header.cell is not None and header.positions is not None and header.symbols:
        if len(header.positions) != len(header.symbols):
            return None
        atoms = crystal(header.symbols, header.cell, header.positions, header.selective)
        return None if atoms is None else to_document(atoms)
    return _document(header, steps, 0) if len(steps) else None


def _stress(stress_kb: FloatArray) -> list[float] | None:
    """From VASP's kB, positive under compression, to eV/A^3, positive under tension, Voigt."""
    if not np.isfinite(stress_kb).all():
        return None
    factor = -_KB_IN_GPA / EV_PER_ANGSTROM3_IN_GPA
    return [float(stress_kb[i, j]) * factor for i, j in _VOIGT]


def _timing(outcar: Outcar | None) -> Timing:
    if outcar is None:
        return Timing()
    found = outcar.timing
    memory = found.get("peak_memory_kb")
    return Timing(
        wall_s=found.get("wall_s"),
        cpu_s=found.get("cpu_s"),
        peak_memory_mb=memory / 1024 if memory else None,
    )

"""`Result`: what one finished calculation says, as one typed, versioned document."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import numpy as np
from ase import Atoms
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from natriface.analysis.results.moves.md_run import MdRun
from natriface.analysis.results.moves.rigid_scan import RigidScan
from natriface.analysis.results.moves.stress_test import StressTest
from natriface.analysis.results.tidied import is_tidied, read_file
from natriface.structures.base.atoms import from_document
from natriface.structures.base.errors import AnalysisError, ReaderError
from natriface.structures.base.reprs import short_repr
from natriface.structures.base.writing import write_atomically
from natriface.structures.chemistry.polyanions import formula

SCHEMA_VERSION = 1
RESULT_FILE = "result.json"

Status = Literal["converged", "unconverged", "truncated", "failed"]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class EngineRecord(_Document):
    """Who computed it: the engine, its version and, for a potential, the model.

    Attributes
    ----------
    weights_sha256
        Checksum of the file that holds the weights of a `model`, or of each; ``None`` where it has
        none or they were not recorded.
    theory
        Level of theory, where it is neither DFT nor, of a `model`, that of a potential.
    """

    name: str
    version: str
    model: str | None = None
    weights_sha256: str | None = None
    theory: str | None = None

    @property
    def level(self) -> str:
        """What kind of energy its energies are, in words that stay with the number."""
        if self.theory is not None:
            return self.theory
        return "DFT" if self.model is None else "interatomic potential, not DFT"

    @property
    def called(self) -> str:
        """The model, or the engine where it has none."""
        return self.model or self.name

    @property
    def words(self) -> str:
        """Engine and level, ``chgnet-0.3.0 (interatomic potential, not DFT)``."""
        return f"{self.called} ({self.level})"


class Convergence(_Document):
    """Whether and how far the calculation converged; ``None`` where it does not apply.

    Attributes
    ----------
    electronic, ionic
        Whether the last self-consistency cycle, and the relaxation, reached their criteria.
    n_ionic_steps
        Number of ionic steps made.
    max_force_ev_per_angstrom
        Largest force on a free atom in the final structure.
    """

    electronic: bool | None = None
    ionic: bool | None = None
    n_ionic_steps: int | None = None
    max_force_ev_per_angstrom: float | None = None


class Timing(_Document):
    """What the calculation cost."""

    wall_s: float | None = None
    cpu_s: float | None = None
    peak_memory_mb: float | None = None


class ElectronicStructure(_Document):
    """What the eigenvalues say; arrays (eigenvalues, DOS, ...) lie in `Result.arrays_file`.

    Attributes
    ----------
    fermi_level_ev, valence_band_maximum_ev, conduction_band_minimum_ev
        On the engine's own energy scale.
    band_gap_ev
        Fundamental gap from the eigenvalues; 0 for a metal.
    band_gap_direct
        Whether the two band edges lie at the same k-point.
    n_electrons, n_bands, n_kpoints, n_spins
        Sizes.
    magnetization_bohr_magneton
        Total moment of the cell.
    """

    fermi_level_ev: float | None = None
    valence_band_maximum_ev: float | None = None
    conduction_band_minimum_ev: float | None = None
    band_gap_ev: float | None = None
    band_gap_direct: bool | None = None
    n_electrons: float | None = None
    n_bands: int | None = None
    n_kpoints: int | None = None
    n_spins: int | None = None
    magnetization_bohr_magneton: float | None = None


class StepRecord(_Document):
    """Which step of a plan this is the result of, and what its structure stands for."""

    id: str
    name: str
    metadata: dict[str, Any] = Field(default_factory=dict)


class Result(_Document):
    """One finished calculation.

    Attributes
    ----------
    kind
        ``relax``, ``static``, ``dos``, ``elf``, ``levels``, ``lobster``, ``neb`` or ``md``.
    status, reason
        ``converged``, or what else it is and why; only a converged result has a number.
    settings
        Everything that decides the energy (cut-off, k-points, functional, model, ...); energies
        are subtracted only between results whose engine, protocol and settings agree.
    path_settings
        Those of them that steer only the way there, as its engine declares; ``None`` for what
        `natriface.analysis.results.deciding` knows.
    energy_ev
        Total energy extrapolated to zero electronic temperature, of the final structure.
    free_energy_ev
        Total energy including -TS of the smearing, consistent with the forces.
    forces_ev_per_angstrom
        (n, 3), of the final structure, constraints not applied.
    stress_ev_per_angstrom3
        (6,) Voigt xx, yy, zz, yz, xz, xy; positive under tension, as in ASE.
    initial_structure, final_structure
        Documents of `natriface.structures.base.atoms`.
    energies_ev
        Of every ionic step, for the course of a relaxation.
    corrections
        What an error handler changed on the way, in words.
    stress_test
        What the potential bore at constant energy before it annealed the start, or before
        molecular dynamics.
    dynamics
        Of molecular dynamics; its energy is that of the last frame.
    bonding
        lobsterpy's automatic analysis in sentences: relevant bonds and their ICOHPs by site; its
        numbers are in the file that `files` lists as ``lobsterpy``.
    scan
        Of a rigid scan of registries and gaps, whose lowest point is the final structure.
    arrays_file
        Name of an ``.npz`` in the result's folder with the large arrays.
    """

    schema_version: int = SCHEMA_VERSION
    kind: str
    status: Status
    reason: str | None = None
    engine: EngineRecord
    protocol: str | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    path_settings: tuple[str, ...] | None = None
    step: StepRecord | None = None
    energy_ev: float | None = None
    free_energy_ev: float | None = None
    forces_ev_per_angstrom: list[list[float]] | None = None
    stress_ev_per_angstrom3: list[float] | None = None
    initial_structure: dict[str, Any] | None = None
    final_structure: dict[str, Any] | None = None
    energies_ev: list[float] = Field(default_factory=list)
    convergence: Convergence = Field(default_factory=Convergence)
    electronic: ElectronicStructure | None = None
    timing: Timing = Field(default_factory=Timing)
    corrections: list[str] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list)
    stress_test: StressTest | None = None
    dynamics: MdRun | None = None
    bonding: list[str] = Field(default_factory=list)
    files: dict[str, str] = Field(default_factory=dict)
    scan: RigidScan | None = None
    arrays_file: str | None = None

    def __repr__(self) -> str:
        numbers = (self.final_structure or {}).get("numbers") or []
        size = f"{formula(np.array(numbers))}, {len(numbers)} atoms" if numbers else ""
        energy = "" if self.energy_ev is None else f"{self.energy_ev:.6f} eV"
        return short_repr(self, self.label, self.status, size, energy, self.engine.words)

    __str__ = __repr__

    @property
    def label(self) -> str:
        """The step's name, or the kind of calculation where there is no step."""
        return self.step.name if self.step else self.kind

    def converged_energy_ev(self) -> float:
        """The energy, if the calculation is sound.

        Raises
        ------
        AnalysisError
            If it failed, did not converge, or was cut off: such a run has no energy.
        """
        if self.status != "converged" or self.energy_ev is None:
            raise AnalysisError(
                f"{self.label}: no energy, the calculation is {self.status}"
                + (f" ({self.reason})" if self.reason else "")
            )
        return self.energy_ev

    def initial_atoms(self) -> Atoms:
        """The structure the calculation started from."""
        return self._atoms(self.initial_structure, "initial")

    def final_atoms(self) -> Atoms:
        """The structure the energy belongs to."""
        return self._atoms(self.final_structure, "final")

    def composition(self) -> Counter[str]:
        """Atoms of each element in that structure."""
        return Counter(self.final_atoms().get_chemical_symbols())

    def _atoms(self, document: dict[str, Any] | None, which: str) -> Atoms:
        if document is None:
            raise AnalysisError(f"{self.label}: the result holds no {which} structure")
        return from_document(document)

    def save(self, folder: Path | str) -> Path:
        """Write ``result.json`` into `folder` in one atomic step and return its path."""
        path = Path(folder) / RESULT_FILE
        write_atomically(path, self.model_dump_json(indent=1, exclude_none=True))
        return path

    @classmethod
    def load(cls, path: Path | str) -> Result:
        """Read a result from its file or folder, which may be packed away (`tidied`).

        Raises
        ------
        ReaderError
            If it is absent, not a result, or written by a newer natriface.
        """
        path = Path(path)
        if path.is_dir() or (not path.exists() and is_tidied(path)):
            path = path / RESULT_FILE
        try:
            content = json.loads(read_file(path.parent, path.name))
        except FileNotFoundError:
            raise ReaderError(f"{path}: no result here; has the step been run?") from None
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ReaderError(f"{path}: not a result ({error}); read the step again") from None
        version = content.get("schema_version") if isinstance(content, dict) else None
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise ReaderError(
                f"{path}: written by a newer natriface (schema {version} > {SCHEMA_VERSION}); "
                "update natriface to read it"
            )
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ReaderError(f"{path}: not a result ({where}: {first['msg']})") from None

"""The machine-learned potential as an engine: any ASE calculator, CHGNet by default."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.io import write as write_atoms
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from natriface.analysis.results.deciding import PATH_SETTINGS
from natriface.analysis.results.result import Convergence, EngineRecord, Result, StepRecord, Timing
from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import EngineError, ReaderError, nearest
from natriface.structures.base.numbers import Real, Whole
from natriface.structures.base.writing import write_atomically
from natriface.structures.interfaces.restacking import slide_film
from natriface.workflows.engines.bands.run import band_result, check_band, run_band, write_band
from natriface.workflows.engines.bands.search import BandSettings, ForceCall
from natriface.workflows.engines.base import Capabilities, Estimate, load_folder
from natriface.workflows.engines.potential.annealing import Annealing, anneal
from natriface.workflows.engines.potential.calculators import (
    calculator_version,
    check_atoms,
    check_calculator,
    cost_of,
    make_calculator,
    weights_of,
)
from natriface.workflows.engines.potential.doctor import examine
from natriface.workflows.engines.potential.families import DEFAULT
from natriface.workflows.engines.potential.scanning import SCAN_FILE, Scan, scan_rigidly
from natriface.workflows.engines.relaxation import (
    RELAXING_CELL,
    TELLING_STRESS,
    TRAJECTORY_FILE,
    Relaxation,
)
from natriface.workflows.plan import Step
from natriface.workflows.processes import peak_memory_mb

OUTCOME_FILE = "outcome.json"
RUNAWAY_FORCE_EV_PER_ANGSTROM = 1000.0
"""Beyond any physical force: the potential has left the ground it was trained on."""

START_S = 0.1
"""Of a step, in a process that has the potential loaded."""
FORCE_CALLS = {"RFO": 45, "LBFGS": 75, "BFGS": 75, "FIRE": 150}
"""Of a relaxation of a slab or interface from built geometry: by CHGNet, slabs of NZSP of 40 atoms
took 34 to 45, 74 to 76, 74 to 76 and 94 to 178, interfaces more, films of NaF and Na 5 to 29."""


class PotentialSettings(BaseModel):
    """What decides a result of this engine.

    Attributes
    ----------
    model, model_options
        Calculator by name (`natriface.workflows.engines.potential.calculators`) and its options.
    optimizer
        An optimiser of `ase.optimize` that can resume, or RFO, which starts with a Hessian of
        springs (`natriface.workflows.engines.model_hessian`) and leaves saddles.
    fmax_ev_per_angstrom
        A relaxation ends when no free atom feels more.
    max_steps
        A relaxation that needs more is unconverged.
    max_displacement_angstrom
        Longest move of an atom in one step.
    relax_cell
        Whether the cell is relaxed too (bulk only).
    stress
        Whether the final stress is computed, as it is where the cell is relaxed.
    rattle_angstrom
        Standard deviation of the random displacements (always the same) that free atoms get
        before a relaxation, so that a symmetric start cannot end on a saddle.
    anneal
        Molecular dynamics before a relaxation, so that it ends in another minimum.
    scan
        Registries and heights of an interface's film at which a single point is computed first,
        rigidly, energies only; the single point is that of the lowest.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = DEFAULT
    model_options: dict[str, Any] = Field(default_factory=dict)
    optimizer: Literal["LBFGS", "BFGS", "FIRE", "RFO"] = "LBFGS"
    fmax_ev_per_angstrom: Real = Field(default=0.02, gt=0)
    max_steps: Whole = Field(default=600, gt=0)
    max_displacement_angstrom: Real = Field(default=0.2, gt=0, le=1)
    relax_cell: bool = False
    stress: bool = False
    rattle_angstrom: Real = Field(default=0.0, ge=0, le=0.2)
    anneal: Annealing | None = None
    scan: Scan | None = None

    @property
    def tells_stress(self) -> bool:
        """Whether the calculator must compute it."""
        return self.relax_cell or self.stress


class PotentialBandSettings(BandSettings):
    """What decides a band of this engine; see `PotentialSettings` and `BandSettings`."""

    model: str = DEFAULT
    model_options: dict[str, Any] = Field(default_factory=dict)


Settings = TypeVar("Settings", PotentialSettings, PotentialBandSettings)


class PotentialEngine:
    """Relaxations, single points and bands with an ASE calculator."""

    name = "potential"
    capabilities = Capabilities(
        kinds=("relax", "static", "neb"),
        anneals=True,
        scans=True,
        path_settings=PATH_SETTINGS["potential"],
        relaxing_cell=RELAXING_CELL,
        telling_stress=TELLING_STRESS,
        examine=examine,
    )

    def settings(self, settings: dict[str, Any], where: str) -> PotentialSettings:
        """Validated settings of a relaxation or single point.

        Raises
        ------
        EngineError
            Naming the wrong key or value and the nearest valid one.
        """
        return _validated(PotentialSettings, settings, where)

    def band_settings(self, settings: dict[str, Any], where: str) -> PotentialBandSettings:
        """Validated settings of a band.

        Raises
        ------
        EngineError
            Naming the wrong key or value and the nearest valid one.
        """
        return _validated(PotentialBandSettings, settings, where)

    def check(self, step: Step) -> None:
        """See `natriface.workflows.engines.base.Engine.check`."""
        self.capabilities.require_kind(step)
        settings: PotentialSettings | PotentialBandSettings
        if step.kind == "neb":
            check_band(step)
            settings = self.band_settings(step.settings, step.name)
        else:
            settings = self.settings(step.settings, step.name)
        if isinstance(settings, PotentialSettings) and settings.scan and step.kind != "static":
            raise EngineError(f"{step.name}: a scan is rigid: it is a setting of kind static")
        needs: tuple[str, ...] = ("energy", "forces")
        if isinstance(settings, PotentialSettings) and settings.tells_stress:
            needs += ("stress",)
        try:
            check_calculator(settings.model, settings.model_options, needs)
            if step.structure is not None:
                check_atoms(settings.model, step.atoms())
        except EngineError as error:
            raise type(error)(f"{step.name}: {error}") from None

    def estimate(self, step: Step) -> Estimate:
        """From what a force call of the potential costs, as declared."""
        if step.kind == "neb":
            band = self.band_settings(step.settings, step.name)
            model = band.model
            n_calls = min(5 * (band.n_images or 5), band.max_force_calls)
        else:
            settings = self.settings(step.settings, step.name)
            model = settings.model
            n_calls = 1
            if step.kind == "relax":
                n_calls = min(FORCE_CALLS[settings.optimizer], settings.max_steps)
            if settings.anneal is not None:
                n_calls += settings.anneal.n_steps
            if settings.scan is not None:
                n_calls += settings.scan.n_points + 2
        cost, measured_with = cost_of(model)
        return Estimate(
            core_seconds=START_S + 1e-3 * cost.ms_per_atom * step.n_atoms * n_calls,
            memory_mb=cost.start_mb + cost.mb_per_atom * step.n_atoms,
            basis=f"{n_calls} force calls at {cost.ms_per_atom:g} ms an atom, as measured with "
            f"{measured_with} on one core",
            n_ionic_steps=n_calls,
        )

    def write(self, folder: Path) -> None:
        """Write the structure in a form people and other programs read."""
        step, atoms = load_folder(folder)
        self.check(step)
        if step.kind == "neb":
            write_band(folder, step, atoms, self.band_settings(step.settings, step.name))
            return
        write_atoms(folder / "initial.extxyz", atoms, format="extxyz")

    def run(self, folder: Path) -> None:
        """Run the step, going on from its checkpoint if there is one; once is enough."""
        if _has_converged(folder):
            return
        step, atoms = load_folder(folder)
        if step.kind == "neb":
            self._run_band(folder, step, atoms)
            return
        settings = self.settings(step.settings, step.name)
        weights = weights_of(settings.model, settings.model_options)
        calculator = make_calculator(settings.model, settings.model_options)
        started, cpu_started = time.monotonic(), time.process_time()
        scan = None
        if settings.scan is not None:
            scan = scan_rigidly(folder, atoms, settings.scan, calculator)
            best = scan.ranked()[0]
            atoms = slide_film(atoms, best.shift, best.lift_angstrom)
        atoms.calc = calculator
        if step.kind == "static":
            converged, n_steps, energies = True, 0, [_sound_energy(atoms, step.name)]
        else:
            if settings.anneal is not None:
                anneal(folder, atoms, settings.anneal, lambda: _sound_energy(atoms, step.name))
            relaxation = Relaxation(folder, atoms, settings)
            converged = relaxation.run(lambda: _sound_energy(atoms, step.name))
            n_steps, energies = relaxation.n_steps, relaxation.energies_ev
        stress = atoms.get_stress().tolist() if settings.tells_stress else None
        outcome = {
            "converged": converged,
            "n_steps": n_steps,
            "energies_ev": energies,
            "forces_ev_per_angstrom": atoms.get_forces(apply_constraint=False).tolist(),
            "max_force_ev_per_angstrom": largest_force(atoms),
            "stress_ev_per_angstrom3": stress,
            "final_structure": to_document(atoms),
            "scan": None if scan is None else scan.model_dump(mode="json"),
            "version": calculator_version(settings.model, calculator),
            "weights": weights,
            "wall_s": time.monotonic() - started,
            "cpu_s": time.process_time() - cpu_started,
            "peak_memory_mb": peak_memory_mb(),
        }
        write_atomically(folder / OUTCOME_FILE, json.dumps(outcome))

    def _run_band(self, folder: Path, step: Step, atoms: Atoms) -> None:
        settings = self.band_settings(step.settings, step.name)
        weights = weights_of(settings.model, settings.model_options)
        calculator = make_calculator(settings.model, settings.model_options)

        def version() -> str:
            return calculator_version(settings.model, calculator)

        force_call = force_call_of(calculator)
        run_band(folder, step, atoms, settings, force_call, version, weights=weights)

    def read(self, folder: Path) -> Result:
        """See `natriface.workflows.engines.base.Engine.read`."""
        step, atoms = load_folder(folder)
        if step.kind == "neb":
            band = self.band_settings(step.settings, step.name)
            model = EngineRecord(
                name=self.name, version=calculator_version(band.model), model=band.model
            )
            return band_result(folder, step, atoms, band, model)
        settings = self.settings(step.settings, step.name)
        try:
            outcome = json.loads((folder / OUTCOME_FILE).read_text())
        except FileNotFoundError:
            outcome = None
        except ValueError as error:
            raise ReaderError(f"{folder / OUTCOME_FILE} cannot be read ({error})") from None
        version = outcome["version"] if outcome is not None else calculator_version(settings.model)
        common: dict[str, Any] = {
            "kind": step.kind,
            "engine": EngineRecord(
                name=self.name,
                version=version,
                model=settings.model,
                weights_sha256=(outcome or {}).get("weights"),
            ),
            "protocol": step.protocol,
            "settings": step.settings,
            "step": StepRecord(id=step.id, name=step.name, metadata=step.metadata),
            "initial_structure": to_document(atoms),
        }
        if outcome is None:
            n_frames = _count_frames(folder / TRAJECTORY_FILE)
            reason = f"the run did not end; {n_frames} ionic steps are in {TRAJECTORY_FILE}"
            return Result(**common, status="truncated", reason=reason)
        files = {"initial": "initial.extxyz"}
        if (folder / TRAJECTORY_FILE).is_file():
            files["trajectory"] = TRAJECTORY_FILE
        if settings.scan is not None:
            files["scan"] = SCAN_FILE
        return Result(**common, **_of_outcome(outcome, step.kind, settings), files=files)


def _of_outcome(outcome: dict[str, Any], kind: str, settings: PotentialSettings) -> dict[str, Any]:
    """What a run that has ended adds to its result."""
    converged = bool(outcome["converged"])
    reason = (
        f"forces still {outcome['max_force_ev_per_angstrom']:.3f} eV/A after "
        f"{outcome['n_steps']} steps (asked: {settings.fmax_ev_per_angstrom}); "
        "raise max_steps or look at the trajectory"
    )
    return {
        "status": "converged" if converged else "unconverged",
        "reason": None if converged else reason,
        "energy_ev": outcome["energies_ev"][-1],
        "free_energy_ev": outcome["energies_ev"][-1],
        "forces_ev_per_angstrom": outcome["forces_ev_per_angstrom"],
        "stress_ev_per_angstrom3": outcome["stress_ev_per_angstrom3"],
        "final_structure": outcome["final_structure"],
        "energies_ev": outcome["energies_ev"],
        "scan": outcome.get("scan"),
        "convergence": Convergence(
            ionic=converged if kind == "relax" else None,
            n_ionic_steps=outcome["n_steps"],
            max_force_ev_per_angstrom=outcome["max_force_ev_per_angstrom"],
        ),
        "timing": Timing(
            wall_s=outcome["wall_s"],
            cpu_s=outcome["cpu_s"],
            peak_memory_mb=outcome["peak_memory_mb"],
        ),
    }


def force_call_of(calculator: Calculator) -> ForceCall:
    """Energies and forces of images from one calculator that all of them share."""

    def force_call(image: int, atoms: Atoms) -> tuple[float, Any]:
        atoms.calc = calculator
        energy = _sound_energy(atoms)
        return energy, atoms.get_forces(apply_constraint=False)

    return force_call


def largest_force(atoms: Atoms) -> float:
    """Largest force on a free atom, eV/A."""
    return float(np.linalg.norm(atoms.get_forces(), axis=1).max())


def _validated(model: type[Settings], settings: dict[str, Any], where: str) -> Settings:
    try:
        return model.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        unknown = first["type"] == "extra_forbidden"
        hint = f" ({nearest(key, model.model_fields)})" if unknown else ""
        raise EngineError(
            f"{where}: setting {key!r} of engine potential: {first['msg']}{hint}"
        ) from None


def _sound_energy(atoms: Atoms, name: str = "") -> float:
    energy = float(atoms.get_potential_energy())
    force = largest_force(atoms)
    if not math.isfinite(energy) or not force < RUNAWAY_FORCE_EV_PER_ANGSTROM:
        raise EngineError(
            f"{name and name + ': '}the potential gives energy {energy:.3g} eV and force "
            f"{force:.3g} eV/A; the structure has overlapping atoms or lies outside what the "
            "potential knows"
        )
    return energy


def _has_converged(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / OUTCOME_FILE).read_text())["converged"])
    except FileNotFoundError:
        return False


def _count_frames(path: Path) -> int:
    """Whole frames of an extxyz trajectory; a last one cut off does not count."""
    if not path.is_file():
        return 0
    lines = path.read_text(errors="replace").splitlines()
    n_frames = position = 0
    while position < len(lines) and lines[position].strip().isdigit():
        position += int(lines[position]) + 2
        n_frames += position <= len(lines)
    return n_frames


ENGINE = PotentialEngine()

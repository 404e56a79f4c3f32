"""The machine-learned potential as an engine: any ASE calculator, CHGNet by default."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.io import write as write_atoms

from natriface.analysis.results.deciding import PATH_SETTINGS
from natriface.analysis.results.moves.stress_test import StressTest
from natriface.analysis.results.result import Convergence, EngineRecord, Result, StepRecord, Timing
from natriface.analysis.results.wording import counted
from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import EngineError, ReaderError
from natriface.structures.base.writing import write_atomically
from natriface.structures.interfaces.restacking import slide_film
from natriface.workflows.engines.bands.run import band_result, check_band, run_band, write_band
from natriface.workflows.engines.bands.search import ForceCall
from natriface.workflows.engines.base import Capabilities, Estimate, load_folder
from natriface.workflows.engines.potential.annealing import anneal
from natriface.workflows.engines.potential.calculators import (
    calculator_version,
    check_atoms,
    check_calculator,
    cost_of,
    make_calculator,
    pinned,
    weights_of,
)
from natriface.workflows.engines.potential.doctor import examine
from natriface.workflows.engines.potential.families import potential_of
from natriface.workflows.engines.potential.molecular_dynamics import MdSettings, run_dynamics
from natriface.workflows.engines.potential.scanning import SCAN_FILE, scan_rigidly
from natriface.workflows.engines.potential.settings import (
    PotentialBandSettings,
    PotentialSettings,
    doubts,
    settings_of,
    validated,
)
from natriface.workflows.engines.potential.stress_test import largest_force
from natriface.workflows.engines.relaxation import (
    RELAXING_CELL,
    TELLING_STRESS,
    TRAJECTORY_FILE,
    Relaxation,
    unconverged,
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


def _citation(model: str) -> str | None:
    potential = potential_of(model)
    return None if potential is None else potential.citation


def _load(step: Step) -> None:
    """Have the potential's weights in this process; others' calculators are made anew each time."""
    settings = settings_of(step)
    if potential_of(settings.model) is not None:
        make_calculator(settings.model, settings.model_options)


class PotentialEngine:
    """Relaxations, single points, bands and molecular dynamics with an ASE calculator."""

    name = "potential"
    capabilities = Capabilities(
        kinds=("relax", "static", "neb", "md"),
        anneals=True,
        thermostat=lambda kelvin, seed: {"kelvin": kelvin, "seed": seed},
        scans=True,
        path_settings=PATH_SETTINGS["potential"],
        pinned=pinned,
        doubts=doubts,
        relaxing_cell=RELAXING_CELL,
        telling_stress=TELLING_STRESS,
        examine=examine,
        citation=_citation,
        load=_load,
    )

    def check(self, step: Step) -> None:
        """See `natriface.workflows.engines.base.Engine.check`."""
        self.capabilities.require_kind(step)
        if step.kind == "neb":
            check_band(step)
        settings = settings_of(step)
        if isinstance(settings, PotentialSettings) and settings.scan and step.kind != "static":
            raise EngineError(f"{step.name}: a scan is rigid: it is a setting of kind static")
        tells_stress = isinstance(settings, PotentialSettings) and settings.tells_stress
        needs = ("energy", "forces", "stress") if tells_stress else ("energy", "forces")
        try:
            check_calculator(settings.model, settings.model_options, needs, settings.model_source)
            if step.structure is not None:
                check_atoms(settings.model, step.atoms())
            if isinstance(settings, MdSettings):
                settings.require_room(step.n_atoms)
        except EngineError as error:
            raise type(error)(f"{step.name}: {error}") from None

    def estimate(self, step: Step) -> Estimate:
        """From what a force call of the potential costs, as declared."""
        settings = settings_of(step)
        n_energies = 0
        if isinstance(settings, PotentialBandSettings):
            n_calls = min(5 * (settings.n_images or 5), settings.max_force_calls)
        elif isinstance(settings, MdSettings):
            n_calls = settings.n_force_calls
        else:
            n_calls = 1
            if step.kind == "relax":
                n_calls = min(FORCE_CALLS[settings.optimizer], settings.max_steps)
            if settings.anneal is not None:
                n_calls += settings.anneal.n_force_calls
            if settings.scan is not None:
                n_energies = settings.scan.n_expected
        cost, measured_with = cost_of(settings.model)
        return Estimate(
            core_seconds=START_S
            + 1e-3 * cost.ms_per_atom * step.n_atoms * (n_calls + cost.energy_share * n_energies),
            memory_mb=cost.start_mb + cost.mb_per_atom * step.n_atoms,
            basis=f"{counted(n_calls, 'force call')} at {cost.ms_per_atom:g} ms an atom"
            + (
                f" and {n_energies} energies alone at {cost.energy_share:g} of it"
                if n_energies
                else ""
            )
            + f", as measured with {measured_with} on one core",
            n_ionic_steps=n_calls + n_energies,
        )

    def write(self, folder: Path) -> None:
        """Write the structure in a form people and other programs read."""
        step, atoms = load_folder(folder)
        self.check(step)
        if step.kind == "neb":
            write_band(folder, step, atoms, validated(PotentialBandSettings, step))
            return
        write_atoms(folder / "initial.extxyz", atoms, format="extxyz")

    def run(self, folder: Path) -> None:
        """Run the step, going on from its checkpoint if there is one; once is enough."""
        if _has_converged(folder):
            return
        step, atoms = load_folder(folder)
        settings = settings_of(step)
        weights = weights_of(settings.model, settings.model_options)
        calculator = make_calculator(settings.model, settings.model_options, settings.model_source)

        def version() -> str:
            return calculator_version(settings.model, calculator, settings.model_source)

        if isinstance(settings, PotentialBandSettings):
            force_call = force_call_of(calculator)
            run_band(folder, step, atoms, settings, force_call, version, weights=weights)
            return
        started, cpu_started = time.monotonic(), time.process_time()
        if isinstance(settings, MdSettings):
            atoms.calc = calculator
            found = _moved(folder, atoms, settings, step.name)
        else:
            atoms, found = _relaxed(folder, atoms, settings, step, calculator)
        outcome = {
            **found,
            "forces_ev_per_angstrom": atoms.get_forces(apply_constraint=False).tolist(),
            "max_force_ev_per_angstrom": largest_force(atoms),
            "final_structure": to_document(atoms),
            "version": version(),
            "weights": weights,
            "wall_s": time.monotonic() - started,
            "cpu_s": time.process_time() - cpu_started,
            "peak_memory_mb": peak_memory_mb(),
        }
        write_atomically(folder / OUTCOME_FILE, json.dumps(outcome))

    def read(self, folder: Path) -> Result:
        """See `natriface.workflows.engines.base.Engine.read`."""
        step, atoms = load_folder(folder)
        settings = settings_of(step)
        if isinstance(settings, PotentialBandSettings):
            version = calculator_version(settings.model, source=settings.model_source)
            model = EngineRecord(name=self.name, version=version, model=settings.model)
            return band_result(folder, step, atoms, settings, model)
        try:
            outcome = json.loads((folder / OUTCOME_FILE).read_text())
        except FileNotFoundError:
            outcome = None
        except ValueError as error:
            raise ReaderError(f"{folder / OUTCOME_FILE} cannot be read ({error})") from None
        version = (outcome or {}).get("version") or calculator_version(
            settings.model, source=settings.model_source
        )
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
        if isinstance(settings, PotentialSettings) and settings.scan is not None:
            files["scan"] = SCAN_FILE
        return Result(**common, **_of_outcome(outcome, step.kind, settings), files=files)


def _relaxed(
    folder: Path, atoms: Atoms, settings: PotentialSettings, step: Step, calculator: Calculator
) -> tuple[Atoms, dict[str, Any]]:
    """The atoms of a relaxation or single point, and what of it goes into the outcome."""
    scan = None
    if settings.scan is not None:
        scan = scan_rigidly(folder, atoms, settings.scan, calculator)
        best = scan.ranked()[0]
        atoms = slide_film(atoms, best.shift, best.lift_angstrom)
    atoms.calc = calculator

    def energy() -> float:
        return _sound_energy(atoms, step.name)

    tested: StressTest | None = None
    if step.kind == "static":
        converged, n_steps, energies = True, 0, [energy()]
    else:
        if settings.anneal is not None:
            model = f"{step.name}: {settings.model}"
            tested = anneal(folder, atoms, settings.anneal, energy, model)
        relaxation = Relaxation(folder, atoms, settings)
        converged = relaxation.run(energy)
        n_steps, energies = relaxation.n_steps, relaxation.energies_ev
    return atoms, {
        "converged": converged,
        "n_steps": n_steps,
        "energies_ev": energies,
        "stress_ev_per_angstrom3": atoms.get_stress().tolist() if settings.tells_stress else None,
        "scan": None if scan is None else scan.model_dump(mode="json"),
        "stress_test": None if tested is None else tested.model_dump(),
    }


def _moved(folder: Path, atoms: Atoms, settings: MdSettings, name: str) -> dict[str, Any]:
    """Move the atoms by molecular dynamics; gives what of it goes into the outcome."""
    model = f"{name}: {settings.model}"
    run, tested = run_dynamics(folder, atoms, settings, lambda: _sound_energy(atoms, name), model)
    return {
        "converged": True,
        "n_steps": settings.n_all,
        "energies_ev": run.energies_ev,
        "stress_ev_per_angstrom3": None,
        "stress_test": tested.model_dump(),
        "dynamics": run.model_dump(),
    }


def _of_outcome(
    outcome: dict[str, Any], kind: str, settings: PotentialSettings | MdSettings
) -> dict[str, Any]:
    """What a run that has ended adds to its result."""
    converged = bool(outcome["converged"])
    reason = None
    if isinstance(settings, PotentialSettings):
        force = outcome["max_force_ev_per_angstrom"]
        reason = unconverged(force, outcome["n_steps"], settings.fmax_ev_per_angstrom)
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
        "stress_test": outcome.get("stress_test"),
        "dynamics": outcome.get("dynamics"),
    }


def force_call_of(calculator: Calculator) -> ForceCall:
    """Energies and forces of images from one calculator that all of them share."""

    def force_call(image: int, atoms: Atoms) -> tuple[float, Any]:
        atoms.calc = calculator
        energy = _sound_energy(atoms)
        return energy, atoms.get_forces(apply_constraint=False)

    return force_call


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

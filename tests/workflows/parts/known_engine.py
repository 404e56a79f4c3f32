"""An engine whose answers are known beforehand, for the steps of all parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from natriface.analysis.results.moves.md_run import MdRun
from natriface.analysis.results.result import Convergence, ElectronicStructure, EngineRecord, Result
from natriface.structures.base.atoms import to_document
from natriface.structures.base.conversions import EV_PER_ANGSTROM3_IN_GPA
from natriface.structures.paths.images import displacements
from natriface.workflows.engines.base import Capabilities, input_structure, load_folder
from natriface.workflows.plan import Step, StructureFrom
from tests.workflows.parts.test_electronic_section import bonds_of, densities, write_elfcar
from tests.workflows.trivial_engine import TrivialEngine
from tests.written.grids import potential

BARRIER_EV = 0.3
BULK_GPA, SHEAR_GPA = 40.0, 25.0
N_IMAGES = 7


def energy_ev(n_atoms: int) -> float:
    """Not linear, so that what is subtracted from what can be told."""
    return -(float(n_atoms) ** 1.1)


class KnownEngine(TrivialEngine):
    """Moves nothing; energies by the number of atoms, every band a sine squared."""

    def __init__(self, capabilities: Capabilities) -> None:
        self.capabilities = capabilities

    def read(self, folder: Path) -> Result:
        step, atoms = load_folder(folder)
        result = super().read(folder)
        files = {"state": "output.txt", "OUTCAR": "output.txt"}
        arrays, electronic = None, None
        if step.kind == "neb":
            write(folder / "band.extxyz", band(atoms, input_structure(folder, "final")))
            files["band"] = "band.extxyz"
        elif step.kind == "bonding":
            bonds_of(atoms).save(folder)
        elif step.kind == "md":
            write(folder / "trajectory.extxyz", motion(atoms))
            files["trajectory"] = "trajectory.extxyz"
        elif step.kind == "elf":
            write_elfcar(folder / "ELFCAR", atoms)
        elif step.kind == "levels":
            (folder / "LOCPOT").write_text(potential(atoms, well(atoms)))
            electronic = ElectronicStructure(
                fermi_level_ev=0.3, valence_band_maximum_ev=0.0,
                conduction_band_minimum_ev=4.0, band_gap_ev=4.0,
            )  # fmt: skip
        elif step.kind == "dos":
            arrays = "arrays.npz"
            np.savez(folder / arrays, **densities(atoms, 0.0, 0.0))
            electronic = ElectronicStructure(
                fermi_level_ev=0.0, valence_band_maximum_ev=0.0,
                conduction_band_minimum_ev=4.0, band_gap_ev=4.0,
            )  # fmt: skip
        return result.model_copy(
            update={
                "engine": EngineRecord(name=step.engine, version="1", model="known"),
                "energy_ev": energy_ev(len(atoms)),
                "stress_ev_per_angstrom3": stress(step),
                "initial_structure": to_document(atoms),
                "final_structure": to_document(atoms),
                "convergence": Convergence(ionic=True, n_ionic_steps=1),
                "files": files,
                "arrays_file": arrays,
                "electronic": electronic,
                "dynamics": motion_record(step) if step.kind == "md" else None,
            }
        )


def well(atoms: Atoms) -> np.ndarray:
    """-10 eV within 1.5 A of a slab's planes, 6 eV in its vacuum."""
    height = atoms.cell.lengths()[2]
    places = np.arange(300) * height / 300
    away = places[:, None] - atoms.positions[:, 2]
    away -= height * np.round(away / height)
    values = np.where(np.abs(away).min(axis=1) < 1.5, -10.0, 6.0)
    return np.broadcast_to(values, (1, 1, 300))


def stress(step: Step) -> list[float]:
    """Of an isotropic solid of `BULK_GPA` and `SHEAR_GPA` whose cell the step deforms, eV/A3."""
    gradient = np.eye(3)
    if isinstance(step.structure_from, StructureFrom) and step.structure_from.deformation:
        gradient = np.array(step.structure_from.deformation)
    strain = (gradient.T @ gradient - np.eye(3)) / 2
    lame = BULK_GPA - 2 * SHEAR_GPA / 3
    second = lame * np.trace(strain) * np.eye(3) + 2 * SHEAR_GPA * strain
    cauchy = gradient @ second @ gradient.T / np.linalg.det(gradient) / EV_PER_ANGSTROM3_IN_GPA
    return [float(x) for x in cauchy[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]]


def motion(atoms: Atoms) -> list[Atoms]:
    """Every F far away in the second half, which is the production."""
    frames = [atoms.copy() for _ in range(4)]
    for k, frame in enumerate(frames):
        frame.set_constraint()
        frame.info = {"production": k >= 2}
        if k >= 2:
            frame.positions[frame.symbols == "F", 2] += 0.35 * frame.cell.lengths()[2]
    return frames


def motion_record(step: Step) -> MdRun:
    """Of `motion`."""
    return MdRun(
        kelvin=step.settings["kelvin"], timestep_fs=1, friction_per_fs=0.01,
        seed=step.settings["seed"], n_steps_before=2, n_steps=2,
        times_ps=[0.0, 0.001, 0.002, 0.003], kelvins=[300.0] * 4, energies_ev=[0.0] * 4,
        mean_kelvin=300.0, sd_kelvin=10.0,
    )  # fmt: skip


def band(initial: Atoms, final: Atoms) -> list[Atoms]:
    """Images on the straight path, with energies and the forces that belong to them."""
    way = displacements(initial, final)
    images = []
    for s in np.linspace(0, 1, N_IMAGES):
        image = initial.copy()
        image.set_constraint()
        image.positions += s * way
        slope = BARRIER_EV * np.pi * np.sin(2 * np.pi * s)
        energy = energy_ev(len(initial)) + BARRIER_EV * np.sin(np.pi * s) ** 2
        forces = -slope * way / np.sum(way**2)
        image.calc = SinglePointCalculator(image, energy=energy, forces=forces)
        images.append(image)
    return images

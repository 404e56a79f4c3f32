"""A relaxation with an ASE optimiser that goes on exactly where it was killed."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from ase import Atoms
from ase.cell import Cell
from ase.filters import FrechetCellFilter
from ase.io import write as write_atoms
from ase.optimize import BFGS, FIRE, LBFGS
from scipy.linalg import eigh

from natriface.analysis.results.wording import counted
from natriface.structures.base.arrays import FloatArray
from natriface.structures.base.writing import write_atomically
from natriface.workflows.engines.base import EndedEarlyError, end_requested
from natriface.workflows.engines.checkpoints import load_checkpoint
from natriface.workflows.engines.model_hessian import model_hessian

TRAJECTORY_FILE = "trajectory.extxyz"
CHECKPOINT_FILE = "checkpoint.json"
CHECKPOINT_INTERVAL_S = 5.0
LBFGS_MEMORY = 40
RATTLE_SEED = 2025
"""Of the random displacements, where settings do not give another."""
RELAXING_CELL = {"relax_cell": True, "rattle_angstrom": 0.0, "fmax_ev_per_angstrom": 0.005}
"""A crystal with its cell, from its own symmetry. ASE counts the stress as a force: 0.02 eV/A would
leave 0.1 GPa, and 0.3 % of strain, in NaCl."""

TELLING_STRESS = {**RELAXING_CELL, "relax_cell": False, "stress": True}
"""The same in a cell that is held, with its stress."""


class Rattle(Protocol):
    """How far the free atoms of a start are displaced at random, and by which seed."""

    @property
    def rattle_angstrom(self) -> float: ...
    @property
    def rattle_seed(self) -> int: ...


def rattle(atoms: Atoms, settings: Rattle) -> None:
    """Displace the free atoms at random, always alike for one seed: a start keeps no symmetry."""
    if settings.rattle_angstrom:
        atoms.rattle(settings.rattle_angstrom, seed=settings.rattle_seed)


class RelaxationSettings(Rattle, Protocol):
    """What a relaxation must be told; see `natriface.workflows.engines.potential.settings`."""

    @property
    def optimizer(self) -> str: ...
    @property
    def fmax_ev_per_angstrom(self) -> float: ...
    @property
    def max_steps(self) -> int: ...
    @property
    def max_displacement_angstrom(self) -> float: ...
    @property
    def relax_cell(self) -> bool: ...


class _Resumable:
    """Keeps an optimiser's state in memory instead of in a file of its own.

    ASE writes it at every step, not atomically and without the positions, so that a kill in the
    middle leaves a state that cannot be resumed.
    """

    resume_data: Any = None

    def dump(self, data: Any) -> None:
        self.resume_data = data

    def load(self) -> Any:
        return self.resume_data


class _LBFGS(_Resumable, LBFGS):  # type: ignore[misc]
    pass


class _BFGS(_Resumable, BFGS):  # type: ignore[misc]
    pass


class _RFO(_BFGS):
    """Rational function steps by a Hessian that starts as `model_hessian`, updated as in BFGS.

    Steps of A. Banerjee et al., J. Phys. Chem. 89, 52 (1985) go down along the negative curvature
    that they meet, where LBFGS may end on a saddle. ASE's own start an iterative solver at random,
    so that a resumed path would not be the same (and ASE 3.27 has none).
    """

    pos0: Any
    forces0: Any

    def prepare_step(self, pos: FloatArray, gradient: FloatArray) -> tuple[FloatArray, FloatArray]:
        pos, gradient = pos.ravel(), gradient.ravel()
        self.update(pos, -gradient, self.pos0, self.forces0)
        self.pos0, self.forces0 = pos, -gradient
        augmented = np.block([[self.H, gradient[:, None]], [gradient[None], np.zeros((1, 1))]])
        lowest = eigh(augmented, subset_by_index=(0, 0))[1][:, 0]
        step = lowest[:-1] / (lowest[-1] or 1e-12)  # far along a mode that no force pushes
        return step, self.optimizable.gradient_norm(step)


class _FIRE(_Resumable, FIRE):  # type: ignore[misc]
    """FIRE whose mixing parameter and count of downhill steps are resumed too."""

    def dump(self, data: Any) -> None:
        self.resume_data = (*data, self.a, self.Nsteps)

    def read(self) -> None:
        self.vel, self.dt, self.a, self.Nsteps = self.load()


_OPTIMIZERS: dict[str, Any] = {
    "LBFGS": _LBFGS,
    "BFGS": _BFGS,
    "RFO": _RFO,
    "FIRE": _FIRE,
}


class Relaxation:
    """Relaxes `atoms` in place, leaving a trajectory and checkpoints in `folder`.

    The checkpoint holds positions, optimiser state and the trajectory's length in bytes:
    a resumed relaxation repeats the steps since the checkpoint and follows the same path as an
    uninterrupted one.

    Attributes
    ----------
    n_steps
        Ionic steps made, those before an interruption included.
    energies_ev
        One per frame of the trajectory.
    """

    def __init__(
        self,
        folder: Path,
        atoms: Atoms,
        settings: RelaxationSettings,
        checkpoint_interval_s: float | None = None,
        asked_to_end: Callable[[], bool] | None = None,
    ) -> None:
        """Prepare; where a step costs minutes, `checkpoint_interval_s` is better 0.

        Parameters
        ----------
        asked_to_end
            Asked after each step, by default of the folder (`end_requested`); processes that
            relax side by side must all get the same answer.
        """
        self._interval_s = checkpoint_interval_s
        self._asked_to_end = asked_to_end or partial(end_requested, folder)
        self.folder = folder
        self.atoms = atoms
        self.settings = settings
        self.energies_ev: list[float] = []
        self.n_steps = 0
        self._trajectory = folder / TRAJECTORY_FILE
        self._saved_at = time.monotonic()

    def run(self, energy: Callable[[], float]) -> bool:
        """Relax, and say whether the forces fell below the limit.

        A relaxation that had used up its steps is granted ``max_steps`` more.

        Parameters
        ----------
        energy
            Gives the energy (eV) of the present geometry, raising if it is not sound.
        """
        checkpoint = self._load_checkpoint()
        target = FrechetCellFilter(self.atoms) if self.settings.relax_cell else self.atoms
        options: dict[str, Any] = {"maxstep": self.settings.max_displacement_angstrom}
        if self.settings.optimizer == "LBFGS":
            options["memory"] = LBFGS_MEMORY
        optimizer = _OPTIMIZERS[self.settings.optimizer](target, logfile=None, **options)
        n_steps_granted = self.settings.max_steps
        if checkpoint is None:
            rattle(self.atoms, self.settings)
            self._trajectory.write_bytes(b"")
        else:
            target.set_positions(np.array(checkpoint["positions"]))
            with self._trajectory.open("r+b") as file:
                file.truncate(checkpoint["trajectory_bytes"])
            self.energies_ev = checkpoint["energies_ev"]
            optimizer.nsteps = self.n_steps = checkpoint["n_steps"]
            if checkpoint["optimizer"] is not None:
                optimizer.resume_data = _decoded(checkpoint["optimizer"])
                optimizer.read()
            while n_steps_granted <= self.n_steps:
                n_steps_granted += self.settings.max_steps
        if self.settings.optimizer == "RFO":
            n_coordinates = 3 * len(self.atoms)  # those of a cell come after them
            optimizer.H0[:n_coordinates, :n_coordinates] = model_hessian(self.atoms)

        def record() -> None:
            self.energies_ev.append(energy())
            self.n_steps = optimizer.nsteps
            write_atoms(self._trajectory, self.atoms, format="extxyz", append=True)
            if self._asked_to_end():
                if optimizer.nsteps:
                    self._save_checkpoint(target, optimizer)
                raise EndedEarlyError(
                    f"asked to end after {optimizer.nsteps} ionic steps; the next run goes on"
                )
            interval = CHECKPOINT_INTERVAL_S if self._interval_s is None else self._interval_s
            if time.monotonic() - self._saved_at > interval:
                self._save_checkpoint(target, optimizer)

        optimizer.attach(record)
        converged = bool(
            optimizer.run(
                fmax=self.settings.fmax_ev_per_angstrom, steps=n_steps_granted - self.n_steps
            )
        )
        if converged:
            (self.folder / CHECKPOINT_FILE).unlink(missing_ok=True)
        else:
            self._save_checkpoint(target, optimizer)
        return converged

    def _save_checkpoint(self, target: Any, optimizer: Any) -> None:
        self._saved_at = time.monotonic()
        state = optimizer.resume_data
        content = {
            "positions": target.get_positions().tolist(),
            "n_steps": optimizer.nsteps,
            "energies_ev": self.energies_ev,
            "trajectory_bytes": self._trajectory.stat().st_size,
            "optimizer": None if state is None else _encoded(state),
        }
        write_atomically(self.folder / CHECKPOINT_FILE, json.dumps(content))

    def _load_checkpoint(self) -> dict[str, Any] | None:
        content = load_checkpoint(self.folder / CHECKPOINT_FILE)
        if content is None or not self._trajectory.is_file():
            return None
        if self._trajectory.stat().st_size < content["trajectory_bytes"]:
            return None
        return content


def unconverged(force_ev_per_angstrom: float, n_steps: int, asked_ev_per_angstrom: float) -> str:
    """Why a relaxation that used up its steps is not converged, and what goes on from there."""
    return (
        f"forces still {force_ev_per_angstrom:.3f} eV/A after {counted(n_steps, 'step')} (asked: "
        f"{asked_ev_per_angstrom}); look at the trajectory: where it goes down, `natriface retry` "
        "goes on from its end with as many steps more; raising max_steps computes all relaxations "
        "of the study anew"
    )


def _encoded(value: Any) -> Any:
    """JSON that tells lists, tuples and arrays (of floats) apart, which ASE's own does not."""
    if isinstance(value, np.ndarray | Cell):  # the cell from which a filter counts its strain
        value = np.asarray(value)
        data = value.astype("<f8").tobytes()  # a Hessian's digits would take seconds to write
        return {"float64": base64.b64encode(data).decode(), "shape": value.shape}
    if isinstance(value, tuple):
        return {"tuple": [_encoded(item) for item in value]}
    if isinstance(value, list):
        return [_encoded(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    return value


def _decoded(value: Any) -> Any:
    if isinstance(value, dict):
        if "float64" in value:
            data = np.frombuffer(base64.b64decode(value["float64"]), "<f8")
            return data.astype(float).reshape(value["shape"])
        if "array" in value:  # as earlier versions wrote it
            return np.array(value["array"])
        return tuple(_decoded(item) for item in value["tuple"])
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    return value

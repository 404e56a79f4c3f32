"""The force calls a band has made: found again by place, and kept on disk after each one."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from natriface.structures.base.arrays import FloatArray

CHECKPOINT_FILE = "band_checkpoint.npz"


class ForceCalls:
    """Energies and forces by place; the first two are the end points'.

    Places are (d,): the coordinates of the free atoms, in A. Some calls were not made, but follow
    from others by symmetry.

    Attributes
    ----------
    places : (d,) each
    energies_ev
    forces_ev_per_angstrom : (n_atoms, 3) each
    n_derived : how many were not made
    """

    def __init__(
        self,
        places: Iterable[FloatArray],
        energies_ev: Iterable[float],
        forces_ev_per_angstrom: Iterable[FloatArray],
        n_derived: int = 0,
    ) -> None:
        self.places = list(places)
        self.energies_ev = [float(energy) for energy in energies_ev]
        self.forces_ev_per_angstrom = [np.asarray(f, dtype=float) for f in forces_ev_per_angstrom]
        self.n_derived = n_derived
        self._numbers = {place.tobytes(): k for k, place in enumerate(self.places)}

    def __len__(self) -> int:
        return len(self.places)

    def add(
        self, place: FloatArray, energy_ev: float, forces: FloatArray, *, made: bool = True
    ) -> None:
        """Keep a call that was made, or follows from one."""
        self.n_derived += not made
        self._numbers[place.tobytes()] = len(self.places)
        self.places.append(place)
        self.energies_ev.append(energy_ev)
        self.forces_ev_per_angstrom.append(forces)

    def at(self, place: FloatArray) -> int:
        """Number of the call made at a place, or -1."""
        return self._numbers.get(place.tobytes(), -1)

    def at_images(self, chain: FloatArray) -> list[int]:
        """Numbers of the calls made where images (n, d) stand; the ends', whatever their place."""
        return [0, *(self.at(place) for place in chain[1:-1]), 1]

    def energies_at(self, numbers: Sequence[int]) -> FloatArray:
        """(n,) eV, not a number for -1."""
        return np.array([self.energies_ev[i] if i >= 0 else np.nan for i in numbers])

    def forces_at(self, numbers: Sequence[int]) -> FloatArray:
        """(n, n_atoms, 3) eV/A, not numbers for -1."""
        absent = np.full_like(self.forces_ev_per_angstrom[0], np.nan)
        return np.array([self.forces_ev_per_angstrom[i] if i >= 0 else absent for i in numbers])

    def save(self, folder: Path, **more: FloatArray) -> None:
        """Write the checkpoint, whole or not at all, with further arrays."""
        arrays: dict[str, Any] = {
            **more,
            "places": np.array(self.places),
            "energies": np.array(self.energies_ev),
            "forces": np.array(self.forces_ev_per_angstrom),
            "n_derived": np.array(self.n_derived),
        }
        temporary = folder / f".{CHECKPOINT_FILE}.{uuid4().hex[:12]}.npz"
        try:
            np.savez(temporary, **arrays)
            temporary.replace(folder / CHECKPOINT_FILE)
        finally:
            temporary.unlink(missing_ok=True)


def load_calls(folder: Path) -> tuple[ForceCalls, dict[str, FloatArray]] | None:
    """What `ForceCalls.save` has written; ``None`` if there is none, or it is damaged."""
    try:
        with np.load(folder / CHECKPOINT_FILE) as found:
            saved = {name: found[name] for name in found.files}
        n_derived = int(saved.pop("n_derived", np.array(0)))
        calls = ForceCalls(
            saved.pop("places"), saved.pop("energies"), saved.pop("forces"), n_derived
        )
    except (FileNotFoundError, ValueError, KeyError, OSError, zipfile.BadZipFile, EOFError):
        return None
    return calls, saved

"""The nudged elastic band on any calculator, with few force calls, going on where it was killed.

Between two force calls the band relaxes on a surrogate of all calls made so far (pair functions and
a Gaussian process), first plain, then with a climbing image; the next call goes to the image the
surrogate knows least about. An image whose real forces have vanished stays and is not computed
again. The band has converged when every image was computed just where it stands, the force across
the path is below the limit on each, and so is the whole force on the climbing image: the surrogate
never enters a result. Where it does not lead there, the plain band goes on with real forces alone.
Of a band that a mirror plane maps on itself only the first half is computed (`band_mirror`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, NoReturn

import numpy as np
from ase import Atoms
from ase.calculators.calculator import CalculatorError
from pydantic import BaseModel, ConfigDict, Field

from natriface.analysis.results.wording import counted
from natriface.structures.base.arrays import BoolArray, FloatArray
from natriface.structures.base.atoms import fixed_indices
from natriface.structures.base.errors import EngineError, NatrifaceError
from natriface.structures.base.numbers import Real, Whole
from natriface.structures.base.writing import write_atomically
from natriface.structures.paths.images import clash
from natriface.workflows.engines.bands.calls import ForceCalls, load_calls
from natriface.workflows.engines.bands.dynamics import climber, forces_left, largest, relax_chain
from natriface.workflows.engines.bands.mirror import BandMirror
from natriface.workflows.engines.bands.pair_fit import PairFit
from natriface.workflows.engines.bands.surrogate import Surrogate
from natriface.workflows.engines.base import EndedEarlyError, end_requested

PROGRESS_FILE = "band_progress.json"

REACH_ANGSTROM = 0.5
"""An image moves no farther than this from all places computed, unless it already stood farther."""
NEAR_ANGSTROM = 0.15
"""Where no image is farther than this from a computed place, the highest is computed first."""
SURROGATE_FMAX = 0.3
"""The band on the surrogate is relaxed to this share of the limit."""
SURROGATE_STEPS = 200
MOST_DATA = 40
"""Calls the surrogate rests on at most: the latest, and the present ones of each image."""
RETREATS = 3

ForceCall = Callable[[int, Atoms], tuple[float, FloatArray]]
"""Energy in eV and forces (n, 3) in eV/A of an image, given its number and structure."""


class BandSettings(BaseModel):
    """How a band is made and converged.

    Attributes
    ----------
    n_images
        Images between the end points; by default those of the band given, else one every 0.8 A,
        odd and at least 3.
    interpolation
        ``idpp`` or ``linear``.
    fmax_ev_per_angstrom
        Limit of the force across the path on each atom of each image, and of the whole force on
        the climbing image.
    climb
        Whether the highest image climbs to the saddle point.
    pre_fmax_ev_per_angstrom
        The band is plain until it has come this far.
    spring_ev_per_angstrom2
        Between images.
    max_force_calls
        A band that needs more is unconverged.
    band_optimizer
        ``surrogate``, or ``plain`` for the band moved by real forces only (FIRE).
    mirror
        Whether the second half of a band that a mirror plane across the hop maps on itself is
        taken from the first.
    check_saddle
        Whether the highest image's curvature is computed for the atoms that hop (6 calls each).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    n_images: Whole | None = Field(default=None, ge=1, le=99)
    interpolation: Literal["idpp", "linear"] = "idpp"
    fmax_ev_per_angstrom: Real = Field(default=0.05, gt=0)
    climb: bool = True
    pre_fmax_ev_per_angstrom: Real = Field(default=0.3, gt=0)
    spring_ev_per_angstrom2: Real = Field(default=1.0, gt=0)
    max_force_calls: Whole = Field(default=500, gt=0)
    band_optimizer: Literal["surrogate", "plain"] = "surrogate"
    mirror: bool = True
    check_saddle: bool = False


class BandSearch:
    """A band that is being converged.

    Attributes
    ----------
    images
        End points included; where the band stands now.
    """

    def __init__(
        self,
        folder: Path,
        images: Sequence[Atoms],
        settings: BandSettings,
        force_call: ForceCall,
        ends: Sequence[tuple[float, FloatArray]],
        name: str = "band",
        asked_to_end: Callable[[], bool] | None = None,
    ) -> None:
        """Take up a band, from its checkpoint where the folder holds one.

        Parameters
        ----------
        images
            The path at its start (`starting_images`).
        ends
            Energy in eV and forces (n, 3) in eV/A of the two end points.
        asked_to_end
            Asked after each force call, by default of the folder (`end_requested`); processes
            that converge the band side by side must all get the same answer.
        """
        self._folder, self._settings, self._name = folder, settings, name
        self._asked_to_end = asked_to_end or partial(end_requested, folder)
        self._force_call = force_call
        self._template = images[0].copy()
        self._template.calc = None
        self._free = np.setdiff1d(np.arange(len(images[0])), fixed_indices(images[0]))
        whole = np.array([image.positions for image in images])
        self._mirror = BandMirror.of(images, self._free.tolist()) if settings.mirror else None
        self._chain: FloatArray = whole[:, self._free].reshape(len(images), -1)
        if self._mirror is not None:
            self._chain = self._mirror.chain(self._chain)
        self._start = self._chain.copy()
        self._home = self._chain.copy()
        self._pairs = PairFit(self._template, whole, self._free)
        self._calls = ForceCalls(
            self._chain[[0, -1]], [energy for energy, _ in ends], [forces for _, forces in ends]
        )
        self._load_checkpoint()

    @property
    def images(self) -> list[Atoms]:
        """The band as structures with its results attached by the caller."""
        return [self._atoms(place) for place in self._chain]

    @property
    def is_mirrored(self) -> bool:
        """Whether the second half is the mirror image of the first, and not computed."""
        return self._mirror is not None

    @property
    def n_force_calls(self) -> int:
        """Made so far, those before an interruption included, the end points' not."""
        return len(self._calls) - 2 - self._calls.n_derived

    @property
    def energies_ev(self) -> FloatArray:
        """(n,) computed at the images' places; not a number where none was."""
        return self._calls.energies_at(self._calls.at_images(self._chain))

    @property
    def forces_ev_per_angstrom(self) -> FloatArray:
        """(n, n_atoms, 3) computed at the images' places; not numbers where none was."""
        return self._calls.forces_at(self._calls.at_images(self._chain))

    @property
    def forces_left_ev_per_angstrom(self) -> FloatArray:
        """(n,) largest force on an atom that must still vanish; not a number where not computed."""
        energies = self.energies_ev
        if not np.isfinite(energies).all():
            return np.full(len(energies), np.nan)
        top = climber(energies) if self._settings.climb else None
        return largest(forces_left(self._chain, energies, self._gradients_here(), top))

    def run(self) -> bool:
        """Converge the band, and say whether it has; more calls are granted to one that had none.

        Raises
        ------
        EngineError
            If an image cannot be computed; says which.
        EndedEarlyError
            If asked to end.
        """
        granted = self._settings.max_force_calls
        while granted <= self.n_force_calls:
            granted += self._settings.max_force_calls
        if self._settings.band_optimizer == "surrogate":
            # beyond this the surrogate leads nowhere
            enough = min(granted, self.n_force_calls + 30 + 12 * (len(self._chain) - 2))
            self._run_on_surrogate(enough)
        if not self._has_converged() and self.n_force_calls < granted:
            self._run_plain(granted)
        if not self._has_converged():
            self._complete()
        return self._has_converged()

    def _run_on_surrogate(self, most_calls: int) -> None:
        if self.n_force_calls == 0:
            self._compute(len(self._chain) // 2)
        scale: float | None = None
        while self.n_force_calls < most_calls:
            chosen = self._data()
            places = np.array([self._calls.places[i] for i in chosen])
            energies = self._calls.energies_at(chosen)
            gradients = self._gradients(chosen)
            self._pairs.fit(places, energies, gradients)
            pair_energies, pair_gradients = self._pairs(places)
            known = scale if len(chosen) > 24 and self.n_force_calls % 5 else None
            process = Surrogate.of(
                places, energies - pair_energies, gradients - pair_gradients, known
            )
            scale = process.scale_angstrom

            def fitted(
                chain: FloatArray, process: Surrogate = process
            ) -> tuple[FloatArray, FloatArray]:
                one, other = self._pairs(chain), process(chain)
                return one[0] + other[0], one[1] + other[1]

            surface = fitted if self._mirror is None else self._mirror.surface(fitted)
            settled, across = self._judged(*surface(self._chain))
            if settled.all():
                return
            climbing = self._settings.climb and across < self._settings.pre_fmax_ev_per_angstrom
            moved = self._relaxed(surface, settled, climbing, places)
            self._chain[~settled] = moved[~settled]
            self._chain = self._mirrored(self._chain)
            self._compute(self._next(settled, surface(self._chain)[0], places))

    def _relaxed(
        self,
        surface: Callable[[FloatArray], tuple[FloatArray, FloatArray]],
        settled: BoolArray,
        climbing: bool,
        places: FloatArray,
    ) -> FloatArray:
        """The band relaxed on the surrogate, no image far from all that was computed."""
        limits = np.maximum(_farness(self._chain, places) + 1e-9, REACH_ANGSTROM)

        def near(chain: FloatArray) -> bool:
            return bool((_farness(chain, places) <= limits).all())

        return relax_chain(
            self._chain,
            surface,
            fmax=SURROGATE_FMAX * self._settings.fmax_ev_per_angstrom,
            spring=self._settings.spring_ev_per_angstrom2,
            climb=climbing,
            max_steps=SURROGATE_STEPS,
            held=settled,
            go_on=near,
        )

    def _next(self, settled: BoolArray, energies: FloatArray, places: FloatArray) -> int:
        """The image to compute: the least known, or the highest where all are known well."""
        farness = np.where(settled, -1.0, _farness(self._chain, places))
        least = int(np.argmax(farness))
        top = climber(energies)
        if farness[least] < NEAR_ANGSTROM and top is not None and not settled[top]:
            return top
        return least

    def _judged(self, energies: FloatArray, gradients: FloatArray) -> tuple[BoolArray, float]:
        """Which images have settled, and the largest force across the path.

        Where an image is not computed, energy and gradient are the surrogate's.
        """
        computed = self._is_computed()
        energies = np.where(computed, self.energies_ev, energies)
        gradients = np.where(computed[:, None], self._gradients_here(), gradients)
        top = climber(energies) if self._settings.climb else None
        left = largest(forces_left(self._chain, energies, gradients, top))
        settled: BoolArray = computed & (left < self._settings.fmax_ev_per_angstrom)
        if self._mirror is not None:
            settled |= settled[::-1]
        settled[[0, -1]] = True
        return settled, float(largest(forces_left(self._chain, energies, gradients, None)).max())

    def _run_plain(self, most_calls: int) -> None:
        """The band moved by real forces: plain first, then climbing."""
        for image in range(1, len(self._chain) - 1):
            if not self._is_computed()[image]:
                self._compute(image)
        moving = self._chain.copy()

        def surface(chain: FloatArray) -> tuple[FloatArray, FloatArray]:
            self._chain = self._mirrored(chain.copy())
            for image in range(1, len(chain) - 1):
                self._compute(image, may_retreat=False)
            return self.energies_ev, self._gradients_here()

        def within(chain: FloatArray) -> bool:
            return self.n_force_calls + len(chain) - 2 <= most_calls

        settings = self._settings
        phases = [(settings.fmax_ev_per_angstrom, False)]
        if settings.climb:
            phases = [
                (max(settings.pre_fmax_ev_per_angstrom, settings.fmax_ev_per_angstrom), False),
                (settings.fmax_ev_per_angstrom, True),
            ]
        for fmax, climb in phases:
            moving = relax_chain(
                moving,
                surface,
                fmax=fmax,
                spring=settings.spring_ev_per_angstrom2,
                climb=climb,
                max_steps=most_calls,
                go_on=within,
                converged=None if settings.climb and not climb else self._has_converged,
            )
            self._chain = self._mirrored(moving)

    def _complete(self) -> None:
        """Compute what the calls granted did not reach, so that the band can be looked at."""
        for image in np.flatnonzero(~self._is_computed()):
            self._compute(int(image))

    def _has_converged(self) -> bool:
        left = self.forces_left_ev_per_angstrom
        return bool(np.all(left[1:-1] < self._settings.fmax_ev_per_angstrom))

    def _compute(self, image: int, may_retreat: bool = True) -> None:
        """Energy and forces of an image at its place, or nearer to where it was sound."""
        twin = len(self._chain) - 1 - image
        if self._mirror is not None and twin < image:
            image, twin = twin, image
        for attempt in range(RETREATS + 1):
            place = self._chain[image].copy()
            if self._calls.at(place) >= 0:
                break
            atoms = self._atoms(place)
            problem, cause = clash(atoms), None
            if problem is None:
                try:
                    energy, forces = self._sound_call(image, atoms)
                except EndedEarlyError:
                    raise
                except (
                    NatrifaceError,
                    CalculatorError,
                    RuntimeError,
                    ValueError,
                    ArithmeticError,
                ) as error:
                    problem, cause = str(error), error
                else:
                    self._store(image, place, energy, forces)
                    break
            if not may_retreat or np.array_equal(place, self._home[image]):
                self._fail(image, problem, cause)
            share = 0.5 if attempt < RETREATS - 1 else 1.0
            self._chain[image] = place + share * (self._home[image] - place)
        self._home[image] = self._chain[image]
        if self._mirror is not None and twin != image:
            self._chain[twin] = self._mirror.place(self._chain[image])
            self._home[twin] = self._chain[twin]

    def _fail(self, image: int, problem: str, cause: Exception | None) -> NoReturn:
        raise EngineError(
            f"{self._name}: image {image} of 0 to {len(self._chain) - 1}: {problem}"
        ) from cause

    def _sound_call(self, image: int, atoms: Atoms) -> tuple[float, FloatArray]:
        energy, given = self._force_call(image, atoms)
        forces = np.array(given, dtype=float)
        if not (np.isfinite(energy) and np.isfinite(forces).all()):
            raise EngineError("its energy or forces are no numbers")
        return float(energy), forces

    def _store(self, image: int, place: FloatArray, energy: float, forces: FloatArray) -> None:
        self._calls.add(place, energy, forces)
        if self._mirror is not None and 2 * image != len(self._chain) - 1:
            mirrored = self._mirror.place(place), energy, self._mirror.forces(forces)
            self._calls.add(*mirrored, made=False)
        self._calls.save(self._folder, start=self._start, chain=self._chain, home=self._home)
        self._note_progress(image)
        if self._asked_to_end():
            raise EndedEarlyError(
                f"{self._name}: ended as asked after {counted(self.n_force_calls, 'force call')}; "
                "the next run goes on"
            )

    def _mirrored(self, chain: FloatArray) -> FloatArray:
        """The chain with the second half the first's mirror image; computed images stay."""
        if self._mirror is None:
            return chain
        return self._mirror.chain(chain, self._calls.at(chain[len(chain) // 2]) < 0)

    def _data(self) -> list[int]:
        """The calls the surrogate rests on."""
        needed = {i for i in self._calls.at_images(self._chain) if i >= 0}
        latest = range(len(self._calls) - 1, -1, -1)
        for i in latest:
            if len(needed) >= MOST_DATA:
                break
            needed.add(i)
        return sorted(needed)

    def _is_computed(self) -> BoolArray:
        return np.array(self._calls.at_images(self._chain)) >= 0

    def _gradients(self, numbers: Sequence[int]) -> FloatArray:
        forces = self._calls.forces_at(numbers)[:, self._free]
        gradients: FloatArray = -forces.reshape(len(numbers), -1)
        return gradients

    def _gradients_here(self) -> FloatArray:
        return self._gradients(self._calls.at_images(self._chain))

    def _atoms(self, place: FloatArray) -> Atoms:
        atoms = self._template.copy()
        positions = atoms.positions.copy()
        positions[self._free] = place.reshape(-1, 3)
        atoms.set_positions(positions, apply_constraint=False)
        return atoms

    def _note_progress(self, image: int) -> None:
        left, energies = self.forces_left_ev_per_angstrom, self.energies_ev
        document = {
            "force_calls": self.n_force_calls,
            "last_image": image,
            "energies_ev": [float(e) if np.isfinite(e) else None for e in energies],
            "largest_force_left_ev_per_angstrom": float(left.max())
            if np.isfinite(left).all()
            else None,
        }
        write_atomically(self._folder / PROGRESS_FILE, json.dumps(document))

    def _load_checkpoint(self) -> None:
        found = load_calls(self._folder)
        if found is None:
            return
        calls, saved = found
        if np.array_equal(saved.get("start", ()), self._start):  # else of another path
            self._calls, self._chain, self._home = calls, saved["chain"], saved["home"]


def _farness(chain: FloatArray, places: FloatArray) -> FloatArray:
    """(n,) distance in A of each image from the nearest place computed."""
    squares = np.sum((chain[:, None] - places[None]) ** 2, axis=2)
    nearest: FloatArray = np.sqrt(squares.min(axis=1))
    return nearest

"""Bands with the potential engine: published barriers, symmetry, restarts, failures by number."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import add_adsorbate, bulk, fcc100
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms
from ase.io import read as read_atoms
from ase.optimize import LBFGS

from natriface.analysis.barriers.summary import BandSummary, summarise
from natriface.analysis.readers.neb import read_band
from natriface.analysis.results.result import Result
from natriface.structures.base.atoms import fixed_indices, to_document
from natriface.structures.base.errors import EngineError
from natriface.structures.paths.exchange import exchange
from natriface.structures.paths.hop_endpoints import hop_endpoints
from natriface.structures.paths.hops import vacancy_hops
from natriface.structures.paths.images import make_images
from natriface.workflows.engines.bands import search
from natriface.workflows.engines.bands.calls import CHECKPOINT_FILE
from natriface.workflows.engines.bands.mirror import BandMirror
from natriface.workflows.engines.bands.search import BandSearch, BandSettings
from natriface.workflows.engines.base import (
    EndedEarlyError,
    engine,
    prepare_folder,
    request_end,
    save_input,
    withdraw_end_request,
)
from natriface.workflows.plan import Input, Step

ENGINE = engine("potential")


def relaxed(atoms: Atoms, fmax: float = 0.02) -> Atoms:
    atoms.calc = EMT()
    LBFGS(atoms, logfile=None).run(fmax=fmax, steps=300)
    atoms.calc = None
    return atoms


def adatom_ends(metal: str = "Au") -> tuple[Atoms, Atoms]:
    """ASE's tutorial on diffusion by NEB: an adatom on Al(100), from hollow to hollow."""
    slab = fcc100("Al", size=(2, 2, 3))
    add_adsorbate(slab, metal, 1.7, "hollow")
    slab.center(axis=2, vacuum=4.0)
    slab.set_constraint(FixAtoms(mask=[atom.tag > 1 for atom in slab]))
    final = slab.copy()
    final[-1].x += final.cell[0, 0] / 2
    return relaxed(slab), relaxed(final)


def vacancy_ends() -> tuple[Atoms, Atoms]:
    host = bulk("Cu", cubic=True)
    ends = hop_endpoints(host, vacancy_hops(host, "Cu")[0], (2, 2, 2))
    return relaxed(ends.initial), relaxed(ends.final)


@pytest.fixture(scope="module")
def gold() -> tuple[Atoms, Atoms]:
    return adatom_ends()


def neb_step(initial: Atoms, final: Atoms, **settings: Any) -> Step:
    return Step(
        name="hop",
        kind="neb",
        engine="potential",
        protocol="test",
        settings={"model": "emt", "n_images": 3, **settings},
        n_atoms=len(initial),
        structure=to_document(initial),
        inputs={"final": Input(structure=to_document(final))},
        metadata={"role": "band", "carrier": "Au"},
    )


def prepared(folder: Path, initial: Atoms, final: Atoms, **settings: Any) -> Path:
    step = neb_step(initial, final, **settings)
    ENGINE.check(step)
    prepare_folder(folder, step, initial)
    save_input(folder, "final", final)
    ENGINE.write(folder)
    return folder


def ran(folder: Path) -> tuple[Result, BandSummary]:
    ENGINE.run(folder)
    result = ENGINE.read(folder)
    band = read_band(folder / result.files["band"], n_images=len(result.energies_ev))
    return result, summarise(band)


@pytest.mark.parametrize("optimizer", ["surrogate", "plain"])
def test_gold_on_aluminium_has_the_published_barrier(
    tmp_path: Path, gold: tuple[Atoms, Atoms], optimizer: str
) -> None:
    """ASE's tutorial finds 0.374 eV with EMT."""
    result, summary = ran(prepared(tmp_path, *gold, band_optimizer=optimizer))
    assert result.status == "converged"
    barrier = summary.converged_barrier()
    assert barrier.highest_image_forward_ev == pytest.approx(0.374, abs=0.003)
    assert barrier.forward_ev == pytest.approx(barrier.reverse_ev, abs=0.002)
    assert result.converged_energy_ev() == pytest.approx(max(result.energies_ev))
    assert result.step is not None
    assert result.step.metadata["carrier"] == "Au"


def test_aluminium_on_aluminium_and_the_energies_are_those_of_the_images(tmp_path: Path) -> None:
    """ASE's tests give 0.237 eV for the self-diffusion by hopping with EMT."""
    result, summary = ran(prepared(tmp_path, *adatom_ends("Al")))
    assert summary.converged_barrier().highest_image_forward_ev == pytest.approx(0.237, abs=0.003)
    highest = result.final_atoms()
    highest.calc = EMT()
    assert highest.get_potential_energy() == pytest.approx(result.energy_ev, abs=1e-5)
    assert np.allclose(
        highest.get_forces(apply_constraint=False),
        np.where(np.isin(np.arange(13), highest.constraints[0].index)[:, None],
                 highest.get_forces(apply_constraint=False), result.forces_ev_per_angstrom),
        atol=1e-4,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["surrogate", "plain"])
@pytest.mark.parametrize("n_images", [3, 5])
def test_half_of_a_symmetric_band_is_computed_and_it_is_the_same_band(
    tmp_path: Path, gold: tuple[Atoms, Atoms], optimizer: str, n_images: int
) -> None:
    ends = [relaxed(atoms.copy(), 0.002) for atoms in gold]
    found = {
        mirror: ran(
            prepared(
                tmp_path / str(mirror), *ends, band_optimizer=optimizer, n_images=n_images,
                mirror=mirror, fmax_ev_per_angstrom=0.005,
            )
        )[0]
        for mirror in (False, True)
    }  # fmt: skip
    assert {result.status for result in found.values()} == {"converged"}
    whole, half = (np.array(found[mirror].energies_ev) for mirror in (False, True))
    assert half == pytest.approx(half[::-1], abs=1e-7)
    said = [any("mirror image" in text for text in found[mirror].warnings) for mirror in (0, 1)]
    assert said == [False, True]
    if optimizer == "plain":
        assert half == pytest.approx(whole, abs=1e-4)
    assert half.max() == pytest.approx(whole.max(), abs=1e-4)
    calls = [found[mirror].convergence.n_ionic_steps for mirror in (False, True)]
    assert None not in calls
    assert calls[1] < calls[0]  # type: ignore[operator]


def test_mirrored_images_are_as_sound_as_computed_ones(
    tmp_path: Path, gold: tuple[Atoms, Atoms]
) -> None:
    folder = prepared(tmp_path, *gold, n_images=5)
    ran(folder)
    for image in read_atoms(folder / "band.extxyz", ":"):
        energy, forces = image.get_potential_energy(), image.get_forces(apply_constraint=False)
        image.calc = EMT()
        assert image.get_potential_energy() == pytest.approx(energy, abs=1e-5)
        assert np.allclose(image.get_forces(apply_constraint=False), forces, atol=1e-4)


def test_a_path_that_goes_its_own_way_is_computed_whole(gold: tuple[Atoms, Atoms]) -> None:
    images = make_images(*gold, 3).images
    free = [i for i in range(len(images[0])) if i not in fixed_indices(images[0])]
    assert BandMirror.of(images, free) is not None
    images[1].positions[-1, 1] += 0.3
    assert BandMirror.of(images, free) is None
    # without a middle image the two highest would both climb to the one saddle point
    assert BandMirror.of(make_images(*gold, 4).images, free) is None


def test_two_fold_axes_and_inversion_centres_would_hold_the_middle_image() -> None:
    host = bulk("Na", cubic=True)
    ends = hop_endpoints(host, vacancy_hops(host, "Na")[0], (3, 3, 3))
    images = make_images(ends.initial, ends.final, 3).images
    assert exchange(images[0], images[-1]) is not None
    assert BandMirror.of(images, range(len(images[0]))) is None


def test_frozen_atoms_stay_and_images_are_continuous(
    tmp_path: Path, gold: tuple[Atoms, Atoms]
) -> None:
    folder = prepared(tmp_path, *gold)
    ran(folder)
    band = read_band(folder / "band.extxyz")
    frozen = gold[0].constraints[0].index
    for image in band.images:
        assert np.allclose(image.positions[frozen], gold[0].positions[frozen], atol=1e-6)
    assert not band.warnings


@pytest.mark.slow
def test_barrier_ignores_the_order_of_atoms_the_origin_and_the_direction(
    tmp_path: Path, gold: tuple[Atoms, Atoms]
) -> None:
    initial, final = gold
    _, straight = ran(prepared(tmp_path / "straight", initial, final))
    _, backwards = ran(prepared(tmp_path / "backwards", final, initial))
    order = np.random.default_rng(1).permutation(len(initial))
    moved = [atoms[order] for atoms in gold]
    for atoms in moved:
        atoms.set_constraint()
        atoms.positions += 0.37 * atoms.cell[0] + 0.11 * atoms.cell[1]
        atoms.wrap()
        atoms.set_constraint(FixAtoms(mask=[atom.tag > 1 for atom in atoms]))
    _, other = ran(prepared(tmp_path / "other", *moved))
    want = straight.converged_barrier()
    assert backwards.converged_barrier().reverse_ev == pytest.approx(want.forward_ev, abs=2e-3)
    assert other.converged_barrier().forward_ev == pytest.approx(want.forward_ev, abs=2e-3)
    assert other.length_angstrom == pytest.approx(straight.length_angstrom, abs=0.05)


def test_permuted_end_points_are_repaired_and_it_is_said(
    tmp_path: Path, gold: tuple[Atoms, Atoms]
) -> None:
    initial, final = gold
    order = np.random.default_rng(2).permutation(len(final))
    result, summary = ran(prepared(tmp_path, initial, final[order]))
    assert summary.converged_barrier().forward_ev == pytest.approx(0.374, abs=0.004)
    assert any("another order" in warning for warning in result.warnings)


def test_vacancy_hop_is_symmetric_and_its_saddle_has_index_one(tmp_path: Path) -> None:
    result, summary = ran(
        prepared(tmp_path, *vacancy_ends(), fmax_ev_per_angstrom=0.02, check_saddle=True)
    )
    barrier = summary.converged_barrier()
    assert barrier.forward_ev == pytest.approx(barrier.reverse_ev, abs=0.003)
    assert not [warning for warning in result.warnings if "saddle" in warning]
    outcome = json.loads((tmp_path / "band_outcome.json").read_text())
    assert outcome["saddle"]["index"] == 1


class KilledError(BaseException):
    """Not an error that anyone catches, as a signal is not."""


def counting(gold: tuple[Atoms, Atoms], die_after: int | None = None) -> Callable[..., Any]:
    calculator, calls = EMT(), iter(range(10**6))

    def force_call(image: int, atoms: Atoms) -> tuple[float, Any]:
        if next(calls) == die_after:
            raise KilledError
        atoms.calc = calculator
        return atoms.get_potential_energy(), atoms.get_forces(apply_constraint=False)

    return force_call


def searching(folder: Path, ends: tuple[Atoms, Atoms], die_after: int | None = None) -> BandSearch:
    known = [counting(ends)(0, atoms.copy()) for atoms in ends]
    images = make_images(*ends, 3).images
    return BandSearch(folder, images, BandSettings(), counting(ends, die_after), known)


@pytest.mark.parametrize("die_after", [1, 4, 6])
def test_killed_band_goes_on_and_repeats_no_force_call(
    tmp_path: Path, gold: tuple[Atoms, Atoms], die_after: int
) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    whole = searching(tmp_path / "whole", gold)
    assert whole.run()
    with pytest.raises(KilledError):
        searching(tmp_path / "killed", gold, die_after).run()
    again = searching(tmp_path / "killed", gold)
    assert again.n_force_calls == die_after
    assert again.run()
    assert again.n_force_calls == whole.n_force_calls
    assert again.energies_ev.max() == pytest.approx(whole.energies_ev.max(), abs=1e-6)


def test_damaged_checkpoint_is_left_aside(tmp_path: Path, gold: tuple[Atoms, Atoms]) -> None:
    with pytest.raises(KilledError):
        searching(tmp_path, gold, 3).run()
    path = tmp_path / CHECKPOINT_FILE
    path.write_bytes(path.read_bytes()[:100])
    again = searching(tmp_path, gold)
    assert again.n_force_calls == 0
    assert again.run()


def test_progress_is_told_while_it_runs(tmp_path: Path, gold: tuple[Atoms, Atoms]) -> None:
    with pytest.raises(KilledError):
        searching(tmp_path, gold, 5).run()
    told = json.loads((tmp_path / search.PROGRESS_FILE).read_text())
    assert told["force_calls"] == 5


def test_failing_image_is_named(tmp_path: Path, gold: tuple[Atoms, Atoms]) -> None:
    good = counting(gold)

    def force_call(image: int, atoms: Atoms) -> tuple[float, Any]:
        if image == 2:
            raise EngineError("the SCF does not converge")
        return good(image, atoms)

    known = [good(0, atoms.copy()) for atoms in gold]
    search = BandSearch(
        tmp_path, make_images(*gold, 3).images, BandSettings(), force_call, known, "hop"
    )
    with pytest.raises(EngineError, match=r"hop: image 2 of 0 to 4: the SCF does not converge"):
        search.run()


def test_image_that_fails_far_out_retreats(tmp_path: Path, gold: tuple[Atoms, Atoms]) -> None:
    """A step of the surrogate that goes too far is taken back, not given up."""
    good, failed = counting(gold), []

    def force_call(image: int, atoms: Atoms) -> tuple[float, Any]:
        if image == 1 and not failed:
            failed.append(image)
            raise RuntimeError("too far")
        return good(image, atoms)

    known = [good(0, atoms.copy()) for atoms in gold]
    search = BandSearch(tmp_path, make_images(*gold, 3).images, BandSettings(), force_call, known)
    assert search.run()
    assert failed


def test_band_that_needs_more_calls_is_no_number_and_goes_on(
    tmp_path: Path, gold: tuple[Atoms, Atoms]
) -> None:
    folder = prepared(tmp_path, *gold, max_force_calls=3)
    ENGINE.run(folder)
    result = ENGINE.read(folder)
    assert result.status == "unconverged"
    assert result.reason is not None
    assert "max_force_calls" in result.reason
    for _ in range(8):
        ENGINE.run(folder)
    assert ENGINE.read(folder).status == "converged"


def test_band_that_is_asked_to_end_ends_and_goes_on(
    tmp_path: Path, gold: tuple[Atoms, Atoms]
) -> None:
    folder = prepared(tmp_path, *gold)
    request_end(folder)
    with pytest.raises(EndedEarlyError):
        ENGINE.run(folder)
    result = ENGINE.read(folder)
    assert result.status == "truncated"
    assert result.reason == "the run did not end; it has made 1 force call"
    withdraw_end_request(folder)
    ENGINE.run(folder)
    assert ENGINE.read(folder).status == "converged"


def test_unfinished_band_is_truncated(tmp_path: Path, gold: tuple[Atoms, Atoms]) -> None:
    assert ENGINE.read(prepared(tmp_path, *gold)).status == "truncated"


def test_band_of_another_engine_is_moved_to_the_end_points(
    tmp_path: Path, gold: tuple[Atoms, Atoms]
) -> None:
    first = prepared(tmp_path / "first", *gold)
    result, _ = ran(first)
    initial, final = (atoms.copy() for atoms in gold)
    for atoms in (initial, final):
        atoms.positions[-1, 2] += 0.001
    step = neb_step(initial, final)
    folder = tmp_path / "second"
    prepare_folder(folder, step, initial)
    save_input(folder, "final", final)
    save_input(folder, "band", first / result.files["band"])
    ENGINE.write(folder)
    again, summary = ran(folder)
    assert summary.converged_barrier().forward_ev == pytest.approx(0.374, abs=0.004)
    assert again.convergence.n_ionic_steps < result.convergence.n_ionic_steps
    assert any("started from a band" in warning for warning in again.warnings)


def test_end_points_that_are_known_are_not_computed_again(
    tmp_path: Path, gold: tuple[Atoms, Atoms], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {}
    for which, atoms in zip(("initial", "final"), gold, strict=True):
        folder = tmp_path / which
        step = Step(
            name=which, kind="relax", engine="potential", protocol="test",
            settings={"model": "emt"}, n_atoms=len(atoms), structure=to_document(atoms),
        )  # fmt: skip
        prepare_folder(folder, step, atoms)
        ENGINE.write(folder)
        ENGINE.run(folder)
        made[which] = ENGINE.read(folder)
        made[which].save(folder)
    initial, final = made["initial"].final_atoms(), made["final"].final_atoms()
    folder = prepared(tmp_path / "band", initial, final)
    for which in made:
        save_input(folder, f"{which}_result", tmp_path / which / "result.json")
    numbers = []
    monkeypatch.setattr(EMT, "calculate", _recording(EMT.calculate, numbers), raising=True)
    result, _ = ran(folder)
    assert len(numbers) == result.convergence.n_ionic_steps


def _recording(calculate: Callable[..., None], numbers: list[int]) -> Callable[..., None]:
    def recorded(self: EMT, *args: Any, **kwargs: Any) -> None:
        numbers.append(1)
        calculate(self, *args, **kwargs)

    return recorded


def test_wrong_settings_and_missing_ends_are_refused(gold: tuple[Atoms, Atoms]) -> None:
    with pytest.raises(EngineError, match="n_images"):
        ENGINE.check(neb_step(*gold, n_image=3))
    with pytest.raises(EngineError, match="interpolation"):
        ENGINE.check(neb_step(*gold, interpolation="cubic"))
    step = neb_step(*gold).model_copy(update={"inputs": {}})
    with pytest.raises(EngineError, match="final"):
        ENGINE.check(step)


def test_end_points_of_other_atoms_are_refused_when_written(
    tmp_path: Path, gold: tuple[Atoms, Atoms]
) -> None:
    other = gold[1].copy()
    other.symbols[-1] = "Cu"
    with pytest.raises(EngineError, match="same atoms"):
        prepared(tmp_path, gold[0], other)

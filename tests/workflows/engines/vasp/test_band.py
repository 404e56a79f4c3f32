"""Bands with VASP: planned, run through FireWorks, custodian and the stand-in, and read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from pymatgen.io.vasp.inputs import Incar

from natriface.analysis.barriers.summary import summarise
from natriface.analysis.readers.neb import read_band
from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import EngineError, StructureError
from natriface.structures.paths.hop_endpoints import HopEndpoints, hop_endpoints
from natriface.structures.paths.hops import vacancy_hops
from natriface.workflows.engines.base import prepare_folder, save_input
from natriface.workflows.engines.vasp import band as vasp_band
from natriface.workflows.engines.vasp.engine import ENGINE
from natriface.workflows.parts.labels import Labels
from natriface.workflows.parts.migration.band_steps import band_steps
from natriface.workflows.parts.migration.labels import HopLabels
from natriface.workflows.plan import Input, Plan, Step
from natriface.workflows.protocols import load_protocol
from natriface.workflows.running.run import run_plan
from natriface.workflows.workspace import Workspace
from tests.workflows.engines.vasp.vasp_tools import TEST_SETTINGS, n_starts, use_standins

PATH = {"carrier": "Cu", "path_type": "vacancy"}


class Maker:
    """As `StepMaker` for a study on VASP, its pre-convergence on EMT."""

    def __init__(self, **band: Any) -> None:
        self.band = band

    def settings(self, kind: str, engine: str | None = None) -> dict[str, Any]:
        engine = engine or "vasp"
        own: dict[str, Any]
        if engine == "vasp":
            own = {**TEST_SETTINGS, "EDIFFG": -0.03, "ISPIN": 1, "NSW": 200}
            own |= self.band if kind == "neb" else {}
        else:
            own = {"model": "emt"}
        return load_protocol("li2025").settings(engine, kind, own)

    def step(
        self,
        name: str,
        kind: Any,
        n_atoms: int,
        *,
        engine: str | None = None,
        settings: dict[str, Any] | None = None,
        labels: Labels | None = None,
        **rest: Any,
    ) -> Step:
        return Step(
            name=name, kind=kind, engine=engine or "vasp", protocol="li2025",
            settings=self.settings(kind, engine) | (settings or {}), n_atoms=n_atoms,
            metadata=labels.document() if labels else {}, **rest,
        )  # fmt: skip


def hop() -> HopEndpoints:
    host = bulk("Cu", a=3.45, cubic=True)
    return hop_endpoints(host, vacancy_hops(host, "Cu")[0], (2, 2, 2))


def vacancy() -> tuple[Atoms, Atoms]:
    ends = hop()
    return ends.initial, ends.final


def labels() -> HopLabels:
    return HopLabels(label="Cu", **hop().metadata())


def folder_of(folder: Path, **settings: Any) -> Path:
    """A step of kind neb between given end points, written."""
    initial, final = vacancy()
    own = {**TEST_SETTINGS, "EDIFFG": -0.03, "NSW": 200, **settings}
    step = Step(
        name="hop", kind="neb", engine="vasp", protocol="li2025",
        settings=load_protocol("li2025").settings("vasp", "neb", own),
        n_atoms=len(initial), structure=to_document(initial),
        inputs={"final": Input(structure=to_document(final))},
    )  # fmt: skip
    ENGINE.check(step)
    prepare_folder(folder, step, initial)
    save_input(folder, "final", final)
    ENGINE.write(folder)
    return folder


@pytest.mark.slow
def test_band_from_plan_to_barrier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_standins(monkeypatch, tmp_path)
    initial, final = vacancy()
    order = np.random.default_rng(3).permutation(len(final))
    steps = band_steps(Maker(), "vacancy", initial, final[order], labels())  # type: ignore[arg-type]
    assert [step.kind for step in steps] == ["relax", "relax", "neb"] * 2
    assert [step.engine for step in steps] == ["potential"] * 3 + ["vasp"] * 3
    workspace = Workspace.create(tmp_path / "w", "hop")
    summary = run_plan(Plan.of("hop", steps), workspace, n_workers=2)
    assert summary.is_complete, [step.reason for step in summary.failed]
    result = workspace.result(steps[-1].id)
    folder = workspace.folders()[steps[-1].id]
    assert result.status == "converged"
    assert any("climbs (VTST)" in warning for warning in result.warnings)
    assert Incar.from_file(str(folder / "INCAR"))["LCLIMB"]
    for number in ("00", f"{len(result.energies_ev) - 1:02d}"):
        assert (folder / number / "OUTCAR").is_file()
    band = read_band(folder / result.files["band"], metadata=PATH)
    barrier = summarise(band).converged_barrier()
    assert barrier.forward_ev == pytest.approx(barrier.reverse_ev, abs=0.01)
    assert barrier.highest_image_forward_ev > 0.1
    assert result.converged_energy_ev() == pytest.approx(max(result.energies_ev))
    assert result.step is not None
    assert set(result.step.metadata["end_steps"]) == {"initial", "final"}
    assert result.step.metadata["exchanged_by"] == "mirror plane"
    for pair in (steps[:2], steps[3:5]):  # the second end is the first one's image, and a minimum
        first, last = (workspace.result(step.id) for step in pair)
        assert last.converged_energy_ev() == pytest.approx(first.converged_energy_ev(), abs=1e-4)
        assert last.convergence.n_ionic_steps is not None
        assert last.convergence.n_ionic_steps <= 2


@pytest.mark.slow
def test_band_without_vtst_is_plain_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_standins(monkeypatch, tmp_path)
    folder = folder_of(tmp_path / "step", vtst=False, n_images=1)
    assert "LCLIMB" not in Incar.from_file(str(folder / "INCAR"))
    ENGINE.run(folder)
    result = ENGINE.read(folder)
    assert result.status == "converged"
    assert any("no image climbs" in warning for warning in result.warnings)
    assert any("end points" in warning for warning in result.warnings)  # they have no OUTCAR here
    assert "band" not in result.files


@pytest.mark.slow
def test_half_done_band_goes_on_from_its_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_standins(monkeypatch, tmp_path, "empty_contcar")
    folder = folder_of(tmp_path / "step", n_images=3)
    before = (folder / "02" / "POSCAR").read_text()
    with pytest.raises(EngineError):
        ENGINE.run(folder)
    result = ENGINE.read(folder)
    assert result.status != "converged"
    assert result.reason is not None
    assert result.reason.startswith("image 1:")
    ENGINE.run(folder)
    result = ENGINE.read(folder)
    assert result.status == "converged", result.reason
    assert n_starts(folder) == 2
    assert (folder / "02" / "POSCAR").read_text() != before
    assert any("gone on from its images" in note and "image 1" in note for note in result.warnings)


def test_vtst_is_found_in_the_program(tmp_path: Path) -> None:
    with_it, without = tmp_path / "vasp_vtst", tmp_path / "vasp_std"
    with_it.write_bytes(b"\x7fELF" + b"\0" * 5000 + b"LCLIMB" + b"\0" * 10)
    without.write_bytes(b"\x7fELF" + b"\0" * 5000)
    assert vasp_band.has_vtst(f"srun -n 4 {with_it}")
    assert not vasp_band.has_vtst(f"srun -n 4 {without}")
    assert not vasp_band.has_vtst(None)


def test_what_cannot_run_is_refused_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_standins(monkeypatch, tmp_path, cores=8)
    with pytest.raises(EngineError, match="multiple of 3"):
        folder_of(tmp_path / "cores", n_images=3)
    use_standins(monkeypatch, tmp_path)
    with pytest.raises(EngineError, match="need the VTST extension"):
        folder_of(tmp_path / "vtst", LCLIMB=True, vtst=False)
    step = Maker().step("hop", "neb", 1, structure=to_document(bulk("Cu")))
    with pytest.raises(EngineError, match="final end point"):
        ENGINE.check(step)


def test_end_points_that_make_no_path_are_refused_when_planned() -> None:
    initial, final = vacancy()
    other = final.copy()
    other.symbols[0] = "Au"
    for wrong, why in ((other, "same atoms"), (initial, "same structure")):
        with pytest.raises(StructureError, match=why):
            band_steps(Maker(), "vacancy", initial, wrong, labels())  # type: ignore[arg-type]


def test_hop_across_the_vacuum_is_refused() -> None:
    slab = bulk("Cu", cubic=True).repeat((2, 2, 2))
    slab.center(vacuum=4.0, axis=2)
    slab += Atoms("Cu", [(1.0, 1.0, slab.positions[:, 2].max() + 1.9)])
    final = slab.copy()
    final.positions[-1, 2] = slab.positions[:-1, 2].min() - 1.9
    with pytest.raises(StructureError, match="vacuum"):
        band_steps(Maker(), "adatom", slab, final, labels())  # type: ignore[arg-type]


def test_without_another_engine_before_there_are_three_steps() -> None:
    for pre_engine in (None, "vasp"):
        steps = band_steps(Maker(), "vacancy", *vacancy(), labels(), pre_engine=pre_engine)  # type: ignore[arg-type]
        assert [step.metadata["role"] for step in steps] == ["end_point", "end_point", "band"]
        assert set(steps[-1].parents) == {steps[0].id, steps[1].id}

"""Computed structures as frames to train potentials on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.db import connect
from ase.io import read

from natriface.analysis.results.result import EngineRecord, Result, StepRecord
from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import AnalysisError, StudyError
from natriface.workflows.commands.training_frames import frame, write_frames


def result(status: str = "converged", **found: object) -> Result:
    atoms = bulk("NaF", "rocksalt", a=4.6)
    return Result(
        kind="static",
        status=status,  # type: ignore[arg-type]
        engine=EngineRecord(name="gpaw", version="26.7.0"),
        protocol="li2025",
        step=StepRecord(id="0123456789ab", name="NaF bulk"),
        energy_ev=-9.5,
        initial_structure=to_document(atoms),
        final_structure=to_document(atoms),
        **found,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("ending", [".extxyz", ".db"])
def test_frames_come_back_with_all_that_was_found(tmp_path: Path, ending: str) -> None:
    forces = [[0.0, 0.1, -0.2], [0.0, -0.1, 0.2]]
    stress = [0.01, 0.02, 0.03, 0.001, 0.002, 0.003]
    whole = result(
        forces_ev_per_angstrom=forces, stress_ev_per_angstrom3=stress, free_energy_ev=-9.6
    )
    path = tmp_path / "new" / f"frames{ending}"
    for _ in range(2):  # the second replaces the first
        assert write_frames(path, [frame(whole), frame(result())]) == 2
    if ending == ".db":
        rows = list(connect(path).select())
        first, second = (row.toatoms(add_additional_information=True) for row in rows)
        said = first.info["key_value_pairs"]
    else:
        first, second = read(path, ":")
        said = first.info
    assert first.get_potential_energy() == pytest.approx(-9.5)
    assert np.allclose(first.get_forces(), forces)
    assert np.allclose(first.get_stress(), stress)
    assert "forces" not in second.calc.results
    assert said["level"] == "gpaw 26.7.0"
    assert (said["step"], said["kind"], said["protocol"]) == ("0123456789ab", "static", "li2025")


def test_what_is_no_frame_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match="NaF bulk"):
        frame(result("unconverged"))
    with pytest.raises(StudyError, match="extxyz"):
        write_frames(tmp_path / "frames.xyz", [frame(result())])
    with pytest.raises(StudyError, match="no converged result"):
        write_frames(tmp_path / "frames.extxyz", [])
    assert not list(tmp_path.iterdir())

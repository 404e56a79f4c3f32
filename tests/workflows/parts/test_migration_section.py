"""The report's section on migration, from bands whose energies are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc100
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from natriface.analysis.results.published import Published
from natriface.analysis.results.result import EngineRecord, Result, StepRecord
from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import StructureError
from natriface.workflows.parts.interfaces.evaluation.gathering import ExpectedStep
from natriface.workflows.parts.labels import labels_of
from natriface.workflows.parts.migration.labels import BandLabels
from natriface.workflows.parts.migration.section import section
from natriface.workflows.plan import Plan
from natriface.workflows.planning import plan_study
from natriface.workflows.report.section import CARE, Section, SectionContext
from natriface.workflows.study import study_model
from natriface.workflows.surfaces.labels import SurfaceLabels
from natriface.workflows.validation import validated

WAY = 3.0
PUBLISHED = Published(
    name="test",
    citation="Someone et al., J. Test (2020): a title",
    method="DFT",
    not_stated="the slab",
    barriers=[  # type: ignore[arg-type]
        {"phase": "NaF", "carrier": "Na", "path_type": "adatom", "value_ev": 0.25,
         "words": "0.25 eV", "place": "Fig. 1"},
        {"phase": "NaF", "carrier": "Na", "value_ev": 0.772, "words": "0.772 eV",
         "place": "p. 2", "note": "three times the other"},
    ],
)  # fmt: skip


def slab() -> Atoms:
    atoms = fcc100("Na", (3, 3, 2), a=4.2, vacuum=8.0, periodic=True)
    atoms.info.clear()
    atoms.append("Na")
    atoms.positions[-1] = atoms.positions[9] + [0, 0, 2.5]
    return atoms


def band(folder: Path, barrier_ev: float, reaction_ev: float = 0.0, across: float = 0.0) -> None:
    """Seven images along x, energies a sine squared on a slope, forces to match."""
    images = []
    for s in np.linspace(0, 1, 7):
        atoms = slab()
        atoms.positions[-1, 0] += WAY * s
        energy = barrier_ev * np.sin(np.pi * s) ** 2 + reaction_ev * s**2 * (3 - 2 * s)
        forces = np.zeros((len(atoms), 3))
        slope = barrier_ev * np.pi * np.sin(2 * np.pi * s) + reaction_ev * 6 * s * (1 - s)
        forces[-1, 0] = -slope / WAY
        forces[-1, 1] = across * (0 < s < 1)
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces)
        images.append(atoms)
    folder.mkdir(parents=True)
    write(folder / "band.extxyz", images, format="extxyz")


def metadata(label: str, **changes: Any) -> dict[str, Any]:
    given = {
        "role": "band",
        "label": label,
        "hop": 1,
        "phase": "NaF",
        "grade": "DFT",
        "carrier": "Na",
        "path_type": "adatom",
        "facet": [1, 0, 0],
        "charge_e": 0.0,
        "compensation": "electrons",
        "start": "on-top F",
        "end": "on-top F",
        "length_angstrom": WAY,
        "coordination": 4,
        "equivalent_ends": True,
        "mover": 18,
        "temperature_k": 300.0,
        "n_distinct_hops": 1,
        "description": "a hop",
        "start_scaled": [0.0, 0.0, 0.5],
        "end_scaled": [1.0, 0.0, 0.5],
        "multiplicity": 2,
        "symmetric": True,
        "host": "Na18",
        "repeats": [3, 3, 1],
        "carrier_charge_e": 0.0,
        "image_distance_angstrom": 9.0,
        "end_steps": {},
        **changes,
    }
    return BandLabels.model_validate(given).document()


def result(
    identifier: str, data: dict[str, Any], status: str = "converged", model: str | None = "test"
) -> Result:
    return Result(
        kind="neb",
        status=status,  # type: ignore[arg-type]
        reason=None if status == "converged" else "force calls used up",
        engine=EngineRecord(name="potential", version="1", model=model),
        settings={"fmax_ev_per_angstrom": 0.05},
        step=StepRecord(id=identifier, name=f"{data['label']} band", metadata=data),
        energy_ev=0.0,
        final_structure=to_document(slab()),
        files={"band": "band.extxyz"},
    )


def report(
    tmp_path: Path, results: list[Result], expected: list[ExpectedStep] | None = None
) -> Section:
    (tmp_path / "figures").mkdir()
    folders = {r.step.id: tmp_path / r.step.id for r in results if r.step}
    made = section(
        results,
        SectionContext(tmp_path / "figures", folders, expected or [], {}, PUBLISHED),
    )
    assert made is not None
    return made


def rows(made: Section, title: str) -> list[dict[str, Any]]:
    table = next(table for table in made.tables if table.title == title)
    return [dict(zip((c.title for c in table.columns), row, strict=True)) for row in table.rows]


def test_symmetric_hop_with_its_rate_and_figures(tmp_path: Path) -> None:
    band(tmp_path / "a", 0.3)
    made = report(tmp_path, [result("a", metadata("NaF(100)"))])
    (row,) = rows(made, "Barriers")
    assert row["forward"] == pytest.approx(0.3, abs=1e-6)
    assert row["reverse"] == pytest.approx(row["forward"])
    assert row["reaction"] == pytest.approx(0.0, abs=1e-9)
    assert row["status"] == "converged"
    values = made.values["NaF(100)"]
    kt = 8.617333e-5 * 300
    assert values["rate"]["rate_hz"] == pytest.approx(1e13 * np.exp(-0.3 / kt), rel=1e-3)
    spread = values["diffusivity"]["diffusivity_cm2_per_s"]
    assert spread == pytest.approx(4 * values["rate"]["rate_hz"] * (WAY * 1e-8) ** 2 / 4, rel=1e-6)
    stems = {figure.stem for figure in made.figures}
    assert stems == {"migration-barriers", "energy-profile-adatom_on_a_surface", "path-NaF_100"}
    for stem in stems:
        assert (tmp_path / "figures" / f"{stem}.png").stat().st_size > 5000


def test_published_barriers_of_another_kind_are_named_so(tmp_path: Path) -> None:
    band(tmp_path / "a", 0.3)
    made = report(tmp_path, [result("a", metadata("NaF(100)"))])
    compared = rows(made, "Barriers in print")
    assert [row["compared"] for row in compared] == [
        "the same kind of path",
        "the source does not say which path",
    ]
    assert any("0.25 eV" in text for text in made.verdict)
    assert not any("0.77" in text for text in [*made.verdict, *made.findings])
    assert any("three times the other" in text for text in made.lists[CARE])


def test_a_barrier_below_kt_has_no_rate_and_says_why(tmp_path: Path) -> None:
    band(tmp_path / "a", 0.02)
    made = report(tmp_path, [result("a", metadata("NaI(100)", phase="NaI"))])
    (row,) = rows(made, "Hop frequencies")
    assert row["barrier"] == pytest.approx(0.02, abs=1e-6)
    assert row["hops over it"] is None
    assert row["D of the carrier"] is None
    assert "below kT" in row["limits"]
    assert any("below kT" in text for text in made.verdict)


def test_ends_that_are_no_minima_have_no_barrier_between_them(tmp_path: Path) -> None:
    band(tmp_path / "a", -0.3)
    made = report(tmp_path, [result("a", metadata("NaF(100)"))])
    (row,) = rows(made, "Barriers")
    assert row["forward"] is None
    assert row["status"] == "converged; its ends are no minima"
    assert any("falls by 0.300 eV" in text for text in made.findings)
    (row,) = rows(made, "Hop frequencies")
    assert (row["barrier"], row["hops over it"]) == (None, None)


def test_an_unconverged_band_has_no_barrier(tmp_path: Path) -> None:
    band(tmp_path / "a", 0.3)
    band(tmp_path / "b", 0.3, across=0.2)
    made = report(
        tmp_path,
        [
            result("a", metadata("one"), status="unconverged"),
            result("b", metadata("two")),
        ],
    )
    first, second = rows(made, "Barriers")
    assert first["forward"] is None
    assert "force calls used up" in first["status"]
    assert second["forward"] is None
    assert "0.200 eV/A across the path" in second["status"]
    assert [*made.verdict, *made.findings] == []


def test_of_many_barriers_the_page_begins_with_how_far_they_reach(tmp_path: Path) -> None:
    barriers = {"a": 0.3, "b": 0.5, "c": 0.2, "d": 0.4}
    for name, barrier in barriers.items():
        band(tmp_path / name, barrier)
    made = report(tmp_path, [result(name, metadata(f"{name}(100)")) for name in barriers])
    assert made.verdict == ["Barriers: adatom on a surface 0.20 eV (c(100)) to 0.50 eV (b(100))."]
    assert sum("eV forward" in text for text in made.findings) == 4


def test_unlike_paths_stand_side_by_side_and_are_not_ranked(tmp_path: Path) -> None:
    band(tmp_path / "a", 0.3)
    band(tmp_path / "b", 0.5, 0.2)
    vacancy = metadata(
        "NaF", path_type="vacancy", facet=None, charge_e=-1.0, compensation="background",
        equivalent_ends=False,
    )  # fmt: skip
    made = report(tmp_path, [result("a", metadata("NaF(100)")), result("b", vacancy)])
    assert any("do not rank" in text for text in made.blocks if isinstance(text, str))
    first, second = rows(made, "Barriers")
    assert first["charge"] is second["charge"] is None  # a potential is not told
    assert second["forward"] - second["reverse"] == pytest.approx(0.2)
    assert second["forward"] >= second["highest image"] - 1e-9
    limits = rows(made, "Hop frequencies")[1]["limits"]
    assert "one hop does not make a way" in limits


def test_charges_are_said_where_the_engine_is_told_of_them(tmp_path: Path) -> None:
    band(tmp_path / "a", 0.3)
    band(tmp_path / "b", 0.5)
    vacancy = metadata("NaF", path_type="vacancy", charge_e=-1.0, compensation="background")
    made = report(
        tmp_path,
        [result("a", metadata("NaF(100)"), model=None), result("b", vacancy, model=None)],
    )
    assert [row["charge"] for row in rows(made, "Barriers")] == [
        "neutral cell, electrons or holes",
        "-1 e, background",
    ]


def test_equivalent_ends_that_differ_are_doubted(tmp_path: Path) -> None:
    band(tmp_path / "a", 0.3, 0.1)
    made = report(tmp_path, [result("a", metadata("NaF(100)"))])
    assert any("different minima" in text for text in made.lists[CARE])


def test_an_adatom_that_left_its_site_is_told(tmp_path: Path) -> None:
    band(tmp_path / "a", 0.3)
    cell = fcc100("Na", (1, 1, 2), a=4.2, vacuum=8.0, periodic=True)
    data = metadata(
        "NaF(100)",
        end_steps={"initial": "i"},
        start="on-top Na",
        surface=SurfaceLabels(
            name="NaF(100)",
            phase="NaF",
            grade="DFT",
            source="a paper",
            label="(100)-1",
            layers=2,
            surface_cell=to_document(cell),
            frozen_layers=1,
            repeats=(3, 3),
            vacuum_angstrom=16.0,
            supercell_area_angstrom2=79.4,
        ),
    )
    before, after = slab(), slab()
    after.positions[-1, :2] += cell.cell.array[:2, :2].sum(axis=0) / 2
    end = result("i", {**data, "role": "end_point"})
    end = end.model_copy(
        update={
            "initial_structure": to_document(before),
            "final_structure": to_document(after),
        }
    )
    made = report(tmp_path, [end, result("a", data)])
    (told,) = [text for text in made.lists[CARE] if "left on-top Na" in text]
    assert "hollow Na4" in told
    (row,) = rows(made, "Hop frequencies")
    assert row["D of the carrier"] is None


def test_of_a_symmetric_hop_one_end_point_tells_of_both(tmp_path: Path) -> None:
    band(tmp_path / "a", 0.3)
    data = metadata(
        "NaF", end_steps={"initial": "i", "final": "f"}, exchanged_by="mirror plane", mover=-1
    )
    before, after = slab(), slab()
    after.positions[-1, 0] += 1.0
    ends = [
        result(end, {**data, "role": "end_point"}).model_copy(
            update={
                "initial_structure": to_document(start),
                "final_structure": to_document(after),
            }
        )
        for end, start in (("i", before), ("f", after))
    ]
    made = report(tmp_path, [*ends, result("a", data)])
    (told,) = [text for text in made.lists[CARE] if "relaxed 1.00 A away" in text]
    assert "at the initial end" in told
    assert "so it does at the final end, its image" in told
    said = [str(method) for method in made.methods]
    assert any("exchanges the end points of NaF (mirror plane)" in text for text in said)


def test_what_is_planned_and_not_computed_is_listed(tmp_path: Path) -> None:
    expected = [ExpectedStep("x", "NaF(100) band", "neb", 19, metadata("NaF(100)"))]
    made = report(tmp_path, [], expected)
    (row,) = rows(made, "Barriers")
    assert row["status"] == "not computed: not finished yet"
    assert [figure.stem for figure in made.figures] == ["migration-barriers"]


def test_nothing_to_say_without_hops(tmp_path: Path) -> None:
    other = Result(
        kind="static", status="converged", engine=EngineRecord(name="x", version="1"),
        step=StepRecord(id="s", name="s", metadata={"section": "migration", "role": "end_point"}),
        final_structure=to_document(bulk("Na")),
    )  # fmt: skip
    assert section([other], SectionContext(tmp_path)) is None


MIXED = """data_mixed
_symmetry_space_group_name_H-M 'P 4/m m m'
_symmetry_Int_Tables_number 123
_cell_length_a 5.0
_cell_length_b 5.0
_cell_length_c 5.8
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Na1 Na 0 0 0 1
Na2 Na 0.5 0.5 0.5 1
X Cl 0 0.5 0 0.5
Y Br 0 0.5 0 0.5
"""


def test_hops_and_reactions_take_an_ordering_of_a_disordered_crystal(tmp_path: Path) -> None:
    (tmp_path / "mixed.cif").write_text(MIXED)

    def planned(**request: object) -> Plan:
        content = {"name": "mixed", "title": "Mixed anions", **request}
        return plan_study(validated(study_model(), content, "study"), tmp_path, to_run=False)

    crystal = {"phase": "mixed.cif", "repeats": [2, 2, 2], "max_hops": 1}
    with pytest.raises(StructureError, match="is disordered"):
        planned(migration={"bulk": {"c": crystal}})
    hops = planned(migration={"bulk": {"c": {**crystal, "ordering": 1}}})
    assert max(step.n_atoms for step in hops.walk()) == 31  # less one Na

    asked: dict[str, Any] = {"phase": "mixed.cif"}
    reactions = planned(reactivity={"pairs": [["Na", "c"]], "crystals": {"c": asked}})
    said = {text for step in reactions.walk() for text in labels_of(step).cautions}
    assert said == {"reactivity c: ordering 1 by electrostatic energy, mixed.cif-Pmmm"}

    asked["charges"] = {"Na": 1, "Cl": -1, "Br": -2}
    with pytest.raises(StructureError, match="they must balance: correct them, or the occupancies"):
        planned(reactivity={"pairs": [["Na", "c"]], "crystals": {"c": asked}})

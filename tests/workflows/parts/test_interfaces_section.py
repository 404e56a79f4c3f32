"""The report: right numbers with all that judges them, honest about what is missing."""

from __future__ import annotations

import base64
import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms

from natriface.analysis.energies.interface_energy import (
    interfacial_formation_energy,
    work_of_adhesion,
)
from natriface.analysis.results.published import load_published, published_names
from natriface.analysis.results.result import Convergence, EngineRecord, Result, StepRecord
from natriface.structures.base.atom_tags import FILM_TAG, SUBSTRATE_TAG
from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import AnalysisError
from natriface.workflows.parts.interfaces.blocks.comparison import compare
from natriface.workflows.parts.interfaces.evaluation.gathering import ExpectedStep, gather
from natriface.workflows.parts.interfaces.evaluation.records import (
    InterfaceRecord,
    RegistriesRecord,
)
from natriface.workflows.parts.interfaces.labels import InterfaceLabels
from natriface.workflows.report.page import ProtocolRecord, ReportDocument, Setting, write_report

D = 1.54 / np.sqrt(3)
PO4 = Atoms(
    "PO4",
    [(0, 0, 0), (D, D, D), (-D, -D, D), (-D, D, -D), (D, -D, -D)],
    tags=[SUBSTRATE_TAG] * 5,
)
NA2 = Atoms("Na2", [(1, 1, 12.0), (5, 5, 12.5)], tags=[FILM_TAG] * 2)
CELL = [8.0, 9.0, 32.0]
CHGNET = EngineRecord(name="potential", version="chgnet 0.4.2", model="chgnet-0.3.0")
VASP = EngineRecord(name="vasp", version="6.4.2")
PROTOCOL = ProtocolRecord(
    name="li2025",
    description="as published",
    settings=[
        Setting(kind="relax", name="fmax", value=0.02, source="Li et al. 2025"),
        Setting(kind="relax", name="optimizer", value="LBFGS", source="ours: fast"),
    ],
)


def slab(element: str = "O") -> Atoms:
    atoms = PO4.copy()
    atoms.positions += (4, 4, 8)
    atoms.symbols[1] = element
    atoms.set_cell(CELL)
    atoms.set_pbc(True)
    return atoms


def film() -> Atoms:
    atoms = NA2.copy()
    atoms.set_cell(CELL)
    atoms.set_pbc(True)
    return atoms


class Study:
    """Results of an interface Na|A, and of Na|A-F whose PO4 is PO3F; they share the film."""

    def __init__(self, engine: EngineRecord = CHGNET, **changes: Any) -> None:
        self.engine = engine
        self.quantities = changes.pop(
            "quantities", ["interfacial_formation_energy", "work_of_adhesion", "integrity"]
        )
        self.changes = changes
        self.results: list[Result] = []
        film_slab = self.add("Na|A Na slab", film(), -2.0, role="film")
        for name, element, energy in (("NZSP", "O", -43.6), ("NZSP-NSF", "F", -41.0)):
            pair = f"Na|{name}"
            whole = slab(element) + film()
            lower = self.add(f"{pair} {name} slab", slab(element), energy + 4.0, role="substrate")
            rigid = [
                self.add(f"{pair} {name} rigid", slab(element), energy + 4.5, kind="static"),
                self.add(f"{pair} Na rigid", film(), -1.9, kind="static"),
            ]
            self.add_interface(pair, whole, energy, [lower, film_slab, *rigid], name)

    def add(
        self, name: str, atoms: Atoms, energy: float, *, kind: str = "relax", **metadata: Any
    ) -> str:
        identifier = f"id-{len(self.results)}"
        self.results.append(
            Result(
                kind=kind,
                status="converged",
                engine=self.engine,
                protocol="li2025",
                settings={"model": "m"},
                step=StepRecord(id=identifier, name=name, metadata=metadata),
                energy_ev=energy,
                energies_ev=[energy + 1, energy + 0.1, energy],
                initial_structure=to_document(atoms),
                final_structure=to_document(atoms),
                convergence=Convergence(
                    ionic=True, n_ionic_steps=2, max_force_ev_per_angstrom=0.017
                ),
            )
        )
        return identifier

    def add_interface(
        self, pair: str, atoms: Atoms, energy: float, references: list[str], substrate: str
    ) -> None:
        roles = ("substrate", "film", "rigid_substrate", "rigid_film")
        doping = "1 F on O; uncompensated" if substrate.endswith("NSF") else None
        metadata: dict[str, Any] = {
            "role": "interface",
            "pair": pair,
            "quantities": self.quantities,
            "reference_steps": dict(zip(roles, references, strict=True)),
            "n_contacts": 1,
            "n_atoms": len(atoms),
            "max_strain": 0.0321,
            "film_strain": [0.0321, -0.01],
            "substrate_strain": [0.0, 0.0],
            "substrate": {
                "name": substrate,
                "phase": "NZSP-C2c-ordered",
                "grade": "DFT",
                "source": "a paper",
                "doping": doping,
                "label": "(001)-1",
            },
            "film": {"name": "Na", "phase": "Na", "grade": "experiment", "source": "a database"},
            **self.changes,
        }
        labels = InterfaceLabels.model_validate(metadata)
        self.add(f"{pair} interface", atoms, energy, **labels.document())

    def add_second_start(self, name: str, energy: float, **update: Any) -> str:
        """A second start of a slab for every interface that refers to it."""
        first = self.named(name)
        again = self.add(
            f"{name}, second start", first.final_atoms(), energy, role="second", round=0
        )
        self.replace(f"{name}, second start", **update)
        assert first.step is not None
        for result in self.results:
            metadata = result.step.metadata if result.step else {}
            for side, reference in metadata.get("reference_steps", {}).items():
                if reference == first.step.id:
                    metadata.setdefault("second_starts", {}).setdefault(side, []).append(again)
        return again

    def add_restart(self, pair: str, energy: float, round: int | None = 0) -> str:
        """Another relaxation of an interface, from the lowest known in a round."""
        first = self.named(f"{pair} interface")
        again = self.add(
            f"{pair} interface, restart",
            first.final_atoms(),
            energy,
            role="interface_restart",
            pair=pair,
            n_contacts=1,
            round=round,
        )
        assert first.step is not None
        first.step.metadata.setdefault("restarts", []).append(again)
        return again

    @property
    def records(self) -> list[InterfaceRecord]:
        return [item.record for item in gather(self.results)]

    def named(self, name: str) -> Result:
        return next(r for r in self.results if r.label == name)

    def replace(self, name: str, **update: Any) -> None:
        self.results = [r.model_copy(update=update) if r.label == name else r for r in self.results]

    @property
    def expected(self) -> list[ExpectedStep]:
        return [
            ExpectedStep(r.step.id, r.label, r.kind, 5, r.step.metadata)
            for r in self.results
            if r.step
        ]

    def write(self, folder: Path, **options: Any) -> Page:
        fields: dict[str, Any] = {
            "study_name": "s",
            "title": "A title",
            "compare_with": "li2025",
            "protocol": PROTOCOL,
        }
        results = options.pop("results", self.results)
        return Page(write_report(results, folder, **(fields | options)))


class Page(HTMLParser):
    """A report as a reader meets it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.folder = path.parent
        self.html = path.read_text()
        self.words: list[str] = []
        self.links: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.feed(self.html)
        self.text = " ".join(" ".join(self.words).split())
        self.document = ReportDocument.model_validate_json(
            (self.folder / "results.json").read_text()
        )
        self.interfaces = [
            InterfaceRecord.model_validate(content)
            for content in self.document.sections.get("interfaces", {}).get("values", {}).values()
        ]
        table = self.folder / "results.csv"
        lines = table.read_text().splitlines() if table.is_file() else []
        self.rows = {row["pair (film|substrate)"]: row for row in csv.DictReader(lines)}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.links += [v for k, v in attrs if k in ("href", "src") and v]
        if tag == "img":
            self.images.append(found)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The report of the whole study."""
    return Study().write(tmp_path_factory.mktemp("report"))


FORMATION = "interfacial formation energy (J/m2)"
ADHESION = "rigid work of adhesion (J/m2)"


def test_numbers_are_those_of_the_formulas_everywhere(page: Page) -> None:
    study = Study()
    formation = interfacial_formation_energy(
        *(study.named(n) for n in ("Na|NZSP interface", "Na|NZSP NZSP slab", "Na|A Na slab"))
    ).value_j_per_m2
    adhesion = work_of_adhesion(
        *(study.named(n) for n in ("Na|NZSP interface", "Na|NZSP NZSP rigid", "Na|NZSP Na rigid"))
    ).value_j_per_m2
    assert formation == pytest.approx(-2.0 / 72 * 16.02176634)
    assert float(page.rows["Na|NZSP"][FORMATION]) == pytest.approx(formation)
    assert float(page.rows["Na|NZSP"][ADHESION]) == pytest.approx(adhesion)
    record = page.interfaces[0]
    assert record.interfacial_formation_energy is not None
    assert record.interfacial_formation_energy.value_j_per_m2 == pytest.approx(formation)
    assert f"{formation:.2f}".replace("-", "−") in page.text


def test_every_number_is_followed_by_what_judges_it(page: Page) -> None:
    row = page.rows["Na|NZSP"]
    assert float(row["area (A2)"]) == pytest.approx(72.0)
    assert row["contacts N"] == "1"
    assert float(row["film strain 1 (%)"]) == pytest.approx(3.21)
    assert row["atoms"] == "7"
    assert row["ionic steps"] == "2"
    assert float(row["largest force left (eV/A)"]) == 0.017
    assert row["status"] == "converged"
    assert row["engine version"] == "chgnet 0.4.2"
    assert row["protocol"] == "li2025"
    assert row["formula"] == "(E_AB - E_A - E_B) / (N A), slabs relaxed"


def test_the_page_needs_nothing_but_itself(page: Page) -> None:
    for link in page.links:
        if link.startswith("#") or link.startswith("data:image/"):
            continue
        assert (page.folder / link).exists(), link
    assert "http" not in page.html.split("<body>")[0]  # no style or font from elsewhere
    assert len(page.images) == 5  # two kinds of bars, two interfaces, one course of relaxations
    for image in page.images:
        kind, _, data = str(image["src"]).partition(";base64,")
        content = base64.b64decode(data, validate=True)
        assert (b"<svg" in content) if "svg" in kind else content.startswith(b"\x89PNG")
        assert image["alt"]
    stems = {path.stem for path in (page.folder / "figures").iterdir()}
    assert {"interfacial-formation-energy", "interface-Na_NZSP", "work-of-adhesion"} <= stems
    for stem in stems:
        assert (page.folder / "figures" / f"{stem}.png").is_file()
        assert (page.folder / "figures" / f"{stem}.svg").is_file()


def test_energies_of_a_potential_are_labelled_and_those_of_dft_are_not(
    page: Page, tmp_path: Path
) -> None:
    assert "Not DFT." in page.text
    assert page.rows["Na|NZSP"]["level of theory"] == "interatomic potential, not DFT"
    dft = Study(engine=VASP).write(tmp_path)
    assert "Not DFT" not in dft.text
    assert "not DFT" not in dft.html
    assert dft.rows["Na|NZSP"]["level of theory"] == "DFT"


def test_claims_on_energies_and_units_are_measured(page: Page) -> None:
    told = {each.text: each for each in page.document.claims if each.measured}
    less = told["F in NZSP makes Na bind less (the values as printed)"].verdict
    values = [r.interfacial_formation_energy for r in page.interfaces]
    clean, doped = (v.value_j_per_m2 for v in values if v and v.value_j_per_m2 is not None)
    assert less.effect == pytest.approx(doped - clean)
    assert (less.kind, less.n_samples) == ("not tested", 1)
    assert less.tried["potential"] == ["chgnet-0.3.0"]
    assert less.tried["compensation"] == ["uncompensated"]
    whole = told["The PO3F tetrahedron stays whole where F-doped NZSP meets Na"].verdict
    assert (whole.kind, whole.effect) == ("not tested", 0)
    assert "F in NZSP makes NaF bind more" in told
    assert page.document.glossary["Na|NZSP"] == "Na as a film on NZSP"


def test_published_values_stand_beside_ours_with_both_readings(page: Page) -> None:
    row = page.rows["Na|NZSP"]
    assert row["Li et al., Nat. Commun. (2025) (J/m2)"] == "-2.4"
    assert row["Li et al., Nat. Commun. (2025), other reading (J/m2)"] == "-1.36"
    assert "The source contradicts itself" in page.text
    assert "Na|NZSP −2.40 as printed, −1.36 swapped" in page.text


def test_doping_that_strengthens_agrees_with_one_reading_only() -> None:
    study = Study()
    study.replace("Na|NZSP-NSF NZSP-NSF slab", energy_ev=-36.5)  # 0.5 eV more to gain
    records = known_to(0.05, study.records)
    findings = compare(records, load_published("li2025")).findings
    (sentence,) = (s for s in findings if "doping" in s)
    assert "more negative (−0.11 J/m²" in sentence
    assert "unlike Li et al., Nat. Commun. (2025) as printed (+1.04 J/m²)" in sentence
    assert "as in Li et al., Nat. Commun. (2025) swapped (−1.04 J/m²)" in sentence


def known_to(
    uncertainty_j_per_m2: float | None, records: list[InterfaceRecord]
) -> list[InterfaceRecord]:
    """The records with this uncertainty of their formation energies."""
    update = {"uncertainty_j_per_m2": uncertainty_j_per_m2}
    return [
        record.model_copy(
            update={
                "interfacial_formation_energy": record.interfacial_formation_energy.model_copy(
                    update=update
                )
            }
        )
        for record in records
        if record.interfacial_formation_energy is not None
    ]


VERDICTS = ("as in", "unlike", "more", "less", "lowers", "raises", "smaller", "larger")


@pytest.mark.parametrize("uncertainty", [None, 0.09, 5.0])
def test_no_verdict_on_a_difference_within_the_spread(uncertainty: float | None) -> None:
    study = Study()
    study.replace("Na|NZSP-NSF NZSP-NSF slab", energy_ev=-36.5)  # -0.11 J/m2 by doping
    records = known_to(uncertainty, study.records)
    findings = compare(records, load_published("li2025")).findings
    (sentence,) = (s for s in findings if "doping" in s)
    assert not any(f"{word} " in sentence for word in VERDICTS)
    if uncertainty is None:
        assert "no verdict" in sentence
    else:  # in quadrature, of both
        assert (
            f"no difference to the formation energy within {2**0.5 * uncertainty:.2f}" in sentence
        )
    assert "(−0.11 J/m²)" in sentence or "−0.11 J/m²" in sentence
    if uncertainty != 0.09:
        told = [*compare(records, load_published("li2025")).verdict, *findings]
        assert not any(f" {word} " in text for text in told for word in VERDICTS)


def test_signs_and_orders_need_a_spread_that_they_exceed() -> None:
    study = Study()
    study.replace("Na|NZSP-NSF NZSP-NSF slab", energy_ev=-36.5)
    sure = compare(known_to(0.05, study.records), None).verdict
    assert any(
        re.match(r"Contact lowers the energy of Na\|NZSP by .* and of Na\|NZSP-NSF by ", s)
        for s in sure
    )
    near = compare(known_to(0.5, study.records), None).verdict
    assert any("no difference to the energy of Na|NZSP within 0.50 J/m²" in s for s in near)
    single = compare(study.records, None).verdict
    value = r"\([+−]\d\.\d\d J/m²\)"
    unsure = re.compile(rf"No verdict on Na\|NZSP {value}, Na\|NZSP-NSF {value}: how certain")
    assert any(unsure.match(s) and "one independent start only" in s for s in single)


def test_the_spread_of_all_starts_is_the_uncertainty() -> None:
    study = Study()
    pair = "Na|NZSP"
    record = study.records[0]
    quantity = record.interfacial_formation_energy
    assert quantity is not None
    assert quantity.uncertainty_j_per_m2 is None
    assert quantity.no_uncertainty == (
        "one independent start only of the interface and the substrate and the film"
    )
    study.add_second_start(SLAB, -40.0)  # the first has -39.6 eV
    study.add_second_start("Na|A Na slab", -2.3)  # -2.0
    study.add_restart(pair, -43.6)  # as the first
    study.replace(f"{pair} interface, restart", energy_ev=-44.8)
    quantity = study.records[0].interfacial_formation_energy
    assert quantity is not None
    assert quantity.value_j_per_m2 == pytest.approx((-44.8 + 40.0 + 2.3) / 72 * 16.02176634)
    spread = (0.4**2 + 0.3**2 + 1.2**2) ** 0.5
    assert quantity.uncertainty_j_per_m2 == pytest.approx(spread / 72 * 16.02176634)
    falling = f"The last start is the lowest for {pair}; further starts may go lower."
    assert falling in compare(study.records, None).findings
    study.replace(f"{pair} interface, restart", energy_ev=-43.0)
    assert falling not in compare(study.records, None).findings
    still = Convergence(ionic=True, n_ionic_steps=0, max_force_ev_per_angstrom=0.01)
    study.replace(f"{pair} interface, restart", convergence=still)  # a minimum is no second sample
    quantity = study.records[0].interfacial_formation_energy
    assert quantity is not None
    assert quantity.no_uncertainty == "one independent start only of the interface"


def test_what_goes_on_from_the_lowest_known_is_no_second_opinion() -> None:
    study = Study()
    study.add_second_start(SLAB, -39.9)
    study.add_second_start("Na|A Na slab", -2.0)
    pair = "Na|NZSP"
    for round_of, energy in ((1, -43.8), (None, -43.9)):  # in a round, and not on record
        study.add_restart(pair, energy, round_of)
        quantity = study.records[0].interfacial_formation_energy
        assert quantity is not None
        assert quantity.no_uncertainty == "one independent start only of the interface"
        assert quantity.value_j_per_m2 == pytest.approx((energy + 41.9) / 72 * 16.02176634)
    study.add_restart(pair, -43.7)
    record = study.records[0]
    assert [start.independent for start in record.starts] == [True, False, False, True]
    quantity = record.interfacial_formation_energy
    assert quantity is not None
    # -43.7 and -43.6 are independent, -43.9 is the lowest; slabs 0.3 eV and, at least, 5 meV
    within = (0.3**2 + 0.3**2 + 0.005**2) ** 0.5
    assert quantity.uncertainty_j_per_m2 == pytest.approx(within / 72 * 16.02176634)
    for energy in (-43.85, -43.89):
        study.add_restart(pair, energy)
    quantity = study.records[0].interfacial_formation_energy
    assert quantity is not None
    within = (0.05**2 + 0.3**2 + 0.005**2) ** 0.5  # while the spread of all stays 0.3 eV
    assert quantity.uncertainty_j_per_m2 == pytest.approx(within / 72 * 16.02176634)


def test_a_failed_step_takes_only_what_depends_on_it(tmp_path: Path) -> None:
    study = Study()
    study.replace(
        "Na|NZSP NZSP slab", status="unconverged", reason="forces still 0.3 eV/A after 9 steps"
    )
    page = study.write(tmp_path)
    row = page.rows["Na|NZSP"]
    assert row[FORMATION] == ""
    assert "forces still 0.3 eV/A after 9 steps" in row["reason not computed"]
    assert row[ADHESION] != ""
    assert page.rows["Na|NZSP-NSF"][FORMATION] != ""
    assert "forces still 0.3 eV/A after 9 steps" in page.text
    assert "Partial report." in page.text
    (unfinished,) = page.document.unfinished
    assert unfinished.energy_ev is None  # a failed calculation is never a number
    assert "not computed: Na|NZSP." in " ".join(page.document.findings)


def test_missing_steps_carry_their_reason(tmp_path: Path) -> None:
    study = Study()
    expected = study.expected
    results = [r for r in study.results if r.label != "Na|NZSP interface"]
    page = study.write(
        tmp_path,
        results=results,
        expected=expected,
        missing={"Na|NZSP interface": "the disk was full"},
    )
    assert page.document.n_steps == len(expected)
    assert page.document.n_converged == len(expected) - 1
    row = page.rows["Na|NZSP"]
    assert row["status"] == "no result"
    assert row[FORMATION] == row[ADHESION] == ""
    assert row["reason not computed"] == "Na|NZSP interface: the disk was full"
    assert row["tetrahedra"] == "Na|NZSP interface: the disk was full"
    assert (tmp_path / "figures" / "interface-Na_NZSP-NSF.png").is_file()
    assert not (tmp_path / "figures" / "interface-Na_NZSP.png").exists()


@pytest.mark.parametrize("planned", [True, False])
def test_nothing_finished_is_a_report_too(tmp_path: Path, planned: bool) -> None:
    study = Study()
    page = study.write(tmp_path, results=[], expected=study.expected if planned else None)
    assert page.document.n_converged == 0
    assert len(page.rows) == (2 if planned else 0)
    assert "not computed" in page.text.lower()
    assert all(row[FORMATION] == "" for row in page.rows.values())


def test_results_of_another_form_of_the_study_are_left_out(tmp_path: Path) -> None:
    study = Study()
    expected = [s for s in study.expected if s.metadata.get("pair") != "Na|NZSP-NSF"]
    assert list(study.write(tmp_path, expected=expected).rows) == ["Na|NZSP"]


def test_order_of_results_does_not_matter() -> None:
    study = Study()
    one = study.records
    study.results.reverse()
    assert one == study.records
    assert [record.pair for record in one] == ["Na|NZSP", "Na|NZSP-NSF"]


def test_without_published_values_none_are_named(tmp_path: Path) -> None:
    page = Study().write(tmp_path, compare_with=None, protocol=ProtocolRecord(name="mine"))
    assert "Li et al." not in page.html
    assert not any("Li et al." in column for column in page.rows["Na|NZSP"])
    assert page.document.published is None
    assert "Why these numbers may differ" not in page.text


def test_a_source_without_any_of_the_interfaces_is_not_compared_with(tmp_path: Path) -> None:
    page = Study().write(tmp_path, compare_with="mp-elasticity")
    source = load_published("mp-elasticity").short_name
    assert not any(source in column for column in page.rows["Na|NZSP"])
    assert "Why these numbers may differ" not in page.text


def test_figure_without_spread_says_so(tmp_path: Path) -> None:
    unsure = Study().write(tmp_path).text
    assert "Without whiskers: no spread is known" in unsure
    assert "Whiskers: within" not in unsure


def test_a_polar_slab_is_told_of(tmp_path: Path) -> None:
    study = Study()
    said = "(001)-1 is polar, with a dipole of 13.8 e A in the surface cell"
    first = study.named("Na|NZSP interface")
    assert first.step is not None
    first.step.metadata["substrate"]["caution"] = said
    assert f"NZSP: {said}." in study.records[0].caveats


@pytest.mark.slow
@pytest.mark.parametrize("listed", [True, False])
def test_an_earlier_report_leaves_none_of_its_own_files(tmp_path: Path, listed: bool) -> None:
    page = Study().write(tmp_path)
    assert "figures/interfacial-formation-energy.png, .svg, .pdf" in page.text
    assert {"claims.csv", "results.csv"} <= set(page.document.files)
    for name in page.document.files:
        assert (tmp_path / name).is_file(), name
    mine = [tmp_path / "mine.csv", tmp_path / "figures" / "mine.png"]
    for path in mine:
        path.touch()
    if not listed:  # as before reports had the list
        document = json.loads((tmp_path / "results.json").read_text())
        del document["files"]
        (tmp_path / "results.json").write_text(json.dumps(document))
    bare = Study()
    del bare.results[1:]
    after = bare.write(tmp_path, compare_with=None).document
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert "claims.csv" not in left
    fixed = {"report.html", "results.json", "references.bib"}
    own = {*after.files, *fixed, *(str(path.relative_to(tmp_path)) for path in mine)}
    assert own <= left
    if listed:
        assert left == own


def test_unknown_published_values_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match="did you mean 'li2025'"):
        Study().write(tmp_path, compare_with="li2052")


def test_a_sandwich_has_two_contacts() -> None:
    values = []
    for n_contacts in (1, 2):
        record = Study(n_contacts=n_contacts).records[0]
        assert record.n_contacts == n_contacts
        assert record.interfacial_formation_energy is not None
        values.append(record.interfacial_formation_energy.value_j_per_m2)
    assert values[1] == pytest.approx(values[0] / 2)


def test_only_integrity_asked(tmp_path: Path) -> None:
    page = Study(quantities=["integrity"]).write(tmp_path, compare_with=None)
    for formula in ("Rigid work of adhesion", "Interfacial formation energy"):
        assert formula.lower() not in page.text.lower()
    assert "Do the tetrahedra survive contact?" in page.text
    assert page.interfaces[0].interfacial_formation_energy is None
    assert "All tetrahedra stay whole in Na|NZSP, Na|NZSP-NSF." in page.document.findings


def test_without_p_and_si_nothing_is_said_of_tetrahedra(tmp_path: Path) -> None:
    study = Study()
    for result in list(study.results):
        structures = {
            key: {**document, "numbers": [50 if z == 15 else z for z in document["numbers"]]}
            for key in ("initial_structure", "final_structure")
            if (document := getattr(result, key)) is not None
        }
        study.replace(result.step.name, **structures)
    page = study.write(tmp_path, compare_with=None)
    assert page.interfaces[0].interfacial_formation_energy is not None
    for words in ("etrahedra", "A ligand counts as bonded"):
        assert words not in page.text


@pytest.mark.slow
def test_broken_bonds_are_counted_and_said_beside_the_paper(tmp_path: Path) -> None:
    study = Study()
    torn = study.named("Na|NZSP interface").final_atoms()
    torn.positions[1] += (1.0, 1.0, 1.0)
    study.replace("Na|NZSP interface", final_structure=to_document(torn))
    page = study.write(tmp_path)
    found = page.interfaces[0].integrity
    assert found is not None
    assert (found.n_broken, found.units["PO4"]) == (1, (0, 1))
    (mean,) = found.bonds
    assert mean.before_angstrom == mean.free_slab_angstrom == pytest.approx(1.54)
    assert page.rows["Na|NZSP"]["bonds broken"] == "1"
    assert "0 of 1 PO4 intact; 1 bond broken" in page.text
    assert "P-O bonds in PO4 break" in page.text


def test_a_slab_that_relaxed_into_a_higher_minimum_is_told_of() -> None:
    study = Study()
    assert all(record.caveats == [] for record in study.records)
    study.replace("Na|A Na slab", energy_ev=-1.6)  # the film in the interface has -1.9 eV
    caveats = study.records[0].caveats
    assert len(caveats) == 1
    assert "0.300 eV above" in caveats[0]
    assert "too negative by at least 0.07 J/m²" in caveats[0]  # 0.3 / 72 x 16.02


SLAB = "Na|NZSP NZSP slab"
AGAIN = f"{SLAB}, second start"


def gamma(study: Study) -> float | None:
    """Formation energy of the first interface, J/m2."""
    quantity = study.records[0].interfacial_formation_energy
    assert quantity is not None
    return quantity.value_j_per_m2


@pytest.mark.parametrize(("lower", "taken"), [(0.5, AGAIN), (-0.5, SLAB), (0.0, SLAB)])
def test_the_lower_of_two_starts_is_the_reference(lower: float, taken: str) -> None:
    study = Study()
    before, energy = gamma(study), study.named(SLAB).energy_ev
    assert before is not None
    assert energy is not None
    study.add_second_start(SLAB, energy - lower)
    record = study.records[0]
    (slab,) = record.reference_slabs
    assert slab.taken is not None
    assert slab.taken.name == taken
    assert [start.energy_ev for start in slab.starts] == [energy, energy - lower]
    gained = max(lower, 0.0)
    assert slab.lowered_ev == pytest.approx(gained)
    assert gamma(study) == pytest.approx(before + gained / 72 * 16.02176634)
    assert record.second_start_change_j_per_m2 == pytest.approx(gained / 72 * 16.02176634)
    assert study.records[1] == Study().records[1]  # it has another slab


@pytest.mark.slow
@pytest.mark.parametrize(("lower", "told"), [(0.0201, ""), (0.5, "by 0.11 J/m² (most for")])
def test_a_change_that_rounds_to_nothing_is_not_told(
    lower: float, told: str, tmp_path: Path
) -> None:
    study = Study()
    energy = study.named(SLAB).energy_ev
    assert energy is not None
    study.add_second_start(SLAB, energy - lower)
    findings = study.write(tmp_path).document.findings
    (finding,) = (text for text in findings if "reference slabs end" in text)
    assert "1 of 1 reference slabs end lower by more than 5 meV than" in finding
    assert ("which raises" in finding) == bool(told)
    assert told in finding


@pytest.mark.parametrize(
    "update",
    [
        {"status": "unconverged", "reason": "forces still 0.3 eV/A after 9 steps"},
        {"status": "truncated", "reason": "the run did not end", "energy_ev": None},
        {"protocol": "fast"},
        {"engine": VASP},
        {"settings": {"model": "another"}},
        {"final_structure": None},
    ],
    ids=["unconverged", "truncated", "protocol", "engine", "settings", "no structure"],
)
def test_a_second_start_that_failed_never_loses_the_result(update: dict[str, Any]) -> None:
    study = Study()
    before = gamma(study)
    study.add_second_start(SLAB, -45.0, **update)
    assert before is not None
    assert gamma(study) == before
    record = study.records[0]
    (slab,) = record.reference_slabs
    assert slab.taken is not None
    assert slab.taken.name == SLAB
    assert slab.starts[1].energy_ev is None
    assert slab.lowered_ev is None
    assert record.second_start_change_j_per_m2 is None
    (caveat,) = record.caveats
    assert caveat.startswith(f"{AGAIN}: ")
    assert str(slab.starts[1].reason) in caveat


def test_one_that_is_not_there_yet_does_not_either(tmp_path: Path) -> None:
    study = Study()
    before = gamma(study)
    study.add_second_start(SLAB, -45.0)
    expected = study.expected
    study.results = [result for result in study.results if result.label != AGAIN]
    page = study.write(tmp_path, expected=expected)
    assert float(page.rows["Na|NZSP"][FORMATION]) == before
    assert f"{AGAIN}: not finished yet" in page.rows["Na|NZSP"]["caveats"]
    told = [text for text in page.document.findings if "reference slabs" in text]
    assert told == [
        "Not computed for 1 of 1 reference slabs: the relaxation from the geometry they have in "
        "the interface."
    ]


def test_a_second_start_stands_in_for_a_first_that_failed() -> None:
    study = Study()
    before = gamma(study)
    energy = study.named(SLAB).energy_ev
    assert energy is not None
    study.add_second_start(SLAB, energy)
    study.replace(SLAB, status="unconverged", reason="forces still 0.3 eV/A after 9 steps")
    assert gamma(study) == before
    (slab,) = study.records[0].reference_slabs
    assert slab.lowered_ev is None
    assert any("forces still 0.3 eV/A" in text for text in study.records[0].caveats)


def test_without_any_sound_start_there_is_no_number_but_reasons() -> None:
    study = Study()
    study.add_second_start(SLAB, -45.0, status="truncated", reason="the run did not end")
    study.replace(SLAB, status="unconverged", reason="forces still 0.3 eV/A after 9 steps")
    quantity = study.records[0].interfacial_formation_energy
    assert quantity is not None
    assert quantity.value_j_per_m2 is None
    assert "forces still 0.3 eV/A" in str(quantity.reason)


def test_a_shared_slab_has_one_energy_in_all_its_interfaces() -> None:
    study = Study()
    for energy in (-2.1, -2.3):  # from one interface and from the other
        study.add_second_start("Na|A Na slab", energy)
        study.results[-1] = study.results[-1].model_copy(
            update={"step": study.results[-1].step.model_copy(update={"name": f"Na {energy}"})}  # type: ignore[union-attr]
        )
    for record in study.records:
        quantity = record.interfacial_formation_energy
        assert quantity is not None
        assert quantity.energies_ev["Na -2.3"] == -2.3
        assert len(quantity.energies_ev) == 3


def test_the_flag_is_raised_for_the_start_taken() -> None:
    study = Study()
    study.replace("Na|A Na slab", energy_ev=-1.6)  # the film in the interface has -1.9 eV
    study.add_second_start("Na|A Na slab", -1.7)
    (caveat,) = study.records[0].caveats
    assert "Na|A Na slab, second start: relaxed on its own it ended 0.200 eV above" in caveat
    study.replace("Na|A Na slab, second start", energy_ev=-2.0)
    assert study.records[0].caveats == []


def test_a_first_start_far_below_the_second_casts_doubt_on_the_interface() -> None:
    study = Study()
    study.add_second_start(SLAB, -39.5)  # the first has -39.6 eV
    (caveat,) = study.records[0].caveats
    assert "the interface may have a lower minimum too" in caveat
    assert "by about 0.02 J/m²" in caveat
    study.replace(AGAIN, energy_ev=-39.59)
    assert study.records[0].caveats == []  # too little to see


def test_a_start_that_has_reacted_is_told_of() -> None:
    study = Study()
    torn = slab()
    torn.positions[1] += (1.0, 1.0, 1.0)
    study.add_second_start(
        SLAB, -45.0, initial_structure=to_document(torn), final_structure=to_document(torn)
    )
    record = study.records[0]
    (caveat,) = record.caveats
    assert "0 of 1 PO4 intact; 1 bond broken" in caveat
    assert record.integrity is not None  # against the slab as built, not as the contact left it
    assert record.integrity.free_slab_summary == "0 of 1 PO4 intact; 1 bond broken"


@pytest.mark.slow
def test_both_starts_stand_in_the_report(tmp_path: Path) -> None:
    study = Study()
    study.add_second_start(SLAB, -40.1)
    page = study.write(tmp_path)
    assert "Which minimum the reference slabs are in" in page.text
    for number in ("−39.600", "−40.100", "0.500", "0.11"):
        assert number in page.text
    assert AGAIN in page.text
    row = page.rows["Na|NZSP"]
    assert float(row["of which by second starts of the slabs (J/m2)"]) == pytest.approx(
        0.5 / 72 * 16.02176634
    )
    assert page.rows["Na|NZSP-NSF"]["of which by second starts of the slabs (J/m2)"] == ""
    (finding,) = (text for text in page.document.findings if "reference slabs" in text)
    assert "1 of 1 reference slabs end lower" in finding
    roles = {step.role for step in page.interfaces[0].steps}
    assert "substrate_second_start" in roles
    assert "Which minimum" not in Study().write(tmp_path / "plain").text


def test_bonds_of_doped_and_undoped_tetrahedra_are_compared() -> None:
    study = Study()
    both = study.named("Na|NZSP-NSF interface").final_atoms()
    other = PO4.copy()
    other.positions = other.positions * 1.01 + (4, 4, 20)
    other.set_cell(CELL)
    structure = to_document(both + other)
    study.replace("Na|NZSP-NSF interface", initial_structure=structure, final_structure=structure)
    findings = compare(study.records, load_published("li2025")).findings
    (sentence,) = (s for s in findings if s.startswith("Mean P-O"))
    assert "PO3F and in PO4 after contact, Å: Na|NZSP-NSF 1.540 and 1.555." in sentence
    assert "P-O in F-PO4 of NZSP-NSF 1.50 Å" in sentence


def test_a_model_crystal_is_a_reason_to_differ() -> None:
    published = load_published("li2025")
    assert not any("models" in text for text in compare(Study().records, published).reasons)
    guessed = {"name": "Na9Sn4", "phase": "Na9Sn4", "grade": "model", "source": "stacking"}
    reasons = compare(Study(film=guessed).records, published).reasons
    assert any("models, are Na9Sn4 (stacking)" in text for text in reasons)


@pytest.mark.slow
def test_rounds_are_told_of_only_where_there_were_any(tmp_path: Path) -> None:
    study = Study()
    study.add_second_start(SLAB, -40.0)
    text = study.write(tmp_path).text
    assert "alone in the same in-plane cell both times. A slab" in text
    assert "as in a relaxed interface), the lowest energy per area taken" in text
    again = study.named(f"{SLAB}, second start")
    assert again.step is not None
    again.step.name = f"{SLAB}, round 1"
    text = study.write(tmp_path).text
    assert "both times; then from the lowest arrangement found" in text
    assert "as found lowest in any supercell of its surface cell), the lowest" in text


def test_one_registry_is_a_reason_to_differ_where_none_were_scanned() -> None:
    records = Study().records
    published = load_published("li2025")
    said = "One registry of the two lattices was taken, not the best of all, for Na|NZSP, Na|"
    assert any(text.startswith(said) for text in compare(records, published).reasons)
    scanned = [r.model_copy(update={"registries": RegistriesRecord()}) for r in records]
    assert not any("One registry" in text for text in compare(scanned, published).reasons)


def test_settings_say_whose_they_are(page: Page) -> None:
    ours = [line for line in page.html.splitlines() if "our choice" in line]
    assert len(ours) == 1
    assert "optimizer" in ours[0]


def test_words_of_the_user_are_not_markup(tmp_path: Path) -> None:
    page = Study().write(tmp_path, title="<script>alert(1)</script> & Na")
    assert "<script>" not in page.html
    assert "<script>alert(1)</script> & Na" in page.text


def test_a_step_that_no_interface_needs_is_listed_when_it_failed(tmp_path: Path) -> None:
    study = Study()
    study.add("bulk NZSP", slab(), -1.0)
    study.replace("bulk NZSP", status="failed", reason="overlapping atoms")
    page = study.write(tmp_path, missing={"another": "killed"})
    assert {row.name: row.reason for row in page.document.unfinished} == {
        "bulk NZSP": "overlapping atoms",
        "another": "killed",
    }


def test_json_says_its_version(page: Page) -> None:
    content = json.loads((page.folder / "results.json").read_text())
    assert content["schema_version"] == 2
    assert content["versions"]["natriface"] in page.text


def test_the_published_values_agree_with_themselves() -> None:
    published = load_published("li2025")
    study = Study()
    template = study.records[0]
    assert template.interfacial_formation_energy is not None
    printed = published.interfacial_formation_energy_j_per_m2
    same = [
        template.model_copy(
            update={
                "pair": pair,
                "interfacial_formation_energy": template.interfacial_formation_energy.model_copy(
                    update={"value_j_per_m2": value}
                ),
            }
        )
        for pair, value in printed.items()
    ]
    words = compare(known_to(0.01, same), published)
    verdict, findings = " ".join(words.verdict), " ".join(words.findings)
    assert "are reproduced within the uncertainty" in findings  # a claim is on the sizes
    assert "mean absolute difference is 0.00 J/m²" in findings
    unclaimed = published.model_copy(update={"claims": []})
    assert "sizes of" in " ".join(compare(known_to(0.01, same), unclaimed).verdict)
    assert "as printed is reproduced: 15 of 15 pairwise orders agree" in verdict
    assert "swapped is reproduced in part: 14 of 15 pairwise orders agree" in verdict
    assert verdict.count("of random orders agree as well as ours.") == 2
    unsure = compare(known_to(20.0, same), published).verdict
    assert (
        f"Whether the order of the energies of {published.short_name} is reproduced is not known: "
        "no two of ours are told apart."
    ) in unsure


@pytest.mark.parametrize("name", published_names())
def test_every_published_source_can_be_read(name: str) -> None:
    published = load_published(name)
    assert published.name == name
    for contradiction in published.contradictions:
        assert set(contradiction.swapped) <= set(contradiction.pairs)
        assert sorted(contradiction.swapped.values()) == sorted(
            published.interfacial_formation_energy_j_per_m2[p] for p in contradiction.swapped
        )

"""The report: one folder with a self-contained page, figures, and the numbers as CSV and JSON.

All Results alone are enough to write it, at any time: what is not finished is said to be so.
"""

from __future__ import annotations

import base64
import csv
import io
import platform
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from pydantic import BaseModel, ConfigDict, Field

from natriface.analysis.comparison import Comparison, compare, formation_energies
from natriface.analysis.figures import Bar, energy_bars, relaxation_courses
from natriface.analysis.integrity import BOND_LIMIT_ANGSTROM, SODIUM_CONTACT_ANGSTROM
from natriface.analysis.interface_records import (
    ExpectedStep,
    Gathered,
    InterfaceRecord,
    Quantity,
    SlabRecord,
    StepRow,
    gather,
)
from natriface.analysis.pictures import before_after_figure, save_figure
from natriface.analysis.published import Published, load_published
from natriface.analysis.results import Result, write_atomically
from natriface.structures.errors import AnalysisError

__all__ = ["ExpectedStep", "ProtocolRecord", "Setting", "write_report"]

SCHEMA_VERSION = 1
PAGE_PX_PER_INCH = 78
"""Two pictures of a 15 A wide interface fit beside each other, all at one scale."""
LIBRARIES = ("natriface", "ase", "pymatgen", "spglib", "numpy")
PAGE, CSV_FILE, JSON_FILE, FIGURES = "report.html", "results.csv", "results.json", "figures"
PICTURE = "interface-"
"""Beginning of the names of the interfaces' pictures."""


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Setting(_Document):
    """One setting of a calculation, and where its value comes from."""

    kind: str
    name: str
    value: Any
    source: str

    @property
    def ours(self) -> bool:
        """Whether the value is natriface's or the user's choice, not the published one's."""
        return self.source.lower().startswith(("ours", "study", "user"))


class ProtocolRecord(_Document):
    """The named settings a study was computed with."""

    name: str
    description: str = ""
    settings: list[Setting] = Field(default_factory=list)


class ReportDocument(_Document):
    """What ``results.json`` holds.

    Attributes
    ----------
    n_steps, n_converged
        Steps of the study, and those with a sound result.
    versions
        Of natriface and the libraries that built the structures and wrote this report; engines
        stand with each interface.
    unfinished
        Steps without a sound result, with the reason.
    """

    schema_version: int = SCHEMA_VERSION
    study: str
    title: str
    created: str
    n_steps: int
    n_converged: int
    versions: dict[str, str]
    protocol: ProtocolRecord
    interfaces: list[InterfaceRecord]
    published: Published | None
    findings: list[str]
    reasons: list[str]
    contradictions: list[str]
    caveats: list[str]
    unfinished: list[StepRow]


class _Figure(BaseModel):
    """A figure on the page, and its files."""

    stem: str
    caption: str
    alt: str
    source: str
    width_px: int


def write_report(
    results: Sequence[Result],
    folder: Path,
    *,
    study_name: str,
    title: str,
    expected: Sequence[ExpectedStep] | None = None,
    compare_with: str | None = None,
    missing: Mapping[str, str] | None = None,
    protocol: ProtocolRecord,
) -> Path:
    """Write ``report.html``, ``results.csv``, ``results.json`` and ``figures/`` into `folder`.

    Parameters
    ----------
    results
        All results at hand, sound or not, in any order; where `expected` is given, those of
        other steps (of an earlier form of the study) are left out.
    folder
        Made if absent; files of an earlier report in it are replaced.
    expected
        The planned steps, so that what has no result yet is listed too.
    compare_with
        Name of a source in ``templates/reference``.
    missing
        Step name or id -> why it has no sound result.

    Returns
    -------
    Path
        Of ``report.html``.

    Raises
    ------
    AnalysisError
        If there is no source of that name.
    """
    missing = missing or {}
    if expected is not None:
        planned = {step.id for step in expected}
        results = [result for result in results if result.step and result.step.id in planned]
    published = load_published(compare_with) if compare_with else None
    gathered = gather(results, expected, missing)
    records = [item.record for item in gathered]
    words = compare(records, published)
    document = ReportDocument(
        study=study_name,
        title=title,
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        n_steps=len(_step_ids(results, expected, missing)),
        n_converged=sum(result.status == "converged" for result in results),
        versions=_versions(),
        protocol=protocol,
        interfaces=records,
        published=published,
        findings=words.findings,
        reasons=words.reasons,
        contradictions=words.contradictions,
        caveats=words.caveats,
        unfinished=_unfinished(results, expected, missing, records),
    )
    (folder / FIGURES).mkdir(parents=True, exist_ok=True)
    figures = _draw(gathered, published, folder / FIGURES)
    write_atomically(folder / CSV_FILE, _csv(records, published))
    write_atomically(folder / JSON_FILE, document.model_dump_json(indent=1))
    page = folder / PAGE
    write_atomically(page, _page(document, words, figures))
    return page


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _step_ids(
    results: Sequence[Result],
    expected: Sequence[ExpectedStep] | None,
    missing: Mapping[str, str],
) -> set[str]:
    if expected is not None:
        return {step.id for step in expected}
    known = {result.step.id: result.label for result in results if result.step}
    absent = {key for key in missing if key not in known and key not in known.values()}
    return set(known) | absent


def _unfinished(
    results: Sequence[Result],
    expected: Sequence[ExpectedStep] | None,
    missing: Mapping[str, str],
    records: Sequence[InterfaceRecord],
) -> list[StepRow]:
    """Every step without a sound result, once."""
    rows = {row.id: row for record in records for row in record.steps}
    for result in results:
        identifier = result.step.id if result.step else result.label
        if identifier not in rows:
            rows[identifier] = StepRow(
                role=result.kind,
                name=result.label,
                id=identifier,
                status=result.status,
                reason=result.reason,
            )
    for step in expected or ():
        if step.id not in rows:
            reason = missing.get(step.id) or missing.get(step.name)
            rows[step.id] = StepRow(
                role=str(step.metadata.get("role", step.kind)),
                name=step.name,
                id=step.id,
                status="no result" if reason else "not finished",
                reason=reason,
                n_atoms=step.n_atoms,
            )
    named = {key for row in rows.values() for key in (row.id, row.name)}
    for name, reason in missing.items():
        if name not in named:
            rows[name] = StepRow(role="step", name=name, status="no result", reason=reason)
    return [row for row in rows.values() if row.status != "converged"]


def _draw(
    gathered: Sequence[Gathered], published: Published | None, folder: Path
) -> dict[str, _Figure]:
    """All figures, by stem; pictures of interfaces have the stem ``interface-PAIR``."""
    records = [item.record for item in gathered]
    drawn: dict[str, _Figure] = {}
    engines = sorted({engine_words(r) for r in records if r.engine is not None})
    ours = "this work" + (f": {', '.join(engines)}" if engines else "")
    theirs = published.short_name if published else "published"
    for stem, quantity in (
        ("interfacial-formation-energy", "interfacial_formation_energy"),
        ("work-of-adhesion", "work_of_adhesion"),
    ):
        source = published if quantity == "interfacial_formation_energy" else None
        bars = [
            _bar(record, getattr(record, quantity), source)
            for record in records
            if getattr(record, quantity) is not None
        ]
        if not any(bar.value_j_per_m2 is not None or bar.published_j_per_m2 for bar in bars):
            continue  # the table gives the reasons
        name = quantity.replace("_", " ")
        drawn[stem] = _saved(
            energy_bars(bars, name, ours=ours, published=theirs),
            folder,
            stem,
            caption="",
            alt=f"Bars of the {name}: "
            + "; ".join(f"{b.label} {_number(b.value_j_per_m2, 2)} J/m²" for b in bars),
            vector=True,
        )
    for item in gathered:
        if "interface" in item.results and item.results["interface"].initial_structure:
            stem = PICTURE + _slug(item.record.pair)
            drawn[stem] = _interface_picture(item, folder, stem)
    courses = {
        item.record.pair: {
            role: [e / len(_numbers(result)) for e in result.energies_ev]
            for role, result in item.results.items()
            if result.kind == "relax" and len(result.energies_ev) > 1
        }
        for item in gathered
    }
    if any(courses.values()):
        drawn["relaxations"] = _saved(
            relaxation_courses(courses),
            folder,
            "relaxations",
            caption="",
            alt="Energy above the last step against the ionic step, for each relaxation",
            vector=True,
        )
    return drawn


def _bar(record: InterfaceRecord, quantity: Quantity, published: Published | None) -> Bar:
    printed = published.interfacial_formation_energy_j_per_m2 if published else {}
    return Bar(
        label=record.pair,
        value_j_per_m2=quantity.value_j_per_m2,
        reason=quantity.reason,
        published_j_per_m2=printed.get(record.pair),
        other_reading_j_per_m2=published.other_reading(record.pair) if published else None,
    )


def engine_words(record: InterfaceRecord) -> str:
    """Engine and level of an interface's energies: ``chgnet-0.3.0, interatomic potential, ...``."""
    if record.engine is None:
        return "not computed"
    return f"{record.engine.model or record.engine.name} ({record.level})"


def _interface_picture(item: Gathered, folder: Path, stem: str) -> _Figure:
    result = item.results["interface"]
    before = result.initial_atoms()
    finished = result.final_structure is not None
    after = result.final_atoms() if finished else before
    broken = [(b.centre, b.ligand) for b in item.integrity.broken] if item.integrity else []
    sound = result.status == "converged"
    steps = result.convergence.n_ionic_steps
    captions = (
        "as built",
        f"relaxed, {steps} steps" if sound else f"{result.status}, {steps or 0} steps",
    )
    found = item.record.integrity
    caption = (found.summary or "not computed") if found else ""
    return _saved(
        before_after_figure(before, after, item.record.pair, captions=captions, broken=broken),
        folder,
        stem,
        caption=caption,
        alt=f"Side views of {item.record.pair} {captions[0]} and {captions[1]}. {caption}",
        vector=False,
    )


def _saved(
    figure: Any, folder: Path, stem: str, *, caption: str, alt: str, vector: bool
) -> _Figure:
    png = save_figure(figure, folder / f"{stem}.png")
    figure.set_layout_engine("none")  # laid out by now; the second format need not do it again
    svg = save_figure(figure, folder / f"{stem}.svg")
    shown, mime = (svg, "image/svg+xml") if vector else (png, "image/png")
    data = base64.b64encode(shown.read_bytes()).decode()
    return _Figure(
        stem=stem,
        caption=caption,
        alt=alt,
        source=f"data:{mime};base64,{data}",
        width_px=round(float(figure.get_figwidth()) * PAGE_PX_PER_INCH),
    )


def _numbers(result: Result) -> list[int]:
    document = result.final_structure or result.initial_structure
    if document is None:
        raise AnalysisError(f"{result.label}: the result holds no structure")
    numbers: list[int] = document["numbers"]
    return numbers


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.+-]+", "_", text).strip("_")


def _csv(records: Sequence[InterfaceRecord], published: Published | None) -> str:
    """One row per interface; empty where there is no value, with the reason beside it."""
    handle = io.StringIO()
    rows = [_csv_row(record, published) for record in records]
    writer = csv.DictWriter(handle, fieldnames=list(rows[0] if rows else _csv_header(published)))
    writer.writeheader()
    writer.writerows(rows)
    return handle.getvalue()


def _csv_header(published: Published | None) -> list[str]:
    empty = SlabRecord(name="")
    return list(
        _csv_row(InterfaceRecord(pair="", film=empty, substrate=empty, steps=[]), published)
    )


def _csv_row(record: InterfaceRecord, published: Published | None) -> dict[str, Any]:
    formation = record.interfacial_formation_energy or Quantity()
    adhesion = record.work_of_adhesion or Quantity()
    relaxation = record.steps[0] if record.steps else StepRow(role="", name="", status="")
    found = record.integrity
    row: dict[str, Any] = {
        "pair (film|substrate)": record.pair,
        "status": relaxation.status,
        "interfacial formation energy (J/m2)": formation.value_j_per_m2,
    }
    if published:
        printed = published.interfacial_formation_energy_j_per_m2.get(record.pair)
        row |= {
            f"{published.short_name} (J/m2)": printed,
            f"{published.short_name}, other reading (J/m2)": published.other_reading(record.pair),
        }
    row |= {
        "interfacial formation energy (eV/A2)": formation.value_ev_per_angstrom2,
        "reason not computed": formation.reason,
        "caveats": " ".join(record.caveats) or None,
        "formula": formation.formula,
        "rigid work of adhesion (J/m2)": adhesion.value_j_per_m2,
        "reason adhesion not computed": adhesion.reason,
        "formula of adhesion": adhesion.formula,
        "level of theory": record.level,
        "engine": record.engine.name if record.engine else None,
        "engine version": record.engine.version if record.engine else None,
        "model": record.engine.model if record.engine else None,
        "protocol": record.protocol,
        "area (A2)": record.area_angstrom2,
        "contacts N": record.n_contacts,
        "film strain 1 (%)": _percent(record.film.principal_strains, 0),
        "film strain 2 (%)": _percent(record.film.principal_strains, 1),
        "substrate strain 1 (%)": _percent(record.substrate.principal_strains, 0),
        "substrate strain 2 (%)": _percent(record.substrate.principal_strains, 1),
        "atoms": record.n_atoms,
        "ionic steps": relaxation.n_ionic_steps,
        "largest force left (eV/A)": relaxation.max_force_ev_per_angstrom,
        "tetrahedra": found.summary or found.reason if found else None,
        "bonds broken": found.n_broken if found else None,
        "bonds formed": found.n_formed if found else None,
        "substrate": record.substrate.surface,
        "film": record.film.surface,
        "doping": record.substrate.doping,
    }
    return row


def _percent(strains: Sequence[float], k: int) -> float | None:
    return 100 * strains[k] if len(strains) > k else None


def _number(value: float | None, digits: int) -> str:
    """With a proper minus, or a dash where there is none."""
    return "not computed" if value is None else f"{value:.{digits}f}".replace("-", "−")


def _page(document: ReportDocument, words: Comparison, figures: Mapping[str, _Figure]) -> str:
    folder = files("natriface.templates") / "report"
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["number"] = _number
    environment.filters["slug"] = _slug
    template = environment.from_string((folder / "report.html.j2").read_text())
    return template.render(
        report=document,
        words=words,
        figures=figures,
        has_pictures=any(stem.startswith(PICTURE) for stem in figures),
        ours=formation_energies(document.interfaces),
        potentials=sorted(
            {engine_words(r) for r in document.interfaces if r.engine and r.level != "DFT"}
        ),
        engines=sorted(
            {
                f"{r.engine.name} {r.engine.version}"
                + (f", model {r.engine.model}" if r.engine.model else "")
                for r in document.interfaces
                if r.engine
            }
        ),
        slabs={slab.name: slab for r in document.interfaces for slab in (r.substrate, r.film)},
        bond_limits=BOND_LIMIT_ANGSTROM,
        sodium_limit=max(SODIUM_CONTACT_ANGSTROM.values()),
        style=Markup((folder / "style.css").read_text()),
    )

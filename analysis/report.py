"""The report: one folder with a self-contained page, figures, and the numbers as CSV and JSON.

All Results alone are enough to write it, at any time: what is not finished is said to be so.
"""

from __future__ import annotations

import platform
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
from natriface.analysis.gathering import ExpectedStep, gather
from natriface.analysis.integrity import BOND_LIMIT_ANGSTROM, SODIUM_CONTACT_ANGSTROM
from natriface.analysis.interface_records import InterfaceRecord, StepRow, engine_words, level_of
from natriface.analysis.published import Published, load_published
from natriface.analysis.report_figures import PICTURE, ReportFigure, draw_figures
from natriface.analysis.report_section import Section, SectionContext, write_sections
from natriface.analysis.report_table import results_csv
from natriface.analysis.results import EngineRecord, Result, write_atomically
from natriface.analysis.wording import number, slug

__all__ = ["ExpectedStep", "ProtocolRecord", "Setting", "write_report"]

SCHEMA_VERSION = 1
LIBRARIES = ("natriface", "ase", "pymatgen", "spglib", "numpy")
PAGE, CSV_FILE, JSON_FILE, FIGURES = "report.html", "results.csv", "results.json", "figures"


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
    sections
        What the other parts of the study say, by section.
    steps
        Every step that belongs to no interface.
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
    sections: dict[str, dict[str, Any]] = Field(default_factory=dict)
    steps: list[StepRow] = Field(default_factory=list)
    published: Published | None
    findings: list[str]
    reasons: list[str]
    contradictions: list[str]
    caveats: list[str]
    unfinished: list[StepRow]


def write_report(
    results: Sequence[Result],
    folder: Path,
    *,
    study_name: str,
    title: str,
    expected: Sequence[ExpectedStep] | None = None,
    compare_with: str | None = None,
    missing: Mapping[str, str] | None = None,
    folders: Mapping[str, Path] | None = None,
    protocol: ProtocolRecord,
) -> Path:
    """Write ``report.html``, tables, ``results.json`` and ``figures/`` into `folder`.

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
    folders
        Step id -> its folder, where sections find large arrays and other files.

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
    (folder / FIGURES).mkdir(parents=True, exist_ok=True)
    context = SectionContext(folder / FIGURES, folders or {}, expected or (), missing, published)
    sections = write_sections(results, folder, context)
    rows = _other_steps(results, expected, missing, records)
    document = ReportDocument(
        study=study_name,
        title=title,
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        n_steps=len(_step_ids(results, expected, missing)),
        n_converged=sum(result.status == "converged" for result in results),
        versions=_versions(),
        protocol=protocol,
        interfaces=records,
        sections={section.key: section.document() for section in sections},
        steps=rows,
        published=published,
        findings=[*words.findings, *(text for part in sections for text in part.findings)],
        reasons=words.reasons,
        contradictions=words.contradictions,
        caveats=words.caveats,
        unfinished=_unfinished([row for r in records for row in r.steps], rows),
    )
    figures = draw_figures(gathered, published, folder / FIGURES)
    if records or not sections:
        write_atomically(folder / CSV_FILE, results_csv(records, published))
    write_atomically(folder / JSON_FILE, document.model_dump_json(indent=1))
    page = folder / PAGE
    write_atomically(page, _page(document, words, figures, sections, _engines(results)))
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


def _other_steps(
    results: Sequence[Result],
    expected: Sequence[ExpectedStep] | None,
    missing: Mapping[str, str],
    records: Sequence[InterfaceRecord],
) -> list[StepRow]:
    """Every step that belongs to no interface, once, in the plan's order where there is one."""
    seen = {row.id for record in records for row in record.steps}
    by_id = {result.step.id if result.step else result.label: result for result in results}
    rows: dict[str, StepRow] = {}
    for step in expected or ():
        if step.id not in seen:
            rows[step.id] = _row(step, by_id.get(step.id), missing)
    for identifier, result in by_id.items():
        if identifier not in seen and identifier not in rows:
            rows[identifier] = _row_of(identifier, result)
    everything = [*rows.values(), *(row for record in records for row in record.steps)]
    named = {key for row in everything for key in (row.id, row.name)}
    for name, reason in missing.items():
        if name not in named:
            rows[name] = StepRow(role="step", name=name, status="no result", reason=reason)
    return list(rows.values())


def _row(step: ExpectedStep, result: Result | None, missing: Mapping[str, str]) -> StepRow:
    if result is not None:
        return _row_of(step.id, result)
    reason = missing.get(step.id) or missing.get(step.name)
    return StepRow(
        role=str(step.metadata.get("role", step.kind)),
        name=step.name,
        id=step.id,
        status="no result" if reason else "not finished",
        reason=reason,
        n_atoms=step.n_atoms,
    )


def _row_of(identifier: str, result: Result) -> StepRow:
    structure = result.final_structure or result.initial_structure
    metadata = result.step.metadata if result.step else {}
    return StepRow(
        role=str(metadata.get("role", result.kind)),
        name=result.label,
        id=identifier,
        status=result.status,
        reason=result.reason,
        n_atoms=len(structure["numbers"]) if structure else None,
        n_ionic_steps=result.convergence.n_ionic_steps,
        max_force_ev_per_angstrom=result.convergence.max_force_ev_per_angstrom,
        energy_ev=result.energy_ev if result.status == "converged" else None,
        wall_s=result.timing.wall_s,
        warnings=[*result.warnings, *result.corrections],
    )


def _unfinished(*groups: Sequence[StepRow]) -> list[StepRow]:
    """Every step without a sound result, once."""
    rows = {row.id or row.name: row for group in groups for row in group}
    return [row for row in rows.values() if row.status != "converged"]


def _engines(results: Sequence[Result]) -> list[EngineRecord]:
    """The engines that computed the sound results, each once."""
    engines = {
        (result.engine.name, result.engine.version, result.engine.model): result.engine
        for result in results
        if result.status == "converged"
    }
    return [engines[key] for key in sorted(engines, key=str)]


def _page(
    document: ReportDocument,
    words: Comparison,
    figures: Mapping[str, ReportFigure],
    sections: Sequence[Section],
    engines: Sequence[EngineRecord],
) -> str:
    folder = files("natriface.templates") / "report"
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["number"] = number
    environment.filters["slug"] = slug
    template = environment.from_string((folder / "report.html.j2").read_text())
    return template.render(
        report=document,
        words=words,
        figures=figures,
        sections=sections,
        has_pictures=any(stem.startswith(PICTURE) for stem in figures),
        ours=formation_energies(document.interfaces),
        potentials=sorted({engine_words(e) for e in engines if level_of(e) != "DFT"}),
        all_potentials=all(level_of(engine) != "DFT" for engine in engines),
        engines=[
            f"{engine.name} {engine.version}" + (f", model {engine.model}" if engine.model else "")
            for engine in engines
        ],
        slabs={slab.name: slab for r in document.interfaces for slab in (r.substrate, r.film)},
        bond_limits=BOND_LIMIT_ANGSTROM,
        sodium_limit=max(SODIUM_CONTACT_ANGSTROM.values()),
        style=Markup((folder / "style.css").read_text()),
    )

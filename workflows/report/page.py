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

from natriface.analysis.results.claim import Choice
from natriface.analysis.results.published import Published, load_published
from natriface.analysis.results.result import EngineRecord, Result
from natriface.analysis.results.wording import unit
from natriface.analysis.scoring.criteria import Scorecard
from natriface.structures.base.writing import write_atomically
from natriface.workflows.report.claims import JudgedClaim, claims_table, judged
from natriface.workflows.report.crystals import crystal_gallery
from natriface.workflows.report.figure import ReportFigure
from natriface.workflows.report.in_short import Asked, in_short
from natriface.workflows.report.references import REFERENCES, references
from natriface.workflows.report.report_files import files_of, listed_files, remove_left_over
from natriface.workflows.report.scorecard import scorecard_section
from natriface.workflows.report.section import (
    FIGURES,
    Gallery,
    Listed,
    Section,
    SectionContext,
    write_sections,
    write_tables,
)
from natriface.workflows.report.steps import (
    ExpectedStep,
    StepRow,
    Steps,
    step_table,
    unfinished_table,
)
from natriface.workflows.report.table import Column, Table
from natriface.workflows.study import study_names

SCHEMA_VERSION = 2
LIBRARIES = ("natriface", "ase", "pymatgen", "spglib", "numpy")
PAGE, JSON_FILE = "report.html", "results.json"


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
        stand with each result.
    sections
        What the parts of the study say, by section.
    findings
        Of all sections.
    in_short
        What was asked, what came out and how certainly, and what to do next.
    glossary
        Labels and what they stand for.
    claims
        Of the published source, each with its verdict.
    references
        BibTeX of what is to be cited.
    steps
        Every step, in the plan's order.
    unfinished
        Those without a sound result, with the reason.
    files
        Tables, figures and structures beside the page; the next report removes what it lacks.
    """

    schema_version: int = SCHEMA_VERSION
    study: str
    title: str
    created: str
    n_steps: int
    n_converged: int
    versions: dict[str, str]
    protocol: ProtocolRecord
    sections: dict[str, dict[str, Any]] = Field(default_factory=dict)
    steps: list[StepRow] = Field(default_factory=list)
    published: Published | None
    findings: list[str]
    in_short: list[str] = Field(default_factory=list)
    glossary: dict[str, str] = Field(default_factory=dict)
    claims: list[JudgedClaim] = Field(default_factory=list)
    references: str = ""
    unfinished: list[StepRow]
    files: list[str] = Field(default_factory=list)

    @property
    def claims_table(self) -> Table | None:
        """The claims that the study has something to say on; None where there is none."""
        return None if self.published is None else claims_table(self.claims, self.published)


def write_report(
    results: Sequence[Result],
    folder: Path,
    *,
    study_name: str,
    title: str,
    expected: Sequence[ExpectedStep] | None = None,
    compare_with: str | None = None,
    scorecard: Scorecard | None = None,
    missing: Mapping[str, str] | None = None,
    folders: Mapping[str, Path] | None = None,
    protocol: ProtocolRecord,
    goes_on: str | None = None,
) -> Path:
    """Write ``report.html``, tables, ``results.json`` and ``figures/`` into `folder`.

    Parameters
    ----------
    results
        All results at hand, sound or not, in any order; where `expected` is given, those of
        other steps (of an earlier form of the study) are left out.
    folder
        Made if absent; files of an earlier report in it are replaced, or removed where this one
        has none of that name.
    expected
        The planned steps, so that what has no result yet is listed too.
    compare_with
        Name of a source in ``templates/reference``.
    scorecard
        Ranks candidates by what the sections have measured; it is the first of them then.
    missing
        Step name or id -> why it has no sound result.
    folders
        Step id -> its folder, where sections find large arrays and other files.
    goes_on
        The command that computes what is left; by default that of the whole study.

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
    (folder / FIGURES).mkdir(parents=True, exist_ok=True)
    context = SectionContext(folder / FIGURES, folders or {}, expected or (), missing, published)
    sections = write_sections(results, folder, context)
    rows = Steps.of(results, expected, missing).rows()
    engines = _engines(results)
    measurements = [m for section in sections for m in section.measurements]
    if scorecard is not None:
        unmeasured = {k: why for section in sections for k, why in section.unmeasured.items()}
        scored = scorecard_section(scorecard, measurements, context, unmeasured)
        write_tables(scored, folder)
        sections = [scored, *sections]
    claims = judged(published, measurements) if published else []
    crystals = crystal_gallery(results, context)
    asked = _asked(study_name, title, rows, engines, sections, goes_on)
    document = ReportDocument(
        study=study_name,
        title=title,
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        n_steps=len(rows),
        n_converged=sum(row.status == "converged" for row in rows),
        versions=_versions(),
        protocol=protocol,
        sections={section.key: section.document() for section in sections},
        steps=rows,
        published=published,
        findings=[text for one in sections for text in (*one.verdict, *one.findings)],
        in_short=in_short(asked, claims, published),
        glossary={k: words for section in sections for k, words in section.glossary.items()},
        claims=claims,
        references=_references(engines, published, sections),
        unfinished=[row for row in rows if row.status != "converged"],
        files=[*files_of(sections, crystals)],
    )
    _write_claims(document, folder)
    remove_left_over(folder, listed_files(folder / JSON_FILE), document.files)
    write_atomically(folder / JSON_FILE, document.model_dump_json(indent=1))
    write_atomically(folder / REFERENCES, document.references)
    page = folder / PAGE
    write_atomically(page, _page(document, sections, engines, crystals))
    return page


def _write_claims(document: ReportDocument, folder: Path) -> None:
    table = document.claims_table
    if table is not None:
        document.files.append(table.file_name)
        write_atomically(folder / table.file_name, table.as_csv())


def _asked(
    study: str,
    title: str,
    rows: Sequence[StepRow],
    engines: Sequence[EngineRecord],
    sections: Sequence[Section],
    goes_on: str | None,
) -> Asked:
    return Asked(
        study=known_as(study),
        opening=_opening(title, rows, engines),
        outcomes=[text for section in sections for text in section.outcome],
        settled_by=_settled_by(sections),
        by_dft=all(engine.level == "DFT" for engine in engines),
        n_left=sum(row.status != "converged" for row in rows),
        goes_on=goes_on,
    )


def known_as(study: str) -> str:
    """A study in a command: its name, or STUDY where its file is not known."""
    return study if study in study_names() else "STUDY"


def _settled_by(sections: Sequence[Section]) -> dict[Choice, str]:
    """The keys of all parts that try more of a choice."""
    found: dict[Choice, list[str]] = {}
    for section in sections:
        for choice, key in section.settled_by.items():
            found.setdefault(choice, []).append(key)
    return {choice: ", or ".join(keys) for choice, keys in found.items()}


def _references(
    engines: Sequence[EngineRecord], published: Published | None, sections: Sequence[Section]
) -> str:
    crystals = {k: source for section in sections for k, source in section.crystals.items()}
    return references(_versions()["natriface"], engines, published, crystals)


def _opening(title: str, rows: Sequence[StepRow], engines: Sequence[EngineRecord]) -> str:
    sound = sum(row.status == "converged" for row in rows)
    levels: dict[str, list[str]] = {}
    for engine in sorted(engines, key=lambda engine: engine.called):
        levels.setdefault(engine.level, []).append(engine.called)
    by = " and ".join(
        f"{' and '.join(dict.fromkeys(called))} ({level})" for level, called in levels.items()
    )
    computed = f"{sound} of {len(rows)} calculations" + (f" by {by}" if by else "")
    return f"{title}: {computed} {'has' if sound == 1 else 'have'} a sound result."


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _engines(results: Sequence[Result]) -> list[EngineRecord]:
    """The engines that computed the sound results, each once."""
    engines = {
        (by.name, by.version, by.model, by.weights_sha256): by
        for result in results
        if result.status == "converged"
        for by in [result.engine]
    }
    return [engines[key] for key in sorted(engines, key=str)]


def _page(
    document: ReportDocument,
    sections: Sequence[Section],
    engines: Sequence[EngineRecord],
    crystals: Gallery | None,
) -> str:
    folder = files("natriface.templates") / "report"
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["unit"] = unit
    blocks = (("figure", ReportFigure), ("gallery", Gallery), ("table", Table), ("list", Listed))
    environment.tests |= {
        name: lambda block, kind=kind: isinstance(block, kind) for name, kind in blocks
    }
    turns = crystals or any(section.turns for section in sections)
    scripts = ("tables.js", "turnable.js") if turns else ("tables.js",)
    template = environment.from_string((folder / "report.html.j2").read_text())
    return template.render(
        report=document,
        sections=sections,
        beneath=[text for section in sections for text in section.beneath],
        claims=document.claims_table,
        crystals=crystals,
        steps=step_table(document.steps, any(engine.level != "DFT" for engine in engines)),
        unfinished=unfinished_table(document.unfinished),
        settings=_setting_table(document.protocol.settings),
        potentials=sorted({engine.words for engine in engines if engine.level != "DFT"}),
        all_potentials=all(engine.level != "DFT" for engine in engines),
        engines=[
            f"{engine.name} {engine.version}"
            + (f", model {engine.model}" if engine.model else "")
            + (f", weights {engine.weights_sha256:.12}" if engine.weights_sha256 else "")
            for engine in engines
        ],
        style=Markup((folder / "style.css").read_text()),
        scripts=[Markup((folder / name).read_text()) for name in scripts],
    )


def _setting_table(settings: Sequence[Setting]) -> Table:
    return Table(
        "Settings",
        [Column("Calculation"), Column("Setting"), Column("Value"), Column("Source")],
        [[s.kind, s.name, str(s.value), s.source] for s in settings],
        marks={(k, "Source"): "our choice" for k, s in enumerate(settings) if s.ours},
    )

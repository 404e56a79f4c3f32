"""Sections of a report: what each part of a study has to say, in one shape for the page.

A part's own module turns results into a `Section`; the page, ``results.json`` and the tables'
CSV files are made from it without knowing what it is about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from matplotlib.figure import Figure

from natriface.analysis.figures.pictures.turnable import Turnable
from natriface.analysis.results.claim import Choice, Measurement, Quantity
from natriface.analysis.results.formulas import Formula
from natriface.analysis.results.published import Published
from natriface.analysis.results.result import Result
from natriface.analysis.verdicts.side_by_side import SideBySide, side_by_side
from natriface.workflows.parts import PARTS
from natriface.workflows.parts.labels import metadata_in
from natriface.workflows.report.figure import ReportFigure, save_report_figure, save_turnable
from natriface.workflows.report.steps import ExpectedStep
from natriface.workflows.report.table import Table


@dataclass(frozen=True)
class Listed:
    """Sentences under a heading of their own."""

    title: str
    sentences: Sequence[str]


@dataclass(frozen=True)
class Gallery:
    """Figures side by side, at one scale, under a heading of their own."""

    title: str
    figures: Sequence[ReportFigure]
    note: str = ""


FIGURES = "figures"
"""Folder of a report's figures."""
FEW = 2
"""Findings that may begin the page as they are."""

Block = str | ReportFigure | Gallery | Table | Listed
"""What a section consists of; a text is a paragraph."""


@dataclass(frozen=True)
class Section:
    """What one part of a study says.

    Attributes
    ----------
    key, title
        For files, and for people.
    verdict
        What came out, in a few sentences that begin the page and stand nowhere else on it; where
        there are none, the findings do if they are no more than `FEW`, and else how the measured
        systems differ.
    settled_by
        Choice -> the study's key that tries more of it.
    findings
        Sentences that follow.
    blocks
        Paragraphs, figures, tables and lists, in the page's order.
    methods
        Formulas and definitions, for the page's methods.
    values
        All numbers, JSON-able, units in the keys; goes into ``results.json``.
    measurements
        What claims of the source are held against.
    unmeasured
        Quantity and system -> why there is no measurement, where that is known.
    glossary
        The study's labels, each with what it stands for.
    crystals
        Phase -> where its structure comes from, to be cited.
    """

    key: str
    title: str
    verdict: Sequence[str] = ()
    settled_by: Mapping[Choice, str] = field(default_factory=dict)
    findings: Sequence[str] = ()
    blocks: Sequence[Block] = ()
    methods: Sequence[str | Formula] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    measurements: Sequence[Measurement] = ()
    unmeasured: Mapping[tuple[Quantity, str], str] = field(default_factory=dict)
    glossary: Mapping[str, str] = field(default_factory=dict)
    crystals: Mapping[str, str] = field(default_factory=dict)

    @property
    def outcome(self) -> Sequence[str]:
        """The sentences that begin the page."""
        few = self.findings if len(self.findings) <= FEW else ()
        return self.verdict or few or [each.sentence for each in self._differences]

    @property
    def beneath(self) -> Sequence[str]:
        """The findings that do not begin the page."""
        return self.findings if self.verdict or len(self.findings) > FEW else ()

    @property
    def _differences(self) -> list[SideBySide]:
        """Of more findings than begin a page, what their measurements say side by side."""
        found = side_by_side(self.measurements) if len(self.findings) > FEW else []
        return sorted(found, key=lambda each: -len(each.apart))[:1]

    @property
    def tables(self) -> list[Table]:
        """The tables among the blocks, each a CSV file."""
        return [block for block in self.blocks if isinstance(block, Table)]

    @property
    def figures(self) -> list[ReportFigure]:
        """The figures among the blocks, those to turn without a picture left out."""
        return [figure for figure in self.shown if figure.source]

    @property
    def turns(self) -> bool:
        """Whether there is something to turn."""
        return any(figure.turnable for figure in self.shown)

    @property
    def shown(self) -> list[ReportFigure]:
        """The figures among the blocks, and what is only there to turn."""
        single = [block for block in self.blocks if isinstance(block, ReportFigure)]
        galleries = [block for block in self.blocks if isinstance(block, Gallery)]
        return [*single, *(figure for gallery in galleries for figure in gallery.figures)]

    @property
    def lists(self) -> dict[str, list[str]]:
        """Sentences by the heading they stand under."""
        found = [block for block in self.blocks if isinstance(block, Listed)]
        return {block.title: list(block.sentences) for block in found}

    def document(self) -> dict[str, Any]:
        """JSON-able: all but the pictures."""
        return {
            "title": self.title,
            "findings": [*self.verdict, *self.findings],
            "values": dict(self.values),
            "lists": self.lists,
            "tables": [
                {
                    "title": table.title,
                    "columns": [column.heading for column in table.columns],
                    "rows": [list(row) for row in table.rows],
                    "notes": table.remarks,
                }
                for table in self.tables
            ],
        }


CARE = "To be taken with care"
"""Heading over what a reader must know before using a number."""


def with_care(sentences: Sequence[str]) -> list[Block]:
    """What a reader must know before using a number, where there is something."""
    return [Listed(CARE, sentences)] if sentences else []


@dataclass(frozen=True)
class SectionContext:
    """What a section may look at beside the results.

    Attributes
    ----------
    figures
        Folder the figures are written into.
    folders
        Step id -> the step's folder, where large arrays and other files lie.
    expected
        The planned steps of this section, in the plan's order.
    missing
        Step id or name -> why it has no sound result.
    published
        Values of the source the study is compared with.
    all_results
        Step id -> result, of the whole study: equal steps of two parts are computed once.
    """

    figures: Path
    folders: Mapping[str, Path] = field(default_factory=dict)
    expected: Sequence[ExpectedStep] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    published: Published | None = None
    all_results: Mapping[str, Result] = field(default_factory=dict)

    def draw(
        self,
        figure: Figure,
        stem: str,
        *,
        caption: str,
        alt: str,
        vector: bool = True,
        turnable: Turnable | None = None,
    ) -> ReportFigure:
        """Write a figure as PNG, SVG and PDF; the page shows the SVG of a `vector` drawing."""
        return save_report_figure(
            figure,
            self.figures,
            stem,
            caption=caption,
            alt=alt,
            vector=vector,
            turnable=turnable,
        )

    def show(self, turnable: Turnable, stem: str, caption: str) -> ReportFigure:
        """What can be turned, without a picture of it."""
        return save_turnable(turnable, self.figures, stem, caption)

    def by_id(self, results: Sequence[Result]) -> dict[str, Result]:
        """Step id -> result, of the whole study and of a section's own results."""
        return {**self.all_results, **{r.step.id: r for r in results if r.step}}

    @property
    def reasons(self) -> dict[str, str]:
        """Step id -> why it has no sound result, of the planned steps of this section."""
        return {step.id: self.reason(step) for step in self.expected}

    def reason(self, step: ExpectedStep) -> str:
        """Why a planned step has no sound result."""
        return self.missing.get(step.id) or self.missing.get(step.name) or "not finished yet"


class _SectionModule(Protocol):
    def section(self, results: Sequence[Result], context: SectionContext) -> Section | None: ...


def results_of(part: str, results: Iterable[Result]) -> list[Result]:
    """Those of a part's steps, each with the labels that the part has given it."""
    return [
        result.model_copy(update={"step": result.step.model_copy(update={"metadata": metadata})})
        for result in results
        if result.step and (metadata := metadata_in(result.step, part)) is not None
    ]


def write_sections(
    results: Sequence[Result],
    folder: Path,
    context: SectionContext,
    modules: Mapping[str, str] | None = None,
) -> list[Section]:
    """The sections the results and the planned steps belong to, and their tables as CSV files.

    Parameters
    ----------
    folder
        The report's folder, which the CSV files are written into.
    modules
        Section -> module with ``section(results, context)``; by default those of the parts.
    """
    modules = (
        {key: f"{part}.section" for key, part in PARTS.items()} if modules is None else modules
    )
    sections = []
    for key, name in modules.items():
        own = results_of(key, results)
        expected = [
            replace(step, metadata=metadata)
            for step in context.expected
            if (metadata := metadata_in(step, key)) is not None
        ]
        if not own and not expected:
            continue
        module: _SectionModule = import_module(name)
        own_context = SectionContext(
            context.figures,
            context.folders,
            expected,
            context.missing,
            context.published,
            {result.step.id: result for result in results if result.step},
        )
        section = module.section(own, own_context)
        if section is None:
            continue
        write_tables(section, folder)
        sections.append(section)
    return sections


def write_tables(section: Section, folder: Path) -> None:
    """Its tables as CSV files."""
    for table in section.tables:
        (folder / table.file_name).write_text(table.as_csv())

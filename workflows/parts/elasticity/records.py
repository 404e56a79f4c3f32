"""One record a crystal: its elastic tensor by two sizes of strain, and its moduli."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from natriface.analysis.mechanics.elastic_tensor import ElasticFit, fit_elastic_tensor
from natriface.analysis.mechanics.moduli import Moduli, least_eigenvalue_gpa, moduli
from natriface.analysis.results.result import Result
from natriface.structures.base.errors import AnalysisError
from natriface.structures.base.symmetry import space_group_of
from natriface.structures.crystals.straining import SYMPREC_ANGSTROM
from natriface.workflows.parts.elasticity.labels import (
    CrystalLabels,
    StrainedLabels,
    UnstrainedLabels,
)
from natriface.workflows.parts.labels import labels_of
from natriface.workflows.report.section import SectionContext
from natriface.workflows.report.steps import known_steps


@dataclass
class OfOneSize:
    """What strains of one size give.

    Attributes
    ----------
    reason
        Why there is no tensor, or no moduli.
    """

    size: float
    n_strains: int
    fit: ElasticFit | None = None
    moduli: Moduli | None = None
    least_eigenvalue_gpa: float | None = None
    reason: str | None = None


@dataclass
class CrystalRecord:
    """A crystal; `sizes` from the smallest strain on, the first of which counts.

    Attributes
    ----------
    engine
        Who computed it, in words.
    potential
        Its model, or the engine where it has none.
    space_group
        Of the relaxed crystal.
    """

    label: str
    crystal: CrystalLabels
    engine: str = "no engine yet"
    potential: str | None = None
    space_group: str | None = None
    sizes: list[OfOneSize] = field(default_factory=list)

    @property
    def first(self) -> OfOneSize:
        """By the smallest strain."""
        return self.sizes[0]

    def value(self, of: Callable[[Moduli], float]) -> float | None:
        """One of the moduli."""
        return None if self.first.moduli is None else of(self.first.moduli)

    def uncertainty(self, of: Callable[[Moduli], float]) -> float | None:
        """By how much the sizes of strain differ in one of the moduli; None where one has none."""
        known = [of(one.moduli) for one in self.sizes if one.moduli is not None]
        return max(known) - min(known) if len(known) > 1 else None

    def document(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "crystal": self.crystal.model_dump(mode="json"),
            "engine": self.engine,
            "space_group": self.space_group,
            "sizes": [_plain(one) for one in self.sizes],
        }


def _plain(one: OfOneSize) -> dict[str, Any]:
    found: dict[str, Any] = {
        "strain": one.size,
        "n_strains": one.n_strains,
        "least_eigenvalue_gpa": one.least_eigenvalue_gpa,
        "reason": one.reason,
    }
    if one.fit is not None:
        found |= {
            "tensor_gpa": one.fit.tensor_gpa.tolist(),
            "residual": one.fit.residual,
            "rest_gpa": one.fit.rest_gpa,
        }
    if one.moduli is not None:
        names = (
            *("bulk_voigt_gpa", "bulk_reuss_gpa", "bulk_gpa", "shear_voigt_gpa"),
            *("shear_reuss_gpa", "shear_gpa", "young_gpa", "poisson", "pugh", "anisotropy"),
        )
        found |= {name: getattr(one.moduli, name) for name in names}
    return found


def crystal_records(results: Sequence[Result], context: SectionContext) -> list[CrystalRecord]:
    """Records of all crystals planned or at hand, in the study's order."""
    by_id, reasons = context.by_id(results), context.reasons
    crystals: dict[str, CrystalLabels] = {}
    strained: dict[str, list[tuple[str, StrainedLabels]]] = {}
    for step in known_steps(results, context.expected):
        labels = labels_of(step)
        if isinstance(labels, CrystalLabels):
            crystals[labels.label] = labels
        elif isinstance(labels, UnstrainedLabels) and labels.crystal is not None:
            crystals.setdefault(labels.label, labels.crystal)
        elif isinstance(labels, StrainedLabels):
            strained.setdefault(labels.label, []).append((step.id, labels))
    return [
        _record(labels, strained[label], by_id, reasons)
        for label, labels in crystals.items()
        if label in strained
    ]


def _record(
    crystal: CrystalLabels,
    strained: Sequence[tuple[str, StrainedLabels]],
    by_id: Mapping[str, Result],
    reasons: Mapping[str, str],
) -> CrystalRecord:
    record = CrystalRecord(crystal.label, crystal)
    unstrained = strained[0][1].unstrained
    relaxed = by_id.get(unstrained)
    if relaxed is not None:
        record.engine, record.potential = relaxed.engine.words, relaxed.engine.called
    if relaxed is not None and relaxed.final_structure is not None:
        record.space_group = space_group_of(relaxed.final_atoms(), SYMPREC_ANGSTROM).symbol
    for size in sorted({labels.size for _, labels in strained}):
        of_size = [unstrained, *(k for k, labels in strained if labels.size == size)]
        one = OfOneSize(size, len(of_size) - 1)
        record.sizes.append(one)
        absent = [k for k in of_size if k not in by_id]
        if absent:
            one.reason = reasons.get(absent[0], "no result")
            continue
        try:
            one.fit = fit_elastic_tensor(by_id[unstrained], [by_id[k] for k in of_size[1:]])
            one.least_eigenvalue_gpa = least_eigenvalue_gpa(one.fit.tensor_gpa)
            one.moduli = moduli(one.fit.tensor_gpa)
        except AnalysisError as error:
            one.reason = str(error)
    return record

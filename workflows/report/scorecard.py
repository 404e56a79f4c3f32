"""The scorecard of a study: candidates ranked by what its sections have measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np

from natriface.analysis.figures.candidates.desirability_plots import parallel_lines, radar
from natriface.analysis.results.claim import Measurement, Quantity
from natriface.analysis.results.wording import number
from natriface.analysis.scoring.candidate_values import candidate_values
from natriface.analysis.scoring.criteria import Scorecard
from natriface.workflows.report.figure import ReportFigure
from natriface.workflows.report.scorecard_tables import (
    Scored,
    candidate_table,
    criteria_table,
    rank_table,
    value_table,
)
from natriface.workflows.report.section import Block, Listed, Section, SectionContext, with_care

TOLD_APART = 0.9
"""Share of the draws from which on one candidate is said to stand before another."""
LESS_KNOWN = "†"
"""Marks a candidate that less of the weight is known of than of another ranked one."""


def scorecard_section(
    scorecard: Scorecard,
    measurements: Sequence[Measurement],
    context: SectionContext,
    unmeasured: Mapping[tuple[Quantity, str], str] = MappingProxyType({}),
) -> Section:
    """Candidates by criteria, ranked, with the doubts of the ranking.

    Parameters
    ----------
    measurements, unmeasured
        Of all sections of the study.
    """
    scored = Scored(scorecard, candidate_values(scorecard, measurements, unmeasured))
    first, *others = _findings(scored)
    return Section(
        key="scorecard",
        title="Scorecard",
        verdict=[first],
        findings=others,
        blocks=[*_blocks(scored, context), *with_care(_cautions(scored))],
        values=_document(scored),
    )


def _blocks(scored: Scored, context: SectionContext) -> list[Block]:
    blocks: list[Block] = [
        candidate_table(scored),
        *_figures(scored, context),
        criteria_table(scored),
    ]
    if scored.names:
        blocks.append(rank_table(scored))
    pairs = _pairs(scored)
    if pairs:
        blocks.append(Listed("How surely one stands before the next", pairs))
    return [*blocks, value_table(scored)]


def _figures(scored: Scored, context: SectionContext) -> list[ReportFigure]:
    card, ranking = scored.card, scored.ranking
    drawn = {
        card.candidates[k]: ranking.desirabilities[k]
        for k in scored.order
        if ranking.coverages[k] > 0.0
    }
    if not drawn:
        return []
    criteria, weights = list(card.criteria), card.weights.tolist()
    words = "; ".join(
        f"{name} " + ", ".join(number(None if np.isnan(x) else float(x)) for x in row)
        for name, row in drawn.items()
    )
    found = []
    if len(criteria) >= 3:
        found.append(
            context.draw(
                radar(drawn, criteria),
                "scorecard-radar",
                caption="Desirabilities by criterion, 0 in the middle and 1 at the rim.",
                alt=f"Radar of {', '.join(criteria)}: {words}",
            )
        )
    found.append(
        context.draw(
            parallel_lines(drawn, criteria, weights),
            "scorecard-lines",
            caption="The same as lines, with the share of each criterion in the weight; a line is "
            "broken where a value is missing.",
            alt=f"Lines across {', '.join(criteria)}: {words}",
        )
    )
    return found


def _pairs(scored: Scored) -> list[str]:
    """Of each ranked candidate and the next: in how many draws the order holds."""
    found = []
    for place, (one, other) in enumerate(pairwise(scored.names)):
        share = scored.drawn.before(place, place + 1)
        back = scored.drawn.before(place + 1, place)
        tied = " (tied by score)" if _tied(scored, place) else ""
        found.append(
            f"{one} before {other}{tied}: in {_percent(share)} of the draws, the other way round "
            f"in {_percent(back)}."
        )
    return found


def _tied(scored: Scored, place: int) -> bool:
    one, other = scored.ranking.ranked[place : place + 2]
    return scored.ranking.ranks[one] == scored.ranking.ranks[other]


def _percent(share: float) -> str:
    return f"{100.0 * share:.0f} %"


def _findings(scored: Scored) -> list[str]:
    card, names = scored.card, scored.names
    if not names:
        least = _percent(card.least_coverage)
        return [f"No candidate is ranked: {least} of the weight is known of none."]
    if len(names) == 1:
        found = [f"{names[0]} is the only candidate that enough is known of to be ranked."]
    else:
        found = [_first(scored)]
    marked = [
        f"{name}{LESS_KNOWN if less else ''}"
        for name, less in zip(names, scored.less_known, strict=True)
    ]
    apart: list[str] = []
    close: list[str] = []
    for place, (one, other) in enumerate(pairwise(marked)):
        share, back = scored.drawn.before(place, place + 1), scored.drawn.before(place + 1, place)
        if back >= TOLD_APART:
            apart.append(f"{other} before {one} ({_percent(back)}, against the order of scores)")
        else:
            told = apart if share >= TOLD_APART else close
            told.append(f"{one} before {other} ({_percent(share)})")
    if apart:
        least = _percent(TOLD_APART)
        found.append(f"Told apart in {least} of the draws or more: {', '.join(apart)}.")
    if close:
        found.append(f"Not told apart: {', '.join(close)}.")
    return [*found, *_ranked_by_less(scored), *_not_ranked(scored)]


def _first(scored: Scored) -> str:
    """Who has the highest score, and who stands first in most draws, by how much of the weight."""
    names, known = scored.names, scored.coverages
    first = scored.drawn.share_at(1)
    most = int(np.argmax(first))
    scatter = np.sqrt((first[most] + first[0]) / scored.card.draws)  # of the difference
    shared = " (tied)" if _tied(scored, 0) else ""
    highest = (
        f"{names[0]} has the highest score{shared} of {len(names)} candidates, by "
        f"{_percent(known[0])} of the weight of {len(scored.card.criteria)} criteria, and stands "
        f"first in {_percent(float(first[0]))}"
    )
    draws = "of the draws of weights and values"
    if first[most] - first[0] <= 2.0 * scatter:
        text = f"{highest} {draws}"
    else:
        text = (
            f"{names[most]} stands first most often, in {_percent(float(first[most]))} {draws}, by "
            f"{_percent(known[most])} of the weight; {highest}"
        )
    if scored.less_known[0]:
        best = scored.less_known.index(False)
        those = "whose values are all known" if round(known[best], 9) == 1.0 else "best known"
        text += f"; of those {those} {names[best]} has the highest"
    return f"{text}."


def _ranked_by_less(scored: Scored) -> list[str]:
    rows = zip(scored.names, scored.coverages, scored.less_known, strict=True)
    less = [f"{name} ({_percent(known)})" for name, known, is_less in rows if is_less]
    if not less:
        return []
    return [
        f"{LESS_KNOWN} ranked by less of the weight than others, as values are missing: "
        f"{', '.join(less)}; in the draws these lie anywhere from worst to best."
    ]


def _not_ranked(scored: Scored) -> list[str]:
    ranking, card = scored.ranking, scored.card
    left = [
        f"{card.candidates[k]} ({_percent(float(ranking.coverages[k]))})"
        for k in scored.order
        if k not in ranking.ranks
    ]
    if not left:
        return []
    least = _percent(card.least_coverage)
    return [f"Not ranked, for less than {least} of the weight is known: {', '.join(left)}."]


def _cautions(scored: Scored) -> list[str]:
    card = scored.card
    found = [
        "A rank speaks of these criteria, scales and weights, which are the study's choice. Draws "
        "have no more doubt in them than the uncertainties given: the error of the engine where a "
        "criterion names one, and what independent starts differ by."
    ]
    values = [v for row in scored.known.values() for v in row.values() if v.value is not None]
    bare = sum(v.uncertainty is None for v in values)
    if bare:
        found.append(
            f"{bare} of {len(values)} values have no uncertainty of their own, and are drawn as "
            "certain but for the engine's error."
        )
    for name, criterion in card.criteria.items():
        potentials = scored.potentials(name)
        if len(potentials) > 1:
            found.append(f"{name}: values by {', '.join(potentials)} stand side by side.")
        if all(v.value is None for v in scored.column(name)):
            found.append(f"{name}: of no candidate; its share of every score is missing.")
        elif criterion.better is not None and criterion.threshold is None:
            found.append(
                f"{name}: its scale runs from the worst to the best of these candidates, and "
                "another candidate would shift it."
            )
    return found


def _document(scored: Scored) -> dict[str, Any]:
    """JSON-able."""
    card, ranking = scored.card, scored.ranking
    first = dict(zip(scored.names, scored.drawn.share_at(1).tolist(), strict=True))
    return {
        "scorecard": card.model_dump(mode="json"),
        "candidates": {
            name: {
                "rank": ranking.ranks.get(k),
                "score": None if np.isnan(ranking.scores[k]) else float(ranking.scores[k]),
                "bounds": ranking.bounds[k].tolist(),
                "coverage": float(ranking.coverages[k]),
                "first_in_draws": first.get(name),
                "values": {
                    criterion: {
                        "value": one.value,
                        "unit": card.criteria[criterion].unit,
                        "uncertainty": one.uncertainty,
                        "grade": one.grade,
                        "choices": dict(one.choices),
                        "reason": one.reason,
                    }
                    for criterion, one in scored.known[name].items()
                },
            }
            for k, name in enumerate(card.candidates)
        },
    }

"""One record a hop: its band, its barrier, where its carrier rested, and how often it hops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, cast

import numpy as np
from ase import Atoms
from ase.io import read as read_images
from pydantic import BaseModel, ConfigDict, Field

from natriface.analysis.barriers.rates import Diffusivity, HopRate, diffusivity, hop_rate
from natriface.analysis.barriers.summary import (
    FORCE_TOLERANCE_EV_PER_ANGSTROM,
    BandSummary,
    BarrierValues,
    summarise,
)
from natriface.analysis.results.band import Band
from natriface.analysis.results.result import EngineRecord, Result
from natriface.structures.base.atoms import from_document
from natriface.structures.base.errors import AnalysisError, ReaderError
from natriface.structures.paths.hop_network import hop_network
from natriface.structures.paths.images import displacements
from natriface.structures.surfaces.adsorption import site_beneath
from natriface.workflows.parts.labels import read_labels, step_labels
from natriface.workflows.parts.migration.labels import BandLabels, End
from natriface.workflows.report.section import SectionContext
from natriface.workflows.report.steps import known_steps

MOVED_ANGSTROM = 0.5
"""A carrier that relaxed farther than this from where it was put has left its site."""

UNEQUAL_EV = 0.01
"""Ends that symmetry makes equivalent may differ by so much for want of convergence."""

PATH_WORDS = {
    "adatom": "adatom on a surface",
    "vacancy": "vacancy in the bulk",
    "interstitial": "interstitial in the bulk",
}


class HopRecord(BaseModel):
    """All that a report says of one hop.

    Attributes
    ----------
    label, number, n_hops
        The study's label, and which of its hops this is.
    labels
        Of the band's step: path, facet, charge, host, supercell, source, ...
    status, reason
        Of the band; only a converged one has a barrier.
    summary
        What the band says; None where there is none to read.
    initial_energy_ev
        Total energy of the first end point: hops in one supercell have one scale.
    no_barrier
        Why a converged band has no barrier: its ends are no minima.
    rested
        Where the carrier stood in each relaxed end point, where that is not where it was put.
    rate, diffusivity
        At `temperature_k`, or why there is none.
    """

    model_config = ConfigDict(extra="forbid")

    label: str
    number: int
    n_hops: int
    step: str
    labels: BandLabels = Field(exclude=True)
    status: str
    reason: str | None = None
    engine: EngineRecord | None = None
    protocol: str | None = None
    summary: BandSummary | None = None
    initial_energy_ev: float | None = None
    no_barrier: str | None = None
    rested: list[str] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list)
    temperature_k: float
    rate: HopRate | None = None
    rate_reason: str | None = None
    diffusivity: Diffusivity | None = None
    diffusivity_reason: str | None = None

    @property
    def name(self) -> str:
        """The label, numbered where it has several hops."""
        return self.label if self.n_hops == 1 else f"{self.label} {self.number}"

    @property
    def barrier(self) -> BarrierValues | None:
        """Of a converged band between two minima."""
        return self.summary.barrier if self.summary and self.no_barrier is None else None

    @property
    def kind(self) -> str:
        """Such as ``adatom on a surface``."""
        return PATH_WORDS.get(self.labels.path_type, self.labels.path_type)

    @property
    def charge_words(self) -> str:
        """Charge of the cell and what balances the carrier."""
        if self.engine is not None and self.engine.model is not None:
            return "a potential knows no charge"
        return {
            "background": f"{self.labels.charge_e:+g} e, background",
            "electrons": "neutral cell, electrons or holes",
            "none": "neutral metal",
        }[self.labels.compensation]


def hop_records(results: Sequence[Result], context: SectionContext) -> list[HopRecord]:
    """Records of all hops planned or at hand, in the plan's order."""
    by_id = context.by_id(results)
    expected = {step.id: step for step in context.expected}
    bands = {
        step.id: read_labels(BandLabels, step.metadata, step.name)
        for step in known_steps(results, context.expected)
        if step_labels(step).role == "band"
    }
    per_label = Counter(labels.label for labels in bands.values())
    records = []
    for identifier, labels in bands.items():
        why = context.reason(expected[identifier]) if identifier in expected else "no result"
        record = HopRecord(
            label=labels.label,
            number=labels.hop,
            n_hops=per_label[labels.label],
            step=identifier,
            labels=labels,
            status="not computed",
            reason=why,
            temperature_k=labels.temperature_k,
        )
        if identifier in by_id:
            _fill(record, by_id[identifier], by_id, context.folders)
        records.append(record)
    return sorted(records, key=lambda r: (list(per_label).index(r.label), r.number))


class FarWay(BaseModel):
    """What a carrier needs to travel far through a crystal, over the hops that have a barrier.

    Attributes
    ----------
    barriers_ev
        Number of directions -> highest point of the way, above the lowest end point.
    n_hops, n_open
        Distinct hops planned, and those with a barrier.
    """

    model_config = ConfigDict(extra="forbid")

    label: str
    barriers_ev: dict[int, float]
    n_hops: int
    n_open: int


def far_ways(records: Sequence[HopRecord]) -> list[FarWay]:
    """The lowest ways through each crystal of which more than one hop was asked for."""
    found = []
    for label in dict.fromkeys(record.label for record in records):
        own = [r for r in records if r.label == label]
        host = own[0].labels.host_cell
        if host is None or len(own) < 2:
            continue
        heights, lowest = {}, np.inf
        for kind, record in enumerate(own):
            barrier, zero = record.barrier, record.initial_energy_ev
            if barrier is None or zero is None:
                continue
            heights[kind] = zero + barrier.forward_ev
            lowest = min(lowest, zero, zero + barrier.reaction_energy_ev)
        network = hop_network(
            from_document(host),
            [r.labels.start_scaled for r in own],
            [r.labels.end_scaled for r in own],
        )
        levels = network.levels(heights)
        found.append(
            FarWay(
                label=label,
                barriers_ev={n: level - float(lowest) for n, level in levels.items()},
                n_hops=len(own),
                n_open=len(heights),
            )
        )
    return found


def load_band(result: Result, folder: Path | None, labels: BandLabels) -> Band:
    """The band of a finished step: all its images with energies and forces.

    Raises
    ------
    ReaderError
        If its file is not there or cannot be read.
    AnalysisError
        If its images make no band.
    """
    name = result.files.get("band")
    if name is None or folder is None or not (folder / name).is_file():
        raise ReaderError(f"{result.label}: its band is not there; run the step again")
    try:
        images = cast(list[Atoms], read_images(folder / name, ":", format="extxyz"))
    except (ValueError, KeyError, IndexError) as error:
        raise ReaderError(f"{folder / name}: no band can be read ({error})") from None
    status = result.status
    ends = {0, len(images) - 1}
    return Band.of(
        images,
        statuses=["converged" if k in ends else status for k in range(len(images))],
        reasons=[None if k in ends else result.reason for k in range(len(images))],
        source=result.label,
        metadata=labels.model_dump(mode="json", exclude_unset=True),
        engine=f"{result.engine.name} {result.engine.version}",
    )


def _fill(
    record: HopRecord,
    result: Result,
    by_id: Mapping[str, Result],
    folders: Mapping[str, Path],
) -> None:
    record.status, record.reason = result.status, result.reason
    record.engine, record.protocol = result.engine, result.protocol
    record.warnings += result.warnings
    try:
        band = load_band(result, folders.get(record.step), record.labels)
    except (ReaderError, AnalysisError) as error:
        if record.status == "converged":
            record.status = "failed"
        record.reason = record.reason or str(error)
        return
    record.summary = summarise(band, _tolerance(result))
    record.initial_energy_ev = float(band.energies_ev[0]) if record.summary.barrier else None
    if record.summary.status != "converged":
        record.status = record.summary.status
        record.reason = record.reason or "; ".join(record.summary.reasons)
    record.warnings += record.summary.warnings
    symmetric = record.labels.exchanged_by is not None
    for end, identifier in record.labels.end_steps.items():
        if symmetric and end == "final":
            continue  # it started from the image of the initial one, relaxed
        if identifier in by_id:
            moved = _where_it_rested(record, end, by_id[identifier])
            if moved and symmetric:
                moved += "; so it does at the final end, its image"
            if moved:
                record.rested.append(moved)
    record.no_barrier = _no_barrier(record.summary)
    if record.no_barrier is not None:
        record.rate_reason = "no barrier"
    if record.barrier is not None:
        _judge(record, record.barrier)


def _no_barrier(summary: BandSummary) -> str | None:
    """Why a converged band has no barrier to speak of; None if it has one."""
    barrier = summary.barrier
    if barrier is None or barrier.highest_image not in (0, len(summary.images) - 1):
        return None
    if any(extremum.kind == "maximum" for extremum in summary.extrema):
        return None
    lowest = min(image.energy_ev for image in summary.images if image.energy_ev is not None)
    end = "initial" if barrier.highest_image == 0 else "final"
    return (
        f"no barrier: the {end} end point is the highest point of the path, so it is no minimum "
        f"of what computed it; the energy falls by {barrier.forward_ev - lowest:.3f} eV on the way"
    )


def _tolerance(result: Result) -> float:
    """Largest force across the path that the calculation was to leave, eV/A."""
    for key in ("fmax_ev_per_angstrom", "EDIFFG"):
        value = result.settings.get(key)
        if isinstance(value, int | float) and value:
            return max(abs(float(value)) * 1.05, 1e-3)  # forces are stored rounded
    return FORCE_TOLERANCE_EV_PER_ANGSTROM


def _where_it_rested(record: HopRecord, end: End, result: Result) -> str | None:
    """In words, where the carrier went when its end point was relaxed; None if it stayed."""
    if result.final_structure is None or result.initial_structure is None:
        return None
    labels, mover = record.labels, record.labels.mover
    before, after = result.initial_atoms(), result.final_atoms()
    moves = displacements(before, after)
    way = moves[mover] - np.delete(moves, mover, axis=0).mean(axis=0)
    site = labels.start if end == "initial" else labels.end
    if labels.surface is None:
        length = float(np.linalg.norm(way))
        if length < MOVED_ANGSTROM:
            return None
        return f"at the {end} end it relaxed {length:.2f} A away from {site}"
    if float(np.linalg.norm(way[:2])) < MOVED_ANGSTROM:
        return None
    cell = from_document(labels.surface.surface_cell)
    scaled = np.linalg.solve(cell.cell.array.T, after.positions[mover])[:2]
    name, apart = site_beneath(cell, labels.carrier, (scaled[0], scaled[1]))
    near = f"{apart:.2f} A from" if apart > 0.15 else "on"
    return (
        f"at the {end} end it left {site} by {np.linalg.norm(way[:2]):.2f} A and rests {near} "
        f"{name}"
    )


def _judge(record: HopRecord, barrier: BarrierValues) -> None:
    """Hop frequency and diffusivity, or why there are none; doubts about the barrier."""
    labels = record.labels
    if labels.equivalent_ends and abs(barrier.reaction_energy_ev) > UNEQUAL_EV:
        record.warnings.append(
            f"its two ends are equivalent by symmetry, but differ by "
            f"{1000 * barrier.reaction_energy_ev:.0f} meV: they relaxed into different minima"
        )
    try:
        record.rate = hop_rate(barrier.forward_ev, record.temperature_k)
    except AnalysisError as error:
        record.rate_reason = str(error)
        record.diffusivity_reason = "no hop frequency"
        return
    dimensions: Literal[2, 3] = 2 if labels.path_type == "adatom" else 3
    coordination = labels.coordination
    if record.rested:
        record.diffusivity_reason = "the carrier left the site its neighbours are counted from"
    elif not labels.equivalent_ends:
        record.diffusivity_reason = "the two sites differ: one hop does not make a way"
    elif coordination < 2 * dimensions:
        record.diffusivity_reason = (
            f"{coordination} such hops from a site do not reach in all {dimensions} directions"
        )
    else:
        record.diffusivity = diffusivity(
            record.rate, labels.length_angstrom, coordination, dimensions
        )

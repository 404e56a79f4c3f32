"""The report's section on contacts in motion: what breaks, what forms, where the elements go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from natriface.analysis.bonding.bond_changes import KIND_LIMIT_ANGSTROM, depth_profile
from natriface.analysis.bonding.integrity import compare_units
from natriface.analysis.figures.contact_courses import (
    BondPanel,
    DepthPanel,
    bond_lines,
    depth_lines,
)
from natriface.analysis.figures.pictures.structure_pictures import (
    before_after_figure,
    contact_heights_angstrom,
)
from natriface.analysis.figures.pictures.turnable import Turnable
from natriface.analysis.results.result import Result
from natriface.analysis.results.wording import number, slug
from natriface.workflows.parts.dynamics.displacements import GroupMotion, group_motions
from natriface.workflows.parts.dynamics.records import ContactRecord, RunRecord, contacts
from natriface.workflows.parts.dynamics.tables import (
    bond_table,
    diffusion_table,
    fragment_table,
    run_table,
)
from natriface.workflows.report.figure import ReportFigure
from natriface.workflows.report.section import (
    FEW,
    Block,
    Gallery,
    Section,
    SectionContext,
    with_care,
)

BIN_ANGSTROM = 1.0
LEAST_BONDS = 0.5
"""Fewer on average are bonds that swing past their limit."""


def section(results: Sequence[Result], context: SectionContext) -> Section | None:
    """What there is to say of a study's contacts in motion."""
    found = contacts(results, context)
    done = [contact for contact in found if contact.sound]
    blocks: list[Block] = []
    motions = [(contact, group_motions(contact)) for contact in done]
    if done:
        pictures = [_picture(contact, context) for contact in done]
        blocks = [
            _bonds(done, context),
            Gallery("Interfaces before and after motion", pictures),
            _profiles(done, context),
            bond_table(done),
            fragment_table(done),
            diffusion_table(motions),
        ]
    several = [contact for contact in done if len(contact.sound) > 1]
    return Section(
        key="dynamics",
        title="Contacts in motion",
        verdict=outcome(several) if len(several) > FEW else (),
        findings=[_finding(contact) for contact in several],
        blocks=[*blocks, run_table(found), *with_care([*_cautions(found), *_uncomputed(motions)])],
        methods=[_method(done)] if done else [],
        values=_values(found, motions),
    )


def _values(
    found: Sequence[ContactRecord], motions: Sequence[tuple[ContactRecord, Sequence[GroupMotion]]]
) -> dict[str, Any]:
    moved = {contact.name: [group.document() for group in groups] for contact, groups in motions}
    return {
        contact.name: {**contact.document(), "displacements": moved.get(contact.name, [])}
        for contact in found
    }


def outcome(several: Sequence[ContactRecord]) -> list[str]:
    """In how many contacts more bonds are broken than their runs differ by, and where most are."""
    broken = [
        (contact, kind, n, lost)
        for contact in several
        for kind, (n, lost, _) in contact.bonds.items()
        if n and lost.sd is not None and lost.mean > max(lost.sd, LEAST_BONDS)
    ]
    if not broken:
        return [
            f"In none of {len(several)} contacts are on average more than {LEAST_BONDS:g} bonds of "
            "a kind broken, and more than runs differ by."
        ]
    where = len({contact.name for contact, *_ in broken})
    contact, kind, n, lost = max(broken, key=lambda each: each[3].mean / each[2])
    return [
        f"In {where} of {len(several)} contacts more bonds are broken than runs differ by, the "
        f"largest share {kind} of {contact.name}: {number(lost.mean, 1)} ± {number(lost.sd, 1)} of "
        f"{n} ({lost.n} runs)."
    ]


def _finding(contact: ContactRecord) -> str:
    first = contact.sound[0]
    assert first.run is not None
    kinds = [
        f"{number(broken.mean, 1)} ± {number(broken.sd, 1)} of {n} {kind} broken"
        for kind, (n, broken, _) in contact.bonds.items()
        if n
    ]
    return (
        f"{contact.name}, after {first.run.ends_ps:g} ps: {', '.join(kinds) or 'no such bonds'} "
        f"(mean and standard deviation of {len(contact.sound)} runs, {first.engine})."
    )


def _bonds(done: Sequence[ContactRecord], context: SectionContext) -> ReportFigure:
    panels = []
    for contact in done:
        runs = [(run, run.run) for run in contact.sound if run.run is not None]
        lines = {
            kind: [(said.times_ps, run.courses[kind].broken) for run, said in runs]
            for kind, (n, _, _) in contact.bonds.items()
            if n
        }
        panels.append(BondPanel(contact.name, lines, runs[0][1].production_starts_ps))
    return context.draw(
        bond_lines(panels),
        "dynamics-bonds",
        caption="Bonds of the relaxed interface that are longer than their limit, a line a run. "
        "Dotted: where ramp and equilibration end.",
        alt="Lines of broken bonds against time: "
        + "; ".join(f"{contact.name}: {', '.join(contact.bonds)}" for contact in done),
    )


def _picture(contact: ContactRecord, context: SectionContext) -> ReportFigure:
    run = contact.sound[0]
    assert run.start is not None
    assert run.end is not None
    assert run.run is not None
    found = compare_units(run.start, run.end)
    after = f"after {run.run.ends_ps:g} ps"
    return context.draw(
        before_after_figure(
            run.start,
            run.end,
            contact.name,
            captions=("relaxed", after),
            broken=[(bond.centre, bond.ligand) for bond in found.broken],
        ),
        f"dynamics-{slug(contact.name)}",
        caption=f"{contact.name}, seed {run.seed}: {found.summary()} in the last frame.",
        alt=f"{contact.name} relaxed and {after}",
        turnable=Turnable.thinned(run.frames, [f"{time:.2f} ps" for time in run.run.times_ps]),
    )


def _profiles(done: Sequence[ContactRecord], context: SectionContext) -> ReportFigure:
    panels = []
    for contact in done:
        first = contact.sound[0]
        assert first.start is not None
        zero = next(iter(contact_heights_angstrom(first.start)), 0.0)
        heights = first.start.positions[:, 2] - zero
        edges = np.arange(heights.min() - 3, heights.max() + 3 + BIN_ANGSTROM, BIN_ANGSTROM)
        last = [run.frames[k] for run in contact.sound for k in run.last]
        panels.append(
            DepthPanel(
                contact.name,
                (edges[1:] + edges[:-1]) / 2,
                depth_profile([first.frames[0]], edges + zero),
                depth_profile(last, edges + zero),
            )
        )
    return context.draw(
        depth_lines(panels),
        "dynamics-depth",
        caption="Elements by height: relaxed (dashed), and at the end of the runs (full, mean over "
        f"runs and the last quarter of the production); in bins of {BIN_ANGSTROM:g} A.",
        alt="Profiles of the elements before and after: " + ", ".join(c.name for c in done),
    )


def _method(done: Sequence[ContactRecord]) -> str:
    runs = [run.run for contact in done for run in contact.sound if run.run is not None]
    thermostats = " or ".join(dict.fromkeys(run.thermostat for run in runs))
    limits = ", ".join(f"{a}-{b} {limit:g}" for (a, b), limit in KIND_LIMIT_ANGSTROM.items())
    return (
        f"Molecular dynamics, thermostat {thermostats}; ramp and equilibration come before the "
        "production. Two atoms have a bond below a distance, about 1.3 times the bond, A: "
        f"{limits}."
    )


def _uncomputed(motions: Sequence[tuple[ContactRecord, Sequence[GroupMotion]]]) -> list[str]:
    """Why there are displacements or diffusivities missing that are not for want of a hop."""
    said = {
        f"{contact.name}, diffusivities: {group.reason}.": None
        for contact, groups in motions
        for group in groups
        if group.status == "not computed"
    }
    return list(said)


def _cautions(found: Sequence[ContactRecord]) -> list[str]:
    said = [
        "A few picoseconds show what happens without a barrier to speak of; what does not break in "
        "them may break later. How well the potential knows broken units is in none of the numbers."
    ]
    for contact in found:
        runs: list[RunRecord] = contact.sound
        if len(runs) == 1:
            said.append(f"{contact.name}: one run only, so that its numbers have no spread.")
        for run in runs:
            assert run.run is not None
            off = abs(run.run.mean_kelvin - contact.kelvin)
            if off > max(0.1 * contact.kelvin, run.run.sd_kelvin):
                said.append(
                    f"{contact.name}, seed {run.seed}: the kinetic temperature is "
                    f"{run.run.mean_kelvin:.0f} K; give it a longer equilibration or more friction."
                )
    return said

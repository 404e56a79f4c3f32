"""The steps of one migration barrier: end points relaxed, band pre-converged, band refined."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ase import Atoms

from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import StructureError
from natriface.structures.paths.exchange import Exchange, exchange
from natriface.structures.paths.images import align, make_images, permutation_note
from natriface.workflows.engines.base import engine as find_engine
from natriface.workflows.parts.migration.labels import BandLabels, End, EndPointLabels, HopLabels
from natriface.workflows.plan import Input, Step, StructureFrom

if TYPE_CHECKING:
    from natriface.workflows.step_maker import StepMaker


def band_steps(
    make: StepMaker,
    name: str,
    initial: Atoms,
    final: Atoms,
    labels: HopLabels,
    *,
    pre_engine: str | None = "potential",
) -> list[Step]:
    """Plan a band: its end points relaxed first, then the band between them.

    Where `pre_engine` is another engine than the study's, it relaxes both end points and converges
    a band between them first; the study's engine starts from all three. The final end point's
    atoms are put into the order of the initial one. Where an operation exchanges the two
    (`natriface.structures.exchange`), the final one starts from the image of the relaxed initial
    one, so that its relaxation has nothing left to do but to show that this is a minimum too.

    Parameters
    ----------
    make
        Makes steps with the study's protocol and settings.
    name
        Of the hop, such as ``NaF vacancy Na0 -> Na1``; each step's name starts with it.
    initial, final
        Unrelaxed end points in one cell; atoms frozen in the first are frozen in all images.
    labels
        Of the hop; every step has them, as an end point or a band.
    pre_engine
        Engine that converges the band first; ``None`` or the study's own engine for none.

    Returns
    -------
    list of Step
        Parents before children; the last is the band whose barrier is wanted.

    Raises
    ------
    StructureError
        If the end points differ in composition or cell or are one structure, an atom would hop
        across the vacuum, or images clash or collide.
    """
    try:
        aligned, matching = align(initial, final)
        make_images(initial, aligned)  # raises if there is no path
    except StructureError as error:
        raise StructureError(f"{name}: {error}") from None
    known = labels.model_dump(exclude_unset=True)
    if matching.permuted:
        known["notes"] = [*labels.notes, permutation_note(matching, "the final end point")]
    ends: dict[End, Atoms] = {"initial": initial, "final": aligned}
    symmetry = exchange(initial, aligned)
    if symmetry is not None:
        known["exchanged_by"] = symmetry.kind
    own = _bands(make, name, ends, known, None, None, symmetry)
    if pre_engine is None or own[-1].engine == pre_engine:
        return own
    pre = _bands(make, name, ends, known, pre_engine, None, symmetry)
    return [*pre, *_bands(make, name, ends, known, None, pre, symmetry)]


def _bands(
    make: StepMaker,
    name: str,
    ends: Mapping[End, Atoms],
    hop: Mapping[str, Any],
    engine: str | None,
    pre: list[Step] | None,
    symmetry: Exchange | None,
) -> list[Step]:
    """End points and band of one engine, from those of another where it has gone before."""
    prefix = "" if engine is None else "pre_"
    suffix = "" if engine is None else f" ({engine})"
    relaxed: dict[End, Step] = {}
    for k, (end, atoms) in enumerate(ends.items()):
        source: dict[str, Any]
        settings: dict[str, Any] = {}
        if symmetry is not None and end == "final":
            source = {
                "structure_from": StructureFrom(
                    step=relaxed["initial"].id, exchange=symmetry.document()
                )
            }
            if "rattle_angstrom" in make.settings("relax", engine):
                settings["rattle_angstrom"] = 0.0  # the initial one's has done it for both
        elif pre is None:
            source = {"structure": to_document(atoms)}
        else:
            source = {"structure_from": StructureFrom(step=pre[k].id)}
        relaxed[end] = make.step(
            f"{name} {end} end{suffix}",
            "relax",
            len(atoms),
            engine=engine,
            labels=EndPointLabels(**{**hop, "role": f"{prefix}end_point", "end": end}),
            settings=settings,
            **source,
        )
    inputs = {"final": Input(step=relaxed["final"].id)}
    record = find_engine(relaxed["final"].engine).capabilities.end_record
    for end, step in relaxed.items():
        inputs[f"{end}_{record.lower()}"] = Input(step=step.id, file=record)
    if pre is not None:
        inputs["band"] = Input(step=pre[-1].id, file="band")
    band = make.step(
        f"{name} band{suffix}",
        "neb",
        len(ends["initial"]),
        engine=engine,
        structure_from=StructureFrom(step=relaxed["initial"].id),
        inputs=inputs,
        labels=BandLabels(
            role=f"{prefix}band",  # type: ignore[arg-type]
            end_steps={end: step.id for end, step in relaxed.items()},
            **hop,
        ),
    )
    return [*relaxed.values(), band]

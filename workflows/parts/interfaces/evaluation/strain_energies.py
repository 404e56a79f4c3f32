"""What it costs to strain the crystals of an interface's sides so that they fit."""

from __future__ import annotations

from natriface.analysis.energies.strain_energy import STRAIN_FORMULA, strain_energy
from natriface.structures.base.errors import AnalysisError
from natriface.workflows.parts.interfaces.evaluation.level import require
from natriface.workflows.parts.interfaces.evaluation.records import StrainEnergyRecord
from natriface.workflows.parts.interfaces.labels import SIDES, InterfaceLabels
from natriface.workflows.plan import Side
from natriface.workflows.report.steps import Steps


def strain_energies(
    labels: InterfaceLabels, area_angstrom2: float | None, steps: Steps
) -> dict[str, StrainEnergyRecord]:
    """By side that bears strain: its strain energy, by the engine that relaxes, or why none.

    Other levels of theory have none, for the crystals are not at their minima.
    """
    return {
        side: _strain_energy(side, labels, area_angstrom2, steps)
        for side in SIDES
        if side in labels.strained_crystals
    }


def _strain_energy(
    side: Side, labels: InterfaceLabels, area_angstrom2: float | None, steps: Steps
) -> StrainEnergyRecord:
    n_atoms = labels.n_film_atoms if side == "film" else labels.n_substrate_atoms
    try:
        bulk = require(steps, labels.bulk_energies[side], "bulk")
        strained = [require(steps, x, "strained bulk") for x in labels.strained_crystals[side]]
        found = strain_energy(strained, bulk)
        if not area_angstrom2 or n_atoms is None:
            raise AnalysisError(f"{labels.pair}: its area or its atoms are not known")
    except AnalysisError as error:
        return StrainEnergyRecord(reason=str(error))
    return StrainEnergyRecord(
        value_j_per_m2=found.j_per_m2(n_atoms, area_angstrom2),
        mev_per_atom=1000 * found.ev_per_atom,
        in_plane_strains=list(found.in_plane),
        normal_strain=found.normal,
        upper_bound=found.tilts,
        engine=bulk.engine.words,
        formula=str(STRAIN_FORMULA),
    )

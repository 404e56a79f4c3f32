"""What a layer of one phase gains by reacting with another in excess."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from natriface.analysis.energies.reactivity import REACTS_EV, Reaction
from natriface.analysis.results.formulas import Formula
from natriface.structures.base.conversions import EV_PER_ANGSTROM2_IN_J_PER_M2

LAYER_FORMULA = Formula(
    "reaction energy of a layer",
    "m ΔE_r / A",
    "J/m2",
    where="m formula units of the substrate in one layer of its slab on the area A, ΔE_r the "
    "mutual reaction energy of one unit with as much of the film as lowers it most; bulk energies "
    "at 0 K, without the products' interfaces and strains: an estimate",
)
SAME_EV = 1e-6


@dataclass(frozen=True)
class FullReaction:
    """The reaction of one formula unit of the consumed phase, the other in excess.

    Attributes
    ----------
    reaction
        With the least of the other that brings the lowest energy.
    energy_ev
        Mutual, of a formula unit; zero or less.
    consumed_share
        The consumed phase's share of the atoms.
    """

    reaction: Reaction
    energy_ev: float
    consumed_share: float

    def j_per_m2(self, units_per_angstrom2: float) -> float:
        """By `LAYER_FORMULA`, of so many formula units an area."""
        return self.energy_ev * units_per_angstrom2 * EV_PER_ANGSTROM2_IN_J_PER_M2


def full_reaction(
    reactions: Sequence[Reaction], atoms_per_unit: int, *, consumes_first: bool
) -> FullReaction | None:
    """The reaction between two phases that gains most for a unit of one of them.

    Energies are mutual: what the other phase does on its own would count without bound.

    Parameters
    ----------
    reactions
        All on the line between the two, as of `natriface.analysis.energies.reactivity.Hull`.
    atoms_per_unit
        Atoms in a formula unit of the phase that is consumed.
    consumes_first
        Whether that is the first of the two, whose share of the atoms a reaction names.

    Returns
    -------
    FullReaction or None
        None where they do not react.
    """
    found: FullReaction | None = None
    for reaction in reactions:
        share = reaction.fraction if consumes_first else 1 - reaction.fraction
        if share <= 1e-9 or reaction.mutual_ev_per_atom > -REACTS_EV:
            continue
        full = FullReaction(reaction, reaction.mutual_ev_per_atom * atoms_per_unit / share, share)
        lower = 0.0 if found is None else full.energy_ev - found.energy_ev
        thriftier = found is not None and share > found.consumed_share
        if found is None or lower < -SAME_EV or (lower < SAME_EV and thriftier):
            found = full
    return found

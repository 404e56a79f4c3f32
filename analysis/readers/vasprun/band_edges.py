"""Band edges, gap and moment from eigenvalues and occupations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from natriface.structures.base.arrays import FloatArray

_WHOLE = 0.02  # electrons; occupations are printed to 1e-4 a state


@dataclass(frozen=True)
class BandEdges:
    """What the bands say; None where it does not exist (edges of a metal).

    Attributes
    ----------
    gap_ev
        Fundamental gap, over both spins; 0 for a metal.
    is_direct
        Whether both edges lie at the same k-point.
    """

    valence_band_maximum_ev: float | None
    conduction_band_minimum_ev: float | None
    gap_ev: float
    is_direct: bool | None


def count_electrons(
    occupations: FloatArray, weights: FloatArray, is_noncollinear: bool
) -> FloatArray:
    """(n_spins,) electrons: the sum over bands and k-points of weight times occupation.

    A state of an unpolarised calculation holds two electrons and is printed as 1 when full.
    """
    total: FloatArray = np.einsum("skb,k->s", occupations, weights)
    return total * (1 if is_noncollinear or len(occupations) == 2 else 2)


def band_edges(
    eigenvalues: FloatArray, occupations: FloatArray, weights: FloatArray
) -> BandEdges | None:
    """Band edges by counting states, not by the position of the Fermi level.

    Each spin has n = sum(weight x occupation) filled bands. Where n is whole and band n lies below
    band n + 1 everywhere, these two bound the gap, whatever the smearing does to the occupations
    near them and wherever VASP puts the Fermi level. Otherwise the spin is metallic.

    Parameters
    ----------
    eigenvalues, occupations
        (n_spins, n_kpoints, n_bands), eV and 1 for a full state.
    weights
        (n_kpoints,).

    Returns
    -------
    BandEdges or None
        None where a number that counts is missing, or no empty band was computed.
    """
    if not np.isfinite(occupations).all():
        return None
    metal = BandEdges(None, None, 0.0, None)
    top: list[FloatArray] = []
    bottom: list[FloatArray] = []
    for levels, filling in zip(eigenvalues, occupations, strict=True):
        filled = float(filling.sum(axis=1) @ weights)
        n = round(filled)
        if abs(filled - n) > _WHOLE:
            return metal
        if n >= levels.shape[1] or not np.isfinite(levels[:, : n + 1]).all():
            return None  # numbers of bands above may have overflowed
        levels = np.sort(levels, axis=1)
        if n > 0:
            top.append(levels[:, n - 1])
        bottom.append(levels[:, n])
    if not top:
        return None
    highest, lowest = np.max(top, axis=0), np.min(bottom, axis=0)
    valence, conduction = float(highest.max()), float(lowest.min())
    if conduction <= valence:
        return metal
    return BandEdges(
        valence, conduction, conduction - valence, int(highest.argmax()) == int(lowest.argmin())
    )

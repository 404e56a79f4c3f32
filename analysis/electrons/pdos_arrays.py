"""A projected density of states from the arrays that readers and engines leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from natriface.analysis.results.pdos import Channel, ProjectedDOS, shell_of
from natriface.analysis.results.result import ElectronicStructure
from natriface.structures.base.errors import AnalysisError

DOPED_REACH_EV = 12.0
DOPED_FILLING_EV = 1.5
LEAST_HOST_GAP_EV = 1.5
"""How far below the Fermi level the gap of a doped insulator is sought, how far its conduction band
may be filled, and how wide the gap must be."""


def from_arrays(
    arrays: Mapping[str, NDArray[Any]],
    symbols: Sequence[str],
    electronic: ElectronicStructure | None = None,
    *,
    atoms: Atoms | None = None,
    source: str = "density of states",
    warnings: Sequence[str] = (),
) -> ProjectedDOS:
    """From the arrays of `natriface.analysis.readers.vasp.large_arrays.collect_arrays`.

    Of a non-collinear calculation the charge component is taken.

    Raises
    ------
    AnalysisError
        If there is no density of states, or nothing was projected.
    """
    for name, remedy in (
        ("dos_energies_ev", "no density of states was written"),
        ("projected_dos", "no projected density of states was written (VASP: LORBIT = 11)"),
    ):
        if name not in arrays:
            raise AnalysisError(f"{source}: {remedy}")
    projected = np.asarray(arrays["projected_dos"], dtype=float)
    total = np.atleast_2d(np.asarray(arrays["total_dos"], dtype=float))
    if projected.shape[0] != len(symbols):
        raise AnalysisError(
            f"{source}: projected on {projected.shape[0]} atoms, but the crystal has {len(symbols)}"
        )
    components = 1 if projected.shape[1] == 4 else None
    projected, total = projected[:, :components], total[:components]
    integrated = arrays.get("integrated_dos")
    if integrated is not None:
        integrated = np.atleast_2d(np.asarray(integrated, dtype=float))[:components]
    if integrated is not None and integrated.shape != total.shape:
        integrated = None
    # atoms whose projectors have fewer shells than others hold NaN in the rest
    absent = np.isnan(projected).all(axis=(1, 3))
    channels = tuple(
        Channel(atom, shell_of(str(name)), str(name))
        for atom in range(len(symbols))
        for index, name in enumerate(arrays["orbitals"])
        if not absent[atom, index]
    )
    densities = projected.transpose(0, 2, 1, 3)[~absent]
    said = list(warnings)
    damaged = int(np.isnan(densities).sum())
    if damaged:
        said.append(f"{damaged} numbers of the projections overflowed and count as none")
    electronic = electronic or ElectronicStructure()
    gap = electronic.band_gap_ev
    top, bottom, doped = _edges(arrays, electronic)
    return ProjectedDOS(
        energies_ev=np.asarray(arrays["dos_energies_ev"], dtype=float),
        channels=channels,
        densities=np.nan_to_num(densities),
        total=np.nan_to_num(total),
        symbols=tuple(symbols),
        fermi_level_ev=electronic.fermi_level_ev,
        valence_band_maximum_ev=top,
        conduction_band_minimum_ev=bottom,
        is_metal=None if gap is None else gap == 0,
        n_electrons=electronic.n_electrons,
        atoms=atoms,
        source=source,
        warnings=(*said, *doped),
        integrated=integrated,
    )


def _edges(
    arrays: Mapping[str, NDArray[Any]], electronic: ElectronicStructure
) -> tuple[float | None, float | None, list[str]]:
    """The band edges known, or those of a doped insulator, and what is to be said of them."""
    top, bottom = electronic.valence_band_maximum_ev, electronic.conduction_band_minimum_ev
    fermi = electronic.fermi_level_ev
    if top is not None or fermi is None or "eigenvalues_ev" not in arrays:
        return top, bottom, []
    edges = host_edges(arrays["eigenvalues_ev"], fermi)
    if edges is None:
        return top, bottom, []
    top, bottom = edges
    return (
        top,
        bottom,
        [
            f"electrons of a dopant stand in the conduction band, {fermi - bottom:.2f} eV from its "
            "bottom; the valence-band maximum is the top of the filled bands below the gap of "
            f"{bottom - top:.2f} eV"
        ],
    )


def host_edges(eigenvalues_ev: NDArray[Any], fermi_level_ev: float) -> tuple[float, float] | None:
    """Valence-band maximum and conduction-band minimum of a doped insulator, eV.

    Its bands are those of the insulator, but the dopant's electrons fill a little of the
    conduction band: the edges bound the widest gap that begins within `DOPED_REACH_EV` below the
    Fermi level.

    Parameters
    ----------
    eigenvalues_ev
        (n_spins, n_kpoints, n_bands).

    Returns
    -------
    tuple or None
        None where no gap of `LEAST_HOST_GAP_EV` is there, or the bands above it are filled by more
        than `DOPED_FILLING_EV`.
    """
    levels = np.unique(np.asarray(eigenvalues_ev)[np.isfinite(eigenvalues_ev)])
    near = levels[(levels > fermi_level_ev - DOPED_REACH_EV) & (levels <= fermi_level_ev + 0.05)]
    if len(near) < 2:
        return None
    gaps = np.diff(near)
    widest = int(gaps.argmax())
    if gaps[widest] < LEAST_HOST_GAP_EV or fermi_level_ev - near[widest + 1] > DOPED_FILLING_EV:
        return None
    return float(near[widest]), float(near[widest + 1])

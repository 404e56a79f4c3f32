"""Bond energies of a converged GPAW calculation, by projection on free-atom orbitals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from natriface.analysis.bonding.bond_pairs import bond_pairs
from natriface.analysis.bonding.broadening import Broadening
from natriface.analysis.bonding.lobster_output import write_lobster_files
from natriface.analysis.bonding.projected_cohp import bond_populations
from natriface.analysis.results.bond_populations import BONDS_FILE, BondPopulations
from natriface.analysis.results.result import Result
from natriface.analysis.results.spilling import Spilling, judge_spilling
from natriface.structures.base.errors import ReaderError
from natriface.workflows.engines.gpaw.projection import bands_wanted, count_orbitals, project
from natriface.workflows.engines.gpaw.settings import GpawSettings

EMPTY_TEXT_FILE = "gpaw_empty_bands.txt"


def bonding(folder: Path, calculator: Any, atoms: Atoms, settings: GpawSettings) -> Path:
    """Bond energies, populations and COHP curves of a converged ground state.

    Where the state has fewer bands than the projection needs, the missing ones are computed in its
    own density. The states' k points may be those that the crystal's symmetry left.

    Parameters
    ----------
    folder
        Where the results go: ``bonding.json`` and ``.npz``, and the same in LOBSTER's formats.
    calculator
        GPAW with its states, in one process.
    atoms
        The structure, as the study has it.
    settings
        Width of a state in the curves (`dos_smearing_ev`) and their grid (`dos_spacing_ev`).

    Returns
    -------
    pathlib.Path
        ``bonding.json``.

    Raises
    ------
    EngineError, AnalysisError
        If the states cannot be projected.
    """
    calculator = with_empty_bands(calculator, folder / EMPTY_TEXT_FILE)
    populations = populations_of(calculator, atoms, settings)
    write_lobster_files(populations, folder)
    return populations.save(folder)


def judge_bonding(folder: Path, result: Result) -> None:
    """Add to a result what the projection was worth, as `lobster.judge_lobster` does for LOBSTER's.

    A projection that loses more charge than 5 % makes a converged result unconverged, one that no
    normalised states can have makes it failed; both without energies and with the reason.

    Raises
    ------
    ReaderError
        If ``bonding.json`` is not what `bonding` wrote.
    """
    path = folder / BONDS_FILE
    try:
        content = json.loads(path.read_text())
        spilling = Spilling(**{name: tuple(v) for name, v in content["spilling"].items()})
        warnings = [str(warning) for warning in content["warnings"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReaderError(f"{path}: no bonds that a step wrote ({error!r})") from None
    result.warnings += warnings
    verdict = judge_spilling(spilling)
    if result.status == "converged" and verdict.status != "sound":
        result.status = "unconverged" if verdict.status == "high" else "failed"
        result.reason = f"projection: {verdict.reason}"
        result.energy_ev = result.free_energy_ev = None


def populations_of(calculator: Any, atoms: Atoms, settings: GpawSettings) -> BondPopulations:
    """The same, without writing: bonds up to 1.3 times the sum of covalent radii."""
    projection = project(calculator)
    grid = Broadening.covering(
        _levels(projection.energies_ev, projection.fermi_level_ev),
        settings.dos_smearing_ev,
        settings.dos_spacing_ev,
    )
    return bond_populations(projection, bond_pairs(atoms, None), grid)


def with_empty_bands(calculator: Any, text: Path) -> Any:
    """The state itself where it has bands enough to be projected, else one with more of them."""
    waves = calculator.dft.ibzwfs
    n_orbitals = count_orbitals(calculator.dft.setups)
    if waves.nbands >= n_orbitals + 1:
        return calculator
    wanted = bands_wanted(n_orbitals)
    return calculator.fixed_density(
        nbands=wanted + max(4, wanted // 20),
        convergence={"bands": wanted, "eigenstates": 1e-5},
        txt=text,
    )


def _levels(energies_ev: np.ndarray, fermi_level_ev: float) -> np.ndarray:
    """Bands whose curves are drawn: occupied ones and those up to 15 eV above the Fermi level."""
    return energies_ev[energies_ev < fermi_level_ev + 15.0]

"""LOBSTER after a static VASP run: its input, whether it had bands enough, how well it projects."""

from __future__ import annotations

import json
import math
import os
import subprocess
from pathlib import Path
from typing import Any

from natriface.analysis.readers.lobster.log import LobsterLog, read_log
from natriface.analysis.results.result import Result
from natriface.analysis.results.spilling import Spilling, judge_spilling
from natriface.structures.base.errors import EngineError, ReaderError
from natriface.structures.base.writing import write_atomically
from natriface.workflows.engines.machine import Machine, command_line
from natriface.workflows.engines.vasp.incar.settings import parse_settings
from natriface.workflows.engines.vasp.inputs import VaspInputs
from natriface.workflows.engines.vasp.lobster_basis import n_basis_functions
from natriface.workflows.engines.vasp.running.restart import n_bands
from natriface.workflows.plan import Step
from natriface.workflows.processes import bound_command, end_processes

INPUT, OUTPUT, LOG = "lobsterin", "lobsterout", "lobster.out"
ANALYSIS_FILE = "lobsterpy.json"
COHP_WINDOW_EV = (-40.0, 6.0)
"""Relative to the Fermi level; F 2s and O 2s lie at -15 to -28 eV, semicore Na 2p below."""
MORE_BANDS = 1.1


def missing_bands(folder: Path, inputs: VaspInputs) -> int | None:
    """NBANDS to run VASP again with, if it has used too few; ``None`` if they were enough."""
    needed = n_basis_functions(inputs.atoms.get_chemical_symbols(), inputs.basis)
    used = n_bands(folder)
    if used is None or used >= needed:
        return None
    return math.ceil(max(needed, int(inputs.tags["NBANDS"])) * MORE_BANDS)


def write_lobsterin(folder: Path, inputs: VaspInputs) -> None:
    """Write ``lobsterin`` with the basis of the POTCARs' valence, by pymatgen's Lobsterin."""
    from pymatgen.io.lobster import Lobsterin

    functions = [" ".join((element, *orbitals)) for element, orbitals in inputs.basis.items()]
    content: dict[str, Any] = {
        "basisSet": "pbeVaspFit2015",
        "basisfunctions": functions,
        "COHPstartEnergy": COHP_WINDOW_EV[0],
        "COHPendEnergy": COHP_WINDOW_EV[1],
        "cohpGenerator": "from 0.1 to 6.0 orbitalwise",
        "saveProjectionToFile": True,
    }
    if int(inputs.tags.get("ISMEAR", 0)) != -5:
        content["gaussianSmearingWidth"] = float(inputs.tags.get("SIGMA", 0.05))
    Lobsterin(content).write_lobsterin(str(folder / INPUT))


def run_lobster(folder: Path, inputs: VaspInputs, machine: Machine) -> None:
    """Run LOBSTER on VASP's outputs, unless it has finished already, and have it analysed.

    Raises
    ------
    EngineError
        If it cannot be started or did not finish.
    """
    if has_finished(folder):
        return
    write_lobsterin(folder, inputs)
    command = command_line(machine.lobster_command, "lobster_command")
    with (folder / LOG).open("wb") as log:
        child = subprocess.Popen(
            bound_command(command),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "OMP_NUM_THREADS": str(machine.cores)},
            start_new_session=True,
        )
        try:
            code = child.wait()
        finally:
            if child.poll() is None:
                end_processes(child)
    if code != 0 or not has_finished(folder):
        text = _text(folder / OUTPUT) or _text(folder / LOG)
        said = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
        raise EngineError(
            f"{inputs.name}: LOBSTER did not finish (exit code {code})"
            + (f"; it said last: {said[:160]}" if said else "")
        )
    analyse(folder)


def has_finished(folder: Path) -> bool:
    """Whether LOBSTER has ended well here."""
    log = _log(folder)
    return log is not None and log.finished


def _log(folder: Path) -> LobsterLog | None:
    """What LOBSTER has said here; ``None`` where it has not begun, or said nothing readable."""
    try:
        return read_log(folder / OUTPUT)
    except ReaderError:
        return None


def analyse(folder: Path) -> None:
    """Have lobsterpy find the relevant bonds, into ``lobsterpy.json``; or say there why not.

    Bonds between cations and anions, or all where lobsterpy finds no cations.
    """
    content: dict[str, Any] = {"analysis": None}
    for bonds in ("cation-anion", "all"):
        try:
            content = _analysed(folder, bonds)
            break
        except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            content["reason"] = f"{type(error).__name__}: {error}"
    log = _log(folder)
    content["charge_spilling_percent"] = log.spilling.charge_percent if log and log.spilling else []
    write_atomically(folder / ANALYSIS_FILE, json.dumps(content, indent=1, default=str))


def _analysed(folder: Path, bonds: str) -> dict[str, Any]:
    from lobsterpy.cohp.analyze import Analysis
    from lobsterpy.cohp.describe import Description

    names = {
        "path_to_poscar": "POSCAR",
        "path_to_icohplist": "ICOHPLIST.lobster",
        "path_to_cohpcar": "COHPCAR.lobster",
        "path_to_charge": "CHARGE.lobster",
    }
    found = Analysis(
        **{key: str(folder / name) for key, name in names.items()},
        which_bonds=bonds,
        cutoff_icohp=0.1,
    )
    words = [str(sentence).strip() for sentence in Description(found).text]
    return {"analysis": found.condensed_bonding_analysis, "words": words}


def judge_lobster(folder: Path, result: Result, step: Step) -> None:
    """Add to a static run's result what LOBSTER has made of it.

    A projection that loses more charge than the settings allow, or did not finish, makes the
    result unconverged, with the reason.
    """
    limit = parse_settings(step.settings, step.name).keys.max_charge_spilling_percent
    log = _log(folder)
    result.files |= {
        name.partition(".")[0].lower(): name
        for name in (OUTPUT, INPUT, "ICOHPLIST.lobster", "COHPCAR.lobster", "CHARGE.lobster")
        if (folder / name).is_file()
    }
    if (folder / ANALYSIS_FILE).is_file():
        result.files["lobsterpy"] = ANALYSIS_FILE
        found = json.loads(_text(folder / ANALYSIS_FILE))
        result.bonding = found.get("words", [])
        if found["analysis"] is None:
            result.warnings.append(f"lobsterpy found nothing to analyse: {found['reason']}")
    result.warnings += log.warnings if log else ()
    if result.status != "converged":
        return
    if log is None or not log.finished:
        result.status = "truncated"
        result.reason = "VASP converged, but LOBSTER has not finished"
    else:
        verdict = judge_spilling(log.spilling or Spilling(()), limit)
        if verdict.status != "sound":
            result.status = "unconverged" if verdict.status == "high" else "failed"
            result.reason = f"LOBSTER: {verdict.reason}"
    if result.status != "converged":
        result.energy_ev = result.free_energy_ev = None


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except FileNotFoundError:
        return ""

"""LOBSTER after a static VASP run: its input, whether it had bands enough, how well it projects."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
from pathlib import Path
from typing import Any

from natriface.analysis.results import Result, write_atomically
from natriface.structures.errors import EngineError
from natriface.workflows.engines.lobster_basis import n_basis_functions
from natriface.workflows.engines.machine import Machine, command_line
from natriface.workflows.engines.vasp_custodian import end_processes
from natriface.workflows.engines.vasp_inputs import VaspInputs
from natriface.workflows.engines.vasp_restart import n_bands
from natriface.workflows.engines.vasp_settings import parse_settings
from natriface.workflows.plan import Step
from natriface.workflows.processes import bound_command

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
    return bool(re.search(r"^finished in ", _text(folder / OUTPUT), re.MULTILINE))


def charge_spilling_percent(text: str) -> list[float]:
    """Charge spilling from a ``lobsterout``, one value or, in older versions, one a spin."""
    return [float(value) for value in re.findall(r"abs\. charge spilling:\s*([\d.]+)\s*%", text)]


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
    content["charge_spilling_percent"] = charge_spilling_percent(_text(folder / OUTPUT))
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
    text = _text(folder / OUTPUT)
    spilling = charge_spilling_percent(text)
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
    result.warnings += re.findall(r"^WARNING: (.*\S)", text, re.MULTILINE)
    if result.status != "converged":
        return
    if not has_finished(folder):
        result.status = "truncated"
        result.reason = "VASP converged, but LOBSTER has not finished"
    elif not spilling:
        result.status, result.reason = "failed", f"{OUTPUT} gives no charge spilling"
    elif max(spilling) > limit:
        result.status = "unconverged"
        result.reason = (
            f"LOBSTER's basis loses {max(spilling):.2f} % of the charge (allowed: {limit:g} %); "
            "give a larger lobster_basis"
        )
    if result.status != "converged":
        result.energy_ev = result.free_energy_ev = None


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except FileNotFoundError:
        return ""

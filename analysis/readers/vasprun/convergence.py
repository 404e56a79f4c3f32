"""Whether a VASP run converged, judged from its numbers and, where it speaks, its OUTCAR."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from natriface.analysis.readers.vasprun.crystal import free_forces
from natriface.analysis.readers.vasprun.header import RESPONSES, Header, algorithm
from natriface.analysis.readers.vasprun.ionic_steps import Steps

_NO_CYCLE = ("exact", "diag", "eigenval", "subrot", *RESPONSES)
_NO_STEP = ("none", "nothing")
_RELAXING = (1, 2, 3, 44)
_NO_CHANGE_EV = 2e-6  # EDIFFG may be far below what energies are converged to


@dataclass(frozen=True)
class Said:
    """What an OUTCAR (or a vaspout.h5) says about the run; None where it says nothing.

    A STOPCAR with LSTOP ends the run after the ionic step (`stopped`), one with LABORT after the
    electronic step (`aborted`).

    VASP 5 prints "EDIFF is reached" also when it was not and NELM ended the cycle, so only a denial
    counts there. A relaxation that met its criterion is always said to have "reached required
    accuracy", so a complete OUTCAR without these words denies it.
    """

    electronic: bool | None = None
    ionic: bool | None = None
    stopped: bool = False
    aborted: bool = False


@dataclass
class Verdict:
    """Convergence and, where it was not reached, why.

    Attributes
    ----------
    electronic, ionic
        None where there is no such cycle.
    """

    electronic: bool | None = None
    ionic: bool | None = None
    max_force_ev_per_angstrom: float | None = None
    reasons: list[str] = field(default_factory=list)


def judge(header: Header, steps: Steps, said: Said, has_electrons: bool = True) -> Verdict:
    """Judge the last ionic step of a run; `has_electrons` if there are electronic steps at all."""
    verdict = Verdict()
    if len(steps) == 0:
        return verdict
    verdict.max_force_ev_per_angstrom = _largest_force(header, steps)
    if has_electrons:
        _judge_electronic(header, steps, said, verdict)
    _judge_ionic(header, steps, said, verdict)
    return verdict


def largest_force(header: Header, steps: Steps) -> float | None:
    """Largest force on a free atom in the last structure, eV/A."""
    return _largest_force(header, steps)


def _largest_force(header: Header, steps: Steps) -> float | None:
    forces, cell = steps.forces[-1], steps.cells[-1]
    if forces.size == 0 or not (np.isfinite(forces).all() and np.isfinite(cell).all()):
        return None
    return float(np.linalg.norm(free_forces(forces, cell, header.selective), axis=1).max())


def _judge_electronic(header: Header, steps: Steps, said: Said, verdict: Verdict) -> None:
    n, limit = int(steps.electronic_counts[-1]), header.setting("NELM")
    change, criterion = steps.electronic_changes_ev[-1], header.setting("EDIFF")
    method = algorithm(header)
    if method.startswith(_NO_STEP):
        if header.setting("ISTART") not in (1, 2, 3):
            verdict.electronic = False
            verdict.reasons.append(
                "ALGO = None: VASP made no electronic step (a dry run), its energy belongs to no "
                "density"
            )
        return
    if limit == 1 and method.startswith(_NO_CYCLE):
        return
    if n < 0:
        verdict.electronic = said.electronic
    if said.aborted:
        verdict.electronic = False
        verdict.reasons.append("a STOPCAR (LABORT) ended the electronic steps")
    elif said.electronic is False:
        verdict.electronic = False
        verdict.reasons.append("VASP says that the electronic steps did not reach EDIFF")
    elif n < 0:
        return
    elif limit is not None and n >= limit and said.electronic is None:
        verdict.electronic = False
        verdict.reasons.append(
            f"the electronic steps ended at NELM = {limit}, the last one changing the energy by "
            f"{_printed(change)} eV (EDIFF = {_printed(criterion)} eV)"
        )
    elif (
        criterion is not None
        and np.isfinite(change)
        and abs(change) > abs(criterion) * header.criteria_slack + 2e-8
        and not header.setting("LEPSILON")
    ):
        verdict.electronic = False
        verdict.reasons.append(
            f"the electronic steps were stopped while the energy changed by {_printed(change)} eV "
            f"(EDIFF = {_printed(criterion)} eV)"
        )
    elif limit is None:
        verdict.reasons.append(
            "NELM is unknown: whether the electronic steps converged is not known"
        )
        verdict.electronic = False
    else:
        verdict.electronic = True


def _printed(value: float | None) -> str:
    return "unknown" if value is None or not np.isfinite(value) else f"{value:.3g}"


def _judge_ionic(header: Header, steps: Steps, said: Said, verdict: Verdict) -> None:
    n, planned = len(steps), header.setting("NSW", 0)
    kind, criterion = header.setting("IBRION", -1 if planned <= 1 else 0), header.setting("EDIFFG")
    if planned <= 1:
        return
    if kind == 0 and n < planned:
        verdict.reasons.append(f"the molecular dynamics stopped after {n} of {planned} steps")
        verdict.ionic = False
        return
    if kind not in _RELAXING or criterion == 0:
        return
    if said.stopped:
        verdict.ionic = False
        verdict.reasons.append(f"a STOPCAR ended the relaxation after {n} steps")
        return
    reached, why = _criterion_met(
        steps,
        criterion,
        verdict.max_force_ev_per_angstrom,
        said,
        header.criteria_slack,
        n >= planned,
    )
    if said.ionic is not None:
        reached = said.ionic
    verdict.ionic = reached
    if not reached:
        limit = f" (NSW = {planned})" if n >= planned else ""
        verdict.reasons.append(f"the relaxation ended after {n} steps{limit} {why}")


def _criterion_met(
    steps: Steps,
    criterion: float | None,
    force: float | None,
    said: Said,
    slack: float,
    at_limit: bool,
) -> tuple[bool, str]:
    """Whether EDIFFG is met: forces below it if negative, change of energy if positive.

    With an energy criterion VASP compares minima along its search lines, not consecutive steps:
    a last change of up to 30 times the criterion (real runs show 26), or of 2e-6 eV, is compatible
    with a regular end.
    At the limit of NSW (`at_limit`), where the end proves nothing, the criterion itself counts.
    """
    if criterion is None:
        return False, "and EDIFFG is unknown"
    if criterion < 0:
        if force is None:
            return False, "and its last forces cannot be read"
        met = force <= abs(criterion) * slack
        return met, f"with a largest force of {force:.3g} eV/A (EDIFFG = {criterion:g})"
    if len(steps) < 2:
        return said.ionic is not False, "without a second step to compare with"
    change = abs(float(steps.free_energies_ev[-1] - steps.free_energies_ev[-2]))
    met = change <= (criterion if at_limit else max(30 * criterion, _NO_CHANGE_EV))
    return met, f"while the energy changed by {change:.3g} eV (EDIFFG = {criterion:g} eV)"

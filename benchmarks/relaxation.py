"""Force calls and CPU time of a relaxation by CHGNet: natriface beside those who relax with it.

python -m benchmarks.relaxation [--json] [--all] [--case NAME ...] [--rattle ANGSTROM] [--seed N]

Slabs and interfaces are those that study li2025 plans, each from the same rattled start to the same
limit of force, its cell fixed. Peers run as their manuals show: ASE's LBFGS with CHGNet's
calculator, CHGNet's `StructOptimizer` (FIRE), matcalc's `RelaxCalc` (FIRE; skipped where it is not
installed). natriface relaxes with optimizer RFO and must end with the peer's energy or a lower one;
its own LBFGS is a peer too. The ratio is of force calls to the end; ``to_energy`` counts those that
natriface took until it was as low as the peer ended.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.optimize import LBFGS

from natriface.workflows.engines.potential.calculators import make_calculator
from natriface.workflows.engines.potential.settings import PotentialSettings
from natriface.workflows.engines.relaxation import RATTLE_SEED, Relaxation
from natriface.workflows.planning import plan_study
from natriface.workflows.steps.starts import start_geometries
from natriface.workflows.study import load_study, study_path

FMAX_EV_PER_ANGSTROM = 0.02
MOST_STEPS = 1000
SAME_EV_PER_ATOM = 1e-4
SMALL = (
    "NaF|NZSP NaF slab", "Na|NZSP Na slab", "NaF|NZSP NZSP slab", "NaF|NZSP-NSF NZSP-NSF slab",
)  # fmt: skip
LARGE = ("NaF|NZSP interface", "Na|NZSP NZSP slab", "Na|NZSP interface")


@dataclass(frozen=True)
class Relaxed:
    """One relaxation: energies of its force calls in order, eV, and CPU time, s."""

    energies_ev: tuple[float, ...]
    max_force_ev_per_angstrom: float
    cpu_s: float

    @property
    def calls(self) -> int:
        return len(self.energies_ev)

    @property
    def converged(self) -> bool:
        # a force in single precision has an error of some 1e-4 eV/A
        return self.max_force_ev_per_angstrom < FMAX_EV_PER_ANGSTROM + 2e-4


@dataclass(frozen=True)
class Row:
    """natriface beside a peer on one structure; ratios are peer / natriface."""

    name: str
    peer: str
    n_atoms: int
    natriface: Relaxed
    other: Relaxed

    @property
    def lower_by_ev(self) -> float:
        """How much lower natriface ends."""
        return self.other.energies_ev[-1] - self.natriface.energies_ev[-1]

    @property
    def sound(self) -> bool:
        """Whether natriface has converged to the same energy or a lower one."""
        return self.natriface.converged and self.lower_by_ev > -SAME_EV_PER_ATOM * self.n_atoms

    def document(self) -> dict[str, Any]:
        """The row of the JSON output."""
        goal = self.other.energies_ev[-1] + SAME_EV_PER_ATOM * self.n_atoms
        reached = np.flatnonzero(np.array(self.natriface.energies_ev) <= goal)
        facts = {"name": self.name, "peer": self.peer, "n_atoms": self.n_atoms}
        for who, run in (("natriface", self.natriface), ("peer", self.other)):
            facts |= {f"{who}_calls": run.calls, f"{who}_ev": run.energies_ev[-1]}
            facts |= {f"{who}_cpu_s": run.cpu_s, f"{who}_converged": run.converged}
        return facts | {
            "lower_by_ev": self.lower_by_ev,
            "to_energy": int(reached[0]) + 1 if len(reached) else None,
            "ratio": self.other.calls / self.natriface.calls,
            "ratio_cpu": self.other.cpu_s / self.natriface.cpu_s,
        }


@cache
def planned() -> dict[str, Atoms]:
    """Structures that study li2025 relaxes, by the name of the step."""
    path = study_path("li2025")
    plan = plan_study(load_study(path), path.parent, to_run=False)
    return {step.name: atoms for step, atoms, _ in start_geometries(plan) if step.kind == "relax"}


def counting(calculator: type[Calculator], energies_ev: list[float]) -> type[Calculator]:
    """The class of a calculator, noting the energy of each force call."""

    class Counted(calculator):  # type: ignore[misc, valid-type]
        def calculate(self, *arguments: Any, **options: Any) -> None:
            super().calculate(*arguments, **options)
            energies_ev.append(float(self.results["energy"]))

    return Counted


def measured(relax: Callable[[], Atoms], energies_ev: list[float]) -> Relaxed:
    """Run, with CHGNet already loaded."""
    started = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        atoms = relax()
    spent = time.process_time() - started
    force = float(np.linalg.norm(atoms.get_forces(), axis=1).max())
    return Relaxed(tuple(energies_ev), force, spent)


def by_natriface(atoms: Atoms, optimizer: str) -> Relaxed:
    """As engine potential does it, files and all."""
    energies_ev: list[float] = []
    calculator = make_calculator("chgnet-0.3.0", {})
    calculator.reset()
    atoms.calc = calculator
    settings = PotentialSettings.model_validate(
        {"optimizer": optimizer, "fmax_ev_per_angstrom": FMAX_EV_PER_ANGSTROM}
    )

    def energy() -> float:
        energies_ev.append(float(atoms.get_potential_energy()))  # one force call a step
        return energies_ev[-1]

    def relax() -> Atoms:
        with tempfile.TemporaryDirectory() as folder:
            Relaxation(Path(folder), atoms, settings).run(energy)
        return atoms

    return measured(relax, energies_ev)


def by_peer(atoms: Atoms, peer: str) -> Relaxed:
    """As its users do it."""
    from chgnet.model.dynamics import CHGNetCalculator, StructOptimizer

    energies_ev: list[float] = []
    calculator = counting(CHGNetCalculator, energies_ev)(use_device="cpu")
    limits = {"fmax": FMAX_EV_PER_ANGSTROM, "relax_cell": False}

    def by_ase() -> Atoms:
        atoms.calc = calculator
        LBFGS(atoms, logfile=None).run(fmax=FMAX_EV_PER_ANGSTROM, steps=MOST_STEPS)
        return atoms

    def by_chgnet() -> Atoms:
        optimizer = StructOptimizer(model=calculator)
        optimizer.relax(atoms, steps=MOST_STEPS, verbose=False, assign_magmoms=False, **limits)
        return atoms

    def by_matcalc() -> Atoms:
        from matcalc import RelaxCalc

        found = RelaxCalc(calculator, max_steps=MOST_STEPS, **limits).calc(atoms)
        end = found["final_structure"].to_ase_atoms()
        end.calc = make_calculator("chgnet-0.3.0", {})
        return end

    return measured({"ASE": by_ase, "chgnet": by_chgnet, "matcalc": by_matcalc}[peer], energies_ev)


def rows_of(name: str, peers: Sequence[str], rattle_angstrom: float, seed: int) -> list[Row]:
    """natriface beside each peer, on one structure."""
    start = planned()[name].copy()
    start.rattle(rattle_angstrom, seed=seed)
    with contextlib.redirect_stdout(io.StringIO()):  # CHGNet greets
        ours = by_natriface(start.copy(), "RFO")
        others = {peer: by_peer(start.copy(), peer) for peer in peers}
        others["natriface, LBFGS"] = by_natriface(start.copy(), "LBFGS")
    return [Row(name, peer, len(start), ours, other) for peer, other in others.items()]


def run() -> None:
    """Compute and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object, no table")
    parser.add_argument("--all", action="store_true", help="larger structures too")
    parser.add_argument("--case", action="append", help="only this step; may be repeated")
    parser.add_argument("--rattle", type=float, default=0.03, help="as li2025: 0.03 A")
    parser.add_argument("--seed", type=int, default=RATTLE_SEED, help="of the rattling")
    options = parser.parse_args()
    names = options.case or [*SMALL, *(LARGE if options.all else ())]
    wrong = [name for name in names if name not in planned()]
    if wrong:
        parser.error(f"no case {wrong[0]!r}; there are: {', '.join(planned())}")
    peers = ["ASE", "chgnet", *(["matcalc"] if find_spec("matcalc") else [])]
    skipped = [] if find_spec("matcalc") else ["matcalc: it is not installed"]
    rows = [row for name in names for row in rows_of(name, peers, options.rattle, options.seed)]
    higher = [f"{row.name}, {row.peer}" for row in rows if not row.sound]
    facts = {"skipped": skipped, "higher": higher}
    if options.json:
        print(json.dumps({"rows": [row.document() for row in rows], **facts}))
    else:
        _print(rows)
        print("\n".join(f"skipped: {line}" for line in skipped))
    if higher:
        raise SystemExit(f"natriface unconverged or higher than: {'; '.join(higher)}")


def _print(rows: Sequence[Row]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(
        "structure", "atoms", "peer", "calls", "peer's", "to its energy", "ratio",
        "ratio, CPU", "lower by (eV)",
    )  # fmt: skip
    for row in rows:
        document = row.document()
        table.add_row(
            row.name, str(row.n_atoms), row.peer, str(row.natriface.calls),
            str(row.other.calls) + ("" if row.other.converged else " (not converged)"),
            str(document["to_energy"] or "-"), f"{document['ratio']:.2f}",
            f"{document['ratio_cpu']:.2f}", f"{row.lower_by_ev:+.4f}",
        )  # fmt: skip
    Console(width=150).print(table)


if __name__ == "__main__":
    run()

"""Which potentials with weights of their own are there."""

from __future__ import annotations

from collections.abc import Iterator

from natriface.structures.base.errors import UnavailableError
from natriface.workflows.engines.findings import Finding
from natriface.workflows.engines.machine import Machine
from natriface.workflows.engines.potential.families import potentials


def examine(machine: Machine) -> Iterator[Finding]:
    """Each potential: what it was trained on, what it costs, and what brings it."""
    for potential in potentials().values():
        cost = potential.cost
        what = f"potential {potential.name}"
        said = (
            f"{potential.functional}, {len(potential.elements)} elements; an atom and force call "
            f"take {cost.ms_per_atom:g} ms on one core, {cost.mb_per_atom:g} MB"
        )
        try:
            potential.weights_file(potentials().values())
        except UnavailableError as error:
            text, _, remedy = str(error).rpartition("; run: ")
            yield Finding("warning", what, f"{said}; {text}", remedy)
        else:
            yield Finding("ok", what, f"{said}; {potential.version}")

"""Potentials whose weights come with their packages: one file a family, found by being here."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

from natriface.analysis.results.deciding import MODEL_ALIASES
from natriface.workflows.engines.potential.declaration import Potential

DEFAULT = "chgnet-0.3.0"
"""The potential of a study that names none."""


@cache
def potentials() -> dict[str, Potential]:
    """Name -> potential, of the ``POTENTIALS`` of each module here."""
    modules = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))
    found = (p for stem in modules for p in import_module(f"{__name__}.{stem}").POTENTIALS)
    return {potential.name: potential for potential in found}


def potential_of(model: str) -> Potential | None:
    """The potential that a study's ``model`` names, by name or alias; ``None`` if it is none."""
    return potentials().get(MODEL_ALIASES.get(model, model))

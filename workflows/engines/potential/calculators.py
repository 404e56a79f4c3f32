"""Calculators by the name that a study's ``model`` gives.

Names
-----
``chgnet-0.3.0``, ``sevennet-l3i5``, ...
    A potential whose weights its package carries: `natriface.workflows.engines.potential.families`;
    with the option ``weights``, its network with weights of one's own.
``emt``, ``lj``, ``mace_mp``, ...
    A calculator ASE knows by this name.
``package.module:Class``
    Any class that makes an ASE calculator; one of a module of one's own is known by the checksum
    of its source. Where it has an attribute ``elements``, a list of symbols, structures with
    others are refused before anything runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator

from natriface.analysis.results.deciding import MODEL_OPTIONS
from natriface.structures.base.errors import EngineError, UncomputableError, nearest
from natriface.structures.chemistry.bonds import neighbours
from natriface.workflows.engines.potential.declaration import (
    OWN_SHA256,
    OWN_WEIGHTS,
    Cost,
    file_sha256,
)
from natriface.workflows.engines.potential.families import DEFAULT, potential_of, potentials
from natriface.workflows.engines.potential.foreign import (
    check_foreign,
    foreign_elements,
    foreign_version,
    make_foreign,
    making,
    weights_sha256,
)
from natriface.workflows.engines.potential.own_source import (
    MODEL_SOURCE,
    own_source,
    require_loaded,
    require_source,
)


def check_calculator(
    model: str,
    options: dict[str, Any],
    needs: Iterable[str] = (),
    source: str | None = None,
) -> None:
    """Refuse a calculator that is not installed or cannot do what is needed, without loading it.

    Parameters
    ----------
    needs
        Properties as ASE names them: ``forces``, ``stress``.
    source
        Checksum of a source of one's own that it was planned with.

    Raises
    ------
    UnavailableError
        If a potential's package or weights of one's own are missing, or its weights are not what
        they were.
    EngineError
        If there is no such calculator, or it does not take the options or give a property, or its
        source is another one.
    """
    potential = potential_of(model)
    if potential is not None:
        potential.check_options(options)
        if potential.own_weights(options) is None:
            potential.weights_file(potentials().values())
        else:
            potential.require_package()
    else:
        families = {name.partition("-")[0] for name in potentials()}
        if model.partition("-")[0] in families:
            hint = nearest(model, potentials())
            raise EngineError(f"there are no weights {model!r} ({hint})")
        check_foreign(model, options, needs)
    require_source(model, source)
    _check_device(model, options)


def check_atoms(model: str, atoms: Atoms) -> None:
    """Refuse a structure that the calculator knows nothing of, without loading it.

    A calculator's class may say which elements it knows: ``elements``, a list of symbols.

    Raises
    ------
    UncomputableError
        If it does not know an element, or an atom is alone and the potential needs neighbours.
    """
    known = known_elements(model)
    unknown = sorted(set(atoms.get_chemical_symbols()) - known) if known is not None else []
    if unknown:
        raise UncomputableError(
            f"model {model!r} does not know {' and '.join(unknown)}; choose another model, or an "
            "engine for all elements: gpaw or vasp"
        )
    potential = potential_of(model)
    if potential is not None and has_lone_atom(atoms, potential.cutoff_angstrom):
        raise UncomputableError(
            f"model {model!r} cannot compute an atom without neighbours within "
            f"{potential.cutoff_angstrom:g} A, which this structure has (a slab of more layers has "
            "none); engines gpaw and vasp can"
        )


def known_elements(model: str) -> frozenset[str] | None:
    """Elements that the calculator knows; ``None`` where it does not say."""
    potential = potential_of(model)
    return foreign_elements(model) if potential is None else potential.elements


def has_lone_atom(atoms: Atoms, cutoff_angstrom: float) -> bool:
    """Whether an atom has no other, and no image of its own, within the cut-off."""
    heights = 1 / np.linalg.norm(np.linalg.inv(atoms.cell.array), axis=0)
    if heights.max() < cutoff_angstrom:
        return False
    cell = atoms.cell.complete().array
    near = neighbours(
        cell,
        atoms.positions @ np.linalg.inv(cell),
        np.full(len(atoms), cutoff_angstrom / 2),
        tuple(map(bool, atoms.pbc)),
    )
    return len(np.unique(near.first)) < len(atoms)


def make_calculator(model: str, options: dict[str, Any], source: str | None = None) -> Calculator:
    """The calculator of this name; of the last few with weights one is kept, not loaded anew.

    Parameters
    ----------
    options
        Plain values, as a study gives them.
    source
        As of `check_calculator`.

    Raises
    ------
    EngineError
        If it is not installed or does not take these options, or its source was changed since this
        process loaded it.
    """
    check_calculator(model, options, source=source)
    if potential_of(model) is None:
        require_loaded(model)
    weights = weights_of(model, options)
    if weights is None:
        return make_foreign(model, options)
    return _kept(model, json.dumps(options, sort_keys=True), weights)


@lru_cache(maxsize=4)
def _kept(model: str, options: str, weights: str) -> Calculator:
    potential = potential_of(model)
    if potential is None:
        return make_foreign(model, json.loads(options))
    given = json.loads(options)
    own = potential.own_weights(given)
    given = {key: value for key, value in given.items() if key not in (OWN_WEIGHTS, OWN_SHA256)}
    if own is None:
        return potential.load(potential.weights_file(), **given)
    with making(model, json.loads(options)):
        return potential.load(own, **given)


def weights_of(model: str, options: dict[str, Any]) -> str | None:
    """SHA-256 of the weights it computes with, of each file; ``None`` where no file is named."""
    potential = potential_of(model)
    if potential is None:
        return weights_sha256(options)
    own = potential.own_weights(options)
    return potential.sha256 if own is None else file_sha256(own)


def pinned(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with the checksum of the weights or source of one's own that they name, if any.

    Raises
    ------
    EngineError
        If these cannot be read.
    """
    model = settings.get("model", DEFAULT)
    potential = potential_of(model)
    options = settings.get(MODEL_OPTIONS)
    if potential is None and isinstance(model, str) and MODEL_SOURCE not in settings:
        source = own_source(model)
        return {**settings} if source is None else {**settings, MODEL_SOURCE: source}
    if potential is None or not isinstance(options, Mapping) or OWN_SHA256 in options:
        return dict(settings)
    own = potential.own_weights(options)
    if own is None:
        return dict(settings)
    return {**settings, MODEL_OPTIONS: {**options, OWN_SHA256: file_sha256(own)}}


def calculator_version(
    model: str, calculator: Calculator | None = None, source: str | None = None
) -> str:
    """Version of the package the calculator comes from, with the source of one of one's own.

    Parameters
    ----------
    calculator
        What `make_calculator` has made, whose class tells more than a function that made it.
    source
        Its checksum where a step was planned with it.
    """
    potential = potential_of(model)
    return potential.version if potential else foreign_version(model, calculator, source)


def cost_of(model: str) -> tuple[Cost, str]:
    """Cost of a force call, and the potential it was measured with: the default for others."""
    potential = potential_of(model) or potentials()[DEFAULT]
    return potential.cost, potential.name


def _check_device(model: str, options: dict[str, Any]) -> None:
    """Refuse a device that the installed torch is not built for; the GPU may be another node's."""
    device = options.get("device", "cpu")
    kind = str(device).partition(":")[0]
    if kind not in ("cuda", "mps") or find_spec("torch") is None:
        return
    import torch

    if not getattr(torch.backends, kind).is_built():
        raise EngineError(
            f"model {model!r} is to run on {device}, but the torch installed here "
            f"({torch.__version__}) is not built for it; install one that is, or set device: cpu"
        )

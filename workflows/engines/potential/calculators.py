"""ASE calculators by name: the embedded potential, and any other that is installed.

Names
-----
``chgnet-0.3.0``, ``chgnet-r2scan``
    CHGNet with the weights its wheel carries (Deng et al., Nat. Mach. Intell. 5, 1031 (2023)).
``emt``, ``lj``, ``mace_mp``, ...
    A calculator ASE knows by this name.
``package.module:Class``
    Any class that makes an ASE calculator; where it has an attribute ``elements``, a list of
    symbols, structures with others are refused before anything runs.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes, get_calculator_class
from ase.data import chemical_symbols
from ase.neighborlist import neighbor_list
from ase.units import GPa

from natriface.structures.base.errors import EngineError, UnavailableError, nearest

CHGNET_PREFIX = "chgnet"
CHGNET_CUTOFF_ANGSTROM = 6.0
"""Atoms farther apart are not neighbours; CHGNet refuses an atom that has none."""

CHGNET_UNTRAINED = frozenset({"Po", "At", "Rn", "Fr", "Ra"})
"""Elements up to plutonium that its training set (MPtrj, 89 elements) does not hold."""

_IMPORT_ERRORS = (ImportError, AttributeError, ValueError, TypeError, SyntaxError, NameError)
"""What comes of a module that is not there, or is no sound Python."""


class CHGNetPotential(Calculator):  # type: ignore[misc]
    """CHGNet as an ASE calculator that computes the stress only when it is asked for.

    Leaving the stress out halves the cost of a force call on a slab and its peak memory, which
    is why CHGNet's own calculator, which always computes it, is not used.
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "forces", "stress"]

    def __init__(self, weights: str = "0.3.0", device: str = "cpu") -> None:
        from chgnet.model import CHGNet

        super().__init__()
        self.device = device
        self.model = CHGNet.load(model_name=weights, use_device=device, verbose=False)
        self.model.graph_converter.set_isolated_atom_response("error")

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] | None = None,
    ) -> None:
        """Energy and forces in one evaluation; stress too if `properties` names it."""
        from pymatgen.core import Structure

        super().calculate(atoms, properties or ["energy"], system_changes or all_changes)
        crystal = self.atoms
        structure = Structure(
            crystal.cell.array, crystal.get_chemical_symbols(), crystal.get_scaled_positions()
        )
        wants_stress = properties is not None and "stress" in properties
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            graph = self.model.graph_converter(structure)
            prediction = self.model.predict_graph(
                graph.to(self.device), task="efs" if wants_stress else "ef"
            )
        factor = len(crystal) if self.model.is_intensive else 1
        energy = float(prediction["e"]) * factor
        self.results = {"energy": energy, "free_energy": energy, "forces": prediction["f"]}
        if wants_stress:
            stress = prediction["s"] * GPa
            self.results["stress"] = stress.reshape(9)[[0, 4, 8, 5, 2, 1]]


@lru_cache(maxsize=4)
def _shared_chgnet(weights: str, device: str) -> CHGNetPotential:
    return CHGNetPotential(weights, device)


def check_calculator(model: str, options: dict[str, Any], needs: Iterable[str] = ()) -> None:
    """Refuse a calculator that is not installed or cannot do what is needed, without loading it.

    Parameters
    ----------
    needs
        Properties as ASE names them: ``forces``, ``stress``.

    Raises
    ------
    UnavailableError
        If a package of CHGNet's is missing.
    EngineError
        If there is no such calculator, or it does not take the options or give a property.
    """
    if _is_chgnet(model):
        _check_chgnet(model, options)
        return
    made = _calculator_class(model)
    _check_files(model, options)
    _check_device(model, options)
    try:
        inspect.signature(made).bind(**options)
    except ValueError:  # a class that does not tell its options
        pass
    except TypeError as error:
        raise EngineError(f"model {model!r} does not take these options: {error}") from None
    given = getattr(made, "implemented_properties", None)
    for wanted in needs:
        if isinstance(given, list | tuple) and given and wanted not in given:
            raise EngineError(
                f"model {model!r} gives no {wanted}, only {', '.join(given)}; choose another model"
            )


def check_atoms(model: str, atoms: Atoms) -> None:
    """Refuse a structure that the calculator knows nothing of, without loading it.

    A calculator's class may say which elements it knows: ``elements``, a list of symbols.

    Raises
    ------
    EngineError
        If it does not know an element, or an atom is alone and the potential needs neighbours.
    """
    known = known_elements(model)
    unknown = sorted(set(atoms.get_chemical_symbols()) - known) if known is not None else []
    if unknown:
        raise EngineError(
            f"model {model!r} does not know {' and '.join(unknown)}; choose another model, or an "
            "engine for all elements: gpaw or vasp"
        )
    if _is_chgnet(model) and _has_lone_atom(atoms):
        raise EngineError(
            f"model {model!r} cannot compute an atom without neighbours within "
            f"{CHGNET_CUTOFF_ANGSTROM:g} A, which this structure has; engines gpaw and vasp can"
        )


def known_elements(model: str) -> frozenset[str] | None:
    """Elements that the calculator knows; ``None`` where it does not say."""
    if _is_chgnet(model):
        return frozenset(chemical_symbols[1:95]) - CHGNET_UNTRAINED
    made = _calculator_class(model)
    if made is get_calculator_class("emt"):
        from ase.calculators.emt import parameters

        return frozenset(parameters)
    declared = getattr(made, "elements", None)
    if isinstance(declared, list | tuple | set | frozenset):
        return frozenset(map(str, declared))
    return None


def _is_chgnet(model: str) -> bool:
    return model == CHGNET_PREFIX or model.startswith(f"{CHGNET_PREFIX}-")


def _weights(model: str) -> str:
    return model.removeprefix(CHGNET_PREFIX).removeprefix("-") or "0.3.0"


def _check_chgnet(model: str, options: dict[str, Any]) -> None:
    for package in ("torch", "chgnet"):
        if find_spec(package) is None:
            raise UnavailableError(
                f"model {model!r} needs {package}, which is not installed; "
                "run: pip install 'natriface[potential]'"
            )
    spec = find_spec("chgnet")
    folders = [Path(p) / "pretrained" for p in (spec and spec.submodule_search_locations) or ()]
    carried = {entry.name for folder in folders if folder.is_dir() for entry in folder.iterdir()}
    if carried and _weights(model) not in carried:
        names = [f"{CHGNET_PREFIX}-{name}" for name in carried]
        raise EngineError(f"CHGNet has no weights {model!r} ({nearest(model, names)})")
    unknown = set(options) - {"device"}
    if unknown:
        raise EngineError(f"model {model!r} has no option {sorted(unknown)}; it has: device")
    _check_device(model, options)


def _check_device(model: str, options: dict[str, Any]) -> None:
    """Refuse a device that the installed torch is not built for; the GPU may be another node's."""
    device = options.get("device", "cpu")
    if _is_chgnet(model) and not re.fullmatch(r"cpu|mps|cuda(:\d+)?", str(device)):
        raise EngineError(f"model {model!r} has no device {device!r:.40}; known: cpu, cuda, mps")
    kind = str(device).partition(":")[0]
    if kind not in ("cuda", "mps") or find_spec("torch") is None:
        return
    import torch

    if not getattr(torch.backends, kind).is_built():
        raise EngineError(
            f"model {model!r} is to run on {device}, but the torch installed here "
            f"({torch.__version__}) is not built for it; install one that is, or set device: cpu"
        )


def _check_files(model: str, options: dict[str, Any]) -> None:
    for name, value in options.items():
        if not isinstance(value, str):
            continue
        path = Path(value).expanduser()
        if path.is_absolute() and not path.exists():
            raise EngineError(f"model {model!r}: {name} names {value}, which is not there")


def _has_lone_atom(atoms: Atoms) -> bool:
    """Whether an atom has no other, and no image of its own, within CHGNet's reach."""
    heights = 1 / np.linalg.norm(np.linalg.inv(atoms.cell.array), axis=0)
    if heights.max() < CHGNET_CUTOFF_ANGSTROM:
        return False
    first = neighbor_list("i", atoms, CHGNET_CUTOFF_ANGSTROM)
    return len(np.unique(first)) < len(atoms)


def make_calculator(model: str, options: dict[str, Any]) -> Calculator:
    """The calculator of this name; CHGNet's weights are loaded once per process.

    Raises
    ------
    EngineError
        If it is not installed or does not take these options.
    """
    check_calculator(model, options)
    if _is_chgnet(model):
        return _shared_chgnet(_weights(model), options.get("device", "cpu"))
    try:
        return _calculator_class(model)(**options)
    except TypeError as error:
        raise EngineError(f"model {model!r} does not take these options: {error}") from None


def calculator_version(model: str) -> str:
    """Version of the package the calculator comes from."""
    if _is_chgnet(model):
        return f"chgnet {metadata.version('chgnet')}"
    package = _calculator_class(model).__module__.split(".")[0]
    # mace comes with mace-torch
    for distribution in (package, *metadata.packages_distributions().get(package, ())):
        with suppress(metadata.PackageNotFoundError):
            return f"{distribution} {metadata.version(distribution)}"
    return f"{package} (version unknown)"


def _calculator_class(model: str) -> Any:
    try:
        if ":" in model:
            module, _, name = model.partition(":")
            found = getattr(import_module(module), name)
        else:
            found = get_calculator_class(model)
        if callable(found):
            return found
        raise AttributeError(f"{model!r} makes no calculator")
    except _IMPORT_ERRORS as error:
        raise EngineError(
            f"no calculator {model!r} here ({error}); known are 'chgnet-0.3.0', the names ASE "
            "knows ('emt', 'mace_mp', ...) and 'package.module:Class'"
        ) from None

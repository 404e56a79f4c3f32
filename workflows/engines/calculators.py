"""ASE calculators by name: the embedded potential, and any other that is installed.

Names
-----
``chgnet-0.3.0``, ``chgnet-r2scan``
    CHGNet with the weights its wheel carries (Deng et al., Nat. Mach. Intell. 5, 1031 (2023)).
``emt``, ``lj``, ``mace_mp``, ...
    A calculator ASE knows by this name.
``package.module:Class``
    Any class that makes an ASE calculator.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import Any, ClassVar

from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes, get_calculator_class
from ase.units import GPa

from natriface.structures.errors import EngineError

CHGNET_PREFIX = "chgnet"


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


def check_calculator(model: str, options: dict[str, Any]) -> None:
    """Refuse a calculator that is not installed, without loading it.

    Raises
    ------
    EngineError
        If the package behind `model` is missing or has no such calculator.
    """
    if model.startswith(CHGNET_PREFIX):
        for package in ("torch", "chgnet"):
            if find_spec(package) is None:
                raise EngineError(
                    f"model {model!r} needs {package}, which is not installed; "
                    "run: pip install 'natriface[potential]'"
                )
        unknown = set(options) - {"device"}
        if unknown:
            raise EngineError(f"model {model!r} has no option {sorted(unknown)}; it has: device")
    else:
        _calculator_class(model)


def make_calculator(model: str, options: dict[str, Any]) -> Calculator:
    """The calculator of this name; CHGNet's weights are loaded once per process.

    Raises
    ------
    EngineError
        If it is not installed or does not take these options.
    """
    check_calculator(model, options)
    if model.startswith(CHGNET_PREFIX):
        weights = model.removeprefix(CHGNET_PREFIX).removeprefix("-") or "0.3.0"
        return _shared_chgnet(weights, options.get("device", "cpu"))
    try:
        return _calculator_class(model)(**options)
    except TypeError as error:
        raise EngineError(f"model {model!r} does not take these options: {error}") from None


def calculator_version(model: str) -> str:
    """Version of the package the calculator comes from."""
    if model.startswith(CHGNET_PREFIX):
        return f"chgnet {metadata.version('chgnet')}"
    package = _calculator_class(model).__module__.split(".")[0]
    try:
        return f"{package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return f"{package} (version unknown)"


def _calculator_class(model: str) -> Any:
    try:
        if ":" in model:
            module, _, name = model.partition(":")
            return getattr(import_module(module), name)
        return get_calculator_class(model)
    except (ImportError, AttributeError) as error:
        raise EngineError(
            f"no calculator {model!r} here ({error}); known are 'chgnet-0.3.0', the names ASE "
            "knows ('emt', 'mace_mp', ...) and 'package.module:Class'"
        ) from None

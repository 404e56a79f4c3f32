"""CHGNet: Deng et al., Nat. Mach. Intell. 5, 1031 (2023)."""

from __future__ import annotations

import warnings
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.units import GPa

from natriface.workflows.engines.potential.declaration import MPTRJ_ELEMENTS, Cost, Potential

ENERGY_SHARE = 0.4
"""Of the time of a force call, for an energy alone: no gradients are kept."""


class CHGNetPotential(Calculator):  # type: ignore[misc]
    """CHGNet as an ASE calculator that computes the stress only when it is asked for.

    Leaving the stress out halves the cost of a force call on a slab and its peak memory, which
    is why CHGNet's own calculator, which always computes it, is not used.

    Parameters
    ----------
    weights
        The file in CHGNet's package, in a folder of the name that CHGNet knows it by, or a
        checkpoint of its trainer.
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "forces", "stress"]

    def __init__(self, weights: Path, device: str = "cpu") -> None:
        import chgnet
        from chgnet.model import CHGNet

        super().__init__()
        self.device = device
        if Path(chgnet.__file__).parent in weights.parents:
            name = weights.parent.name
            self.model = CHGNet.load(model_name=name, use_device=device, verbose=False)
        else:
            self.model = CHGNet.from_file(str(weights)).to(device)
        self.model.graph_converter.set_isolated_atom_response("error")

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] | None = None,
    ) -> None:
        """Energy and forces in one evaluation; stress too if `properties` names it."""
        super().calculate(atoms, properties or ["energy"], system_changes or all_changes)
        wants_stress = properties is not None and "stress" in properties
        prediction = self._predict(self.atoms, "efs" if wants_stress else "ef")
        energy = prediction["e"]
        self.results = {"energy": energy, "free_energy": energy, "forces": prediction["f"]}
        if wants_stress:
            stress = prediction["s"] * GPa
            self.results["stress"] = stress.reshape(9)[[0, 4, 8, 5, 2, 1]]

    def energy_alone(self, atoms: Atoms) -> float:
        """Energy, eV, at `ENERGY_SHARE` of the cost of one with forces."""
        import torch

        with torch.no_grad():
            energy: float = self._predict(atoms, "e")["e"]
        return energy

    def _predict(self, atoms: Atoms, task: str) -> dict[str, Any]:
        """CHGNet's prediction, its energy ``e`` in eV of the whole."""
        from pymatgen.core import Structure

        structure = Structure(
            atoms.cell.array, atoms.get_chemical_symbols(), atoms.get_scaled_positions()
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            graph = self.model.graph_converter(structure).to(self.device)
            found: dict[str, Any] = self.model.predict_graph(graph, task=task)
        found["e"] = float(found["e"]) * (len(atoms) if self.model.is_intensive else 1)
        return found


_chgnet = partial(
    Potential,
    family="CHGNet",
    elements=MPTRJ_ELEMENTS,
    cutoff_angstrom=6.0,
    package="chgnet",
    extra="potential",
    load=CHGNetPotential,
    licence="BSD-3-Clause",
    devices=("cpu", "cuda", "mps"),
)

POTENTIALS = (
    _chgnet(
        name="chgnet-0.3.0",
        functional="PBE+U",
        weights="pretrained/0.3.0/chgnet_0.3.0_e29f68s314m37.pth.tar",
        sha256="d14ab7c0f093efe64b60a7bcd540bca10e74fb7f46c86108a079af60524659d1",
        cost=Cost(3.8, 400, 6.5, ENERGY_SHARE),
        citation="Deng et al., Nat. Mach. Intell. 5, 1031 (2023)",
    ),
    _chgnet(
        name="chgnet-0.2.0",
        functional="PBE+U",
        cutoff_angstrom=5.0,
        weights="pretrained/0.2.0/chgnet_0.2.0_e30f77s348m32.pth.tar",
        sha256="ef624f78b6db9d315b4ef256f1bb3207449924191b91720dc17d3f60c5df980e",
        cost=Cost(2.6, 390, 4.5, ENERGY_SHARE),
        citation="Deng et al., Nat. Mach. Intell. 5, 1031 (2023)",
    ),
    _chgnet(
        name="chgnet-r2scan",
        functional="r2SCAN",
        weights="pretrained/r2scan/chgnet_r2scan_transfer_learning_e15f36s161m23.pth.tar",
        sha256="8eba3db0f35a2788bb3ae22885ad340591e27996f213c6643af522a633b50dad",
        cost=Cost(3.8, 400, 6.5, ENERGY_SHARE),
        citation="Huang et al., npj Comput. Mater. (2025), doi:10.1038/s41524-025-01796-y",
    ),
)

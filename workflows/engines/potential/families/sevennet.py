"""SevenNet: Park et al., J. Chem. Theory Comput. 20, 4857 (2024)."""

from __future__ import annotations

import warnings
from functools import partial
from pathlib import Path

from ase.calculators.calculator import Calculator

from natriface.workflows.engines.potential.declaration import MPTRJ_ELEMENTS, Cost, Potential


def load(weights: Path, device: str = "cpu", modal: str | None = None) -> Calculator:
    """SevenNet's own calculator, of a file, so that it fetches nothing.

    Parameters
    ----------
    modal
        Which of the functionals that the potential was trained on together.
    """
    from sevenn.calculator import SevenNetCalculator

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that accelerators for a GPU are not in use
        return SevenNetCalculator(str(weights), device=device, modal=modal)


_sevennet = partial(
    Potential,
    family="SevenNet",
    functional="PBE+U",
    elements=MPTRJ_ELEMENTS,
    cutoff_angstrom=5.0,
    package="sevenn",
    extra="sevennet",
    load=load,
    licence="MIT",
    citation="Park et al., J. Chem. Theory Comput. 20, 4857 (2024)",
)

POTENTIALS = (
    _sevennet(
        name="sevennet-0",
        weights="pretrained_potentials/SevenNet_0__11Jul2024/checkpoint_sevennet_0.pth",
        sha256="7052cb42b7b3be42b40b97fa0d21077a48c54b5548948fc4dcf346629f813c36",
        cost=Cost(20, 600, 4.8),
    ),
    _sevennet(
        name="sevennet-mf-0",
        functional="PBE+U or r2SCAN, by modal",
        weights="pretrained_potentials/SevenNet_MF_0/checkpoint_sevennet_mf_0.pth",
        sha256="81791329b37d445f46b531578c182c41792d98c7814222c9e5dde276402225fd",
        choices={"modal": ("PBE", "R2SCAN")},
        cost=Cost(23, 600, 5),
        citation="Kim et al., J. Am. Chem. Soc. (2025), doi:10.1021/jacs.4c14455",
    ),
    _sevennet(
        name="sevennet-l3i5",
        weights="pretrained_potentials/SevenNet_l3i5/checkpoint_l3i5.pth",
        sha256="a7ff190d41efe5b8317a03d20a468e4036a1a3e64e0b14fdbab64ac3f4bfc09d",
        cost=Cost(53, 610, 11),
    ),
)

"""Where the package of an extra is absent, one sentence says how to install it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

from natriface.analysis.readers.vasprun.vaspout import Vaspout
from natriface.analysis.transport.diffusion import diffusivity, mean_squared_displacement
from natriface.structures.base.errors import NatrifaceError
from natriface.structures.crystals.phases import load_phase
from natriface.structures.surfaces.supercells import accelerate
from natriface.workflows.engines.gpaw.datasets import require_gpaw
from natriface.workflows.engines.potential.calculators import check_calculator
from natriface.workflows.engines.pyscf_bonding import project


def walked() -> object:
    """A diffusivity of a walk whose hops are short."""
    path = np.random.default_rng(1).normal(0, 1, (50, 10, 3)).cumsum(axis=0)
    return diffusivity(mean_squared_displacement([path], 1.0), 1.0)


NEEDED: dict[str, tuple[str, Callable[[], object]]] = {
    "diffusion": ("kinisi.diffusion", walked),
    "gpaw": ("gpaw", require_gpaw),
    "hdf5": ("h5py", lambda: Vaspout(Path("vaspout.h5"))),
    "mp": ("mp_api.client", lambda: load_phase("mp-682")),
    "potential": ("chgnet", lambda: check_calculator("chgnet-0.3.0", {})),
    "sevennet": ("sevenn", lambda: check_calculator("sevennet-0", {})),
    "pyscf": ("pyscf", lambda: project(bulk("C"), (1, 1, 1))),
}
"""Extra -> the package that is hidden, and what asks for it."""


@pytest.mark.parametrize("extra", NEEDED)
def test_a_missing_extra_is_named(extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    package, ask = NEEDED[extra]
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(NatrifaceError, match=rf"pip install 'natriface\[{extra}\]'") as error:
        ask()
    assert "\n" not in str(error.value)


def test_without_numba_the_search_is_the_slower_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.setattr("natriface.structures.surfaces.supercells._compiled", lambda: None)
    assert accelerate() is False

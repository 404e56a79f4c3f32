"""GPAW's keywords by what the cell holds, and what `plan` says of steps."""

from __future__ import annotations

from typing import Any

import pytest
from ase.build import bulk

from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import EngineError
from natriface.workflows.engines.gpaw.engine import GpawEngine
from natriface.workflows.engines.gpaw.parameters import doubts, gpaw_parameters, spin_polarized
from natriface.workflows.engines.gpaw.settings import GpawSettings
from natriface.workflows.plan import Step

NIO = bulk("NiO", "rocksalt", a=4.18)
NAF = bulk("NaF", "rocksalt", a=4.63)


def test_spin_and_moments_follow_the_cell() -> None:
    auto = GpawSettings(magnetism="auto")
    assert gpaw_parameters(auto, NIO)["magmoms"] == [5.0, 0.6]
    assert gpaw_parameters(auto, NIO)["spinpol"] is True
    assert "spinpol" not in gpaw_parameters(auto, NAF)
    assert spin_polarized(GpawSettings(spin_polarized=True), NAF)
    assert not spin_polarized(GpawSettings(), NIO)


def test_u_is_asked_of_the_elements_of_the_cell() -> None:
    settings = GpawSettings(hubbard_u_ev={"Ni": 6.2}, paw_setups={"Na": "1"})
    assert gpaw_parameters(settings, NIO)["setups"] == {"default": "paw", "Ni": "paw:d,6.2"}
    assert gpaw_parameters(settings, NAF)["setups"] == {"default": "paw", "Na": "1"}


@pytest.mark.parametrize("element", ["Na", "Xx"])
def test_a_u_of_no_shell_is_refused_before_anything_runs(element: str) -> None:
    asked = step("salt", NAF, hubbard_u_ev={element: 3.0})
    with pytest.raises(EngineError, match=f"salt: hubbard_u_ev: {element} has no d or f shell"):
        GpawEngine().check(asked)


@pytest.mark.gpaw
def test_gpaw_reads_the_u_as_it_is_meant() -> None:
    from ase.units import Ha

    hubbard = pytest.importorskip("gpaw.hubbard")
    kind, terms = hubbard.parse_hubbard_string("paw:d,6.2")
    assert (kind, terms.l) == ("paw", [2])
    assert [u * Ha for u in terms.U] == pytest.approx([6.2])


@pytest.mark.parametrize("repeats", [1, 2])
def test_the_criterion_of_the_energy_grows_with_the_cell(repeats: int) -> None:
    cell = NAF.repeat((repeats, 1, 1))
    settings = GpawSettings(energy_convergence_ev_per_atom=1e-6)
    found = gpaw_parameters(settings, cell)["convergence"]["energy"]["tol"]
    assert found == pytest.approx(1e-6 * len(cell))


def step(name: str, atoms: Any, **settings: Any) -> Step:
    return Step(
        name=name, kind="static", engine="gpaw", protocol="test", settings=settings,
        n_atoms=len(atoms), structure=to_document(atoms),
    )  # fmt: skip


def test_plan_names_the_first_step_and_how_many_more() -> None:
    steps = [step("salt", NAF), step("one", NIO), step("two", NIO)]
    assert [text.split(":")[0] for text in doubts(steps)] == ["one and 1 more"] * 2
    cured = [step("one", NIO, magnetism="auto", hubbard_u_ev={"Ni": 6.2})]
    assert doubts(cured) == []

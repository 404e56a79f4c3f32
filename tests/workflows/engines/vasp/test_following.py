"""Keys that decide INCAR tags by what the cell holds; protocols give way, studies contradict."""

from __future__ import annotations

from typing import Any

import pytest
from ase import Atoms
from ase.build import bulk

from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import EngineError
from natriface.workflows.engines.machine import Machine
from natriface.workflows.engines.vasp.input_texts import incar_text
from natriface.workflows.engines.vasp.inputs import VaspInputs, vasp_inputs
from natriface.workflows.plan import Step
from natriface.workflows.protocols import load_protocol

NACL = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
VANADIUM_OXIDE = bulk("VO", "rocksalt", a=4.1, cubic=True)


def inputs(atoms: Atoms, **own: Any) -> VaspInputs:
    """Of a single point of protocol li2025, with what a study sets."""
    choices = load_protocol("li2025").choices("vasp", "static")
    step = Step(
        name="cell", kind="static", engine="vasp", protocol="li2025", n_atoms=len(atoms),
        settings={k: c.value for k, c in choices.items()} | own,
        sources={k: c.source for k, c in choices.items() if k not in own},
        structure=to_document(atoms),
    )  # fmt: skip
    return vasp_inputs(step, atoms, Machine())


def test_without_the_keys_nothing_changes() -> None:
    tags = inputs(VANADIUM_OXIDE).tags
    assert tags["ISPIN"] == 1
    assert tags["EDIFF"] == 1e-5
    assert not {"IVDW", "MAGMOM", "LDAU", "LMAXMIX"} & tags.keys()


@pytest.mark.parametrize(("method", "number"), [("d3", 11), ("d3bj", 12), ("d4", 13)])
def test_dispersion_is_ivdw(method: str, number: int) -> None:
    made = inputs(NACL, dispersion=method)
    assert made.tags["IVDW"] == number
    assert made.sources["IVDW"] == f"dispersion: {method}"
    assert any("VASP 6.2" in text for text in made.warnings) == (method == "d4")


def test_spin_follows_the_cell() -> None:
    assert inputs(NACL, magnetism="auto").tags["ISPIN"] == 1
    made = inputs(VANADIUM_OXIDE, magnetism="auto")
    assert made.tags["ISPIN"] == 2
    by_element = dict(zip(made.atoms.get_chemical_symbols(), made.tags["MAGMOM"], strict=True))
    assert by_element == {"V": 5.0, "O": 0.6}
    assert "spin-polarised: open d or f shells of V" in made.notes
    hole = NACL.copy()
    del hole[0]
    assert inputs(hole, magnetism="auto").tags["ISPIN"] == 2
    assert inputs(hole, magnetism="auto", charge_e=-1.0).tags["ISPIN"] == 1


def test_an_incar_without_spin_says_where_that_is_wrong() -> None:
    hole = NACL.copy()
    del hole[0]
    text = incar_text(inputs(hole))
    assert "# warning: an odd number of electrons in no metal, and no spin; set magnetism" in text
    assert "half the cost; not so here: an odd number of electrons\nISPIN = 1" in text
    for told in (
        inputs(NACL),
        inputs(hole, magnetism="auto"),
        inputs(hole, ISPIN=2, MAGMOM={"Cl": 0.6}),
    ):
        assert "not so here" not in incar_text(told)
        assert "warning:" not in incar_text(told)


def test_u_is_written_for_the_species_of_the_cell() -> None:
    tags = inputs(VANADIUM_OXIDE, hubbard_u_ev={"V": 3.25, "Ni": 6.2}).tags
    assert (tags["LDAUL"], tags["LDAUU"], tags["LDAUJ"]) == ([2, -1], [3.25, 0.0], [0.0, 0.0])
    assert tags["LMAXMIX"] == 4
    assert "LDAU" not in inputs(NACL, hubbard_u_ev={"V": 3.25}).tags
    assert inputs(bulk("CeO", "rocksalt", a=5), hubbard_u_ev={"Ce": 4}).tags["LMAXMIX"] == 6


@pytest.mark.parametrize("repeats", [1, 2, 3])
def test_the_electronic_criterion_grows_with_the_cell(repeats: int) -> None:
    cell = NACL.repeat((repeats, 1, 1))
    made = inputs(cell, energy_convergence_ev_per_atom=1e-7)
    assert made.tags["EDIFF"] == pytest.approx(1e-7 * len(cell))
    assert made.sources["EDIFF"] == f"1e-07 eV for each of {len(cell)} atoms"


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"dispersion": "d3", "IVDW": 12}, "dispersion and IVDW are both set"),
        ({"magnetism": "auto", "ISPIN": 2}, "magnetism and ISPIN are both set"),
        ({"hubbard_u_ev": {"V": 3}, "LDAU": True, "LDAUU": {"V": 3}}, "and LDAU are both set"),
        ({"energy_convergence_ev_per_atom": 1e-7, "EDIFF": 1e-6}, "and EDIFF are both set"),
        ({"hubbard_u_ev": {"O": 3}}, "O has no d or f shell"),
        ({"hubbard_u_ev": {"Vv": 3}}, "Vv"),
        ({"dispersion": "d5"}, "'dispersion' of engine vasp"),
    ],
)
def test_contradictions_are_refused(own: dict[str, Any], message: str) -> None:
    with pytest.raises(EngineError, match=message):
        inputs(VANADIUM_OXIDE, **own)


def test_what_an_expert_would_ask_is_a_warning() -> None:
    said = " ".join(inputs(VANADIUM_OXIDE).warnings)
    assert "no spin; set magnetism: auto for every kind of step" in said
    assert "settings: {all: {magnetism: auto}}" in said
    assert "hubbard_u_ev: {V: 3.25}" in said
    assert inputs(VANADIUM_OXIDE, magnetism="auto", hubbard_u_ev={"V": 3.25}).warnings == []

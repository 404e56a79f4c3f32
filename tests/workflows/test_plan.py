"""Steps and plans are data: equal content, equal id; parents before children."""

from __future__ import annotations

import itertools

import pytest
from ase.build import bulk
from hypothesis import given
from hypothesis import strategies as st

from natriface.structures.base.atoms import to_document
from natriface.structures.base.errors import StudyError
from natriface.workflows.plan import Plan, Step, StructureFrom


def make_step(name: str = "relax NaCl", a: float = 5.64, parent: Step | None = None) -> Step:
    atoms = bulk("NaCl", "rocksalt", a=a)
    source = (
        {"structure_from": StructureFrom(step=parent.id)}
        if parent
        else {"structure": to_document(atoms)}
    )
    return Step(
        name=name,
        kind="relax",
        engine="potential",
        protocol="li2025",
        settings={"fmax_ev_per_angstrom": 0.02},
        n_atoms=2,
        **source,
    )


def test_id_ignores_name_and_metadata() -> None:
    step = make_step()
    assert step.id == make_step(name="other").id
    assert step.id == step.model_copy(update={"metadata": {"role": "slab"}}).id


def test_id_survives_json() -> None:
    step = make_step()
    assert Step.model_validate_json(step.model_dump_json()).id == step.id


@given(st.floats(5.0, 6.0), st.floats(5.0, 6.0))
def test_id_tells_different_structures_apart(a: float, b: float) -> None:
    """The primitive cell holds half the lattice constant, of which five decimals count."""
    assert (make_step(a=a).id == make_step(a=b).id) == (round(a / 2, 5) == round(b / 2, 5))


def test_equal_steps_are_kept_once_in_any_order() -> None:
    first = make_step()
    second = make_step(name="child", parent=first)
    third = make_step(name="grandchild", a=5.7, parent=second)
    for order in itertools.permutations([first, second, third, make_step(name="again")]):
        plan = Plan.of("study", order)
        assert [step.id for step in plan.walk()] == [first.id, second.id, third.id]


def test_missing_parent_is_refused() -> None:
    first = make_step()
    with pytest.raises(StudyError, match="not planned"):
        Plan.of("study", [make_step(name="child", parent=first)])


def test_step_needs_one_structure() -> None:
    with pytest.raises(ValueError, match="either a structure or a step"):
        Step(name="x", kind="relax", engine="potential", protocol="p", settings={}, n_atoms=1)

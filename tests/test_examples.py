"""The examples in docstrings of what the rooms show: each prints what it says."""

from __future__ import annotations

import doctest
from collections.abc import Iterator
from importlib import import_module
from types import FunctionType
from typing import Any

import pytest

ROOMS = ("structures", "analysis", "workflows")
EVERYDAY = {
    "load_phase", "find_terminations", "build_slab", "find_matches", "build_interface", "dope",
    "vacancy_hops", "hop_endpoints", "make_images", "load_published", "judge", "load_study",
    "plan_study", "read_lobster_folder", "read_pdos", "read_band", "read_vasp_folder",
    "like_curves", "cohp_panels", "pdos_stack", "energy_profile", "interface_energy_bars",
    "save_figure", "band_center", "ProjectedDOS.select", "summarise",
    "interfacial_formation_energy", "arrhenius", "sand_time", "hop_rate", "phase_from_atoms",
    "Study", "StudyRun.results", "run_plan",
}  # fmt: skip
"""What README and docs begin with: these have an example."""


def examples() -> Iterator[Any]:
    finder = doctest.DocTestFinder(recurse=True)
    for room in ROOMS:
        package = import_module(f"natriface.{room}")
        for name in package.__all__:
            thing = getattr(package, name)
            if isinstance(thing, FunctionType | type):
                for test in finder.find(thing, name):
                    if test.examples:
                        yield pytest.param(test, id=test.name)


EXAMPLES = list(examples())


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_prints_what_it_says(example: doctest.DocTest) -> None:
    example.globs = {}  # what it uses, it imports
    told: list[str] = []
    doctest.DocTestRunner(verbose=False).run(example, out=told.append)
    assert not told, "".join(told)


def test_what_one_begins_with_has_an_example() -> None:
    assert {parameter.id for parameter in EXAMPLES} >= EVERYDAY

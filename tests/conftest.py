"""Fixtures shared by all tests, and the skipping of those that need real calculation outputs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from tests.sources import ABSENT, REAL
from tests.written import write_all

# a loaded machine is slow, not wrong
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what asks for the real files, so that it can be chosen by ``-m realdata``."""
    for item in items:
        if "shared" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.realdata)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test of real files where they are absent; said once, for all of them."""
    if ABSENT and item.get_closest_marker("realdata"):
        pytest.skip(ABSENT)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real calculation outputs, structures and more; its tests are ``realdata``."""
    return REAL


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Outputs that `tests.written` makes, below the names of the real ones they stand in for."""
    return write_all(tmp_path_factory.mktemp("written"))


@pytest.fixture(
    scope="session", params=["written", pytest.param("real", marks=pytest.mark.realdata)]
)
def data(request: pytest.FixtureRequest) -> Path:
    """The tree of outputs: first the written one, then the real one."""
    if request.param == "real":
        return REAL / "data"
    found: Path = request.getfixturevalue("written")
    return found


@pytest.fixture
def sample(request: pytest.FixtureRequest) -> Path:
    """The path of a `tests.sources.Sample`."""
    is_real, name = request.param
    place: Path = REAL / "data" if is_real else request.getfixturevalue("written")
    return place / name

"""The house: imports point one way, and nothing heavy or fireworks-like where it must not be."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = {
    "templates": set(),
    "structures": {"structures", "templates"},
    "analysis": {"analysis", "structures", "templates"},
    "workflows": {"workflows", "analysis", "structures", "templates"},
}
"""Room -> rooms it may import from."""
FLOORS = {
    "structures": ("base", "formats", "chemistry", "crystals", "surfaces", "interfaces", "paths"),
    "analysis": (
        *("results", "readers", "energies", "bonding", "electrons", "barriers", "transport"),
        *("mechanics", "verdicts", "scoring"),
        "figures",
    ),
    "analysis/readers": ("text", "vasprun", "outcar", "vasp", "lobster", "neb"),
    "workflows": ("engines", "steps", "launchpad", "queues", "jobs", "running", "commands"),
}
"""Folder -> its rooms; each may import from those before it."""
LEDGER = ("connection.py", "documents.py", "ledger.py", "reservations.py")
"""What wraps FireWorks, beside its Firetasks."""


def modules(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def imports(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield f"{node.module}", node.lineno
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def top_level_imports(path: Path) -> Iterator[str]:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"{node.module}"


def imports_when_run(path: Path) -> Iterator[str]:
    """All but those for type checking alone."""
    nodes: list[ast.AST] = [ast.parse(path.read_text())]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            nodes += node.orelse
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"{node.module}"
        else:
            nodes += ast.iter_child_nodes(node)


@pytest.mark.parametrize("room", ROOMS)
def test_dependencies_point_one_way(room: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in modules(room)
        for name, line in imports(path)
        if name.startswith("natriface.") and name.split(".")[1] not in ROOMS[room]
    ]
    assert not wrong, wrong


def test_every_package_is_installed() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    for room in ROOMS:
        for init in (ROOT / room).rglob("__init__.py"):
            package = ".".join(("natriface", *init.parent.relative_to(ROOT).parts))
            assert f'"{package}"' in text, f"{package} is not in pyproject.toml"


def test_only_the_workflows_room_knows_fireworks_and_custodian() -> None:
    for room in ("structures", "analysis"):
        for path in modules(room):
            packages = {name.split(".")[0] for name, _ in imports(path)}
            assert not packages & {"fireworks", "custodian", "pymongo", "torch"}, path


def test_fireworks_is_imported_where_it_is_wrapped() -> None:
    for path in modules("workflows"):
        packages = {name.split(".")[0] for name in imports_when_run(path)}
        if path.name not in ("fireworks.py", *LEDGER):
            assert "fireworks" not in packages, path


def test_one_room_owns_the_collections_of_fireworks() -> None:
    owned = {"fireworks", "workflows", "launches", "offline_runs", "fw_id_assigner", "db"}
    for path in modules("workflows"):
        if path.parent != ROOT / "workflows" / "launchpad":
            for node in ast.walk(ast.parse(path.read_text())):
                named = isinstance(node, ast.Attribute) and node.attr in owned
                assert not named, f"{path}:{node.lineno}: call a verb of workflows/launchpad"


def test_the_folders_stay_small() -> None:
    for folder in {path.parent for room in ROOMS for path in modules(room)}:
        loose = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        assert len(loose) <= 14, f"{folder} has {len(loose)} modules: give some a room"


def test_functions_stay_short() -> None:
    """At most 60 lines of code; a docstring that says "One function because ..." says why not."""
    long = []
    for room in (*ROOMS, "benchmarks"):
        for path in modules(room):
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.FunctionDef):
                    continue
                assert node.end_lineno is not None
                said = ast.get_docstring(node, clean=False) or ""
                lines = node.end_lineno - node.lineno + 1 - (len(said.splitlines()) if said else 0)
                if lines > 60 and "One function because" not in said:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {lines}")
    assert not long, long


@pytest.mark.parametrize("floor", FLOORS)
def test_no_circle_between_the_rooms(floor: str) -> None:
    rooms = FLOORS[floor]
    folder, package = ROOT / floor, "natriface." + floor.replace("/", ".") + "."
    for path in folder.rglob("*.py"):
        room = path.relative_to(folder).with_suffix("").parts[0]
        if room in rooms:
            above = rooms[rooms.index(room) + 1 :]
            for name in imports_when_run(path):
                if name.startswith(package):
                    place = name.removeprefix(package).split(".")[0]
                    assert place not in above, f"{path} imports {name}, a room above its own"


@pytest.mark.parametrize("floor", FLOORS)
def test_every_room_has_its_place(floor: str) -> None:
    """A room that no test knows may stand in a circle."""
    beside = {"parts", "report", "surfaces"} if floor == "workflows" else set()
    rooms = {init.parent.name for init in (ROOT / floor).glob("*/__init__.py")}
    assert rooms - beside <= set(FLOORS[floor])


def test_plans_know_no_engine_and_no_fireworks() -> None:
    for name, _ in imports(ROOT / "workflows" / "plan.py"):
        assert not name.startswith(("fireworks", "natriface.workflows.engines")), name


def test_engines_are_asked_for_by_name_alone() -> None:
    folder = ROOT / "workflows" / "engines"
    packages = {init.parent.name for init in folder.glob("*/__init__.py")} - {"bands"}
    prefixes = {f"natriface.workflows.engines.{package}": package for package in packages}
    for path in modules("workflows"):
        own = path.relative_to(folder).parts[0] if path.is_relative_to(folder) else None
        for name, line in imports(path):
            of = prefixes.get(".".join(name.split(".")[:4]))
            assert of in (None, own), f"{path}:{line} imports {name}"


def test_heavy_extras_are_imported_inside_functions() -> None:
    extras = {"torch", "chgnet", "sevenn", "gpaw", "numba", "mp_api", "pyscf", "h5py"}
    for room in ROOMS:
        for path in modules(room):
            packages = {name.split(".")[0] for name in top_level_imports(path)} & extras
            packages -= {package for package in extras if path.stem.endswith(f"_{package}")}
            assert not packages, f"{path}: {packages}; a module named *_EXTRA may import its extra"


def test_the_command_line_starts_without_the_heavy_packages() -> None:
    heavy = (
        *("pymatgen", "ase", "fireworks", "torch", "scipy", "matplotlib", "numpy", "yaml"),
        *("jinja2", "pymongo", "pydantic", "rich", "importlib.resources", "asyncio"),
    )
    code = (
        "import sys, typer; own = set(sys.modules)\n"  # older ones import rich themselves
        "from natriface.workflows.cli import main\n"
        "sys.argv = ['natriface', '--help']\n"
        "try: main()\n"
        f"finally: print([m for m in {heavy} if m in sys.modules.keys() - own])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        env=os.environ | {"COLUMNS": "80"},
        text=True,
        check=True,
    )
    *text, imported = done.stdout.splitlines()
    assert imported == "[]"
    cut = [line for line in text if line.startswith("  ") and line.endswith("...")]
    assert not cut, f"first sentences that do not fit into 80 columns: {cut}"
    assert len(text) > 20


def test_real_outputs_are_reached_in_one_way() -> None:
    """Where they are absent `tests.conftest` skips what needs them; no other knows the place."""
    place = re.compile(r"""\.\./shared|parents?\b.*["']shared|NATRIFACE_TEST_DATA""")
    knowing = [path for path in (ROOT / "tests").rglob("*.py") if place.search(path.read_text())]
    assert sorted(path.name for path in knowing) == ["sources.py", "test_architecture.py"]


def test_no_exact_pins() -> None:
    for line in (ROOT / "pyproject.toml").read_text().splitlines():
        assert "==" not in line, line

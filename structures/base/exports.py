"""A package's names, each imported when it is first asked for (PEP 562)."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.abc import Loader
else:  # which would bring tempfile and much else to the start of the command line
    Loader = object


class _FormerPaths(Loader):
    """Modules found where they stood before they had rooms, with a `DeprecationWarning`."""

    def __init__(self, homes: Mapping[str, str]) -> None:
        self.homes = homes

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        return spec_from_loader(fullname, self) if fullname in self.homes else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        home = import_module(self.homes[spec.name])
        package = ".".join(spec.name.split(".")[:2])
        warnings.warn(
            f"{spec.name} is now {home.__name__}; import its names from {package}",
            DeprecationWarning,
            stacklevel=2,
        )
        spec.loader_state = home.__spec__
        return home

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state  # the import system has put ours there


def export(
    package: str, names: Mapping[str, str], former: Mapping[str, str] | None = None
) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """``__all__``, ``__getattr__`` and ``__dir__`` of a package, and its rooms and ``__version__``.

    Parameters
    ----------
    package
        Its ``__name__``.
    names
        Module within it -> the names that are had from it, with spaces between.
    former
        Former name of a module -> the module within the package that has its names now.
    """
    homes = {name: f"{package}.{module}" for module, had in names.items() for name in had.split()}
    rooms = {name.partition(".")[0] for name in names if "." in name}
    module = sys.modules[package]
    stood = {name.rpartition(".")[2]: name for name in names} | dict(former or {})
    sys.meta_path.append(
        _FormerPaths({f"{package}.{old}": f"{package}.{new}" for old, new in stood.items()})
    )

    def get(name: str) -> Any:
        if name == "__version__":
            from importlib.metadata import version

            value: Any = version("natriface")
        elif name in homes:
            value = getattr(import_module(homes[name]), name)
        elif name in rooms:
            value = import_module(f"{package}.{name}")
        else:
            raise AttributeError(
                f"module {package!r} has no attribute {name!r}", name=name, obj=module
            )
        setattr(module, name, value)
        return value

    def listed() -> list[str]:
        return sorted({*module.__dict__, *homes, "__version__"})

    return sorted(homes), get, listed

"""A package's names, each imported when it is first asked for (PEP 562)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any


class _Package(ModuleType):
    """A package in which a function stands before the module that has its name."""

    _homes: dict[str, str]

    def __setattr__(self, name: str, value: Any) -> None:
        # the import system puts every module it has loaded into its package
        if isinstance(value, ModuleType) and name in self._homes:
            value = getattr(value, name)
        super().__setattr__(name, value)


def export(
    package: str, names: Mapping[str, str]
) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """``__all__``, ``__getattr__`` and ``__dir__`` of a package, which has ``__version__`` too.

    Parameters
    ----------
    package
        Its ``__name__``.
    names
        Module within it -> the names that are had from it, with spaces between.
    """
    homes = {name: f"{package}.{module}" for module, had in names.items() for name in had.split()}
    module = sys.modules[package]
    module.__dict__["_homes"] = homes
    module.__class__ = _Package

    def get(name: str) -> Any:
        if name == "__version__":
            from importlib.metadata import version

            value: Any = version("natriface")
        elif name in homes:
            value = getattr(import_module(homes[name]), name)
        else:
            raise AttributeError(
                f"module {package!r} has no attribute {name!r}", name=name, obj=module
            )
        setattr(module, name, value)
        return value

    def listed() -> list[str]:
        return sorted({*module.__dict__, *homes, "__version__"})

    return sorted(homes), get, listed

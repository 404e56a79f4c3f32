"""The source of a calculator of one's own, known by a checksum: another source, another step."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache, lru_cache
from importlib import metadata
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path

from natriface.structures.base.errors import EngineError

MODEL_SOURCE = "model_source"
"""The setting that holds the checksum."""
DIGITS = 8


def own_source(model: str) -> str | None:
    """Short checksum of what makes the calculator, found without importing it.

    Of a module its file; of a package all its ``.py`` files, by their names within it. What these
    import from elsewhere does not count.

    Returns
    -------
    str | None
        ``None`` where an installed distribution brings the files, whose version tells, where the
        name is none of ``package.module:Class``, and where there are no files.
    """
    spec = _spec(model)
    if spec is None or spec.origin is None or not spec.has_location:
        return None
    if _is_distributed(spec.name.split(".")[0], Path(spec.origin), tuple(sys.path)):
        return None
    files = [(Path(spec.origin), Path())]
    if spec.submodule_search_locations is not None:
        found = (
            (p, p.relative_to(f))
            for f in spec.submodule_search_locations
            for p in Path(f).rglob("*.py")
        )
        # a notebook's server keeps copies in hidden folders
        files = [(p, name) for p, name in found if not any(x.startswith(".") for x in name.parts)]
    with suppress(FileNotFoundError):  # renamed since it was found
        stamps = [(path, name, path.stat()) for path, name in sorted(files)]
        return _checksum(tuple((p, str(n), s.st_size, s.st_mtime_ns) for p, n, s in stamps))
    return None


@cache
def loaded_source(module: str) -> str | None:
    """That of a module when this process first asked: just before it imported it."""
    return own_source(f"{module}:")


def require_source(model: str, planned: str | None) -> None:
    """Refuse a calculator of one's own whose source is not the one that a step was planned with.

    Raises
    ------
    EngineError
    """
    found = own_source(model)
    if planned is not None and found != planned:
        raise EngineError(
            f"model {model!r}: its source is another than the study was planned with "
            f"({found or 'none of your own'}, not {planned}); plan anew by `natriface run`, or "
            "put that one back"
        )


def require_loaded(model: str) -> None:
    """Refuse to compute with what this process has loaded, where its source was changed since.

    Raises
    ------
    EngineError
    """
    found, loaded = own_source(model), loaded_source(model.partition(":")[0])
    if found != loaded:
        raise EngineError(
            f"model {model!r}: its source was changed ({loaded} -> {found}) since this process "
            "loaded it; compute it in a new one (a step, by `natriface retry`)"
        )


def own_name(model: str) -> str:
    """What a calculator of one's own is called beside its source: its package or module."""
    spec = _spec(model)
    return model.partition(":")[0].split(".")[0] if spec is None else spec.name


def version_of(package: str) -> str | None:
    """Name and version of the distribution that brings a package, ``None`` if none does."""
    for name in (package, *_distributions(tuple(sys.path)).get(package, ())):
        with suppress(metadata.PackageNotFoundError):
            return f"{name} {metadata.version(name)}"
    return None


def _spec(model: str) -> ModuleSpec | None:
    """Where the module lies, or the package that it belongs to."""
    module, colon, _ = model.partition(":")
    name, *below = module.split(".")
    if not colon:
        return None
    try:
        spec = find_spec(name)
    except ValueError:  # no name, or a module that was made by no file
        return None
    while below and spec is not None and spec.origin is None:  # a folder without __init__.py
        name = f"{name}.{below.pop(0)}"
        spec = PathFinder.find_spec(name, spec.submodule_search_locations)
    return spec


@lru_cache(maxsize=16)
def _is_distributed(package: str, file: Path, paths: tuple[str, ...]) -> bool:
    """Whether a distribution lies where the file is: one installed for editing lies elsewhere."""
    for name in (package, *_distributions(paths).get(package, ())):
        with suppress(metadata.PackageNotFoundError):
            place = Path(str(metadata.distribution(name).locate_file(""))).resolve()
            if file.resolve().is_relative_to(place):
                return True
    return False


@lru_cache(maxsize=4)
def _distributions(paths: tuple[str, ...]) -> Mapping[str, list[str]]:
    """Package -> the distributions that bring it: mace comes with mace-torch."""
    return metadata.packages_distributions()


@lru_cache(maxsize=16)
def _checksum(files: tuple[tuple[Path, str, int, int], ...]) -> str:
    whole = hashlib.sha256()
    for path, name, _, _ in files:
        whole.update(name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()[:DIGITS]

"""ASE calculators that natriface knows by nothing but their names, and the files they are given."""

from __future__ import annotations

import inspect
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from ase.calculators.calculator import Calculator, get_calculator_class

from natriface.structures.base.errors import EngineError
from natriface.workflows.engines.potential.declaration import file_sha256
from natriface.workflows.engines.potential.own_source import (
    loaded_source,
    own_name,
    own_source,
    version_of,
)

_IMPORT_ERRORS = (ImportError, AttributeError, ValueError, TypeError, SyntaxError, NameError)
"""What comes of a module that is not there, or is no sound Python."""

_MAKING_ERRORS = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, ImportError, LookupError),
    *(OSError, RuntimeError, TypeError, UnpicklingError, ValueError),
)
"""What comes of weights that are cut off or another model's, and of a network that is not there."""

_OF_SEVENNET = (
    "model",
    {None, *(f"{n}-{m}" for n in ("7net", "sevennet") for m in ("0", "l3i5", "mf-0"))},
)
FETCHING: dict[tuple[str, str], tuple[str, set[str | None]]] = {
    **{("mace", f"mace_{of}"): ("model", set()) for of in ("mp", "off", "omol", "polar")},
    ("mattersim", "MatterSimCalculator"): ("load_path", set()),
    ("sevenn", "SevenNetCalculator"): _OF_SEVENNET,
    ("sevenn", "SevenNetD3Calculator"): _OF_SEVENNET,
}
"""Package and calculator that fetch their weights from the network -> the option that names a file
of one's own, and its values for which the package carries the weights."""


def calculator_class(model: str) -> Any:
    """What makes the calculator: the name ASE knows, or ``package.module:Class``.

    Raises
    ------
    EngineError
        If there is none.
    """
    try:
        if ":" in model:
            module, _, name = model.partition(":")
            loaded_source(module)
            found = getattr(import_module(module), name)
        else:
            found = get_calculator_class(model)
        if callable(found):
            return found
        raise AttributeError(f"{model!r} makes no calculator")
    except _IMPORT_ERRORS as error:
        raise EngineError(
            f"no calculator {model!r} here ({error}); known are 'chgnet-0.3.0' and the like (see "
            "natriface doctor), the names ASE knows ('emt', 'mace_mp', ...) and "
            "'package.module:Class', a module of your own by its folder in PYTHONPATH"
        ) from None


def check_foreign(model: str, options: Mapping[str, Any], needs: Iterable[str]) -> None:
    """Refuse a calculator that is not there, wants the network, or does not do what is needed.

    Raises
    ------
    EngineError
    """
    made = calculator_class(model)
    for option, value in _texts(options):
        path = Path(value).expanduser()
        if path.is_absolute() and not path.exists():
            raise EngineError(f"model {model!r}: {option} names {value}, which is not there")
    for path in weights_files(options):
        _require_whole(model, path)
    _refuse_fetching(model, made, options)
    try:
        inspect.signature(made).bind(**options)
    except ValueError:  # a class that does not tell its options
        pass
    except TypeError as error:
        raise EngineError(f"model {model!r} does not take these options: {error}") from None
    given = getattr(made, "implemented_properties", None)
    for wanted in needs:
        if isinstance(given, list | tuple) and given and wanted not in given:
            raise EngineError(
                f"model {model!r} gives no {wanted}, only {', '.join(given)}; choose another model"
            )


def foreign_elements(model: str) -> frozenset[str] | None:
    """Elements that the calculator's class says it knows; ``None`` where it does not say."""
    made = calculator_class(model)
    if made is get_calculator_class("emt"):
        from ase.calculators.emt import parameters

        return frozenset(parameters)
    declared = getattr(made, "elements", None)
    if isinstance(declared, list | tuple | set | frozenset):
        return frozenset(map(str, declared))
    return None


def make_foreign(model: str, options: Mapping[str, Any]) -> Calculator:
    """The calculator, with its weights loaded.

    Raises
    ------
    EngineError
        If that fails: one sentence, with what its package says.
    """
    with making(model, options):
        return calculator_class(model)(**options)


@contextmanager
def making(model: str, options: Mapping[str, Any]) -> Iterator[None]:
    """What making a calculator raises as one sentence, with what its package says.

    Raises
    ------
    EngineError
    """
    try:
        yield
    except _MAKING_ERRORS as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise EngineError(
            f"model {model!r} cannot be made with {dict(options) or 'no options'} ({said:.200}): "
            "a weights file that is cut off or another model's, a wrong option, or a network that "
            "is not there"
        ) from error


def foreign_version(
    model: str, calculator: Calculator | None = None, source: str | None = None
) -> str:
    """Version of the distribution that brings it, and the source of a module of one's own.

    Parameters
    ----------
    calculator
        What was made: its class has a version where the function that made it has none.
    source
        That the step was planned with; by default as it is now.
    """
    made = [calculator_class(model), *([] if calculator is None else [type(calculator)])]
    packages = list(dict.fromkeys(str(each.__module__).split(".")[0] for each in made))
    said = next(filter(None, map(version_of, packages)), None)
    source = source or own_source(model)
    if source is None:
        return said or f"{packages[0]} (version unknown)"
    own = f"{own_name(model)} (source {source})"
    return f"{said}, {own}" if said else own


def weights_files(options: Mapping[str, Any]) -> list[Path]:
    """Files that the options name, by absolute paths."""
    paths = (Path(value).expanduser() for _, value in _texts(options))
    return [path for path in paths if path.is_absolute() and path.is_file()]


def weights_sha256(options: Mapping[str, Any]) -> str | None:
    """Checksums of the files that the options name, in the options' order."""
    return " ".join(map(file_sha256, weights_files(dict(sorted(options.items()))))) or None


def _texts(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in options.items():
        for each in value if isinstance(value, list | tuple) else [value]:
            if isinstance(each, str):
                yield name, each


def _require_whole(model: str, path: Path) -> None:
    """Refuse an empty file, and an archive, as torch saves weights, without its end."""
    with path.open("rb") as file:
        start = file.read(4)
    if not start or (start == b"PK\x03\x04" and not zipfile.is_zipfile(path)):
        raise EngineError(
            f"model {model!r}: {path} is cut off ({path.stat().st_size} bytes); copy it again"
        )


def _refuse_fetching(model: str, made: Any, options: Mapping[str, Any]) -> None:
    package, name = str(made.__module__).split(".")[0], getattr(made, "__name__", "")
    if (package, name) not in FETCHING:
        return
    option, carried = FETCHING[package, name]
    value = options.get(option)
    if value in carried or (isinstance(value, str) and value.lower() in carried):
        return
    if not (isinstance(value, str) and Path(value).is_absolute()):
        raise EngineError(
            f"model {model!r} would fetch its weights from the network, and nothing tells which "
            f"they were; download them and name the file: model_options: {{{option}: /path/to/it}}"
        )

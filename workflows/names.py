"""The names a study may give: fit for files, told apart on every disc, of what there is."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Annotated, Any

from ase.data import atomic_numbers
from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from natriface.analysis.results.wording import slug
from natriface.structures.base.bounds import require_few
from natriface.structures.base.errors import StudyError, nearest
from natriface.workflows.engines.base import engine_names

MOST_LETTERS = 80
"""Bytes of a study's name or a label: two labels and a word are a file's name, of 255 bytes."""

MOST_PATH_LETTERS = 1000
MOST_NAME_BYTES = 255
MOST_FILES = 10_000
"""Of a pattern."""
_DUMMY = "X"


def is_pattern(name: str) -> bool:
    """Whether a name stands for files, as ``cifs/*.cif`` does."""
    return not frozenset("*?[").isdisjoint(name)


def fitting_files(pattern: str, root: Path) -> list[Path]:
    """The files that a pattern fits, in order; it is relative to `root` unless absolute."""
    start = Path(pattern).anchor
    base = Path(start) if start else root
    return sorted(path for path in base.glob(pattern[len(start) :]) if path.is_file())


def named_files(name: str, root: Path, where: str) -> list[str]:
    """The files that a pattern such as ``cifs/*.cif`` fits, in order; else the name as it stands.

    Parameters
    ----------
    root
        Folder that the pattern is relative to.
    where
        The study's key, for the message.

    Raises
    ------
    StudyError
        If it fits no file, or too many.
    """
    if not is_pattern(name):
        return [name]
    paths = fitting_files(name, root)
    if not paths:
        raise StudyError(f"{where}: no file fits {name!r} in {Path(name).anchor or root}")
    require_few(len(paths), MOST_FILES, "files of a pattern", "name fewer")
    return [str(path) for path in paths]


def _error(text: str) -> PydanticCustomError:
    return PydanticCustomError("name", text.replace("{", "{{").replace("}", "}}"))


def _label(label: str) -> str:
    if len(label.encode()) > MOST_LETTERS:
        raise _error(
            f"the label {label[:20]}... has {len(label)} letters; files are named by it, so that "
            f"it has {MOST_LETTERS} at most, and fewer if they are not of the Latin alphabet"
        )
    if not any(letter.isalnum() for letter in label):
        raise _error(f"the label {label!r} has no letter or digit to know it by")
    if label != label.strip() or not label.isprintable():
        raise _error(f"the label {label!r} has blanks at an end or characters that are not seen")
    for letter in "|/\\":
        if letter in label:
            raise _error(
                f"the label {label!r} has a {letter!r}, which parts the names of a pair or a path; "
                "write it with '-'"
            )
    return label


def _element(symbol: str) -> str:
    if symbol not in atomic_numbers or symbol == _DUMMY:
        known = [each for each in atomic_numbers if each != _DUMMY]
        raise _error(f"{symbol!r:.40} is no element ({nearest(symbol, known, 'such as Na')})")
    return symbol


def _engine(name: str) -> str:
    if name not in engine_names():
        raise _error(f"no engine {name!r:.60} ({nearest(name, engine_names())})")
    return name


def _engine_or_none(name: str) -> str:
    if name != "none" and name not in engine_names():
        raise _error(f"no engine {name!r:.60} ({nearest(name, [*engine_names(), 'none'])})")
    return name


def _named(value: Any) -> Any:
    """What Python can give for a name and a file cannot: a path, or the crystal itself."""
    if isinstance(value, PurePath):
        return str(value)
    if value is None or isinstance(value, str | int | float | list | tuple | dict):
        return value
    raise _error(
        f"of type {type(value).__name__}: a study names a crystal by its name in the library or by "
        "a file; write it to one, structure.to('my.cif') or atoms.write('my.cif'), and give that "
        "file's path"
    )


def _path(text: str) -> str:
    too_long = any(len(part.encode()) > MOST_NAME_BYTES for part in PurePath(text).parts)
    if not text.strip() or len(text) > MOST_PATH_LETTERS or too_long:
        raise _error(
            f"a name of {len(text)} letters; a name or path has between 1 and {MOST_PATH_LETTERS}, "
            f"and no folder or file in it more than {MOST_NAME_BYTES} bytes"
        )
    return text


Label = Annotated[str, AfterValidator(_label)]
"""What a slab, crystal, or surface is called in a study and its report."""

Element = Annotated[str, AfterValidator(_element)]
"""The symbol of an element."""

EngineName = Annotated[str, AfterValidator(_engine)]
"""The name of an engine."""

EngineOrNone = Annotated[str, AfterValidator(_engine_or_none)]
"""The name of an engine, or ``none``."""

NameOrPath = Annotated[str, BeforeValidator(_named), AfterValidator(_path)]
"""A name of the library, or the path of a file."""

StudyName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=MOST_LETTERS)]
"""A word that folders and databases are named by."""


def check_distinct(labels: Iterable[str]) -> None:
    """Refuse labels that would be one name on a disc that does not tell capitals apart.

    Raises
    ------
    ValueError
        Naming the two.
    """
    known: dict[str, str] = {}
    for label in labels:
        plain = slug(unicodedata.normalize("NFC", label)).casefold()
        other = known.setdefault(plain, label)
        if other != label:
            raise ValueError(
                f"labels {other!r} and {label!r} would share the names of files, which do not "
                "tell capitals and punctuation apart everywhere; rename one"
            )

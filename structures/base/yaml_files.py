"""YAML files as plain data: strings, finite numbers, true, false and null, in mappings and lists.

What YAML 1.1 reads otherwise than it looks is refused, with its line, instead of guessed at: a key
given twice (the last would win in silence), ``no`` as a name, ``010`` (eight), ``12:30`` (750),
dates, numbers that are infinite or none. Numbers such as ``1e-3``, which YAML 1.1 takes for text,
are numbers. Files and what their anchors unfold to are bounded, and no code is run.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from natriface.structures.base.errors import StudyError

MOST_BYTES = 10_000_000
MOST_NODES = 1_000_000
MOST_LEVELS = 60
"""Bounds of a file, of its values with each alias counted as what it stands for, of its nesting."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_DECIMAL = re.compile(r"[-+]?(\d[\d_]*\.?\d*|\.\d+)([eE][-+]?\d+)?")
_LEADING_ZERO = re.compile(r"[-+]?0\d+")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_RESOLVER: Any = yaml.resolver.Resolver()


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises
    ------
    StudyError
        If the file is absent, no YAML, not a mapping, or holds what is read otherwise than it
        looks; says where.
    """
    try:
        if path.exists() and not path.is_file():
            kind = "a folder" if path.is_dir() else "no regular file"
            raise StudyError(f"{path} is {kind}, not a YAML file")
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise StudyError(
                f"{path} has {size / 1e6:.0f} MB; a file of keys and values has "
                f"{MOST_BYTES / 1e6:.0f} at most: is it the right one?"
            )
        content = parse_yaml(path.read_bytes(), str(path))
    except FileNotFoundError:
        raise StudyError(f"no file {path}") from None
    except OSError as error:
        shown = str(path) if len(str(path)) < 200 else f"{str(path)[:200]}..."
        raise StudyError(f"{shown} cannot be read: {error.strerror or error}") from None
    except ValueError:  # what no file can be called
        raise StudyError(f"{str(path)!r} cannot be the name of a file") from None
    if content is None:
        raise StudyError(f"{path} is empty: expected keys and values")
    if not isinstance(content, dict):
        raise StudyError(f"{path}: expected keys and values at the top, found {content!r:.60}")
    return content


def parse_yaml(content: bytes | str, where: str) -> Any:
    """The data in YAML text: of one document, ``None`` where it is empty.

    Parameters
    ----------
    where
        What errors call the text.

    Raises
    ------
    StudyError
        If it is no YAML, no text, too large, or holds what is read otherwise than it looks.
    """
    if len(content) > MOST_BYTES:
        raise StudyError(f"{where} has more than {MOST_BYTES / 1e6:.0f} MB: is it the right one?")
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
    except UnicodeDecodeError as error:
        raise StudyError(
            f"{where} is not a text file in UTF-8 (byte {error.start}); save it as UTF-8"
        ) from None
    builder = _Builder(where)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise StudyError(f"{where}{line}: not valid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        text = " ".join(str(error).split())
        raise StudyError(f"{where}: not valid YAML: {text}") from None
    return builder.document


@dataclass
class _Open:
    """A mapping or list that is not closed yet; of a mapping, the key that waits for its value."""

    value: dict[str, Any] | list[Any]
    line: int
    anchor: str | None
    nodes_before: int
    merged: dict[str, Any] = field(default_factory=dict)
    key: str | None = None
    is_merge: bool = False


class _Builder:
    """Builds the data of a document from the events of its text."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.document: Any = None
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int] | None] = {}
        self._nodes = 0
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        """The next event."""
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise self._error(line, "a second document begins; a file holds one")
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event, line)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(str(event.anchor), line)
        elif isinstance(event, yaml.MappingStartEvent):
            self._begin({}, event, "map", line)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._begin([], event, "seq", line)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._end()

    def _error(self, line: int, text: str) -> StudyError:
        return StudyError(f"{self.where}, line {line}: {text}")

    def _count(self, number: int, line: int) -> None:
        self._nodes += number
        if self._nodes > MOST_NODES:
            raise self._error(
                line, f"more than {MOST_NODES:,} values, those that anchors repeat counted"
            )

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        self._count(1, line)
        is_key = self._awaits_key()
        if is_key and event.value == "<<" and event.implicit[0]:
            self._open[-1].is_merge, self._open[-1].key = True, "<<"
            return
        try:
            value = _plain(event)
        except ValueError as error:
            raise self._error(line, str(error)) from None
        if event.anchor:
            self._anchors[event.anchor] = (value, 1)
        self._put(value, line, event.value)

    def _alias(self, anchor: str, line: int) -> None:
        if anchor not in self._anchors:
            raise self._error(line, f"no anchor &{anchor} before the alias *{anchor}")
        known = self._anchors[anchor]
        if known is None:
            raise self._error(line, f"*{anchor} lies within what it stands for")
        value, nodes = known
        self._count(nodes, line)
        self._put(value, line, f"*{anchor}")

    def _begin(
        self,
        value: dict[str, Any] | list[Any],
        event: yaml.CollectionStartEvent,
        tag: str,
        line: int,
    ) -> None:
        if event.tag not in (None, "!", _TAG + tag):
            raise self._error(line, f"a tag {event.tag!r}; only plain keys and values are read")
        if self._awaits_key():
            raise self._error(line, "a key is a mapping or a list; a key is a word")
        if len(self._open) >= MOST_LEVELS:
            raise self._error(line, f"more than {MOST_LEVELS} levels within each other")
        self._count(1, line)
        if event.anchor:
            self._anchors[event.anchor] = None
        self._open.append(_Open(value, line, event.anchor, self._nodes - 1))

    def _end(self) -> None:
        done = self._open.pop()
        value = done.value
        if done.merged:
            assert isinstance(value, dict)
            value = {**done.merged, **value}
        if done.anchor:
            self._anchors[done.anchor] = (value, self._nodes - done.nodes_before)
        self._put(value, done.line, "")

    def _awaits_key(self) -> bool:
        return (
            bool(self._open)
            and isinstance(self._open[-1].value, dict)
            and (self._open[-1].key is None)
        )

    def _put(self, value: Any, line: int, written: str) -> None:
        if not self._open:
            self.document = value
            return
        parent = self._open[-1]
        if isinstance(parent.value, list):
            parent.value.append(value)
        elif parent.key is None:
            self._key(parent, value, line, written)
        elif parent.is_merge:
            self._merge(parent, value, line)
            parent.key, parent.is_merge = None, False
        else:
            parent.value[parent.key] = value
            parent.key = None

    def _key(self, parent: _Open, value: Any, line: int, written: str) -> None:
        assert isinstance(parent.value, dict)
        if not isinstance(value, str):
            raise self._error(
                line,
                f"the key {written} is read as {_words(value)}; in quotes, '{written}', it is a "
                "name",
            )
        if value in parent.value:
            raise self._error(
                line,
                f"the key {value!r} is given twice (the mapping begins in line "
                f"{parent.line}); keep one of the two",
            )
        parent.value[value] = None  # holds its place, and is known as given
        parent.key = value

    def _merge(self, parent: _Open, value: Any, line: int) -> None:
        """What ``<<`` names: one mapping or several, of which earlier ones count."""
        sources = value if isinstance(value, list) else [value]
        for source in sources:
            if not isinstance(source, dict):
                raise self._error(line, "<< takes a mapping, or a list of mappings")
            parent.merged = {**source, **parent.merged}


def _plain(event: yaml.ScalarEvent) -> Any:
    """A scalar as what it is.

    Raises
    ------
    ValueError
        If it is read otherwise than it looks.
    """
    text: str = event.value
    wild = _UNPRINTABLE.search(text)
    if wild:
        raise ValueError(f"a character that is none, {wild[0]!r}, in {text!r:.60}")
    if event.tag in (None, "!"):
        tag = (
            _TAG + "str"
            if not event.implicit[0]
            else _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))
        )
    else:
        tag = event.tag
    kind = tag.removeprefix(_TAG)
    if kind == "value":  # a lone =
        return text
    if kind == "str":
        is_plain = event.implicit[0] and event.tag is None
        if is_plain and _LEADING_ZERO.fullmatch(text):
            raise ValueError(_ambiguous(text, "a number in base eight"))
        is_number = is_plain and _DECIMAL.fullmatch(text) and not text.isdigit()
        return _real(text) if is_number else text
    if kind == "null":
        return None
    if kind == "bool":
        return _boolean(text)
    if kind == "int":
        return _integer(text)
    if kind == "float":
        return _real(text)
    if kind == "timestamp":
        raise ValueError(_ambiguous(text, "a date"))
    raise ValueError(f"a tag {tag!r}; only plain keys and values are read")


def _boolean(text: str) -> bool:
    if text.lower() not in yaml.SafeLoader.bool_values:
        raise ValueError(f"{text!r:.60} is neither true nor false")
    return bool(yaml.SafeLoader.bool_values[text.lower()])


def _integer(text: str) -> int:
    if ":" in text:
        raise ValueError(_ambiguous(text, "a number in base sixty"))
    if _LEADING_ZERO.fullmatch(text.replace("_", "")):
        raise ValueError(_ambiguous(text, "a number in base eight"))
    if len(text) > 80:
        raise ValueError(f"a whole number of {len(text)} digits")
    value = int(text.replace("_", ""), 0)
    if not -(2**63) <= value < 2**63:
        raise ValueError(f"the whole number {text} is too large")
    return value


def _real(text: str) -> float:
    if ":" in text:
        raise ValueError(_ambiguous(text, "a number in base sixty"))
    try:
        value = float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        raise ValueError(f"{text!r:.60} is no number") from None
    if not math.isfinite(value):
        raise ValueError(f"{text:.60} is no finite number")
    return value


def _ambiguous(text: str, reading: str) -> str:
    return (
        f"{text} is read as {reading}; write the number plainly, or, if it is text, in quotes: "
        f"'{text}'"
    )


def _words(value: Any) -> str:
    names = {True: "true", False: "false", None: "nothing"}
    known = value is None or isinstance(value, bool)
    return names[value] if known else f"the number {value}"

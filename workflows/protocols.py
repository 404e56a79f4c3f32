"""Protocols: named settings for every engine, each value with its source."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from natriface.structures.base.errors import StudyError, nearest
from natriface.structures.base.yaml_files import read_yaml
from natriface.workflows.engines.base import engine_names
from natriface.workflows.plan import KINDS
from natriface.workflows.validation import Document, validated

EVERY_KIND = "all"


class Choice(Document):
    """One value and where it comes from: a publication, or ``ours`` with the reason."""

    value: Any
    source: str = Field(min_length=1)


class Protocol(Document):
    """Named settings.

    Attributes
    ----------
    name, description
        For people and reports.
    parent
        Protocol whose values hold where this one says nothing.
    engines
        engine -> kind of calculation (or ``all``) -> setting -> value with source.
    """

    name: str
    description: str
    parent: str | None = None
    engines: dict[str, dict[str, dict[str, Choice]]] = Field(default_factory=dict)

    def choices(self, engine: str, kind: str) -> dict[str, Choice]:
        """What applies to one kind of calculation: ``all``, overridden by the kind's own."""
        kinds = self.engines.get(engine, {})
        return {**kinds.get(EVERY_KIND, {}), **kinds.get(kind, {})}

    def settings(
        self, engine: str, kind: str, overrides: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The bare values, with a study's overrides on top."""
        values = {key: choice.value for key, choice in self.choices(engine, kind).items()}
        return values | dict(overrides or {})

    @field_validator("engines")
    @classmethod
    def _known_keys(cls, engines: dict[str, Any]) -> dict[str, Any]:
        for name, kinds in engines.items():
            if name not in engine_names() and ":" not in name:  # such as a program brings along
                raise ValueError(f"no engine {name!r} ({nearest(name, engine_names())})")
            for kind in kinds:
                if kind not in (EVERY_KIND, *KINDS):
                    hint = nearest(kind, (EVERY_KIND, *KINDS))
                    raise ValueError(f"{name}: no kind of calculation {kind!r} ({hint})")
        return engines


@cache
def protocol_names() -> tuple[str, ...]:
    """Names of the protocols that come with natriface."""
    folder = files("natriface.templates") / "protocols"
    return tuple(sorted(p.name[:-5] for p in folder.iterdir() if p.name.endswith(".yaml")))


def load_protocol(name_or_path: str, root: Path | str | None = None) -> Protocol:
    """A protocol by name, or from a user's file (a path ending in .yaml, relative to `root`).

    Raises
    ------
    StudyError
        If there is none, it is wrong, or its parents go round in a ring.
    """
    if name_or_path in protocol_names():
        return _shipped(name_or_path)
    return _load(name_or_path, None if root is None else Path(root), seen=())


@cache
def _shipped(name: str) -> Protocol:
    return _load(name, None, seen=())


def _load(name_or_path: str, root: Path | None, seen: tuple[Path, ...]) -> Protocol:
    if name_or_path.endswith((".yaml", ".yml")):
        path = (root or Path()) / name_or_path
    else:
        if name_or_path not in protocol_names():
            hint = nearest(name_or_path, protocol_names())
            raise StudyError(f"no protocol {name_or_path!r}: {hint}")
        path = Path(str(files("natriface.templates") / "protocols" / f"{name_or_path}.yaml"))
    if path.resolve() in seen:
        ring = " -> ".join(each.name for each in (*seen, path))
        raise StudyError(f"protocol {seen[0].name}: parents in a ring: {ring}")
    protocol = validated(Protocol, read_yaml(path), f"protocol {path.name}")
    if name_or_path not in protocol_names():
        protocol = _signed(protocol, path)
    if protocol.parent is None:
        return protocol
    parent = _load(protocol.parent, path.parent, (*seen, path.resolve()))
    return protocol.model_copy(update={"engines": _merged(parent.engines, protocol.engines)})


def _signed(protocol: Protocol, path: Path) -> Protocol:
    """A user's protocol, its name and file among the sources of its own values."""
    engines = {
        engine: {
            kind: {
                name: Choice(
                    value=choice.value,
                    source=f"{choice.source} (protocol {protocol.name}, {path.name})",
                )
                for name, choice in choices.items()
            }
            for kind, choices in kinds.items()
        }
        for engine, kinds in protocol.engines.items()
    }
    return protocol.model_copy(update={"engines": engines})


def _merged(
    parent: dict[str, dict[str, dict[str, Choice]]], child: dict[str, dict[str, dict[str, Choice]]]
) -> dict[str, dict[str, dict[str, Choice]]]:
    engines = {engine: dict(kinds) for engine, kinds in parent.items()}
    for engine, kinds in child.items():
        for kind, choices in kinds.items():
            own = engines.setdefault(engine, {})
            own[kind] = {**own.get(kind, {}), **choices}
    return engines

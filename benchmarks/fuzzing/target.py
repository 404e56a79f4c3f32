"""What a kind of file tells the fuzzer: sound inputs, and how they are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Seed:
    """One sound input: files to write into an empty folder.

    Attributes
    ----------
    name : shown in the table of silent changes
    files : path relative to the folder -> content
    damaged : the files that are damaged, one at a time; all of them where none is named
    """

    name: str
    files: Mapping[str, bytes]
    damaged: tuple[str, ...] = ()

    @property
    def targets(self) -> tuple[str, ...]:
        """The files that are damaged."""
        return self.damaged or tuple(self.files)


@dataclass(frozen=True)
class Reading:
    """What a reader made of a folder.

    Attributes
    ----------
    values : name -> number, text, list or array; None where the reader gives nothing
    said : warnings and notes, one a string; what differs from those of the sound input counts as a
        word about the damage
    """

    values: Mapping[str, Any]
    said: Sequence[str] = field(default=())


Read = Callable[[Path], Reading]
"""Folder -> reading. Raises a `NatrifaceError` where the input is refused."""


@dataclass(frozen=True)
class Target:
    """A kind of file.

    Attributes
    ----------
    name : shown in the table
    seeds : gives the sound inputs; called once a run
    read : natriface's reader
    peer : the usual tool's reader on the same folder, any exception being its refusal; None where
        there is no fair one
    peer_name : its name
    tolerance : relative and absolute difference of numbers that counts as none
    """

    name: str
    seeds: Callable[[], Sequence[Seed]]
    read: Read
    peer: Read | None = None
    peer_name: str = ""
    tolerance: float = 1e-6

"""The syntax of crystallographic information files: text in, blocks of tags and columns out.

S. R. Hall, F. H. Allen, I. D. Brown, Acta Cryst. A 47, 655 (1991), and
https://www.iucr.org/resources/cif/spec/version1.1/cifsyntax, with the quotes of version 2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from natriface.structures.base.errors import StructureError

NOT_GIVEN = ("?", ".", "")
"""Unknown, inapplicable, empty: no value."""

_TOKEN = r"""
    \#[^\n]*
  | ^;(?P<field>(?s:.*?))\n;
  {triple}
  | '(?P<single>(?:[^'\n]|'(?=\S))*)'(?=\s|\Z)
  | "(?P<double>(?:[^"\n]|"(?=\S))*)"(?=\s|\Z)
  | (?P<bare>\S+)
"""
_TOKENS_1 = re.compile(_TOKEN.format(triple=""), re.MULTILINE | re.VERBOSE)
_TOKENS_2 = re.compile(
    _TOKEN.format(triple="| '''(?P<triple>(?s:.*?))''' | \"\"\"(?P<triple2>(?s:.*?))\"\"\""),
    re.MULTILINE | re.VERBOSE,
)


@dataclass
class Block:
    """One ``data_`` block.

    Attributes
    ----------
    name : what follows ``data_``
    columns : tag -> values; one value for a tag outside a loop. Tags are in lower case, with the
        dots of later dictionaries (``_atom_site.label``) as underscores
    faults : tag -> why its values cannot be trusted
    """

    name: str
    columns: dict[str, list[str]] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)

    def column(self, tag: str) -> list[str | None] | None:
        """The values of a tag, None for each that is not given; None where none is.

        Raises
        ------
        StructureError
            If the tag stands twice with different values, or in a loop with incomplete rows.
        """
        values = self.columns.get(tag)
        if values is None:
            return None
        if tag in self.faults:
            raise StructureError(self.faults[tag])
        given = [None if value.strip() in NOT_GIVEN else value.strip() for value in values]
        return given if any(value is not None for value in given) else None

    def first_column(self, *tags: str) -> list[str | None] | None:
        """The values of the first of several tags of one meaning that has any."""
        return next((found for tag in tags if (found := self.column(tag)) is not None), None)

    def values(self, *tags: str) -> list[str]:
        """All that is given for several tags of one meaning."""
        found = [self.column(tag) or [] for tag in tags]
        return [value for column in found for value in column if value is not None]

    def begins(self, *prefixes: str) -> str | None:
        """A tag with a value that begins with one of `prefixes`."""
        tags = (tag for tag in self.columns if tag.startswith(prefixes))
        return next((tag for tag in tags if self.column(tag)), None)


def parse_cif(text: str) -> list[Block]:
    """The blocks of a CIF.

    Raises
    ------
    StructureError
        If the text is no CIF: quotes or text fields without an end, values without a tag.
    """
    return _Parser(re.sub(r"\r\n?", "\n", text)).blocks()


class _Parser:
    """Reads tokens one after another; a loop's values are shared out at its end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.found: list[Block] = []
        self.tags: list[str] = []
        self.content: list[str] = []
        self.in_loop = False
        self.fault: str | None = None

    def blocks(self) -> list[Block]:
        version_2 = self.text.startswith("#\\#CIF_2")
        end = 0
        for match in (_TOKENS_2 if version_2 else _TOKENS_1).finditer(self.text):
            if match.lastgroup is None:  # a comment
                continue
            token = match[match.lastgroup]
            if match.lastgroup != "bare" or not self._keyword(token, match.start()):
                if match.lastgroup == "bare":
                    self._refuse_open(token, match.start(), version_2)
                same_line = "\n" not in self.text[end : match.start()]
                self._value(token, match.start(), same_line)
            end = match.end()
        self._close()
        return self.found

    def _keyword(self, token: str, at: int) -> bool:
        """Whether a bare token is a tag or one of the words that order the file."""
        lowered = token.lower()
        if token.startswith("_") and len(token) > 1:
            if not (self.in_loop and not self.content):
                self._close()
            self.tags.append(lowered.replace(".", "_"))
        elif lowered == "loop_":
            self._close()
            self.in_loop = True
        elif lowered.startswith("data_"):
            self._close()
            self.found.append(Block(token[5:]))
        elif lowered.startswith(("save_", "global_", "stop_")):
            raise StructureError(
                f"{token!r} in line {self._line(at)} belongs to a dictionary, not a crystal's CIF"
            )
        else:
            return False
        if not self.found:
            raise StructureError(f"no 'data_' before {token!r} in line {self._line(at)}; not a CIF")
        return True

    def _value(self, token: str, at: int, same_line: bool) -> None:
        if self.tags and (self.in_loop or not self.content):
            self.content.append(token)
        elif self.tags and same_line:  # words that should stand in quotes
            self.content[0] += f" {token}"
        else:
            raise StructureError(f"{token[:40]!r} in line {self._line(at)} belongs to no tag")

    def _refuse_open(self, token: str, at: int, version_2: bool) -> None:
        if token[0] in "'\"":  # a fault only of what it belongs to
            self.fault = self.fault or f"the quote in line {self._line(at)} has no end; close it"
        if token[0] == ";" and (at == 0 or self.text[at - 1] == "\n"):
            raise StructureError(f"the text field in line {self._line(at)} has no end")
        if version_2 and token[0] in "[{":
            raise StructureError(
                f"line {self._line(at)} holds a list or table of CIF 2; write the crystal as CIF 1"
            )

    def _close(self) -> None:
        """Give the values read to their tags."""
        width = len(self.tags)
        fault = self.fault
        if self.in_loop and width and len(self.content) % width:
            fault = (
                f"the loop of {self.tags[0]} has {len(self.content)} values for {width} columns; "
                "a value is missing, too many, or lacks its quotes"
            )
        for i, tag in enumerate(self.tags):
            block = self.found[-1]
            values = self.content[i::width]
            if fault is not None:
                block.faults[tag] = fault
            if block.columns.setdefault(tag, values) != values:
                block.faults[tag] = f"{tag} is given twice, with different values; remove one"
        self.tags, self.content, self.in_loop, self.fault = [], [], False, None

    def _line(self, at: int) -> int:
        return self.text.count("\n", 0, at) + 1

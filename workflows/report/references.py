"""What is to be cited with a study's results, as BibTeX: programs, potentials, crystals, source."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files

from natriface.analysis.results.published import Published
from natriface.analysis.results.result import EngineRecord
from natriface.workflows.engines.base import engine, engine_names

REFERENCES = "references.bib"
ALWAYS = ("natriface", "ase", "pymatgen", "spglib", "numpy", "fireworks")
"""Entries of ``templates/report/references.bib`` that every study rests on."""


def references(
    version: str,
    engines: Sequence[EngineRecord],
    published: Published | None = None,
    crystals: Mapping[str, str] | None = None,
) -> str:
    """BibTeX of all that a study rests on.

    Parameters
    ----------
    version
        Of natriface.
    engines
        That computed its results; a potential is cited by the paper of its weights.
    crystals
        Phase -> where its structure comes from.
    """
    known = _known()
    names = dict.fromkeys((*ALWAYS, *(record.name for record in engines if record.name in known)))
    entries = [known[name].replace("VERSION", version) for name in names]
    models = dict.fromkeys((record.name, record.model) for record in engines if record.model)
    for name, model in models:
        cited = engine(name).capabilities.citation if name in engine_names() else None
        paper = cited(model) if cited is not None else None
        if paper is not None:
            entries.append(_misc(model, f"Interatomic potential {model}", paper))
    for phase, source in (crystals or {}).items():
        entries.append(_misc(f"crystal-{phase}", f"Crystal structure of {phase}", source))
    if published is not None:
        entries.append(_misc(published.name, "Published values compared with", published.citation))
    return "\n".join(entries) + "\n"


def _known() -> dict[str, str]:
    text = (files("natriface.templates") / "report" / REFERENCES).read_text()
    entries = (entry.strip() for entry in re.split(r"^(?=@)", text, flags=re.MULTILINE))
    return {entry.partition("{")[2].partition(",")[0]: entry for entry in entries if entry}


def _misc(key: str, title: str, note: str) -> str:
    """An entry for a citation that is known as one line only."""
    safe = re.sub(r"[^\w.-]", "-", key, flags=re.ASCII) or "unnamed"
    fields = f"  title = {{{_escaped(title)}}},\n  note  = {{{_escaped(note)}}}"
    return f"@misc{{{safe},\n{fields}\n}}"


def _escaped(text: str) -> str:
    """Text as a field's value: no brace unpaired, nothing that TeX reads as a command."""
    words = " ".join(text.split()).translate(str.maketrans("{}\\", "()/"))
    return re.sub(r"([%&#_$])", r"\\\1", words)

"""Every command of README and docs is one of the command line's, and every study block is one.

All are parsed by the real command line; those that take a moment are run, in an empty folder with
the files that they name.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from ase.build import bulk
from ase.io import write
from typer.testing import CliRunner

from natriface.analysis import load_published
from natriface.workflows import load_study
from natriface.workflows.cli import app
from natriface.workflows.engines.machine import CONFIG_VARIABLE, Machine, load_machine
from natriface.workflows.queues.limits import QueueLimits, load_limits
from natriface.workflows.study import study_model, study_names
from tests.workflows.commands.test_analyze_levels import METAL, SLAB, written_slab
from tests.written.electrons import of_nacl

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
PLACEHOLDERS = {"STUDY", "NAME"}
"""Words that stand for a study."""
OF_A_RUN = {"run", "submit", "launch", "status", "retry", "screen", "more", "ranking", "export",
            "import", "tidy", "database", "doctor", "results"}  # fmt: skip
"""Commands that compute, go on with what was computed, or ask about the machine: parsed only."""
OF_OUTPUTS = ("analyze energies", "analyze cohp", "analyze pdos", "analyze elf", "analyze neb")
"""They want a calculation of a crystal with the bonds or hops that they name: parsed only."""
FOR_LONG = {"inputs li2025 -o inputs"}


def fenced(text: str, language: str | None = None) -> Iterator[str]:
    """Blocks of a page, those in lists without their indent; of one language, or of commands."""
    for indent, of, block in re.findall(r"^( *)```(\S*)\n(.*?)^\1```$", text, re.M | re.S):
        if of == language or (language is None and of in ("", "sh", "bash", "console")):
            yield re.sub(rf"^{indent}", "", block, flags=re.M)


def commands() -> list[str]:
    """What stands on lines of their own, without ``natriface``."""
    found = {
        " ".join(shlex.split(line, comments=True)[1:])
        for page in PAGES
        for block in fenced(page.read_text())
        for line in block.replace("\\\n", " ").splitlines()
        if re.match(r"(\.venv/bin/)?natriface ", line)
    }
    return sorted(found)


def mentions() -> list[str]:
    """What stands within lines, without what is left to the reader."""
    found = {
        re.sub(r"\[.*?\]|\.\.\.", "", words).strip()
        for page in PAGES
        for words in re.findall(r"(?<!`)`natriface ([^`\n]+)`(?!`)", page.read_text())
    }
    return sorted(found)


def parsed(words: list[str], *, whole: bool = True) -> None:
    """Read a command line as the real one does, and do nothing.

    With ``whole=False`` arguments may be missing.
    """
    command: Any = typer.main.get_command(app)
    while words and words[0] in getattr(command, "commands", ()):
        command, words = command.commands[words[0]], words[1:]
    if hasattr(command, "commands"):  # its options act at once: one installs completion
        known = {option for parameter in command.params for option in parameter.opts}
        assert words
        assert set(words) <= {*known, "--help"}
        return
    command.callback = lambda **_: None
    try:
        command.main(words, prog_name="natriface", standalone_mode=False)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        if whole or not str(error.format_message()).startswith("Missing"):
            pytest.fail(f"natriface {words}: {error.format_message()}")


def named_studies(words: list[str]) -> Iterator[str]:
    """The study that a command line names, if it has to be one that comes with natriface."""
    verb, *rest = words
    takes = ("run", "submit", "launch", "plan", "build", "status", "screen", "more", "ranking")
    if verb in (*takes, "inputs", "converge", "report", "retry", "results") and rest:
        first = rest[0]
        if not first.startswith("-") and not first.endswith(".yaml"):
            yield first


@pytest.mark.parametrize("line", commands())
def test_a_command_is_one_of_the_command_line(line: str) -> None:
    words = shlex.split(line)
    parsed(words)
    assert {*named_studies(words)} <= {*study_names(), *PLACEHOLDERS}


def test_commands_within_sentences_are_known() -> None:
    said = mentions()
    assert len(said) > 40
    for line in said:
        words = shlex.split(line)
        if words[0] == "COMMAND":  # of `natriface COMMAND --help`
            continue
        parsed(words, whole=False)
        assert {*named_studies(words)} <= {*study_names(), *PLACEHOLDERS}, line


def test_a_wrong_command_would_be_seen() -> None:
    for line in ("plan", "plan li2025 --deep", "plam li2025", "analyze cop my_run/"):
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            parsed(line.split())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the commands name, and nothing more."""
    (study,) = fenced((ROOT / "README.md").read_text(), "yaml")
    (tmp_path / "my-study.yaml").write_text(study)
    (own,) = fenced((ROOT / "docs/guides/material.md").read_text(), "yaml")
    (tmp_path / "my-electrolyte.yaml").write_text(own)
    write(tmp_path / "my-electrolyte.cif", bulk("NaCl", "rocksalt", a=5.64, cubic=True))
    for place in ("my_slab", "coating"):
        written_slab(tmp_path / place, of_nacl(SLAB), 7.0)
    written_slab(tmp_path / "sodium", METAL, 2.0)
    (tmp_path / "impedances.csv").write_text(
        "temperature_K,conductivity_S_per_cm\n300,1e-3\n330,3e-3\n360,8e-3\n"
    )
    (tmp_path / "cells.csv").write_text(
        "current_mA_per_cm2,diffusivity_cm2_per_s,concentration_mol_per_L,transference_number,"
        "resistance_ohm,area_cm2,contacts\n1,1e-6,1,0.3,50,1,2\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def runnable() -> Iterator[Any]:
    for line in commands():
        verb = line.split()[0]
        of_a_run = (
            verb in OF_A_RUN or "runs/" in line or (verb == "converge" and "--plan" not in line)
        )
        if not of_a_run and not line.startswith(OF_OUTPUTS):
            yield pytest.param(line, marks=[pytest.mark.slow] if line in FOR_LONG else [])


@pytest.mark.parametrize("line", runnable())
def test_a_command_that_takes_a_moment_runs(line: str, folder: Path) -> None:
    done = CliRunner().invoke(app, shlex.split(line), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert done.output.strip()


def blocks() -> Iterator[Any]:
    for page in PAGES:
        for n, block in enumerate(fenced(page.read_text(), "yaml"), 1):
            yield pytest.param(block, id=f"{page.relative_to(ROOT)}-{n}")


@pytest.mark.parametrize("block", blocks())
def test_a_block_of_yaml_is_what_it_says(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A study or keys of one; the machine's file; queue.yaml; or one's own values."""
    keys = set(yaml.safe_load(block))
    path = tmp_path / "block.yaml"
    path.write_text(block)
    if keys <= set(study_model().model_fields):
        (minimal,) = fenced((ROOT / "README.md").read_text(), "yaml")
        path.write_text(yaml.safe_dump(yaml.safe_load(minimal) | yaml.safe_load(block)))
        load_study(path)
    elif keys <= set(Machine.model_fields):
        monkeypatch.setenv(CONFIG_VARIABLE, str(path))
        load_machine()
    elif keys <= set(QueueLimits.model_fields):
        load_limits(path)
    else:
        if keys == {"claims"}:
            shipped = yaml.safe_load((ROOT / "templates/reference/li2025.yaml").read_text())
            path.write_text(yaml.safe_dump(shipped | yaml.safe_load(block)))
        assert load_published(str(path)).citation


def test_names_of_python_within_sentences_are_there() -> None:
    """``natriface.structures.exchange(...)``: the whole path of a module or what is in one."""
    for page in PAGES:
        for dotted in re.findall(r"`(natriface(?:\.\w+)+)", page.read_text()):
            parts = dotted.split(".")
            if parts[1] not in ("structures", "analysis", "workflows", "templates"):
                continue  # `natriface.yaml` and the like
            assert found(parts), f"{page.name}: {dotted}"


def found(parts: list[str]) -> bool:
    """Looked for without importing a former path, which would hide a function of its name."""
    thing: Any = import_module(".".join(parts[:2]))
    for n, name in enumerate(parts[2:], start=3):
        try:
            thing = (
                getattr(thing, name) if hasattr(thing, name) else import_module(".".join(parts[:n]))
            )
        except ModuleNotFoundError:
            return False
    return True

"""`Study`: what the user asks for, a validated YAML document."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

from pydantic import Field, create_model, field_validator, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler

from natriface.analysis.results.published import is_file_of_values, load_published
from natriface.analysis.scoring.criteria import Scorecard
from natriface.structures.base.errors import AnalysisError, StudyError, nearest
from natriface.structures.base.reprs import short_repr
from natriface.structures.base.yaml_files import read_yaml
from natriface.workflows.names import EngineName, NameOrPath, StudyName, named_files
from natriface.workflows.parts import PARTS
from natriface.workflows.protocols import EVERY_KIND
from natriface.workflows.validation import Document, validated


class _RequestModule(Protocol):
    StudyKeys: type[Document]

    def asked(self, study: Any) -> Document | None: ...


class Study(Document):
    """What is to be computed: these keys, and those of each part in `natriface.workflows.parts`.

    Attributes
    ----------
    name, title
        A word for folders and databases, a line for the report.
    engine, protocol
        Who computes, and with which named settings.
    settings
        Overrides of the protocol, by kind of calculation: ``{relax: {max_steps: 200}}``, ``all``
        for every kind; where a part uses another engine than the study's, by ``ENGINE.KIND``.
    compare_with
        Published values beside ours: a name in ``templates/reference``; or one's own, a YAML or
        CSV file, which `load_study` finds beside the study; or none.
    scorecard
        Candidates ranked by what the study measures, or none.
    only
        Of the parts that are asked for, those that are computed; by default all.

    ``Study.model_validate`` takes the keys of a study's file in a dict, and what ``model_dump``
    gives of another, and raises `StudyError` as `load_study` does.

    Examples
    --------
    >>> from natriface.workflows import Study
    >>> surfaces = {"layers": [2, 3], "phases": {"NaF": {"phase": "NaF"}}}
    >>> Study.model_validate({"name": "naf", "title": "NaF", "surface_energies": surfaces})
    Study(naf, NaF, engine potential)
    """

    name: StudyName
    title: str
    engine: EngineName = "potential"
    protocol: NameOrPath = "li2025"
    settings: dict[str, dict[str, Any]] = Field(default_factory=dict)
    compare_with: str | None = None
    scorecard: Scorecard | None = None
    only: list[str] | None = Field(default=None, min_length=1)

    def __repr__(self) -> str:
        return short_repr(self, self.name, self.title, f"engine {self.engine}")

    __str__ = __repr__

    @model_validator(mode="wrap")
    @classmethod
    def _with_the_parts(cls, content: Any, handler: ModelWrapValidatorHandler[Study]) -> Study:
        """Validate as the model that knows the parts' keys too.

        Raises
        ------
        StudyError
            As `load_study` does: pydantic lets it through as it is.
        """
        if cls is not Study:
            return handler(content)
        name = content.get("name") if isinstance(content, dict) else None
        return validated(study_model(), content, f"study {name!s:.80}" if name else "study")

    @field_validator("only")
    @classmethod
    def _known_parts(cls, names: list[str] | None) -> list[str] | None:
        unknown = next((name for name in names or () if name not in PARTS), None)
        if unknown is not None:
            raise ValueError(f"no part {unknown!r:.60} ({nearest(unknown, PARTS)})")
        return names

    @model_validator(mode="after")
    def _something_is_asked(self) -> Study:
        if not self.parts() and self.only is not None:
            raise ValueError(f"only: {' and '.join(self.only)}: the study does not ask for it")
        if not self.parts():
            others = [name for name in PARTS if name != "interfaces"]
            raise ValueError(
                f"nothing is asked for: give substrates and films, or {' or '.join(others)}"
            )
        return self

    def overrides(self, kind: str, engine: str) -> dict[str, Any]:
        """What the study itself sets for a kind of calculation on an engine.

        Its ``settings`` name a kind or ``all``, for its own engine, or ``ENGINE.KIND``; those of
        a kind go before those of ``all``.
        """
        found: dict[str, Any] = {}
        for each in (EVERY_KIND, kind):
            if engine == self.engine:
                found |= self.settings.get(each, {})
            found |= self.settings.get(f"{engine}.{each}", {})
        return found

    def parts(self) -> dict[str, Any]:
        """What is asked for: the request of each part asked, by the part's name."""
        found = {name: _request_module(package).asked(self) for name, package in PARTS.items()}
        asked = {name: request for name, request in found.items() if request is not None}
        if self.only is None:
            return asked
        return {name: request for name, request in asked.items() if name in self.only}


def study_model() -> type[Study]:
    """`Study` with the keys of all parts."""
    return _composed(tuple(PARTS.values()))


@cache
def _composed(packages: tuple[str, ...]) -> type[Study]:
    # pydantic takes keys and checks from the last base first
    keys = [_request_module(package).StudyKeys for package in reversed(packages)]
    bases: tuple[type[Any], ...] = (*keys, Study)
    return create_model("Study", __base__=bases, __doc__=Study.__doc__)


def _request_module(package: str) -> _RequestModule:
    module: _RequestModule = import_module(f"{package}.request")
    return module


def study_names() -> tuple[str, ...]:
    """Names of the studies that come with natriface.

    Examples
    --------
    >>> from natriface.workflows import study_names
    >>> "li2025" in study_names()
    True
    """
    folder = files("natriface.templates") / "studies"
    return tuple(sorted(p.name[:-5] for p in folder.iterdir() if p.name.endswith(".yaml")))


def study_path(name_or_path: str | Path) -> Path:
    """The file of a study that comes with natriface, or of the user's own.

    Raises
    ------
    StudyError
        If there is neither.

    Examples
    --------
    >>> from natriface.workflows import study_path
    >>> study_path("li2025").name
    'li2025.yaml'
    """
    path = _file_of(name_or_path)
    name_or_path = str(name_or_path)
    if path.is_file() or path.suffix in (".yaml", ".yml"):
        return path
    if name_or_path in study_names():
        return Path(str(files("natriface.templates") / "studies" / f"{name_or_path}.yaml"))
    beside = path.parent / f"{path.name}.yaml"
    if path.name and beside.is_file():
        raise StudyError(f"no study {name_or_path!r:.80}; there is a file {beside}: name that")
    if name_or_path and path.is_dir():
        raise StudyError(f"{path} is a folder, not a study; name the file in it")
    raise StudyError(
        f"no study {name_or_path!r:.80}, neither a file nor one that comes with natriface "
        f"({nearest(name_or_path, study_names())})"
    )


def _file_of(given: object) -> Path:
    """A path, or refused: what a study's file would hold is no study that can be run."""
    if isinstance(given, str | PathLike):
        return Path(given)
    raise StudyError(
        f"not a file but a {type(given).__name__} was given: a study is a YAML file, beside which "
        "its crystals and protocols lie; write it and give its path, or a name of study_names()"
    )


def load_study(path: Path | str) -> Study:
    """Read and validate a study.

    Raises
    ------
    StudyError
        Saying every wrong key or value, with the nearest valid key, or that there is nothing to
        compare with under the name that it gives.

    Examples
    --------
    >>> from natriface.workflows import load_study, study_path
    >>> load_study(study_path("na-surfaces"))
    Study(na-surfaces, Surfaces of Na, NaF and NaCl, engine potential)
    """
    path = _file_of(path)
    study = validated(study_model(), read_yaml(path), f"study {path.name}")
    return with_files_found(study, path.resolve().parent, f"study {path.name}")


def with_files_found(study: Study, root: Path, where: str) -> Study:
    """The study, a file of values that it compares with and patterns of candidates' files found
    from `root`.

    Raises
    ------
    StudyError
        If there is nothing to compare with under the name that it gives, or a pattern fits no file.
    """
    if study.scorecard is not None:
        given = study.scorecard.candidates
        key = f"{where}: scorecard, candidates"
        named = [
            Path(file).name if file != each else each
            for each in given
            for file in named_files(each, root, key)
        ]
        card = study.scorecard.model_copy(update={"candidates": list(dict.fromkeys(named))})
        study = study.model_copy(update={"scorecard": card})
    name = study.compare_with
    if name is None:
        return study
    if is_file_of_values(name):
        name = str(root / name)
    try:
        load_published(name)  # the report will need it, when all is computed
    except AnalysisError as error:
        raise StudyError(f"{where}: compare_with: {error}") from None
    return study.model_copy(update={"compare_with": name})

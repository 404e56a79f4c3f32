"""Labels: what a step's structure stands for, by which its part knows the result again.

Each part has its own in ``labels.py``, a model for each kind of role. A step holds them as plain
JSON in its ``metadata``, and so does its result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol, TypeVar, get_args

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from natriface.structures.base.errors import AnalysisError, StudyError, nearest
from natriface.workflows.parts import PARTS
from natriface.workflows.plan import ALSO
from natriface.workflows.surfaces.labels import SlabLabels
from natriface.workflows.validation import validated

DEFAULT_SECTION = "interfaces"
"""That of steps whose metadata name none."""


class Labels(BaseModel):
    """Labels of one kind of role; keys that are not declared are refused.

    Attributes
    ----------
    section
        The part that the step belongs to.
    role
        What the step is in it; a model allows those it is for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    section: str
    role: str

    def document(self) -> dict[str, Any]:
        """JSON-able, for a step's metadata: what was given."""
        named = {} if self.section == DEFAULT_SECTION else {"section": self.section}
        return {**named, "role": self.role, **self.model_dump(mode="json", exclude_unset=True)}

    @property
    def slabs(self) -> Sequence[SlabLabels]:
        """The slabs that its structure consists of."""
        return ()

    @property
    def cautions(self) -> Sequence[str]:
        """What its slabs cannot claim, and what was left out beside them."""
        return [f"{slab.name}: {slab.caution}" for slab in self.slabs if slab.caution]


class StepLabels(BaseModel):
    """What any step's metadata say to who does not know its part.

    Attributes
    ----------
    belongs_to
        The interface, surface, crystal or hop it is a step of.
    """

    model_config = ConfigDict(frozen=True)

    section: str = DEFAULT_SECTION
    role: str | None = None
    belongs_to: str | None = Field(None, validation_alias=AliasChoices("pair", "label"))


_Model = TypeVar("_Model", bound=BaseModel)


def read_labels(model: type[_Model], metadata: Mapping[str, Any], where: str) -> _Model:
    """A step's metadata as labels.

    Parameters
    ----------
    where
        Whose they are, such as the step's name.

    Raises
    ------
    AnalysisError
        Naming the keys that are missing, wrong, or not known.
    """
    try:
        own = {key: value for key, value in metadata.items() if key != ALSO}
        return validated(model, own, f"{where}: labels")
    except StudyError as error:
        raise AnalysisError(str(error)) from None


class Labelled(Protocol):
    """A step: planned, expected, or on record in a result."""

    @property
    def name(self) -> str: ...

    @property
    def metadata(self) -> Mapping[str, Any]: ...


def step_labels(step: Labelled) -> StepLabels:
    """What a step says to who does not know its part.

    Raises
    ------
    AnalysisError
        If its metadata are no labels.
    """
    return read_labels(StepLabels, step.metadata, step.name)


def metadata_in(step: Labelled, section: str) -> Mapping[str, Any] | None:
    """A step's metadata as a part has planned it; None where it is no step of the part."""
    if step_labels(step).section == section:
        return {key: value for key, value in step.metadata.items() if key != ALSO}
    also: Mapping[str, Mapping[str, Any]] = step.metadata.get(ALSO, {})
    return also.get(section)


class _LabelsModule(Protocol):
    LABELS: Sequence[type[Labels]]


def labels_of(step: Labelled) -> Labels:
    """A step's labels as its part declares them for the step's role.

    Raises
    ------
    AnalysisError
        If there is no such part or role, or the labels are not what the part declares.
    """
    said = step_labels(step)
    if said.section not in PARTS:
        raise AnalysisError(
            f"{step.name}: no part {said.section!r}; {nearest(said.section, PARTS)}"
        )
    module: _LabelsModule = import_module(f"{PARTS[said.section]}.labels")
    by_role = {role: model for model in module.LABELS for role in _roles(model)}
    if said.role not in by_role:
        hint = nearest(said.role or "", by_role)
        raise AnalysisError(f"{step.name}: {said.section} has no role {said.role!r}; {hint}")
    return read_labels(by_role[said.role], step.metadata, step.name)


def _roles(model: type[Labels]) -> tuple[str, ...]:
    return get_args(model.model_fields["role"].annotation)

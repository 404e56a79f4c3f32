"""Steps of a study, with the protocol's settings for their engine and kind filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from natriface.structures.base.errors import StudyError, nearest
from natriface.workflows.engines.base import engine as find_engine
from natriface.workflows.engines.base import engine_names
from natriface.workflows.parts.labels import Labels
from natriface.workflows.plan import KINDS, Input, Kind, Source, Step
from natriface.workflows.protocols import EVERY_KIND, Protocol, load_protocol
from natriface.workflows.study import Study


@dataclass(frozen=True)
class StepMaker:
    """Makes a study's steps.

    Attributes
    ----------
    study
        Whose steps, with its own settings.
    protocol
        That it names.
    decided
        Decisions that parts in stages have written down, by name.
    """

    study: Study
    protocol: Protocol
    decided: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        study: Study,
        root: Path | None = None,
        decided: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    ) -> StepMaker:
        """For a study, whose protocol's path is relative to `root`.

        Raises
        ------
        StudyError
            If there is no such protocol, or a setting is of no engine or kind, or of a kind that
            its engine does not compute.
        """
        return cls(study, load_protocol(study.protocol, root), decided)

    def __post_init__(self) -> None:
        for key in self.study.settings:
            engine, _, kind = key.rpartition(".")
            if engine and engine not in engine_names():
                raise StudyError(
                    f"settings: {key}: no engine {engine!r}; {nearest(engine, engine_names())}"
                )
            if kind == EVERY_KIND:
                continue
            if kind not in KINDS:
                hint = nearest(kind, (EVERY_KIND, *KINDS))
                raise StudyError(f"settings: no kind of calculation {kind!r}; {hint}")
            counts_for = engine or self.engine
            if kind not in find_engine(counts_for).capabilities.kinds:
                names = engine_names()
                able = [name for name in names if kind in find_engine(name).capabilities.kinds]
                raise StudyError(
                    f"settings: {key} counts for nothing, engine {counts_for} computes no "
                    f"{kind!r}; write {' or '.join(f'{name}.{kind}' for name in able)}"
                )

    @property
    def engine(self) -> str:
        """The study's."""
        return self.study.engine

    def settings(self, kind: str, engine: str | None = None) -> dict[str, Any]:
        """The protocol's settings with the study's on top."""
        engine = engine or self.engine
        return self.protocol.settings(engine, kind, self.study.overrides(kind, engine))

    def step(
        self,
        name: str,
        kind: Kind,
        n_atoms: int,
        *,
        engine: str | None = None,
        structure: dict[str, Any] | None = None,
        structure_from: Source | None = None,
        inputs: dict[str, Input] | None = None,
        labels: Labels | None = None,
        settings: dict[str, Any] | None = None,
    ) -> Step:
        """A step, on the study's engine unless another is named.

        Parameters
        ----------
        labels
            What the structure stands for.
        settings
            What this one step has beyond the protocol's and the study's settings.

        Raises
        ------
        EngineError
            If the settings name a file that cannot be read.
        pydantic.ValidationError
            Unless just one of `structure` and `structure_from` is given.
        """
        engine = engine or self.engine
        own = self.study.overrides(kind, engine) | (settings or {})
        choices = self.protocol.choices(engine, kind)
        settled = self.protocol.settings(engine, kind, own)
        pin = find_engine(engine).capabilities.pinned
        return Step(
            name=name,
            kind=kind,
            engine=engine,
            protocol=self.protocol.name,
            settings=pin(settled) if pin else settled,
            sources={name: c.source for name, c in choices.items() if name not in own},
            n_atoms=n_atoms,
            structure=structure,
            structure_from=structure_from,
            inputs=inputs or {},
            metadata=labels.document() if labels else {},
        )

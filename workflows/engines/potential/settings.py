"""What decides a result of engine potential: settings of each kind of step, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from natriface.analysis.results.deciding import MACHINE_OPTIONS, MODEL_ALIASES
from natriface.structures.base.errors import EngineError, nearest
from natriface.structures.base.numbers import Real, Whole
from natriface.workflows.engines.bands.search import BandSettings
from natriface.workflows.engines.potential.annealing import Annealing
from natriface.workflows.engines.potential.families import DEFAULT
from natriface.workflows.engines.potential.molecular_dynamics import MdSettings
from natriface.workflows.engines.potential.scanning import Scan
from natriface.workflows.engines.relaxation import RATTLE_SEED
from natriface.workflows.plan import Step


class PotentialSettings(BaseModel):
    """What decides a result of this engine.

    Attributes
    ----------
    model, model_options
        Calculator by name (`natriface.workflows.engines.potential.calculators`) and its options.
    model_source
        Checksum of the source of a calculator of one's own, which the plan adds.
    optimizer
        An optimiser of `ase.optimize` that can resume, or RFO, which starts with a Hessian of
        springs (`natriface.workflows.engines.model_hessian`) and leaves saddles.
    fmax_ev_per_angstrom
        A relaxation ends when no free atom feels more.
    max_steps
        A relaxation that needs more is unconverged.
    max_displacement_angstrom
        Longest move of an atom in one step.
    relax_cell
        Whether the cell is relaxed too (bulk only).
    stress
        Whether the final stress is computed, as it is where the cell is relaxed.
    rattle_angstrom
        Standard deviation of the random displacements that free atoms get before a relaxation, so
        that a symmetric start cannot end on a saddle.
    rattle_seed
        Of these displacements, which are the same for the same seed.
    anneal
        Molecular dynamics before a relaxation, so that it ends in another minimum.
    scan
        Registries and heights of an interface's film at which a single point is computed first,
        rigidly, energies only; the single point is that of the lowest.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = DEFAULT
    model_options: dict[str, Any] = Field(default_factory=dict)
    model_source: str | None = None
    optimizer: Literal["LBFGS", "BFGS", "FIRE", "RFO"] = "LBFGS"
    fmax_ev_per_angstrom: Real = Field(default=0.02, gt=0)
    max_steps: Whole = Field(default=600, gt=0)
    max_displacement_angstrom: Real = Field(default=0.2, gt=0, le=1)
    relax_cell: bool = False
    stress: bool = False
    rattle_angstrom: Real = Field(default=0.0, ge=0, le=0.2)
    rattle_seed: Whole = Field(default=RATTLE_SEED, ge=0, lt=2**32)
    anneal: Annealing | None = None
    scan: Scan | None = None

    @property
    def words(self) -> str:
        """The model by its own name, with the options that decide an energy."""
        options = {k: v for k, v in self.model_options.items() if k not in MACHINE_OPTIONS}
        name = MODEL_ALIASES.get(self.model, self.model)
        return f"{name} with {options}" if options else name

    @property
    def tells_stress(self) -> bool:
        """Whether the calculator must compute it."""
        return self.relax_cell or self.stress


class PotentialBandSettings(BandSettings):
    """What decides a band of this engine; see `PotentialSettings` and `BandSettings`."""

    model: str = DEFAULT
    model_options: dict[str, Any] = Field(default_factory=dict)
    model_source: str | None = None


Settings = TypeVar("Settings", PotentialSettings, PotentialBandSettings, MdSettings)


def settings_of(step: Step) -> PotentialSettings | PotentialBandSettings | MdSettings:
    """Validated settings of a step of whatever kind.

    Raises
    ------
    EngineError
        Naming the wrong key or value and the nearest valid one.
    """
    if step.kind == "neb":
        return validated(PotentialBandSettings, step)
    if step.kind == "md":
        return validated(MdSettings, step)
    return validated(PotentialSettings, step)


def doubts(steps: Sequence[Step]) -> list[str]:
    """What is doubtful about the settings of steps: relaxations by another model than the rigid."""
    models: dict[str, set[str]] = {"relax": set(), "static": set()}
    for step in steps:
        settings = settings_of(step)
        if step.kind in models and isinstance(settings, PotentialSettings):
            models[step.kind].add(settings.words)
    if not all(models.values()) or models["relax"] <= models["static"]:
        return []
    used = ", ".join(f"{kind} by {' and '.join(sorted(names))}" for kind, names in models.items())
    return [
        f"{used}: energies by different models are not subtracted, so that what rigid steps are "
        "for (rigid work of adhesion and the like) will be missing; set model and model_options "
        "for both kinds, or for all in a protocol of your own"
    ]


def validated(model: type[Settings], step: Step) -> Settings:
    """Settings of a step whose kind is known; errors as of `settings_of`."""
    try:
        return model.model_validate(step.settings)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        unknown = first["type"] == "extra_forbidden"
        hint = f" ({nearest(key, model.model_fields)})" if unknown else ""
        if key == "dispersion":
            hint = " (a potential has what it was trained on; engines gpaw and vasp add dispersion)"
        raise EngineError(
            f"{step.name}: setting {key!r} of engine potential: {first['msg']}{hint}"
        ) from None

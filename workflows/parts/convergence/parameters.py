"""The numerical parameters that an energy may be converged in, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Parameter:
    """A parameter.

    Attributes
    ----------
    of
        Whether it is a setting of the engine (`Capabilities.numerical`), or what of the structure.
    finest
        Which of two values is nearer to the limit.
    """

    words: str
    unit: str
    of: Literal["engine", "both", "interface", "slab"]
    finest: Literal["largest", "smallest"] = "largest"

    def valued(self, value: float) -> str:
        """A value with its unit, as people read it."""
        return f"{value:g} {self.unit.replace('A', 'Å')}".strip()

    @property
    def axis(self) -> str:
        """For a figure."""
        return f"{self.words} ({self.unit.replace('A', 'Å')})" if self.unit else self.words


PARAMETERS: dict[str, Parameter] = {
    "cutoff_ev": Parameter("plane-wave cut-off", "eV", "engine"),
    "kpoint_spacing_per_angstrom": Parameter("spacing of k-points", "1/A", "engine", "smallest"),
    "smearing_ev": Parameter("width of the smearing", "eV", "engine", "smallest"),
    "vacuum_angstrom": Parameter("vacuum", "A", "both"),
    "substrate_layers": Parameter("layers of the substrate", "", "interface"),
    "film_layers": Parameter("layers of the film", "", "interface"),
    "layers": Parameter("layers", "", "slab"),
}
"""By the key of the study."""


def parameters_of(*owners: str) -> tuple[str, ...]:
    """Keys of those of the engine, or of an interface or slab."""
    return tuple(key for key, each in PARAMETERS.items() if each.of in owners)

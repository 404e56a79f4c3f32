"""From measurements to the samples of a claim: what was computed alike, laid side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from natriface.analysis.energies.starts import in_quadrature
from natriface.analysis.results.claim import Choice, Claim, Measurement, require_finite


@dataclass(frozen=True)
class Sample:
    """One answer to a claim.

    Attributes
    ----------
    effect
        Of an order: how far the quantity rises over the step that decides, positive as claimed. Of
        a size: less the printed one. Of a bound: how far the printed value lies above it. Of an
        event: how often it happened.
    uncertainty
        Of the effect; None where it has none.
    choices
        What was chosen for it.
    by_dft
        Whether all of it is by DFT.
    """

    effect: float
    uncertainty: float | None = None
    choices: Mapping[Choice, str] = field(default_factory=dict)
    by_dft: bool = False

    def __post_init__(self) -> None:
        require_finite("a sample", (self.effect, self.uncertainty))

    @property
    def identity(self) -> tuple[object, ...]:
        """Equal for samples of which one says nothing more than the other."""
        return (self.effect, self.uncertainty, frozenset(self.choices.items()))


def samples_of(
    claim: Claim, measurements: Sequence[Measurement], printed: Mapping[str, float]
) -> list[Sample]:
    """The samples that the measurements give, of orders those whose systems were computed alike.

    Two measurements are alike where every choice that both had was the same.

    Parameters
    ----------
    printed
        The source's values, by system.
    """
    own = [m for m in measurements if m.quantity == claim.quantity and _fits(m, claim)]
    if claim.comparison == "rising":
        present = [name for name in claim.of if any(m.system == name for m in own)]
        by_system = [[m for m in own if m.system == name] for name in present]
        return [_weakest_step(chain) for chain in _alike(by_system)] if len(present) > 1 else []
    found = []
    for m in own:
        effect = m.value
        if claim.comparison in ("as printed", "not below"):
            if m.system not in printed:
                continue
            less = m.value - printed[m.system]
            effect = less if claim.comparison == "as printed" else -less
        found.append(Sample(effect, m.uncertainty, {**m.choices, "system": m.system}, m.by_dft))
    return found


def missing(claim: Claim, measurements: Sequence[Measurement]) -> list[str]:
    """The systems of a claim of which nothing was measured."""
    known = {m.system for m in measurements if m.quantity == claim.quantity and _fits(m, claim)}
    return [system for system in claim.of if system not in known]


def ranges(claim: Claim, measurements: Sequence[Measurement]) -> dict[str, tuple[float, float]]:
    """Least and largest value of each of a claim's systems that was measured, in its order."""
    own = [m for m in measurements if m.quantity == claim.quantity and _fits(m, claim)]
    values = {name: [m.value for m in own if m.system == name] for name in claim.of}
    return {name: (min(found), max(found)) for name, found in values.items() if found}


def _fits(measurement: Measurement, claim: Claim) -> bool:
    chosen = measurement.choices
    return measurement.system in claim.of and all(
        chosen.get(name) == value for name, value in claim.only.items()
    )


def _alike(
    by_system: Sequence[Sequence[Measurement]], chain: tuple[Measurement, ...] = ()
) -> Iterator[tuple[Measurement, ...]]:
    if not by_system:
        yield chain
        return
    for candidate in by_system[0]:
        if all(_agree(candidate, other) for other in chain):
            yield from _alike(by_system[1:], (*chain, candidate))


def _agree(one: Measurement, other: Measurement) -> bool:
    both = one.choices.keys() & other.choices.keys()
    return all(one.choices[name] == other.choices[name] for name in both)


def _weakest_step(chain: Sequence[Measurement]) -> Sample:
    """The step of an order that is most surely reversed, or else least surely as claimed."""
    steps = [
        (after.value - before.value, in_quadrature(before.uncertainty, after.uncertainty))
        for before, after in pairwise(chain)
    ]
    known = [(effect, off) for effect, off in steps if off is not None]
    against = [(effect, off) for effect, off in known if effect < -off]
    unknown = [(effect, off) for effect, off in steps if off is None]
    effect: float
    uncertainty: float | None
    if against:
        effect, uncertainty = min(against, key=lambda step: step[0] + step[1])
    elif unknown:
        effect, uncertainty = min(unknown, key=lambda step: step[0])
    else:
        effect, uncertainty = min(known, key=lambda step: step[0] - step[1])
    choices = {name: value for m in chain for name, value in m.choices.items()}
    return Sample(effect, uncertainty, choices, all(m.by_dft for m in chain))

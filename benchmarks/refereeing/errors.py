"""How far a potential's energies per area lie from DFT's, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr, t

from benchmarks.refereeing.energies import (
    CRYSTAL_EV_PER_ANGSTROM,
    SLAB_EV_PER_ANGSTROM,
    Energies,
)
from benchmarks.refereeing.samples import Reference, Sample, is_multiple
from natriface.analysis.energies.interface_energy import interfacial_formation_energy
from natriface.analysis.energies.surface_energy import surface_energy
from natriface.analysis.results.result import Result

RESAMPLES = 4000
SURFACES, BOUNDARIES, BOTH = "surfaces", "boundaries", "surfaces and boundaries"
RELAXED = "surfaces, relaxed by the potential"
BINDING, BINDING_OTHER = "binding", "binding, other compositions"


@dataclass(frozen=True)
class Deviation:
    """One energy per area by DFT and by a potential, J/m2."""

    sample: str
    facet: str
    dft: float
    potential: float

    @property
    def error(self) -> float:
        """Potential less DFT, J/m2."""
        return self.potential - self.dft


@dataclass(frozen=True)
class Errors:
    """Of one potential over the samples of one quantity, J/m2.

    Attributes
    ----------
    signed, absolute
        Means of the error and of its size.
    low, high
        Where 95 % of `absolute` lie as facets are drawn anew with replacement.
    worst, worst_sample
        The largest error and whose it is.
    rank
        Spearman's coefficient over the lowest energy of each facet; ``None`` below three facets,
        or where several kinds of energy are together.
    in_order, n_pairs
        Pairs of facets in DFT's order, of all.
    """

    n: int
    n_facets: int
    signed: float
    absolute: float
    low: float
    high: float
    worst: float
    worst_sample: str
    rank: float | None
    in_order: int
    n_pairs: int


def deviations(
    reference: Reference, energies: Energies, relax_up_to: int = 0
) -> tuple[dict[str, list[Deviation]], list[str]]:
    """What DFT and a potential say, by quantity, and the names of samples not yet computed.

    ``surfaces`` and ``boundaries`` are energies of stoichiometric cells against the crystal.
    ``binding`` is that of a boundary's two grains, each relaxed as a free slab; it needs no
    crystal, so that cells of other compositions have it too. Geometries are DFT's, but for the
    slabs of at most `relax_up_to` atoms that the potential relaxes besides.
    """
    crystal = reference.bulk.final_atoms()
    bulk = (
        energies.relaxed(crystal, "bulk", CRYSTAL_EV_PER_ANGSTROM)
        if reference.bulk_relaxed
        else energies.static(crystal, "bulk")
    )
    found: dict[str, list[Deviation]] = {
        name: [] for name in (SURFACES, BOUNDARIES, RELAXED, BINDING, BINDING_OTHER)
    }
    computed: dict[str, Result] = {}
    missing = [] if bulk else ["bulk"]
    halves = {s.name: _half(s, reference.samples) for s in reference.samples}
    used = {half.name for half in halves.values() if half is not None}
    for sample in reference.samples:
        atoms, half = sample.dft.final_atoms(), halves[sample.name]
        stoichiometric = is_multiple(atoms, crystal)
        if not stoichiometric and half is None and sample.name not in used:
            continue
        own = energies.static(atoms, sample.name)
        if own is None:
            missing.append(sample.name)
            continue
        computed[sample.name] = own
        if stoichiometric and bulk is not None:
            dft = surface_energy(sample.dft, reference.bulk).value_j_per_m2
            value = surface_energy(own, bulk).value_j_per_m2
            quantity = SURFACES if sample.kind == "slab" else BOUNDARIES
            found[quantity].append(Deviation(sample.name, sample.facet, dft, value))
            relaxes = sample.kind == "slab" and len(atoms) <= relax_up_to
            relaxed = (
                energies.relaxed(atoms, sample.name, SLAB_EV_PER_ANGSTROM) if relaxes else None
            )
            if relaxed is not None:
                value = surface_energy(relaxed, bulk).value_j_per_m2
                found[RELAXED].append(Deviation(sample.name, sample.facet, dft, value))
        if half is not None and half.name in computed:
            dft, value = _binding(sample.dft, half.dft), _binding(own, computed[half.name])
            quantity = BINDING if stoichiometric else BINDING_OTHER
            found[quantity].append(Deviation(sample.name, sample.facet, dft, value))
    found[BOTH] = found[SURFACES] + found[BOUNDARIES]
    return found, missing


def errors(found: Sequence[Deviation], ordered: bool = True) -> Errors | None:
    """The errors of some deviations; ``None`` of none.

    Parameters
    ----------
    ordered
        Whether they are of one kind, so that facets have an order.
    """
    if not found:
        return None
    sizes = np.abs([d.error for d in found])
    drawn = _resampled(sizes, [d.facet for d in found])
    worst = found[int(np.argmax(sizes))]
    facets = sorted({d.facet for d in found})
    lowest = np.array(
        [
            [min(getattr(d, by) for d in found if d.facet == facet) for facet in facets]
            for by in ("dft", "potential")
        ]
    )
    pairs = [(i, j) for i in range(len(facets)) for j in range(i) if ordered]
    in_order = sum(
        bool((lowest[0, i] - lowest[0, j]) * (lowest[1, i] - lowest[1, j]) > 0) for i, j in pairs
    )
    return Errors(
        n=len(found),
        n_facets=len(facets),
        signed=float(np.mean([d.error for d in found])),
        absolute=float(sizes.mean()),
        low=float(np.quantile(drawn, 0.025)),
        high=float(np.quantile(drawn, 0.975)),
        worst=worst.error,
        worst_sample=worst.sample,
        rank=float(spearmanr(*lowest).statistic) if ordered and len(facets) > 2 else None,
        in_order=in_order,
        n_pairs=len(pairs),
    )


def apart(
    one: Sequence[Deviation], other: Sequence[Deviation], n_comparisons: int = 1
) -> tuple[float, float, int]:
    """Ends of an interval of the difference of mean errors, J/m2, and the number of facets.

    Student's, of the facets' means over the samples that both have: of the few facets that there
    are, drawing anew says too little. Neither is better where the interval holds 0.

    Parameters
    ----------
    n_comparisons
        How many are made side by side: 95 % is for all together (Bonferroni).
    """
    theirs = {d.sample: abs(d.error) for d in other}
    differences: dict[str, list[float]] = {}
    for d in one:
        if d.sample in theirs:
            differences.setdefault(d.facet, []).append(abs(d.error) - theirs[d.sample])
    means = np.array([np.mean(values) for values in differences.values()])
    if len(means) < 2:
        return -np.inf, np.inf, len(means)
    half = float(
        t.ppf(1 - 0.025 / n_comparisons, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means))
    )
    return float(means.mean()) - half, float(means.mean()) + half, len(means)


def _resampled(values: np.ndarray, facets: Sequence[str]) -> np.ndarray:
    """Means of values (n,) over facets drawn with replacement, (RESAMPLES,); seeded."""
    names = sorted(set(facets))
    member = np.array([[facet == name for facet in facets] for name in names], dtype=float)
    sums, counts = member @ values, member.sum(axis=1)
    draws = np.random.default_rng(0).integers(len(names), size=(RESAMPLES, len(names)))
    means: np.ndarray = sums[draws].sum(axis=1) / counts[draws].sum(axis=1)
    return means


def _half(boundary: Sample, samples: Sequence[Sample]) -> Sample | None:
    """The slab of which two make a boundary's cell: that of its name, else the lowest."""
    if boundary.kind != "boundary":
        return None
    whole = boundary.dft.final_atoms()
    halves = []
    for sample in samples:
        atoms = sample.dft.final_atoms()
        if sample.kind != "slab" or sample.facet != boundary.facet or 2 * len(atoms) != len(whole):
            continue
        if not is_multiple(whole, atoms):
            continue
        if np.allclose(atoms.cell.array[:2], whole.cell.array[:2], atol=1e-4):
            halves.append(sample)
    ending = boundary.name.partition(" ")[2]
    return min(
        halves,
        key=lambda s: (not s.name.endswith(ending), s.dft.converged_energy_ev()),
        default=None,
    )


def _binding(boundary: Result, half: Result) -> float:
    return interfacial_formation_energy(boundary, half, half, contacts=2).value_j_per_m2

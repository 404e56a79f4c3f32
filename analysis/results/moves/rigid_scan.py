"""A rigid scan of an interface over registries and gaps, as its result holds it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class ScanPoint(BaseModel):
    """The film as it is, at one registry and height.

    Attributes
    ----------
    shift
        In-plane, from where the film was built, in fractions of the cell's a and b.
    lift_angstrom
        Height above that at which the first two atoms touch there.
    gap_angstrom
        Height of the film's lowest atom over the substrate's highest; ``None`` where atoms overlap.
    energy_ev
        ``None`` where atoms overlap, or the potential gives no number.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    shift: tuple[float, float]
    lift_angstrom: float
    gap_angstrom: float | None = None
    energy_ev: float | None = None


class RigidScan(BaseModel):
    """Energies of an interface whose sides are moved and not relaxed.

    Attributes
    ----------
    points
        Shift by shift, in the order they were asked for.
    substrate_ev, film_ev
        Each side alone, as it lies in the interface.
    near
        By shift, in their order: which shifts lie so near that a relaxation from there is no search
        of its own, itself among them. Empty where that was not asked.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    points: tuple[ScanPoint, ...]
    substrate_ev: float
    film_ev: float
    near: tuple[tuple[int, ...], ...] = ()

    def best_of_shifts(self) -> dict[tuple[float, float], ScanPoint]:
        """The lowest point of every shift that has an energy."""
        best: dict[tuple[float, float], ScanPoint] = {}
        for point in self.points:
            if point.energy_ev is None:
                continue
            known = best.get(point.shift)
            if known is None or known.energy_ev is None or point.energy_ev < known.energy_ev:
                best[point.shift] = point
        return best

    def ranked(self) -> list[ScanPoint]:
        """The best points of the shifts: those `apart`, then the others, each lowest first."""
        apart = self.apart()
        return apart + [point for point in self._lowest_first() if point not in apart]

    def apart(self) -> list[ScanPoint]:
        """The best points of the shifts, lowest first, that are near to none lower of them."""
        number = {shift: k for k, shift in enumerate(dict.fromkeys(x.shift for x in self.points))}
        found: list[ScanPoint] = []
        covered: set[int] = set()
        for point in self._lowest_first():
            k = number[point.shift]
            if k not in covered:
                found.append(point)
                covered.update(self.near[k] if self.near else ())
        return found

    def _lowest_first(self) -> list[ScanPoint]:
        """The earlier of equals."""
        best = self.best_of_shifts().values()
        return sorted(best, key=lambda point: point.energy_ev or 0.0)

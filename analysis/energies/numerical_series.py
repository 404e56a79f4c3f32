"""How far a quantity is converged in one numerical parameter, all others held."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Series:
    """One quantity at several values of one parameter, from the coarsest to the finest.

    Attributes
    ----------
    values
        Of the parameter.
    quantities
        What was found at each, in one unit; None where nothing was.
    """

    values: tuple[float, ...]
    quantities: tuple[float | None, ...]

    @property
    def differences(self) -> list[float | None]:
        """Of each from that at the finest value; None where one of the two is missing."""
        last = self.quantities[-1]
        return [None if last is None or one is None else one - last for one in self.quantities]

    def within(self, tolerance: float) -> float | None:
        """The coarsest value from which on no quantity differs from the finest by more.

        Returns
        -------
        float or None
            None where that is the finest alone, or where it is not known: a value that is missing
            ends the row.
        """
        found = None
        for value, off in reversed(list(zip(self.values, self.differences, strict=True))[:-1]):
            if off is None or abs(off) > tolerance:
                break
            found = value
        return found

"""Numbers as reports write them."""

from __future__ import annotations

from natriface.analysis.results.wording import number, signed


def test_what_rounds_to_zero_has_no_minus() -> None:
    assert number(-0.002) == number(0.002) == "0.00"
    assert signed(-0.002) == signed(0.002) == "+0.00"
    assert (number(-0.006), signed(-0.006)) == ("−0.01", "−0.01")

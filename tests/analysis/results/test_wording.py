"""Numbers as reports write them."""

from __future__ import annotations

from natriface.analysis.results.wording import counted, number, signed


def test_what_rounds_to_zero_has_no_minus() -> None:
    assert number(-0.002) == number(0.002) == "0.00"
    assert signed(-0.002) == signed(0.002) == "+0.00"
    assert (number(-0.006), signed(-0.006)) == ("−0.01", "−0.01")


def test_one_is_one_thing_and_all_else_several() -> None:
    said = [counted(n, "layer") for n in (0, 0.5, 1, 1.0, 2)]
    assert said == ["0 layers", "0.5 layers", "1 layer", "1 layer", "2 layers"]
    assert counted(2, "registry") == "2 registries"

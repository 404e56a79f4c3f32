"""Fields of LOBSTER's curves against float(), to the last bit; whatever is damaged is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from natriface.analysis.readers.lobster.fields import Fields, decode_loose

LAYOUTS = [(10, 5), (9, 5), (8, 4), (9, 4), (11, 6)]


def text(numbers: list[int], width: int, decimals: int) -> np.ndarray:
    """Tens of thousands or so as LOBSTER prints them, the last followed by a newline."""
    printed = b" ".join(
        b"%*s" % (width - 1, b"%.*f" % (decimals, n / 10**decimals)) for n in numbers
    )
    return np.frombuffer(printed + b"\n", np.uint8)


@pytest.mark.parametrize(("width", "decimals"), LAYOUTS)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_every_number_is_that_of_float(width: int, decimals: int, data: st.DataObject) -> None:
    room = width - 2 - decimals  # digits before the dot, where there is no sign
    largest, least = 10 ** (decimals + room) - 1, 1 - 10 ** (decimals + room - 1)
    numbers = data.draw(st.lists(st.integers(least, largest), min_size=1, max_size=200))
    field = text(numbers, width, decimals)
    out = np.empty(len(numbers))
    assert Fields(width, decimals).decode(field, out)
    expected = np.array([float(token) for token in field.tobytes().split()])
    np.testing.assert_array_equal(out.view(np.int64), expected.view(np.int64))
    loose = decode_loose(field, width, decimals)
    assert loose is not None
    np.testing.assert_array_equal(loose, expected)


@pytest.mark.parametrize("width", [9, 10])
def test_more_numbers_than_are_decoded_at_a_time(width: int) -> None:
    numbers = (np.arange(30_001) * 7919 % 199_999 - 99_999).tolist()
    field, out = text(numbers, width, 5), np.empty(len(numbers))
    assert Fields(width, 5).decode(field, out)
    np.testing.assert_array_equal(out, [float(token) for token in field.tobytes().split()])


def test_a_number_below_the_last_decimal_keeps_its_sign() -> None:
    out = np.empty(1)
    assert Fields(10, 5).decode(np.frombuffer(b" -0.00000\n", np.uint8), out)
    assert np.signbit(out[0])


@pytest.mark.parametrize(
    "damaged",
    [
        b"  0.1234 ", b"  0.12 45", b"  0-12345", b"  0x12345", b"   .12345", b"- 1.12345",
        b"1 1.12345", b"--1.12345", b"1-1.12345", b"  1.1234A", b"*********", b"      nan",
        b"  1.2e-05", b"A 1.12345", b"  1,12345",
    ],
)  # fmt: skip
@pytest.mark.parametrize("among", [0, 63, 200])
def test_what_is_no_number_is_refused(damaged: bytes, among: int) -> None:
    sound = b"  0.12345 " * among
    field = np.frombuffer(sound + damaged + b"\n" + sound, np.uint8)
    assert not Fields(10, 5).decode(field, np.empty(2 * among + 1))
    assert decode_loose(field[: len(sound) + 10], 10, 5) is None


def test_a_digit_more_takes_the_place_of_the_separator() -> None:
    field = np.frombuffer(b"  0.123456  0.12345\n", np.uint8)
    assert not Fields(10, 5).decode(field, np.empty(2))
    assert decode_loose(field, 10, 5) is None


def test_numbers_that_outgrow_their_fields() -> None:
    tokens = [b"-15.00000", b"-100.12345", b"12345.00001", b"  0.00000", b"-99999.99999"]
    field = np.frombuffer(b" ".join(tokens) + b"\n", np.uint8)
    np.testing.assert_array_equal(decode_loose(field, 10, 5), [float(t) for t in tokens])
    shrunk = np.frombuffer(b" ".join([*tokens, b" 0.00000"]) + b"\n", np.uint8)
    assert decode_loose(shrunk, 10, 5) is None

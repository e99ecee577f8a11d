"""Numbers against exact arithmetic: whatever a register holds, no digit is invented or lost."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from drivers.modbus.conversion import (
    CODES,
    WHOLE_LIMIT,
    Conversion,
    conversion,
    text,
    unpack_code,
    wide_text,
)
from drivers.modbus.encoding import Encoding, WordOrder
from drivers.modbus.profile import Point
from drivers.report import Quality

POINT: TypeAdapter[Point] = TypeAdapter(Point)
WHOLE = [encoding for encoding in Encoding if encoding.whole]
REAL = [encoding for encoding in Encoding if encoding.real]


def point(encoding: Encoding, **settings: Any) -> Point:
    given: dict[str, Any] = {"at": 0, "type": encoding, "quantity": "power.active", **settings}
    made: Point = POINT.validate_python(given)
    return made


def value_of(
    made: Point, data: bytes, words: WordOrder = WordOrder.HIGH_FIRST, factor: str = "1"
) -> Any:
    converted = conversion(made, words, Fraction(factor))
    (raw,) = struct.unpack(">" + unpack_code(made, words), data)
    return (raw if converted.convert is None else converted.convert(raw)), converted.resolution


def size_of(encoding: Encoding) -> int:
    return 2 * encoding.registers


decimals = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent),
    st.integers(1, 99_999),
    st.integers(-5, 4),
)
ratios = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent),
    st.integers(1, 9_999),
    st.integers(-3, 2),
)


@pytest.mark.req("C-20")
@given(st.sampled_from(WHOLE), st.binary(min_size=8, max_size=8), decimals, ratios, st.booleans())
def test_a_whole_number_is_exact_whatever_its_scale_and_ratio(
    encoding: Encoding, data: bytes, scale: Decimal, ratio: Decimal, negative: bool
) -> None:
    data = data[: size_of(encoding)]
    factor = -ratio if negative else ratio
    made = point(encoding, scale=scale)
    value, resolution = value_of(made, data, factor=str(factor))
    raw = int.from_bytes(data, "big", signed=encoding.value.startswith("int"))
    exact = Fraction(raw) * Fraction(scale) * Fraction(factor)
    if value is Quality.OUT_OF_RANGE:
        assert abs(exact / Fraction(10) ** resolution) > WHOLE_LIMIT
    else:
        assert Fraction(value) * Fraction(10) ** resolution == exact
        assert abs(value) <= WHOLE_LIMIT


endless = st.builds(Fraction, st.integers(1, 100_000), st.sampled_from([3, 7, 11, 33, 110, 1_300]))


@pytest.mark.req("C-20")
@example(
    Encoding.UINT32, (12_345).to_bytes(4, "big") + bytes(4), Decimal("0.01"), Fraction(1000, 11)
)
@given(st.sampled_from(WHOLE), st.binary(min_size=8, max_size=8), decimals, endless)
def test_a_ratio_without_an_end_is_off_by_half_a_percent_of_a_step_at_most(
    encoding: Encoding, data: bytes, scale: Decimal, ratio: Fraction
) -> None:
    data = data[: size_of(encoding)]
    value, resolution = value_of(point(encoding, scale=scale), data, factor=str(ratio))
    raw = int.from_bytes(data, "big", signed=encoding.value.startswith("int"))
    step = Fraction(scale) * ratio
    if value is Quality.OUT_OF_RANGE:
        assert abs(raw * step / Fraction(10) ** resolution) > WHOLE_LIMIT
    else:
        assert abs(value * Fraction(10) ** resolution - raw * step) <= step / 200


def test_10000_volts_behind_10000_110_are_10000_volts() -> None:
    made = point(Encoding.UINT16, scale=Decimal("0.1"), quantity="voltage")
    value, resolution = value_of(made, (1100).to_bytes(2, "big"), factor="10000/110")
    assert (value, resolution) == (1_000_000, -2)


@example(Encoding.FLOAT32, struct.pack(">f", 0.5) + bytes(4), Decimal(1), 0, "1")
@example(Encoding.FLOAT32, struct.pack(">f", 16777215.0) + bytes(4), Decimal(1000), -9, "1")
@given(
    st.sampled_from(REAL),
    st.binary(min_size=8, max_size=8),
    decimals,
    st.integers(-6, 3),
    st.sampled_from(["1", "40", "0.5", "12.345", "-1", "1000/11", "1/3"]),
)
def test_a_real_number_is_rounded_once_half_to_even(
    encoding: Encoding, data: bytes, scale: Decimal, resolution: int, factor: str
) -> None:
    data = data[: size_of(encoding)]
    made = point(encoding, scale=scale, resolution=resolution)
    value, found = value_of(made, data, factor=factor)
    assert found <= resolution
    (raw,) = struct.unpack(">" + CODES[encoding], data)
    if math.isnan(raw):
        assert value is Quality.NOT_AVAILABLE
    elif math.isinf(raw):
        assert value is Quality.OUT_OF_RANGE
    else:
        exact = Fraction(raw) * Fraction(scale) * Fraction(factor) / Fraction(10) ** found
        if value is Quality.OUT_OF_RANGE:
            assert abs(exact) > WHOLE_LIMIT * (1 - Fraction(1, 10**12))
        else:
            assert value == round(exact)


@given(
    st.sampled_from([e for e in WHOLE + REAL if e.registers > 1]),
    st.binary(min_size=8, max_size=8),
)
def test_swapped_words_are_the_same_number(encoding: Encoding, data: bytes) -> None:
    data = data[: size_of(encoding)]
    settings = {"resolution": -2} if encoding.real else {}
    made = point(encoding, **settings)
    pairs = [data[i : i + 2] for i in range(0, len(data), 2)]
    swapped = b"".join(reversed(pairs))
    assert value_of(made, swapped, WordOrder.LOW_FIRST) == value_of(made, data)


@given(st.integers(0, 0xFFFF))
def test_tenths_are_tenths_for_every_16_bit_value(raw: int) -> None:
    value, resolution = value_of(
        point(Encoding.UINT16, scale=Decimal("0.1")), raw.to_bytes(2, "big")
    )
    assert (value, resolution) == (raw, -1)


def test_a_plain_register_costs_no_conversion() -> None:
    made = point(Encoding.UINT16, scale=Decimal("0.1"))
    assert conversion(made, WordOrder.HIGH_FIRST, Fraction(1)) == Conversion(-1, None)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (0x7FFF, Quality.NOT_AVAILABLE),
        (0x8000, Quality.NOT_AVAILABLE),
        (1000, 1000),
        (-1000, -1000),
        (1001, Quality.OUT_OF_RANGE),
        (-1001, Quality.OUT_OF_RANGE),
    ],
)
@pytest.mark.req("C-20")
def test_absent_and_impossible_values_are_none_with_a_reason(raw: int, expected: object) -> None:
    made = point(
        Encoding.INT16,
        scale=Decimal("0.1"),
        absent=(0x7FFF, -0x8000),
        range={"min": -100, "max": 100},
    )
    assert value_of(made, struct.pack(">H", raw & 0xFFFF))[0] == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [(1.0, 1000), (1.0004, 1000), (1.0006, Quality.OUT_OF_RANGE), (-1.0, -1000)],
)
def test_the_ends_of_a_range_are_inside_as_they_are_shown(number: float, expected: object) -> None:
    made = point(Encoding.FLOAT32, resolution=-3, range={"min": -1, "max": 1})
    assert value_of(made, struct.pack(">f", number))[0] == expected


def test_a_range_is_the_meters_own_and_moves_with_ratio_and_direction() -> None:
    made = point(Encoding.FLOAT32, resolution=0, range={"min": -10, "max": 100})
    assert value_of(made, struct.pack(">f", 99.0), factor="40")[0] == 3960
    assert value_of(made, struct.pack(">f", 99.0), factor="-40")[0] == -3960
    assert value_of(made, struct.pack(">f", -11.0), factor="-40")[0] is Quality.OUT_OF_RANGE


def test_a_counter_is_never_below_nothing() -> None:
    for encoding, data in (
        (Encoding.INT32, struct.pack(">i", -1)),
        (Encoding.FLOAT32, struct.pack(">f", -1.0)),
    ):
        made = point(encoding, quantity="energy.import", resolution=0)
        assert value_of(made, data)[0] is Quality.OUT_OF_RANGE


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"AB-12\0\0\0", "AB-12"),
        (b"  AB  ", "AB"),
        (b"A\xffB\x01", "A?B?"),
        (b"\0\0", Quality.NOT_AVAILABLE),
        (b"    ", Quality.NOT_AVAILABLE),
    ],
)
def test_text_is_what_can_be_shown(data: bytes, words: object) -> None:
    assert text(data) == words


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\0A\0B\0-\0001", "AB-1"),
        (b"\0A\0B\0\0\0\0", "AB"),
        (b"\0A\0 \0 ", "A"),
        (b"xAxB", "AB"),  # the high byte is not part of it
        (b"\0A\0\xff", "A?"),
        (b"\0\0\0\0", Quality.NOT_AVAILABLE),
    ],
)
def test_wide_text_is_one_character_a_register(data: bytes, words: object) -> None:
    assert wide_text(data) == words
    made = point(
        Encoding.WIDE_STRING, quantity="note", registers=len(data) // 2, words=WordOrder.LOW_FIRST
    )
    assert value_of(made, data, WordOrder.LOW_FIRST) == (words, 0)  # words have no order to swap


@pytest.mark.parametrize("read", [text, wide_text])
@given(data=st.binary(max_size=40))
def test_text_never_fails(read: Callable[[bytes], object], data: bytes) -> None:
    words = read(data)
    assume(not isinstance(words, Quality))
    assert isinstance(words, str)
    assert words.isprintable()

"""From a register's number to a value of its quantity: exact, compiled once per point. Pure.

A value is an integer of ``10**resolution`` of the quantity's unit.

* **Whole numbers** are multiplied by an integer. The resolution is made as fine as scale times
  ratio needs, so nothing is rounded: ``raw * 0.1`` and ``raw / 10`` differ for a third of
  all 16-bit values, ``raw * 1`` at resolution -1 for none.
* **Whole numbers times a ratio without an end in decimals**, such as 10000/110, are rounded once,
  half to even, at two digits more than a step of the register has: by at most half a percent of
  that step. No reading depends on another one, so a counter's error never adds up.
* **IEEE 754 numbers** are rounded, half to even, to the resolution the profile declares. A float32
  has 24 bits; times an integer below 2**29 it fits the 53 of a double, so one multiplication is
  exact and one rounding is all. Everything else goes through exact integers.

What is no value is a `Quality` instead: absent, NaN, infinite, outside its range, or beyond 64
bits.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor, nextafter
from typing import TYPE_CHECKING, Any, Final

from config.ratio import decimal_exponent
from drivers.modbus.encoding import Encoding, WordOrder
from drivers.quantity import Kind
from drivers.report import Quality

if TYPE_CHECKING:
    from drivers.modbus.profile import Point

Value = int | str | Quality
Convert = Callable[[Any], Value]

CODES: Final = {
    Encoding.UINT16: "H",
    Encoding.INT16: "h",
    Encoding.UINT32: "I",
    Encoding.INT32: "i",
    Encoding.UINT64: "Q",
    Encoding.INT64: "q",
    Encoding.FLOAT32: "f",
    Encoding.FLOAT64: "d",
}
"""`struct` codes; all are big-endian, as Modbus is."""

WHOLE_LIMIT: Final = 2**63 - 1
"""Values are stored as signed 64-bit integers."""
_EXTRA_DIGITS: Final = 2
"""Digits below a step of the register, where a ratio has no end in decimals."""
_EXACT_FACTOR: Final = 2**29
"""A float32's 24 bits times this many more stay within a double's 53."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """How one point's number becomes a value.

    Attributes:
        resolution: The decimal exponent of its values.
        convert: From what `struct` unpacks; ``None`` where that already is the value.
    """

    resolution: int
    convert: Convert | None


def unpack_code(point: Point, words: WordOrder) -> str:
    """The `struct` code that takes a point's registers: a number, or bytes to be put in order."""
    swapped = words is WordOrder.LOW_FIRST and point.span.count > 1
    if point.type.text or swapped:
        return f"{2 * point.span.count}s"
    return CODES[point.type]


def raw_number(point: Point, words: WordOrder) -> Convert | None:
    """What puts the words of a number in order; ``None`` where `struct` already does."""
    if point.type.text or words is WordOrder.HIGH_FIRST or point.span.count == 1:
        return None
    count = point.span.count
    code = struct.Struct(">" + CODES[point.type])
    halves = struct.Struct(f">{count}H")

    def ordered(data: bytes) -> Any:
        return code.unpack(halves.pack(*reversed(halves.unpack(data))))[0]

    return ordered


def conversion(point: Point, words: WordOrder, factor: Fraction) -> Conversion:
    """The conversion of the raw values of ``point``.

    Args:
        point: One that has a quantity.
        words: The order of its registers.
        factor: What the installation multiplies it by.
    """
    if point.type.text:
        return Conversion(0, TEXTS[point.type])
    scale = Fraction(point.scale) * factor
    if point.type.whole:
        exact = decimal_exponent(scale)
        resolution = _magnitude(scale) - _EXTRA_DIGITS if exact is None else exact
        if point.resolution is not None:
            resolution = min(resolution, point.resolution)
        convert = _whole(point, scale / Fraction(10) ** resolution)
    else:
        assert point.resolution is not None
        # A ratio below 1 makes the numbers smaller, not coarser.
        resolution = point.resolution + min(0, _magnitude(factor))
        convert = _real(point, scale / Fraction(10) ** resolution)
    order = raw_number(point, words)
    if order is not None:
        convert = _then(order, convert)
    return Conversion(resolution, convert)


def text(data: bytes) -> Value:
    """ASCII, padded with NUL or space; what cannot be shown becomes ``?``."""
    words = data.split(b"\0", 1)[0].decode("ascii", "replace").strip()
    if not words:
        return Quality.NOT_AVAILABLE
    return "".join(
        c if c.isprintable() and c != "\N{REPLACEMENT CHARACTER}" else "?" for c in words
    )


def wide_text(data: bytes) -> Value:
    """The same of the low bytes alone; what the high ones hold is not part of it."""
    return text(data[1::2])


TEXTS: Final[Mapping[Encoding, Convert]] = {
    Encoding.STRING: text,
    Encoding.WIDE_STRING: wide_text,
}
"""How each encoding of words is read."""


def _then(order: Convert, convert: Convert | None) -> Convert:
    if convert is None:
        return order
    return lambda data: convert(order(data))


def _magnitude(number: Fraction) -> int:
    """The exponent of the first decimal digit that is not zero: 12.3 -> 1, 0.05 -> -2."""
    size = abs(number)
    exponent = len(str(size.numerator)) - len(str(size.denominator))
    return exponent if size >= Fraction(10) ** exponent else exponent - 1


def _limits(point: Point, unit: Fraction) -> tuple[Fraction | None, Fraction | None]:
    """The point's range, both ends included, in ``unit`` of its quantity's; negative turns it."""
    low, high = point.range.min, point.range.max
    assert point.quantity is not None
    if low is None and point.quantity.kind is Kind.COUNTER:
        low = Decimal(0)  # what only counts up was never below nothing
    ends = [None if end is None else Fraction(end) / unit for end in (low, high)]
    return (ends[0], ends[1]) if unit > 0 else (ends[1], ends[0])


def _whole(point: Point, factor: Fraction) -> Convert | None:
    low, high = _limits(point, Fraction(point.scale))
    bits = 16 * point.span.count
    signed = point.type.value.startswith("int")
    least, most = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    room = floor(WHOLE_LIMIT / abs(factor))
    lowest = max(least, -room, least if low is None else ceil(low))
    highest = min(most, room, most if high is None else floor(high))
    absent = frozenset(point.absent)
    multiple = _multiple(factor)
    if not absent and lowest == least and highest == most:
        return None if factor == 1 else multiple

    def convert(raw: int) -> Value:
        if raw in absent:
            return Quality.NOT_AVAILABLE
        return multiple(raw) if lowest <= raw <= highest else Quality.OUT_OF_RANGE

    return convert


def _multiple(factor: Fraction) -> Callable[[int], int]:
    """What multiplies by ``factor``; rounds half to even where that is not a whole number."""
    if factor.denominator == 1:
        return factor.numerator.__mul__
    return lambda raw: round(raw * factor)


def _real(point: Point, factor: Fraction) -> Convert:
    """``factor`` is what one of the register's units is in units of the value."""
    low, high = _limits(point, Fraction(point.scale) / factor)
    lowest = -WHOLE_LIMIT if low is None else max(ceil(low), -WHOLE_LIMIT)
    highest = WHOLE_LIMIT if high is None else min(floor(high), WHOLE_LIMIT)
    edge = nextafter(float(WHOLE_LIMIT / abs(factor)), 0.0)
    exact = point.type is Encoding.FLOAT32 and factor.denominator == 1
    multiple: float | Fraction = factor
    number: Callable[[float], float | Fraction] = Fraction
    if exact and abs(factor.numerator) < _EXACT_FACTOR:
        multiple, number = float(factor.numerator), float

    def convert(raw: float) -> Value:
        if -edge <= raw <= edge:
            value = round(number(raw) * multiple)
            return value if lowest <= value <= highest else Quality.OUT_OF_RANGE
        return Quality.NOT_AVAILABLE if raw != raw else Quality.OUT_OF_RANGE

    return convert

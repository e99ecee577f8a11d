"""How values are written into registers."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Final


class Encoding(StrEnum):
    """How a value is written into registers; words and bytes high first unless said otherwise."""

    UINT16 = "uint16"
    INT16 = "int16"
    UINT32 = "uint32"
    INT32 = "int32"
    UINT64 = "uint64"
    INT64 = "int64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    STRING = "string"
    """ASCII, two characters a register, padded with NUL or space."""
    WIDE_STRING = "wide_string"
    """ASCII, one character a register, in its low byte; padded with NUL or space."""
    BIT = "bit"
    """A coil or discrete input."""

    @property
    def registers(self) -> int:
        """How many registers it takes; 0 where the point says."""
        return _REGISTERS[self]

    @property
    def bounds(self) -> tuple[Decimal, Decimal]:
        """The least and the greatest number it can hold; of numbers and bits."""
        if self is Encoding.BIT:
            return Decimal(0), Decimal(1)
        if self.real:
            most = Decimal("3.4e38") if self is Encoding.FLOAT32 else Decimal("1.7e308")
            return -most, most
        bits = 16 * self.registers
        if self.value.startswith("u"):
            return Decimal(0), Decimal(2**bits - 1)
        return Decimal(-(2 ** (bits - 1))), Decimal(2 ** (bits - 1) - 1)

    @property
    def whole(self) -> bool:
        """Whether it is a whole number."""
        return self.value.startswith(("int", "uint"))

    @property
    def real(self) -> bool:
        """Whether it is an IEEE 754 number."""
        return self.value.startswith("float")

    @property
    def text(self) -> bool:
        """Whether it is words, of as many registers as the point says."""
        return self in (Encoding.STRING, Encoding.WIDE_STRING)


_REGISTERS: Final = {
    Encoding.UINT16: 1,
    Encoding.INT16: 1,
    Encoding.UINT32: 2,
    Encoding.INT32: 2,
    Encoding.UINT64: 4,
    Encoding.INT64: 4,
    Encoding.FLOAT32: 2,
    Encoding.FLOAT64: 4,
    Encoding.STRING: 0,
    Encoding.WIDE_STRING: 0,
    Encoding.BIT: 1,
}


class WordOrder(StrEnum):
    """Which of a value's registers comes first."""

    HIGH_FIRST = "high_first"
    LOW_FIRST = "low_first"

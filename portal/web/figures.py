"""Numbers for people to read: exact, in a unit of a readable size.

A sample is an integer of ``10**resolution``; it becomes a `Decimal` by moving the point, never by
a float, so 2300 of 10**-1 W is 230 W and 123456789 Wh is 123,456.789 kWh to the last digit.
Counters are always shown whole: somebody bills from them. Gauges may be shortened where space is
short, by rounding half to even. A number of a resolution that the wire does not know is shown with
an exponent.

A value that could not be had is a dash with its reason, never 0 (requirement C-20).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final
from unicodedata import east_asian_width

from cloud_link.limits import RESOLUTIONS
from drivers.report import Kind, Quantity
from portal.web.words import duration_words

MISSING: Final = "–"
_PREFIXED: Final = {
    "W": "kW",
    "var": "kvar",
    "VA": "kVA",
    "Wh": "kWh",
    "varh": "kvarh",
    "VAh": "kVAh",
    "Pa": "kPa",
}
_ALWAYS_PREFIXED: Final = frozenset({"Wh", "varh", "VAh", "Pa"})
"""Units always read with their prefix: a meter's counter must not change its unit."""
_BINARY: Final = ("B", "KiB", "MiB", "GiB", "TiB")
_UNITS: Final = {"1": "", "deg": "°"}
_WIDE: Final = Context(prec=60)
_LONGEST_S: Final = 10**12
_SHORT_DIGITS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A value ready to be shown.

    Attributes:
        text: Digits with grouping (``12,345.678``), or a dash.
        unit: ``kWh``, ``°C``, or ``""``.
        missing: Whether there is no value; ``text`` is then a dash.
    """

    text: str
    unit: str = ""
    missing: bool = False

    def __str__(self) -> str:
        # Not a width in columns: Japanese sets 枚 and its like without a space after the digits.
        close = self.unit in {"", "°", "%"} or east_asian_width(self.unit[0]) == "W"
        glue = "" if close else "\N{NO-BREAK SPACE}"
        return f"{self.text}{glue}{self.unit}"


def figure(
    value: int | None, resolution: int, quantity: Quantity, *, short: bool = False
) -> Figure:
    """``value * 10**resolution`` in a readable unit of ``quantity``; ``short`` rounds gauges."""
    if value is None:
        return Figure(text=MISSING, missing=True)
    exact = exact_value(value, resolution)
    if resolution not in RESOLUTIONS:
        return Figure(text=f"{exact:E}", unit=quantity.unit)
    if quantity.unit == "s" and abs(exact) <= _LONGEST_S:
        return Figure(text=duration(exact))
    exact, unit = readable(exact, quantity)
    if short and quantity.kind is not Kind.COUNTER:
        exact = shorten(exact)
    return Figure(text=f"{exact:,f}", unit=unit)


def exact_value(value: int, resolution: int) -> Decimal:
    """``value * 10**resolution``, exactly, in the quantity's own unit."""
    return Decimal(value).scaleb(resolution, _WIDE)


def readable(exact: Decimal, quantity: Quantity) -> tuple[Decimal, str]:
    """The amount in the unit that suits its size, and that unit."""
    unit = quantity.unit
    if unit == "B":
        return _bytes(exact)
    if unit in _PREFIXED and (unit in _ALWAYS_PREFIXED or abs(exact) >= 1000):
        return exact.scaleb(-3, _WIDE), _PREFIXED[unit]
    return exact, _UNITS.get(unit, unit)


def chart_unit(quantity: Quantity, largest: Decimal) -> tuple[int, str]:
    """The power of ten to divide a whole chart by, and the unit it is then in.

    One unit for all points, chosen by the largest of them.
    """
    unit = quantity.unit
    if unit == "B":
        return 6, "MB"
    if unit in _PREFIXED and (unit in _ALWAYS_PREFIXED or abs(largest) >= 1000):
        return 3, _PREFIXED[unit]
    return 0, _UNITS.get(unit, unit)


def shorten(exact: Decimal) -> Decimal:
    """At most four significant digits, but never fewer than the whole number has."""
    whole = exact.adjusted() + 1
    keep = max(_SHORT_DIGITS - max(whole, 1), 0)
    if -exact.as_tuple().exponent <= keep:  # type: ignore[operator] # never NaN here
        return exact
    return exact.quantize(Decimal(1).scaleb(-keep), ROUND_HALF_EVEN, _WIDE)


def duration(seconds: Decimal) -> str:
    """``3 days 4 h``, ``2 h 5 min``, ``45 s``, in the language of the page."""
    return f"-{duration_words(-int(seconds))}" if seconds <= -1 else duration_words(int(seconds))


def _bytes(exact: Decimal) -> tuple[Decimal, str]:
    step = 0
    while abs(exact) >= 1024 and step < len(_BINARY) - 1:
        exact, step = exact / 1024, step + 1
    return (shorten(exact) if step else exact), _BINARY[step]

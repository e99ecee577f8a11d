"""Transformer ratios: ``40`` or, as on the nameplate, ``200/5``. Pure, and exact.

A ratio is a `Fraction`, because that of some transformers has no end in decimals: 10000/110 V is
90.909090... Nothing is rounded here; `drivers.modbus.conversion` rounds each reading once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from config.constraint import InvalidValueError, given_value
from console.templates import config as messages
from console.text import Message

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema

LARGEST: Final = 1_000_000
DIGITS: Final = 12
"""The most digits that a number of a ratio has before its decimal point, and after it."""
_NUMBER: Final = rf"[0-9]{{1,{DIGITS}}}(?:\.[0-9]{{1,{DIGITS}}})?"
_SLASH: Final = r"[ ]*/[ ]*"
_RATIO: Final = re.compile(rf"(-?{_NUMBER})(?:{_SLASH}({_NUMBER}))?", re.ASCII)


def parse_ratio(given: object) -> Fraction:
    """The ratio that was written as a number, or as ``primary/secondary``.

    Raises:
        InvalidValueError: It is neither, or not more than 0, or more than `LARGEST`.
    """
    ratio = given if isinstance(given, Fraction) else _from_text(given)
    if not ratio and isinstance(given, float) and given > 0:
        raise _invalid(messages.RATIO_TOO_SMALL(given=given_value(given)))
    if ratio <= 0:
        step = messages.RATIO_UNSIGNED() if ratio else messages.RATIO_FORM()
        raise _invalid(messages.RATIO_NOT_POSITIVE(given=given_value(given)), step)
    if ratio > LARGEST:
        raise _invalid(messages.RATIO_TOO_LARGE(given=given_value(given), limit=LARGEST))
    return ratio


def _from_text(given: object) -> Fraction:
    number = isinstance(given, int | float | str) and not isinstance(given, bool)
    found = _RATIO.fullmatch(_plain(given)) if number else None
    if found is None:
        raise _invalid(messages.RATIO(given=given_value(given)))
    primary, secondary = Fraction(found[1]), Fraction(found[2] or 1)
    if not secondary:
        raise _invalid(messages.RATIO_SECONDARY(given=given_value(given)))
    return primary / secondary


def _invalid(what: Message, step: Message | None = None) -> InvalidValueError:
    return InvalidValueError("ratio", what, next=step or messages.RATIO_FORM())


def _plain(given: object) -> str:
    """A number of YAML as it was written, but for its exponent; a text without blanks around it."""
    if not isinstance(given, float):
        return str(given).strip(" ")
    text = repr(given)
    return f"{given:.{DIGITS}f}".rstrip("0").rstrip(".") if "e-" in text else text


def decimal_exponent(number: Fraction) -> int | None:
    """The exponent of the last decimal digit that is not zero: 0.10 -> -1, 1200 -> 2.

    Returns:
        ``None`` where the decimals of ``number`` have no end; 0 for zero.
    """
    rest, twos, fives = number.denominator, 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return None
    if number.denominator > 1:
        return -max(twos, fives)
    whole, exponent = number.numerator, 0
    while whole and whole % 10 == 0:
        whole, exponent = whole // 10, exponent + 1
    return exponent


def ratio_text(ratio: Fraction) -> str:
    """A ratio as `parse_ratio` reads it: in decimals where they have an end, else as a fraction."""
    exponent = decimal_exponent(ratio)
    if exponent is None:
        return f"{ratio.numerator}/{ratio.denominator}"
    if exponent >= 0:
        return str(ratio.numerator)
    digits = str(int(ratio * 10**-exponent)).rjust(1 - exponent, "0")
    return f"{digits[:exponent]}.{digits[exponent:]}"


@dataclass(frozen=True, slots=True)
class RatioSchema:
    """Marks a setting that `parse_ratio` reads; only a validator reads this."""

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        text = core_schema.plain_serializer_function_ser_schema(ratio_text)
        return core_schema.no_info_plain_validator_function(parse_ratio, serialization=text)

    def __get_pydantic_json_schema__(
        self, _: CoreSchema, __: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        number = {"type": "number", "exclusiveMinimum": 0, "maximum": LARGEST}
        text = {"type": "string", "pattern": f"^{_NUMBER}(?:{_SLASH}{_NUMBER})?$"}
        return {"anyOf": [number, text]}

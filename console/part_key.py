"""The key of a reading's part, as it travels: which phase, tariff or slice a value is of.

This is its grammar; `write` and `read` are inverse, and every text is a key::

    key    = slice *("," slice) | token
    slice  = name "=" value
    name   = 1*(a to z or "_")
    value  = 1*(any character but "," and "=")
    token  = any other text: "" for the whole, a conductor (``l1``), two of them (``l1-l2``)

Which slices and tokens a quantity may have is `drivers.quantity.check_part`'s rule.

Imports nothing but the standard library: `drivers` write keys, `console.vocabulary` reads them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

TOKENS: Final = ("l1", "l2", "l3", "n", "l1-l2", "l2-l3", "l3-l1")
"""The tokens that quantities may have."""
_SLICE: Final = re.compile(r"(?P<name>[a-z_]+)=(?P<value>[^,=]+)")
_SLICES: Final = re.compile(r"[a-z_]+=[^,=]+(?:,[a-z_]+=[^,=]+)*")


@dataclass(frozen=True, slots=True)
class Slices:
    """The part of several names, each with its value: ``colour=mono,size=A4``."""

    pairs: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        if not self.pairs or not all(_SLICE.fullmatch(f"{n}={v}") for n, v in self.pairs):
            raise ValueError(f"{self.pairs!r} are not slices")


@dataclass(frozen=True, slots=True)
class Token:
    """The part that one word names; ``""`` is the whole."""

    text: str

    def __post_init__(self) -> None:
        if _SLICES.fullmatch(self.text):
            raise ValueError(f"{self.text!r} is the key of slices")


def write(part: Slices | Token) -> str:
    """The key of a part."""
    match part:
        case Slices(pairs=pairs):
            return ",".join(f"{name}={value}" for name, value in pairs)
        case Token(text=text):
            return text


def read(key: str) -> Slices | Token:
    """The part whose key this is; a text of no known form is a `Token`."""
    if not _SLICES.fullmatch(key):
        return Token(key)
    return Slices(tuple((one["name"], one["value"]) for one in _SLICE.finditer(key)))

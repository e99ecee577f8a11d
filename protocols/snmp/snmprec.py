"""Walks of SNMP agents as text: one variable a line, in the order of its identifiers.

::

    1.3.6.1.2.1.1.1.0 | 4  | Brother NC-6800h        octets, as text
    1.3.6.1.2.1.2.2.1.6.1 | 4x | 001ba90ba752        octets, in hexadecimal
    1.3.6.1.2.1.25.3.2.1.5.1 | 2 | 3                 a number, tagged with its type (RFC 2578)

(without the spaces), as simulators of agents read and recorders write them. Lines that begin with
``#`` are ours: what simulators refuse stays out of files that they are to read.

Pure. Sources: the format of snmpsim's data files; RFC 2578 section 7.1.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from protocols.snmp.model import Value, oid_key

_NUMBERS: Final = frozenset({"2", "65", "66", "67", "70"})
_NAMES: Final = frozenset({"6", "64"})
_OCTETS: Final = "4"
_NOTHING: Final = frozenset({"5", "128", "129", "130"})


class WalkError(ValueError):
    """A line that is no variable; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Walk:
    """The variables that an agent told.

    Attributes:
        rows: By identifier, in their order.
    """

    rows: Mapping[str, Value]

    @classmethod
    def parse(cls, text: str) -> Walk:
        """The walk that ``text`` holds; raises `WalkError`."""
        rows: dict[str, Value] = {}
        for number, line in enumerate(text.split("\n"), 1):
            line = line.removesuffix("\r")
            if not line.strip() or line.startswith("#"):
                continue
            parts = line.split("|", 2)
            try:
                oid, tag, given = parts
                key = ".".join(map(str, oid_key(oid.strip())))
                value = _value(tag.strip(), given)
            except ValueError as error:
                raise WalkError(
                    f"line {number}: {line!r} is not a valid variable: {error}"
                ) from None
            if value is not None:
                rows[key] = value
        return cls({oid: rows[oid] for oid in sorted(rows, key=oid_key)})

    def text(self) -> str:
        """The walk as a file holds it; what type a number was of is not known any more."""
        return "".join(f"{oid}|{_written(value)}\n" for oid, value in self.rows.items())

    def below(self, base: str) -> dict[str, Value]:
        """The variables below ``base``, in their order."""
        start = oid_key(base)
        keys = [oid_key(oid) for oid in self.rows]
        first, last = bisect_right(keys, start), bisect_left(keys, (*start[:-1], start[-1] + 1))
        return dict(list(self.rows.items())[first:last])


def _value(tag: str, given: str) -> Value | None:
    if tag.endswith("x"):
        data = bytes.fromhex(given)
        if tag[:-1] == _OCTETS:
            return data
        return _typed(tag[:-1], ".".join(map(str, data)) if tag == "64x" else data.decode())
    return _typed(tag, given)


def _typed(tag: str, given: str) -> Value | None:
    if tag in _NUMBERS:
        return int(given)
    if tag in _NAMES:
        return given.strip()
    if tag == _OCTETS:
        return given.encode()
    if tag in _NOTHING:
        return None
    raise ValueError(f"type {tag!r} is not known")


def _written(value: Value) -> str:
    if isinstance(value, bytes):
        words = value.decode("ascii", "replace")
        # Blanks at an end would be stripped by whoever reads lines.
        plain = words.isprintable() and value.isascii() and words == words.strip()
        return f"4|{words}" if plain else f"4x|{value.hex()}"
    if isinstance(value, str):
        return f"{'6' if value.count('.') != 3 else '64'}|{value}"
    number = int(value)
    if number > 0xFFFFFFFF:
        return f"70|{number}"
    return f"2|{number}" if -(1 << 31) <= number < 1 << 31 else f"66|{number}"

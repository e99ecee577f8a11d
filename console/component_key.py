"""The key of a device's component, as it travels: written by drivers, read for a person's words.

A condition names the component that it is about by a text, ``tray 2``. This is its grammar; `write`
and `read` are inverse, and every text is a key::

    key        = conductor | unit [" " number] | supply [" " colour] | name
    conductor  = "l1" | "l2" | "l3" | "n"
    unit       = one of UNITS
    number     = a decimal of at most 24 digits without leading zeros
    supply     = one of SUPPLIES, its underscores as blanks
    colour     = one of COLOURS, its underscores as blanks
    name       = any other text, such as one of a profile or of a newer gateway

Imports nothing but the standard library: `drivers` write keys, `console.vocabulary` reads them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

LENGTH_LIMIT: Final = 100
"""Characters of a key that the portal stores; it refuses an event with a longer one."""
CONDUCTORS: Final = ("l1", "l2", "l3", "n")
UNITS: Final = (
    "tray",
    "roll",
    "input",
    "output",
    "cover",
    "marker",
    "path",
    "channel",
    "interpreter",
    "finisher",
    "finisher supply",
    "supply",
)
"""The parts of a device, which its driver numbers."""
SUPPLIES: Final = (
    "toner",
    "ink",
    "drum",
    "developer",
    "fuser",
    "fuser_oil",
    "transfer_unit",
    "corona_wire",
    "ribbon",
    "wax",
    "water",
    "glue",
    "binding",
    "banding",
    "staples",
    "wrap",
    "insert",
    "cover_sheet",
    "cleaner",
    "maintenance_kit",
    "waste",
    "maintenance_tank",
    "paper",
    "funds",
    "other",
)
"""The values of `drivers.report.Supply.kind`."""
COLOURS: Final = (
    "black",
    "photo_black",
    "matte_black",
    "cyan",
    "light_cyan",
    "magenta",
    "light_magenta",
    "yellow",
    "gray",
    "light_gray",
    "red",
    "green",
    "blue",
    "orange",
    "violet",
    "white",
)
"""The values of `drivers.report.Supply.colour`."""
_NUMBERS: Final = 10**24
"""More than any integer that an agent can send: SNMP has none of more than 64 bits."""


@dataclass(frozen=True, slots=True)
class Conductor:
    """A conductor of the mains: one of `CONDUCTORS`."""

    name: str

    def __post_init__(self) -> None:
        _check_one_of(CONDUCTORS, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A part of a device: its kind, one of `UNITS`, and its number where it has one."""

    kind: str
    number: int | None = None

    def __post_init__(self) -> None:
        _check_one_of(UNITS, self.kind)
        if self.number is not None and not 0 <= self.number < _NUMBERS:
            raise ValueError(f"{self.number} is not the number of a unit")


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyItem:
    """A supply: its kind, one of `SUPPLIES`, and its colour, one of `COLOURS` or ``""``."""

    kind: str
    colour: str = ""

    def __post_init__(self) -> None:
        _check_one_of(SUPPLIES, self.kind)
        _check_one_of(("", *COLOURS), self.colour)


@dataclass(frozen=True, slots=True)
class Name:
    """A component that has no other form; ``""`` is the whole device."""

    text: str

    def __post_init__(self) -> None:
        if _FORMS.fullmatch(self.text):
            raise ValueError(f"{self.text!r} is the key of another form")


Component = Conductor | Unit | SupplyItem | Name


def write(component: Component) -> str:
    """The key of a component."""
    match component:
        case Unit(kind=kind, number=number):
            return kind if number is None else f"{kind} {number}"
        case SupplyItem(kind=kind, colour=colour):
            return _blanks(f"{kind} {colour}" if colour else kind)
        case Conductor(name=text) | Name(text=text):
            return text


def read(key: str) -> Component:
    """The component whose key this is; a text of no known form is a `Name`."""
    found = _FORMS.fullmatch(key)
    if not found:
        return Name(key)
    if found["conductor"]:
        return Conductor(found["conductor"])
    if found["unit"]:
        number = found["number"]
        return Unit(kind=found["unit"], number=int(number) if number else None)
    return SupplyItem(kind=_underscores(found["supply"]), colour=_underscores(found["colour"]))


def kind(key: str) -> str:
    """The kind of the unit or the supply whose key this is; ``""`` for other components."""
    match read(key):
        case Unit(kind=found) | SupplyItem(kind=found):
            return found
        case _:
            return ""


def _check_one_of(known: Iterable[str], value: str) -> None:
    if value not in known:
        raise ValueError(f"{value!r} is not one of {', '.join(known)}")


def _blanks(value: str) -> str:
    return value.replace("_", " ")


def _underscores(words: str | None) -> str:
    return (words or "").replace(" ", "_")


def _any_of(values: Iterable[str]) -> str:
    return "|".join(re.escape(_blanks(value)) for value in values)


_FORMS: Final = re.compile(
    rf"(?P<conductor>{_any_of(CONDUCTORS)})"
    rf"|(?P<unit>{_any_of(UNITS)})(?: (?P<number>0|[1-9][0-9]{{0,23}}))?"
    rf"|(?P<supply>{_any_of(SUPPLIES)})(?: (?P<colour>{_any_of(COLOURS)}))?"
)
"""Every form of a key but a name. `Pattern.fullmatch` tries all: ``fuser oil`` is a supply."""

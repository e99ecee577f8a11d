"""What a profile may say: a maker's register map as data. Pure: no file, no network.

::

    Profile
    |-- maker, model, sources      who it is, and the two places that say so
    |-- state                      what the device does whenever it answers, if no register says
    |-- modbus                     word order, the most one read may ask for, timeout
    |-- readable, forbidden        gaps that may, and registers that must not, be touched
    |-- groups                     poll groups and their periods
    |-- silence                    when the device may be silent without being broken
    |-- defaults                   what a point has where it does not say
    `-- points                     one per value:
            at, table, type, words, group      where it is, and how it is encoded
            one of: quantity + part + scale + resolution + absent + range
                    identity                   maker, model, serial, firmware, mac
                    states                     number -> what the device is doing
                    bits / values              bit or number -> condition
                    match                      numbers that say it is this model

Nothing here decides, loops or computes across points; what needs that is a driver in Python.

Source: design section 3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, ClassVar, Final, Literal

from annotated_types import Ge, Le, MaxLen, MinLen

from config.constraint import RULES, Check, Exact, InvalidValueError, Pattern
from console import component_key
from console.name import is_name
from console.templates import profile as texts
from console.templates import value as values
from drivers.modbus.encoding import Encoding, WordOrder
from drivers.quantity import Kind, PartError, Quantity, check_part
from drivers.report import Code, Severity, State
from protocols.modbus.planner import LIMITS, Span, Table

IDENTITY_GROUP: Final = "identity"
"""The poll group of who the device is; read first, and then once an hour."""
IDENTITY_PERIOD_S: Final = 3600.0
DEFAULT_GROUP: Final = "live"


def _quantity(given: object) -> object:
    if isinstance(given, Quantity):
        return given
    try:
        return Quantity(str(given))
    except ValueError:
        known = [quantity.value for quantity in Quantity]
        raise InvalidValueError(
            "unknown", texts.UNKNOWN_QUANTITY(name=str(given)), given=given, known=known
        ) from None


def _exact(given: object) -> object:
    """YAML has read 0.1 as a float; its shortest text is what was written."""
    return Decimal(repr(given)) if isinstance(given, float) else given


def _key(given: object) -> object:
    """A key is text as it was written, and makers' maps are often hexadecimal."""
    return int(given, 16) if isinstance(given, str) and _HEXADECIMAL.fullmatch(given) else given


def _distinct(given: object) -> object:
    """As numbers, for as text ``16`` and ``0x10`` are two keys, and one of them would be lost."""
    written: dict[object, object] = {}
    for key in given if isinstance(given, Mapping) else ():
        number = _key(key)
        if isinstance(number, str) and _DECIMAL.fullmatch(number):
            number = int(number)
        if number in written:
            what = texts.SAME_NUMBER(first=str(written[number]), second=str(key))
            raise InvalidValueError("twice", what, next=values.REMOVE_ONE())
        written[number] = key
    return given


_HEXADECIMAL: Final = re.compile(r"0x[0-9a-fA-F]+")
_DECIMAL: Final = re.compile(r"[-+]?[0-9]+")
Address = Annotated[int, Exact(), Ge(0), Le(0xFFFF)]
Key = Annotated[int, Check(_key, first=True)]
Bit = Annotated[Key, Ge(0), Le(63)]
Number = Annotated[Decimal, Check(_exact, first=True)]
Word = Annotated[str, Pattern(r"^[a-z][a-z0-9-]{0,30}$")]
OneLine = Annotated[str, MinLen(1), MaxLen(300)]
QuantityName = Annotated[Quantity, Check(_quantity, first=True)]


class Section:
    """What all sections share: a key nobody knows is an error."""

    __slots__ = ()
    __pydantic_config__: ClassVar = RULES


@dataclass(frozen=True, slots=True, kw_only=True)
class Modbus(Section):
    """How the device speaks Modbus."""

    words: WordOrder = WordOrder.HIGH_FIRST
    """Which register of a value comes first."""
    max_registers: Annotated[int, Ge(1), Le(LIMITS[Table.HOLDING])] = LIMITS[Table.HOLDING]
    """The most one read may ask for."""
    timeout_s: Annotated[float, Ge(0.05), Le(30)] = 1.0
    """How long an answer may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range(Section):
    """A run of addresses, both ends included."""

    table: Table
    first: Address
    last: Address

    def __post_init__(self) -> None:
        if self.last < self.first:
            what = texts.REVERSED_RANGE(first=self.first, last=self.last)
            raise InvalidValueError("range", what, next=texts.SWAP_ENDS())

    @property
    def span(self) -> Span:
        """The run of addresses as the planner takes it."""
        return Span(self.table, self.first, self.last - self.first + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group(Section):
    """A poll group."""

    every_s: Annotated[float, Ge(0.1), Le(86_400)] | None = None
    """Its period; without one, the device's own from the configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence(Section):
    """When the device may be silent without being broken."""

    when: Literal["never", "night", "sleep"] = "never"
    """Night for an inverter, sleep for a printer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits(Section):
    """What a value can be, in the unit of its quantity, both ends included."""

    min: Number | None = None
    max: Number | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert(Section):
    """A condition that a bit or a number means."""

    code: Code
    severity: Severity
    component: str = ""
    """Which part of the device: ``l1``, ``tray 2``, or a name of at most 100 characters."""
    message: str = ""

    def __post_init__(self) -> None:
        if self.component and not is_name(self.component, component_key.LENGTH_LIMIT):
            what = texts.NOT_A_COMPONENT(component=self.component)
            step = texts.COMPONENT_FORM(limit=component_key.LENGTH_LIMIT)
            raise InvalidValueError("component", what, next=step)


@dataclass(frozen=True, slots=True, kw_only=True)
class PointDefaults(Section):
    """Where a point is and how it is written; also what ``defaults`` may hold."""

    table: Table = Table.HOLDING
    type: Encoding = Encoding.UINT16
    words: WordOrder | None = None
    """Which of its registers comes first, where that differs from the device's."""
    group: Word | None = None
    """The poll group it is read in: ``live``, or ``identity`` for who the device is."""
    scale: Number = Decimal(1)
    """What one count is worth, in the unit of the quantity."""
    resolution: Annotated[int, Ge(-9), Le(9)] | None = None
    """The decimal exponent it is reported in: -1 means tenths. A whole number has its scale's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point(PointDefaults):
    """One value and what it means."""

    at: Address
    """Its first register, counted from 0 as on the wire."""
    registers: Annotated[int, Ge(1), Le(LIMITS[Table.HOLDING])] | None = None
    """How many registers a string takes."""

    quantity: QuantityName | None = None
    part: str = ""
    absent: tuple[int, ...] = ()
    """Raw values that mean that there is none."""
    range: Limits = Limits()

    identity: Literal["maker", "model", "serial", "firmware", "mac"] | None = None
    states: Annotated[Mapping[Key, State] | None, Check(_distinct, first=True)] = None
    bits: Annotated[Mapping[Bit, Alert] | None, Check(_distinct, first=True)] = None
    values: Annotated[Mapping[Key, Alert] | None, Check(_distinct, first=True)] = None
    match: tuple[int, ...] | None = None

    @property
    def target(self) -> tuple[str, ...]:
        """What the point tells; unique in a profile."""
        if self.quantity is not None:
            return ("quantity", self.quantity.value, self.part)
        if self.identity is not None:
            return ("identity", self.identity)
        if self.states is not None:
            return ("states",)  # a device does one thing; two registers would need a rule
        kind = next(name for name in ("bits", "values", "match") if getattr(self, name))
        return (kind, self.table.value, str(self.at))

    @property
    def poll_group(self) -> str:
        """The poll group that the point is read in."""
        tells_who = self.identity is not None or self.match is not None
        return self.group or (IDENTITY_GROUP if tells_who else DEFAULT_GROUP)

    @property
    def span(self) -> Span:
        """The registers or bits that the point takes."""
        return Span(self.table, self.at, self.registers or self.type.registers)

    def __post_init__(self) -> None:
        self._check_meaning()
        self._check_encoding()
        if self.quantity is not None:
            self._check_measure(self.quantity)

    def _check_meaning(self) -> None:
        meanings = ("quantity", "identity", "states", "bits", "values", "match")
        given = [name for name in meanings if getattr(self, name)]
        if len(given) != 1:
            what = texts.SEVERAL_MEANINGS(given=tuple(given)) if given else texts.NO_MEANING()
            raise InvalidValueError("meaning", what, next=texts.ONE_MEANING(known=meanings))
        if self.quantity is None and (self.part or self.scale != 1):
            raise InvalidValueError("meaning", texts.NEEDS_QUANTITY(), next=texts.ADD_QUANTITY())

    def _check_encoding(self) -> None:
        name = self.type.value
        _check_table(self.type, self.table)
        if self.type.text and self.registers is None:
            raise InvalidValueError("encoding", texts.NO_LENGTH(), next=texts.ADD_REGISTERS())
        if not self.type.text and self.registers is not None:
            what = texts.LENGTH_OF_NUMBER(type=name)
            raise InvalidValueError("encoding", what, next=texts.REMOVE_REGISTERS())
        if self.span.end > 0x10000:
            what = texts.PAST_END(last=self.span.end - 1)
            raise InvalidValueError("encoding", what, next=texts.CORRECT_ADDRESS())
        numeric = self.states or self.bits or self.values or self.match
        if numeric and not (self.type.whole or self.type is Encoding.BIT):
            what = texts.NOT_A_KEY(type=name)
            raise InvalidValueError("encoding", what, next=texts.WHOLE_TYPE())
        if self.absent and not self.type.whole:
            what = texts.ABSENT_OF(type=name)
            raise InvalidValueError("encoding", what, next=texts.WHOLE_TYPE_OR_NO_ABSENT())

    def _check_measure(self, quantity: Quantity) -> None:
        try:
            check_part(quantity, self.part)
        except PartError as error:
            raise InvalidValueError("part", error.what, next=error.next_step) from None
        text = quantity.kind is Kind.TEXT
        if text != self.type.text or self.type is Encoding.BIT:
            what = texts.WRONG_TYPE(quantity=quantity.value, type=self.type.value)
            raise InvalidValueError("measure", what, next=texts.TYPE_BY_QUANTITY())
        if self.type.real and self.resolution is None:
            what = texts.NO_RESOLUTION(type=self.type.value)
            raise InvalidValueError("measure", what, next=texts.ADD_RESOLUTION())
        if not self.scale:
            raise InvalidValueError("measure", texts.ZERO_SCALE(), next=texts.NONZERO_SCALE())
        if self.type.whole and self.resolution is not None and self.resolution > self.exponent:
            what = texts.COARSE_RESOLUTION(resolution=self.resolution, scale=str(self.scale))
            step = texts.FINER_RESOLUTION(limit=self.exponent)
            raise InvalidValueError("measure", what, next=step)

    @property
    def exponent(self) -> int:
        """The decimal exponent of the last digit of the scale."""
        return exponent_of(self.scale)


@dataclass(frozen=True, slots=True, kw_only=True)
class WritableRegister(Section):
    """A setting of the device that a technician may write."""

    at: Address
    """Its first register or bit, counted from 0 as on the wire."""
    table: Table = Table.HOLDING
    type: Encoding = Encoding.UINT16
    words: WordOrder | None = None
    """Which of its registers comes first, where that differs from the device's."""
    scale: Number = Decimal(1)
    """What one count is worth, in its unit."""
    unit: str = ""
    """The unit, for whoever is asked to confirm."""
    min: Number
    max: Number
    """What may be written, both ends included."""
    only: tuple[Number, ...] = ()
    """The values between them that it takes, where that is not all of them."""

    @property
    def span(self) -> Span:
        """The registers, or the one bit, that the setting takes."""
        return Span(self.table, self.at, self.type.registers)

    def __post_init__(self) -> None:
        if self.type.text:
            what = texts.NOT_WRITABLE(type=self.type.value)
            raise InvalidValueError("writable", what, next=texts.WRITABLE_TYPE())
        if self.table not in (Table.HOLDING, Table.COIL):
            what = texts.READ_ONLY_TABLE(table=self.table.value)
            raise InvalidValueError("writable", what, next=texts.WRITABLE_TABLE())
        _check_table(self.type, self.table)
        low, high = str(self.min), str(self.max)
        if self.max < self.min:
            what = texts.REVERSED_LIMITS(min=low, max=high)
            raise InvalidValueError("range", what, next=texts.SWAP_LIMITS())
        if not all(self.min <= value <= self.max for value in self.only):
            what = texts.CHOICE_OUT_OF_RANGE(min=low, max=high)
            raise InvalidValueError("range", what, next=texts.CORRECT_CHOICES())
        if not self.scale:
            raise InvalidValueError("measure", texts.ZERO_SCALE(), next=texts.NONZERO_SCALE())
        least, most = self.type.bounds
        if not all(least <= bound / self.scale <= most for bound in (self.min, self.max)):
            what = texts.RANGE_TOO_WIDE(type=self.type.value, min=low, max=high)
            raise InvalidValueError("range", what, next=texts.NARROW_RANGE())


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile(Section):
    """One device model."""

    version: Literal[1]
    """The version of this file's form."""
    base: Word | None = None
    """Another profile, whose sections and points this one changes."""
    maker: OneLine
    model: OneLine
    sources: Annotated[tuple[OneLine, ...], MinLen(2)]
    """The documents that say so: the maker's map with its revision, and an independent one."""
    state: State | None = None
    """What the device is doing whenever it answers, where no register says."""
    modbus: Modbus = Modbus()
    readable: tuple[Range, ...] = ()
    """Gaps that may be read across, though no point is there."""
    forbidden: tuple[Range, ...] = ()
    """Registers that must never be read."""
    groups: Mapping[Word, Group] = field(default_factory=dict)
    silence: Silence = Silence()
    writable: Mapping[Word, WritableRegister] = field(default_factory=dict)
    """What may be written, by the name that asks for it."""
    defaults: PointDefaults = PointDefaults()
    points: tuple[Point, ...]

    @property
    def periods(self) -> dict[str, float | None]:
        """The poll groups that have points, identity first, with their periods in seconds."""
        used = {point.poll_group for point in self.points}
        periods = {name: group.every_s for name, group in self.groups.items() if name in used}
        if IDENTITY_GROUP in used and periods.get(IDENTITY_GROUP) is None:
            periods[IDENTITY_GROUP] = IDENTITY_PERIOD_S
        first_identity = sorted(used, key=lambda name: (name != IDENTITY_GROUP, name))
        return {name: periods.get(name) for name in first_identity}


def _check_table(encoding: Encoding, table: Table) -> None:
    """Raise `InvalidValueError` where a value of this type is not what the table holds."""
    if table.bits != (encoding is Encoding.BIT):
        what = texts.WRONG_TABLE(type=encoding.value, table=table.value)
        raise InvalidValueError("encoding", what, next=texts.TYPE_BY_TABLE())


def exponent_of(number: Decimal) -> int:
    """The decimal exponent of the last digit that is not zero: 0.10 -> -1, 1200 -> 2."""
    exponent = number.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return exponent

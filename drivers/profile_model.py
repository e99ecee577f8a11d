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

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from drivers.quantity import Kind, PartError, Quantity, check_part
from drivers.report import Code, Severity, State
from protocols.planner import LIMITS, Span, Table

IDENTITY_GROUP: Final = "identity"
"""The poll group of who the device is; read first, and then once an hour."""
IDENTITY_PERIOD_S: Final = 3600.0
DEFAULT_GROUP: Final = "live"


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
    BIT = "bit"
    """A coil or discrete input."""

    @property
    def registers(self) -> int:
        """How many registers it takes; 0 where the point says."""
        return _REGISTERS[self]

    @property
    def whole(self) -> bool:
        """Whether it is a whole number."""
        return self.value.startswith(("int", "uint"))

    @property
    def real(self) -> bool:
        """Whether it is an IEEE 754 number."""
        return self.value.startswith("float")


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
    Encoding.BIT: 1,
}


class Words(StrEnum):
    """Which of a value's registers comes first."""

    HIGH_FIRST = "high_first"
    LOW_FIRST = "low_first"


def refuse(kind: str, message: str, **context: Any) -> PydanticCustomError:
    """An error whose words we chose; braces in values must not be read as fields."""
    return PydanticCustomError(kind, message.replace("{", "(").replace("}", ")"), context or None)


def _quantity(given: object) -> object:
    if isinstance(given, Quantity):
        return given
    try:
        return Quantity(str(given))
    except ValueError:
        known = [quantity.value for quantity in Quantity]
        raise refuse("unknown", f"{given!r} is no quantity", given=given, known=known) from None


def _exact(given: object) -> object:
    """YAML has read 0.1 as a float; its shortest text is what was written."""
    return Decimal(repr(given)) if isinstance(given, float) else given


Address = Annotated[int, Field(strict=True, ge=0, le=0xFFFF)]
Number = Annotated[Decimal, BeforeValidator(_exact), Field(allow_inf_nan=False)]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
OneLine = Annotated[str, Field(min_length=1, max_length=300)]
QuantityName = Annotated[
    Quantity,
    BeforeValidator(_quantity, json_schema_input_type=Literal[tuple(q.value for q in Quantity)]),
]


class Section(BaseModel):
    """What all sections share: frozen, and a key nobody knows is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Modbus(Section):
    """How the device speaks Modbus."""

    words: Words = Words.HIGH_FIRST
    """Which register of a value comes first."""
    max_registers: Annotated[int, Field(ge=1, le=LIMITS[Table.HOLDING])] = LIMITS[Table.HOLDING]
    """The most one read may ask for."""
    timeout_s: Annotated[float, Field(ge=0.05, le=30)] = 1.0
    """How long an answer may take."""


class Range(Section):
    """A run of addresses, both ends included."""

    table: Table
    first: Address
    last: Address

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.last < self.first:
            raise refuse("range", f"last {self.last} lies before first {self.first}")
        return self

    @property
    def span(self) -> Span:
        """The same for the planner."""
        return Span(self.table, self.first, self.last - self.first + 1)


class Group(Section):
    """A poll group."""

    every_s: Annotated[float, Field(ge=0.1, le=86_400)] | None = None
    """Its period; without one, the device's own from the configuration."""


class Silence(Section):
    """When the device may be silent without being broken."""

    when: Literal["never", "night", "sleep"] = "never"
    """Night for an inverter, sleep for a printer."""


class Limits(Section):
    """What a value can be, in the unit of its quantity, both ends included."""

    min: Number | None = None
    max: Number | None = None


class Alert(Section):
    """A condition that a bit or a number means."""

    code: Code
    severity: Severity
    component: str = ""
    message: str = ""


class Encoded(Section):
    """Where a point is and how it is written; also what ``defaults`` may hold."""

    table: Table = Table.HOLDING
    type: Encoding = Encoding.UINT16
    words: Words | None = None
    """Which of its registers comes first, where that differs from the device's."""
    group: Word | None = None
    """The poll group it is read in: ``live``, or ``identity`` for who the device is."""
    scale: Number = Decimal(1)
    """What one count is worth, in the unit of the quantity."""
    resolution: Annotated[int, Field(ge=-9, le=9)] | None = None
    """The decimal exponent it is reported in: -1 means tenths. A whole number has its scale's."""


class Point(Encoded):
    """One value and what it means."""

    at: Address
    """Its first register, counted from 0 as on the wire."""
    registers: Annotated[int, Field(ge=1, le=LIMITS[Table.HOLDING])] | None = None
    """How many registers a string takes."""

    quantity: QuantityName | None = None
    part: str = ""
    absent: tuple[int, ...] = ()
    """Raw values that mean that there is none."""
    range: Limits = Limits()

    identity: Literal["maker", "model", "serial", "firmware", "mac"] | None = None
    states: Mapping[int, State] | None = None
    bits: Mapping[Annotated[int, Field(ge=0, le=63)], Alert] | None = None
    values: Mapping[int, Alert] | None = None
    match: tuple[int, ...] | None = None

    @property
    def target(self) -> tuple[str, ...]:
        """What it is for; unique in a profile."""
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
        """The group it is read in."""
        tells_who = self.identity is not None or self.match is not None
        return self.group or (IDENTITY_GROUP if tells_who else DEFAULT_GROUP)

    @property
    def span(self) -> Span:
        """Its registers or bits."""
        return Span(self.table, self.at, self.registers or self.type.registers)

    @model_validator(mode="after")
    def _one_meaning(self) -> Self:
        meanings = ("quantity", "identity", "states", "bits", "values", "match")
        given = [name for name in meanings if getattr(self, name)]
        if len(given) != 1:
            words = " and ".join(given) or "nothing"
            raise refuse("meaning", f"a point means one of {', '.join(meanings)}; this: {words}")
        if self.quantity is None and (self.part or "scale" in self.model_fields_set):
            raise refuse("meaning", "part and scale belong to a quantity")
        return self

    @model_validator(mode="after")
    def _encoding(self) -> Self:
        if self.table.bits != (self.type is Encoding.BIT):
            raise refuse("encoding", f"{self.type.value} cannot stand in a {self.table.value}")
        if (self.registers is None) == (self.type is Encoding.STRING):
            raise refuse("encoding", "a string says how many registers it takes, and only a string")
        if self.span.end > 0x10000:
            raise refuse("encoding", f"it ends at {self.span.end - 1}, beyond 65535")
        numeric = self.states or self.bits or self.values or self.match
        if numeric and not (self.type.whole or self.type is Encoding.BIT):
            raise refuse("encoding", f"what {self.type.value} means cannot be looked up by number")
        if self.absent and not self.type.whole:
            raise refuse("encoding", f"absent is for whole numbers, not for {self.type.value}")
        return self

    @model_validator(mode="after")
    def _measure(self) -> Self:
        if self.quantity is None:
            return self
        try:
            check_part(self.quantity, self.part)
        except PartError as error:
            raise refuse("part", str(error)) from None
        text = self.quantity.kind is Kind.TEXT
        if text != (self.type is Encoding.STRING) or self.type is Encoding.BIT:
            raise refuse("measure", f"{self.quantity.value} is not written as {self.type.value}")
        if self.type.real and self.resolution is None:
            raise refuse("measure", f"{self.type.value} needs a resolution: what its digits mean")
        if not self.scale:
            raise refuse("measure", "a scale of 0 makes every value 0")
        if self.type.whole and self.resolution is not None and self.resolution > self.exponent:
            raise refuse("measure", f"resolution {self.resolution} cannot hold scale {self.scale}")
        return self

    @property
    def exponent(self) -> int:
        """The decimal exponent of the last digit of the scale."""
        return exponent_of(self.scale)


class Profile(Section):
    """One device model."""

    version: Literal[1]
    """The version of this file's form."""
    base: Word | None = None
    """Another profile, whose sections and points this one changes."""
    maker: OneLine
    model: OneLine
    sources: Annotated[tuple[OneLine, ...], Field(min_length=2)]
    """The documents that say so: the maker's map with its revision, and an independent one."""
    state: State | None = None
    """What the device is doing whenever it answers, where no register says."""
    modbus: Modbus = Modbus()
    readable: tuple[Range, ...] = ()
    """Gaps that may be read across, though no point is there."""
    forbidden: tuple[Range, ...] = ()
    """Registers that must never be read."""
    groups: Mapping[Word, Group] = {}
    silence: Silence = Silence()
    defaults: Encoded = Encoded()
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


def exponent_of(number: Decimal) -> int:
    """The decimal exponent of the last digit that is not zero: 0.10 -> -1, 1200 -> 2."""
    exponent = number.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return exponent

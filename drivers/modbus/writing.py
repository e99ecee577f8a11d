"""From what a person wants to set to the registers that say so, and back. Pure.

Only what a profile lists under ``writable`` can be written, within its bounds; a value that a whole
number cannot hold exactly is refused, never rounded; an IEEE 754 number holds the nearest it can.

Source: design section 2 (`Writes`) and 3.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Protocol

from drivers.modbus.conversion import CODES
from drivers.modbus.encoding import Encoding, Words
from protocols.modbus.planner import Read

if TYPE_CHECKING:
    from drivers.modbus.profile import Profile, Writable
    from protocols.modbus.planner import Span
    from protocols.modbus.unit import Block


class WriteError(ValueError):
    """A value that is not written.

    Attributes:
        what: The fact.
        next_step: What to do about it.
    """

    def __init__(self, what: str, next_step: str) -> None:
        self.what = what
        self.next_step = next_step
        super().__init__(f"{what}. {next_step}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One register of a device that may be written.

    Attributes:
        name: What the profile calls it.
        writable: Where it is, what it holds and its bounds.
        words: The order of its registers.
    """

    name: str
    writable: Writable
    words: Words

    @classmethod
    def of(cls, profile: Profile, name: str) -> Setting:
        """The setting called ``name``; raises `WriteError` where the profile does not allow it."""
        found = profile.writable.get(name)
        if found is None:
            known = ", ".join(sorted(profile.writable))
            device = f"{profile.maker} {profile.model}"
            raise WriteError(
                f"the profile of the {device} does not allow {name!r} to be written",
                f"It allows {known}" if known else "It allows nothing to be written",
            )
        return cls(name=name, writable=found, words=found.words or profile.modbus.words)

    def number(self, text: str) -> Decimal:
        """What ``text`` says, if it may be written; raises `WriteError`."""
        writable = self.writable
        try:
            value = Decimal(text)
        except InvalidOperation:
            value = Decimal("NaN")
        bounds = f"Give a number from {writable.min} to {writable.max}{self.unit}"
        if not value.is_finite():
            raise WriteError(f"{text!r} is no number", bounds)
        if not writable.min <= value <= writable.max:
            raise WriteError(f"{value} is outside what {self.name!r} may be", bounds)
        if writable.only and value not in writable.only:
            known = ", ".join(map(str, writable.only))
            raise WriteError(
                f"{self.name!r} cannot be {value}{self.unit}", f"Give one of {known}{self.unit}"
            )
        return value

    @property
    def unit(self) -> str:
        """With a space before it, where there is one."""
        return f" {self.writable.unit}" if self.writable.unit else ""

    def registers(self, value: Decimal) -> tuple[int, ...]:
        """The registers, or the one bit, that hold ``value``; raises `WriteError`."""
        raw = value / self.writable.scale
        encoding = self.writable.type
        if encoding is Encoding.BIT and raw in (0, 1):
            return (int(raw),)
        if encoding.real:
            data = struct.pack(">" + CODES[encoding], float(raw))
        else:
            if encoding is Encoding.BIT or raw != int(raw):
                step = f"It takes steps of {self.writable.scale}{self.unit}"
                raise WriteError(f"{value} cannot be held exactly by {self.name!r}", step)
            data = struct.pack(">" + CODES[encoding], int(raw))
        words = struct.unpack(f">{len(data) // 2}H", data)
        return words if self.words is Words.HIGH_FIRST else words[::-1]

    def value(self, data: bytes) -> Decimal:
        """What its registers hold, as they are read."""
        encoding = self.writable.type
        if encoding is Encoding.BIT:
            return (data[0] & 1) * self.writable.scale
        words = struct.unpack(f">{len(data) // 2}H", data)
        ordered = words if self.words is Words.HIGH_FIRST else words[::-1]
        (raw,) = struct.unpack(">" + CODES[encoding], struct.pack(f">{len(words)}H", *ordered))
        return Decimal(str(raw)) * self.writable.scale


class WritesBlocks(Protocol):
    """What writing needs of `protocols.modbus.unit.ModbusUnit`."""

    async def read(self, read: Read) -> Block:
        """Read registers or bits; raises `protocols.errors.ProtocolError`."""

    async def write(self, span: Span, values: tuple[int, ...]) -> None:
        """Write them; raises `protocols.errors.ProtocolError`."""


class ProfiledWriter:
    """The `drivers.driver.Writes` of a device with a profile.

    Args:
        profile: What may be written.
        unit: Where.
    """

    def __init__(self, profile: Profile, unit: WritesBlocks) -> None:
        self._profile = profile
        self._unit = unit

    def setting(self, name: str) -> Setting:
        """See `drivers.driver.Writes`."""
        return Setting.of(self._profile, name)

    async def current(self, setting: Setting) -> Decimal:
        """See `drivers.driver.Writes`."""
        span = setting.writable.span
        block = await self._unit.read(Read(span.table, span.address, span.count))
        return setting.value(block.data)

    async def write(self, setting: Setting, value: Decimal) -> Decimal:
        """See `drivers.driver.Writes`."""
        await self._unit.write(setting.writable.span, setting.registers(value))
        return await self.current(setting)

"""From what a person wants to set to the registers that say so, and back. Pure.

Only what a profile lists under ``writable`` can be written, within its bounds; a value that a whole
number cannot hold exactly is refused, never rounded; an IEEE 754 number holds the nearest it can.

Source: design sections 2 and 3.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from console.nearest import nearest
from console.templates import setting as texts
from console.templates.control import DID_YOU_MEAN
from drivers.modbus.conversion import CODES
from drivers.modbus.encoding import Encoding, WordOrder
from drivers.setting import Setting, WriteError
from protocols.modbus.planner import Read

if TYPE_CHECKING:
    from console.text import Message
    from drivers.modbus.profile import Profile, WritableRegister
    from protocols.modbus.planner import Span
    from protocols.modbus.unit import Block


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterSetting(Setting):
    """A setting that a device keeps in registers, or in one bit.

    Attributes:
        writable: Where it is and what it holds.
        words: The order of its registers.
    """

    writable: WritableRegister
    words: WordOrder

    @classmethod
    def of(cls, profile: Profile, name: str) -> RegisterSetting:
        """The setting called ``name``; raises `WriteError` where the profile does not allow it."""
        found = profile.writable.get(name)
        if found is None:
            what = texts.NOT_WRITABLE(maker=profile.maker, model=profile.model, name=name)
            raise WriteError(what, next_step=_other_setting(profile, name))
        return cls(
            name=name,
            unit=found.unit,
            min=found.min,
            max=found.max,
            only=found.only,
            writable=found,
            words=found.words or profile.modbus.words,
        )

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
                what = texts.INEXACT(name=self.name, value=self.amount(value))
                step = texts.STEPS(step=self.amount(self.writable.scale))
                raise WriteError(what, next_step=step)
            data = struct.pack(">" + CODES[encoding], int(raw))
        words = struct.unpack(f">{len(data) // 2}H", data)
        return words if self.words is WordOrder.HIGH_FIRST else words[::-1]

    def value(self, data: bytes) -> Decimal:
        """The value that the registers hold, as they are read."""
        encoding = self.writable.type
        if encoding is Encoding.BIT:
            return (data[0] & 1) * self.writable.scale
        words = struct.unpack(f">{len(data) // 2}H", data)
        ordered = words if self.words is WordOrder.HIGH_FIRST else words[::-1]
        (raw,) = struct.unpack(">" + CODES[encoding], struct.pack(f">{len(words)}H", *ordered))
        return Decimal(str(raw)) * self.writable.scale

    def held(self, value: Decimal) -> Decimal:
        """See `Setting.held`: of a real number the nearest that its registers can hold."""
        words = self.registers(value)
        if self.writable.type is Encoding.BIT:
            return self.value(bytes(words))
        return self.value(struct.pack(f">{len(words)}H", *words))


def _other_setting(profile: Profile, name: str) -> Message:
    """The next step where ``name`` may not be written."""
    near = nearest(name, profile.writable)
    if near:
        return DID_YOU_MEAN(name=near)
    known = tuple(sorted(profile.writable))
    return texts.USE_ONE_OF(known=known) if known else texts.USE_THE_DEVICE()


class BlockWriter(Protocol):
    """The part of `protocols.modbus.unit.ModbusUnit` that writing needs."""

    async def read(self, read: Read) -> Block:
        """Read registers or bits; raises `protocols.errors.ProtocolError`."""

    async def write(self, span: Span, values: tuple[int, ...]) -> None:
        """Write registers or one coil; raises `protocols.errors.ProtocolError`."""


class ProfiledWriter:
    """The `drivers.driver.SettingWriter` of a device with a profile.

    Args:
        profile: What may be written.
        unit: Where it is written.
    """

    def __init__(self, profile: Profile, unit: BlockWriter) -> None:
        self._profile = profile
        self._unit = unit

    def setting(self, name: str) -> RegisterSetting:
        """See `drivers.driver.SettingWriter`."""
        return RegisterSetting.of(self._profile, name)

    async def current(self, setting: Setting) -> Decimal:
        """See `drivers.driver.SettingWriter`."""
        registers = self.setting(setting.name)
        span = registers.writable.span
        block = await self._unit.read(Read(span.table, span.address, span.count))
        return registers.value(block.data)

    async def write(self, setting: Setting, value: Decimal) -> Decimal:
        """See `drivers.driver.SettingWriter`."""
        registers = self.setting(setting.name)
        await self._unit.write(registers.writable.span, registers.registers(value))
        return await self.current(setting)

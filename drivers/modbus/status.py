"""What registers say beside numbers: who the device is, what it does, what is wrong with it.

A condition set is always the device's whole set, although its bits may be spread over poll
groups: what each sign said last is kept until it says otherwise.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from drivers.modbus.conversion import TEXTS, raw_number, unpack_code
from drivers.modbus.encoding import Encoding
from drivers.modbus.profile import Alert
from drivers.report import Code, Condition, Identity, Quality, Severity, State

if TYPE_CHECKING:
    from drivers.modbus.encoding import Words
    from drivers.modbus.profile import Point, Profile
    from protocols.modbus.planner import Read

MODEL: Final = "model"
"""The component of the condition that says another model answers."""


class Sign:
    """One point that is no reading, within one read.

    Args:
        point: The point.
        read: The read it is part of.
        words: The device's order of words.
    """

    def __init__(self, point: Point, read: Read, words: Words) -> None:
        self.point = point
        self._offset = point.at - read.address
        order = point.words or words
        self._format: struct.Struct | None = None
        if point.type is not Encoding.BIT:
            self._format = struct.Struct(">" + unpack_code(point, order))
            self._order = raw_number(point, order)

    def value(self, data: bytes) -> int | str | None:
        """What stands there; ``None`` where the device says that there is nothing."""
        if self._format is None:
            return data[self._offset >> 3] >> (self._offset & 7) & 1
        (raw,) = self._format.unpack_from(data, 2 * self._offset)
        if self.point.type.text:
            words = TEXTS[self.point.type](raw)
            return None if isinstance(words, Quality) else str(words)
        number = int(raw if self._order is None else self._order(raw))
        return None if number in self.point.absent else number


class Memory:
    """What the signs of one device have said so far.

    `begin` starts a read; then ``state``, ``identity`` and ``conditions`` are what that read has
    to tell, each ``None`` when it was not asked.
    """

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._known = Identity(maker=profile.maker, model=profile.model)
        self._alerts: dict[tuple[str, ...], tuple[Condition, ...]] = {}
        points = profile.points
        self._state_by_register = any(point.states for point in points)
        self._identity_by_register = any(point.identity for point in points)
        self.begin()

    def begin(self) -> None:
        """Forget what the last read was asked; not what it said."""
        self.state = None if self._state_by_register else self._profile.state
        self.identity = None if self._identity_by_register else self._known
        self._conditions_asked = False

    @property
    def conditions(self) -> tuple[Condition, ...] | None:
        """The device's whole set."""
        if not self._conditions_asked:
            return None
        return tuple(condition for alerts in self._alerts.values() for condition in alerts)

    def see(self, signs: Iterable[Sign], data: bytes) -> None:
        """Take in what a read's answer says."""
        for sign in signs:
            point, value = sign.point, sign.value(data)
            if point.identity is not None:
                self._identify(point.identity, value)
            elif point.states is not None:
                known = point.states.get(value) if isinstance(value, int) else None
                self.state = known or State.OTHER
            else:
                self._conditions_asked = True
                self._alerts[point.target] = tuple(self._alarms(point, value))

    def refused(self, signs: Iterable[Sign]) -> None:
        """The device does not know these registers: who it is is then what the profile says."""
        if any(sign.point.identity is not None for sign in signs):
            self.identity = self._known

    def _identify(self, field: str, value: int | str | None) -> None:
        if value is not None:
            self._known = replace(self._known, **{field: str(value)})
        self.identity = self._known

    def _alarms(self, point: Point, value: int | str | None) -> Iterable[Condition]:
        if not isinstance(value, int):
            return
        written = value % (1 << 16 * point.span.count)  # as it stands there, signed or not
        source = f"{point.table.value} {point.at} = {written:#x}"
        if point.match is not None and value not in point.match:
            yield Condition(
                code=Code.IDENTITY_CHANGED,
                severity=Severity.WARNING,
                component=MODEL,
                message=f"Another model answers than {self._profile.maker} {self._profile.model}",
                source=source,
            )
        if point.values is not None and (alert := point.values.get(value)):
            yield _condition(alert, source)
        for bit, alert in (point.bits or {}).items():
            if value >> bit & 1:
                yield _condition(alert, f"{source}, bit {bit}")


def _condition(alert: Alert, source: str) -> Condition:
    return Condition(
        code=alert.code,
        severity=alert.severity,
        component=alert.component,
        message=alert.message,
        source=source,
    )

"""What registers say beside numbers: who the device is, what it does, what is wrong with it.

A condition set is always the device's whole set, although its bits may be spread over poll
groups: the last value of each point is kept until it changes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from console.templates import condition, evidence
from console.text import verbatim
from drivers.modbus.conversion import TEXTS, raw_number, unpack_code
from drivers.modbus.encoding import Encoding
from drivers.modbus.profile import Alert
from drivers.report import (
    Code,
    Condition,
    Evidence,
    EvidenceKind,
    Identity,
    Quality,
    Severity,
    State,
)

if TYPE_CHECKING:
    from drivers.modbus.encoding import WordOrder
    from drivers.modbus.profile import Point, Profile
    from protocols.modbus.planner import Read

MODEL: Final = "model"
"""The component of the condition that says another model answers; a `component_key.Name`."""


class StatusPoint:
    """A point that tells identity, state or conditions, within one read.

    Args:
        point: The point of the profile.
        read: The read that the point is part of.
        words: The device's order of words.
    """

    def __init__(self, point: Point, read: Read, words: WordOrder) -> None:
        self.point = point
        self._offset = point.at - read.address
        order = point.words or words
        self._format: struct.Struct | None = None
        if point.type is not Encoding.BIT:
            self._format = struct.Struct(">" + unpack_code(point, order))
            self._order = raw_number(point, order)

    def value(self, data: bytes) -> int | str | None:
        """The point's value in ``data``; ``None`` where the device says that it has none."""
        if self._format is None:
            return data[self._offset >> 3] >> (self._offset & 7) & 1
        (raw,) = self._format.unpack_from(data, 2 * self._offset)
        if self.point.type.text:
            words = TEXTS[self.point.type](raw)
            return None if isinstance(words, Quality) else str(words)
        number = int(raw if self._order is None else self._order(raw))
        return None if number in self.point.absent else number


class DeviceStatus:
    """The identity, state and conditions of one device, by the last value of each status point.

    `begin` starts a poll; then ``state``, ``identity`` and ``conditions`` are what that poll has
    read, each ``None`` where it did not read any point of it.

    Args:
        profile: What the device's registers mean.
        name: The profile's name, for evidence.
    """

    def __init__(self, profile: Profile, name: str = "") -> None:
        self._profile = profile
        self._name = name
        self._known = Identity(maker=profile.maker, model=profile.model)
        self._alerts: dict[tuple[str, ...], tuple[Condition, ...]] = {}
        points = profile.points
        self._state_by_register = any(point.states for point in points)
        self._identity_by_register = any(point.identity for point in points)
        self.begin()

    def begin(self) -> None:
        """Start a poll: nothing was read in it yet; the values of earlier polls are kept."""
        self.state = None if self._state_by_register else self._profile.state
        self.identity = None if self._identity_by_register else self._known
        self._conditions_asked = False

    @property
    def conditions(self) -> tuple[Condition, ...] | None:
        """The device's whole set of conditions; ``None`` where the poll read none of them."""
        if not self._conditions_asked:
            return None
        return tuple(condition for alerts in self._alerts.values() for condition in alerts)

    def update(self, status_points: Iterable[StatusPoint], data: bytes) -> None:
        """Take the values of ``status_points`` from the answer of one read."""
        for status_point in status_points:
            point, value = status_point.point, status_point.value(data)
            if point.identity is not None:
                self._identify(point.identity, value)
            elif point.states is not None:
                known = point.states.get(value) if isinstance(value, int) else None
                self.state = known or State.OTHER
            else:
                self._conditions_asked = True
                self._alerts[point.target] = tuple(self._conditions_of(point, value))

    def mark_missing(self, status_points: Iterable[StatusPoint]) -> None:
        """Note that the device lacks these points: its identity is then the profile's."""
        if any(status_point.point.identity is not None for status_point in status_points):
            self.identity = self._known

    def _identify(self, field: str, value: int | str | None) -> None:
        if value is not None:
            self._known = replace(self._known, **{field: str(value)})
        self.identity = self._known

    def _conditions_of(self, point: Point, value: int | str | None) -> Iterable[Condition]:
        if not isinstance(value, int):
            return
        seen = self._evidence(point, value)
        if point.match is not None and value not in point.match:
            expected = evidence.EXPECTED(values=tuple(f"{one:#x}" for one in point.match))
            yield Condition(
                code=Code.IDENTITY_CHANGED,
                severity=Severity.WARNING,
                component=MODEL,
                message=condition.OTHER_MODEL(maker=self._profile.maker, model=self._profile.model),
                evidence=(replace(seen, meaning=expected),),
            )
        if point.values is not None and (alert := point.values.get(value)):
            yield _condition(alert, seen)
        for bit, alert in (point.bits or {}).items():
            if value >> bit & 1:
                yield _condition(alert, replace(seen, meaning=evidence.REGISTER_BIT(bit=bit)))

    def _evidence(self, point: Point, value: int) -> Evidence:
        """The register's value as it stands there, signed or not."""
        return Evidence(
            kind=EvidenceKind.REGISTER,
            address=f"{point.table.value} {point.at}",
            value=f"{value % (1 << 16 * point.span.count):#x}",
            profile=self._name,
        )


def _condition(alert: Alert, seen: Evidence) -> Condition:
    return Condition(
        code=alert.code,
        severity=alert.severity,
        component=alert.component,
        message=verbatim(alert.message),
        evidence=(seen,),
    )

"""What is known of one device, poll after poll: an observation or an error becomes a Report. Pure.

The rules of a device's reachability, all of them::

    event                  reachability              conditions
    ---------------------  ------------------------  ------------------------------------------
    observed               online                    the driver's, with `since` kept
    failed, never answered never                     comm.*
    failed                 unreachable               the last known, frozen, and comm.*
    faulted (our bug)      as it was                 the last known, frozen, and driver.fault
    late / on time again   as it was                 poll.late raised / cleared
    another serial number  online                    the driver's, all of them new; identity.changed

Source: design sections 2 and 4.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from drivers.report import (
    Clock,
    Code,
    Condition,
    Identity,
    Observation,
    Reachability,
    Report,
    Severity,
    State,
    Supply,
)
from protocols.errors import Garbled, ProtocolError, Refused, Unreachable

LATE_CLEARS_AFTER_MS: Final = 60_000
"""How long every poll must be on time before ``poll.late`` is cleared, so that it does not flap."""
IDENTITY_CLEARS_AFTER_MS: Final = 86_400_000
"""How long another serial number is told: a meter is exchanged on purpose, and stays exchanged."""
UNANSWERED: Final = (
    Code.COMM_UNREACHABLE,
    Code.COMM_TIMEOUT,
    Code.COMM_REFUSED,
    Code.COMM_GARBLED,
)
"""Why a poll failed; one at a time, each in place of the other."""
_CODES: Final = {
    Unreachable: Code.COMM_UNREACHABLE,
    Refused: Code.COMM_REFUSED,
    Garbled: Code.COMM_GARBLED,
}
"""What an unanswered poll is reported as; a timeout is the rest."""


def code_of(error: ProtocolError) -> Code:
    """The condition that an unanswered poll raises."""
    for kind, code in _CODES.items():
        if isinstance(error, kind):
            return code
    return Code.COMM_TIMEOUT


class DeviceView:
    """The last that was known of a device, and the reports made from it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.reachability = Reachability.NEVER
        self._state = State.OTHER
        self._identity = Identity()
        self._supplies: tuple[Supply, ...] = ()
        self._told: tuple[Condition, ...] = ()
        self._own: dict[Code, Condition] = {}
        self._conditions: tuple[Condition, ...] = ()
        self._late_until = 0

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The whole set, as last reported."""
        return self._conditions

    def observed(self, seen: Observation, at: int, clock: Clock) -> Report:
        """The report of a poll that was answered."""
        self.reachability = Reachability.ONLINE
        if seen.state is not None:
            self._state = seen.state
        if seen.identity is not None and seen.identity != self._identity:
            self._identity_seen(seen.identity, at)
        if seen.supplies is not None and seen.supplies != self._supplies:
            self._supplies = seen.supplies
        if seen.conditions is not None:
            self._told = _dated(seen.conditions, self._told, at)
        for code in (*UNANSWERED, Code.DRIVER_FAULT):
            self._own.pop(code, None)
        if self._late_until and at >= self._late_until:
            self._own.pop(Code.POLL_LATE, None)
            self._late_until = 0
        changed = self._own.get(Code.IDENTITY_CHANGED)
        if changed and at >= (changed.since or 0) + IDENTITY_CLEARS_AFTER_MS:
            del self._own[Code.IDENTITY_CHANGED]
        return self._report(at, clock, seen)

    def failed(self, code: Code, message: str, source: str, at: int, clock: Clock) -> Report:
        """The report of a poll the device did not answer as it should; readings are empty."""
        if self.reachability is not Reachability.NEVER:
            self.reachability = Reachability.UNREACHABLE
        for other in UNANSWERED:
            if other is not code:
                self._own.pop(other, None)
        self._raise(code, Severity.ERROR, message, source, at)
        return self._report(at, clock)

    def faulted(self, message: str, source: str, at: int, clock: Clock) -> Report:
        """The report of a poll in which our own driver broke."""
        self._raise(Code.DRIVER_FAULT, Severity.ERROR, message, source, at)
        return self._report(at, clock)

    def late(self, missed: int, at: int) -> bool:
        """Note that polls could not be made in their period; whether that is news."""
        news = not self._late_until
        message = "The line is too busy: this device was not polled as often as configured"
        self._raise(Code.POLL_LATE, Severity.WARNING, message, f"missed={missed}", at)
        self._late_until = at + LATE_CLEARS_AFTER_MS
        return news

    def _identity_seen(self, identity: Identity, at: int) -> None:
        old, new = self._identity.serial, identity.serial
        if old and new and old != new:
            message = "Another device answers at this address"
            self._raise(
                Code.IDENTITY_CHANGED, Severity.WARNING, message, f"serial {old} -> {new}", at
            )
            self._told = ()  # what is wrong with this one began with it
        self._identity = identity

    def _raise(self, code: Code, severity: Severity, message: str, source: str, at: int) -> None:
        known = self._own.get(code)
        since = at if known is None else known.since
        self._own[code] = Condition(
            code=code, severity=severity, message=message, source=source, since=since
        )

    def _report(self, at: int, clock: Clock, seen: Observation | None = None) -> Report:
        told = {condition.key for condition in self._told}
        # What a driver has said itself (identity.changed) is not said twice.
        whole = (*self._told, *(c for c in self._own.values() if c.key not in told))
        if (
            whole != self._conditions
        ):  # the same tuple again lets the change filter see it at a glance
            self._conditions = whole
        return Report(
            device=self.name,
            at=at,
            clock=clock,
            reachability=self.reachability,
            state=self._state,
            identity=self._identity,
            readings=seen.readings if seen else (),
            conditions=self._conditions,
            supplies=self._supplies,
        )


def _dated(
    told: Iterable[Condition], known: tuple[Condition, ...], at: int
) -> tuple[Condition, ...]:
    """What the device tells now, each with when it was first told."""
    told = tuple(told)
    if not told and not known:
        return known
    first = {condition.key: condition.since for condition in known}
    return tuple(
        replace(condition, since=first.get(condition.key, at))
        if condition.since is None
        else condition
        for condition in told
    )

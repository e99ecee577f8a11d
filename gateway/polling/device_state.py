"""The state of one device, poll after poll: an observation or an error becomes a Report. Pure.

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

from console.templates import condition, evidence
from console.text import NO_MESSAGE, Message
from drivers.report import (
    Clock,
    Code,
    Condition,
    Evidence,
    EvidenceKind,
    Identity,
    Observation,
    Reachability,
    Report,
    Severity,
    State,
    Supply,
)
from protocols.errors import ErrorResponse, InvalidResponse, ProtocolError, Unreachable

LATE_CLEARS_AFTER_MS: Final = 60_000
"""How long every poll must be on time before ``poll.late`` is cleared, so that it does not flap."""
IDENTITY_CLEARS_AFTER_MS: Final = 86_400_000
"""How long ``identity.changed`` is reported: a meter is exchanged on purpose, and stays so."""
ERROR_LIMIT: Final = 300
"""Characters of the longest text of an internal error that is shown; a longer one is logged."""
UNANSWERED: Final = (
    Code.COMM_UNREACHABLE,
    Code.COMM_TIMEOUT,
    Code.COMM_REFUSED,
    Code.COMM_GARBLED,
)
"""The conditions of a failed poll; one at a time, each replaces the other."""
_CODES: Final = {
    Unreachable: Code.COMM_UNREACHABLE,
    ErrorResponse: Code.COMM_REFUSED,
    InvalidResponse: Code.COMM_GARBLED,
}
"""The condition of each error of a poll; any other error counts as a timeout."""
_OUTCOMES: Final = {
    Code.COMM_UNREACHABLE: evidence.CONNECTION_FAILED,
    Code.COMM_TIMEOUT: evidence.NO_RESPONSE,
    Code.COMM_REFUSED: evidence.REFUSED,
    Code.COMM_GARBLED: evidence.GARBLED,
}
"""How the poll ended, as evidence of its condition."""


def code_of(error: ProtocolError) -> Code:
    """Return the condition that the error of a poll raises."""
    for kind, code in _CODES.items():
        if isinstance(error, kind):
            return code
    return Code.COMM_TIMEOUT


class DeviceView:
    """The last state of a device, and the reports made of it.

    Attributes:
        name: The name of the device.
        reachability: Whether it answered its last poll.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.reachability = Reachability.NEVER
        self._state = State.OTHER
        self._identity = Identity()
        self._supplies: tuple[Supply, ...] = ()
        self._driver_conditions: tuple[Condition, ...] = ()
        self._gateway_conditions: dict[Code, Condition] = {}
        self._conditions: tuple[Condition, ...] = ()
        self._late_until = 0

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All conditions, as last reported."""
        return self._conditions

    def observed(self, observation: Observation, at: int, clock: Clock) -> Report:
        """Return the report of a poll that was answered."""
        self.reachability = Reachability.ONLINE
        if observation.state is not None:
            self._state = observation.state
        if observation.identity is not None and observation.identity != self._identity:
            self._take_identity(observation.identity, at)
        if observation.supplies is not None and observation.supplies != self._supplies:
            self._supplies = observation.supplies
        if observation.conditions is not None:
            self._driver_conditions = _dated(observation.conditions, self._driver_conditions, at)
        for code in (*UNANSWERED, Code.DRIVER_FAULT):
            self._gateway_conditions.pop(code, None)
        if self._late_until and at >= self._late_until:
            self._gateway_conditions.pop(Code.POLL_LATE, None)
            self._late_until = 0
        changed = self._gateway_conditions.get(Code.IDENTITY_CHANGED)
        if changed and at >= (changed.since or 0) + IDENTITY_CLEARS_AFTER_MS:
            del self._gateway_conditions[Code.IDENTITY_CHANGED]
        return self._report(at, clock, observation)

    def failed(self, error: ProtocolError, at: int, clock: Clock) -> Report:
        """Return the report of a poll that ended with a protocol error; it has no readings."""
        if self.reachability is not Reachability.NEVER:
            self.reachability = Reachability.UNREACHABLE
        code = code_of(error)
        for other in UNANSWERED:
            if other is not code:
                self._gateway_conditions.pop(other, None)
        what, why = error.what, error.why
        failure = condition.UNANSWERED(what=what, why=why) if why else what
        outcome = _OUTCOMES[code]()
        seen = Evidence(kind=EvidenceKind.EXCHANGE, address=error.where, meaning=outcome)
        self._raise(code, Severity.ERROR, failure, seen, at, error.next_step)
        return self._report(at, clock)

    def faulted(self, error: Exception, at: int, clock: Clock) -> Report:
        """Return the report of a poll in which the driver failed; it has no readings."""
        name, text = type(error).__name__, str(error)
        if len(text) <= ERROR_LIMIT:
            meaning = evidence.EXCEPTION(name=name, text=text)
        else:
            meaning = evidence.LONG_EXCEPTION(name=name, n=len(text))
        seen = Evidence(kind=EvidenceKind.GATEWAY, meaning=meaning)
        self._raise(Code.DRIVER_FAULT, Severity.ERROR, condition.INTERNAL_ERROR(), seen, at)
        return self._report(at, clock)

    def late(self, missed: int, at: int) -> bool:
        """Raise ``poll.late`` for ``missed`` polls; returns whether it was not raised before."""
        news = not self._late_until
        seen = Evidence(kind=EvidenceKind.GATEWAY, meaning=evidence.MISSED_POLLS(n=missed))
        self._raise(Code.POLL_LATE, Severity.WARNING, condition.LINE_OVERLOADED(), seen, at)
        self._late_until = at + LATE_CLEARS_AFTER_MS
        return news

    def _take_identity(self, identity: Identity, at: int) -> None:
        old, new = self._identity.serial, identity.serial
        if old and new and old != new:
            seen = Evidence(
                kind=EvidenceKind.GATEWAY,
                value=new,
                meaning=evidence.SERIAL(previous=old),
            )
            self._raise(Code.IDENTITY_CHANGED, Severity.WARNING, condition.OTHER_DEVICE(), seen, at)
            self._driver_conditions = ()  # the conditions of the new device began with it
        self._identity = identity

    def _raise(
        self,
        code: Code,
        severity: Severity,
        message: Message,
        seen: Evidence,
        at: int,
        next_step: Message = NO_MESSAGE,
    ) -> None:
        known = self._gateway_conditions.get(code)
        since = at if known is None else known.since
        self._gateway_conditions[code] = Condition(
            code=code,
            severity=severity,
            message=message,
            evidence=(seen,),
            next_step=next_step,
            since=since,
        )

    def _report(self, at: int, clock: Clock, observation: Observation | None = None) -> Report:
        keys = {one.key for one in self._driver_conditions}
        # A condition that the driver reports itself (identity.changed) is not reported twice.
        whole = (
            *self._driver_conditions,
            *(c for c in self._gateway_conditions.values() if c.key not in keys),
        )
        # The same tuple again lets the change filter compare by identity.
        if whole != self._conditions:
            self._conditions = whole
        return Report(
            device=self.name,
            at=at,
            clock=clock,
            reachability=self.reachability,
            state=self._state,
            identity=self._identity,
            readings=observation.readings if observation else (),
            conditions=self._conditions,
            supplies=self._supplies,
        )


def _dated(
    reported: Iterable[Condition], known: tuple[Condition, ...], at: int
) -> tuple[Condition, ...]:
    """Return the conditions of a device, each with the time when it was first reported."""
    reported = tuple(reported)
    if not reported and not known:
        return known
    first = {one.key: one.since for one in known}
    return tuple(
        replace(one, since=first.get(one.key, at)) if one.since is None else one for one in reported
    )

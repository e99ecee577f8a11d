"""Fits the event of a report into a record: what does not fit is left out or replaced. Pure.

An event within `cloud_link.limits` is sent as it is. Of a larger one, less is kept, step by step:
first less evidence of each condition, then fewer conditions, the most severe first. Where evidence
is left out, its last entry says how much; at the site, ``kanmon device why`` shows all of it.

What the portal would refuse a whole event for is replaced: an invalid component by that of the
whole device, an invalid level by none, a time before this boot by none, and what
UTF-8 cannot say by a question mark. `FittedEvent.replaced` counts all of that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from cloud_link.columns import event_record
from cloud_link.limits import (
    BOOT_LIMIT_MS,
    COMPONENT_LENGTH,
    CONDITIONS_LIMIT,
    EVIDENCE_LIMIT,
    IDENTITY_LENGTHS,
    INT64_LEAST,
    INT64_MOST,
    LEVELS,
    SUPPLIES_LIMIT,
    SUPPLY_NAME_LENGTH,
    SUPPLY_WORD_LENGTH,
)
from cloud_link.records import WireError
from cloud_link.validation import sendable
from console.name import is_name
from console.templates import condition as conditions
from console.templates import evidence
from console.text import Message, verbatim
from drivers.report import Condition, Evidence, Identity, Report, Supply

STEPS: Final = (
    (CONDITIONS_LIMIT, EVIDENCE_LIMIT - 1),
    (CONDITIONS_LIMIT, 8),
    (CONDITIONS_LIMIT, 3),
    (CONDITIONS_LIMIT, 0),
    (30, 0),
    (10, 0),
)
"""Conditions, and entries of evidence of each, that are kept: as many as fit."""
MESSAGE_LIMIT: Final = 1000
"""Bytes of UTF-8 that a message may have in an event that does not fit as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedEvent:
    """The record of an event, and how many values of it were replaced, shortened or left out."""

    body: bytes
    replaced: int = 0


def event_body(report: Report) -> FittedEvent:
    """The record of a report's event, with as much of it as fits.

    Raises:
        WireError: Even its barest form is refused.
    """
    if all(len(one.evidence) <= EVIDENCE_LIMIT for one in report.conditions):
        try:
            return FittedEvent(body=sendable(event_record(report)))
        except WireError:
            pass
    found = sorted(report.conditions, key=lambda one: one.severity.rank)
    sound = replace(
        report,
        conditions=_distinct(map(_sound_condition, found)),
        supplies=tuple(map(_sound_supply, report.supplies[:SUPPLIES_LIMIT])),
        identity=_sound_identity(report.identity),
    )
    for most, entries in STEPS:
        kept = tuple(_with_evidence(one, entries) for one in sound.conditions[:most])
        short = replace(sound, conditions=kept, supplies=sound.supplies[:most])
        try:
            body = sendable(event_record(short))
        except WireError:
            continue
        return FittedEvent(body=body, replaced=_differences(report, short))
    bare = replace(sound, conditions=kept, supplies=(), identity=Identity())
    body = sendable(event_record(bare))
    return FittedEvent(body=body, replaced=_differences(report, bare))


def _differences(report: Report, sent: Report) -> int:
    """How many conditions, supplies and fields of the identity are not as they were read."""
    before, after = report.identity, sent.identity
    return (
        sum(one not in sent.conditions for one in report.conditions)
        + sum(one not in sent.supplies for one in report.supplies)
        + sum(bool(getattr(before, name) != getattr(after, name)) for name in IDENTITY_LENGTHS)
    )


def _distinct(found: Iterable[Condition]) -> tuple[Condition, ...]:
    """Of conditions with one code and component, the first."""
    known: dict[object, Condition] = {}
    for one in found:
        known.setdefault(one.key, one)
    return tuple(known.values())


def _sound_condition(one: Condition) -> Condition:
    """The condition with texts that fit; a component that is not a name is left out."""
    return replace(
        one,
        component=one.component if is_name(one.component, COMPONENT_LENGTH) else "",
        since=one.since if one.since is None or 0 <= one.since < BOOT_LIMIT_MS else None,
        message=_short(one.message),
        next_step=_short(one.next_step),
        evidence=tuple(map(_sound_evidence, one.evidence)),
    )


def _sound_evidence(entry: Evidence) -> Evidence:
    return replace(
        entry,
        address=_encodable(entry.address),
        label=_encodable(entry.label),
        value=_encodable(entry.value),
        meaning=_short(entry.meaning),
    )


def _sound_identity(identity: Identity) -> Identity:
    """The identity as a portal keeps it."""
    fields = {
        name: _encodable(getattr(identity, name))[:most] for name, most in IDENTITY_LENGTHS.items()
    }
    return Identity(**fields)


def _sound_supply(supply: Supply) -> Supply:
    """The supply as a portal keeps it, without numbers that cannot be."""
    capacity = supply.capacity
    storable = capacity is not None and INT64_LEAST <= capacity <= INT64_MOST
    return replace(
        supply,
        kind=_encodable(supply.kind)[:SUPPLY_WORD_LENGTH],
        colour=_encodable(supply.colour)[:SUPPLY_WORD_LENGTH],
        unit=_encodable(supply.unit)[:SUPPLY_WORD_LENGTH],
        name=_encodable(supply.name)[:SUPPLY_NAME_LENGTH],
        level=supply.level if supply.level in LEVELS else None,
        capacity=capacity if storable else None,
    )


def _encodable(text: str) -> str:
    """The text without code points that are not characters, which UTF-8 cannot say."""
    return text.encode(errors="replace").decode()


def _short(message: Message) -> Message:
    text = str(message)
    sent = text.encode(errors="replace")
    if len(sent) > MESSAGE_LIMIT:
        return conditions.LONG_MESSAGE(n=len(text))
    return message if sent.decode() == text else verbatim(sent.decode())


def _with_evidence(condition: Condition, most: int) -> Condition:
    """The condition with its first entries of evidence, and how many there are besides."""
    kept, rest = condition.evidence[:most], condition.evidence[most:]
    if not rest:
        return condition
    more = evidence.LEFT_OUT(n=sum(map(_number, rest)))
    return replace(condition, evidence=(*kept, Evidence(kind=rest[0].kind, meaning=more)))


def _number(entry: Evidence) -> int:
    """How many entries it stands for: more than one where it says that others are not listed."""
    if entry.meaning.template is not evidence.LEFT_OUT:
        return 1
    number = entry.meaning.args["n"]
    return number if isinstance(number, int) else 1

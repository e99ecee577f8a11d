"""Fits the event of a report into a record: whole entries are left out, nothing is cut. Pure.

An event within `cloud_link.limits` is sent as it is. Of a larger one, less is kept, step by step:
first less evidence of each condition, then fewer conditions, the most severe first. Where evidence
is left out, its last entry says how much; at the site, ``kanmon device why`` shows all of it.

What the portal would refuse a whole event for is replaced: a component that is no name by that of
the whole device, a level that is no percentage by none, a time before this boot by none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from cloud_link.columns import event_record
from cloud_link.limits import (
    BOOT_LIMIT_MS,
    COMPONENT_LENGTH,
    CONDITIONS_LIMIT,
    EVIDENCE_LIMIT,
    INT64_LEAST,
    INT64_MOST,
    LEVELS,
    SUPPLIES_LIMIT,
)
from cloud_link.records import WireError
from cloud_link.validation import is_name, sendable
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


def event_body(report: Report) -> bytes:
    """The record of a report's event, with as much of it as fits."""
    if all(len(one.evidence) <= EVIDENCE_LIMIT for one in report.conditions):
        try:
            return sendable(event_record(report))
        except WireError:
            pass
    found = _distinct(sorted(report.conditions, key=lambda one: one.severity.rank))
    supplies = tuple(map(_sound_supply, report.supplies[:SUPPLIES_LIMIT]))
    for most, entries in STEPS:
        kept = tuple(_with_evidence(one, entries) for one in found[:most])
        try:
            short = replace(report, conditions=kept, supplies=supplies[:most])
            return sendable(event_record(short))
        except WireError:
            continue
    bare = replace(report, conditions=kept, supplies=(), identity=Identity())
    return sendable(event_record(bare))


def _distinct(found: Iterable[Condition]) -> list[Condition]:
    """The conditions with texts that fit; of two with one code and component, the first.

    A component that is no name is left out: no driver writes one.
    """
    known: dict[object, Condition] = {}
    for one in found:
        short = replace(
            one,
            component=one.component if is_name(one.component, COMPONENT_LENGTH) else "",
            since=one.since if one.since is None or 0 <= one.since < BOOT_LIMIT_MS else None,
            message=_short(one.message),
            next_step=_short(one.next_step),
        )
        known.setdefault(short.key, short)
    return list(known.values())


def _sound_supply(supply: Supply) -> Supply:
    """The supply without numbers that cannot be."""
    capacity = supply.capacity
    return replace(
        supply,
        level=supply.level if supply.level in LEVELS else None,
        capacity=capacity if capacity and INT64_LEAST <= capacity <= INT64_MOST else None,
    )


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

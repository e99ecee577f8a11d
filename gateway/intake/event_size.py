"""Fits the event of a report into a record: whole entries are left out, nothing is cut. Pure.

An event of up to `cloud_link.limits.RECORD_LIMIT` bytes is sent as it is. Of a larger one, less is
kept, step by step: first less evidence of each condition, then fewer conditions, the most severe
first. Where evidence is left out, its last entry says how much; at the site,
``kanmon device why`` shows all of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from cloud_link.columns import event_record
from cloud_link.records import WireError, encode_record
from console.component_key import LENGTH_LIMIT
from console.templates import condition as conditions
from console.templates import evidence
from console.text import Message
from drivers.report import Condition, Evidence, Identity, Report

STEPS: Final = ((100, 8), (100, 3), (100, 0), (30, 0), (10, 0))
"""Conditions, and entries of evidence of each, that are kept: as many as fit."""
MESSAGE_LIMIT: Final = 1000
"""Bytes of UTF-8 that a message may have in an event that does not fit as it is."""


def event_body(report: Report) -> bytes:
    """The record of a report's event, with as much of it as fits."""
    try:
        return encode_record(event_record(report))
    except WireError:
        pass
    found = _distinct(sorted(report.conditions, key=lambda one: one.severity.rank))
    for most, entries in STEPS:
        kept = tuple(_with_evidence(one, entries) for one in found[:most])
        try:
            short = replace(report, conditions=kept, supplies=report.supplies[:most])
            return encode_record(event_record(short))
        except WireError:
            continue
    bare = replace(report, conditions=kept, supplies=(), identity=Identity())
    return encode_record(event_record(bare))


def _distinct(found: Iterable[Condition]) -> list[Condition]:
    """The conditions with texts that fit; of two with one code and component, the first.

    A component that is longer than the portal stores is left out: no driver writes one.
    """
    known: dict[object, Condition] = {}
    for one in found:
        short = replace(
            one,
            component=one.component if len(one.component) <= LENGTH_LIMIT else "",
            message=_short(one.message),
            next_step=_short(one.next_step),
        )
        known.setdefault(short.key, short)
    return list(known.values())


def _short(message: Message) -> Message:
    text = str(message)
    size = len(text.encode(errors="replace"))
    return message if size <= MESSAGE_LIMIT else conditions.LONG_MESSAGE(n=len(text))


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

"""A `drivers.report.Report` as JSON: what ``kanmon device read --json`` prints.

The names are those of the vocabulary, enums are their values, and nothing passes through a float::

    {"device": "main-incomer",
     "at": "2026-11-21T01:33:19.250Z", "at_boot_ms": 5250,
     "clock": {"boot": "0f6e...", "offset_ms": 1795224794000},
     "reachability": "online", "state": "running",
     "identity": {"maker": "", "model": "", "serial": "", "firmware": "", "mac": ""},
     "readings": [{"quantity": "voltage", "part": "l1", "value": 230.1, "resolution": -1,
                   "at": "2026-11-21T01:33:19.248Z", "at_boot_ms": 5248, "quality": "good"}],
     "conditions": [{"code": "media.jam", "severity": "error", "component": "tray 2",
                     "message": "paper jam", "message_id": "condition.media_jam",
                     "message_args": {}, "next": "", "next_id": "", "next_args": {},
                     "source": "hrDeviceStatus 1.3.6.1.2.1.25.3.2.1.5.1 = 5 (down)",
                     "evidence": [{"kind": "oid", "address": "1.3.6.1.2.1.25.3.2.1.5.1",
                                   "label": "hrDeviceStatus", "value": "5", "meaning": "down",
                                   "meaning_id": "", "meaning_args": {}, "profile": ""}],
                     "since": "2026-11-21T01:33:19.250Z", "since_boot_ms": 5250}],
     "supplies": []}

Every time is there twice: as RFC 3339 UTC, ``null`` while the box does not know it, and as
milliseconds since boot, which it always knows. A value is a JSON number with as many decimals as
its ``resolution`` has, a string for a text quantity, or ``null`` with the reason in ``quality``.

`dumps` writes decimals digit for digit; Python's own ``json`` would make floats of them.
`drivers.report_reader` reads the text back. The schema is `drivers.report_schema`.

Standard library and messages only. Sources: design section 2; RFC 8259; RFC 3339.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.text import Message
    from drivers.report import Clock, Condition, Evidence, Reading, Report

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def to_json(report: Report) -> dict[str, Any]:
    """The JSON form, of dicts, lists, strings, integers, ``None`` and `Decimal`; see `dumps`."""
    clock = report.clock
    return {
        "device": report.device,
        **_time("at", report.at, clock),
        "clock": {"boot": clock.boot, "offset_ms": clock.offset},
        "reachability": report.reachability.value,
        "state": report.state.value,
        "identity": asdict(report.identity),
        "readings": [_reading(reading, clock) for reading in report.readings],
        "conditions": [_condition(condition, clock) for condition in report.conditions],
        "supplies": [asdict(supply) | {"state": supply.state.value} for supply in report.supplies],
    }


def exact(value: int, resolution: int) -> Decimal:
    """``value`` times ten to the ``resolution``, whatever its size: no context rounds it."""
    digits = tuple(int(digit) for digit in str(abs(value)))
    return Decimal((int(value < 0), digits, resolution))


def utc_text(ms: int | None) -> str | None:
    """Unix milliseconds as RFC 3339 UTC; ``None`` for ``None`` and outside the years 1 to 9999."""
    if ms is None:
        return None
    try:
        moment = _EPOCH + timedelta(milliseconds=ms)
    except OverflowError:
        return None
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def dumps(document: object, *, indent: int | None = None) -> str:
    """JSON text of what `to_json` returns, or of a structure that holds such, decimals exact."""
    return "".join(_written(document, indent, 0))


def _time(name: str, at: int | None, clock: Clock) -> dict[str, Any]:
    return {
        name: None if at is None else utc_text(clock.utc_ms(at)),
        f"{name}_boot_ms": at,
    }


def _reading(reading: Reading, clock: Clock) -> dict[str, Any]:
    value = reading.value
    return {
        "quantity": reading.quantity.value,
        "part": reading.part,
        "value": exact(value, reading.resolution) if isinstance(value, int) else value,
        "resolution": reading.resolution,
        **_time("at", reading.at, clock),
        "quality": reading.quality.value,
    }


def _condition(condition: Condition, clock: Clock) -> dict[str, Any]:
    return {
        "code": condition.code.value,
        "severity": condition.severity.value,
        "component": condition.component,
        **message_json("message", condition.message),
        **message_json("next", condition.next_step),
        "source": condition.source,
        "evidence": [evidence_json(entry) for entry in condition.evidence],
        **_time("since", condition.since, clock),
    }


def evidence_json(entry: Evidence) -> dict[str, Any]:
    """One entry of evidence as JSON values."""
    return {
        "kind": entry.kind.value,
        "address": entry.address,
        "label": entry.label,
        "value": entry.value,
        **message_json("meaning", entry.meaning),
        "profile": entry.profile,
    }


def message_json(name: str, message: Message) -> dict[str, Any]:
    """A message below ``name``: its English text, its id and its arguments."""
    return {name: str(message), f"{name}_id": message.id, f"{name}_args": message.args_json()}


def _written(node: object, indent: int | None, depth: int) -> Iterator[str]:
    if isinstance(node, Decimal):
        yield f"{node:f}"
    elif isinstance(node, dict) and node:
        pairs = [(json.dumps(key, ensure_ascii=False) + ": ", item) for key, item in node.items()]
        yield from _bracketed("{", pairs, "}", indent, depth)
    elif isinstance(node, list) and node:
        yield from _bracketed("[", [("", item) for item in node], "]", indent, depth)
    else:
        yield json.dumps(node, ensure_ascii=False, allow_nan=False)


def _bracketed(
    opening: str, items: list[tuple[str, object]], closing: str, indent: int | None, depth: int
) -> Iterator[str]:
    margin = "" if indent is None else "\n" + " " * indent * (depth + 1)
    yield opening
    for index, (prefix, item) in enumerate(items):
        if index:
            yield "," if margin else ", "
        yield margin + prefix
        yield from _written(item, indent, depth + 1)
    yield margin[: -indent or None] if indent else margin
    yield closing

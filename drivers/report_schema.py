"""The JSON Schema of `drivers.report_json`, made from the vocabulary.

``docs/reference/report.schema.json`` is this, written out; a test holds the two equal, and
``python -m drivers.report_schema`` prints it. Standard library only.

Source: JSON Schema 2020-12.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from drivers.report import (
    Code,
    Quality,
    Quantity,
    Reachability,
    Severity,
    State,
    SupplyState,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from enum import Enum

_TEXT: Final = {"type": "string"}
_WHOLE: Final = {"type": "integer"}
_WHOLE_OR_NULL: Final = {"type": ["integer", "null"]}
_UTC: Final = {
    "type": ["string", "null"],
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
    "description": "RFC 3339 UTC; null while the box does not know the time",
}


def _words(members: Iterable[Enum]) -> dict[str, Any]:
    return {"enum": [member.value for member in members]}


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def schema() -> dict[str, Any]:
    """The schema of what `drivers.report_json.to_json` returns, as JSON-ready structures."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Kanmon report",
        "description": "One look at one device, as printed by kanmon device read --json",
        **_object(
            device=_TEXT,
            at=_UTC,
            at_boot_ms=_WHOLE | {"description": "milliseconds since the box started"},
            clock=_object(
                boot={"type": "string", "pattern": "^[0-9a-f]{32}$"},
                offset_ms=_WHOLE_OR_NULL
                | {"description": "add to boot milliseconds for Unix milliseconds"},
            ),
            reachability=_words(Reachability),
            state=_words(State),
            identity=_object(maker=_TEXT, model=_TEXT, serial=_TEXT, firmware=_TEXT, mac=_TEXT),
            readings=_list(_reading()),
            conditions=_list(_condition()),
            supplies=_list(_supply()),
        ),
    }


def _reading() -> dict[str, Any]:
    return _object(
        quantity=_words(Quantity),
        part=_TEXT | {"description": "phase, tariff or slice: '', 'l1', 'colour=mono,size=A4'"},
        value={
            "type": ["number", "string", "null"],
            "description": "in the quantity's unit; text for a text quantity; null: see quality",
        },
        resolution=_WHOLE | {"description": "decimal exponent of the value: -1 means tenths"},
        at=_UTC,
        at_boot_ms=_WHOLE,
        quality=_words(Quality),
    ) | {
        "if": {"properties": {"quality": {"const": Quality.GOOD.value}}},
        "then": {"properties": {"value": {"type": ["number", "string"]}}},
        "else": {"properties": {"value": {"type": "null"}}},
    }


def _condition() -> dict[str, Any]:
    return _object(
        code=_words(Code),
        severity=_words(Severity),
        component=_TEXT,
        message=_TEXT,
        source=_TEXT | {"description": "the raw evidence: register, OID or keyword, with value"},
        since=_UTC,
        since_boot_ms=_WHOLE_OR_NULL,
    )


def _supply() -> dict[str, Any]:
    return _object(
        kind=_TEXT,
        colour=_TEXT,
        name=_TEXT,
        level=_WHOLE_OR_NULL | {"description": "per cent of life left; for waste, of space left"},
        capacity=_WHOLE_OR_NULL,
        unit=_TEXT,
        state=_words(SupplyState),
    )


def as_text() -> str:
    """The schema as the file holds it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(as_text(), end="")

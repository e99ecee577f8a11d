"""The JSON Schema of what `drivers.report_json` writes, made from the vocabulary.

``docs/reference/report.schema.json`` is this, written out; a test holds the two equal, and
``python -m drivers.report_schema`` prints it. Standard library only.

Source: JSON Schema 2020-12.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from drivers.report import (
    Code,
    EvidenceKind,
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

TEXT: Final = {"type": "string"}
WHOLE: Final = {"type": "integer"}
WHOLE_OR_NULL: Final = {"type": ["integer", "null"]}
UTC: Final = {
    "type": ["string", "null"],
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
    "description": "RFC 3339 UTC; null while the box does not know the time",
}


def words_of(members: Iterable[Enum]) -> dict[str, Any]:
    """The schema of one of an enum's values."""
    return {"enum": [member.value for member in members]}


def object_of(**properties: dict[str, Any]) -> dict[str, Any]:
    """The schema of an object with exactly these members."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def list_of(items: dict[str, Any]) -> dict[str, Any]:
    """The schema of a list of these items."""
    return {"type": "array", "items": items}


def schema() -> dict[str, Any]:
    """The schema of what `drivers.report_json.to_json` returns, as JSON-ready structures."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Kanmon report",
        "description": "One look at one device, as printed by kanmon device read --json",
        **object_of(
            device=TEXT,
            at=UTC,
            at_boot_ms=WHOLE | {"description": "milliseconds since the box started"},
            clock=object_of(
                boot={"type": "string", "pattern": "^[0-9a-f]{32}$"},
                offset_ms=WHOLE_OR_NULL
                | {"description": "add to boot milliseconds for Unix milliseconds"},
            ),
            reachability=words_of(Reachability),
            state=words_of(State),
            identity=object_of(maker=TEXT, model=TEXT, serial=TEXT, firmware=TEXT, mac=TEXT),
            readings=list_of(_reading()),
            conditions=list_of(_condition()),
            supplies=list_of(_supply()),
        ),
    }


def _reading() -> dict[str, Any]:
    return object_of(
        quantity=words_of(Quantity),
        part=TEXT | {"description": "phase, tariff or slice: '', 'l1', 'colour=mono,size=A4'"},
        value={
            "type": ["number", "string", "null"],
            "description": "in the quantity's unit; text for a text quantity; null: see quality",
        },
        resolution=WHOLE | {"description": "decimal exponent of the value: -1 means tenths"},
        at=UTC,
        at_boot_ms=WHOLE,
        quality=words_of(Quality),
    ) | {
        "if": {"properties": {"quality": {"const": Quality.GOOD.value}}},
        "then": {"properties": {"value": {"type": ["number", "string"]}}},
        "else": {"properties": {"value": {"type": "null"}}},
    }


def _condition() -> dict[str, Any]:
    return object_of(
        code=words_of(Code),
        severity=words_of(Severity),
        component=TEXT,
        **message_of("message", "the device's own words, or ours in English"),
        **message_of("next", "what to do about this cause; '' where the code says enough"),
        source=TEXT | {"description": "the evidence as one English text"},
        evidence=list_of(evidence()) | {"description": "the values that the condition is based on"},
        since=UTC,
        since_boot_ms=WHOLE_OR_NULL,
    )


def message_of(name: str, description: str) -> dict[str, dict[str, Any]]:
    """The members that a message has below ``name``: text, id and arguments."""
    return {
        name: TEXT | {"description": description},
        f"{name}_id": TEXT | {"description": "the id of its template; '' for words not ours"},
        f"{name}_args": {"type": "object", "description": "the arguments of its template"},
    }


def evidence() -> dict[str, Any]:
    """The schema of one entry of evidence."""
    return object_of(
        kind=words_of(EvidenceKind),
        address=TEXT | {"description": "OID, register, keyword; of a failed poll, line and unit"},
        label=TEXT | {"description": "what the place is called: prtAlertCode"},
        value=TEXT | {"description": "the value as it came"},
        **message_of("meaning", "what the value was read as"),
        profile=TEXT | {"description": "the profile that says what the value means"},
    )


def _supply() -> dict[str, Any]:
    return object_of(
        kind=TEXT,
        colour=TEXT,
        name=TEXT,
        level=WHOLE_OR_NULL | {"description": "per cent of life left; for waste, of space left"},
        capacity=WHOLE_OR_NULL,
        unit=TEXT,
        state=words_of(SupplyState),
    )


def as_text() -> str:
    """The schema as the file holds it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(as_text(), end="")

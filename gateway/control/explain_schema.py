"""The JSON Schema of `explain.explanation`, which ``kanmon device why --json`` prints.

``docs/reference/why.schema.json`` is this, written out; a test holds the two equal, and
``python -m gateway.control.explain_schema`` prints it.

Source: JSON Schema 2020-12.
"""

from __future__ import annotations

import json
from typing import Any

from drivers.report import Code, Reachability, Severity, State
from drivers.report_schema import (
    TEXT,
    UTC,
    WHOLE_OR_NULL,
    evidence,
    list_of,
    message_of,
    object_of,
    words_of,
)


def schema() -> dict[str, Any]:
    """The schema, as JSON-ready structures."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Kanmon explanation",
        "description": "Why a device is shown as it is, as printed by kanmon device why --json",
        **object_of(
            device=TEXT,
            at=UTC,
            reachability=words_of(Reachability),
            state=words_of(State),
            conditions=list_of(_condition()) | {"description": "gravest first"},
        ),
    }


def _condition() -> dict[str, Any]:
    return object_of(
        code=words_of(Code),
        severity=words_of(Severity),
        component=TEXT | {"description": "which part: 'tray 2'; '' for the whole device"},
        since=UTC,
        for_s=WHOLE_OR_NULL
        | {"description": "seconds since then; null where it is not known since when"},
        **message_of("message", "the device's own words, or ours in English"),
        **message_of("next", "what a person at the device can do; '' where no step is known"),
        evidence=list_of(evidence()) | {"description": "the values that the condition is based on"},
    )


def as_text() -> str:
    """The schema as the file holds it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(as_text(), end="")

"""The configuration's JSON Schema, for editors and for the reference."""

from __future__ import annotations

import json

from config.reading import VALIDATOR


def schema_text() -> str:
    """The JSON Schema (draft 2020-12) of the newest version, ending in a newline."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Kanmon gateway configuration",
        **{k: v for k, v in VALIDATOR.json_schema().items() if k != "title"},
    }
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"

"""A JSON Schema as a page: each object a table, a row for each of its members.

Source: JSON Schema draft 2020-12, as far as pydantic and we write it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

Schema = Mapping[str, Any]
_UNITS: Final = {
    "_s": "s",
    "_ms": "ms",
    "_mb": "MB",
    "_percent": "%",
    "_h": "h",
    "_days": "days",
    "_bytes": "bytes",
    "_port": "",
}
"""A setting's unit, by how its name ends."""
_BOUNDS: Final = {
    "minimum": "{} or more",
    "exclusiveMinimum": "more than {}",
    "maximum": "{} at most",
    "maxLength": "{} characters at most",
    "minItems": "{} entries or more",
    "maxItems": "{} entries at most",
}
_SHOWN: Final = 12
"""How many choices stand in a table."""


def page(title: str, intro: str, schema: Schema, example: Any = None) -> str:
    """The page of a schema.

    Args:
        title: Its heading.
        intro: What stands before the tables.
        schema: The schema.
        example: A document that has every setting, for a column of examples; ``None`` for none.
    """
    definitions: Schema = schema.get("$defs", {})
    lines = [f"# {title}", "", intro, ""]
    lines += _object("The document", schema, example)
    for name, one in definitions.items():
        if "properties" in one:
            found = next(_instances(schema, definitions, name, example), None)
            lines += _object(name, one, found if example is not None else None)
    for name, one in definitions.items():
        if "enum" in one:
            lines += [f"## {name}", "", one.get("description", ""), ""]
            lines += [", ".join(f"`{value}`" for value in one["enum"]), ""]
    return "\n".join(lines).rstrip() + "\n"


def _object(name: str, schema: Schema, example: Any) -> list[str]:
    required = schema.get("required", ())
    shown = isinstance(example, dict)
    heads = ["Name", "What it holds", "Unit", "Default", *(["Example"] if shown else []), "Meaning"]
    lines = [f"## {name}", "", _prose(schema.get("description", "")), ""]
    lines += [_row(heads), _row(["---"] * len(heads))]
    for key, one in schema.get("properties", {}).items():
        default = "required" if key in required else _value(one.get("default", ""))
        cells = [f"`{key}`", _kind(one), _unit(key), default]
        if shown:
            cells.append(_value(example[key]) if key in example else "")
        lines.append(_row([*cells, _prose(one.get("description", ""))]))
    inner = {k: v for k, v in schema.get("properties", {}).items() if _inline(v)}
    lines.append("")
    for key, one in inner.items():
        lines += _object(f"{name}: {key}", _inline(one) or {}, None)
    return lines


def _inline(schema: Schema) -> Schema | None:
    """An object that is described in its place."""
    inner = schema.get("items", schema)
    return inner if isinstance(inner, dict) and "properties" in inner else None


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _prose(text: str) -> str:
    return " ".join(text.split()).replace("<", "\\<").replace("*", "\\*")


def _value(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "" if value in (None, "") else "none"
    if isinstance(value, dict | list):
        return "see below"
    return f"`{value}`" if isinstance(value, str) else f"`{json.dumps(value)}`"


def _unit(key: str) -> str:
    return next((unit for end, unit in _UNITS.items() if key.endswith(end)), "")


def _kind(schema: Schema) -> str:
    """What a member holds, in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            parts = [_kind(one) for one in schema[key] if one.get("type") != "null"]
            return " or ".join(dict.fromkeys(parts))
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        values = [f"`{value}`" for value in schema["enum"]]
        more = [f"... ({len(values)} in all)"] if len(values) > _SHOWN else []
        return ", ".join([*values[:_SHOWN], *more])
    kind = schema.get("type", "anything")
    names = " or ".join(kind) if isinstance(kind, list) else str(kind)
    if kind == "array":
        items = schema.get("items") or {}
        names = f"list of {'entries' if 'properties' in items else _kind(items)}"
    bounds = [text.format(schema[key]) for key, text in _BOUNDS.items() if key in schema]
    return ", ".join([names, *bounds])


def _instances(schema: Schema, definitions: Schema, name: str, example: Any) -> Iterator[Any]:
    """Every place of an example where the definition ``name`` is meant."""
    if example is None:
        return
    if "$ref" in schema:
        target = schema["$ref"].rpartition("/")[2]
        if target == name:
            yield example
        yield from _instances(definitions[target], definitions, name, example)
        return
    for key in ("anyOf", "oneOf", "allOf"):
        for one in schema.get(key, ()):
            yield from _instances(one, definitions, name, example)
    if isinstance(example, dict):
        for key, one in schema.get("properties", {}).items():
            yield from _instances(one, definitions, name, example.get(key))
    if isinstance(example, list) and example:
        yield from _instances(schema.get("items") or {}, definitions, name, example[0])

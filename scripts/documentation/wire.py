"""The wire's AsyncAPI document as a page that a person reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Document = Mapping[str, Any]


def page(document: Document) -> str:
    """The page of an AsyncAPI 3 document whose messages are positional arrays."""
    lines = ["# The wire", ""]
    lines += ["What travels between box and portal, written by `scripts/docs` from"]
    lines += ["[asyncapi.yaml](asyncapi.yaml), which `scripts/asyncapi` writes from the code.", ""]
    lines += ["```text", document["info"]["description"].rstrip(), "```", ""]
    lines += ["## Topics", "", "| Topic | Carries | |", "| --- | --- | --- |"]
    for channel in document["channels"].values():
        carried = ", ".join(f"[{name}](#{name.lower()})" for name in channel.get("messages", {}))
        said = " ".join(channel.get("description", "").split())
        lines.append(f"| `{channel['address']}` | {carried or 'reserved'} | {said} |")
    lines += ["", "## Structures", ""]
    lines += ["Each is an array; a field is found by its place, and new ones are appended.", ""]
    for name, schema in document["components"]["schemas"].items():
        lines += _structure(name, schema)
    return "\n".join(lines).rstrip() + "\n"


def _structure(name: str, schema: Document) -> list[str]:
    lines = [f"### {name}", ""]
    if schema.get("description"):
        lines += ["```text", schema["description"].rstrip(), "```", ""]
    fields = schema.get("prefixItems")
    if fields:
        lines += ["| Place | Field | What it holds |", "| --- | --- | --- |"]
        for place, field in enumerate(fields):
            lines.append(f"| {place} | {field.get('title', '')} | {_kind(field)} |")
        lines.append("")
    elif "items" in schema:
        lines += [f"A list of {_kind(schema['items'])}.", ""]
    elif "enum" in schema:
        lines += [", ".join(f"`{value}`" for value in schema["enum"]), ""]
    return lines


def _kind(schema: Document) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " or ".join(dict.fromkeys(_kind(one) for one in schema[key]))
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema.get("type") == "array":
        inner = schema.get("items") or {}
        places = schema.get("prefixItems")
        if places:
            return "(" + ", ".join(_kind(one) for one in places) + ")"
        bound = f" of up to {schema['maxItems']}" if "maxItems" in schema else ""
        return f"list{bound}: {_kind(inner)}" if inner else f"list{bound}"
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    said = str(schema.get("type", "anything"))
    if schema.get("format") == "binary":
        said = "bytes"
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    if most is not None:
        unit = "bytes" if said == "bytes" else "characters"
        return f"{most} {unit}" if least == most else f"up to {most} {unit}"
    bounds = [f"{word} {schema[key]}" for key, word in _BOUNDS.items() if key in schema]
    return " ".join([said, *bounds])


_BOUNDS = {"minimum": "from", "maximum": "to"}

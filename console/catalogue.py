"""The templates that travel between programs, by id; messages as they arrive.

A condition goes from a gateway to the portal, a refusal from the daemon to a command line of
another version. Id, arguments and English text travel. Who knows the id formats the template in
the reader's language; who does not shows the text.

::

    {"id": "modbus.crc", "args": {...}, "text": "..."}   ->  console.templates.modbus, CRC
    {"id": "of.a.newer.one", "args": {...}, "text": "x"}  ->  x
    "x"                                                   ->  x, of a program that sends texts only
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any, Final

from console.text import Argument, Duration, Message, Template, fills, verbatim

AREAS: Final = frozenset(
    {
        "audit",
        "check",
        "code",
        "condition",
        "config",
        "control",
        "device_url",
        "enrol",
        "evidence",
        "fleet",
        "link",
        "modbus",
        "mqtt",
        "next_step",
        "polling",
        "profile",
        "protocol",
        "quantity",
        "secret",
        "serial",
        "setting",
        "snmp",
        "spool",
        "system",
        "value",
        "yaml",
    }
)
"""The modules of `console.templates`: no other is imported, whatever id arrives."""
_DEPTH: Final = 7
"""How deep messages and lists that arrive may be nested within each other."""
_LONGEST_S: Final = 1e12
"""Seconds of the longest span of time that arrives; no comparison with one that is none holds."""


def find(template_id: str) -> Template | None:
    """The template with this id; ``None`` where this program does not know it."""
    area, _dot, name = template_id.partition(".")
    if area not in AREAS or not name.isidentifier():
        return None
    found = getattr(_module(area), name.upper(), None)
    return found if isinstance(found, Template) and found.id == template_id else None


def _module(area: str) -> ModuleType:
    return import_module(f"console.templates.{area}")


def decode(value: Any) -> Message:
    """A message as `console.text.Message.to_json` wrote it, or a text.

    Raises:
        ValueError: It is neither.
    """
    return _message(value, _DEPTH)


def decode_parts(template_id: str, args: Any, text: str) -> Message:
    """A message whose id, arguments and text arrive apart; other arguments are ignored."""
    return _parts(template_id, args, text, _DEPTH)


def _parts(template_id: str, args: Any, text: str, depth: int) -> Message:
    template = find(template_id)
    try:
        pairs = _pairs(args, depth)
    except ValueError:
        return Message(template_id, text=text)
    if template is None or not fills(template, dict(pairs)):
        return Message(template_id, pairs, text=text)
    return Message(template_id, pairs, template)


def _message(value: Any, depth: int) -> Message:
    if isinstance(value, str):
        return verbatim(value)
    if depth < 0 or not isinstance(value, dict):
        raise ValueError("not a message")
    name, text = value.get("id"), value.get("text")
    if not isinstance(name, str) or not isinstance(text, str):
        raise ValueError("not a message")
    return _parts(name, value.get("args", {}), text, depth)


def _pairs(args: Any, depth: int) -> tuple[tuple[str, Argument], ...]:
    if not isinstance(args, dict) or not all(isinstance(name, str) for name in args):
        raise ValueError("not arguments")
    return tuple(sorted((name, _argument(value, depth - 1)) for name, value in args.items()))


def _argument(value: Any, depth: int) -> Argument:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, list | tuple) and depth >= 0:
        return tuple(_argument(one, depth - 1) for one in value)
    if isinstance(value, dict) and set(value) == {"seconds"}:
        seconds = value["seconds"]
        if isinstance(seconds, int | float) and abs(seconds) <= _LONGEST_S:
            return Duration(seconds)
    return _message(value, depth)

"""One line of a log for each record, whatever its values hold. Pure.

A device, a box or a person's browser chooses many of the values that are logged. Text with a line
break would write a line of its own into the log, an escape sequence would command the terminal
that shows it, and a bidirectional mark would show it in another order than it has.
"""

from __future__ import annotations

import re
from typing import Final

FIELD_LENGTH: Final = 1_000
"""Characters of one field that are logged: who chooses a text does not choose the log's size."""

_SUSPECT: Final = re.compile(r"[^ -~]")


def one_line(text: str) -> str:
    r"""``text`` with every character escaped that is not printable; within JSON it stays JSON.

    Line breaks, control characters, bidirectional marks and lone surrogates become ``\uXXXX``.
    """
    return text if text.isprintable() else _SUSPECT.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    found = match[0]
    if found.isprintable():
        return found
    number = ord(found)
    if number < 0x10000:
        return f"\\u{number:04x}"
    high, low = divmod(number - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


def shortened(text: str, limit: int = FIELD_LENGTH) -> str:
    """``text`` cut to ``limit`` characters, saying how many there were."""
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"

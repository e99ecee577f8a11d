"""Where a command's output goes: never a traceback for a character, never a changed JSON value."""

from __future__ import annotations

import codecs
import io
import json
import os
import sys
import unicodedata
from collections.abc import Sequence
from typing import Any

import click


def prepare() -> None:
    """Let a terminal that cannot show a character show ``?``, instead of ending the command.

    JSON escapes what the terminal cannot show (`say_json`), so that no value is changed.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def silence() -> None:
    """Let the interpreter's last flush go nowhere: the reader is gone."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def say(text: str) -> None:
    """Print a line of output."""
    click.echo(text)


def say_json(value: Any) -> None:
    """Print one JSON value, indented on a terminal."""
    say_json_text(json.dumps(value, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))


def say_json_text(text: str) -> None:
    """Print JSON; characters that this output cannot hold are escaped (RFC 8259, section 7)."""
    if not _is_unicode(sys.stdout.encoding):
        text = "".join(c if c.isascii() else json.dumps(c)[1:-1] for c in text)
    else:  # a name that is not UTF-8 came in as a lone surrogate, which no UTF-8 can hold
        text = "".join(json.dumps(c)[1:-1] if "\ud800" <= c <= "\udfff" else c for c in text)
    say(text)


def _is_unicode(encoding: str | None) -> bool:
    try:
        return codecs.lookup(encoding or "ascii").name.startswith("utf")
    except LookupError:
        return False


def width(text: str) -> int:
    """How many cells of a terminal ``text`` takes (Unicode UAX 11: wide and fullwidth take two)."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def left(text: str, cells: int) -> str:
    """``text`` and then blanks, ``cells`` wide."""
    return text + " " * (cells - width(text))


def right(text: str, cells: int) -> str:
    """Blanks and then ``text``, ``cells`` wide."""
    return " " * (cells - width(text)) + text


def columns(rows: Sequence[Sequence[str]], *, first_left: int = 1) -> list[str]:
    """A table's lines; the first ``first_left`` columns start, the others end at one cell."""
    if not rows:
        return []
    widths = [max(width(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            left(cell, w) if i < first_left else right(cell, w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]

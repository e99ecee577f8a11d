"""A command's output: never a traceback for a character, never a changed JSON value.

Texts come from devices, files and other users, too. A character that controls the terminal is
shown as its number: no printer's name clears a screen, or writes a line that looks like ours. In
JSON it is escaped.
"""

from __future__ import annotations

import codecs
import errno
import io
import json
import os
import re
import sys
from collections.abc import Collection, Sequence
from typing import Any, Final

import click

_CONTROL: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)
"""Control characters except tab and line feed, and those that change the writing direction."""


_WRITING: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)


class ReaderGoneError(Exception):
    """The reader of our output is gone; not an ``OSError``, which click would handle itself."""


def prepare() -> None:
    """Make a terminal that cannot show a character show ``?``, instead of ending the command.

    JSON escapes such characters (`say_json`), so that no value is changed. A standard stream that
    was closed is redirected to the null device: else the next file that is opened would take its
    number, and our output would be written into it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
        if getattr(sys, name) is None:
            mode = "w" if number else "r"
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def silence() -> None:
    """Redirect standard output to the null device: the reader is gone, and a flush would fail."""
    _redirect_to_null(1)


def _redirect_to_null(number: int) -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, number)
    os.close(null)


def is_output_error(error: Exception) -> bool:
    """Whether ``error`` means that standard output, and not a file, cannot be written.

    An error about a file names it (`config.disk`); one of writing to a stream has no name.
    """
    return isinstance(error, OSError) and error.filename is None and error.errno in _WRITING


def settle() -> None:
    """Flush the standard streams; discard what cannot be written, so that Python exits quietly."""
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            _redirect_to_null(number)


def plain(text: str) -> str:
    r"""``text`` with its control characters as numbers, as in ``\x1b[31m``."""
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


def plain_line(text: str) -> str:
    r"""`plain` for one line: a line feed, too, as a number."""
    return plain(text).replace("\n", "\\n")


def say(*lines: str) -> None:
    """Print lines of output; a line feed within one, as of a name, is shown as a number."""
    for line in lines:
        click.echo(plain_line(line))


def say_field(label: str, text: str, *, cells: int = 12) -> None:
    """Print ``text`` after ``label``, in column ``cells``; a longer label gets one blank."""
    say((left(label, max(cells, width(label) + 1)) + text).rstrip())


def say_table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[int] = ()
) -> None:
    """Print a table that fits the terminal; the columns numbered in ``right`` are right-aligned.

    Texts that are too wide are wrapped within their cell.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, heading in enumerate(headings):
        table.add_column(heading, overflow="fold", justify="right" if number in right else "left")
    for row in rows:
        table.add_row(*(Text(plain_line(cell)) for cell in row))
    _print(table)


def say_wrapped(text: str) -> None:
    """Print a line that may be longer than the terminal is wide, broken between words."""
    from rich.text import Text

    _print(Text(plain_line(text)))


def _print(renderable: Any) -> None:
    from rich.console import Console

    class _PipeConsole(Console):
        def on_broken_pipe(self) -> None:  # rich would end the process, with 1
            raise ReaderGoneError

    _PipeConsole(soft_wrap=False, highlight=False).print(renderable)


def say_json(value: Any) -> None:
    """Print one JSON value, indented on a terminal."""
    say_json_text(json.dumps(value, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))


_UNWRITABLE: Final = re.compile(
    r"[\ud800-\udfff\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)


def say_json_text(text: str) -> None:
    """Print JSON; characters that this output cannot hold are escaped (RFC 8259, section 7)."""
    if not _is_unicode(sys.stdout.encoding):
        text = "".join(c if c.isascii() else json.dumps(c)[1:-1] for c in text)
    else:  # a name that is not UTF-8 came in as a lone surrogate, which no UTF-8 can hold
        text = _UNWRITABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    click.echo(text)


def _is_unicode(encoding: str | None) -> bool:
    try:
        return codecs.lookup(encoding or "ascii").name.startswith("utf")
    except LookupError:
        return False


def width(text: str) -> int:
    """The number of terminal cells of ``text``, which holds no control characters (`plain`)."""
    if text.isascii():  # every English text: rich is not loaded for the help of a command
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def left(text: str, cells: int) -> str:
    """``text`` left-aligned in ``cells`` cells."""
    return text + " " * (cells - width(text))


def right(text: str, cells: int) -> str:
    """``text`` right-aligned in ``cells`` cells."""
    return " " * (cells - width(text)) + text


def columns(rows: Sequence[Sequence[str]], *, first_left: int = 1) -> list[str]:
    """The lines of a table; ``first_left`` columns are left-aligned, the others right-aligned."""
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

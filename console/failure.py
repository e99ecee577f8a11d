"""Errors as a user sees them: what, where, why, and the next step; as text or as JSON.

Exit codes describe the command, never a device's condition::

    0 done   1 partly done   2 failed   3 wrong usage

With ``--json`` an error is one JSON object on standard output, where programs read; its keys and
texts are English, whatever the language of the call::

    {"error": {"code": 2104, "what": "...", "where": "...", "why": "...", "next": "..."}}

``code`` is a number of docs/reference/codes.md, else null; a missing text is ``""``. ``findings``
is present where a file was read and is wrong.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import click

from console.language import tr, translate
from console.output import left, plain, say_json, width

DONE: Final = 0
PARTLY: Final = 1
FAILED: Final = 2
USAGE: Final = 3

_FIELDS: Final = ("what", "where", "why", "next")


class Failure(click.ClickException):
    """A command that cannot do its work: ``what``, ``where``, ``why``, and the ``next_step``."""

    def __init__(self, what: str, *, where: str = "", why: str = "", next_step: str = "") -> None:
        super().__init__("; ".join(part for part in (what, where, why, next_step) if part))
        self.fields = {"what": what, "where": where, "why": why, "next": next_step}


def failure_from(message: str) -> Failure:
    """The failure for a message that ends in the next step: ``it is gone; make it anew``."""
    what, joint, step = message.rpartition("; ")
    return Failure(what, next_step=step) if joint else Failure(message)


def system_error_fields(
    error: OSError, steps: Mapping[int, str], otherwise: str, *, where: str = ""
) -> dict[str, str]:
    """An error of the operating system as fields.

    Args:
        error: The error.
        steps: Next steps by ``errno``.
        otherwise: The next step for any other ``errno``.
        where: The path, for errors that do not name one.
    """
    what = (error.strerror or str(error)).lower()
    path = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else where
    return {"what": what, "where": path, "next": steps.get(error.errno or 0, otherwise)}


def click_error_fields(error: click.ClickException) -> dict[str, Any]:
    """An error of the command line as fields."""
    if isinstance(error, Failure):
        return dict(error.fields)
    fields: dict[str, Any] = {"what": error.format_message().rstrip(".")}
    if isinstance(error, click.UsageError) and error.ctx is not None:
        path = error.ctx.command_path
        return fields | {"where": path, "next": tr("see '{command} --help'", command=path)}
    return fields


def show_error(
    program: str, error: Mapping[str, Any], *, as_json: bool, lines: Iterable[str] = ()
) -> None:
    """Show an error to the user, or print it as JSON.

    Args:
        program: The program's name.
        error: `_FIELDS`, in English, ``code`` and ``findings``; any may be missing.
        as_json: Whether the output is for a program.
        lines: The findings as text.
    """
    if as_json:
        whole = {"code": None, **dict.fromkeys(_FIELDS, ""), **error}
        say_json({"error": whole})
        return
    click.echo(plain(f"{program}: {translate(str(error['what']))}"), err=True)
    labels = {"where": tr("where:"), "why": tr("why:"), "next": tr("next:")}
    cells = max(width(label) for label in labels.values()) + 1
    for field, label in labels.items():
        if error.get(field):
            click.echo(plain(f"  {left(label, cells)}{translate(str(error[field]))}"), err=True)
    for line in lines:
        click.echo(plain(f"  {line}"), err=True)


def show_usage_error(program: str, error: click.UsageError, words: Sequence[str]) -> int:
    """Show the usage of a command; returns the exit code."""
    if "--json" in words:
        show_error(program, click_error_fields(error), as_json=True)
    else:
        click.UsageError(plain(error.format_message()), error.ctx).show()
    return USAGE

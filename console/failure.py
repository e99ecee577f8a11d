"""Errors as a user sees them: what, where, why, and the next step; as text or as JSON.

Exit codes describe the command, never a device's condition::

    0 done   1 partly done   2 failed   3 wrong usage

With ``--json`` an error is one JSON object on standard output, where programs read; its keys and
texts are English, whatever the language of the call::

    {"error": {"code": "control.unknown_device", "number": null, "message": "...", "args": {...},
               "what": "...", "where": "...", "why": "...", "next": "..."}}

``code`` is the id of the template of ``what``, and ``args`` are its arguments; ``number`` is one of
docs/reference/codes.md, else null; ``message`` is the whole error in one line. A missing part is
``""``. ``findings`` is present where a file was read and is wrong.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import click

from console.language import tr, words
from console.output import left, plain_line, say_json, width
from console.templates import system
from console.text import NO_MESSAGE, Message, MessageError, Template, one_line

DONE: Final = 0
PARTLY: Final = 1
FAILED: Final = 2
USAGE: Final = 3

NUMBERED: Final = Template("console.numbered", "{what} ({number})")
PATH_UNUSABLE: Final = Template("console.path_unusable", "the file or folder cannot be used")


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorDescription:
    """An error as it is shown.

    Attributes:
        what: The fact.
        where: A place: a file, a setting's path, an address.
        why: The cause.
        next: The next step.
        number: Its number in docs/reference/codes.md, if it has one.
        findings: What is wrong with a file, as JSON values.
    """

    what: Message
    where: str = ""
    why: Message = NO_MESSAGE
    next: Message = NO_MESSAGE
    number: int | None = None
    findings: Sequence[Mapping[str, Any]] = ()

    def to_json(self) -> dict[str, Any]:
        """The error as JSON values, in English."""
        fields: dict[str, Any] = {
            "code": self.what.id,
            "number": self.number,
            "message": one_line(self.where, self.what, self.why, self.next),
            "args": self.what.args_json(),
            "what": str(self.what),
            "where": self.where,
            "why": str(self.why),
            "next": str(self.next),
        }
        return {**fields, "findings": list(self.findings)} if self.findings else fields


class Failure(click.ClickException):
    """A command that cannot do its work: ``what``, ``where``, ``why``, and the ``next_step``."""

    def __init__(
        self,
        what: Message,
        *,
        where: str = "",
        why: Message = NO_MESSAGE,
        next_step: Message = NO_MESSAGE,
    ) -> None:
        self.description = ErrorDescription(what=what, where=where, why=why, next=next_step)
        super().__init__(one_line(where, what, why, next_step))


def describe(error: MessageError) -> ErrorDescription:
    """The description of an error that carries its parts."""
    return ErrorDescription(
        what=error.what,
        where=error.where,
        why=error.why,
        next=error.next_step,
        number=error.number,
    )


def describe_system(
    error: OSError,
    steps: Mapping[int, Message],
    otherwise: Message,
    *,
    what: Message = NO_MESSAGE,
) -> ErrorDescription:
    """The description of an error of the operating system.

    Args:
        error: The error.
        steps: Next steps by ``errno``.
        otherwise: The next step for any other ``errno``.
        what: What failed; by default, that the path cannot be used.
    """
    step, reason = steps.get(error.errno or 0, otherwise), system.reason(error)
    path = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
    if not path and not what:
        return ErrorDescription(what=reason, next=step)
    return ErrorDescription(what=what or PATH_UNUSABLE(), where=path, why=reason, next=step)


def show_error(
    program: str, error: ErrorDescription, *, as_json: bool, lines: Iterable[str] = ()
) -> None:
    """Show an error to the user, or print it as JSON.

    Args:
        program: The program's name.
        error: The error.
        as_json: Whether the output is for a program.
        lines: The findings as text.
    """
    if as_json:
        say_json({"error": error.to_json()})
        return
    what = NUMBERED(what=error.what, number=error.number) if error.number else error.what
    click.echo(plain_line(f"{program}: {words(what)}"), err=True)
    parts = (
        (tr("where: "), error.where),
        (tr("why: "), words(error.why)),
        (tr("next: "), words(error.next)),
    )
    cells = max(width(label) for label, _text in parts)
    for label, text in parts:
        if text:
            click.echo(plain_line(f"  {left(label, cells)}{text}"), err=True)
    for line in lines:
        click.echo(plain_line(f"  {line}"), err=True)

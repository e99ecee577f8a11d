"""What all commands share: exit codes, how errors are shown, where output goes.

Exit codes describe the command, never a device's condition::

    0 done   1 partly done   2 failed   3 wrong usage

An error never is a traceback: it says what, where, why and the next step, on standard error; with
``--json`` the same as one JSON object on standard output (`console.failure`).
"""

from __future__ import annotations

import errno
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Any, Final, NoReturn, ParamSpec, TypeVar

import click

from config.finding import ConfigError, Finding, Level
from console import failure
from console.catalogue import decode
from console.failure import DONE, FAILED, PARTLY, USAGE, ErrorDescription
from console.language import current, plural, tr, translations
from console.language import words as said
from console.output import ReaderGoneError, is_output_error, plain_line, say, say_json, silence
from console.templates import control
from console.text import Message, MessageError, Template

__all__ = ["DONE", "FAILED", "PARTLY", "USAGE", "say", "say_json"]

CHECK_PATH: Final = Template("cli.check_path", "check the path and its disk, then try again")
CORRECT_PATH: Final = Template(
    "cli.correct_path", "correct the path, or name another state folder with --state"
)
FREE_SPACE: Final = Template(
    "cli.free_space", "free some space on that disk, then run the command again"
)
MOUNT_WRITABLE: Final = Template(
    "cli.mount_writable", "mount that disk read-write, or name another state folder with --state"
)
_STEPS: Final = {
    errno.ENOENT: CORRECT_PATH(),
    errno.ENOTDIR: CORRECT_PATH(),
    errno.EISDIR: CORRECT_PATH(),
    errno.EACCES: control.AS_OWNER(),
    errno.EPERM: control.AS_OWNER(),
    errno.ENOSPC: FREE_SPACE(),
    errno.EROFS: MOUNT_WRITABLE(),
}
"""What to do next about an error of the operating system."""

FINDINGS_SHOWN: Final = 100
"""Findings of one file that are listed; the others are counted."""

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One call of the command line.

    Attributes:
        state: The state folder.
        verbose: Whether faults are shown with their traceback.
    """

    state: Path
    verbose: bool


def complain(error: ErrorDescription, *, findings: Iterable[Finding], as_json: bool) -> None:
    """Show an error: what, where, why, next step, and the findings it carries."""
    listed = tuple(one for one in findings if one.what != error.what)  # it may be the one itself
    documents = tuple(finding.to_json() for finding in listed)
    lines = () if as_json else finding_lines(listed)
    error = replace(error, findings=documents)
    failure.show_error("kanmon", error, as_json=as_json, lines=lines)


def finding_line(finding: Finding) -> str:
    """A finding in one line, in the language in use."""
    text = finding.line(translations(current()))
    return text if finding.level is Level.ERROR else tr("warning: {finding}", finding=text)


def finding_lines(findings: Sequence[Finding]) -> list[str]:
    """The first `FINDINGS_SHOWN` findings, one a line, and a line that counts the others."""
    lines = [finding_line(finding) for finding in findings[:FINDINGS_SHOWN]]
    more = len(findings) - FINDINGS_SHOWN
    return [*lines, _more(more)] if more > 0 else lines


def _more(number: int) -> str:
    return plural("{n} more finding is not shown.", "{n} more findings are not shown.", number)


def show_findings(findings: Sequence[Finding]) -> None:
    """Print findings on standard error, as `finding_lines` has them."""
    for line in finding_lines(findings):
        click.echo(plain_line(f"  {line}"), err=True)


def description(error: Exception) -> ErrorDescription | None:
    """An error that we know how to describe; ``None`` for an internal error."""
    if isinstance(error, ConfigError):
        first = error.findings[0] if len(error.findings) == 1 else None
        if first and first.location and not first.location.line:
            return ErrorDescription(  # there is no file to correct, or it cannot be read
                what=first.what, where=first.where, why=first.why, next=first.next
            )
        return ErrorDescription(
            what=control.UNUSABLE_CONFIGURATION(), next=control.CORRECT_FINDINGS()
        )
    if isinstance(error, MessageError):
        return failure.describe(error)
    if isinstance(error, OSError):
        return failure.describe_system(error, _STEPS, CHECK_PATH())
    return None


def system_failure(error: OSError, what: Message) -> failure.Failure:
    """The failure of a command whose work (``what``) the operating system refused."""
    told = failure.describe_system(error, _STEPS, CHECK_PATH(), what=what)
    return failure.Failure(told.what, where=told.where, why=told.why, next_step=told.next)


def command(body: Callable[P, int]) -> Callable[P, NoReturn]:
    """Make a function that returns an exit code a command's body; every error is shown here."""

    @wraps(body)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> NoReturn:
        as_json = bool(kwargs.get("as_json"))
        try:
            code = body(*args, **kwargs)
            sys.stdout.flush()
        except BrokenPipeError:
            silence()
            sys.exit(DONE)
        except (click.ClickException, ReaderGoneError):
            raise
        except Exception as error:  # shown below: a traceback is of no use on site
            if is_output_error(error):
                raise  # shown by `console.program`, as far as there is anything to write to
            described = description(error)
            if described is None:
                raise  # an internal error, shown there, too
            complain(described, findings=getattr(error, "findings", ()), as_json=as_json)
            sys.exit(FAILED)
        sys.exit(code)

    return wrapped


class Seconds(click.FloatRange):
    """A parameter in seconds, from 0.1 to 3600; ``nan`` is refused."""

    def __init__(self) -> None:
        super().__init__(0.1, 3600)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Convert as click does, and refuse ``nan``."""
        seconds = float(super().convert(value, param, ctx))
        if math.isnan(seconds):
            self.fail("not a number", param, ctx)  # `console.usage` words it
        return seconds


def described(message: Message) -> dict[str, Any]:
    """A message as `--json` shows it: its id as ``code``, the English text, the arguments."""
    return {"code": message.id, "message": str(message), "args": message.args_json()}


def message_json(value: Any) -> dict[str, Any] | None:
    """A message in a daemon's answer as `described` shows it.

    Args:
        value: As `console.text.Message.to_json` wrote it; ``None`` for none.
    """
    if value is None:
        return None
    return described(decode(value))


def message_words(value: Any) -> str:
    """A message in a daemon's answer, in the language in use; ``""`` for none."""
    return "" if value is None else said(decode(value))


json_option = click.option(
    "as_json", "--json", is_flag=True, help="Print one JSON value, for programs."
)

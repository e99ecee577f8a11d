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
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Final, NoReturn, ParamSpec, TypeVar

import click

from config.finding import ConfigError, Finding, Level
from console import failure
from console.failure import DONE, FAILED, PARTLY, USAGE
from console.language import current, tr, translate
from console.output import ReaderGoneError, is_output_error, plain, say, say_json, silence
from gateway.cli import words
from gateway.control.protocol import ControlError

__all__ = ["DONE", "FAILED", "PARTLY", "USAGE", "say", "say_json"]

_AS_OWNER: Final = "run the command as the user the gateway runs as, or with sudo"
_RESTRICT: Final = "let nobody but the user the gateway runs as, and root, write there or own it"
_CORRECT: Final = "correct what is listed, then run the command again"
_CHECK_SPOOL: Final = "look at the state folder's disk, and at who else uses it; then try again"
_CHECK_PATH: Final = "look at that path and its disk, then try again"
_CORRECT_PATH: Final = "correct the path, or name another state folder with --state"
_INSTALL_READABLE: Final = (
    "install kanmon where every account can read it, such as /opt/kanmon: the daemon needs it, too"
)
_STEPS: Final = {
    errno.ENOENT: _CORRECT_PATH,
    errno.ENOTDIR: _CORRECT_PATH,
    errno.EISDIR: _CORRECT_PATH,
    errno.EACCES: _AS_OWNER,
    errno.EPERM: _AS_OWNER,
    errno.ENOSPC: "free some space on that disk, then run the command again",
    errno.EROFS: "mount that disk writable, or name another state folder with --state",
}
"""What to do next about an error of the operating system."""

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


def complain(error: Mapping[str, Any], *, as_json: bool) -> None:
    """Show an error: what, where, why, next step, and the findings it carries."""
    lines = () if as_json else [_finding_line(f) for f in error.get("findings") or ()]
    shown = error if as_json else _in_words(error)
    failure.show_error("kanmon", shown, as_json=as_json, lines=lines)


def _in_words(error: Mapping[str, Any]) -> dict[str, Any]:
    """An error for a person: one with a code has its words in the catalogue of codes."""
    from provisioning.codes import CATALOGUE, Code

    if not error.get("code"):
        return dict(error)
    entry = CATALOGUE[Code(error["code"])]
    japanese = current() == "ja"
    return {
        "what": tr(words.ENROLL_FAILED, code=error["code"]),
        "where": error.get("where", ""),
        "why": entry.cause_ja if japanese else entry.cause_en,
        "next": entry.next_ja if japanese else entry.next_en,
    }


def _finding_line(finding: Mapping[str, Any]) -> str:
    from config.finding import SourceLocation

    place = finding.get("location")
    known = Finding(
        what=str(finding.get("what", "")),
        why=str(finding.get("why", "")),
        next=str(finding.get("next", "")),
        path=str(finding.get("path", "")),
        location=SourceLocation(**place) if place else None,
        level=Level.WARNING if finding.get("level") == Level.WARNING else Level.ERROR,
    )
    text = str(known) if current() == "en" else _in_japanese(known)
    return text if known.level is Level.ERROR else tr("warning: {finding}", finding=text)


def _in_japanese(finding: Finding) -> str:
    """A finding as Japanese is written: each part a sentence of its own."""
    where = ": ".join(part for part in (str(finding.location or ""), finding.path) if part)
    parts = (translate(part) for part in (finding.what, finding.why, finding.next) if part)
    said = "".join(part if part.endswith(("。", "？")) else f"{part}。" for part in parts)
    return f"{where}: {said}" if where else said


def show_findings(findings: Iterable[Finding]) -> None:
    """Print findings on standard error, one a line."""
    for finding in findings:
        click.echo(plain(f"  {_finding_line(finding.to_json())}"), err=True)


def refusal(error: Exception) -> dict[str, Any] | None:
    """An error that we know how to tell, as fields; ``None`` for a fault of our own."""
    from cloud_link.spool.model import SpoolError
    from gateway.configuration.loader import LoadError
    from gateway.install.machine import ServiceError
    from gateway.install.privileges import UnreadableProgramError, UntrustedPathError
    from provisioning.codes import CATALOGUE, CodedError
    from provisioning.identity import IdentityError

    if isinstance(error, ControlError):
        return error.to_json()
    if isinstance(error, ConfigError):
        what, step = "the configuration cannot be used", _CORRECT
        return {"what": what, "next": step, "findings": [f.to_json() for f in error.findings]}
    if isinstance(error, ServiceError):
        return {"what": error.what, "where": error.where, "why": error.why, "next": error.next}
    if isinstance(error, LoadError):
        what, step = "the configuration cannot be looked at", "look at memory and disk, try again"
        return {"what": what, "why": str(error), "next": step}
    if isinstance(error, IdentityError):
        return {"what": error.what, "where": str(error.where), "next": error.next}
    if isinstance(error, CodedError):
        entry, code = CATALOGUE[error.code], error.code.value
        what, why = words.ENROLL_FAILED.format(code=code), entry.cause_en
        fields = {"what": what, "where": error.detail, "why": why, "next": entry.next_en}
        return {"code": code, **fields}
    if isinstance(error, SpoolError):
        return {"what": "the spool cannot be used", "why": str(error), "next": _CHECK_SPOOL}
    if isinstance(error, UntrustedPathError):
        what, why = "root does not write here", str(error.strerror)
        return {"what": what, "where": str(error.filename), "why": why, "next": _RESTRICT}
    if isinstance(error, UnreadableProgramError):
        what, why = "the state folder's owner cannot run this program", str(error.strerror)
        return {"what": what, "where": str(error.filename), "why": why, "next": _INSTALL_READABLE}
    if isinstance(error, OSError):
        return failure.system_error_fields(error, _STEPS, _CHECK_PATH)
    return None


def command(body: Callable[P, int]) -> Callable[P, NoReturn]:
    """Make a function that returns an exit code a command's body; every error is told here."""

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
        except Exception as error:  # told below: a traceback helps nobody on site
            if is_output_error(error):
                raise  # told by `console.program`, as far as there is anything to write to
            fields = refusal(error)
            if fields is None:
                raise  # a fault of our own, told there, too
            complain(fields, as_json=as_json)
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
            self.fail(tr("{value} is no number", value=repr(value)), param, ctx)
        return seconds


json_option = click.option(
    "as_json", "--json", is_flag=True, help="Print one JSON value, for programs."
)

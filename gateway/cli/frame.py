"""What all commands share: exit codes, how errors are shown, where output goes.

Exit codes describe the command, never a device's condition::

    0 done   1 partly done   2 failed   3 wrong usage

An error never is a traceback: it says what, where, why and the next step, on standard error; with
``--json`` the same as one JSON object on standard output.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Final, NoReturn, ParamSpec, TypeVar

import click

from config.finding import ConfigError, Finding, Weight
from gateway.cli import words
from gateway.control_client import ControlError

DONE: Final = 0
PARTLY: Final = 1
FAILED: Final = 2
USAGE: Final = 3

_ELSEWHO: Final = "run the command as the user the gateway runs as, or with sudo"
_ALONE: Final = "let nobody but the user the gateway runs as, and root, write there or own it"
_STEPS: Final = {
    errno.EACCES: _ELSEWHO,
    errno.EPERM: _ELSEWHO,
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


def say(text: str) -> None:
    """Print a line of output; a reader that has gone away ends the command quietly."""
    click.echo(text)


def say_json(value: Any) -> None:
    """Print one JSON value, indented on a terminal."""
    indent = 2 if sys.stdout.isatty() else None
    say(json.dumps(value, ensure_ascii=False, indent=indent))


def complain(error: Mapping[str, Any], *, as_json: bool) -> None:
    """Show an error: what, where, why, next step, and the findings it carries."""
    if as_json:
        say_json({"error": dict(error)})
        return
    click.echo(f"kanmon: {error['what']}", err=True)
    for field in ("where", "why", "next"):
        if error.get(field):
            click.echo(f"  {field + ':':<7}{error[field]}", err=True)
    for finding in error.get("findings") or ():
        click.echo(f"  {_finding_line(finding)}", err=True)


def _finding_line(finding: Mapping[str, Any]) -> str:
    from config.finding import Place

    place = finding.get("place")
    known = Finding(
        what=str(finding.get("what", "")),
        why=str(finding.get("why", "")),
        next=str(finding.get("next", "")),
        path=str(finding.get("path", "")),
        place=Place(**place) if place else None,
        weight=Weight(finding.get("weight", Weight.ERROR)),
    )
    return str(known) if known.weight is Weight.ERROR else f"warning: {known}"


def show_findings(findings: Iterable[Finding]) -> None:
    """Print findings on standard error, one a line."""
    for finding in findings:
        click.echo(f"  {_finding_line(finding.to_json())}", err=True)


def refusal(error: Exception) -> dict[str, Any] | None:
    """An error that we know how to tell, as fields; ``None`` for a fault of our own."""
    from cloud_link.spool_values import SpoolError
    from gateway.loading import LoadingError
    from gateway.owner import NotOursError
    from provisioning.codes import CATALOGUE, CodedError
    from provisioning.identity import IdentityError

    if isinstance(error, ControlError):
        return error.to_json()
    if isinstance(error, ConfigError):
        what = "the configuration cannot be used"
        return {"what": what, "findings": [f.to_json() for f in error.findings]}
    if isinstance(error, LoadingError):
        what, step = "the configuration cannot be looked at", "look at memory and disk, try again"
        return {"what": what, "why": str(error), "next": step}
    if isinstance(error, IdentityError):
        return {"what": error.what, "where": str(error.where), "next": error.next}
    if isinstance(error, CodedError):
        entry, code = CATALOGUE[error.code], error.code.value
        what, why = words.ENROLL_FAILED.format(code=code), entry.cause_en
        told = {"what": what, "where": error.detail, "why": why, "next": entry.next_en}
        return {"code": code, **told}
    if isinstance(error, SpoolError):
        return {"what": str(error)}
    if isinstance(error, NotOursError):
        what, why = "root does not write here", str(error.strerror)
        return {"what": what, "where": str(error.filename), "why": why, "next": _ALONE}
    if isinstance(error, OSError):
        what = (error.strerror or str(error)).lower()
        step = _STEPS.get(error.errno or 0, "")
        return {"what": what, "where": str(error.filename or ""), "next": step}
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
            _quiet_stdout()
            sys.exit(DONE)
        except KeyboardInterrupt:
            click.echo(words.INTERRUPTED, err=True)
            sys.exit(FAILED)
        except click.ClickException:
            raise
        except Exception as error:  # told below: a traceback helps nobody on site
            told = refusal(error)
            session = click.get_current_context().find_object(Session)
            if told is None:
                if session and session.verbose:
                    raise
                why = f"{type(error).__name__}: {error}"
                told = {"what": words.FAULT, "why": why, "next": words.FAULT_NEXT}
            complain(told, as_json=as_json)
            sys.exit(FAILED)
        sys.exit(code)

    return wrapped


def _quiet_stdout() -> None:
    """Let the interpreter's last flush go nowhere: the reader is gone."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


json_option = click.option(
    "as_json", "--json", is_flag=True, help="Print one JSON value, for programs."
)
